//! Asking the platform with the stored credentials, without connecting (contract, `POST /channels/{id}/test`).
//!
//! Every call is chosen so that nobody sees anything of it. At most seven are made, of which four count against the monthly
//! quota: one message to nobody, one card (two calls), one file that does not exist; two tokens and one ticket are free.
//! They are made at the same time and end within one call's time.

use serde_json::json;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::Finding;
use switchboard_ports::provider::{Check, CheckResult};
use tokio::time::Instant;

use super::api::Api;
use super::card::{Flow, Stroke, draft, draft_id, stream};
use super::classify::{Failure, Verdict};
use super::http::CALL_TIMEOUT;
use super::platform::Platform;

/// A file that nobody ever sent.
const NO_FILE: &str = "switchboard-preflight";

/// The whole text of the card that nobody sees.
const CARD_TEXT: &str = "ok";

/// The platform's answer when our address is not on the app's list (dingtalk §5.3).
const ADDRESS_CODES: [&str; 2] = ["Forbidden.AccessDenied.IpNotInWhiteList", "60020"];

/// The platform's answer when the app lacks a permission (dingtalk §5.3).
const PERMISSION_CODES: [&str; 2] = ["Forbidden.AccessDenied.AccessTokenPermissionDenied", "60011"];

/// What came of one call.
type Asked = Result<(), Failure>;

/// What a check made of it.
type Found = (CheckResult, Finding);

impl Platform {
    /// All checks, in the order in which somebody would mend what they name.
    pub(super) async fn preflight(&self) -> Vec<Check> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        let (token, stream, robot, card, file) = tokio::join!(
            self.fetch_token(deadline),
            self.open_gateway(),
            self.send_to_nobody(deadline),
            self.make_a_card(deadline),
            self.fetch_no_file(deadline),
        );
        let (token, stream) = (token.map(drop), stream.map(drop));
        let asked = [Some(&robot), card.as_ref().map(|(_, asked)| asked), Some(&file)];
        let (addresses, quota) = (addresses(&token, &stream, &asked), quota(&token, &stream, &asked));
        let mut checks = vec![
            line("token", &token, judge_token(&token)),
            line("stream", &stream, judge_stream(&stream)),
            line("robot", &robot, judge_robot(&robot)),
        ];
        match &card {
            None => checks.push(told("card", CheckResult::Ok, Finding::CardsOff)),
            Some((step, asked)) => checks.push(line("card", asked, self.judge_card(*step, asked))),
        }
        if self.settings.card.stop.is_some() {
            checks.push(told("card_callback", CheckResult::CannotBeTold, Finding::ButtonUntold));
        }
        checks.push(line("media", &file, judge_file(&file)));
        checks.extend([addresses, quota]);
        checks
    }

    /// A message to an empty list of people: the platform looks at the permission and the robot, then finds nobody to
    /// send to (dingtalk §4.4, `invalidParameter.userIds.empty`). An invented person could exist; nobody cannot.
    async fn send_to_nobody(&self, deadline: Instant) -> Asked {
        let body = json!({
            "robotCode": self.settings.client_id,
            "userIds": [],
            "msgKey": "sampleText",
            "msgParam": r#"{"content":"…"}"#,
        });
        self.call(Api::PrivateSend, &body, deadline).await.map(drop)
    }

    /// A code that stands for no file: "no such code" means that codes may be used (dingtalk §7.1).
    async fn fetch_no_file(&self, deadline: Instant) -> Asked {
        let body = json!({"downloadCode": NO_FILE, "robotCode": self.settings.client_id});
        self.call(Api::FileDownload, &body, deadline).await.map(drop)
    }

    /// Makes a card, shows it nowhere, streams its whole text and finishes it. `None` where the channel shows no cards.
    async fn make_a_card(&self, deadline: Instant) -> Option<(Step, Asked)> {
        let settings = &self.settings.card;
        if !settings.enabled {
            return None;
        }
        let card = draft_id(&self.settings.client_id, self.clock.now());
        let made = self.call(Api::CardDraft, &draft(settings, &card, CARD_TEXT), deadline).await;
        if let Err(failure) = made
            && failure.verdict != Verdict::CardExists
        {
            return Some((Step::Make, Err(failure)));
        }
        // The finishing call alone needs the same permission and the same variable as those before it.
        let body = stream(settings, &card, 0, Stroke::Finish, CARD_TEXT);
        Some((Step::Stream, self.call(Api::CardStreaming, &body, deadline).await.map(drop)))
    }

    fn judge_card(&self, step: Step, asked: &Asked) -> Found {
        let Err(failure) = asked else {
            return (CheckResult::Ok, Finding::CardsWork);
        };
        if lacks_permission(failure) {
            return match step {
                Step::Make => (CheckResult::Failed, Finding::CardPermissionMissing),
                Step::Stream => (CheckResult::Failed, Finding::StreamingPermissionMissing),
            };
        }
        match (step, failure.code()) {
            (Step::Make, "param.templateNotExist") => (CheckResult::Failed, Finding::TemplateMissing),
            (Step::Make, "param.templateUnpublished") => (CheckResult::Failed, Finding::TemplateUnpublished),
            // Wrong key, or one that cannot stream (dingtalk §6.8); the public template's is not the operator's.
            (Step::Stream, "unknownError") if self.settings.card.flow() == Flow::Streaming => {
                (CheckResult::Failed, Finding::KeyNotStreamed)
            }
            (Step::Make | Step::Stream, _) => untold(failure),
        }
    }
}

/// How far the card came.
#[derive(Clone, Copy)]
enum Step {
    Make,
    Stream,
}

fn judge_token(asked: &Asked) -> Found {
    match asked {
        Ok(()) => (CheckResult::Ok, Finding::CredentialsAccepted),
        // Without a token nothing works, whatever kept it from coming: a platform that is away is no good news either. What
        // another check names fails there, with what to do about it.
        Err(failure) => by_credentials(failure).unwrap_or_else(|| match untold(failure) {
            (_, Finding::Untold) => (CheckResult::Failed, Finding::Untold),
            named => named,
        }),
    }
}

/// The gateway's answers are few: what is no matter of credentials, address, quota or network is the app's state
/// (dingtalk §1.3). `systemError` is both that and an error of the gateway's own.
fn judge_stream(asked: &Asked) -> Found {
    let Err(failure) = asked else {
        return (CheckResult::Ok, Finding::StreamOffered);
    };
    if let Some(found) = by_credentials(failure) {
        return found;
    }
    match failure.verdict {
        Verdict::Refused(ErrorCode::QuotaExceeded) => untold(failure),
        Verdict::Refused(_) if !lacks_address(failure) => (CheckResult::Failed, Finding::StreamRefused),
        Verdict::Unclear(_) if failure.code() == "systemError" => {
            (CheckResult::CannotBeTold, Finding::StreamRefused)
        }
        Verdict::Refused(_)
        | Verdict::Unclear(_)
        | Verdict::NotSent
        | Verdict::Throttled { .. }
        | Verdict::TokenRejected
        | Verdict::CardMissing
        | Verdict::CardExists
        | Verdict::CardFinished => untold(failure),
    }
}

/// A call that carries the credentials itself.
fn by_credentials(failure: &Failure) -> Option<Found> {
    match failure.verdict {
        Verdict::Refused(ErrorCode::InvalidCredentials) | Verdict::TokenRejected | Verdict::NotSent => {
            Some((CheckResult::Failed, Finding::Error(failure.error_code())))
        }
        Verdict::Refused(_)
        | Verdict::Unclear(_)
        | Verdict::Throttled { .. }
        | Verdict::CardMissing
        | Verdict::CardExists
        | Verdict::CardFinished => None,
    }
}

fn judge_robot(asked: &Asked) -> Found {
    let Err(failure) = asked else {
        return (CheckResult::Ok, Finding::RobotMaySend);
    };
    if lacks_permission(failure) {
        return (CheckResult::Failed, Finding::SendPermissionMissing);
    }
    let code = failure.code();
    if code.starts_with("invalidParameter.userIds") || code == "invalidParameter.param.invalid" {
        return (CheckResult::Ok, Finding::RobotMaySend);
    }
    let no_robot = ["resource.not.found", "bot.stopped", "chatbotId.notAllow.sendOTO"];
    if code.starts_with("invalidParameter.robotCode") || no_robot.contains(&code) {
        return (CheckResult::Failed, Finding::RobotMissing);
    }
    untold(failure)
}

fn judge_file(asked: &Asked) -> Found {
    let Err(failure) = asked else {
        return (CheckResult::Ok, Finding::FilesMayBeFetched);
    };
    if lacks_permission(failure) {
        return (CheckResult::Failed, Finding::FilePermissionMissing);
    }
    // "Wrong code", or "a code of another robot" (dingtalk §7.1).
    if ["invalidParameter.robotCode.downloadCode", "invalidParameter.robotCode.auth"]
        .contains(&failure.code())
    {
        return (CheckResult::Ok, Finding::FilesMayBeFetched);
    }
    untold(failure)
}

/// An answer that says nothing about what was asked: something that another check names, or nothing clear.
fn untold(failure: &Failure) -> Found {
    (CheckResult::CannotBeTold, if is_elsewhere(failure) { Finding::SeeOtherChecks } else { Finding::Untold })
}

/// Whether a check that has nothing to do with what was asked names this.
fn is_elsewhere(failure: &Failure) -> bool {
    lacks_address(failure)
        || failure.is_ban()
        || match failure.verdict {
            Verdict::NotSent
            | Verdict::TokenRejected
            | Verdict::Refused(ErrorCode::InvalidCredentials | ErrorCode::QuotaExceeded) => true,
            Verdict::Throttled { .. }
            | Verdict::Refused(_)
            | Verdict::CardMissing
            | Verdict::CardExists
            | Verdict::CardFinished
            | Verdict::Unclear(_) => false,
        }
}

/// The first call that failed like this.
fn failed<'a>(
    token: &'a Asked,
    stream: &'a Asked,
    asked: &[Option<&'a Asked>],
    like: impl Fn(&Failure) -> bool,
) -> Option<&'a Failure> {
    let all = [token, stream].into_iter().chain(asked.iter().copied().flatten());
    all.into_iter().filter_map(|asked| asked.as_ref().err()).find(|failure| like(failure))
}

fn addresses(token: &Asked, stream: &Asked, asked: &[Option<&Asked>]) -> Check {
    if let Some(refused) = failed(token, stream, asked, lacks_address) {
        return found("ip_list", (CheckResult::Failed, Finding::AddressRefused), refused);
    }
    match failed(token, stream, asked, Failure::is_ban) {
        Some(ban) => found("ip_list", (CheckResult::Failed, Finding::AddressBanned), ban),
        None => let_through("ip_list", asked, Finding::AddressAllowed),
    }
}

fn quota(token: &Asked, stream: &Asked, asked: &[Option<&Asked>]) -> Check {
    let used_up = Verdict::Refused(ErrorCode::QuotaExceeded);
    match failed(token, stream, asked, |failure| failure.verdict == used_up) {
        Some(failure) => {
            let found_out = (CheckResult::Failed, Finding::Error(ErrorCode::QuotaExceeded));
            found("quota", found_out, failure)
        }
        None if failed(token, stream, asked, Failure::is_ban).is_some() => {
            told("quota", CheckResult::CannotBeTold, Finding::SeeOtherChecks)
        }
        None => let_through("quota", asked, Finding::QuotaLeft),
    }
}

/// Fine where at least one authorised call reached its API, whatever that then said of what was asked.
fn let_through(name: &'static str, asked: &[Option<&Asked>], fine: Finding) -> Check {
    let is_through = |asked: &&Asked| match asked {
        Ok(()) => true,
        Err(failure) => match failure.verdict {
            Verdict::Refused(ErrorCode::Misconfigured) => !failure.code().starts_with("status "),
            Verdict::CardMissing | Verdict::CardExists | Verdict::CardFinished => true,
            Verdict::Refused(_)
            | Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::TokenRejected
            | Verdict::Unclear(_) => false,
        },
    };
    let is_named = |asked: &Asked| {
        asked.as_ref().is_err_and(|failure| is_elsewhere(failure) || lacks_permission(failure))
    };
    let mut calls = asked.iter().copied().flatten();
    if calls.clone().any(|asked| is_through(&asked)) {
        told(name, CheckResult::Ok, fine)
    } else if calls.all(is_named) {
        told(name, CheckResult::CannotBeTold, Finding::SeeOtherChecks)
    } else {
        told(name, CheckResult::CannotBeTold, Finding::Untold)
    }
}

fn lacks_address(failure: &Failure) -> bool {
    ADDRESS_CODES.contains(&failure.code())
}

fn lacks_permission(failure: &Failure) -> bool {
    PERMISSION_CODES.contains(&failure.code())
}

fn line(name: &'static str, asked: &Asked, found_out: Found) -> Check {
    match asked {
        // The platform's words for "you asked for nobody" would look like a mistake beside "ok".
        Err(failure) if found_out.0 != CheckResult::Ok => found(name, found_out, failure),
        Ok(()) | Err(_) => told(name, found_out.0, found_out.1),
    }
}

fn found(name: &'static str, (result, finding): Found, failure: &Failure) -> Check {
    Check { name, result, finding, detail: failure.detail.clone() }
}

fn told(name: &'static str, result: CheckResult, finding: Finding) -> Check {
    Check { name, result, finding, detail: String::new() }
}
