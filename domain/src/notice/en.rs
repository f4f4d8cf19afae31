//! Our sentences in English.

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::{Age, Listed, Notice, Several, StatusReport, help, shown};
use crate::outcome::{AgentFailureKind, Cut, FailureCause, Refusal};
use crate::settings::Locale;

pub(super) fn text(notice: &Notice) -> String {
    let text = match notice {
        Notice::Thinking => "Thinking...",
        Notice::UsingTool { name } => return format!("using tool {name}"),
        Notice::NewConversation => "Started a new conversation. How can I help you?",
        Notice::StopMark => "⏹ Stopped.",
        Notice::InterruptMark => "⏹ Stopped here, because a newer message came.",
        Notice::Cut(Cut::Length) => "✂️ Cut here by the agent's own length limit. Ask it to go on.",
        Notice::Cut(Cut::Filter) => "✂️ Cut here by the agent's content filter. Please ask in other words.",
        Notice::NothingToStop => "There is nothing to stop: no reply is running.",
        Notice::Stopped { withdrawn: 0 } => "Stopped.",
        Notice::Stopped { withdrawn: 1 } => "Stopped, and 1 waiting message was withdrawn.",
        Notice::Stopped { withdrawn } => {
            return format!("Stopped, and {withdrawn} waiting messages were withdrawn.");
        }
        Notice::Waiting { place: 0 | 1 } => "Your message waits and is answered next.",
        Notice::Waiting { place } => return format!("Your message waits at place {place} in line."),
        Notice::WaitWithdrawn => "This message was withdrawn before it was answered.",
        Notice::AnsweredAbove => "This message is answered together with the one above.",
        Notice::Status(report) => return status(report),
        Notice::Help => return help("Commands:", Locale::En),
        Notice::Agents(listed) => return list(listed, "Agents:", "/agents"),
        Notice::Several(found) => return several(found),
        Notice::AgentChosen { name } => {
            return format!("From the next answer on, {} answers.", shown(name));
        }
        Notice::NoSuchAgent => "There is no such agent here. Send /agents for the list.",
        Notice::Models(listed) => return list(listed, "Models:", "/models"),
        Notice::ModelsUntold => {
            "The agent does not tell its models right now. Send /models with the name of one, or try again later."
        }
        Notice::NoModelAllowed => {
            "None of the models that the agent tells may be chosen here. Please ask an administrator if you need one."
        }
        Notice::ModelChosen { name: Some(name) } => {
            return format!("From the next answer on, the model {} is asked.", shown(name));
        }
        Notice::ModelChosen { name: None } => "From the next answer on, the agent chooses its model.",
        Notice::NoSuchModel => "There is no such model here. Send /models for the list.",
        Notice::MayNotSwitch => {
            "You may not choose the agent or the model here. Please ask an administrator if you need another one."
        }
        Notice::Languages => "I speak English (send /lang en) and Chinese (send /lang zh).",
        Notice::LanguageChosen(Locale::En) => "I speak English from now on.",
        Notice::LanguageChosen(Locale::ZhCn) => "I speak Chinese from now on.",
        Notice::LookupFailed => "I could not look that up right now. Please try again in a few minutes.",
        Notice::Refused(refusal) => refused(*refusal),
        Notice::Failed(cause) => failed(*cause),
        Notice::AnswerBelow => "The answer follows as text below.",
        Notice::ContinuedBelow => "The rest of the answer follows as text below.",
        Notice::GoesOn { chars } => return format!("The answer goes on: {chars} characters so far."),
        Notice::ShuttingDown => "The service is restarting; this answer goes on right after.",
        Notice::ChannelDeleted => {
            "This bot was removed, so the answer ends here. Please ask an administrator for another one."
        }
        Notice::Late { age } => return format!("A late answer: your message is {} old.", span(*age)),
        Notice::ServerError => "Something went wrong on our side. Please try again in a few minutes.",
    };
    String::from(text)
}

const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooManyMessages => {
            "Too many messages are coming in. Please wait a minute and send it again."
        }
        Refusal::InboxFull => {
            "Too many messages are waiting here already. Please wait for the answers, or send /stop all to withdraw them."
        }
        Refusal::Busy => {
            "I am still answering the message before. Please wait for that answer, or send /stop to end it."
        }
        Refusal::AccessDenied => {
            "You are not allowed to use this bot here. Please ask an administrator for access."
        }
        Refusal::UserDisabled => "Your account is disabled. Please ask an administrator to enable it.",
        Refusal::NotMapped => {
            "I could not find an account for you. Please ask an administrator to set one up."
        }
        Refusal::NotLookedUp => {
            "Who you are could not be looked up right now, so nothing was done. Please try again in a few minutes."
        }
        Refusal::Unsupported => {
            "I cannot read this kind of message. Please send text, a picture, a voice message, a video or a file."
        }
        Refusal::NoAgent => "This bot has no agent yet. Please ask an administrator to choose one.",
        Refusal::ChannelDeleted => {
            "This bot was removed before it could answer. Please ask an administrator for another one."
        }
        Refusal::FilesTooLarge => {
            "What you sent is too large: a file may have up to 20 MB, the files of one message up to 32 MB together. Please send something smaller."
        }
        Refusal::FilesDenied => {
            "I may not fetch what you sent from where it is kept. Please send text instead, or ask an administrator to look into it."
        }
        Refusal::NotFetched => "What you sent could not be fetched from the chat. Please send it again.",
    }
}

const fn failed(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::Agent(kind) => agent(kind),
        FailureCause::CrashLoop => {
            "The service was interrupted several times while answering this. Please ask again in other words, or tell an administrator."
        }
        FailureCause::UserLookup => {
            "Your account could not be looked up right now. Please try again in a few minutes."
        }
        FailureCause::Stale => {
            "Your message waited too long to be answered now. Please send it again if it still matters."
        }
        FailureCause::DeliveryRefused => {
            "The answer could not be delivered to this chat. Please ask again, or tell an administrator."
        }
        FailureCause::DeliveryUnknown => {
            "A part of the answer may not have arrived. Please ask again if something is missing."
        }
        FailureCause::CardAbandoned => "The card with this answer could not be completed. Please ask again.",
    }
}

const fn agent(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => {
            "The agent cannot be reached right now. Please try again in a few minutes."
        }
        AgentFailureKind::FirstOutputTimeout => {
            "The agent did not begin to answer in time. Please try again."
        }
        AgentFailureKind::IdleTimeout => {
            "The agent fell silent in the middle of its answer. Please ask again."
        }
        AgentFailureKind::TurnTimeout => {
            "The answer took too long and was ended. Please ask for less at once."
        }
        AgentFailureKind::Unauthorized => "The agent refused our access key. Please tell an administrator.",
        AgentFailureKind::UnknownModel => {
            "The agent does not know the chosen model. Please tell an administrator."
        }
        AgentFailureKind::RateLimited => {
            "The agent has too many requests right now. Please try again in a minute."
        }
        AgentFailureKind::ServerError => {
            "The agent had an error of its own. Please try again in a few minutes."
        }
        AgentFailureKind::BadRequest => {
            "The agent did not accept this request. Please send /new and ask again, or tell an administrator."
        }
        AgentFailureKind::CutStream => {
            "The connection to the agent broke during the answer. Please ask again."
        }
        AgentFailureKind::Malformed => {
            "The agent's answer could not be read. Please ask again, and tell an administrator if it stays so."
        }
        AgentFailureKind::Empty => "The agent gave an empty answer. Please put your question in other words.",
        AgentFailureKind::TooLong => {
            "The answer became too long and was cut off. Please ask for a shorter one."
        }
        AgentFailureKind::Busy => {
            "The agent is still busy with an earlier question. Please ask again when it is done, or send /new."
        }
        AgentFailureKind::Misconfigured => {
            "The agent is not set up to answer yet. Please tell an administrator."
        }
        AgentFailureKind::UserNameRefused => {
            "The agent cannot take your user name. Please ask an administrator for one of letters, digits, - and _ only."
        }
        AgentFailureKind::Cancelled => "The answer was stopped on the agent's side. Please ask again.",
        AgentFailureKind::AttachmentRefused => {
            "The agent cannot work with the files sent. Please ask without them, or send them in another format."
        }
    }
}

fn list(listed: &Listed, title: &str, command: &str) -> String {
    let below =
        format!("Send {command} with a number or a name to switch, or {command} default for the usual one.");
    listed.text(title, " – answers now", " (default)", "… and {} more, which have to be named.", &below)
}

fn several(found: &Several) -> String {
    let (names, command) = (found.names(", "), found.command);
    let more = if found.more > 0 { format!(" and {} more", found.more) } else { String::new() };
    format!("Several begin so: {names}{more}. Send {command} with the whole name or the number of one.")
}

fn status(report: &StatusReport) -> String {
    let agent = shown(report.agent.as_deref().unwrap_or("none"));
    let model = shown(report.model.as_deref().unwrap_or("chosen by the agent"));
    let age = span(report.session_age);
    let turns = counted(u64::from(report.turns), "answer");
    let running = if report.running { "an answer is being written" } else { "nothing is running" };
    let waiting = match report.waiting {
        0 => String::new(),
        count => format!(", {} waiting", counted(u64::from(count), "message")),
    };
    format!(
        "- Agent: {agent}\n- Model: {model}\n- This conversation: {age} old, {turns}\n- Now: {running}{waiting}."
    )
}

fn span(age: Duration) -> String {
    match Age::of(age) {
        Age::Now => String::from("less than a minute"),
        Age::Minutes(count) => counted(count, "minute"),
        Age::Hours(count) => counted(count, "hour"),
        Age::Days(count) => counted(count, "day"),
    }
}

fn counted(count: u64, unit: &str) -> String {
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}
