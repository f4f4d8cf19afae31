//! Alerts by webhook: one `POST` of JSON for each, signed where there is a key.
//!
//! The body is `{"event","at","channel":{"id","name","type"},"since","last_error":{"code","message","remedy"} or null,
//! "replica"}`, and where a quota runs out `"quota":{"month","api_calls","calls_per_month","forecast","message","remedy"}` in it; with
//! a key come `X-Switchboard-Timestamp` and `X-Switchboard-Signature`, as for directories over HTTP. Any answer of 200 to 299
//! counts as told.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::{Value, json};
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::alerts::{Alert, AlertError, AlertSink};
use switchboard_ports::clock::Clock;
use tokio::time::timeout;

use crate::net::{ClientError, Network, SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one call may take in all.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The webhook.
pub struct Webhook {
    clock: Arc<dyn Clock>,
    client: Client,
    /// Secret: such addresses often carry a token.
    url: Secret,
    key: Option<Secret>,
}

impl Webhook {
    /// One at this address, which begins with `https://` or `http://`.
    ///
    /// # Errors
    ///
    /// HTTP cannot be set up.
    pub fn new(
        clock: Arc<dyn Clock>,
        network: &Network,
        url: Secret,
        key: Option<Secret>,
    ) -> Result<Self, ClientError> {
        Ok(Self { clock, client: network.client(CONNECT_TIMEOUT)?, url, key })
    }

    async fn post(&self, body: String) -> Result<(), AlertError> {
        let mut request = self
            .client
            .post(self.url.expose())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            let timestamp = (self.clock.now().as_millis() / 1_000).to_string();
            let signature = signature(key.expose().as_bytes(), &timestamp, body.as_bytes());
            request = request.header(TIMESTAMP_HEADER, timestamp).header(SIGNATURE_HEADER, signature);
        }
        // The library's own words would name the address.
        let response = request.body(body).send().await.map_err(|error| {
            let what = if error.is_connect() { "no connection" } else { "the connection broke" };
            AlertError::Unavailable(what.to_owned())
        })?;
        match response.status().as_u16() {
            200..=299 => Ok(()),
            status @ (400 | 413 | 415 | 422) => Err(AlertError::Refused(format!("status {status}"))),
            status => Err(AlertError::Unavailable(format!("status {status}"))),
        }
    }
}

/// The body of an alert.
fn body(alert: &Alert) -> Value {
    let cause = alert
        .last_error
        .as_ref()
        .map(|cause| json!({"code": cause.code.as_str(), "message": cause.message, "remedy": cause.remedy}));
    let mut body = json!({
        "event": alert.event.as_str(),
        "at": rfc3339(alert.at),
        "channel": {"id": alert.channel.as_str(), "name": alert.name, "type": alert.platform},
        "since": rfc3339(alert.since),
        "last_error": cause,
        "replica": alert.replica.as_str(),
    });
    // Only where it is told: whoever takes alerts of connections alone sees what they have always been.
    if let (Some(quota), Some(fields)) = (&alert.quota, body.as_object_mut()) {
        let quota = json!({
            "month": quota.month.to_string(),
            "api_calls": quota.api_calls,
            "calls_per_month": quota.calls_per_month,
            "forecast": quota.forecast,
            "message": quota.message,
            "remedy": quota.remedy,
        });
        fields.insert("quota".to_owned(), quota);
    }
    body
}

fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    format!("{:.3}", jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX))
}

#[async_trait]
impl AlertSink for Webhook {
    async fn tell(&self, alert: &Alert) -> Result<(), AlertError> {
        let told = timeout(CALL_TIMEOUT, self.post(body(alert).to_string())).await;
        told.unwrap_or_else(|_late| Err(AlertError::Unavailable("no answer in time".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rstest::rstest;
    use switchboard_domain::channel::ErrorCode;
    use switchboard_domain::ids::{ChannelId, ReplicaId};
    use switchboard_domain::secret::Secret;
    use switchboard_domain::time::Timestamp;
    use switchboard_domain::usage::Month;
    use switchboard_ports::alerts::{Alert, AlertCause, AlertError, AlertEvent, AlertQuota, AlertSink as _};
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::{Webhook, body, signature};
    use crate::clock::SystemClock;
    use crate::net::{Authorities, Network, Proxies};

    const KEY: &str = "a-key-of-the-tests";

    fn webhook(url: String, key: Option<&str>) -> Webhook {
        let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
        Webhook::new(Arc::new(SystemClock::start()), &network, Secret::new(url), key.map(Secret::new))
            .unwrap()
    }

    fn alert() -> Alert {
        Alert {
            event: AlertEvent::NotConnected,
            channel: ChannelId::new("chn_1"),
            name: String::from("help \"desk\""),
            platform: String::from("dingtalk"),
            since: Timestamp::from_millis(1_767_323_045_678),
            last_error: Some(AlertCause {
                code: ErrorCode::InvalidCredentials,
                message: String::from("wrong"),
                remedy: String::from("mend"),
            }),
            quota: None,
            replica: ReplicaId::new("rep_1"),
            at: Timestamp::from_millis(1_767_323_345_678),
        }
    }

    async fn answering(status: u16) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        server
    }

    #[tokio::test]
    async fn an_alert_is_a_signed_document() {
        let server = answering(204).await;
        webhook(format!("{}/hook?token=s3cr3t", server.uri()), Some(KEY)).tell(&alert()).await.unwrap();
        let request = server.received_requests().await.unwrap().remove(0);
        let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
        let expected = signature(KEY.as_bytes(), &header("x-switchboard-timestamp"), &request.body);
        assert_eq!(header("x-switchboard-signature"), expected);
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let wanted = serde_json::json!({
            "event": "channel.not_connected", "at": "2026-01-02T03:09:05.678Z",
            "channel": {"id": "chn_1", "name": "help \"desk\"", "type": "dingtalk"},
            "since": "2026-01-02T03:04:05.678Z",
            "last_error": {"code": "invalid_credentials", "message": "wrong", "remedy": "mend"},
            "replica": "rep_1",
        });
        assert_eq!(body, wanted);
    }

    #[test]
    fn an_alert_of_a_quota_says_how_it_stands() {
        let quota = AlertQuota {
            month: Month::of(Timestamp::from_millis(1_767_323_045_678), 480),
            api_calls: 4_000,
            calls_per_month: Some(5_000),
            forecast: None,
            message: String::from("short"),
            remedy: String::from("buy"),
        };
        let event = AlertEvent::QuotaNearlyUsedUp;
        let told = body(&Alert { event, last_error: None, quota: Some(quota), ..alert() });
        let wanted = serde_json::json!({
            "month": "2026-01", "api_calls": 4_000, "calls_per_month": 5_000, "forecast": null,
            "message": "short", "remedy": "buy",
        });
        assert_eq!((&told["event"], &told["quota"]), (&serde_json::json!("quota.nearly_used_up"), &wanted));
        assert!(told["last_error"].is_null());
    }

    #[rstest]
    #[case(200, None)]
    #[case(500, Some(false))]
    #[case(429, Some(false))]
    #[case(401, Some(false))]
    #[case(302, Some(false))]
    #[case(422, Some(true))]
    #[tokio::test]
    async fn only_what_was_taken_is_told(#[case] status: u16, #[case] refused: Option<bool>) {
        let server = answering(status).await;
        let told = webhook(server.uri(), None).tell(&alert()).await;
        let was = told.err().map(|error| matches!(error, AlertError::Refused(_)));
        assert_eq!(was, refused);
        let request = server.received_requests().await.unwrap().remove(0);
        assert!(!request.headers.contains_key("x-switchboard-signature"), "nothing to sign with");
    }

    #[tokio::test]
    async fn nothing_of_the_address_is_told_when_it_cannot_be_reached() {
        let url = String::from("http://127.0.0.1:1/hook?token=s3cr3t");
        let error = webhook(url, None).tell(&alert()).await.unwrap_err();
        assert_eq!(error, AlertError::Unavailable(String::from("no connection")));
    }
}
