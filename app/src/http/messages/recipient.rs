//! From whom a message is for to where it goes.

use switchboard_domain::ids::{ConversationId, ConversationKey, UserId};
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_ports::channels::Channel;
use switchboard_ports::transcripts::ConversationInfo;

use crate::http::dto::message::Recipient;
use crate::http::problem::Problem;
use crate::http::state::Api;

const USER: &str = "/to/user_id";
const CONVERSATION: &str = "/to/conversation_id";

/// Where a message goes.
pub(super) struct Place {
    pub(super) key: ConversationKey,
    pub(super) chat: Chat,
    /// The person, in private.
    pub(super) person: Option<String>,
}

/// Finds the place; 422 with the pointer where there is none.
pub(super) async fn place(api: &Api, channel: &Channel, to: &Recipient) -> Result<Place, Problem> {
    match to {
        Recipient::User(id) => {
            let person = person(api, channel, id).await?;
            in_private(api, channel, person).await
        }
        Recipient::Conversation(id) if id.starts_with("cnv_") => {
            let info = api.ports.transcripts.conversation(&ConversationId::new(id)).await?;
            let info = info.filter(|info| info.key.channel == channel.id);
            let unknown = || Problem::invalid_field(CONVERSATION, "is no conversation of this channel");
            in_known(info.ok_or_else(unknown)?)
        }
        Recipient::Conversation(chat) => {
            let key = ConversationKey { channel: channel.id.clone(), chat: chat.clone(), member: None };
            match api.ports.transcripts.conversation(&key.id()).await? {
                Some(info) if info.kind == ChatKind::Private => in_known(info),
                // Of a private chat we know the person or nothing: what was never seen can only be a group.
                Some(_) | None => Ok(in_group(key, None)),
            }
        }
    }
}

/// The person behind a user of ours, or as the platform names them.
async fn person(api: &Api, channel: &Channel, id: &str) -> Result<String, Problem> {
    if !id.starts_with("usr_") {
        return Ok(id.to_owned());
    }
    let user = api.ports.users.find(&UserId::new(id)).await?;
    let user = user.ok_or_else(|| Problem::invalid_field(USER, "is no user"))?;
    let mut there = user.identities.into_iter().filter(|identity| identity.platform == channel.platform);
    match (there.next(), there.next()) {
        (Some(only), None) => Ok(only.im_user_id),
        (None, _) => {
            Err(Problem::invalid_field(USER, "is a user without an identity on this channel's platform"))
        }
        (Some(_), Some(_)) => Err(Problem::invalid_field(
            USER,
            "is a user with several identities on this channel's platform: give the platform's own id",
        )),
    }
}

/// The person's chat, if they ever wrote; the platform does not need its id.
async fn in_private(api: &Api, channel: &Channel, person: String) -> Result<Place, Problem> {
    if let Some(info) = api.ports.transcripts.private_with(&channel.id, &person).await? {
        return in_known(info);
    }
    let chat = Chat { id: format!("user:{person}"), kind: ChatKind::Private, title: None };
    let key = ConversationKey { channel: channel.id.clone(), chat: chat.id.clone(), member: None };
    Ok(Place { key, chat, person: Some(person) })
}

fn in_known(info: ConversationInfo) -> Result<Place, Problem> {
    match (info.kind, info.person) {
        (ChatKind::Group, _) => {
            // All members read it: it belongs to the group, not to one member's session.
            Ok(in_group(ConversationKey { member: None, ..info.key }, info.title))
        }
        (ChatKind::Private, Some(person)) => {
            let chat = Chat { id: info.key.chat.clone(), kind: ChatKind::Private, title: info.title };
            Ok(Place { key: info.key, chat, person: Some(person) })
        }
        (ChatKind::Private, None) => Err(Problem::invalid_field(
            CONVERSATION,
            "is a private chat with a person whom the platform does not name: they have to write first",
        )),
    }
}

fn in_group(key: ConversationKey, title: Option<String>) -> Place {
    let chat = Chat { id: key.chat.clone(), kind: ChatKind::Group, title };
    Place { key, chat, person: None }
}
