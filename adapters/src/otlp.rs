//! Traces over OTLP/HTTP, in JSON: `POST ENDPOINT/v1/traces` (OpenTelemetry Protocol 1.x, section "OTLP/HTTP").

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use serde_json::{Value, json};
use switchboard_domain::ids::ReplicaId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::traces::{Attribute, NotExported, Span, SpanExporter, SpanKind};
use url::Url;

use crate::net::{ClientError, Network, read_bounded};

/// Where spans are posted to below the endpoint, unless its path says so already.
const PATH: &str = "/v1/traces";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest answer that is read; it says how many spans were refused, if any.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Longest pause that is taken from an answer.
const PAUSE_MAX: Duration = Duration::from_mins(5);

/// The service's name and its scope's.
const SERVICE: &str = "switchboard";

/// A collector of traces.
pub struct Otlp {
    client: reqwest::Client,
    url: Url,
    version: &'static str,
}

impl Otlp {
    /// A collector at this address, told of a service of this version. Does no I/O.
    ///
    /// # Errors
    /// When HTTP cannot be set up.
    pub fn new(network: &Network, endpoint: &Url, version: &'static str) -> Result<Self, ClientError> {
        let mut url = endpoint.clone();
        let path = url.path().trim_end_matches('/');
        if !path.ends_with(PATH) {
            let path = format!("{path}{PATH}");
            url.set_path(&path);
        }
        Ok(Self { client: network.client(CONNECT_TIMEOUT)?, url, version })
    }
}

#[async_trait]
impl SpanExporter for Otlp {
    async fn export(&self, replica: &ReplicaId, spans: &[Span]) -> Result<(), NotExported> {
        let body = document(self.version, replica, spans).to_string();
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json").body(body);
        // Its own words would name the address.
        let later = |why: &str| NotExported::Later { why: why.to_owned(), pause: None };
        let answer = request.send().await.map_err(|error| {
            later(if error.is_connect() { "no connection" } else { "the connection was cut" })
        })?;
        match answer.status().as_u16() {
            200..=299 => {
                let said =
                    read_bounded(answer, ANSWER_BYTES_MAX).await.map_err(|_| later("the answer was cut"))?;
                tell_rejected(&said);
                Ok(())
            }
            // What the protocol says may be sent again.
            status @ (429 | 502 | 503 | 504) => Err(NotExported::Later {
                why: format!("HTTP status {status}"),
                pause: pause(answer.headers()),
            }),
            status => Err(NotExported::Never(format!("HTTP status {status}"))),
        }
    }
}

/// Whoever took a part only has said how much of it not; that is not sent again.
fn tell_rejected(answer: &[u8]) {
    let Ok(said) = serde_json::from_slice::<Value>(answer) else { return };
    let rejected = said.pointer("/partialSuccess/rejectedSpans");
    // Numbers of 64 bits are texts in this protocol, and not with everybody.
    let count = rejected.and_then(|it| it.as_u64().or_else(|| it.as_str()?.parse().ok()));
    if let Some(count) = count.filter(|count| *count > 0) {
        tracing::debug!(count, "the collector of traces has refused some of them");
    }
}

fn pause(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(PAUSE_MAX))
}

/// The request's document.
fn document(version: &str, replica: &ReplicaId, spans: &[Span]) -> Value {
    let resource = [
        attribute("service.name", &Attribute::from(SERVICE)),
        attribute("service.version", &Attribute::from(version)),
        attribute("service.instance.id", &Attribute::from(replica.as_str())),
    ];
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": {"name": SERVICE, "version": version}, "spans": spans}],
    }]})
}

fn span(span: &Span) -> Value {
    let attributes: Vec<Value> = span.attributes.iter().map(|(name, value)| attribute(name, value)).collect();
    let mut document = json!({
        "traceId": format!("{:032x}", span.trace),
        "spanId": format!("{:016x}", span.id),
        "name": span.name,
        "kind": match span.kind {
            SpanKind::Internal => 1,
            SpanKind::Client => 3,
            SpanKind::Consumer => 5,
        },
        "startTimeUnixNano": nanos(span.start),
        "endTimeUnixNano": nanos(span.end.max(span.start)),
        "attributes": attributes,
        "status": match span.failed {
            None => json!({}),
            Some(cause) => json!({"code": 2, "message": cause}),
        },
    });
    if let (Some(parent), Some(fields)) = (span.parent, document.as_object_mut()) {
        fields.insert("parentSpanId".to_owned(), Value::String(format!("{parent:016x}")));
    }
    document
}

/// Nanoseconds, as text: numbers of 64 bits do not survive every reader of JSON.
fn nanos(at: Timestamp) -> String {
    (u128::from(at.as_millis()) * 1_000_000).to_string()
}

fn attribute(name: &str, value: &Attribute) -> Value {
    let value = match value {
        Attribute::Text(text) => json!({"stringValue": text}),
        Attribute::Number(number) => json!({"intValue": number.to_string()}),
    };
    json!({"key": name, "value": value})
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{header, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::net::{Authorities, Proxies};

    fn otlp(endpoint: &str) -> Otlp {
        let network = Network::new(&Authorities::default(), Proxies::default()).unwrap();
        Otlp::new(&network, &Url::parse(endpoint).unwrap(), "1.2.3").unwrap()
    }

    fn sample() -> Span {
        Span {
            trace: 0xabc,
            id: 2,
            parent: Some(1),
            name: "agent.run",
            kind: SpanKind::Client,
            start: Timestamp::from_millis(1_000),
            end: Timestamp::from_millis(3_500),
            attributes: vec![("switchboard.agent", "helper".into()), ("switchboard.attempt", 1.into())],
            failed: Some("agent_unreachable"),
        }
    }

    async fn answered(status: u16, pause: Option<&str>) -> Result<(), NotExported> {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(status);
        let answer = pause.map_or(answer.clone(), |pause| answer.insert_header("retry-after", pause));
        Mock::given(path("/v1/traces")).respond_with(answer).mount(&server).await;
        otlp(&server.uri()).export(&ReplicaId::new("rep_1"), &[sample()]).await
    }

    #[tokio::test]
    async fn spans_are_posted_as_the_protocol_says_wherever_the_endpoint_ends() {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/in/v1/traces"))
            .and(header("content-type", "application/json"))
            .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
            .expect(3)
            .mount(&server)
            .await;
        for end in ["/in", "/in/", "/in/v1/traces"] {
            let otlp = otlp(&format!("{}{end}", server.uri()));
            otlp.export(&ReplicaId::new("rep_1"), &[sample()]).await.unwrap();
        }
        let requests = server.received_requests().await.unwrap();
        let body: Value = serde_json::from_slice(&requests[0].body).unwrap();
        let text = |name: &str, value: &str| json!({"key": name, "value": {"stringValue": value}});
        let expected = json!({"resourceSpans": [{
            "resource": {"attributes": [
                text("service.name", "switchboard"),
                text("service.version", "1.2.3"),
                text("service.instance.id", "rep_1"),
            ]},
            "scopeSpans": [{"scope": {"name": "switchboard", "version": "1.2.3"}, "spans": [{
                "traceId": "00000000000000000000000000000abc",
                "spanId": "0000000000000002",
                "parentSpanId": "0000000000000001",
                "name": "agent.run",
                "kind": 3,
                "startTimeUnixNano": "1000000000",
                "endTimeUnixNano": "3500000000",
                "attributes": [
                    text("switchboard.agent", "helper"),
                    {"key": "switchboard.attempt", "value": {"intValue": "1"}},
                ],
                "status": {"code": 2, "message": "agent_unreachable"},
            }]}],
        }]});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn what_may_be_sent_again_is_told_apart_from_what_is_refused() {
        assert_eq!(answered(200, None).await, Ok(()));
        for status in [429, 502, 503, 504] {
            let later = answered(status, Some("7")).await;
            let pause = Some(Duration::from_secs(7));
            assert_eq!(later, Err(NotExported::Later { why: format!("HTTP status {status}"), pause }));
        }
        let long = answered(503, Some("86400")).await;
        assert!(matches!(long, Err(NotExported::Later { pause: Some(PAUSE_MAX), .. })));
        for status in [302, 400, 401, 404, 413, 500] {
            assert!(matches!(answered(status, None).await, Err(NotExported::Never(_))), "{status}");
        }
        let away = otlp("http://127.0.0.1:9").export(&ReplicaId::new("rep_1"), &[sample()]).await;
        assert_eq!(away, Err(NotExported::Later { why: "no connection".to_owned(), pause: None }));
    }
}
