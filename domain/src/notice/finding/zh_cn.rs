//! What preflights find, in Simplified Chinese.

use super::{Finding, FindingWords, advice, fine};

const ADDRESS_BANNED_ZH_CN: FindingWords = advice(
    "本服务器的地址因调用过多被平台封禁五分钟。",
    "请等待五分钟后重新测试，渠道会自动等待。如果再次发生，请查找还有哪些程序从该地址调用钉钉：其后所有程序合计每 20 秒不超过 10,000 次。如果括号中说明返回的是网页，也可能来自中间的代理。",
);

const BUTTON_UNTOLD_ZH_CN: FindingWords = advice(
    "模板的停止按钮能否回传，只有点击后才能知道。",
    "如果模板有停止按钮：请在“卡片平台”将其点击事件设为“回传请求”，动作 ID 或参数 action 与停止按钮的动作（ai_card.stop_action）一致（默认 stop），并在回复生成时点击一次；没有按钮则无需操作。",
);

const DIRECTORY_AWAY_ZH_CN: FindingWords = advice(
    "无法连接目录。",
    "请检查渠道的企业目录（user_mapping.directories）中的地址、到目录的网络（防火墙、证书：network.ca_file）以及目录是否在运行。恢复之前不会映射新用户，已映射的用户不受影响。",
);

const DIRECTORY_REFUSES_ZH_CN: FindingWords = advice(
    "目录拒绝本服务器的查询。",
    "请检查渠道的企业目录（user_mapping.directories）中的账号、密码或密钥、查询起点（base）、属性名以及账号权限，括号中是被拒绝的内容；类型为 platform 时，应用需要开通其中所指出的权限。",
);

const DIRECTORY_UNCLEAR_ZH_CN: FindingWords =
    advice("目录返回的内容无法使用。", "请对照指南中该类目录的说明检查返回内容，括号中是具体问题。");

const WANTS_USER_ZH_CN: FindingWords = advice(
    "智能体的服务可以访问，密钥有效，但只回答它自己的用户；为避免创建用户，测试没有以任何人的名义提问。",
    "请为 POST /agents/…/test 加上 ?user_id= 和一位该服务已有用户的 id 再测试，或者直接给机器人发一条消息。",
);

/// A finding in words; an error's are taken before.
pub(super) const fn zh_cn(finding: Finding) -> FindingWords {
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
            "请在开发者后台进入“应用开发 > 对应应用 > 应用能力 > 添加应用能力”，添加并启用“机器人”，然后在“版本管理与发布”中发布新版本；渠道的 Client ID（client_id）必须属于该应用。",
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
            "渠道设置的卡片模板 ID（ai_card.template_id）对应的模板不存在。",
            "请打开“卡片平台”（开发者后台有入口），将模板 ID 完整复制（以 .schema 结尾）到渠道设置的卡片模板 ID（ai_card.template_id），并确认模板已关联该应用；也可以清空该项，使用公共模板。",
        ),
        Finding::TemplateUnpublished => {
            advice("卡片模板尚未发布。", "请打开“卡片平台”（开发者后台有入口），进入该模板并点击“发布”。")
        }
        Finding::KeyNotStreamed => advice(
            "卡片模板中没有与渠道设置的回答的变量名（ai_card.content_key）同名的流式变量。",
            "请在“卡片平台”打开该模板，选中 Markdown 组件并开启“流式组件”，将其绑定的变量名填入渠道设置的回答的变量名（ai_card.content_key），然后“发布”模板。",
        ),
        Finding::ButtonUntold => BUTTON_UNTOLD_ZH_CN,
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
        Finding::AddressBanned => ADDRESS_BANNED_ZH_CN,
        Finding::QuotaLeft => fine("调用可以通过；本月剩余额度平台没有提供。"),
        Finding::NothingOutside => fine("演练场是本服务器的一部分，无需连接任何外部服务。"),
        Finding::AgentAnswers => fine("该渠道的智能体可以回答。"),
        Finding::AgentWantsUser => WANTS_USER_ZH_CN,
        Finding::DirectoryAnswers => fine("目录可以查询。"),
        Finding::DirectoryAway => DIRECTORY_AWAY_ZH_CN,
        Finding::DirectoryRefuses => DIRECTORY_REFUSES_ZH_CN,
        Finding::DirectoryUnclear => DIRECTORY_UNCLEAR_ZH_CN,
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
