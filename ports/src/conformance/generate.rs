//! Generators of stored values in every variant, for property tests and for the suites.

use std::time::Duration;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::choice::{Choices, ChosenModel, Lookup, Pick, Tongue};
use switchboard_domain::content::{Attachment, AttachmentKind};
use switchboard_domain::ids::{AgentId, Epoch, FencingToken, MessageId, RetryNumber, Seq, SessionNumber};
use switchboard_domain::inbox::{Again, Control, Entry, Intake, Origin};
use switchboard_domain::message::{Chat, ChatKind, Sender, SessionAddress, Target};
use switchboard_domain::outbound::{Format, Progress};
use switchboard_domain::outcome::{AgentFailureKind, FailureCause, Refusal};
use switchboard_domain::reply::{Trial, Tried};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::{Locale, TurnLimits};
use switchboard_domain::snapshot::{
    Attempts, ConversationSnapshot, KeptRun, Mark, Part, PartStatus, Pointer, ReplyId, ReplyRole,
    ReplySnapshot, ReplyStateSnapshot, Role, SessionSnapshot, TranscriptLine,
};
use switchboard_domain::time::Timestamp;

/// The largest number a store has to keep; times and counters stay below it for longer than anybody lives.
pub const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// `count` values, the same on every run.
pub fn values<S: Strategy>(strategy: &S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

/// Conversation states.
pub fn snapshots() -> impl Strategy<Value = ConversationSnapshot> {
    (sessions(), vec(replies(), 0..=4), vec(number().prop_map(Seq), 0..=8))
        .prop_map(|(session, replies, noted)| ConversationSnapshot { session, replies, noted })
}

/// Inbox entries.
pub fn entries() -> impl Strategy<Value = Entry> {
    (
        (number(), timestamps(), number(), text(), number()),
        (chats(), senders(), timestamps(), of(addresses()), intakes()),
    )
        .prop_map(
            |(
                (seq, accepted_at, fence, message, retry),
                (chat, sender, sent_at, session_address, intake),
            )| Entry {
                seq: Seq(seq),
                accepted_at,
                fence: FencingToken(fence),
                message: MessageId::new(message),
                retry: RetryNumber(retry),
                chat,
                sender,
                sent_at,
                session_address,
                intake,
            },
        )
}

/// What entries ask for.
pub fn intakes() -> impl Strategy<Value = Intake> {
    prop_oneof![
        (text(), vec(attachments(), 0..3), proptest::option::of("[a-z=]{1,9}"))
            .prop_map(|(text, attachments, quotes)| Intake::Ask { text, attachments, quotes }),
        (controls(), prop_oneof![Just(Origin::Chat), Just(Origin::Api)])
            .prop_map(|(control, origin)| Intake::Control { control, origin }),
        text().prop_map(|text| Intake::Deliver { text }),
        (text(), formats()).prop_map(|(text, format)| Intake::Send { text, format }),
        lookups().prop_map(Intake::Lookup),
        refusals().prop_map(Intake::Refused),
    ]
}

/// How texts are meant.
pub fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Markdown), Just(Format::Text)]
}

/// How far messages are.
pub fn progresses() -> impl Strategy<Value = Progress> {
    (vec(statuses(), 0..4), of(trials()), of(refusals())).prop_map(|(parts, last, refusal)| Progress {
        parts,
        last,
        refusal,
    })
}

/// What retries do.
pub fn agains() -> impl Strategy<Value = Again> {
    (chats(), senders(), timestamps(), of(addresses()), intakes()).prop_map(
        |(chat, sender, sent_at, session_address, intake)| Again {
            chat,
            sender,
            sent_at,
            session_address,
            intake,
        },
    )
}

/// Ways that were tried.
pub fn tried() -> impl Strategy<Value = Tried> {
    (of(trials()), of(trials()), of(trials())).prop_map(|(card, session_address, api)| Tried {
        card,
        session_address,
        api,
    })
}

fn trials() -> impl Strategy<Value = Trial> {
    prop_oneof![
        Just(Trial::UnderWay),
        Just(Trial::Done),
        Just(Trial::Missing),
        Just(Trial::Throttled),
        Just(Trial::NotSent),
        Just(Trial::Unknown),
        proptest::sample::select(ErrorCode::ALL.as_slice()).prop_map(Trial::Refused),
    ]
}

/// Files that came with messages.
pub fn attachments() -> impl Strategy<Value = Attachment> {
    let kinds = prop_oneof![
        Just(AttachmentKind::Picture),
        Just(AttachmentKind::Audio),
        Just(AttachmentKind::Video),
        Just(AttachmentKind::File),
    ];
    (kinds, text(), of(0_u64..10_000_000), text()).prop_map(|(kind, name, duration, source)| Attachment {
        kind,
        name,
        duration: duration.map(Duration::from_millis),
        source: Secret::new(source),
    })
}

/// Transcript lines.
pub fn lines() -> impl Strategy<Value = TranscriptLine> {
    let role = prop_oneof![Just(Role::User), Just(Role::Assistant)];
    let mark = prop_oneof![Just(Mark::Stopped), causes().prop_map(Mark::Failed)];
    (number(), number(), role, text(), timestamps(), of(mark)).prop_map(
        |(session, seq, role, text, at, mark)| TranscriptLine {
            session: SessionNumber(session),
            seq: Seq(seq),
            role,
            text,
            at,
            mark,
        },
    )
}

/// Causes of failures.
pub fn causes() -> impl Strategy<Value = FailureCause> {
    prop_oneof![
        proptest::sample::select(AgentFailureKind::ALL.as_slice()).prop_map(FailureCause::Agent),
        Just(FailureCause::CrashLoop),
        Just(FailureCause::UserLookup),
        Just(FailureCause::Stale),
        Just(FailureCause::DeliveryRefused),
        Just(FailureCause::DeliveryUnknown),
        Just(FailureCause::CardAbandoned),
    ]
}

/// Reasons to refuse.
pub fn refusals() -> impl Strategy<Value = Refusal> {
    prop_oneof![
        Just(Refusal::TooManyMessages),
        Just(Refusal::InboxFull),
        Just(Refusal::Busy),
        Just(Refusal::AccessDenied),
        Just(Refusal::UserDisabled),
        Just(Refusal::NotMapped),
        Just(Refusal::NotLookedUp),
        Just(Refusal::Unsupported),
        Just(Refusal::NoAgent),
        Just(Refusal::ChannelDeleted),
        Just(Refusal::NotFetched),
        Just(Refusal::FilesTooLarge),
        Just(Refusal::FilesDenied),
    ]
}

/// Texts as people write them: several scripts, line breaks, quotes, percent signs, nothing at all.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z ]{0,12}", "[你好，世界。？]{1,8}", "[\"'\\\\%_\n\t{}]{1,6}", "\\PC{0,8}",]
}

/// Points in time that stores keep.
pub fn timestamps() -> impl Strategy<Value = Timestamp> {
    number().prop_map(Timestamp::from_millis)
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..5, 0..=NUMBER_MAX]
}

fn controls() -> impl Strategy<Value = Control> {
    prop_oneof![
        Just(Control::New),
        any::<bool>().prop_map(|all| Control::Stop { all }),
        number().prop_map(|seq| Control::StopAnswer { seq: Seq(seq) }),
        Just(Control::Help),
        Just(Control::Withdraw),
    ]
}

fn chats() -> impl Strategy<Value = Chat> {
    let kind = prop_oneof![Just(ChatKind::Private), Just(ChatKind::Group)];
    (text(), kind, of(text())).prop_map(|(id, kind, title)| Chat { id, kind, title })
}

fn senders() -> impl Strategy<Value = Sender> {
    (of(text()), text(), text()).prop_map(|(im_user_id, opaque_id, name)| Sender {
        im_user_id,
        opaque_id,
        name,
    })
}

fn addresses() -> impl Strategy<Value = SessionAddress> {
    (text(), timestamps()).prop_map(|(url, until)| SessionAddress { url: Secret::new(url), until })
}

fn sessions() -> impl Strategy<Value = SessionSnapshot> {
    let attempts = (number(), any::<u32>(), any::<bool>()).prop_map(|(seq, count, graceful)| Attempts {
        seq: Seq(seq),
        count,
        graceful,
    });
    let run = (number(), 0..10_u64, text(), of(text()), of(limits())).prop_map(
        |(seq, more, handle, continuation, limits)| KeptRun {
            seq: Seq(seq),
            through: Seq(seq.saturating_add(more)),
            handle,
            continuation,
            limits,
        },
    );
    (
        (number(), number(), timestamps(), timestamps(), any::<u32>()),
        (choices(), of(text()), of(attempts), of(run)),
    )
        .prop_map(
            |(
                (session, epoch, started_at, last_activity_at, turns),
                (choices, continuation, attempts, run),
            )| {
                SessionSnapshot {
                    number: SessionNumber(session),
                    epoch: Epoch(epoch),
                    started_at,
                    last_activity_at,
                    turns,
                    choices,
                    continuation,
                    attempts,
                    run: run.map(Box::new),
                }
            },
        )
}

fn choices() -> impl Strategy<Value = Choices> {
    let model = (text(), text()).prop_map(|(agent, name)| ChosenModel { agent: AgentId::new(agent), name });
    (of(text()), of(model), of(locales())).prop_map(|(agent, model, locale)| Choices {
        agent: agent.map(AgentId::new),
        model,
        locale,
    })
}

fn locales() -> impl Strategy<Value = Locale> {
    prop_oneof![Just(Locale::En), Just(Locale::ZhCn)]
}

fn lookups() -> impl Strategy<Value = Lookup> {
    let picks = || {
        prop_oneof![
            Just(Pick::List),
            any::<u32>().prop_map(Pick::Number),
            text().prop_map(Pick::Name),
            Just(Pick::Default),
        ]
    };
    let tongues = prop_oneof![Just(Tongue::List), locales().prop_map(Tongue::Speak), Just(Tongue::Default)];
    prop_oneof![
        Just(Lookup::Status),
        picks().prop_map(Lookup::Agents),
        picks().prop_map(Lookup::Models),
        tongues.prop_map(Lookup::Language),
    ]
}

fn limits() -> impl Strategy<Value = TurnLimits> {
    let span = || any::<u32>().prop_map(|millis| Duration::from_millis(u64::from(millis)));
    (span(), span(), span(), any::<u32>()).prop_map(|(first_output, idle, turn, chars)| TurnLimits {
        first_output_timeout: first_output,
        idle_timeout: idle,
        turn_timeout: turn,
        output_chars_max: chars as usize,
    })
}

fn replies() -> impl Strategy<Value = ReplySnapshot> {
    let role = prop_oneof![Just(ReplyRole::Answer), Just(ReplyRole::Notice), Just(ReplyRole::Message)];
    let target = (chats(), of(text()), of(addresses()))
        .prop_map(|(chat, im_user_id, session_address)| Target { chat, im_user_id, session_address });
    let names = (number(), role, text(), number());
    (names, target, any::<u32>(), timestamps(), (tried(), formats()), reply_states()).prop_map(
        |((seq, role, message, retry), target, attempt, ended_at, (tried, format), state)| ReplySnapshot {
            id: ReplyId { seq: Seq(seq), role },
            message: MessageId::new(message),
            retry: RetryNumber(retry),
            target,
            attempt,
            ended_at,
            format,
            tried,
            state,
        },
    )
}

fn reply_states() -> impl Strategy<Value = ReplyStateSnapshot> {
    let finishing = (text(), vec(text(), 0..3), any::<bool>(), any::<bool>()).prop_map(
        |(text, rest, failed, uncertain)| ReplyStateSnapshot::Finishing { text, rest, failed, uncertain },
    );
    let pointer = (text(), any::<u32>()).prop_map(|(text, covers)| Pointer { text, covers });
    let plain = (vec(parts(), 0..4), of(pointer))
        .prop_map(|(parts, pointer)| ReplyStateSnapshot::Plain { parts, pointer });
    prop_oneof![finishing, plain]
}

fn parts() -> impl Strategy<Value = Part> {
    (text(), statuses()).prop_map(|(text, status)| Part { text, status })
}

fn statuses() -> impl Strategy<Value = PartStatus> {
    prop_oneof![
        Just(PartStatus::Pending),
        Just(PartStatus::Attempting),
        Just(PartStatus::Sent),
        Just(PartStatus::Refused),
        Just(PartStatus::Unknown),
    ]
}
