//! What administrators read about a failure, in Simplified Chinese.

use super::said;
use crate::notice::Remedy;
use crate::outcome::{AgentFailureKind, FailureCause};

/// A failure in words.
pub(super) const fn zh_cn(cause: FailureCause) -> Remedy {
    match cause {
        FailureCause::Agent(kind) => said(agent(kind), agent_remedy(kind)),
        FailureCause::CrashLoop => said(
            "回答该消息时服务多次中断。",
            "请在服务器日志中查找中断原因（崩溃、内存不足等），解决后重试。",
        ),
        FailureCause::UserLookup => said(
            "无法查询消息的发送者是谁。",
            "请确认存储以及渠道的企业目录（user_mapping.directories）可以访问，然后重试。",
        ),
        FailureCause::Stale => said(
            "轮到该消息时它已过期，而渠道设置为不回答过期消息。",
            "如仍需要请重试；渠道设置中的“过期消息”（conversation.stale）和“消息过期时间”（conversation.stale_after_minutes）决定如何处理过期消息。",
        ),
        FailureCause::DeliveryRefused => said(
            "平台拒绝了所有展示回答的方式。",
            "每种尝试过的方式都有拒绝代码，渠道的“检查”会指出需要修改的设置；修改后重试。",
        ),
        FailureCause::DeliveryUnknown => said(
            "发送部分回答时连接或服务中断，该部分可能未送达。",
            "请先查看聊天，仅重试缺失的内容，否则可能重复出现。",
        ),
        FailureCause::CardAbandoned => said(
            "显示回答的卡片未能在一小时内完成。",
            "请“检查”该渠道并按提示处理，然后重试：回答会显示在新卡片中。",
        ),
    }
}

const fn agent(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => "无法连接智能体。",
        AgentFailureKind::FirstOutputTimeout => "智能体未能及时开始回答。",
        AgentFailureKind::IdleTimeout => "智能体回答到一半没有了响应。",
        AgentFailureKind::TurnTimeout => "智能体的整个回答耗时过长。",
        AgentFailureKind::Unauthorized => "智能体拒绝了密钥。",
        AgentFailureKind::UnknownModel => "智能体没有该模型。",
        AgentFailureKind::RateLimited => "发给智能体的请求超过了它的上限。",
        AgentFailureKind::ServerError => "智能体自身出现错误。",
        AgentFailureKind::BadRequest => "智能体不接受该请求。",
        AgentFailureKind::CutStream => "回答过程中与智能体的连接中断。",
        AgentFailureKind::Malformed => "智能体返回的内容不符合该类型智能体的协议。",
        AgentFailureKind::Empty => "智能体的回答结束时没有任何文字。",
        AgentFailureKind::TooLong => "智能体的回答超过长度上限，已被截断。",
        AgentFailureKind::Busy => "智能体仍在处理该对话中先前的问题。",
        AgentFailureKind::Misconfigured => "智能体尚未配置完成，无法回答。",
        AgentFailureKind::UserNameRefused => "智能体不接受该用户的用户名。",
        AgentFailureKind::Cancelled => "回答已在智能体一侧被停止。",
        AgentFailureKind::AttachmentRefused => "智能体不接受随问题发送的文件。",
    }
}

const fn agent_remedy(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => {
            "请确认智能体正在运行、基础地址（base_url）正确，并且本服务器可以访问该地址（DNS、防火墙、代理、证书）；智能体的测试会显示具体错误。"
        }
        AgentFailureKind::FirstOutputTimeout => {
            "请确认智能体运行正常且没有过载；如果它需要更长时间，请在其设置中调大“首次输出超时”（first_output_timeout_ms）。"
        }
        AgentFailureKind::IdleTimeout => {
            "请确认智能体运行正常，且中间的代理没有缓冲输出；如果它的停顿更长，请在其设置中调大“输出间隔超时”（idle_timeout_ms）。"
        }
        AgentFailureKind::TurnTimeout => {
            "请确认智能体运行正常且没有过载；如果回答需要更长时间，请在其设置中调大“整个回答超时”（turn_timeout_ms）。测试最多等待 30 秒。"
        }
        AgentFailureKind::Unauthorized => {
            "请在智能体设置中填写有效的 API 密钥（api_key），并确认基础地址（base_url）属于签发该密钥的服务。"
        }
        AgentFailureKind::UnknownModel => {
            "请更正智能体设置中的模型或团队（model），或渠道设置中的模型（default_model）；可用的名称以智能体的服务为准。"
        }
        AgentFailureKind::RateLimited => "请一分钟后重试；如果再次发生，请向智能体的维护者申请更高的上限。",
        AgentFailureKind::ServerError => {
            "请查看智能体自身的日志，或联系其维护者；智能体的测试可以确认是否已恢复。"
        }
        AgentFailureKind::BadRequest => {
            "请检查智能体设置中的基础地址（base_url）、模型或团队（model）以及附加的请求内容（headers、extra_body）；智能体的测试会显示具体错误。"
        }
        AgentFailureKind::CutStream => "请检查本服务器与智能体之间的网络和代理，以及智能体是否重启或崩溃。",
        AgentFailureKind::Malformed => {
            "请确认智能体的类型（kind）与其服务的协议一致，并且基础地址（base_url）是接口地址而不是网页地址。"
        }
        AgentFailureKind::Empty => {
            "请换一种说法提问；如果再次发生，请检查智能体设置中的模型（model）和系统提示词（system_prompt）。"
        }
        AgentFailureKind::TooLong => {
            "请要求更简短的回答，或在智能体设置中调大“回答最大长度”（max_output_chars）。"
        }
        AgentFailureKind::Busy => "请等它完成后重试，或在聊天中发送 /new 开始新对话。",
        AgentFailureKind::Misconfigured => {
            "请检查此处的智能体设置，以及智能体自身系统中回答所需的配置；智能体的测试会显示具体错误。"
        }
        AgentFailureKind::UserNameRefused => {
            "请将该用户的用户名（username）改为仅含字母、数字、- 和 _，然后重试。"
        }
        AgentFailureKind::Cancelled => "无需操作；如仍需要回答，请重试。",
        AgentFailureKind::AttachmentRefused => {
            "请去掉文件或换一种格式提问，或选择其模型支持这些文件的智能体。"
        }
    }
}
