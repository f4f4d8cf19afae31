//! All settings of a DingTalk channel: what is allowed, what is assumed, and what documents and forms say of them.

use switchboard_ports::config_field::{ConfigField, ConfigKind};
use switchboard_ports::form::Words;

use super::config::{
    CALLS_PER_SECOND, CLIENT_SECRET, CONTENT_KEY, QUOTA_CALLS, QUOTA_SAVER, SAVER_AUTO, STOP_KEY, TEMPLATE_ID,
};

/// Keys of card variables are at most 100 bytes long (dingtalk §6.4).
const KEY_CHARS_MAX: usize = 100;

/// In the order of a form.
pub(super) const FIELDS: &[ConfigField] = &[
    required(
        "/client_id",
        word(200, None),
        Words::same("Client ID"),
        Words::new("The app's client id (AppKey).", "应用的 Client ID（原 AppKey）。"),
    ),
    required(
        CLIENT_SECRET,
        ConfigKind::Secret,
        Words::same("Client Secret"),
        Words::new("The app's client secret (AppSecret).", "应用的 Client Secret（原 AppSecret）。"),
    ),
    field(
        "/ai_card/enabled",
        ConfigKind::Flag { default: true },
        Words::new("Answer in cards", "使用卡片回答"),
        Words::new("Whether answers are shown in cards.", "回答是否显示在卡片中。"),
    ),
    field(
        TEMPLATE_ID,
        word(200, None),
        Words::new("Card template", "卡片模板 ID"),
        Words::new(
            "The card's template; empty: DingTalk's public one.",
            "卡片的模板 ID；留空则使用钉钉的公共模板。",
        ),
    ),
    advanced(
        CONTENT_KEY,
        word(KEY_CHARS_MAX, Some("content")),
        Words::new("Variable of the answer", "回答的变量名"),
        Words::new("The template's variable that holds the answer.", "模板中用于显示回答的变量。"),
    ),
    advanced(
        STOP_KEY,
        word(KEY_CHARS_MAX, None),
        Words::new("Variable of the stop button", "停止按钮的变量名"),
        Words::new(
            "The template's variable that shows a stop button: \"true\" while the answer is written, then \"false\". Needs a \
             template of your own; not \"config\" and not the variable in content_key.",
            "模板中控制停止按钮显示的变量：输出回答时为 \"true\"，之后为 \"false\"。需要自建模板；不能是 \"config\"，也不能与 content_key 相同。",
        ),
    ),
    advanced(
        "/ai_card/stop_action",
        word(100, Some("stop")),
        Words::new("Action of the stop button", "停止按钮的动作"),
        Words::new(
            "What the stop button reports, as its action id or in its parameter \"action\".",
            "停止按钮回传的内容：动作 ID，或参数 \"action\" 的值。",
        ),
    ),
    advanced(
        "/ai_card/update_interval_ms",
        ConfigKind::Number { min: 10, max: 60_000, default: 800 },
        Words::new("Pause between card updates (ms)", "卡片更新间隔（毫秒）"),
        Words::new("Pause between two updates of a card.", "同一张卡片两次更新之间的间隔。"),
    ),
    advanced(
        "/calls_per_second",
        ConfigKind::Number { min: 0, max: 1_000, default: CALLS_PER_SECOND },
        Words::new("Calls per second", "每秒调用次数"),
        Words::new(
            "Calls to each of the platform's APIs with these credentials; 0: no limit of ours.",
            "使用该凭证对每个平台接口的每秒调用上限；0 表示不由本服务限制。",
        ),
    ),
    advanced(
        QUOTA_CALLS,
        ConfigKind::Number { min: 0, max: 1_000_000_000, default: 0 },
        Words::new("Calls in the company's monthly quota", "企业每月接口调用配额"),
        Words::new(
            "How many calls the company may make in a month, for the forecast and for saving calls; 0: not known here.",
            "企业每月可用的接口调用次数，用于预测和节省调用；0 表示未知。",
        ),
    ),
    advanced(
        QUOTA_SAVER,
        ConfigKind::Choice { of: SAVERS, default: SAVER_AUTO },
        Words::new("Saving calls", "节省调用"),
        Words::new("How often cards are updated while an answer is written.", "输出回答时卡片的更新频率。"),
    ),
    advanced(
        "/api_base_url",
        address("https://api.dingtalk.com"),
        Words::new("API address", "接口地址"),
        Words::new("Base address of the platform's API.", "平台接口的基础地址。"),
    ),
    advanced(
        "/oapi_base_url",
        address("https://oapi.dingtalk.com"),
        Words::new("Legacy API address", "旧版接口地址"),
        Words::new("Base address of the platform's legacy API.", "平台旧版接口的基础地址。"),
    ),
];

/// By itself, or one of the paces.
const SAVERS: &[(&str, Words)] = &[
    (SAVER_AUTO, Words::new("by itself, as the quota lasts", "自动，取决于剩余配额")),
    ("normal", Words::new("never: cards stream", "不节省：卡片流式更新")),
    ("few_updates", Words::new("few updates of a card", "减少卡片更新")),
    ("final_only", Words::new("only the whole answer is shown", "仅显示完整回答")),
];

const fn field(pointer: &'static str, kind: ConfigKind, label: Words, help: Words) -> ConfigField {
    ConfigField { pointer, kind, required: false, label, help, advanced: false }
}

const fn required(pointer: &'static str, kind: ConfigKind, label: Words, help: Words) -> ConfigField {
    ConfigField { pointer, kind, required: true, label, help, advanced: false }
}

const fn advanced(pointer: &'static str, kind: ConfigKind, label: Words, help: Words) -> ConfigField {
    ConfigField { pointer, kind, required: false, label, help, advanced: true }
}

const fn word(chars_max: usize, default: Option<&'static str>) -> ConfigKind {
    ConfigKind::Word { chars_max, default }
}

const fn address(default: &'static str) -> ConfigKind {
    ConfigKind::Address { chars_max: 500, default }
}
