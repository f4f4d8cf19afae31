//! Our own sentences, as people read them: found in a text in either language.

use std::sync::LazyLock;

use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::{AgentFailureKind, Cut, FailureCause, Refusal};
use switchboard_domain::settings::Locale;

/// What a sentence of ours says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sentence {
    /// A message was not taken on.
    Refused(&'static str),
    /// A message could not be answered.
    Failed(&'static str),
    /// An answer was stopped.
    StopMark,
    /// An answer gave way to a newer message.
    InterruptMark,
    /// An answer ended with its channel.
    ChannelDeleted,
    /// The conversation started over.
    NewConversation,
    /// There was nothing to stop.
    NothingToStop,
    /// The agent itself ended its answer early.
    Cut,
}

const REFUSALS: [Refusal; 12] = [
    Refusal::TooManyMessages,
    Refusal::InboxFull,
    Refusal::Busy,
    Refusal::AccessDenied,
    Refusal::UserDisabled,
    Refusal::NotMapped,
    Refusal::Unsupported,
    Refusal::NoAgent,
    Refusal::ChannelDeleted,
    Refusal::NotFetched,
    Refusal::FilesTooLarge,
    Refusal::FilesDenied,
];

const CAUSES: [FailureCause; 6] = [
    FailureCause::CrashLoop,
    FailureCause::UserLookup,
    FailureCause::Stale,
    FailureCause::DeliveryRefused,
    FailureCause::DeliveryUnknown,
    FailureCause::CardAbandoned,
];

static SENTENCES: LazyLock<Vec<(String, Sentence)>> = LazyLock::new(|| {
    let refusals = REFUSALS.map(|refusal| (Notice::Refused(refusal), Sentence::Refused(refusal.as_str())));
    let causes = CAUSES.into_iter().chain(AgentFailureKind::ALL.map(FailureCause::Agent));
    let failures = causes.map(|cause| (Notice::Failed(cause), Sentence::Failed(cause.as_str())));
    let others = [
        (Notice::StopMark, Sentence::StopMark),
        (Notice::InterruptMark, Sentence::InterruptMark),
        (Notice::ChannelDeleted, Sentence::ChannelDeleted),
        (Notice::NewConversation, Sentence::NewConversation),
        (Notice::NothingToStop, Sentence::NothingToStop),
        (Notice::Cut(Cut::Length), Sentence::Cut),
        (Notice::Cut(Cut::Filter), Sentence::Cut),
    ];
    let all: Vec<_> = refusals.into_iter().chain(failures).chain(others).collect();
    let in_both = |(notice, sentence): (Notice, Sentence)| {
        [Locale::En, Locale::ZhCn].map(|locale| (notice.text(locale), sentence))
    };
    all.into_iter().flat_map(in_both).collect()
});

/// The sentences that a text contains.
pub fn sentences_of(text: &str) -> Vec<Sentence> {
    let found = SENTENCES.iter().filter(|(words, _)| text.contains(words.as_str()));
    found.map(|(_, sentence)| *sentence).collect()
}
