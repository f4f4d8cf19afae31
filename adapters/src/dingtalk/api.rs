//! The platform's APIs that we call (dingtalk §0.1).

use reqwest::Method;

/// One API of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Api {
    /// Asks for a place to connect to.
    GatewayOpen,
    /// Asks for an access token.
    Token,
    /// Makes a card and shows it.
    CardCreate,
    /// Makes a card and shows it nowhere.
    CardDraft,
    /// Sets a card's variables.
    CardUpdate,
    /// Streams a card's text.
    CardStreaming,
    /// Sends to a person.
    PrivateSend,
    /// Sends to a group.
    GroupSend,
    /// Exchanges a file's code for its address.
    FileDownload,
    /// Uploads an image; the token is part of the address.
    MediaUpload,
    /// Asks about a person of the company; the token is part of the address.
    ContactUser,
    /// Asks about a department; the token is part of the address.
    ContactDepartment,
    /// Posts to a message's session webhook; the address is given by the message.
    SessionWebhook,
}

impl Api {
    /// Its name in metrics.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::GatewayOpen => "gateway_open",
            Self::Token => "token",
            Self::CardCreate => "card_create",
            Self::CardDraft => "card_draft",
            Self::FileDownload => "file_download",
            Self::CardUpdate => "card_update",
            Self::CardStreaming => "card_streaming",
            Self::PrivateSend => "private_send",
            Self::GroupSend => "group_send",
            Self::MediaUpload => "media_upload",
            Self::ContactUser => "contact_user",
            Self::ContactDepartment => "contact_department",
            Self::SessionWebhook => "session_webhook",
        }
    }

    /// Its method and its path below the API's base address.
    pub(super) const fn route(self) -> (Method, &'static str) {
        match self {
            Self::GatewayOpen => (Method::POST, "/v1.0/gateway/connections/open"),
            Self::Token => (Method::POST, "/v1.0/oauth2/accessToken"),
            Self::CardCreate => (Method::POST, "/v1.0/card/instances/createAndDeliver"),
            Self::CardDraft => (Method::POST, "/v1.0/card/instances"),
            Self::FileDownload => (Method::POST, "/v1.0/robot/messageFiles/download"),
            Self::CardUpdate => (Method::PUT, "/v1.0/card/instances"),
            Self::CardStreaming => (Method::PUT, "/v1.0/card/streaming"),
            Self::PrivateSend => (Method::POST, "/v1.0/robot/oToMessages/batchSend"),
            Self::GroupSend => (Method::POST, "/v1.0/robot/groupMessages/send"),
            Self::MediaUpload => (Method::POST, "/media/upload"),
            Self::ContactUser => (Method::POST, "/topapi/v2/user/get"),
            Self::ContactDepartment => (Method::POST, "/topapi/v2/department/get"),
            Self::SessionWebhook => (Method::POST, "/robot/sendBySession"),
        }
    }

    /// Whether its calls count against the company's monthly quota of API calls. Tokens and the
    /// address book are free (dingtalk §9.2); asking for a
    /// connection and posting to an address that came with a message need no token, and are taken to be.
    pub(super) const fn is_metered(self) -> bool {
        match self {
            Self::GatewayOpen
            | Self::Token
            | Self::ContactUser
            | Self::ContactDepartment
            | Self::SessionWebhook => false,
            Self::CardCreate
            | Self::CardDraft
            | Self::CardUpdate
            | Self::CardStreaming
            | Self::PrivateSend
            | Self::GroupSend
            | Self::FileDownload
            | Self::MediaUpload => true,
        }
    }

    /// Which budget its calls are taken from; tokens, connections and what a preflight alone asks are not limited by us.
    pub(super) const fn lane(self) -> Option<Lane> {
        match self {
            Self::GatewayOpen | Self::Token | Self::CardDraft => None,
            Self::CardCreate => Some(Lane::CardCreate),
            Self::CardUpdate => Some(Lane::CardUpdate),
            Self::CardStreaming => Some(Lane::CardStreaming),
            Self::PrivateSend | Self::GroupSend => Some(Lane::RobotSend),
            Self::SessionWebhook => Some(Lane::SessionWebhook),
            Self::FileDownload => Some(Lane::FileDownload),
            Self::MediaUpload => Some(Lane::MediaUpload),
            Self::ContactUser => Some(Lane::ContactUser),
            Self::ContactDepartment => Some(Lane::ContactDepartment),
        }
    }
}

/// A budget of calls: the platform limits each API on its own (dingtalk §9.2). The two send APIs share one, because a
/// claim does not say which of them it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// Making cards.
    CardCreate,
    /// Setting cards' variables.
    CardUpdate,
    /// Streaming cards' texts.
    CardStreaming,
    /// Sending by the robot API.
    RobotSend,
    /// Posting to session webhooks.
    SessionWebhook,
    /// Asking for files.
    FileDownload,
    /// Uploading images.
    MediaUpload,
    /// Asking about people.
    ContactUser,
    /// Asking about departments.
    ContactDepartment,
}

impl Lane {
    /// Its name where replicas share budgets: all versions have to call it the same.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::CardCreate => "card_create",
            Self::CardUpdate => "card_update",
            Self::CardStreaming => "card_streaming",
            Self::RobotSend => "robot_send",
            Self::SessionWebhook => "session_webhook",
            Self::FileDownload => "file_download",
            Self::MediaUpload => "media_upload",
            Self::ContactUser => "contact_user",
            Self::ContactDepartment => "contact_department",
        }
    }
}
