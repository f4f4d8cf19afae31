//! What administrators read about a channel's error: what is wrong, and what to do about it.
//!
//! The remedies name the places of DingTalk's developer console (open-dev.dingtalk.com) by the labels it shows;
//! the console itself exists in Chinese, so the English texts carry the labels too. Settings are named as the panel's forms
//! do, with the API's name in brackets: the same sentence is read in both.

use crate::channel::ErrorCode;
use crate::settings::Locale;

/// An error in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// What is wrong, one sentence.
    pub message: &'static str,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The words for an error code.
#[must_use]
pub const fn remedy(code: ErrorCode, locale: Locale) -> Remedy {
    match locale {
        Locale::En => en(code),
        Locale::ZhCn => zh_cn(code),
    }
}

/// Why one replica alone is connected.
#[must_use]
pub const fn one_connection(locale: Locale) -> &'static str {
    match locale {
        Locale::En => {
            "The platform closes the older of two connections, so one replica alone is connected and the others stand by; nothing has to be done."
        }
        Locale::ZhCn => "平台会关闭较早的连接，因此只由一个副本保持连接，其余副本待命；无需处理。",
    }
}

const fn en(code: ErrorCode) -> Remedy {
    let (message, remedy) = match code {
        ErrorCode::InvalidCredentials => (
            "The platform refuses the channel's credentials.",
            "Open the app in DingTalk's developer console, go to Credentials and Basic Information (凭证与基础信息), and copy Client ID (client_id) and Client Secret (client_secret) into the channel's settings; if the secret was reset there, the old one no longer works.",
        ),
        ErrorCode::NetworkUnreachable => (
            "The platform cannot be reached from this server.",
            "Check the server's internet access, DNS, proxy (HTTPS_PROXY, NO_PROXY) and, where a proxy opens TLS, its authority (network.ca_file), and that a firewall lets out HTTPS and WebSockets to api.dingtalk.com and *.dingtalk.com; the channel keeps trying by itself.",
        ),
        ErrorCode::PlatformError => (
            "The platform has an error of its own.",
            "Nothing has to be done: the channel keeps trying. If it lasts, check in the developer console that the robot's message receiving mode (消息接收模式) is Stream mode (Stream 模式) and that the app is published (版本管理与发布).",
        ),
        ErrorCode::RateLimited => (
            "The platform limits how many calls this app may make; replies are delayed, none is lost.",
            "Raise the channel's pause between card updates (ai_card.update_interval_ms) or lower its calls per second (calls_per_second), or ask DingTalk for a higher call limit for the app.",
        ),
        ErrorCode::QuotaExceeded => (
            "The company's monthly quota of calls or pushes is used up.",
            "Buy more quota for the company in DingTalk's developer console or admin console, or wait for the next month.",
        ),
        ErrorCode::ConnectionLost => (
            "The connection to the platform broke.",
            "Nothing has to be done: the channel reconnects by itself. If it happens often, check the network and proxies between this server and DingTalk, which must leave idle WebSockets open.",
        ),
        ErrorCode::PermissionDenied => (
            "The app lacks a permission, or this server's address is not allowed.",
            "In the developer console, open Permissions (开发配置 > 权限管理) and apply for qyapi_robot_sendmsg, Card.Instance.Write and Card.Streaming.Write; under Security Settings (安全设置) add this server's outgoing address to the server egress IPs (服务器出口IP); then publish a new version (版本管理与发布).",
        ),
        ErrorCode::Misconfigured => (
            "A setting of the channel does not fit what the platform knows.",
            "Check in the developer console that the app has the robot ability (机器人) with Stream mode (Stream 模式), that the card template is published, that the channel's card template (ai_card.template_id) and variable of the answer (ai_card.content_key) are the template's own, and that a version of the app is released (版本管理与发布).",
        ),
        ErrorCode::StoreUnavailable => (
            "Switchboard's own store takes no messages at the moment, so the channel is closed to lose none.",
            "Check that the store of store.url is running and reachable and that its disk, or the memory of Redis, is not full; the channel reconnects by itself.",
        ),
        ErrorCode::NoAgent => (
            "The channel has no agent, so messages cannot be answered.",
            "Choose an agent in the channel's settings, under Agent (default_agent_id).",
        ),
        ErrorCode::AgentUnreachable => (
            "The channel's agent cannot be reached.",
            "Check that the agent is running and that its base address (base_url) can be reached from this server; the agent's test shows the exact error.",
        ),
        ErrorCode::AgentMisconfigured => (
            "The channel's agent refuses the key or the model.",
            "Check the API key (api_key), the model or team (model) and the base address (base_url) in the agent's settings, then run the agent's test.",
        ),
    };
    Remedy { message, remedy }
}

const fn zh_cn(code: ErrorCode) -> Remedy {
    let (message, remedy) = match code {
        ErrorCode::InvalidCredentials => (
            "平台拒绝了该渠道的凭证。",
            "请在钉钉开放平台打开对应应用，进入“凭证与基础信息”，将 Client ID（client_id）和 Client Secret（client_secret）重新复制到渠道设置中；如果曾重置过 Client Secret，旧的会立即失效。",
        ),
        ErrorCode::NetworkUnreachable => (
            "本服务器无法连接到平台。",
            "请检查服务器的外网访问、DNS、代理（HTTPS_PROXY、NO_PROXY），若代理会解开 TLS，还需检查其证书颁发机构（network.ca_file），并确认防火墙允许以 HTTPS 和 WebSocket 访问 api.dingtalk.com 与 *.dingtalk.com；渠道会自动持续重试。",
        ),
        ErrorCode::PlatformError => (
            "平台自身出现错误。",
            "无需操作，渠道会自动重试。如果长时间未恢复，请在钉钉开放平台确认机器人的“消息接收模式”为“Stream 模式”，并且应用已在“版本管理与发布”中发布。",
        ),
        ErrorCode::RateLimited => (
            "平台限制了该应用的调用频率，回复会延迟，但不会丢失。",
            "请调大渠道的卡片更新间隔（ai_card.update_interval_ms）或调小每秒调用次数（calls_per_second），也可以向钉钉申请提高该应用的调用上限。",
        ),
        ErrorCode::QuotaExceeded => (
            "企业本月的接口调用或消息推送额度已用完。",
            "请在钉钉开放平台或管理后台为企业购买更多额度，或等待下个月恢复。",
        ),
        ErrorCode::ConnectionLost => (
            "与平台的连接已断开。",
            "无需操作，渠道会自动重连。如果频繁发生，请检查服务器与钉钉之间的网络和代理，确保空闲的 WebSocket 不会被断开。",
        ),
        ErrorCode::PermissionDenied => (
            "应用缺少权限，或本服务器的地址未被允许。",
            "请在钉钉开放平台的“开发配置 > 权限管理”中申请 qyapi_robot_sendmsg、Card.Instance.Write 和 Card.Streaming.Write 权限；在“安全设置”的“服务器出口IP”中加入本服务器的出口地址；然后在“版本管理与发布”中发布新版本。",
        ),
        ErrorCode::Misconfigured => (
            "渠道的某项设置与平台上的配置不一致。",
            "请在钉钉开放平台确认应用已添加“机器人”能力并使用“Stream 模式”，卡片模板已发布，且渠道设置中的卡片模板 ID（ai_card.template_id）和回答的变量名（ai_card.content_key）与该模板一致，并且应用已在“版本管理与发布”中发布。",
        ),
        ErrorCode::StoreUnavailable => (
            "Switchboard 自身的存储暂时无法写入消息，为避免丢失消息已关闭该渠道的连接。",
            "请检查 store.url 指向的存储是否正常运行、可以访问，以及磁盘（或 Redis 的内存）是否已满；渠道会自动重连。",
        ),
        ErrorCode::NoAgent => {
            ("该渠道没有配置智能体，无法回答消息。", "请在渠道设置的“智能体”（default_agent_id）中选择一个。")
        }
        ErrorCode::AgentUnreachable => (
            "无法连接该渠道的智能体。",
            "请确认智能体正在运行，并且本服务器可以访问其基础地址（base_url）；智能体的测试功能会显示具体错误。",
        ),
        ErrorCode::AgentMisconfigured => (
            "该渠道的智能体拒绝了密钥或模型。",
            "请检查智能体设置中的 API 密钥（api_key）、模型或团队（model）和基础地址（base_url），然后运行智能体的测试。",
        ),
    };
    Remedy { message, remedy }
}
