//! Our sentences in Chinese (Simplified).

use alloc::format;
use alloc::string::String;
use core::time::Duration;

use super::{Age, Listed, Notice, Several, StatusReport, help, shown};
use crate::outcome::{AgentFailureKind, Cut, FailureCause, Refusal};
use crate::settings::Locale;

pub(super) fn text(notice: &Notice) -> String {
    let text = match notice {
        Notice::Thinking => "思考中...",
        Notice::UsingTool { name } => return format!("正在使用工具 {name}"),
        Notice::NewConversation => "已开始新对话。有什么可以帮助您的？",
        Notice::StopMark => "⏹ 已停止。",
        Notice::InterruptMark => "⏹ 收到新消息，本次回答到此为止。",
        Notice::Cut(Cut::Length) => "✂️ 已达智能体的长度上限，回答在此截断。可让它继续。",
        Notice::Cut(Cut::Filter) => "✂️ 回答被智能体的内容过滤截断。请换个说法再问。",
        Notice::NothingToStop => "当前没有正在生成的回复，无需停止。",
        Notice::Stopped { withdrawn: 0 } => "已停止。",
        Notice::Stopped { withdrawn } => return format!("已停止，并撤回了 {withdrawn} 条等待中的消息。"),
        Notice::Waiting { place: 0 | 1 } => "您的消息正在等待，将在下一个回答。",
        Notice::Waiting { place } => return format!("您的消息正在排队，位于第 {place} 位。"),
        Notice::WaitWithdrawn => "该消息在回答之前已被撤回。",
        Notice::AnsweredAbove => "该消息与上一条消息一并回答。",
        Notice::Status(report) => return status(report),
        Notice::Help => return help("可用命令：", Locale::ZhCn),
        Notice::Agents(listed) => return list(listed, "智能体列表：", "/agents"),
        Notice::Several(found) => return several(found),
        Notice::AgentChosen { name } => return format!("从下一次回答起，由 {} 回答。", shown(name)),
        Notice::NoSuchAgent => "没有这个智能体。发送 /agents 查看列表。",
        Notice::Models(listed) => return list(listed, "模型列表：", "/models"),
        Notice::ModelsUntold => "暂时无法获取该智能体的模型列表。请发送 /models 加模型名称，或稍后重试。",
        Notice::NoModelAllowed => "该智能体提供的模型都不允许在此选择。如有需要，请联系管理员。",
        Notice::ModelChosen { name: Some(name) } => {
            return format!("从下一次回答起，使用模型 {}。", shown(name));
        }
        Notice::ModelChosen { name: None } => "从下一次回答起，模型由智能体决定。",
        Notice::NoSuchModel => "没有这个模型。发送 /models 查看列表。",
        Notice::MayNotSwitch => "您不能在此切换智能体或模型。如有需要，请联系管理员。",
        Notice::Languages => "支持中文（发送 /lang zh）和英文（发送 /lang en）。",
        Notice::LanguageChosen(Locale::ZhCn) => "接下来我会使用中文。",
        Notice::LanguageChosen(Locale::En) => "接下来我会使用英文。",
        Notice::LookupFailed => "暂时无法查询，请几分钟后重试。",
        Notice::Refused(refusal) => refused(*refusal),
        Notice::Failed(cause) => failed(*cause),
        Notice::AnswerBelow => "回答见下方文字消息。",
        Notice::ContinuedBelow => "其余内容见下方文字消息。",
        Notice::GoesOn { chars } => return format!("回答仍在继续，目前共 {chars} 字。"),
        Notice::ShuttingDown => "服务正在重启，稍后将继续回答。",
        Notice::ChannelDeleted => "该机器人已被移除，回答到此结束。请联系管理员获取其他机器人。",
        Notice::Late { age } => return format!("回复较晚：您的消息发送于 {}前。", span(*age)),
        Notice::ServerError => "服务出现异常，请几分钟后重试。",
    };
    String::from(text)
}

const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::TooManyMessages => "消息过多，请一分钟后重新发送。",
        Refusal::InboxFull => "等待处理的消息过多，请等待回复，或发送 /stop all 撤回这些消息。",
        Refusal::Busy => "上一条消息仍在处理中，请等待回复，或发送 /stop 停止。",
        Refusal::AccessDenied => "您没有在此使用该机器人的权限，请联系管理员开通。",
        Refusal::UserDisabled => "您的账号已被停用，请联系管理员启用。",
        Refusal::NotMapped => "未找到与您对应的账号，请联系管理员设置。",
        Refusal::NotLookedUp => "暂时无法确认您的身份，未执行任何操作，请几分钟后重试。",
        Refusal::Unsupported => "暂不支持这类消息，请发送文字、图片、语音、视频或文件。",
        Refusal::NoAgent => "该机器人尚未配置智能体，请联系管理员选择一个。",
        Refusal::ChannelDeleted => "该机器人在回复之前已被移除，请联系管理员获取其他机器人。",
        Refusal::FilesTooLarge => {
            "您发送的文件过大：单个文件不超过 20 MB，一条消息的文件合计不超过 32 MB，请发送更小的文件。"
        }
        Refusal::FilesDenied => "您发送的内容所在的位置不允许机器人获取，请改为发送文字，或请管理员排查。",
        Refusal::NotFetched => "未能从聊天中获取您发送的内容，请重新发送。",
    }
}

const fn failed(cause: FailureCause) -> &'static str {
    match cause {
        FailureCause::Agent(kind) => agent(kind),
        FailureCause::CrashLoop => "处理这条消息时服务多次中断，请换一种说法重试，或联系管理员。",
        FailureCause::UserLookup => "暂时无法查询您的账号，请几分钟后重试。",
        FailureCause::Stale => "您的消息等待过久，未再处理；如仍需要，请重新发送。",
        FailureCause::DeliveryRefused => "回答无法发送到此会话，请重新提问，或联系管理员。",
        FailureCause::DeliveryUnknown => "部分回答可能未送达，如有缺失请重新提问。",
        FailureCause::CardAbandoned => "该回答的卡片未能完成显示，请重新提问。",
    }
}

const fn agent(kind: AgentFailureKind) -> &'static str {
    match kind {
        AgentFailureKind::Unreachable => "暂时无法连接智能体，请几分钟后重试。",
        AgentFailureKind::FirstOutputTimeout => "智能体未能及时开始回答，请重试。",
        AgentFailureKind::IdleTimeout => "智能体回答到一半没有了响应，请重新提问。",
        AgentFailureKind::TurnTimeout => "回答耗时过长，已被终止，请缩小问题范围后重试。",
        AgentFailureKind::Unauthorized => "智能体拒绝了访问密钥，请联系管理员。",
        AgentFailureKind::UnknownModel => "智能体不支持所选模型，请联系管理员。",
        AgentFailureKind::RateLimited => "智能体当前请求过多，请一分钟后重试。",
        AgentFailureKind::ServerError => "智能体自身出现错误，请几分钟后重试。",
        AgentFailureKind::BadRequest => "智能体未接受该请求，请发送 /new 后重新提问，或联系管理员。",
        AgentFailureKind::CutStream => "回答过程中与智能体的连接中断，请重新提问。",
        AgentFailureKind::Malformed => "无法识别智能体的回答，请重新提问；若仍然如此，请联系管理员。",
        AgentFailureKind::Empty => "智能体的回答为空，请换一种说法提问。",
        AgentFailureKind::TooLong => "回答过长，已被截断，请要求更简短的回答。",
        AgentFailureKind::Busy => "智能体仍在处理先前的问题，请等它完成后重新提问，或发送 /new。",
        AgentFailureKind::Misconfigured => "智能体尚未配置完成，请联系管理员。",
        AgentFailureKind::UserNameRefused => {
            "智能体无法使用您的用户名，请联系管理员改用仅含字母、数字、- 和 _ 的用户名。"
        }
        AgentFailureKind::Cancelled => "回答已在智能体一侧被停止，请重新提问。",
        AgentFailureKind::AttachmentRefused => {
            "智能体无法处理所发送的文件，请去掉文件后提问，或换一种格式重新发送。"
        }
    }
}

fn list(listed: &Listed, title: &str, command: &str) -> String {
    let below = format!("发送 {command} 加编号或名称即可切换，发送 {command} default 恢复默认。");
    listed.text(title, "（当前）", "（默认）", "……另有 {} 个，请直接发送名称。", &below)
}

fn several(found: &Several) -> String {
    let (names, command) = (found.names("、"), found.command);
    let more = if found.more > 0 { format!(" 等，另有 {} 个", found.more) } else { String::new() };
    format!("有多个名称以此开头：{names}{more}。请发送 {command} 加完整名称或编号。")
}

fn status(report: &StatusReport) -> String {
    let agent = shown(report.agent.as_deref().unwrap_or("无"));
    let model = shown(report.model.as_deref().unwrap_or("由智能体决定"));
    let age = span(report.session_age);
    let turns = report.turns;
    let running = if report.running { "正在生成回复" } else { "空闲" };
    let waiting = match report.waiting {
        0 => String::new(),
        count => format!("，{count} 条消息等待中"),
    };
    format!(
        "- 智能体：{agent}\n- 模型：{model}\n- 当前对话：已持续 {age}，共 {turns} 次回答\n- 状态：{running}{waiting}。"
    )
}

fn span(age: Duration) -> String {
    match Age::of(age) {
        Age::Now => String::from("不到 1 分钟"),
        Age::Minutes(count) => format!("{count} 分钟"),
        Age::Hours(count) => format!("{count} 小时"),
        Age::Days(count) => format!("{count} 天"),
    }
}
