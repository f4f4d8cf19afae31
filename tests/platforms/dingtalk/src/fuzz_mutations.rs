//! What a type fuzz does to a push: shapes that the sources of the protocol allow or that were seen, and garbage.

use axum::body::Bytes;
use axum::extract::ws::Message;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use crate::connections::Order;
use crate::fuzz_account::Duty;

/// Longest text a mutation makes (characters); such a frame stays below 256 KiB (dingtalk §2.8).
pub(crate) const LONG_TEXT_CHARS_MAX: usize = 50_000;
/// Fields that a callback may lack (dingtalk §3.1).
const OPTIONAL: [&str; 9] = [
    "senderPlatform",
    "chatbotCorpId",
    "openThreadId",
    "isAdmin",
    "senderNick",
    "senderCorpId",
    "conversationTitle",
    "createAt",
    "sessionWebhookExpiredTime",
];
/// Texts of unusual characters: joiners, right-to-left marks, combining marks, controls, unassigned planes.
const ODD_TEXTS: [&str; 7] = [
    "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{FE0F}",
    "\u{202E}txet\u{202C}\u{2066}\u{2069}",
    "e\u{301}\u{302}\u{303}\u{304}",
    "\u{FEFF}\u{0}\u{7}\u{1B}[31m",
    "\u{10FFFD}\u{E000}\u{FFFD}",
    "\u{2028}\u{2029}\r\n\t",
    "\u{3000}\u{A0}\u{200B}",
];

/// A frame under treatment.
pub(crate) struct Patient {
    pub(crate) msg_id: String,
    frame: Value,
    data: Map<String, Value>,
    /// Sent in place of the written `data`.
    raw_data: Option<Value>,
    mutations: Vec<&'static str>,
    duty: Duty,
    long_text_chars: usize,
}

impl Patient {
    pub(crate) fn new(frame: Value, long_text_chars: usize) -> Self {
        let data = frame.get("data").and_then(Value::as_str).unwrap_or_default();
        let data: Map<String, Value> = serde_json::from_str(data).unwrap_or_default();
        let text_of = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or_default();
        // A person's words in an ordinary text are what has to be answered.
        let is_text = text_of("msgtype") == "text" && data.contains_key("text");
        let duty = if is_text { Duty::Answer } else { Duty::Acknowledge };
        Self {
            msg_id: text_of("msgId").to_owned(),
            frame,
            data,
            raw_data: None,
            mutations: Vec::new(),
            duty,
            long_text_chars,
        }
    }

    /// The order, what was done, and what is owed. What was not touched goes out as it came.
    pub(crate) fn finish(mut self) -> (Order, Vec<&'static str>, Duty) {
        let data = self.raw_data.take().unwrap_or_else(|| json!(Value::Object(self.data).to_string()));
        if let Some(fields) = self.frame.as_object_mut().filter(|_| !self.mutations.is_empty()) {
            fields.insert("data".to_owned(), data);
        }
        let (text, duty) = (self.frame.to_string(), self.duty);
        (Order::Push { text, msg_id: self.msg_id, duty }, self.mutations, duty)
    }

    fn at_most(&mut self, duty: Duty) {
        self.duty = self.duty.min(duty);
    }

    fn header(&mut self, name: &str, value: Option<Value>) {
        let Some(headers) = self.frame.get_mut("headers").and_then(Value::as_object_mut) else {
            return;
        };
        match value {
            Some(value) => headers.insert(name.to_owned(), value),
            None => headers.remove(name),
        };
    }

    fn top(&mut self, name: &str, value: Option<Value>) {
        let Some(frame) = self.frame.as_object_mut() else { return };
        match value {
            Some(value) => frame.insert(name.to_owned(), value),
            None => frame.remove(name),
        };
    }

    fn text_mut(&mut self) -> Option<&mut String> {
        match self.data.get_mut("text")?.get_mut("content")? {
            Value::String(text) => Some(text),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

type Mutation = (&'static str, fn(&mut Patient, &mut StdRng));

/// Legal variations: what was owed before is still owed, or the message loses its words and is only acknowledged.
const VARIATIONS: [Mutation; 17] = [
    ("numbers_as_texts", |patient, _| {
        for name in ["createAt", "sessionWebhookExpiredTime"] {
            if let Some(value) = patient.data.get_mut(name).filter(|value| value.is_number()) {
                *value = json!(value.to_string());
            }
        }
    }),
    ("duration_other_type", |patient, _| {
        if let Some(duration) =
            patient.data.get_mut("content").and_then(|content| content.get_mut("duration"))
        {
            *duration = if duration.is_number() { json!(duration.to_string()) } else { json!(5) };
        }
    }),
    ("conversation_type_as_number", |patient, _| {
        let kind = patient.data.get("conversationType").and_then(Value::as_str);
        if let Some(number) = kind.and_then(|text| text.parse::<u64>().ok()) {
            patient.data.insert("conversationType".to_owned(), json!(number));
        }
        patient.at_most(Duty::Acknowledge);
    }),
    ("missing_optional", |patient, rng| {
        patient.data.retain(|name, _| !OPTIONAL.contains(&name.as_str()) || rng.random_bool(0.5));
    }),
    ("null_optional", |patient, rng| {
        for name in OPTIONAL {
            if rng.random_bool(0.5) {
                patient.data.insert(name.to_owned(), Value::Null);
            }
        }
    }),
    ("extra_fields", |patient, rng| {
        let odd = json!({"deep": [[[{"a": null}]], 1.5e300, -1, "x"], "list": []});
        patient.data.insert(format!("future{}", rng.random_range(0..1000)), odd);
        patient.data.insert("hostingContext".to_owned(), json!({"userId": "x"}));
    }),
    ("extra_headers", |patient, _| {
        patient.header("futureHeader", Some(json!({"a": [1]})));
        patient.top("futureField", Some(json!([1, null])));
    }),
    ("null_headers", |patient, _| {
        patient.header("appId", Some(Value::Null));
        patient.header("connectionId", None);
    }),
    ("time_as_number", |patient, _| patient.header("time", Some(json!(1_769_851_697_756_u64)))),
    ("time_missing", |patient, _| patient.header("time", None)),
    ("time_at_the_top", |patient, _| patient.top("time", Some(json!(1_769_851_697_756_u64)))),
    ("no_spec_version", |patient, _| patient.top("specVersion", None)),
    ("both_header_spellings", |patient, _| {
        patient.top("header", Some(json!({"messageId": "decoy", "topic": "decoy"})));
    }),
    ("long_text", |patient, _| {
        let chars = patient.long_text_chars;
        if let Some(text) = patient.text_mut().filter(|text| text.len() < LONG_TEXT_CHARS_MAX) {
            text.push_str(&"长".repeat(chars));
        }
    }),
    ("odd_unicode", |patient, rng| {
        let odd = ODD_TEXTS.get(rng.random_range(0..ODD_TEXTS.len())).copied().unwrap_or_default();
        if let Some(text) = patient.text_mut() {
            text.push_str(odd);
        }
        patient.data.insert("senderNick".to_owned(), json!(odd));
    }),
    ("content_as_text", |patient, _| {
        if let Some(content) = patient.data.get_mut("content").filter(|content| content.is_object()) {
            *content = json!(content.to_string());
            patient.at_most(Duty::Acknowledge);
        }
    }),
    ("unknown_msgtype", |patient, _| {
        patient.data.insert("msgtype".to_owned(), json!("hologram"));
        patient.data.remove("text");
        patient.data.insert("content".to_owned(), json!({"beam": 1}));
        patient.at_most(Duty::Acknowledge);
    }),
];

/// Garbage: nobody can be expected to acknowledge it.
const RUINS: [Mutation; 12] = [
    ("header_instead_of_headers", |patient, _| {
        let headers = patient.frame.get("headers").cloned();
        patient.top("headers", None);
        patient.top("header", headers);
    }),
    ("no_headers", |patient, _| patient.top("headers", None)),
    ("no_message_id", |patient, _| patient.header("messageId", None)),
    ("message_id_null", |patient, _| patient.header("messageId", Some(Value::Null))),
    ("unknown_type", |patient, _| patient.top("type", Some(json!("NOTIFY")))),
    ("type_as_number", |patient, _| patient.top("type", Some(json!(7)))),
    ("unknown_topic", |patient, _| patient.header("topic", Some(json!("/v9.9/im/nothing")))),
    ("data_not_json", |patient, _| patient.raw_data = Some(json!("{\"msgId\":"))),
    ("data_lone_surrogate", |patient, _| {
        patient.raw_data = Some(json!("{\"msgId\":\"m\",\"text\":{\"content\":\"\\ud800\"}}"));
    }),
    ("data_object", |patient, _| patient.raw_data = Some(Value::Object(patient.data.clone()))),
    ("data_null", |patient, _| patient.raw_data = Some(Value::Null)),
    ("no_ids", |patient, _| {
        patient.data.remove("msgId");
        patient.data.remove("conversationId");
    }),
];

fn apply(patient: &mut Patient, rng: &mut StdRng, list: &[Mutation]) {
    if let Some((name, change)) = list.get(rng.random_range(0..list.len())) {
        change(patient, rng);
        patient.mutations.push(name);
    }
}

/// One legal variation.
pub(crate) fn vary(patient: &mut Patient, rng: &mut StdRng) {
    apply(patient, rng, &VARIATIONS);
}

/// Makes garbage of it.
pub(crate) fn ruin(patient: &mut Patient, rng: &mut StdRng) {
    apply(patient, rng, &RUINS);
    patient.duty = Duty::Nothing;
}

/// A frame that is no push.
pub(crate) fn beside(rng: &mut StdRng) -> (&'static str, Order) {
    // Acknowledgements of ids beginning like this are no violation.
    let headers = |topic: &str| json!({"topic": topic, "messageId": format!("system_fuzz_{topic}")});
    match rng.random_range(0..12) {
        0 => ("websocket_ping", Order::Raw(Message::Ping(Bytes::from_static(b"fuzz")))),
        1 => ("websocket_pong", Order::Raw(Message::Pong(Bytes::from_static(b"unasked")))),
        2 => ("binary", Order::Raw(Message::Binary(Bytes::from_static(&[0, 159, 146, 150, 255])))),
        3 => ("binary_json", Order::Raw(Message::Binary(Bytes::from_static(b"{\"type\":\"SYSTEM\"}")))),
        4 => ("not_json", Order::Frame("<html>busy</html>".to_owned())),
        5 => ("empty", Order::Frame(String::new())),
        6 => ("array", Order::Frame("[1,2,{\"type\":\"CALLBACK\"}]".to_owned())),
        7 => (
            "system_unknown",
            Order::frame(&json!({"type": "SYSTEM", "headers": headers("HELLO"), "data": "{}"})),
        ),
        8 => ("keepalive", Order::frame(&json!({"type": "SYSTEM", "headers": headers("KEEPALIVE")}))),
        9 => {
            let event = json!({"type": "EVENT", "headers": headers("*"), "data": "{\"nothing\":true}"});
            ("event_unknown", Order::frame(&event))
        }
        10 => {
            let callback = json!({"type": "CALLBACK", "headers": headers("/v1.0/unknown"), "data": "{}"});
            ("callback_unknown", Order::frame(&callback))
        }
        _ => ("disconnect_without_id", Order::BareDisconnect),
    }
}
