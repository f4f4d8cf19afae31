//! What forms ask for, by kind of agent: the fields that the kind gives a meaning, and nothing else.

use switchboard_ports::agent::KindForm;
use switchboard_ports::config_field::ConfigKind;
use switchboard_ports::form::{FormField, FormKind, Words};

/// The kind `echo`.
pub(super) const ECHO: KindForm = KindForm {
    title: Words::new("Echo (built in)", "Echo（内置）"),
    about: Words::new(
        "Repeats what it is told, word by word. Needs nothing, and shows that a channel works.",
        "逐字重复收到的内容。不需要任何配置，用于验证渠道是否正常。",
    ),
    fields: &[],
};

/// The kind `openai-chat`.
pub(super) const OPENAI_CHAT: KindForm = KindForm {
    title: Words::new("Chat Completions (OpenAI and compatible)", "Chat Completions（OpenAI 及兼容服务）"),
    about: Words::new(
        "Whatever speaks POST /chat/completions: OpenAI, DeepSeek, Qwen, vLLM, Ollama and many more.",
        "任何支持 POST /chat/completions 的服务：OpenAI、DeepSeek、通义千问、vLLM、Ollama 等。",
    ),
    fields: &[BASE_URL, API_KEY, MODEL, PROMPT, STREAM, MODELS, HEADERS, EXTRA_BODY],
};

/// The kind `openai-responses`.
pub(super) const OPENAI_RESPONSES: KindForm = KindForm {
    title: Words::new("Responses (OpenAI and compatible)", "Responses（OpenAI 及兼容服务）"),
    about: Words::new(
        "Whatever speaks POST /responses and keeps the conversation itself.",
        "任何支持 POST /responses、并由服务端保存对话的服务。",
    ),
    fields: &[BASE_URL, API_KEY, MODEL, PROMPT, STREAM, MODELS, HEADERS, EXTRA_BODY],
};

/// The kind `wegent`.
pub(super) const WEGENT: KindForm = KindForm {
    title: Words::same("Wegent"),
    about: Words::new(
        "A team of Wegent, by its Responses API.",
        "Wegent 的智能体团队，通过其 Responses 接口调用。",
    ),
    fields: &[BASE_URL, API_KEY, TEAM, MODE, MODELS, HEADERS, EXTRA_BODY],
};

const BASE_URL: FormField = FormField::new(
    "/base_url",
    Words::new("Base address", "基础地址"),
    Words::new(
        "The API's base address, like https://api.example.com/v1. The path of the request is added to it.",
        "接口的基础地址，例如 https://api.example.com/v1；请求路径会自动拼接。",
    ),
    FormKind::Line { chars_max: 2_000 },
)
.required();

const API_KEY: FormField = FormField::new(
    "/api_key",
    Words::new("API key", "API 密钥"),
    Words::new("Kept encrypted and never shown again.", "加密保存，之后不再显示。"),
    FormKind::Setting(ConfigKind::Secret),
);

const MODEL: FormField = FormField::new(
    "/model",
    Words::new("Model", "模型"),
    Words::new("The model to ask for, as the service names it.", "要使用的模型，按服务方的名称填写。"),
    FormKind::Line { chars_max: 2_000 },
);

const TEAM: FormField = FormField::new(
    "/model",
    Words::new("Team", "团队"),
    Words::new(
        "The team as Wegent names it: namespace#team, or namespace#team#model.",
        "Wegent 中的团队名称：namespace#team，或 namespace#team#model。",
    ),
    FormKind::Line { chars_max: 2_000 },
)
.required();

const PROMPT: FormField = FormField::new(
    "/system_prompt",
    Words::new("Instructions", "系统提示词"),
    Words::new("What the agent is told before every conversation.", "每次对话开始前告诉智能体的内容。"),
    FormKind::Prose { chars_max: 100_000 },
);

const STREAM: FormField = FormField::new(
    "/stream",
    Words::new("Stream answers", "流式输出"),
    Words::new("Shows the answer while it is written.", "边生成边显示回答。"),
    FormKind::Setting(ConfigKind::Flag { default: true }),
)
.advanced();

const MODE: FormField = FormField::new(
    "/mode",
    Words::new("How answers are fetched", "获取回答的方式"),
    Words::new(
        "Automatic streams, and asks again and again where the team cannot stream.",
        "自动：优先流式输出，团队不支持时改为轮询。",
    ),
    FormKind::Choice {
        of: &[
            ("auto", Words::new("Automatic", "自动")),
            ("stream", Words::new("Stream only", "仅流式")),
            ("poll", Words::new("Ask again only", "仅轮询")),
        ],
        default: "auto",
    },
)
.advanced();

const MODELS: FormField = FormField::new(
    "/models",
    Words::new("Models that people may choose", "可供用户选择的模型"),
    Words::new(
        "One a line; one that ends with * stands for all that begin so. Empty: all that the service tells.",
        "每行一个；以 * 结尾表示所有以此开头的模型。留空则为服务提供的全部模型。",
    ),
    FormKind::Lines,
)
.advanced();

const HEADERS: FormField = FormField::new(
    "/headers",
    Words::new("Additional headers", "附加请求头"),
    Words::new(
        "A JSON object of names and values; {{user.username}} in a value stands for who asks. Values are kept encrypted and \
         shown as ***; null takes a header away.",
        "由名称和值组成的 JSON 对象；值中的 {{user.username}} 代表提问者。值加密保存并显示为 ***；填 null 可删除该请求头。",
    ),
    FormKind::Document,
)
.advanced();

const EXTRA_BODY: FormField = FormField::new(
    "/extra_body",
    Words::new("Additional fields of requests", "请求的附加字段"),
    Words::new(
        "A JSON object, merged into each request. Everybody who may look here reads it, and it stands in exports: a secret \
         belongs in the key or the additional headers.",
        "JSON 对象，会合并到每个请求中。所有可查看此页的人都能看到其内容，导出中也包含它：密钥请填入 API 密钥或附加请求头。",
    ),
    FormKind::Document,
)
.advanced();
