//! What administrators read about a failure: what happened, and what to do about it.
//!
//! People in a chat are told something else (`en.rs`, `zh_cn.rs`): they can change no settings. Settings are named as the
//! panel's forms do, with the API's name in brackets.

mod zh_cn;

use super::remedy::Remedy;
use crate::outcome::{AgentFailureKind, FailureCause};
use crate::settings::Locale;

/// The words for a failure.
#[must_use]
pub const fn failure(cause: FailureCause, locale: Locale) -> Remedy {
    match locale {
        Locale::En => en(cause),
        Locale::ZhCn => zh_cn::zh_cn(cause),
    }
}

const fn said(message: &'static str, remedy: &'static str) -> Remedy {
    Remedy { message, remedy }
}

const fn en(cause: FailureCause) -> Remedy {
    match cause {
        FailureCause::Agent(kind) => said(agent(kind), agent_remedy(kind)),
        FailureCause::CrashLoop => said(
            "The server was interrupted several times while it answered this message.",
            "Look into the server's log for what ended it (a crash, too little memory) and mend that, then retry.",
        ),
        FailureCause::UserLookup => said(
            "Who wrote the message could not be looked up.",
            "Check that the store and the directories of the channel (user_mapping.directories) can be reached, then retry.",
        ),
        FailureCause::Stale => said(
            "The message was too old when its turn came, and the channel does not answer such messages.",
            "Retry it if it still matters; \"A stale message\" (conversation.stale) and \"A message is stale after\" (conversation.stale_after_minutes) in the channel's settings say what becomes of old ones.",
        ),
        FailureCause::DeliveryRefused => said(
            "The platform refused every way of showing the answer.",
            "The code of each way that was tried says why, and the channel's check (Check) says what to change; mend that, then retry.",
        ),
        FailureCause::DeliveryUnknown => said(
            "A part of the answer was on its way when the connection or the server broke off, and may not have arrived.",
            "Look into the chat, and retry only what is missing there: otherwise it may stand there twice.",
        ),
        FailureCause::CardAbandoned => said(
            "The card with the answer could not be completed within an hour.",
            "Check the channel (Check), mend what it names, then retry: the answer gets a new card.",
        ),
    }
}

const fn agent(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => "The agent cannot be reached.",
        AgentFailureKind::FirstOutputTimeout => "The agent did not begin to answer in time.",
        AgentFailureKind::IdleTimeout => "The agent fell silent in the middle of its answer.",
        AgentFailureKind::TurnTimeout => "The agent's whole answer took too long.",
        AgentFailureKind::Unauthorized => "The agent refuses the key.",
        AgentFailureKind::UnknownModel => "The agent does not know the model.",
        AgentFailureKind::RateLimited => "The agent gets more requests than it allows.",
        AgentFailureKind::ServerError => "The agent has an error of its own.",
        AgentFailureKind::BadRequest => "The agent does not accept the request.",
        AgentFailureKind::CutStream => "The connection to the agent broke during the answer.",
        AgentFailureKind::Malformed => "The agent's answer is not what its kind of agent promises.",
        AgentFailureKind::Empty => "The agent's answer ended without any text.",
        AgentFailureKind::TooLong => "The agent's answer was longer than allowed and was cut off.",
        AgentFailureKind::Busy => "The agent is still busy with an earlier question of the conversation.",
        AgentFailureKind::Misconfigured => "The agent is not set up to answer.",
        AgentFailureKind::UserNameRefused => "The agent does not take the user's name.",
        AgentFailureKind::Cancelled => "The answer was stopped on the agent's side.",
        AgentFailureKind::AttachmentRefused => {
            "The agent does not take the files that came with the question."
        }
    }
}

const fn agent_remedy(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => {
            "Check that the agent is running, that its base address (base_url) is right, and that this server reaches it there (DNS, firewall, proxy, certificate); the agent's test shows the exact error."
        }
        AgentFailureKind::FirstOutputTimeout => {
            "Check that the agent is well and not overloaded; if it needs longer, raise \"Until the first output\" (first_output_timeout_ms) in its settings."
        }
        AgentFailureKind::IdleTimeout => {
            "Check that the agent is well and that no proxy in between holds its words back; if it pauses for longer, raise \"From one output to the next\" (idle_timeout_ms) in its settings."
        }
        AgentFailureKind::TurnTimeout => {
            "Check that the agent is well and not overloaded; if its answers take longer, raise \"A whole answer\" (turn_timeout_ms) in its settings. A test waits for 30 seconds at most."
        }
        AgentFailureKind::Unauthorized => {
            "Put a valid API key (api_key) into the agent's settings, and check that its base address (base_url) is that of the service which gave the key."
        }
        AgentFailureKind::UnknownModel => {
            "Correct the model or team (model) in the agent's settings, or the model of the channel (default_model): the agent's service says which there are."
        }
        AgentFailureKind::RateLimited => {
            "Wait a minute, then try again; if it comes back, ask whoever runs the agent for a higher limit."
        }
        AgentFailureKind::ServerError => {
            "Look into the agent's own log, or tell whoever runs it; the agent's test shows whether it is over."
        }
        AgentFailureKind::BadRequest => {
            "Check the base address (base_url), the model or team (model) and what is added to requests (headers, extra_body) in the agent's settings; the agent's test shows the exact error."
        }
        AgentFailureKind::CutStream => {
            "Check the network and the proxies between this server and the agent, and whether the agent was restarted or crashed."
        }
        AgentFailureKind::Malformed => {
            "Check that the agent is of the kind (kind) that its service speaks, and that its base address (base_url) is that of an API and not of a page."
        }
        AgentFailureKind::Empty => {
            "Ask in other words; if it comes back, check the model (model) and the instructions (system_prompt) in the agent's settings."
        }
        AgentFailureKind::TooLong => {
            "Ask for a shorter answer, or raise \"Longest answer\" (max_output_chars) in the agent's settings."
        }
        AgentFailureKind::Busy => {
            "Wait until it is done and retry, or send /new in the chat to begin another conversation."
        }
        AgentFailureKind::Misconfigured => {
            "Check the agent's settings here, and in the agent's own system what it needs to answer; the agent's test shows the exact error."
        }
        AgentFailureKind::UserNameRefused => {
            "Give the user a username (username) of letters, digits, - and _ only, then retry."
        }
        AgentFailureKind::Cancelled => "Nothing has to be done here; retry if the answer is still wanted.",
        AgentFailureKind::AttachmentRefused => {
            "Send the question without the files or with other formats, or choose an agent whose model takes them."
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::failure;
    use crate::outcome::FailureCause;
    use crate::settings::Locale;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
    }

    #[test]
    fn every_failure_has_words_and_a_remedy_of_its_own_in_both_languages() {
        let causes: Vec<_> = FailureCause::all().collect();
        for (at, cause) in causes.iter().enumerate() {
            let (en, zh_cn) = (failure(*cause, Locale::En), failure(*cause, Locale::ZhCn));
            for text in [en.message, en.remedy] {
                assert!(text.ends_with('.') && !is_chinese(text), "{text}");
            }
            for text in [zh_cn.message, zh_cn.remedy] {
                assert!(text.ends_with('。') && is_chinese(text), "{text}");
            }
            for other in causes.iter().skip(at + 1) {
                for (locale, words) in [(Locale::En, en), (Locale::ZhCn, zh_cn)] {
                    let other = failure(*other, locale);
                    assert!(other.message != words.message && other.remedy != words.remedy, "{words:?}");
                }
            }
        }
    }
}
