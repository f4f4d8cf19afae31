//! What a preflight found, in words: what was seen, and what to click where something is missing.
//!
//! Labels of DingTalk's consoles are in Chinese because the consoles are. The places 应用开发, 应用能力, 权限管理,
//! 凭证与基础信息, 版本管理与发布 and 消息接收模式, the card platform 卡片平台 and its 回传请求 are named in several
//! published set-up guides, 开发配置 > 安全设置 with its field 服务器出口IP in the platform's own.

use super::remedy::remedy;
use crate::channel::ErrorCode;
use crate::settings::Locale;

/// What one check of a preflight found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// The credentials are accepted.
    CredentialsAccepted,
    /// The gateway offers a stream.
    StreamOffered,
    /// The gateway refuses to open a stream for this app.
    StreamRefused,
    /// The robot may send.
    RobotMaySend,
    /// The app has no robot, or not one that works.
    RobotMissing,
    /// The permission to send is missing.
    SendPermissionMissing,
    /// A card was made and streamed.
    CardsWork,
    /// The channel shows no cards.
    CardsOff,
    /// The permission to make and change cards is missing.
    CardPermissionMissing,
    /// The permission to stream cards is missing.
    StreamingPermissionMissing,
    /// There is no such template.
    TemplateMissing,
    /// The template is not published.
    TemplateUnpublished,
    /// The variable cannot be streamed.
    KeyNotStreamed,
    /// Whether the stop button reports, only a press shows.
    ButtonUntold,
    /// Files may be fetched.
    FilesMayBeFetched,
    /// The permission to fetch files is missing.
    FilePermissionMissing,
    /// No call was refused because of our address.
    AddressAllowed,
    /// The app's list of addresses does not have ours.
    AddressRefused,
    /// The platform lets nothing through from our address for some minutes.
    AddressBanned,
    /// Calls are let through.
    QuotaLeft,
    /// The agent answered.
    AgentAnswers,
    /// The agent's server is there and takes the key, and answers only somebody whom the test is not.
    AgentWantsUser,
    /// An error of the channel, with its words.
    Error(ErrorCode),
    /// Not known, because of something that another check names.
    SeeOtherChecks,
    /// Asked, without a clear answer: time-out, throttle, an error of the other side, words we do not know.
    Untold,
}

/// A finding in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindingWords {
    /// What was seen, one sentence.
    pub message: &'static str,
    /// What to do, where there is something to do.
    pub remedy: Option<&'static str>,
}

impl Finding {
    /// All findings, for tables and tests.
    pub const ALL: [Self; 25] = [
        Self::CredentialsAccepted,
        Self::StreamOffered,
        Self::StreamRefused,
        Self::RobotMaySend,
        Self::RobotMissing,
        Self::SendPermissionMissing,
        Self::CardsWork,
        Self::CardsOff,
        Self::CardPermissionMissing,
        Self::StreamingPermissionMissing,
        Self::TemplateMissing,
        Self::TemplateUnpublished,
        Self::KeyNotStreamed,
        Self::ButtonUntold,
        Self::FilesMayBeFetched,
        Self::FilePermissionMissing,
        Self::AddressAllowed,
        Self::AddressRefused,
        Self::AddressBanned,
        Self::QuotaLeft,
        Self::AgentAnswers,
        Self::AgentWantsUser,
        Self::Error(ErrorCode::NoAgent),
        Self::SeeOtherChecks,
        Self::Untold,
    ];

    /// The finding in a reader's language.
    #[must_use]
    pub const fn words(self, locale: Locale) -> FindingWords {
        if let Self::Error(code) = self {
            let error = remedy(code, locale);
            return FindingWords { message: error.message, remedy: Some(error.remedy) };
        }
        match locale {
            Locale::En => en(self),
            Locale::ZhCn => zh_cn(self),
        }
    }
}

const fn fine(message: &'static str) -> FindingWords {
    FindingWords { message, remedy: None }
}

const fn advice(message: &'static str, remedy: &'static str) -> FindingWords {
    FindingWords { message, remedy: Some(remedy) }
}

const ELSEWHERE: &str = "Not known: the call failed for a reason that another check names.";
const MEND_THAT_FIRST: &str = "Do what the failed check says, then run the test again.";

const WANTS_USER: FindingWords = advice(
    "The agent's server is there and takes the key, but answers only users of its own; the test asked in nobody's name, so that it makes none.",
    "Run POST /agents/…/test with ?user_id= and the id of a user whom that server knows, or write to the bot.",
);

const WANTS_USER_ZH_CN: FindingWords = advice(
    "智能体的服务可以访问，密钥有效，但只回答它自己的用户；为避免创建用户，测试没有以任何人的名义提问。",
    "请为 POST /agents/…/test 加上 ?user_id= 和一位该服务已有用户的 id 再测试，或者直接给机器人发一条消息。",
);

const fn en(finding: Finding) -> FindingWords {
    match finding {
        Finding::CredentialsAccepted => fine("The credentials are accepted."),
        Finding::StreamOffered => fine("The gateway offers a place to connect to; none was used."),
        Finding::StreamRefused => advice(
            "The gateway opens no stream for this app.",
            "In the developer console (open-dev.dingtalk.com), open 应用开发 > your app > 应用能力 > 机器人 and set 消息接收模式 to Stream 模式; then publish a version under 版本管理与发布. The same answer comes through a proxy that breaks HTTPS.",
        ),
        Finding::RobotMaySend => fine("The robot may send messages; none was sent."),
        Finding::RobotMissing => advice(
            "The platform knows no working robot of this app.",
            "In the developer console, open 应用开发 > your app > 应用能力 > 添加应用能力, add 机器人 and switch it on; then publish a version under 版本管理与发布. client_id must be that app's.",
        ),
        Finding::SendPermissionMissing => advice(
            "The app may not send robot messages.",
            "In the developer console, open 应用开发 > your app > 权限管理, search for qyapi_robot_sendmsg and apply for it; then publish a version under 版本管理与发布.",
        ),
        Finding::CardsWork => {
            fine("A card was made, streamed and finished with these settings; it was shown to nobody.")
        }
        Finding::CardsOff => fine("Cards are switched off for this channel: answers are plain messages."),
        Finding::CardPermissionMissing => advice(
            "The app may not make cards; answers are plain messages until it may.",
            "In the developer console, open 应用开发 > your app > 权限管理, search for Card.Instance.Write (互动卡片实例写权限) and apply for it; then publish a version under 版本管理与发布.",
        ),
        Finding::StreamingPermissionMissing => advice(
            "The app may not stream into cards; answers are plain messages until it may.",
            "In the developer console, open 应用开发 > your app > 权限管理, search for Card.Streaming.Write (AI卡片流式更新权限) and apply for it; then publish a version under 版本管理与发布.",
        ),
        Finding::TemplateMissing => advice(
            "There is no card template with the channel's template_id.",
            "Open the card platform (卡片平台, linked in the developer console), copy the template's ID whole, with .schema at its end, into ai_card.template_id, and check that the template is linked to this app; or leave template_id empty to use the public template.",
        ),
        Finding::TemplateUnpublished => advice(
            "The card template is not published.",
            "Open the card platform (卡片平台, linked in the developer console), open the template and publish it (发布).",
        ),
        Finding::KeyNotStreamed => advice(
            "The card template has no streaming variable named as the channel's content_key says.",
            "Open the template on the card platform (卡片平台), select its Markdown component, switch streaming (流式组件) on, and put the name of the variable bound to it into ai_card.content_key; then publish the template (发布).",
        ),
        Finding::ButtonUntold => advice(
            "Whether a press of the template's stop button arrives, only a press shows.",
            "If the template has a stop button: on the card platform (卡片平台) its click event must be 回传请求, with the action id or the parameter \"action\" that ai_card.stop_action names (\"stop\" unless changed); press it once while an answer is written. Without a button nothing has to be done.",
        ),
        Finding::FilesMayBeFetched => fine("Files sent to the robot may be fetched; none was."),
        Finding::FilePermissionMissing => advice(
            "The app may not fetch files that are sent to the robot.",
            "In the developer console, open 应用开发 > your app > 权限管理, search for qyapi_robot_sendmsg, which covers fetching files too, and apply for it; then publish a version under 版本管理与发布.",
        ),
        Finding::AddressAllowed => fine("No call was refused because of this server's address."),
        Finding::AddressRefused => advice(
            "This server's address is not on the app's list of allowed addresses.",
            "In the developer console (open-dev.dingtalk.com), click 应用开发 > your app > 开发配置 > 安全设置, write the address that this server goes out with into the field 服务器出口IP, beside those that stand there, and click 保存. The platform's answer in brackets names that address as a rule; behind a proxy or NAT it is the proxy's or the gateway's.",
        ),
        Finding::AddressBanned => advice(
            "The platform bans this server's address for five minutes: too many calls came from it.",
            "Wait five minutes, then run the test again; the channel waits by itself. If it comes back, find what else calls DingTalk from this address: all programs behind it share 10,000 calls in 20 seconds. An answer with a page, as the words in brackets say then, may also be a proxy's in between.",
        ),
        Finding::QuotaLeft => {
            fine("Calls are let through; how much of the month's quota is left, the platform does not tell.")
        }
        Finding::AgentAnswers => fine("The channel's agent answers."),
        Finding::AgentWantsUser => WANTS_USER,
        // Its words are the error's, taken before.
        Finding::Error(_) => fine("The check failed."),
        Finding::SeeOtherChecks => advice(ELSEWHERE, MEND_THAT_FIRST),
        Finding::Untold => advice(
            "Not known: there was no clear answer.",
            "Run the test again in a minute; if it stays so, the words in brackets are the other side's own.",
        ),
    }
}

const fn zh_cn(finding: Finding) -> FindingWords {
    match finding {
        Finding::CredentialsAccepted => fine("凭证有效。"),
        Finding::StreamOffered => fine("网关已提供连接地址，本次检查没有使用。"),
        Finding::StreamRefused => advice(
            "网关拒绝为该应用建立 Stream 连接。",
            "请在开发者后台（open-dev.dingtalk.com）进入“应用开发 > 对应应用 > 应用能力 > 机器人”，将“消息接收模式”设为“Stream 模式”，然后在“版本管理与发布”中发布新版本。如果代理破坏了 HTTPS，也会出现同样的结果。",
        ),
        Finding::RobotMaySend => fine("机器人可以发送消息，本次检查没有发送。"),
        Finding::RobotMissing => advice(
            "平台上没有该应用可用的机器人。",
            "请在开发者后台进入“应用开发 > 对应应用 > 应用能力 > 添加应用能力”，添加并启用“机器人”，然后在“版本管理与发布”中发布新版本；client_id 必须属于该应用。",
        ),
        Finding::SendPermissionMissing => advice(
            "该应用没有发送机器人消息的权限。",
            "请在开发者后台进入“应用开发 > 对应应用 > 权限管理”，搜索 qyapi_robot_sendmsg 并申请，然后在“版本管理与发布”中发布新版本。",
        ),
        Finding::CardsWork => fine("已用当前设置创建、流式更新并完成一张卡片，没有向任何人展示。"),
        Finding::CardsOff => fine("该渠道已关闭卡片，回复为普通消息。"),
        Finding::CardPermissionMissing => advice(
            "该应用没有创建卡片的权限，开通前回复为普通消息。",
            "请在开发者后台进入“应用开发 > 对应应用 > 权限管理”，搜索 Card.Instance.Write（互动卡片实例写权限）并申请，然后在“版本管理与发布”中发布新版本。",
        ),
        Finding::StreamingPermissionMissing => advice(
            "该应用没有流式更新卡片的权限，开通前回复为普通消息。",
            "请在开发者后台进入“应用开发 > 对应应用 > 权限管理”，搜索 Card.Streaming.Write（AI卡片流式更新权限）并申请，然后在“版本管理与发布”中发布新版本。",
        ),
        Finding::TemplateMissing => advice(
            "渠道设置的 template_id 对应的卡片模板不存在。",
            "请打开“卡片平台”（开发者后台有入口），将模板 ID 完整复制（以 .schema 结尾）到 ai_card.template_id，并确认模板已关联该应用；也可以清空 template_id，使用公共模板。",
        ),
        Finding::TemplateUnpublished => {
            advice("卡片模板尚未发布。", "请打开“卡片平台”（开发者后台有入口），进入该模板并点击“发布”。")
        }
        Finding::KeyNotStreamed => advice(
            "卡片模板中没有与 content_key 同名的流式变量。",
            "请在“卡片平台”打开该模板，选中 Markdown 组件并开启“流式组件”，将其绑定的变量名填入 ai_card.content_key，然后“发布”模板。",
        ),
        Finding::ButtonUntold => advice(
            "模板的停止按钮能否回传，只有点击后才能知道。",
            "如果模板有停止按钮：请在“卡片平台”将其点击事件设为“回传请求”，动作 ID 或参数 action 与 ai_card.stop_action 一致（默认 stop），并在回复生成时点击一次；没有按钮则无需操作。",
        ),
        Finding::FilesMayBeFetched => fine("可以下载发送给机器人的文件，本次检查没有下载。"),
        Finding::FilePermissionMissing => advice(
            "该应用没有下载机器人所收文件的权限。",
            "请在开发者后台进入“应用开发 > 对应应用 > 权限管理”，搜索 qyapi_robot_sendmsg（也包含下载文件）并申请，然后在“版本管理与发布”中发布新版本。",
        ),
        Finding::AddressAllowed => fine("没有调用因本服务器的地址被拒绝。"),
        Finding::AddressRefused => advice(
            "本服务器的地址不在该应用允许的地址列表中。",
            "请在开发者后台（open-dev.dingtalk.com）依次点击“应用开发 > 对应应用 > 开发配置 > 安全设置”，在“服务器出口IP”一栏中保留原有地址并填入本服务器的出口地址，然后点击“保存”。该地址通常在括号中的平台返回信息里；如经过代理或 NAT，则为代理或网关的地址。",
        ),
        Finding::AddressBanned => advice(
            "本服务器的地址因调用过多被平台封禁五分钟。",
            "请等待五分钟后重新测试，渠道会自动等待。如果再次发生，请查找还有哪些程序从该地址调用钉钉：其后所有程序合计每 20 秒不超过 10,000 次。如果括号中说明返回的是网页，也可能来自中间的代理。",
        ),
        Finding::QuotaLeft => fine("调用可以通过；本月剩余额度平台没有提供。"),
        Finding::AgentAnswers => fine("该渠道的智能体可以回答。"),
        Finding::AgentWantsUser => WANTS_USER_ZH_CN,
        Finding::Error(_) => fine("检查未通过。"),
        Finding::SeeOtherChecks => advice(
            "无法判断：调用因另一项检查所指出的原因没有成功。",
            "请先按失败的检查项所给的办法处理，然后重新测试。",
        ),
        Finding::Untold => advice(
            "无法判断：没有得到明确的结果。",
            "请一分钟后重新测试；如果仍然如此，括号中是对方返回的原文。",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;
    use crate::channel::ErrorCode;
    use crate::notice::remedy;
    use crate::settings::Locale;

    fn is_chinese(text: &str) -> bool {
        text.chars().any(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c))
    }

    #[test]
    fn every_finding_has_its_words_in_both_languages() {
        for finding in Finding::ALL {
            let (en, zh_cn) = (finding.words(Locale::En), finding.words(Locale::ZhCn));
            assert_eq!(en.remedy.is_some(), zh_cn.remedy.is_some(), "{finding:?}");
            for text in [Some(en.message), en.remedy].into_iter().flatten() {
                assert!(text.ends_with('.') && !text.contains(['{', '}']), "{text}");
            }
            assert!(!is_chinese(en.message), "{}", en.message);
            for text in [Some(zh_cn.message), zh_cn.remedy].into_iter().flatten() {
                assert!(text.ends_with('。') && is_chinese(text), "{text}");
            }
        }
    }

    #[test]
    fn no_two_findings_say_the_same() {
        for locale in [Locale::En, Locale::ZhCn] {
            for (at, finding) in Finding::ALL.iter().enumerate() {
                let words = finding.words(locale);
                assert!(
                    Finding::ALL.iter().skip(at + 1).all(|other| other.words(locale) != words),
                    "{words:?}"
                );
            }
        }
    }

    #[test]
    fn an_error_found_has_the_words_of_the_status() {
        for code in ErrorCode::ALL {
            for locale in [Locale::En, Locale::ZhCn] {
                let (words, error) = (Finding::Error(code).words(locale), remedy(code, locale));
                assert_eq!((words.message, words.remedy), (error.message, Some(error.remedy)));
            }
        }
    }

    #[test]
    fn what_is_missing_at_the_platform_is_found_by_the_labels_of_its_console() {
        let missing = [
            (Finding::StreamRefused, "消息接收模式"),
            (Finding::RobotMissing, "添加应用能力"),
            (Finding::SendPermissionMissing, "权限管理"),
            (Finding::CardPermissionMissing, "Card.Instance.Write"),
            (Finding::StreamingPermissionMissing, "Card.Streaming.Write"),
            (Finding::TemplateMissing, "卡片平台"),
            (Finding::TemplateUnpublished, "发布"),
            (Finding::KeyNotStreamed, "content_key"),
            (Finding::ButtonUntold, "回传请求"),
            (Finding::FilePermissionMissing, "qyapi_robot_sendmsg"),
            (Finding::AddressRefused, "安全设置"),
            (Finding::AddressRefused, "服务器出口IP"),
        ];
        for (finding, label) in missing {
            for locale in [Locale::En, Locale::ZhCn] {
                assert!(finding.words(locale).remedy.is_some_and(|text| text.contains(label)), "{finding:?}");
            }
        }
    }
}
