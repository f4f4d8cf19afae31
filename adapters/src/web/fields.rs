//! What whoever makes a channel of the playground is told, and that it has no settings of its own.

use serde_json::{Value, json};
use switchboard_ports::form::Words;
use switchboard_ports::provider::FieldError;

/// Step by step.
pub(super) const GUIDE: &[Words] = &[
    Words::new(
        "Nothing has to be set up elsewhere: people talk to this bot here, in the panel, under Playground.",
        "无需在其他平台上进行任何设置：人们直接在本管理面板的“演练场”中与此机器人对话。",
    ),
    Words::new(
        "Choose the agent that answers. In the playground itself everybody can switch to another one.",
        "选择负责回答的智能体。在演练场中，每个人还可以随时切换到其他智能体。",
    ),
    Words::new(
        "Whoever is signed in with a token of the role operator or administrator may talk. Each token has a conversation of \
         its own, and is a user of the platform “web” by its name.",
        "凡使用“运维”或“管理员”角色的令牌登录的人都可以对话。每个令牌有各自独立的会话，并以令牌名称作为平台 “web” 上的用户。",
    ),
];

/// There is nothing that could be set.
pub(super) fn check(config: &Value) -> Result<Value, Vec<FieldError>> {
    let names: Vec<&String> = config.as_object().into_iter().flat_map(|map| map.keys()).collect();
    if names.is_empty() {
        return Ok(json!({}));
    }
    let unknown = |name: &String| FieldError {
        pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        message: String::from("is unknown"),
    };
    Err(names.into_iter().map(unknown).collect())
}
