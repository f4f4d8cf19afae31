//! Changing cards: variables, streaming, and the states in between (dingtalk §6.5 to §6.8).

use serde_json::{Value, json};

use crate::api::Outcome;
use crate::card_api::{follow_flow_status, param_map, private_data, refresh};
use crate::clicks;
use crate::envelope::ApiError;
use crate::quota::Refused;
use crate::records::ViolationKind;
use crate::request::ApiRequest;
use crate::state::State;
use crate::templates::{StreamingKey, TemplateConfig};
use crate::timeline::CardState;

fn done() -> Value {
    json!({"success": true, "result": true})
}

fn template_of(state: &State, out_track_id: &str) -> Option<TemplateConfig> {
    let id = &state.observed.card(out_track_id)?.template;
    state.templates.iter().find(|template| template.id == *id).cloned()
}

/// `PUT /v1.0/card/instances`
pub(crate) fn update(state: &mut State, request: &ApiRequest) -> Outcome {
    let out_track_id = request.text("outTrackId");
    if out_track_id.is_empty() {
        return Err(ApiError::bad("param.outTrackIdEmpty", "outTrackId不能为空"));
    }
    let params = param_map(request.field("cardData"))?;
    let private = private_data(state, request)?;
    if params.is_none() && private.is_none() {
        return Err(ApiError::bad(
            "param.cardDataAndPrivateDataBothEmpty",
            "cardData和privateData不能同时为空",
        ));
    }
    let now_ms = state.now_ms();
    if clicks::is_waiting(state, out_track_id) {
        let detail = format!("card {out_track_id}");
        state.observed.violate(now_ms, ViolationKind::UpdateInsideCallback, detail);
    }
    let template = template_of(state, out_track_id).filter(|_| owns(state, request));
    let (Some(template), Some(card)) = (template, state.observed.card_mut(out_track_id)) else {
        return Err(ApiError::bad("param.cardNotExist", "卡片不存在"));
    };
    let options = request.field("cardUpdateOptions");
    let option = |name: &str| options.and_then(|options| options.get(name)?.as_bool()) == Some(true);
    for (user, own) in private.into_iter().flatten() {
        let known = card.private.entry(user).or_default();
        if option("updatePrivateDataByKey") {
            known.extend(own);
        } else {
            *known = own;
        }
    }
    if let Some(params) = params {
        if option("updateCardDataByKey") {
            card.params.extend(params);
        } else {
            // The default: everything that is not named is gone (dingtalk §6.5).
            card.params = params;
        }
        follow_flow_status(card, &template, now_ms);
        refresh(card, &template, now_ms);
    }
    card.update_count = card.update_count.saturating_add(1);
    state.card_changed(out_track_id);
    Ok(done())
}

/// The card exists and belongs to the caller's app.
fn owns(state: &State, request: &ApiRequest) -> bool {
    state.observed.card(request.text("outTrackId")).is_some_and(|card| card.app == request.caller())
}

/// What a streaming call asks for, checked.
struct StreamCall<'a> {
    out_track_id: &'a str,
    guid: &'a str,
    key: &'a str,
    content: &'a str,
    full: bool,
    finalize: bool,
    error: bool,
}

impl<'a> StreamCall<'a> {
    fn parse(request: &'a ApiRequest) -> Result<Self, ApiError> {
        let call = Self {
            out_track_id: request.text("outTrackId"),
            guid: request.text("guid"),
            key: request.text("key"),
            content: request.text("content"),
            full: request.flag("isFull"),
            finalize: request.flag("isFinalize"),
            error: request.flag("isError"),
        };
        let checks = [
            (call.out_track_id, "param.outTrackIdEmpty", "outTrackId不能为空"),
            (call.key, "param.stream.keyEmpty", "key不能为空"),
            (call.guid, "param.stream.guidEmpty", "guid不能为空"),
            (call.content, "param.stream.contentEmpty", "content不能为空"),
        ];
        match checks.into_iter().find(|(value, _, _)| value.is_empty()) {
            Some((_, code, message)) => Err(ApiError::bad(code, message)),
            None => Ok(call),
        }
    }
}

/// `PUT /v1.0/card/streaming`
pub(crate) fn streaming(state: &mut State, request: &ApiRequest) -> Outcome {
    let call = StreamCall::parse(request)?;
    if request.overlaps && state.knobs.concurrent_streaming_denied {
        return Err(Refused::Second.error());
    }
    let template = template_of(state, call.out_track_id).filter(|_| owns(state, request));
    let template = template.ok_or_else(|| ApiError::bad("param.stream.outTrackId", "card is not exist"))?;
    let streams = state.observed.card(call.out_track_id).is_some_and(|card| card.callback_type == "STREAM");
    let key = template.streaming_keys.iter().find(|key| key.name == call.key).filter(|_| streams);
    let key = key.ok_or_else(ApiError::unknown)?;
    let bytes_max = state.knobs.card_content_bytes_max;
    let now_ms = state.now_ms();
    if let Err((kind, error)) = check_content(&call, key, bytes_max) {
        state.observed.violate(now_ms, kind, format!("card {}", call.out_track_id));
        return Err(error);
    }
    let Some(card) = state.observed.card_mut(call.out_track_id) else {
        return Err(ApiError::unknown());
    };
    if card.guids.iter().any(|guid| guid == call.guid) {
        // The same call again: carried out already (dingtalk §6.6).
        return Ok(done());
    }
    if card.stream_closed || card.state.is_final() {
        card.refused_after_final = card.refused_after_final.saturating_add(1);
        let detail = format!("card {}", call.out_track_id);
        state.observed.violate(now_ms, ViolationKind::StreamingAfterFinal, detail);
        return Err(ApiError::bad("param.invalid", "card is finalized"));
    }
    card.guids.push(call.guid.to_owned());
    card.stream_count = card.stream_count.saturating_add(1);
    let text = card.params.entry(call.key.to_owned()).or_default();
    if call.full {
        call.content.clone_into(text);
    } else {
        text.push_str(call.content);
    }
    // Ordinary templates start writing by themselves; the others wait for flowStatus (dingtalk §6.6, §6.7).
    if card.state == CardState::Processing && !template.flow_status {
        card.enter(CardState::Inputing, now_ms);
    }
    if call.error {
        card.stream_closed = true;
        card.enter(CardState::Failed, now_ms);
    } else if call.finalize {
        card.stream_closed = true;
        card.enter(CardState::Finished, now_ms);
    }
    refresh(card, &template, now_ms);
    state.card_changed(call.out_track_id);
    Ok(done())
}

fn check_content(
    call: &StreamCall<'_>,
    key: &StreamingKey,
    bytes_max: u64,
) -> Result<(), (ViolationKind, ApiError)> {
    if key.markdown && !call.full {
        let error = ApiError::bad("param.stream.isFull", "markdown变量必须isFull=true");
        return Err((ViolationKind::PartialMarkdown, error));
    }
    let bytes = u64::try_from(call.content.len()).unwrap_or(u64::MAX);
    if bytes_max > 0 && bytes > bytes_max {
        let error = ApiError::bad("param.stream.content", "content is too large (200092)");
        return Err((ViolationKind::TooLong, error));
    }
    Ok(())
}
