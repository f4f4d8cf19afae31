//! `POST /channels/{id}/mapping/test`.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::Value;
use switchboard_domain::access;
use switchboard_domain::mapping::{Decision, USERNAME_BYTES_MAX};
use switchboard_domain::message::Sender;
use switchboard_domain::notice::Notice;
use switchboard_domain::outcome::FailureCause;
use switchboard_domain::username::reads_as_it_is;
use switchboard_ports::provider::FieldError;
use utoipa::ToSchema;

use super::found;
use crate::http::auth::Operator;
use crate::http::body::JsonBody;
use crate::http::dto::fields::{self, Fields, Reader};
use crate::http::dto::user_input::check_im_user_id;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::runtime::operations::{DirectorySaid, MappingTrial};

const NAME_CHARS_MAX: usize = 200;

// For the API's document only: `read` names all mistakes at once.
/// Whose message it would be.
#[derive(Debug, ToSchema)]
#[schema(as = MappingTestInput)]
pub struct MappingTestInput {
    /// The platform's id of the person, 128 bytes at most. Of people who have none there is nothing to try: they are guests.
    #[schema(min_length = 1, max_length = 128)]
    pub im_user_id: String,
    /// The name shown in the chat.
    #[schema(max_length = 200)]
    pub name: Option<String>,
}

/// What would happen to a message's author.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MappingTestView {
    /// `use` (linked already, or the fixed user), `link` (to a user there is), `create`, `refuse`, or `unknown` (a directory
    /// cannot be asked, and nothing would be made).
    pub outcome: &'static str,
    /// What decided: `linked`, `username`, `email`, `fixed_user`, `directory` or `on_miss`.
    pub rule: &'static str,
    /// Whether the author may use the channel, in a private chat: `allow`, `deny`, or `unknown` (it depends on who it is).
    pub access: &'static str,
    /// The sentence that the author would get instead of an answer.
    pub sentence: Option<String>,
    /// Under which the author is linked.
    pub im_user_id: String,
    /// The user; of one that would be made, as far as it is known.
    pub user: Option<MappedUserView>,
    /// What the channel's directories say.
    pub directory: DirectoryAnswerView,
}

/// A user who is, or would be made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MappedUserView {
    /// Its id; null for one that would be made.
    pub id: Option<String>,
    /// The username.
    pub username: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// The department.
    pub department: Option<String>,
}

/// What directories say.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct DirectoryAnswerView {
    /// `not_asked`, `found`, `absent`, `ambiguous` (several fit) or `unavailable`.
    pub answer: &'static str,
    /// The directory that knows the person.
    pub name: Option<String>,
    /// The username there.
    pub username: Option<String>,
    /// Whether the person is disabled there.
    pub disabled: Option<bool>,
    /// Which directory could not be asked, and why.
    pub detail: Option<String>,
}

impl From<DirectorySaid> for DirectoryAnswerView {
    fn from(said: DirectorySaid) -> Self {
        let only = |answer| Self { answer, ..Self::default() };
        match said {
            DirectorySaid::NotAsked => only("not_asked"),
            DirectorySaid::Absent => only("absent"),
            DirectorySaid::Ambiguous => only("ambiguous"),
            DirectorySaid::Unavailable(why) => Self { detail: Some(why), ..only("unavailable") },
            DirectorySaid::Found(person) => Self {
                name: Some(person.directory),
                username: Some(person.username),
                disabled: Some(person.disabled),
                ..only("found")
            },
        }
    }
}

/// Says what would happen to the author of a message and why, and changes nothing: no user is made, nothing linked. What
/// directories say is remembered as for a message.
#[utoipa::path(post, path = "/channels/{id}/mapping/test", tag = "channels", operation_id = "test_mapping",
    params(("id" = String, Path, description = "the channel's id")), request_body = MappingTestInput,
    responses((status = 200, description = "what would happen", body = MappingTestView)),
    security(("bearer" = ["operator"])))]
pub async fn test(
    _: Operator,
    State(api): State<Api>,
    Id(id): Id,
    query: Query,
    JsonBody(body): JsonBody,
) -> Result<Json<MappingTestView>, Problem> {
    query.finish()?;
    let channel = found(&api, &id).await?;
    let sender = read(&body).map_err(Problem::invalid)?;
    let trial = api.operations.try_mapping(&channel.id, sender).await?;
    let trial = trial.ok_or_else(|| Problem::unavailable("the channel is not taken in yet"))?;
    Ok(Json(view(trial, &channel)))
}

fn read(document: &Value) -> Result<Sender, Vec<FieldError>> {
    fields::object(document)?;
    let mut fields = Fields::default();
    let mut reader = Reader::new(document, &mut fields);
    let given = reader.raw("im_user_id");
    let is_usable = |id: &&str| {
        check_im_user_id(Some(id)).is_ok() && id.len() <= USERNAME_BYTES_MAX && reads_as_it_is(id)
    };
    let im_user_id = given.and_then(Value::as_str).filter(is_usable).map(str::to_owned);
    if given.is_none() {
        reader.wrong("im_user_id", "is required: of people without an id there is nothing to try");
    } else if im_user_id.is_none() {
        let allowed = format!(
            "must be text on one line of {USERNAME_BYTES_MAX} bytes at most, without characters that cannot be seen: whoever has another id is a guest"
        );
        reader.wrong("im_user_id", allowed);
    }
    let name = reader.line("name", NAME_CHARS_MAX).unwrap_or_default();
    reader.finish();
    fields.into_result(Sender {
        im_user_id,
        // Nobody's: a stranger whom nothing is known of.
        opaque_id: String::from("mapping-test"),
        name,
    })
}

fn view(trial: MappingTrial, channel: &switchboard_ports::channels::Channel) -> MappingTestView {
    let say = |notice: Notice| Some(notice.text(channel.locale));
    let (outcome, sentence, made) = match trial.verdict.decision {
        Decision::Use(_) => ("use", None, None),
        Decision::Link(_) => ("link", None, None),
        Decision::Create(new) => ("create", None, Some(new)),
        Decision::Reject(refusal) => ("refuse", say(Notice::Refused(refusal)), None),
        Decision::Unknown => ("unknown", say(Notice::Failed(FailureCause::UserLookup)), None),
    };
    let (access, denied) = match trial.access {
        access::Decision::Allow => ("allow", None),
        access::Decision::Deny(refusal) => ("deny", say(Notice::Refused(refusal))),
        access::Decision::Open => ("unknown", None),
    };
    let there = trial.user.map(|user| MappedUserView {
        id: Some(user.id.to_string()),
        username: user.username,
        email: user.email,
        display_name: user.display_name,
        department: user.department,
    });
    let made = made.map(|new| MappedUserView {
        id: None,
        username: new.username,
        email: Some(new.email),
        display_name: new.display_name,
        department: new.department,
    });
    MappingTestView {
        outcome,
        rule: trial.verdict.rule.as_str(),
        access,
        sentence: sentence.or(denied),
        im_user_id: trial.identity.im_user_id,
        user: made.or(there),
        directory: trial.directory.into(),
    }
}
