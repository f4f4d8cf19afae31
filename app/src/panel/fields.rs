//! The fields of our own settings, for forms: those that every channel and every agent has.

use switchboard_ports::config_field::ConfigKind;
use switchboard_ports::form::{FormField, FormKind, Words};

/// What a channel or an agent is called.
pub(super) const NAME: FormField = FormField::new(
    "/name",
    Words::new("Name", "名称"),
    Words::new("How it is called here; unique.", "在此处的名称，不能重复。"),
    FormKind::Line { chars_max: 100 },
)
.required();

/// Who answers.
pub(super) const AGENT: FormField = FormField::new(
    "/default_agent_id",
    Words::new("Agent", "智能体"),
    Words::new("Who answers the messages of this channel.", "由谁回答此渠道的消息。"),
    FormKind::Line { chars_max: 100 },
);

const fn number(
    pointer: &'static str,
    label: Words,
    help: Words,
    min: u32,
    max: u32,
    default: u32,
) -> FormField {
    FormField::new(pointer, label, help, FormKind::Setting(ConfigKind::Number { min, max, default }))
}

const fn choice(
    pointer: &'static str,
    label: Words,
    help: Words,
    of: &'static [(&'static str, Words)],
    default: &'static str,
) -> FormField {
    FormField::new(pointer, label, help, FormKind::Choice { of, default })
}

const fn lines(pointer: &'static str, label: Words, help: Words) -> FormField {
    FormField::new(pointer, label, help, FormKind::Lines)
}

/// How a channel speaks.
pub(super) const SPEECH: [FormField; 2] = [
    choice(
        "/locale",
        Words::new("Language of the bot", "机器人的语言"),
        Words::new("In which the bot says its own sentences.", "机器人自身提示语使用的语言。"),
        &[("en", Words::same("English")), ("zh-CN", Words::same("简体中文"))],
        "en",
    ),
    FormField::new(
        "/default_model",
        Words::new("Model", "模型"),
        Words::new("Asked for instead of the agent's; may be empty.", "代替智能体的默认模型；可留空。"),
        FormKind::Line { chars_max: 2_000 },
    )
    .advanced(),
];

/// Rules of conversations.
pub(super) const CONVERSATION: [FormField; 6] = [
    choice(
        "/conversation/group_scope",
        Words::new("In groups", "在群聊中"),
        Words::new("Whether members of a group share one conversation.", "群成员是否共用同一个对话。"),
        &[
            ("per_user", Words::new("each member has a conversation", "每位成员各自对话")),
            ("shared", Words::new("all share one", "全群共用一个对话")),
        ],
        "per_user",
    ),
    choice(
        "/conversation/busy",
        Words::new("A message while the bot answers", "回答过程中收到新消息"),
        Words::new("What happens to it.", "如何处理。"),
        &[
            ("queue", Words::new("is answered next", "排队，随后回答")),
            ("interrupt", Words::new("stops the answer and is answered", "停止当前回答，改为回答新消息")),
            ("reject", Words::new("is refused with a sentence", "提示稍后再发")),
        ],
        "queue",
    ),
    number(
        "/conversation/idle_timeout_minutes",
        Words::new("A conversation ends after (minutes)", "对话自动结束（分钟）"),
        Words::new("Without a message; 0: never.", "无消息多久后结束；0 表示永不。"),
        0,
        10_080,
        0,
    )
    .advanced(),
    number(
        "/conversation/merge_window_ms",
        Words::new("Messages become one within (ms)", "合并消息的时间窗（毫秒）"),
        Words::new("0: each is a question of its own.", "0 表示每条消息单独提问。"),
        0,
        10_000,
        0,
    )
    .advanced(),
    number(
        "/conversation/stale_after_minutes",
        Words::new("A message is stale after (minutes)", "消息过期时间（分钟）"),
        Words::new(
            "When it could not be answered before; 0: never.",
            "未能及时回答的消息多久后视为过期；0 表示永不。",
        ),
        0,
        10_080,
        60,
    )
    .advanced(),
    choice(
        "/conversation/stale",
        Words::new("A stale message", "过期消息"),
        Words::new("What happens to it.", "如何处理。"),
        &[
            ("answer", Words::new("is answered", "照常回答")),
            ("note", Words::new("is answered with a note", "回答并注明延迟")),
            ("skip", Words::new("is not answered", "不回答")),
        ],
        "note",
    )
    .advanced(),
];

/// How long what was said is kept.
pub(super) const PRIVACY: [FormField; 2] = [
    number(
        "/privacy/transcript_days",
        Words::new("Transcripts are kept for (days)", "对话记录保留天数"),
        Words::new("0: for ever.", "0 表示永久保留。"),
        0,
        3_650,
        0,
    ),
    FormField::new(
        "/privacy/store_transcripts",
        Words::new("Keep transcripts", "保存对话记录"),
        Words::new(
            "Otherwise only the running conversation is kept, for a day after its last message.",
            "关闭后仅保留进行中的对话，最后一条消息一天后删除。",
        ),
        FormKind::Setting(ConfigKind::Flag { default: true }),
    ),
];

/// Who may write, how often.
pub(super) const ACCESS: [FormField; 10] = [
    choice(
        "/access/users",
        Words::new("Who may write", "谁可以使用"),
        Words::new("Unless a list below says otherwise.", "以下名单另有规定的除外。"),
        &[
            ("everyone", Words::new("everybody", "所有人")),
            ("mapped_only", Words::new("known users only", "仅已知用户")),
        ],
        "everyone",
    ),
    choice(
        "/access/groups",
        Words::new("In groups", "群聊"),
        Words::new("Which messages of groups are taken in.", "接收哪些群消息。"),
        &[
            ("mention_only", Words::new("what mentions the bot", "仅 @机器人 的消息")),
            ("off", Words::new("nothing", "不接收")),
            (
                "all_messages",
                Words::new("everything, where the platform passes it on", "全部消息（平台支持时）"),
            ),
        ],
        "mention_only",
    ),
    number(
        "/access/messages_per_minute",
        Words::new("Messages a minute, each person", "每人每分钟消息数"),
        Words::new("0: no limit.", "0 表示不限制。"),
        0,
        10_000,
        30,
    ),
    number(
        "/access/channel_messages_per_minute",
        Words::new("Messages a minute, all together", "渠道每分钟消息总数"),
        Words::new("0: no limit.", "0 表示不限制。"),
        0,
        1_000_000,
        0,
    ),
    lines("/access/allow/users", Words::new("Only these people", "仅限这些人员"), PEOPLE).advanced(),
    lines("/access/allow/departments", Words::new("Only these departments", "仅限这些部门"), DEPARTMENTS)
        .advanced(),
    lines("/access/allow/groups", Words::new("Only these groups", "仅限这些群聊"), GROUPS).advanced(),
    lines("/access/deny/users", Words::new("Never these people", "禁止这些人员"), PEOPLE).advanced(),
    lines("/access/deny/departments", Words::new("Never these departments", "禁止这些部门"), DEPARTMENTS)
        .advanced(),
    lines("/access/deny/groups", Words::new("Never these groups", "禁止这些群聊"), GROUPS).advanced(),
];

const PEOPLE: Words = Words::new(
    "One a line: username, e-mail address, our id or the platform's.",
    "每行一个：用户名、邮箱、本系统 ID 或平台用户 ID。",
);
const DEPARTMENTS: Words =
    Words::new("One a line, as the directory names them.", "每行一个，按目录中的名称填写。");
const GROUPS: Words = Words::new("One a line: the platform's id of the chat.", "每行一个：平台的群会话 ID。");

/// How people become users.
pub(super) const MODE: FormField = choice(
    "/user_mapping/mode",
    Words::new("How people become users", "用户识别方式"),
    Words::new("Who the author of a message is.", "如何确定消息的发送者。"),
    &[
        ("auto_create", Words::new("a user is made for each", "自动创建用户")),
        ("match_username", Words::new("by username", "按用户名匹配")),
        ("match_email", Words::new("by e-mail address", "按邮箱匹配")),
        ("fixed_user", Words::new("all are one user", "所有人使用同一用户")),
        ("directory", Words::new("by a company directory", "按企业目录匹配")),
    ],
    "auto_create",
);

/// Who everybody is.
pub(super) const FIXED_USER: FormField = FormField::new(
    "/user_mapping/user_id",
    Words::new("The user", "用户"),
    Words::new("The id of the user that everybody is.", "所有人共用的用户的 ID。"),
    FormKind::Line { chars_max: 100 },
);

/// What becomes of people without a match.
pub(super) const ON_MISS: FormField = choice(
    "/user_mapping/on_miss",
    Words::new("Without a match", "未匹配到时"),
    Words::new("What happens to somebody who fits nobody.", "没有匹配用户的人如何处理。"),
    &[
        ("create", Words::new("a user is made", "创建新用户")),
        ("reject", Words::new("is refused with a sentence", "拒绝并提示")),
    ],
    "create",
);

/// Directories.
pub(super) const DIRECTORIES: FormField = FormField::new(
    "/user_mapping/directories",
    Words::new("Directories", "企业目录"),
    Words::new(
        "A JSON list of name, kind (ldap, http, file, platform) and config; asked in this order.",
        "JSON 列表，每项包含 name、kind（ldap、http、file、platform）和 config，按顺序查询。",
    ),
    FormKind::Document,
);

/// Who may choose agent and model in the chat.
pub(super) const SWITCHING: [FormField; 2] = [
    choice(
        "/switching/who",
        Words::new("Who may choose agent and model in the chat", "谁可以在聊天中切换智能体和模型"),
        Words::new("With /agents and /models.", "通过 /agents 和 /models 命令。"),
        &[
            ("everyone", Words::new("everybody", "所有人")),
            ("listed", Words::new("these users", "以下用户")),
            ("nobody", Words::new("nobody", "不允许")),
        ],
        "everyone",
    ),
    choice(
        "/switching/remember",
        Words::new("A choice counts", "选择的有效范围"),
        Words::new("For whom it is remembered.", "记住选择的范围。"),
        &[
            ("conversation", Words::new("in the conversation", "仅当前对话")),
            ("user", Words::new("for the user, everywhere in the channel", "该用户在此渠道的所有对话")),
        ],
        "conversation",
    ),
];

/// Which users may.
pub(super) const SWITCHERS: FormField = lines(
    "/switching/users",
    Words::new("Users who may choose", "可以切换的用户"),
    Words::new("One a line: our ids.", "每行一个：本系统的用户 ID。"),
);

/// How long an agent may take, and how much it may say.
pub(super) const LIMITS: [FormField; 7] = [
    number(
        "/connect_timeout_ms",
        Words::new("Connecting (ms)", "连接超时（毫秒）"),
        LONGEST,
        100,
        60_000,
        5_000,
    ),
    number(
        "/first_output_timeout_ms",
        Words::new("Until the first output (ms)", "首次输出超时（毫秒）"),
        LONGEST,
        100,
        3_600_000,
        60_000,
    ),
    number(
        "/idle_timeout_ms",
        Words::new("From one output to the next (ms)", "输出间隔超时（毫秒）"),
        LONGEST,
        100,
        3_600_000,
        60_000,
    ),
    number(
        "/turn_timeout_ms",
        Words::new("A whole answer (ms)", "整个回答超时（毫秒）"),
        LONGEST,
        1_000,
        21_600_000,
        600_000,
    ),
    number(
        "/max_output_chars",
        Words::new("Longest answer (characters)", "回答最大长度（字符）"),
        Words::new("What is beyond is cut, with a mark.", "超出部分会被截断并注明。"),
        1,
        2_000_000,
        200_000,
    ),
    number(
        "/max_history_messages",
        Words::new("Messages handed over as context", "作为上下文的消息数"),
        Words::new("0: none.", "0 表示不传上下文。"),
        0,
        1_000,
        40,
    ),
    number(
        "/max_history_chars",
        Words::new("Characters handed over as context", "作为上下文的字符数"),
        Words::new("0: none.", "0 表示不传上下文。"),
        0,
        2_000_000,
        60_000,
    ),
];

const LONGEST: Words =
    Words::new("At most; then the turn ends with one sentence.", "最长时间；超过后以一句提示结束。");
