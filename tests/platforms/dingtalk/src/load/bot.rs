//! A trivial bot: stores nothing, streams every piece. In the generator's process it measures the generator's own ceiling; as a
//! process of its own, with an agent, it is the least that a bot can cost.

mod http;
mod pieces;
mod socket;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::http::Http;
use self::pieces::Source;
use self::socket::{Frame, Socket};
use super::marks::marks_in;
use super::words::Words;
use crate::api::{CREATE_AND_DELIVER, OPEN, STREAMING};
use crate::config::{AppConfig, OWN_TEMPLATE};
use crate::gateway::TOPIC_ROBOT;

/// How long a platform is waited for that is not there yet, and between two tries.
const PLATFORM_WAIT: Duration = Duration::from_secs(30);
const PLATFORM_PAUSE: Duration = Duration::from_millis(50);

/// How the bot answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BotReply {
    /// On a card: each piece of the answer is an update, and the last one finishes it.
    Card,
    /// With one text by the session webhook.
    Text,
}

/// A bot of one app.
#[derive(Debug)]
pub(crate) struct Bot {
    http: Http,
    address: SocketAddr,
    app: AppConfig,
    reply: BotReply,
    source: Source,
}

#[derive(Deserialize)]
struct Pushed<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    headers: Headers<'a>,
    data: String,
}

#[derive(Deserialize)]
struct Headers<'a> {
    #[serde(rename = "messageId")]
    message_id: &'a str,
    topic: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Callback {
    msg_id: String,
    sender_staff_id: String,
    session_webhook: String,
    text: Content,
}

#[derive(Deserialize)]
struct Content {
    content: String,
}

impl Bot {
    /// A bot that answers by itself.
    pub(crate) fn new(address: SocketAddr, app: AppConfig, reply: BotReply, words: Words) -> Self {
        Self { http: Http::new(address), address, app, reply, source: Source::Own(words) }
    }

    /// A bot whose answers come from an agent at `http://IP:PORT/v1`; `None` for an address of another form.
    pub(crate) fn asking(address: SocketAddr, app: AppConfig, reply: BotReply, agent: &str) -> Option<Self> {
        Some(Self { http: Http::new(address), address, app, reply, source: Source::agent(agent)? })
    }

    /// A token; whoever measures a bot begins its process first, so the platform is waited for.
    async fn first_token(&self) -> io::Result<String> {
        let until = Instant::now() + PLATFORM_WAIT;
        loop {
            match self.token().await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused && Instant::now() < until => {
                    sleep(PLATFORM_PAUSE).await;
                }
                token => return token,
            }
        }
    }

    /// Connects and answers until told to stop, or until the platform goes away.
    pub(crate) async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let token = self.first_token().await?;
        let mut socket = self.connect().await?;
        let shared = Arc::new((self, token));
        loop {
            let frame = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                frame = socket.next() => frame?,
            };
            let text = match frame {
                Frame::Text(text) => text,
                Frame::Ping(data) => {
                    socket.pong(&data).await?;
                    continue;
                }
                Frame::Other => continue,
                Frame::Close => return Ok(()),
            };
            let pushed: Pushed<'_> = serde_json::from_str(&text)?;
            let is_message = pushed.kind == "CALLBACK" && pushed.headers.topic == TOPIC_ROBOT;
            let data =
                if pushed.headers.topic == "ping" { pushed.data.as_str() } else { r#"{"response":null}"# };
            let headers =
                json!({ "contentType": "application/json", "messageId": pushed.headers.message_id });
            let answer = json!({ "code": 200, "headers": headers, "message": "OK", "data": data });
            socket.send(&answer.to_string()).await?;
            if is_message {
                let callback: Callback = serde_json::from_str(&pushed.data)?;
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (bot, token) = &*shared;
                    if let Err(error) = bot.answer(&callback, token).await {
                        tracing::warn!(%error, "the trivial bot failed to answer");
                    }
                });
            }
        }
    }

    async fn token(&self) -> io::Result<String> {
        let body = json!({ "appKey": self.app.client_id, "appSecret": self.app.client_secret });
        let answer = self.http.call("POST", "/v1.0/oauth2/accessToken", "", &body).await?;
        text_in(&answer, "accessToken")
    }

    async fn connect(&self) -> io::Result<Socket> {
        let body = json!({
            "clientId": self.app.client_id, "clientSecret": self.app.client_secret, "ua": "dingtalk-sim-bot",
            "subscriptions": [{ "type": "CALLBACK", "topic": TOPIC_ROBOT }],
        });
        let answer = self.http.call("POST", OPEN, "", &body).await?;
        Socket::connect(self.address, &format!("/connect?ticket={}", text_in(&answer, "ticket")?)).await
    }

    async fn answer(&self, callback: &Callback, token: &str) -> io::Result<()> {
        match self.reply {
            BotReply::Card => self.answer_on_a_card(callback, token).await,
            BotReply::Text => self.answer_with_a_text(callback, token).await,
        }
    }

    async fn answer_with_a_text(&self, callback: &Callback, token: &str) -> io::Result<()> {
        let question = callback.text.content.as_str();
        let mut pieces = self.source.ask(question, &marks_in(question)).await?;
        let mut text = String::new();
        while let Some((piece, _)) = pieces.next().await? {
            text.push_str(&piece);
        }
        self.source.keep(pieces);
        let body = json!({ "msgtype": "text", "text": { "content": text } });
        let path = callback.session_webhook.split_once("/robot/").map_or("", |(_, path)| path);
        self.http.call("POST", &format!("/robot/{path}"), token, &body).await.map(drop)
    }

    async fn answer_on_a_card(&self, callback: &Callback, token: &str) -> io::Result<()> {
        let card = callback.msg_id.trim_end_matches('=');
        let body = json!({
            "cardTemplateId": OWN_TEMPLATE, "outTrackId": card, "callbackType": "STREAM",
            "cardData": { "cardParamMap": { "content": "" } },
            "openSpaceId": format!("dtv1.card//IM_ROBOT.{}", callback.sender_staff_id),
            "imRobotOpenSpaceModel": { "supportForward": true },
            "imRobotOpenDeliverModel": { "spaceType": "IM_ROBOT" },
        });
        self.http.call("POST", CREATE_AND_DELIVER, token, &body).await?;
        let question = callback.text.content.as_str();
        let mut pieces = self.source.ask(question, &marks_in(question)).await?;
        let (mut text, mut number, mut is_final) = (String::new(), 0_u64, false);
        while !is_final {
            // An agent's last piece is known only when nothing follows it: one more update then.
            is_final = match pieces.next().await? {
                Some((piece, is_last)) => {
                    text.push_str(&piece);
                    is_last
                }
                None => true,
            };
            let body = json!({
                "outTrackId": card, "guid": format!("{card}-{number}"), "key": "content", "content": text,
                "isFull": true, "isFinalize": is_final, "isError": false,
            });
            self.http.call("PUT", STREAMING, token, &body).await?;
            number = number.saturating_add(1);
        }
        self.source.keep(pieces);
        Ok(())
    }
}

/// A trivial bot as a process of its own.
#[derive(Clone, Debug)]
pub struct BotPlan {
    /// Address of the platform.
    pub platform: SocketAddr,
    /// Its app.
    pub app: AppConfig,
    /// How it answers.
    pub reply: BotReply,
    /// Base address of its agent, `http://IP:PORT/v1`; without one it answers by itself.
    pub agent: Option<String>,
    /// Pieces of its own answers.
    pub chunks: u32,
    /// Characters of such a piece.
    pub chunk_chars: usize,
}

/// Runs a trivial bot until the platform goes away or `stop` is cancelled.
pub async fn run_bot(plan: BotPlan, stop: CancellationToken) -> io::Result<()> {
    let BotPlan { platform, app, reply, agent, chunks, chunk_chars } = plan;
    let bot = match agent {
        Some(agent) => Bot::asking(platform, app, reply, &agent).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, "the agent's address is not http://IP:PORT/…")
        })?,
        None => Bot::new(platform, app, reply, Words::new(chunks, chunk_chars)),
    };
    bot.run(stop).await
}

fn text_in(answer: &Value, field: &str) -> io::Result<String> {
    let text = answer.get(field).and_then(Value::as_str);
    text.map(str::to_owned).ok_or_else(|| io::Error::other(format!("the platform answered without {field}")))
}
