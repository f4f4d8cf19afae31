//! What the program says by itself, as it stands in the guides.

use std::fmt::Write as _;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::command::COMMANDS;
use switchboard_domain::notice::{Finding, Notice, Remedy, remedy};
use switchboard_domain::outcome::{AgentFailureKind, Cut, FailureCause, Refusal};
use switchboard_domain::settings::Locale;

/// Kind and name of every code that somebody may look up.
pub(crate) fn codes() -> Vec<(&'static str, String)> {
    let errors = ErrorCode::ALL.iter().map(|code| ("error", code.as_str().to_owned()));
    let failures = failures().into_iter().map(|cause| ("failure", cause.as_str().to_owned()));
    let refusals = refusals().into_iter().map(|refusal| ("refusal", name(refusal)));
    errors.chain(failures).chain(refusals).collect()
}

/// The text of a block, as Markdown; what nobody says is a mistake in the guide.
pub(crate) fn words(what: &str, locale: Locale) -> String {
    let said = match what.split_once(' ') {
        Some(("error", code)) => {
            ErrorCode::ALL.into_iter().find(|known| known.as_str() == code).map(|code| {
                let Remedy { message, remedy } = remedy(code, locale);
                format!("> **{message}**\n>\n> {remedy}\n")
            })
        }
        Some(("failure", cause)) => failures()
            .into_iter()
            .find(|known| known.as_str() == cause)
            .map(|cause| format!("> {}\n", Notice::Failed(cause).text(locale))),
        Some(("refusal", refusal)) => refusals()
            .into_iter()
            .find(|known| name(*known) == refusal)
            .map(|refusal| format!("> {}\n", Notice::Refused(refusal).text(locale))),
        None if what == "commands" => Some(commands(locale)),
        None if what == "notices" => Some(notices(locale)),
        None if what == "findings" => Some(findings(locale)),
        Some(_) | None => None,
    };
    said.unwrap_or_else(|| panic!("there are no words for `{what}`"))
}

fn commands(locale: Locale) -> String {
    let mut table = String::from(match locale {
        Locale::En => "| command | what it does |\n|---|---|\n",
        Locale::ZhCn => "| 命令 | 作用 |\n|---|---|\n",
    });
    for spec in &COMMANDS {
        // Writing into a string cannot fail.
        // Within a table a bar ends the cell, in code as well.
        let _ = write!(table, "| `{}`", spec.usage.replace('|', "\\|"));
        for name in spec.names.iter().skip(1) {
            let _ = write!(table, ", `{name}`");
        }
        let _ = writeln!(table, " | {} |", spec.help(locale));
    }
    table
}

fn notices(locale: Locale) -> String {
    let mut table = String::from(match locale {
        Locale::En => "| sentence |\n|---|\n",
        Locale::ZhCn => "| 提示语 |\n|---|\n",
    });
    let mut next = Some(Notice::Thinking);
    while let Some(notice) = next {
        let _ = writeln!(table, "| {} |", notice.text(locale));
        next = after_notice(&notice);
    }
    table
}

/// The notices whose sentence is always the same, one after the other. A new one does not compile until it is placed.
fn after_notice(notice: &Notice) -> Option<Notice> {
    match notice {
        Notice::Thinking => Some(Notice::NewConversation),
        Notice::NewConversation => Some(Notice::StopMark),
        Notice::StopMark => Some(Notice::InterruptMark),
        Notice::InterruptMark => Some(Notice::Cut(Cut::Length)),
        Notice::Cut(Cut::Length) => Some(Notice::Cut(Cut::Filter)),
        Notice::Cut(Cut::Filter) => Some(Notice::NothingToStop),
        Notice::NothingToStop => Some(Notice::Stopped { withdrawn: 0 }),
        Notice::Stopped { withdrawn: 0 } => Some(Notice::Stopped { withdrawn: 2 }),
        Notice::Stopped { .. } => Some(Notice::Waiting { place: 1 }),
        Notice::Waiting { place: 1 } => Some(Notice::Waiting { place: 2 }),
        Notice::Waiting { .. } => Some(Notice::WaitWithdrawn),
        Notice::WaitWithdrawn => Some(Notice::AnsweredAbove),
        Notice::AnsweredAbove => Some(Notice::AnswerBelow),
        Notice::AnswerBelow => Some(Notice::ContinuedBelow),
        Notice::ContinuedBelow => Some(Notice::ShuttingDown),
        Notice::ShuttingDown => Some(Notice::ChannelDeleted),
        Notice::ChannelDeleted => Some(Notice::NoSuchAgent),
        Notice::NoSuchAgent => Some(Notice::ModelsUntold),
        Notice::ModelsUntold => Some(Notice::NoModelAllowed),
        Notice::NoModelAllowed => Some(Notice::NoSuchModel),
        Notice::NoSuchModel => Some(Notice::MayNotSwitch),
        Notice::MayNotSwitch => Some(Notice::Languages),
        Notice::Languages => Some(Notice::LanguageChosen(Locale::En)),
        Notice::LanguageChosen(Locale::En) => Some(Notice::LanguageChosen(Locale::ZhCn)),
        Notice::LanguageChosen(Locale::ZhCn) => Some(Notice::LookupFailed),
        Notice::LookupFailed => Some(Notice::ServerError),
        // Those behind `ServerError` have blocks of their own, or tell of the moment.
        Notice::ServerError
        | Notice::UsingTool { .. }
        | Notice::GoesOn { .. }
        | Notice::Late { .. }
        | Notice::Status(_)
        | Notice::Help
        | Notice::Agents(_)
        | Notice::Several(_)
        | Notice::AgentChosen { .. }
        | Notice::Models(_)
        | Notice::ModelChosen { .. }
        | Notice::Refused(_)
        | Notice::Failed(_) => None,
    }
}

/// What the checks before connecting say, beside the words of error codes.
fn findings(locale: Locale) -> String {
    let mut table = String::from(match locale {
        Locale::En => "| message | remedy |\n|---|---|\n",
        Locale::ZhCn => "| 结果 | 处理方法 |\n|---|---|\n",
    });
    for finding in Finding::ALL.into_iter().filter(|finding| !matches!(finding, Finding::Error(_))) {
        let words = finding.words(locale);
        let _ = writeln!(table, "| {} | {} |", words.message, words.remedy.unwrap_or_default());
    }
    table
}

fn failures() -> Vec<FailureCause> {
    let mut causes: Vec<FailureCause> = AgentFailureKind::ALL.into_iter().map(FailureCause::Agent).collect();
    let mut next = Some(FailureCause::CrashLoop);
    while let Some(cause) = next {
        causes.push(cause);
        next = after_failure(cause);
    }
    causes
}

/// The causes beside the agent's, one after the other. A new one does not compile until it is placed.
fn after_failure(cause: FailureCause) -> Option<FailureCause> {
    match cause {
        FailureCause::CrashLoop => Some(FailureCause::UserLookup),
        FailureCause::UserLookup => Some(FailureCause::Stale),
        FailureCause::Stale => Some(FailureCause::DeliveryRefused),
        FailureCause::DeliveryRefused => Some(FailureCause::DeliveryUnknown),
        FailureCause::DeliveryUnknown => Some(FailureCause::CardAbandoned),
        FailureCause::CardAbandoned | FailureCause::Agent(_) => None,
    }
}

fn refusals() -> Vec<Refusal> {
    std::iter::successors(Some(Refusal::TooManyMessages), |refusal| after_refusal(*refusal)).collect()
}

/// The refusals, one after the other. A new one does not compile until it is placed.
fn after_refusal(refusal: Refusal) -> Option<Refusal> {
    match refusal {
        Refusal::TooManyMessages => Some(Refusal::InboxFull),
        Refusal::InboxFull => Some(Refusal::Busy),
        Refusal::Busy => Some(Refusal::AccessDenied),
        Refusal::AccessDenied => Some(Refusal::UserDisabled),
        Refusal::UserDisabled => Some(Refusal::NotMapped),
        Refusal::NotMapped => Some(Refusal::NotLookedUp),
        Refusal::NotLookedUp => Some(Refusal::Unsupported),
        Refusal::Unsupported => Some(Refusal::NotFetched),
        Refusal::NotFetched => Some(Refusal::FilesTooLarge),
        Refusal::FilesTooLarge => Some(Refusal::FilesDenied),
        Refusal::FilesDenied => Some(Refusal::NoAgent),
        Refusal::NoAgent => Some(Refusal::ChannelDeleted),
        Refusal::ChannelDeleted => None,
    }
}

/// A refusal's name in the guides: `TooManyMessages` is `too_many_messages`.
fn name(refusal: Refusal) -> String {
    let mut name = String::new();
    for character in format!("{refusal:?}").chars() {
        if character.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(character.to_lowercase());
    }
    name
}
