//! Creating and delivering cards (dingtalk §6.1 to §6.4).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::envelope::ApiError;
use crate::knobs::ReusedOutTrackId;
use crate::load::Judgement;
use crate::log::Log;
use crate::request::ApiRequest;
use crate::sent::SentMessage;
use crate::state::State;
use crate::templates::TemplateConfig;
use crate::timeline::{Card, CardState, Carrier, ItemContent};

/// Longest `outTrackId` (characters, dingtalk §6.3).
const OUT_TRACK_ID_CHARS_MAX: usize = 64;
/// Variables of one card.
const PARAMS_MAX: usize = 200;
/// Spaces in one delivery.
const SPACES_MAX: usize = 20;
/// `guid`s remembered per card.
const GUIDS_MAX: usize = 1_000;
/// What every `openSpaceId` begins with.
const SPACE_PREFIX: &str = "dtv1.card//";

const GROUP_MODEL: &str = "imGroupOpenSpaceModel";
const ROBOT_MODEL: &str = "imRobotOpenSpaceModel";

/// `POST /v1.0/card/instances`
pub(crate) fn create(state: &mut State, request: &ApiRequest) -> Outcome {
    create_card(state, request)?;
    Ok(json!({"success": true, "result": request.text("outTrackId")}))
}

/// `POST /v1.0/card/instances/deliver`
pub(crate) fn deliver(state: &mut State, request: &ApiRequest) -> Outcome {
    let spaces = spaces_in(request)?;
    let results = deliver_card(state, request, &spaces)?;
    Ok(json!({"success": true, "result": results}))
}

/// `POST /v1.0/card/instances/createAndDeliver`
pub(crate) fn create_and_deliver(state: &mut State, request: &ApiRequest) -> Outcome {
    let spaces = spaces_in(request)?;
    let models = space_models(request);
    if spaces.iter().any(|space| !models.contains(&space.kind.model())) {
        return Err(ApiError::bad("param.openSpaceModelInvalid", "openSpaceModel无效"));
    }
    create_card(state, request)?;
    let results = deliver_card(state, request, &spaces)?;
    let result = json!({"outTrackId": request.text("outTrackId"), "deliverResults": results});
    Ok(json!({"success": true, "result": result}))
}

fn create_card(state: &mut State, request: &ApiRequest) -> Result<(), ApiError> {
    let template_id = request.text("cardTemplateId");
    if template_id.is_empty() {
        return Err(ApiError::bad("param.cardTemplateIdEmpty", "cardTemplateId不能为空"));
    }
    let out_track_id = request.text("outTrackId");
    if out_track_id.is_empty() {
        return Err(ApiError::bad("param.outTrackIdEmpty", "outTrackId不能为空"));
    }
    if out_track_id.chars().count() > OUT_TRACK_ID_CHARS_MAX {
        return Err(ApiError::bad("outTrackId.outOfLimit", "outTrackId过长"));
    }
    let template = state.templates.iter().find(|template| template.id == template_id).cloned();
    let template = template.ok_or_else(|| ApiError::bad("param.templateNotExist", "模板不存在"))?;
    if !template.published {
        return Err(ApiError::bad("param.templateUnpublished", "模板未发布"));
    }
    let params = param_map(request.field("cardData"))?
        .ok_or_else(|| ApiError::bad("param.cardPublicDataEmpty", "cardData不能为空"))?;
    let private = private_data(state, request)?.unwrap_or_default();
    if state.observed.card(out_track_id).is_some() {
        return match state.knobs.reused_out_track_id {
            ReusedOutTrackId::KeepOld => Ok(()),
            ReusedOutTrackId::AlreadyExists => Err(ApiError::bad("param.cardAlreadyExist", "卡片已存在")),
        };
    }
    let app = request.caller();
    let robot = state.apps.named(app).map(|app| app.robot_name.clone()).unwrap_or_default();
    let now_ms = state.now_ms();
    let mut card = Card {
        out_track_id: out_track_id.to_owned(),
        app: app.to_owned(),
        robot,
        template: template.id.clone(),
        state: CardState::Processing,
        text: String::new(),
        shown: Vec::new(),
        shown_forgotten: 0,
        finalize_count: 0,
        stream_count: 0,
        update_count: 0,
        refused_after_final: 0,
        conversations: Vec::new(),
        deliver_count: 0,
        created_at_ms: now_ms,
        finalized_at_ms: None,
        params,
        callback_type: request.text("callbackType").to_owned(),
        user_id_type: request.field("userIdType").and_then(Value::as_u64).unwrap_or(1),
        private,
        click_views: BTreeMap::new(),
        carriers: Vec::new(),
        recalled: false,
        stream_closed: false,
        space_models: space_models(request),
        guids: Log::new(GUIDS_MAX),
        texts_max: state.kept_texts,
        judgement: Judgement::default(),
    };
    follow_flow_status(&mut card, &template, now_ms);
    refresh(&mut card, &template, now_ms);
    state.observed.add_card(card);
    Ok(())
}

fn space_models(request: &ApiRequest) -> Vec<&'static str> {
    [GROUP_MODEL, ROBOT_MODEL]
        .into_iter()
        .filter(|name| request.field(name).is_some_and(Value::is_object))
        .collect()
}

/// `cardParamMap` of a `cardData` object: `None` when absent; only texts are allowed (dingtalk §6.4).
pub(crate) fn param_map(card_data: Option<&Value>) -> Result<Option<BTreeMap<String, String>>, ApiError> {
    let Some(map) = card_data.and_then(|data| data.get("cardParamMap")) else {
        return Ok(None);
    };
    let wrong = || ApiError::bad("param.invalid", "cardParamMap的值必须是字符串");
    let map = map.as_object().ok_or_else(wrong)?;
    if map.len() > PARAMS_MAX {
        return Err(wrong());
    }
    let texts = map.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    texts.collect::<Option<_>>().map(Some).ok_or_else(wrong)
}

/// Variables by name.
type Variables = BTreeMap<String, String>;

/// `privateData` by person; `None` when absent.
pub(crate) fn private_data(
    state: &State,
    request: &ApiRequest,
) -> Result<Option<BTreeMap<String, Variables>>, ApiError> {
    let Some(people) = request.field("privateData").filter(|data| !data.is_null()) else {
        return Ok(None);
    };
    let people = people.as_object().ok_or_else(|| ApiError::bad("param.invalid", "privateData无效"))?;
    let mut private = BTreeMap::new();
    for (user, data) in people {
        if user.is_empty() {
            return Err(ApiError::bad("param.userIdEmpty", "userId不能为空"));
        }
        if !state.knows(user.strip_prefix("union-").unwrap_or(user)) {
            return Err(ApiError::bad("param.userIdNotExist", "userId不存在"));
        }
        private.insert(user.clone(), param_map(Some(data))?.unwrap_or_default());
    }
    Ok(Some(private))
}

/// The variable `flowStatus` decides the state of templates that have it.
pub(crate) fn follow_flow_status(card: &mut Card, template: &TemplateConfig, now_ms: u64) {
    let status = card.params.get("flowStatus").filter(|_| template.flow_status);
    if let Some(next) = status.and_then(|value| CardState::from_flow_status(value)) {
        card.enter(next, now_ms);
    }
}

/// Works out what people see now: the first streaming variable, hidden while a `flowStatus` template is thinking.
pub(crate) fn refresh(card: &mut Card, template: &TemplateConfig, now_ms: u64) {
    let hidden = template.flow_status && card.state == CardState::Processing;
    // Public templates that do not stream show their variable `markdown`.
    let key = template.streaming_keys.first().map_or("markdown", |key| key.name.as_str());
    card.text = card.params.get(key).filter(|_| !hidden).cloned().unwrap_or_default();
    card.show(now_ms);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SpaceKind {
    Group,
    Robot,
}

impl SpaceKind {
    fn name(self) -> &'static str {
        match self {
            Self::Group => "IM_GROUP",
            Self::Robot => "IM_ROBOT",
        }
    }

    fn model(self) -> &'static str {
        match self {
            Self::Group => GROUP_MODEL,
            Self::Robot => ROBOT_MODEL,
        }
    }

    fn deliver_model(self) -> &'static str {
        match self {
            Self::Group => "imGroupOpenDeliverModel",
            Self::Robot => "imRobotOpenDeliverModel",
        }
    }
}

#[derive(Debug)]
struct Space {
    kind: SpaceKind,
    id: String,
}

/// The spaces of `openSpaceId`, each with its deliver model present.
fn spaces_in(request: &ApiRequest) -> Result<Vec<Space>, ApiError> {
    let raw = request.text("openSpaceId");
    if raw.is_empty() {
        return Err(ApiError::bad("param.openSpaceIdEmpty", "openSpaceId不能为空"));
    }
    let invalid = || ApiError::bad("param.openSpaceIdInvalid", "openSpaceId无效");
    // Only the first part carries the prefix.
    let list = raw.strip_prefix(SPACE_PREFIX).ok_or_else(invalid)?;
    let spaces = list.split(';').map(|part| {
        let (kind, id) = part.trim_start_matches(SPACE_PREFIX).split_once('.')?;
        let kind = match kind.to_ascii_uppercase().as_str() {
            "IM_GROUP" => SpaceKind::Group,
            "IM_ROBOT" => SpaceKind::Robot,
            _ => return None,
        };
        (!id.is_empty()).then(|| Space { kind, id: id.to_owned() })
    });
    let spaces: Vec<Space> = spaces.collect::<Option<_>>().ok_or_else(invalid)?;
    if spaces.len() > SPACES_MAX {
        return Err(invalid());
    }
    let has_model = |kind: SpaceKind| request.field(kind.deliver_model()).is_some_and(Value::is_object);
    if ![SpaceKind::Group, SpaceKind::Robot].into_iter().any(has_model) {
        return Err(ApiError::bad("param.openDeliverModelEmpty", "openDeliverModel不能为空"));
    }
    if spaces.iter().any(|space| !has_model(space.kind)) {
        return Err(ApiError::bad("param.spaceDeliverModelEmpty", "对应空间的deliverModel不能为空"));
    }
    Ok(spaces)
}

fn deliver_card(state: &mut State, request: &ApiRequest, spaces: &[Space]) -> Result<Vec<Value>, ApiError> {
    let out_track_id = request.text("outTrackId");
    if out_track_id.is_empty() {
        return Err(ApiError::bad("param.outTrackIdEmpty", "outTrackId不能为空"));
    }
    let models = state.observed.card(out_track_id).map(|card| card.space_models.clone());
    let models = models.ok_or_else(|| ApiError::bad("param.cardNotExist", "卡片不存在"))?;
    if spaces.iter().any(|space| !models.contains(&space.kind.model())) {
        return Err(ApiError::bad("param.openSpaceModelInvalid", "openSpaceModel无效"));
    }
    let results = spaces.iter().map(|space| {
        let outcome = match &request.space_fault {
            Some(message) => Err(message.clone()),
            None => deliver_into(state, request, space),
        };
        let (success, error, carrier) = match outcome {
            Ok(carrier) => (true, String::new(), carrier),
            Err(message) => (false, message, String::new()),
        };
        json!({
            "spaceType": space.kind.name(),
            "spaceId": space.id,
            "success": success,
            "carrierId": carrier,
            "errorMsg": error,
        })
    });
    Ok(results.collect())
}

/// Shows the card in one space: its `carrierId`, or the space's `errorMsg`.
fn deliver_into(state: &mut State, request: &ApiRequest, space: &Space) -> Result<String, String> {
    let model = request.field(space.kind.deliver_model());
    let field = |name: &str| model.and_then(|model| model.get(name)?.as_str()).unwrap_or_default();
    let own_robot =
        state.apps.named(request.caller()).is_some_and(|app| app.robot_code == field("robotCode"));
    let conversation = match space.kind {
        SpaceKind::Group => {
            if !own_robot {
                return Err("robotCode is empty or not in the group".to_owned());
            }
            if !state.is_group(&space.id) {
                return Err("openConversationId not exist".to_owned());
            }
            space.id.clone()
        }
        SpaceKind::Robot => {
            if field("spaceType") != "IM_ROBOT" {
                return Err("spaceType is invalid".to_owned());
            }
            if !field("robotCode").is_empty() && !own_robot {
                return Err("robotCode is invalid".to_owned());
            }
            // With userIdType 2 people are named by union id (dingtalk §6.3).
            let by_union = request.field("userIdType").and_then(Value::as_u64) == Some(2);
            let user = if by_union { space.id.strip_prefix("union-") } else { Some(space.id.as_str()) };
            let user = user.filter(|user| state.knows(user)).ok_or("userId not exist")?.to_owned();
            state.private_chat(request.caller(), &user)
        }
    };
    let out_track_id = request.text("outTrackId");
    let (carrier_id, at_ms) = (state.hex(32), state.now_ms());
    let Some(card) = state.observed.card_mut(out_track_id) else {
        return Err("card not exist".to_owned());
    };
    card.deliver_count = card.deliver_count.saturating_add(1);
    let known = card.carriers.iter().find(|carrier| carrier.conversation == conversation);
    if let Some(known) = known {
        return Ok(known.carrier_id.clone());
    }
    card.carriers.push(Carrier { conversation: conversation.clone(), carrier_id: carrier_id.clone() });
    card.conversations.push(conversation.clone());
    let app = card.app.clone();
    // The page learns the card before the entry that refers to it.
    state.card_changed(out_track_id);
    state.appear(&conversation, ItemContent::Card { out_track_id: out_track_id.to_owned() });
    state.judge_answers(&conversation);
    state.observed.sent.push(SentMessage {
        process_query_key: carrier_id.clone(),
        app,
        conversations: vec![conversation],
        users: if space.kind == SpaceKind::Robot { vec![space.id.clone()] } else { Vec::new() },
        out_track_id: Some(out_track_id.to_owned()),
        at_ms,
        recalled: false,
        read_by: Vec::new(),
    });
    Ok(carrier_id)
}
