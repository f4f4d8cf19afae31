//! What a preflight found, in words: what was seen, and what to click where something is missing.
//!
//! Labels of DingTalk's consoles are in Chinese because the consoles are. The places 应用开发, 应用能力, 权限管理,
//! 凭证与基础信息, 版本管理与发布 and 消息接收模式, the card platform 卡片平台 and its 回传请求 are named in several
//! published set-up guides, 开发配置 > 安全设置 with its field 服务器出口IP in the platform's own.

mod zh_cn;

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
    /// There is nothing outside that could be asked: the platform is a part of the server.
    NothingOutside,
    /// The agent answered.
    AgentAnswers,
    /// The agent's server is there and takes the key, and answers only somebody whom the test is not.
    AgentWantsUser,
    /// A directory can be asked.
    DirectoryAnswers,
    /// A directory cannot be reached.
    DirectoryAway,
    /// A directory does not let us ask what we ask.
    DirectoryRefuses,
    /// A directory's answer is none that could be used.
    DirectoryUnclear,
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
    pub const ALL: [Self; 30] = [
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
        Self::NothingOutside,
        Self::AgentAnswers,
        Self::AgentWantsUser,
        Self::DirectoryAnswers,
        Self::DirectoryAway,
        Self::DirectoryRefuses,
        Self::DirectoryUnclear,
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
            Locale::ZhCn => zh_cn::zh_cn(self),
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

const DIRECTORY_AWAY: FindingWords = advice(
    "The directory cannot be reached.",
    "Check the address in the channel's directories (user_mapping.directories), the way there (firewall, certificate: network.ca_file) and that the directory runs. Until it answers nobody new is mapped, and whoever is mapped goes on.",
);

const DIRECTORY_REFUSES: FindingWords = advice(
    "The directory does not let this server ask.",
    "Check the account, its password or key, the base, the attributes and the rights of the account in the channel's directories (user_mapping.directories); the words in brackets say what was refused. For the kind \"platform\" the app needs the permission that is named there.",
);

const DIRECTORY_UNCLEAR: FindingWords = advice(
    "The directory answers what cannot be used.",
    "Compare its answer with what the guide says of this kind of directory; the words in brackets say what is wrong with it.",
);

const BUTTON_UNTOLD: FindingWords = advice(
    "Whether a press of the template's stop button arrives, only a press shows.",
    "If the template has a stop button: on the card platform (卡片平台) its click event must be 回传请求, with the action id or the parameter \"action\" that the action of the stop button (ai_card.stop_action) names (\"stop\" unless changed); press it once while an answer is written. Without a button nothing has to be done.",
);

const ADDRESS_BANNED: FindingWords = advice(
    "The platform bans this server's address for five minutes: too many calls came from it.",
    "Wait five minutes, then run the test again; the channel waits by itself. If it comes back, find what else calls DingTalk from this address: all programs behind it share 10,000 calls in 20 seconds. An answer with a page, as the words in brackets say then, may also be a proxy's in between.",
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
            "In the developer console, open 应用开发 > your app > 应用能力 > 添加应用能力, add 机器人 and switch it on; then publish a version under 版本管理与发布. The channel's Client ID (client_id) must be that app's.",
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
            "There is no card template as the channel's card template (ai_card.template_id) names it.",
            "Open the card platform (卡片平台, linked in the developer console), copy the template's ID whole, with .schema at its end, into the card template (ai_card.template_id) of the channel's settings, and check that the template is linked to this app; or leave the field empty to use the public template.",
        ),
        Finding::TemplateUnpublished => advice(
            "The card template is not published.",
            "Open the card platform (卡片平台, linked in the developer console), open the template and publish it (发布).",
        ),
        Finding::KeyNotStreamed => advice(
            "The card template has no streaming variable named as the channel's variable of the answer (ai_card.content_key) says.",
            "Open the template on the card platform (卡片平台), select its Markdown component, switch streaming (流式组件) on, and put the name of the variable bound to it into the variable of the answer (ai_card.content_key) of the channel's settings; then publish the template (发布).",
        ),
        Finding::ButtonUntold => BUTTON_UNTOLD,
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
        Finding::AddressBanned => ADDRESS_BANNED,
        Finding::QuotaLeft => {
            fine("Calls are let through; how much of the month's quota is left, the platform does not tell.")
        }
        Finding::NothingOutside => fine("The playground is a part of this server."),
        Finding::AgentAnswers => fine("The channel's agent answers."),
        Finding::AgentWantsUser => WANTS_USER,
        Finding::DirectoryAnswers => fine("The directory can be asked."),
        Finding::DirectoryAway => DIRECTORY_AWAY,
        Finding::DirectoryRefuses => DIRECTORY_REFUSES,
        Finding::DirectoryUnclear => DIRECTORY_UNCLEAR,
        // Its words are the error's, taken before.
        Finding::Error(_) => fine("The check failed."),
        Finding::SeeOtherChecks => advice(ELSEWHERE, MEND_THAT_FIRST),
        Finding::Untold => advice(
            "Not known: there was no clear answer.",
            "Run the test again in a minute; if it stays so, the words in brackets are the other side's own.",
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
