//! Everything besides plain text that people can send to a robot (dingtalk §3.3), and quotes (dingtalk §3.5).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::files::{self, Content as FileContent, FileSpec};
use crate::push::PushError;
use crate::state::State;

/// Elements of one rich text.
const ELEMENTS_MAX: usize = 500;

/// A message that is not plain text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// `picture`.
    Picture {
        /// The picture.
        file: FileSpec,
        /// Leave `pictureDownloadCode` out (the documentation lists `downloadCode` only).
        #[serde(default)]
        one_code: bool,
    },
    /// `file`.
    File {
        /// The file.
        file: FileSpec,
        /// With `spaceId` and `fileId`.
        #[serde(default)]
        in_space: bool,
    },
    /// `audio`.
    Audio {
        /// The recording.
        file: FileSpec,
        /// `duration` as it is sent: a number of ms, or a text.
        #[serde(default = "four_seconds")]
        duration: Value,
        /// What was said, as the platform recognised it.
        #[serde(default)]
        recognition: Option<String>,
    },
    /// `video`.
    Video {
        /// The video.
        file: FileSpec,
        /// `duration` as it is sent: a number of ms, or a text of seconds.
        #[serde(default = "four_seconds")]
        duration: Value,
        /// `videoType`.
        #[serde(default = "mp4")]
        video_type: String,
    },
    /// `richText`.
    RichText {
        /// Texts, pictures and mentions in order.
        elements: Vec<Element>,
    },
    /// `unknownMsgType`: stickers, forwarded items, and whatever robots cannot receive.
    Unknown,
    /// `markdown`.
    Markdown {
        /// The text.
        text: String,
        /// In `text.content` instead of `content.text`.
        #[serde(default)]
        in_text: bool,
    },
    /// `interactiveCard`.
    InteractiveCard {
        /// `biz_custom_action_url`.
        url: String,
    },
    /// `actionCard`.
    ActionCard {
        /// Title.
        title: String,
        /// Text.
        text: String,
    },
    /// `chatRecord`: forwarded messages.
    ChatRecord {
        /// Title.
        title: String,
        /// Summary.
        summary: String,
    },
    /// `reply`.
    Reply {
        /// The text.
        text: String,
    },
}

fn four_seconds() -> Value {
    json!(4_000)
}

fn mp4() -> String {
    "mp4".to_owned()
}

/// One element of a rich text.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Element {
    /// `{"text": …}`.
    Text {
        /// The text.
        text: String,
    },
    /// `{"type": "picture", "downloadCode": …}`.
    Picture {
        /// The picture.
        file: FileSpec,
    },
    /// `{"type": "at", "atName": …, "atUserId": …}`.
    At {
        /// Shown name.
        name: String,
        /// Staff id.
        #[serde(default)]
        user: String,
    },
}

/// A message that quotes another one.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// What is quoted.
    pub of: Quoted,
    /// `msgId` of the quoted message; `None` = a made-up one.
    #[serde(default)]
    pub msg_id: Option<String>,
    /// Who wrote it (staff id); `None` = the robot.
    #[serde(default)]
    pub sender: Option<String>,
    /// Leave `msgType` out.
    #[serde(default)]
    pub without_type: bool,
    /// `content` is JSON text instead of an object.
    #[serde(default)]
    pub content_as_text: bool,
}

impl Quote {
    /// A quote in the usual shape.
    #[must_use]
    pub fn of(of: Quoted) -> Self {
        Self { of, msg_id: None, sender: None, without_type: false, content_as_text: false }
    }
}

/// What a quote shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Quoted {
    /// A text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture, a file, an audio, a video or a rich text, as it would be sent.
    Message {
        /// That message.
        content: Content,
    },
    /// A card of the robot: no content, but `originalProcessQueryKey` = its carrier id.
    Card {
        /// The card's `outTrackId`.
        out_track_id: String,
    },
    /// `unknownMsgType` without content, as older clients quote files.
    Unknown,
}

/// A file as the platform gave it out with a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SharedFile {
    /// File name.
    pub name: String,
    /// Media type.
    pub mime: String,
    /// Size in bytes.
    pub size: usize,
    /// `downloadCode`.
    pub download_code: String,
}

/// What a message carries, worked out.
#[derive(Debug, Default)]
pub(crate) struct Body {
    pub(crate) msgtype: &'static str,
    /// Field of the callback that carries it, `content` or `text`.
    pub(crate) field: &'static str,
    pub(crate) value: Value,
    /// What people read of it.
    pub(crate) text: String,
    pub(crate) files: Vec<SharedFile>,
}

fn share(
    state: &mut State,
    app: &str,
    file: &FileSpec,
    files: &mut Vec<SharedFile>,
) -> Result<String, PushError> {
    let bytes = file.content().ok_or(PushError::BadFile)?;
    let content = FileContent { mime: file.media_type(), bytes };
    let (mime, size) = (content.mime.clone(), content.bytes.len());
    let code = files::share(state, app, content);
    files.push(SharedFile { name: file.name.clone(), mime, size, download_code: code.clone() });
    Ok(code)
}

impl Content {
    /// The body with fresh download codes.
    pub(crate) fn body(&self, state: &mut State, app: &str) -> Result<Body, PushError> {
        let mut files = Vec::new();
        let (msgtype, value, text) = match self {
            Self::Picture { file, one_code } => {
                let mut value = json!({"downloadCode": share(state, app, file, &mut files)?});
                if !one_code {
                    set(&mut value, "pictureDownloadCode", json!(state.hex(40)));
                }
                ("picture", value, String::new())
            }
            Self::File { file, in_space } => {
                let code = share(state, app, file, &mut files)?;
                let mut value = json!({"downloadCode": code, "fileName": file.name});
                if *in_space {
                    set(&mut value, "spaceId", json!("123"));
                    set(&mut value, "fileId", json!(state.hex(10)));
                }
                ("file", value, String::new())
            }
            Self::Audio { file, duration, recognition } => {
                let code = share(state, app, file, &mut files)?;
                let mut value = json!({"downloadCode": code, "duration": duration});
                if let Some(said) = recognition {
                    set(&mut value, "recognition", json!(said));
                }
                ("audio", value, recognition.clone().unwrap_or_default())
            }
            Self::Video { file, duration, video_type } => {
                let code = share(state, app, file, &mut files)?;
                let value = json!({"downloadCode": code, "duration": duration, "videoType": video_type});
                ("video", value, String::new())
            }
            Self::RichText { elements } => {
                let (value, text) = rich_text(state, app, elements, &mut files)?;
                ("richText", value, text)
            }
            Self::Unknown
            | Self::Markdown { .. }
            | Self::InteractiveCard { .. }
            | Self::ActionCard { .. }
            | Self::ChatRecord { .. }
            | Self::Reply { .. } => {
                let (msgtype, field, value, text) = self.without_files();
                return Ok(Body { msgtype, field, value, text, files });
            }
        };
        Ok(Body { msgtype, field: "content", value, text, files })
    }

    fn without_files(&self) -> (&'static str, &'static str, Value, String) {
        match self {
            Self::Markdown { text, in_text: true } => {
                ("markdown", "text", json!({"content": text}), text.clone())
            }
            Self::Markdown { text, in_text: false } => {
                ("markdown", "content", json!({"text": text}), text.clone())
            }
            Self::InteractiveCard { url } => {
                ("interactiveCard", "content", json!({"biz_custom_action_url": url}), String::new())
            }
            Self::ActionCard { title, text } => {
                ("actionCard", "content", json!({"title": title, "text": text}), text.clone())
            }
            Self::ChatRecord { title, summary } => {
                let record =
                    json!([{"senderNick": "Bob", "msgType": "text", "content": summary}]).to_string();
                let value = json!({"title": title, "summary": summary, "chatRecord": record});
                ("chatRecord", "content", value, summary.clone())
            }
            Self::Reply { text } => ("reply", "content", json!({"text": text}), text.clone()),
            Self::Unknown
            | Self::Picture { .. }
            | Self::File { .. }
            | Self::Audio { .. }
            | Self::Video { .. }
            | Self::RichText { .. } => {
                let notice = "机器人暂不支持接收该类型消息";
                ("unknownMsgType", "content", json!({"unknownMsgType": notice}), String::new())
            }
        }
    }
}

fn rich_text(
    state: &mut State,
    app: &str,
    elements: &[Element],
    files: &mut Vec<SharedFile>,
) -> Result<(Value, String), PushError> {
    if elements.len() > ELEMENTS_MAX {
        return Err(PushError::BadFile);
    }
    let mut text = String::new();
    let mut list = Vec::new();
    for element in elements {
        list.push(match element {
            Element::Text { text: one } => {
                text.push_str(one);
                json!({"text": one})
            }
            Element::Picture { file } => {
                let code = share(state, app, file, files)?;
                json!({"type": "picture", "downloadCode": code, "pictureDownloadCode": state.hex(40)})
            }
            Element::At { name, user } => json!({"type": "at", "atName": name, "atUserId": user}),
        });
    }
    Ok((json!({"richText": list}), text))
}

/// A quote, worked out: what goes beside the message's own body, and what goes to the top of the callback.
pub(crate) struct QuoteFields {
    pub(crate) beside: Map<String, Value>,
    pub(crate) top: Map<String, Value>,
    pub(crate) text: String,
    pub(crate) files: Vec<SharedFile>,
}

impl Quote {
    pub(crate) fn fields(&self, state: &mut State, app: &str) -> Result<QuoteFields, PushError> {
        let msg_id = self.msg_id.clone().unwrap_or_else(|| format!("msg{}==", state.hex(20)));
        let mut top = Map::new();
        top.insert("originalMsgId".to_owned(), json!(msg_id));
        let (kind, content, text, files) = match &self.of {
            Quoted::Text { text } => ("text", Some(json!({"text": text})), text.clone(), Vec::new()),
            Quoted::Message { content } => {
                let body = content.body(state, app)?;
                (body.msgtype, Some(body.value), body.text, body.files)
            }
            Quoted::Card { out_track_id } => {
                let card = state.observed.card(out_track_id).ok_or(PushError::UnknownCard)?;
                let carrier = card.carriers.last().map(|carrier| carrier.carrier_id.clone());
                top.insert("originalProcessQueryKey".to_owned(), json!(carrier));
                ("interactiveCard", None, card.text.clone(), Vec::new())
            }
            Quoted::Unknown => ("unknownMsgType", None, String::new(), Vec::new()),
        };
        let sender = self.sender.clone().unwrap_or_else(|| format!("bot-{app}"));
        let created_at_ms = state.now_ms().saturating_sub(60_000);
        let mut replied =
            json!({"msgId": msg_id, "senderId": format!("$:LWCP_v1:${sender}"), "createdAt": created_at_ms});
        if !self.without_type {
            set(&mut replied, "msgType", json!(kind));
        }
        if let Some(content) = content {
            let content = if self.content_as_text { json!(content.to_string()) } else { content };
            set(&mut replied, "content", content);
        }
        let mut beside = Map::new();
        beside.insert("isReplyMsg".to_owned(), json!(true));
        beside.insert("repliedMsg".to_owned(), replied);
        Ok(QuoteFields { beside, top, text, files })
    }
}

pub(crate) fn set(value: &mut Value, name: &str, field: Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.insert(name.to_owned(), field);
    }
}
