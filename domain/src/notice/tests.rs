//! Nothing is missing, nothing is left in the other language.

use std::collections::BTreeSet;
use std::time::Duration;

use rstest::rstest;

use super::{Listed, Notice, Several, StatusReport, remedy};
use crate::channel::ErrorCode;
use crate::command::COMMANDS;
use crate::outcome::{AgentFailureKind, Cut, FailureCause, Refusal};
use crate::settings::Locale;

const REFUSALS: [Refusal; 13] = [
    Refusal::TooManyMessages,
    Refusal::InboxFull,
    Refusal::Busy,
    Refusal::AccessDenied,
    Refusal::UserDisabled,
    Refusal::NotMapped,
    Refusal::NotLookedUp,
    Refusal::Unsupported,
    Refusal::NoAgent,
    Refusal::ChannelDeleted,
    Refusal::NotFetched,
    Refusal::FilesTooLarge,
    Refusal::FilesDenied,
];

fn report() -> StatusReport {
    StatusReport {
        agent: Some("helper".into()),
        model: None,
        session_age: Duration::from_hours(2),
        turns: 3,
        running: true,
        waiting: 2,
    }
}

fn listed(name: &str) -> Listed {
    let names = vec![name.into(), "o`dd *name*".into()];
    Listed { names, more: 3, now: Some(name.into()), default: Some(name.into()) }
}

fn several(name: &str, more: usize) -> Notice {
    Notice::Several(Several { command: "/agents", names: vec![name.into(), "o`dd".into()], more })
}

#[test]
fn whoever_means_one_of_several_is_told_which_there_are() {
    let expected = "Several begin so: `coder`, `o'dd` and 2 more. Send /agents with the whole name or the number of one.";
    assert_eq!(several("coder", 2).text(Locale::En), expected);
    assert!(!several("coder", 0).text(Locale::En).contains("more"));
    let expected = "有多个名称以此开头：`coder`、`o'dd` 等，另有 2 个。请发送 /agents 加完整名称或编号。";
    assert_eq!(several("coder", 2).text(Locale::ZhCn), expected);
}

#[test]
fn a_list_has_numbers_and_marks_and_says_how_to_switch() {
    let expected = "Agents:\n\n1. `coder` – answers now (default)\n2. `o'dd *name*`\n\n\
        … and 3 more, which have to be named.\n\n\
        Send /agents with a number or a name to switch, or /agents default for the usual one.";
    assert_eq!(Notice::Agents(listed("coder")).text(Locale::En), expected);
}

/// Else a name would be read as another one: `evil` for `live`.
#[test]
fn what_turns_or_breaks_a_name_is_shown_as_a_mark() {
    let turned = "a\u{202E}b\nc";
    let report = StatusReport { agent: Some(turned.into()), model: Some(turned.into()), ..report() };
    for notice in [
        Notice::Agents(listed(turned)),
        Notice::Models(listed(turned)),
        several(turned, 0),
        Notice::AgentChosen { name: turned.into() },
        Notice::ModelChosen { name: Some(turned.into()) },
        Notice::Status(report),
    ] {
        for locale in [Locale::En, Locale::ZhCn] {
            let text = notice.text(locale);
            assert!(text.contains("a\u{FFFD}b\u{FFFD}c") && !text.contains('\u{202E}'), "{text:?}");
        }
    }
}

/// Every sentence there is; the name of a tool at work is none.
fn all() -> Vec<Notice> {
    let mut notices = vec![
        Notice::Thinking,
        Notice::NewConversation,
        Notice::StopMark,
        Notice::InterruptMark,
        Notice::Cut(Cut::Length),
        Notice::Cut(Cut::Filter),
        Notice::NothingToStop,
        Notice::Stopped { withdrawn: 0 },
        Notice::Stopped { withdrawn: 1 },
        Notice::Stopped { withdrawn: 7 },
        Notice::Status(report()),
        Notice::Waiting { place: 1 },
        Notice::Waiting { place: 4 },
        Notice::WaitWithdrawn,
        Notice::AnsweredAbove,
        Notice::Help,
        Notice::Agents(listed("coder")),
        Notice::AgentChosen { name: "coder".into() },
        several("coder", 3),
        Notice::NoSuchAgent,
        Notice::NoModelAllowed,
        Notice::Models(listed("gpt")),
        Notice::ModelsUntold,
        Notice::ModelChosen { name: Some("gpt".into()) },
        Notice::ModelChosen { name: None },
        Notice::NoSuchModel,
        Notice::MayNotSwitch,
        Notice::Languages,
        Notice::LanguageChosen(Locale::En),
        Notice::LanguageChosen(Locale::ZhCn),
        Notice::LookupFailed,
        Notice::AnswerBelow,
        Notice::ContinuedBelow,
        Notice::GoesOn { chars: 3_456 },
        Notice::ShuttingDown,
        Notice::ChannelDeleted,
        Notice::ServerError,
        Notice::Late { age: core::time::Duration::from_hours(2) },
    ];
    notices.extend(REFUSALS.map(Notice::from));
    notices.extend(AgentFailureKind::ALL.map(Notice::from));
    notices.extend(
        [
            FailureCause::CrashLoop,
            FailureCause::UserLookup,
            FailureCause::Stale,
            FailureCause::DeliveryRefused,
            FailureCause::DeliveryUnknown,
            FailureCause::CardAbandoned,
        ]
        .map(Notice::from),
    );
    notices
}

fn is_chinese(text: &str) -> bool {
    text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
}

#[rstest]
#[case(Notice::Thinking, "Thinking...", "思考中...")]
#[case(
    Notice::NewConversation,
    "Started a new conversation. How can I help you?",
    "已开始新对话。有什么可以帮助您的？"
)]
fn the_contract_s_sentences_are_word_for_word(#[case] notice: Notice, #[case] en: &str, #[case] zh_cn: &str) {
    assert_eq!(notice.text(Locale::En), en);
    assert_eq!(notice.text(Locale::ZhCn), zh_cn);
}

#[test]
fn every_sentence_exists_in_both_languages_ends_properly_and_is_complete() {
    for notice in all() {
        let (en, zh_cn) = (notice.text(Locale::En), notice.text(Locale::ZhCn));
        assert!(en.ends_with(['.', '?']), "{en}");
        assert!(zh_cn.ends_with(['。', '？']) || notice == Notice::Thinking, "{zh_cn}");
        assert!(!is_chinese(&en), "{en}");
        assert!(is_chinese(&zh_cn), "{zh_cn}");
        for text in [en, zh_cn] {
            assert!(!text.contains(['{', '}']), "{text}");
            assert_eq!(text.trim(), text);
        }
    }
}

#[test]
fn no_two_sentences_are_the_same() {
    for locale in [Locale::En, Locale::ZhCn] {
        let texts: BTreeSet<_> = all().iter().map(|notice| notice.text(locale)).collect();
        assert_eq!(texts.len(), all().len());
    }
}

#[test]
fn every_refusal_and_failure_says_what_to_do() {
    for notice in all() {
        if let Notice::Refused(_) | Notice::Failed(_) = notice {
            assert!(notice.text(Locale::En).contains("Please"), "{notice:?}");
            assert!(notice.text(Locale::ZhCn).contains('请'), "{notice:?}");
        }
    }
}

#[test]
fn help_lists_every_command() {
    for locale in [Locale::En, Locale::ZhCn] {
        let text = Notice::Help.text(locale);
        for spec in COMMANDS {
            assert!(text.contains(spec.usage) && text.contains(spec.help(locale)));
        }
    }
}

#[test]
fn the_status_report_tells_agent_model_age_and_length() {
    assert_eq!(
        Notice::Status(report()).text(Locale::En),
        "- Agent: helper\n- Model: chosen by the agent\n- This conversation: 2 hours old, 3 answers\n- Now: an answer is being written, 2 messages waiting."
    );
    assert_eq!(
        Notice::Status(report()).text(Locale::ZhCn),
        "- 智能体：helper\n- 模型：由智能体决定\n- 当前对话：已持续 2 小时，共 3 次回答\n- 状态：正在生成回复，2 条消息等待中。"
    );
}

#[rstest]
#[case(0, "less than a minute")]
#[case(60, "1 minute")]
#[case(3599, "59 minutes")]
#[case(3600, "1 hour")]
#[case(86_400, "1 day")]
#[case(200_000, "2 days")]
fn ages_are_told_in_their_largest_unit(#[case] seconds: u64, #[case] words: &str) {
    let report = StatusReport { session_age: Duration::from_secs(seconds), ..report() };
    let text = Notice::Status(report).text(Locale::En);
    assert!(text.contains(&format!("{words} old")), "{text}");
}

#[test]
fn every_error_code_has_a_message_and_a_remedy_in_both_languages() {
    for code in ErrorCode::ALL {
        let (en, zh_cn) = (remedy(code, Locale::En), remedy(code, Locale::ZhCn));
        for text in [en.message, en.remedy] {
            assert!(text.ends_with('.') && !text.contains(['{', '}']), "{text}");
        }
        for text in [zh_cn.message, zh_cn.remedy] {
            assert!(text.ends_with('。') && is_chinese(text), "{text}");
        }
    }
}

#[test]
fn errors_that_need_somebody_say_where_in_the_console() {
    for code in ErrorCode::ALL.into_iter().filter(|code| code.needs_somebody()) {
        for locale in [Locale::En, Locale::ZhCn] {
            let text = remedy(code, locale).remedy;
            assert!(text.contains("console") || text.contains("钉钉开放平台"), "{text}");
        }
    }
}
