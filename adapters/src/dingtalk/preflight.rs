//! Asking the platform with the stored credentials, without connecting (contract, `POST /channels/{id}/test`).

use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, MessageId};
use switchboard_ports::provider::{Check, CheckResult};
use tokio::time::Instant;

use super::api::Api;
use super::card::{FlowStatus, Stroke, set_status, stream, track_id};
use super::classify::{Failure, Verdict};
use super::http::CALL_TIMEOUT;
use super::platform::Platform;

/// Names a card that never exists.
const NO_CARD: &str = "preflight";

impl Platform {
    /// Whether we get a token, whether a stream could be opened, whether cards may be written.
    pub(super) async fn preflight(&self) -> Vec<Check> {
        let deadline = Instant::now() + CALL_TIMEOUT;
        // At the same time, so that all of it ends within one call's time.
        let (token, stream, cards) =
            tokio::join!(self.fetch_token(deadline), self.open_gateway(), self.check_cards(deadline));
        let mut checks = vec![
            check("token", token.map(|_token| ()), "the credentials are accepted"),
            check(
                "stream",
                stream.map(|_ticket| ()),
                "the gateway gives out a place to connect to; none was used",
            ),
        ];
        checks.extend(cards);
        checks
    }

    /// Writes to a card that does not exist: "no such card" means that writing is allowed, and changes nothing.
    /// Whether template and key fit, only a real card shows.
    async fn check_cards(&self, deadline: Instant) -> Option<Check> {
        let settings = &self.settings.card;
        if !settings.enabled {
            return None;
        }
        let card = track_id(&ChannelId::new(NO_CARD), &MessageId::new(NO_CARD));
        let bodies = [
            (Api::CardUpdate, set_status(settings, &card, FlowStatus::Inputing, "…")),
            (Api::CardStreaming, stream(settings, &card, 0, Stroke::Update, "…")),
        ];
        for (api, body) in &bodies {
            let refused = write_check(self.call(*api, body, deadline).await);
            if refused.is_some() {
                return refused;
            }
        }
        let message = "cards may be written; whether the template fits shows with the first card";
        Some(Check { name: "card", result: CheckResult::Ok, message: message.to_owned(), code: None })
    }
}

/// What the answer to a write to no card says; `None`: that writing is allowed.
fn write_check(answer: Result<Value, Failure>) -> Option<Check> {
    match answer {
        Ok(_) => None,
        Err(failure) => match failure.verdict {
            Verdict::CardMissing | Verdict::CardFinished | Verdict::CardExists => None,
            Verdict::Refused(ErrorCode::PermissionDenied | ErrorCode::QuotaExceeded) => {
                Some(check("card", Err(failure), ""))
            }
            Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::TokenRejected
            | Verdict::Refused(_)
            | Verdict::Unclear(_) => Some(untold(&failure.detail)),
        },
    }
}

fn check(name: &'static str, result: Result<(), Failure>, fine: &str) -> Check {
    match result {
        Ok(()) => Check { name, result: CheckResult::Ok, message: fine.to_owned(), code: None },
        Err(failure) => {
            let code = Some(failure.error_code());
            Check { name, result: CheckResult::Failed, message: failure.detail, code }
        }
    }
}

fn untold(why: &str) -> Check {
    let message = format!("whether cards may be written cannot be told: {why}");
    Check { name: "card", result: CheckResult::CannotBeTold, message, code: None }
}
