//! A client of a server's HTTP API, over real sockets.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, ORIGIN};
use reqwest::redirect::Policy;
use reqwest::{Client, Method};
use serde_json::Value;

use crate::events::{Event, Events};
use crate::server::{ADMIN_TOKEN, CAP, Server};

/// Longest wait for one answer.
const ANSWER_CAP: Duration = Duration::from_mins(1);

/// A client with a token, or none.
#[derive(Clone)]
pub struct Api {
    base: String,
    token: Option<String>,
    client: Client,
}

/// An answer, whole.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub text: String,
    /// Its body as JSON; null where it is none.
    pub json: Value,
}

impl Api {
    /// A client of the server, with the admin token.
    pub fn of(server: &Server) -> Self {
        Self::at(server.base(), Some(ADMIN_TOKEN))
    }

    /// A client with this token.
    pub fn at(base: &str, token: Option<&str>) -> Self {
        // Fails only when another test of this process was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().connect_timeout(CAP).build().expect("a client");
        Self { base: base.to_owned(), token: token.map(str::to_owned), client }
    }

    /// The same client with another token, or none.
    #[must_use]
    pub fn with_token(&self, token: Option<&str>) -> Self {
        Self { token: token.map(str::to_owned), ..self.clone() }
    }

    /// A request that is not sent yet; the path begins with `/` and counts from the server's root.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// Sends a request that was put together by hand.
    pub async fn answer(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.timeout(ANSWER_CAP).send().await.expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole body");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, json }
    }

    /// Sends a request below `/api/v1`.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, &format!("/api/v1{path}"));
        self.answer(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    /// `GET`, which has to succeed.
    pub async fn get(&self, path: &str) -> Value {
        self.send(Method::GET, path, None).await.expect(200)
    }

    /// `POST` without a body, which has to give this status.
    pub async fn post(&self, path: &str, status: u16) -> Value {
        self.send(Method::POST, path, None).await.expect(status)
    }

    /// Makes a resource and gives its id.
    pub async fn create(&self, path: &str, body: &Value) -> String {
        let made = self.send(Method::POST, path, Some(body)).await.expect(201);
        made["id"].as_str().expect("a resource has an id").to_owned()
    }

    /// Changes a resource.
    pub async fn patch(&self, path: &str, body: &Value) -> Value {
        self.send(Method::PATCH, path, Some(body)).await.expect(200)
    }

    /// The events from now on.
    pub async fn events(&self) -> Events {
        self.stream("/events").await
    }

    /// The events of any stream below `/api/v1` from now on.
    pub async fn stream(&self, path: &str) -> Events {
        let request = self.request(Method::GET, &format!("/api/v1{path}"));
        let response = request.send().await.expect("the server answers");
        assert_eq!(response.status().as_u16(), 200);
        Events::of(response)
    }

    /// Waits until a channel's status is as wanted, and gives it.
    pub async fn wait_status(&self, channel: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        // Listening comes first: what happens between is then seen in one of the two.
        let events = self.events().await;
        let now = self.get(&format!("/channels/{channel}/status")).await;
        if wanted(&now) {
            return now;
        }
        let fits = |event: &Event| {
            event.name == "channel.status" && event.data["channel_id"] == channel && wanted(&event.data)
        };
        events.wait_for(|events| events.iter().find(|event| fits(event)).cloned()).await.data
    }

    /// Waits until a channel is connected.
    pub async fn wait_connected(&self, channel: &str) -> Value {
        self.wait_status(channel, |status| status["status"] == "connected").await
    }

    /// What the server says of being ready: 200, or 503.
    pub async fn readiness(&self) -> u16 {
        self.answer(self.request(Method::GET, "/readyz")).await.status
    }

    /// Signs in to the panel with this client's token, and gives the cookie.
    pub async fn sign_in(&self) -> String {
        // The cookie comes with the answer that leads away.
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().expect("a client");
        let token = self.token.as_deref().expect("a token to sign in with");
        let request = client
            .post(format!("{}/panel/sign-in", self.base))
            .header(ORIGIN, &self.base)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(format!("token={token}&to=/panel"));
        let answer = self.answer(request).await;
        answer.header("set-cookie").split(';').next().expect("a cookie").to_owned()
    }

    /// A page of the panel, as whoever has this client's token sees it.
    pub async fn page(&self, path: &str) -> String {
        let cookie = self.sign_in().await;
        let page = self.answer(self.client.get(format!("{}{path}", self.base)).header(COOKIE, cookie)).await;
        assert_eq!(page.status, 200, "{path}");
        page.text
    }

    /// The value of a metric in Prometheus' text; 0 where it was never counted. `series` is its name, with its labels if any.
    pub async fn metric(&self, series: &str) -> f64 {
        let text = self.answer(self.request(Method::GET, "/metrics")).await.text;
        let values = text.lines().filter(|line| !line.starts_with('#') && line.starts_with(series));
        values.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.json
    }

    /// A header's value; empty where it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
