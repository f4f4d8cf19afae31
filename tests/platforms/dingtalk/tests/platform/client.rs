//! A raw client: HTTP by reqwest, frames by tungstenite, nothing clever.

use std::time::Duration;

use dingtalk_sim::{Knobs, Origin, Simulator, SimulatorConfig};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Generous cap of every wait.
pub(crate) const CAP: Duration = Duration::from_secs(20);
pub(crate) const APP: &str = "ding-sim-app";
pub(crate) const SECRET: &str = "sim-secret";
pub(crate) const FLOW_TEMPLATE: &str = "02fcf2f4-5e02-4a85-b672-46d1f715543e.schema";

pub(crate) async fn simulator(turn: impl FnOnce(&mut Knobs)) -> Simulator {
    let mut config = SimulatorConfig::default();
    turn(&mut config.knobs);
    Simulator::start(config).await.unwrap()
}

pub(crate) fn ann() -> Origin {
    Origin::private("cidAnn==", "ann")
}

pub(crate) fn http() -> reqwest::Client {
    // A second installation in the same process fails, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Status and JSON body of an answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        Self { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) }
    }

    pub(crate) fn code(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    pub(crate) fn expect_ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }
}

/// An API client of one app.
pub(crate) struct Api {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Api {
    pub(crate) async fn new(simulator: &Simulator) -> Self {
        let mut api = Self { http: http(), base: simulator.base_url().to_owned(), token: String::new() };
        let body = json!({"appKey": APP, "appSecret": SECRET});
        let answer = api.post("/v1.0/oauth2/accessToken", &body).await.expect_ok();
        answer["accessToken"].as_str().unwrap().clone_into(&mut api.token);
        api
    }

    pub(crate) async fn try_send(&self, method: &str, path: &str, body: &Value) -> reqwest::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.base) };
        let mut request =
            self.http.request(method.parse().unwrap(), url).header("accept", "application/json");
        if !self.token.is_empty() {
            request = request.header("x-acs-dingtalk-access-token", &self.token);
        }
        if !body.is_null() {
            request = request.json(body);
        }
        Ok(Answer::of(request.send().await?).await)
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.try_send(method, path, body).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null).await
    }
}

pub(crate) fn open_body() -> Value {
    json!({
        "clientId": APP,
        "clientSecret": SECRET,
        "subscriptions": [{"type": "CALLBACK", "topic": "/v1.0/im/bot/messages/get"}],
        "ua": "raw-test-rust/1.0.0",
    })
}

/// A Stream connection.
pub(crate) struct Stream {
    pub(crate) socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Stream {
    pub(crate) async fn connect(simulator: &Simulator) -> Self {
        let before = simulator.observe(|seen| seen.connections.len());
        let http = http();
        let url = format!("{}/v1.0/gateway/connections/open", simulator.base_url());
        let request = http.post(url).header("accept", "application/json").json(&open_body());
        let answer = Answer::of(request.send().await.unwrap()).await.expect_ok();
        let url = ticket_url(&answer);
        let (socket, _) = connect_async(url).await.unwrap();
        // The handshake's answer arrives a moment before the platform has registered the connection.
        simulator.wait_for(CAP, |seen| seen.connections.len() > before).await.unwrap();
        Self { socket }
    }

    /// The next JSON frame.
    pub(crate) async fn frame(&mut self) -> Value {
        loop {
            let message = tokio::time::timeout(CAP, self.socket.next()).await.unwrap().unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    pub(crate) async fn ack(&mut self, frame: &Value) {
        self.ack_with(frame, "{\"response\":null}").await;
    }

    pub(crate) async fn ack_with(&mut self, frame: &Value, data: &str) {
        let headers = json!({"contentType": "application/json", "messageId": frame["headers"]["messageId"]});
        let ack = json!({"code": 200, "headers": headers, "message": "OK", "data": data});
        self.text(&ack.to_string()).await;
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Waits for the end of the connection: `Ok` = close frame with its code, `Err` = no close frame.
    pub(crate) async fn end(&mut self) -> Result<Option<u16>, ()> {
        loop {
            match tokio::time::timeout(CAP, self.socket.next()).await.unwrap() {
                Some(Ok(Message::Close(frame))) => return Ok(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(tungstenite::Error::ConnectionClosed)) => return Ok(None),
                Some(Err(_)) | None => return Err(()),
            }
        }
    }
}

pub(crate) fn ticket_url(opened: &Value) -> String {
    format!("{}?ticket={}", opened["endpoint"].as_str().unwrap(), opened["ticket"].as_str().unwrap())
}

pub(crate) fn data_of(frame: &Value) -> Value {
    serde_json::from_str(frame["data"].as_str().unwrap()).unwrap()
}
