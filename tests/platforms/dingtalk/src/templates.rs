//! Card templates: which variables exist, which can be streamed, and whether `flowStatus` drives the state.

use serde::{Deserialize, Serialize};

/// A card template as far as the API's behaviour depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateConfig {
    /// Template id, `<uuid>.schema`.
    pub id: String,
    /// Variables with the streaming switch on; the first is the text that people read.
    #[serde(default)]
    pub streaming_keys: Vec<StreamingKey>,
    /// The variable `flowStatus` sets the card's state (dingtalk §6.7, flow A).
    #[serde(default)]
    pub flow_status: bool,
    /// Published; otherwise creating fails with `param.templateUnpublished`.
    #[serde(default = "yes")]
    pub published: bool,
}

/// One streamable variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamingKey {
    /// Variable name.
    pub name: String,
    /// A Markdown variable takes full texts only (`isFull: true`, dingtalk §6.6).
    #[serde(default = "yes")]
    pub markdown: bool,
}

fn yes() -> bool {
    true
}

impl TemplateConfig {
    /// A self-made, published template with one streaming Markdown variable `content`.
    #[must_use]
    pub fn own(id: &str) -> Self {
        Self::with_key(id, "content", false)
    }

    fn with_key(id: &str, key: &str, flow_status: bool) -> Self {
        let streaming_keys = vec![StreamingKey { name: key.to_owned(), markdown: true }];
        Self { id: id.to_owned(), streaming_keys, flow_status, published: true }
    }

    fn not_streaming(id: &str) -> Self {
        Self { id: id.to_owned(), streaming_keys: Vec::new(), flow_status: false, published: true }
    }
}

/// The ids hard-coded in public SDKs and bots, usable from any app (dingtalk §6.7).
pub(crate) fn public_templates() -> Vec<TemplateConfig> {
    vec![
        TemplateConfig::with_key("382e4302-551d-4880-bf29-a30acfab2e71.schema", "msgContent", true),
        TemplateConfig::with_key("02fcf2f4-5e02-4a85-b672-46d1f715543e.schema", "msgContent", true),
        TemplateConfig::with_key("675cde2f-f526-40cb-b828-f5b2b57b8b77.schema", "content", false),
        TemplateConfig::not_streaming("589420e2-c1e2-46ef-a5ed-b8728e654da9.schema"),
        TemplateConfig::not_streaming("1366a1eb-bc54-4859-ac88-517c56a9acb1.schema"),
        TemplateConfig::not_streaming("7f538f6d-ebb7-4533-a9ac-61a32da094cf.schema"),
        TemplateConfig::not_streaming("d28e2ac5-fb34-4d93-94bc-cf5c580c2d4f.schema"),
    ]
}
