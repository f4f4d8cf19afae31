//! How to set up a bot at DingTalk, for whoever fills in a channel's settings. The whole of it is in `docs/*/dingtalk.md`.

use switchboard_ports::form::Words;

/// Step by step.
pub(super) const GUIDE: &[Words] = &[
    Words::new(
        "Open the developer console (open-dev.dingtalk.com, 开发者后台) and sign in to your company. Under 应用开发, create an \
         internal application (企业内部应用).",
        "打开钉钉开发者后台（open-dev.dingtalk.com），登录您的企业。在“应用开发”中点击“创建应用”，创建企业内部应用。",
    ),
    Words::new(
        "In the application, open 凭证与基础信息. Copy Client ID and Client Secret into the form.",
        "在应用中打开“凭证与基础信息”，把 Client ID 和 Client Secret 复制到表单中。",
    ),
    Words::new(
        "应用能力 > 添加应用能力 > 机器人: add a robot with a name and a picture. Set 消息接收模式 to Stream 模式 and save. No \
         address has to be entered.",
        "“应用能力 > 添加应用能力 > 机器人”：填写名称和头像，“消息接收模式”选择 Stream 模式并保存。无需填写任何地址。",
    ),
    Words::new(
        "开发配置 > 权限管理: apply for qyapi_robot_sendmsg (messages and files), Card.Instance.Write and \
         Card.Streaming.Write (cards), qyapi_base (images).",
        "“开发配置 > 权限管理”：申请 qyapi_robot_sendmsg（消息与文件）、Card.Instance.Write 和 Card.Streaming.Write（卡片）、\
         qyapi_base（图片）。",
    ),
    Words::new(
        "版本管理与发布: make a version, choose who sees the bot (可见范围), and publish. Publish again after every change of \
         abilities or permissions.",
        "“版本管理与发布”：创建新版本，选择可见范围，然后确认发布。每次修改应用能力或权限之后都要重新发布。",
    ),
    Words::new(
        "Press Check here. When every line is fine, save, and write to the bot: search its name in DingTalk.",
        "在此页面点击“检查”。全部通过后保存，然后在钉钉中搜索机器人的名称并给它发消息。",
    ),
];
