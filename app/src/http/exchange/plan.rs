//! What an import makes of what is stored, checked as a whole before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use switchboard_domain::ids::{AgentId, ChannelId};
use switchboard_ports::agents::{AGENTS_MAX, AgentConfig};
use switchboard_ports::channels::{CHANNELS_MAX, Channel};
use switchboard_ports::provider::FieldError;

use super::reading::Documents;
use super::writing::{MEANS_ITS_NULLS, can_be_said};
use crate::changes::resource::Resource;
use crate::changes::{Kind, Step};
use crate::config::reconcile::{Known, fold, resolved};
use crate::http::channels::twins::twin;
use crate::http::dto::agent_input;
use crate::http::dto::channel_input::{self, References};
use crate::http::dto::fields::Fields;
use crate::http::dto::merge::MASK;
use crate::http::dto::secrets::put;
use crate::http::problem::{BadField, Problem};
use crate::http::state::{new_agent_id, new_channel_id};

/// What is to be, and what is stored of it, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) agents: Vec<Step<AgentConfig>>,
    pub(super) channels: Vec<Step<Channel>>,
}

/// What is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored<'a> {
    pub(super) agents: &'a [AgentConfig],
    pub(super) channels: &'a [Channel],
}

/// Ids of what is new, by kind and name: the same however often a plan is made.
pub(super) type NewIds = BTreeMap<(&'static str, String), String>;

/// The plan, or everything that is wrong.
pub(super) fn plan(
    documents: &Documents,
    stored: Stored<'_>,
    references: &References,
    known: Known<'_>,
    ids: &mut NewIds,
) -> Result<Plan, Problem> {
    let mut fields = Fields::default();
    let agents = agents(documents, stored, known, ids, &mut fields);
    let mut references = references.clone();
    references.agents.extend(agents.iter().map(|step| step.after.id.clone()));
    let after = agents.iter().map(|step| &step.after);
    let names =
        stored.agents.iter().chain(after).map(|agent| (fold(&agent.name), agent.id.clone())).collect();
    let channels = channels(documents, stored, &names, &references, known, ids, &mut fields);
    let plan = fields.into_result(Plan { agents, channels }).map_err(Problem::invalid)?;
    managed("agents", &plan.agents)?;
    managed("channels", &plan.channels)?;
    let new = |count: usize, most: usize, many: &str| {
        let refusal = format!("there are {most} {many}, which is the most");
        if count > most { Err(Problem::wrong_state(refusal)) } else { Ok(()) }
    };
    new(stored.agents.len().saturating_add(count_new(&plan.agents)), AGENTS_MAX, "agents")?;
    new(stored.channels.len().saturating_add(count_new(&plan.channels)), CHANNELS_MAX, "channels")?;
    refuse_twins(&plan.channels, stored.channels, known)?;
    Ok(plan)
}

fn count_new<R>(steps: &[Step<R>]) -> usize {
    steps.iter().filter(|step| step.before.is_none()).count()
}

/// Whether a step changes anything.
pub(super) fn changes<R: Resource>(step: &Step<R>) -> bool {
    step.before.as_ref().is_none_or(|before| !before.is_same_as(&step.after))
}

/// What is stored, by name.
struct Named<'a, R>(BTreeMap<String, &'a R>);

impl<'a, R: Resource> Named<'a, R> {
    fn of(stored: &'a [R]) -> Self {
        // The first one of a name, should there be two.
        Self(stored.iter().rev().map(|one| (fold(one.name()), one)).collect())
    }

    fn find(&self, document: &Value) -> Option<&'a R> {
        self.0.get(&fold(document.get("name")?.as_str()?)).copied()
    }
}

fn new_id(ids: &mut NewIds, kind: Kind, document: &Value, made: impl FnOnce() -> String) -> String {
    let name = document.get("name").and_then(Value::as_str).unwrap_or_default();
    ids.entry((kind.word(), fold(name))).or_insert_with(made).clone()
}

/// The steps so far, with their names.
struct Steps<R> {
    list: Vec<Step<R>>,
    names: BTreeSet<String>,
}

impl<R: Resource> Steps<R> {
    fn new() -> Self {
        Self { list: Vec::new(), names: BTreeSet::new() }
    }

    /// Notes mistakes of one document, and a name that stands twice.
    fn note(
        &mut self,
        place: &str,
        read: Result<R, Vec<FieldError>>,
        before: Option<&R>,
        fields: &mut Fields,
    ) {
        match read {
            Err(errors) => {
                let at =
                    |error: FieldError| FieldError { pointer: format!("{place}{}", error.pointer), ..error };
                fields.extend(errors.into_iter().map(at));
            }
            Ok(after) if !self.names.insert(fold(after.name())) => {
                fields.wrong(format!("{place}/name"), "stands twice in this file");
            }
            Ok(after) => self.list.push(Step { before: before.cloned(), after }),
        }
    }
}

fn agents(
    documents: &Documents,
    stored: Stored<'_>,
    known: Known<'_>,
    ids: &mut NewIds,
    fields: &mut Fields,
) -> Vec<Step<AgentConfig>> {
    let (mut steps, by_name) = (Steps::new(), Named::of(stored.agents));
    for (index, document) in documents.agents.iter().enumerate() {
        let before = by_name.find(document);
        let read = if let Some(before) = before {
            let document = with_kept_of_agent(document.clone(), before);
            agent_input::replaced(before, &document, known.now, known.kinds)
        } else {
            let id = new_id(ids, Kind::Agent, document, || new_agent_id(known.entropy).to_string());
            agent_input::created(document, AgentId::new(id), known.now, known.kinds)
        };
        steps.note(&format!("/agents/{index}"), read, before, fields);
    }
    steps.list
}

fn channels(
    documents: &Documents,
    stored: Stored<'_>,
    names: &BTreeMap<String, AgentId>,
    references: &References,
    known: Known<'_>,
    ids: &mut NewIds,
    fields: &mut Fields,
) -> Vec<Step<Channel>> {
    let (mut steps, by_name) = (Steps::new(), Named::of(stored.channels));
    for (index, document) in documents.channels.iter().enumerate() {
        let place = format!("/channels/{index}");
        let document = match resolved(document, names) {
            Ok(document) => document,
            Err((key, problem)) => {
                fields.wrong(format!("{place}/{key}"), problem);
                continue;
            }
        };
        let before = by_name.find(&document);
        let read = if let Some(before) = before {
            let document = with_kept_of_channel(document, before);
            channel_input::replaced(before, &document, known.now, known.providers, references)
        } else {
            let id = new_id(ids, Kind::Channel, &document, || new_channel_id(known.entropy).to_string());
            channel_input::created(&document, ChannelId::new(id), known.now, known.providers, references)
        };
        steps.note(&place, read, before, fields);
    }
    steps.list
}

/// An agent's document with `***` for stored secrets that it does not say, and with what TOML cannot say.
fn with_kept_of_agent(mut document: Value, stored: &AgentConfig) -> Value {
    let Some(map) = document.as_object_mut() else { return document };
    let mask = || Value::from(MASK);
    if !stored.api_key.is_empty() {
        map.entry("api_key").or_insert_with(mask);
    }
    if !map.contains_key("headers") {
        let headers = stored.headers.keys().map(|name| (name.clone(), mask()));
        map.insert(String::from("headers"), Value::Object(headers.collect()));
    }
    if stored.identity.token.is_some()
        && let Some(token) = document.pointer_mut("/identity/token").and_then(Value::as_object_mut)
    {
        token.entry("secret").or_insert_with(mask);
    }
    let unsaid = stored.extra_body.iter().filter(|(_, value)| !can_be_said(value));
    for (name, value) in unsaid {
        let extra = document.as_object_mut().map(|map| map.entry(MEANS_ITS_NULLS));
        let extra = extra.map(|entry| entry.or_insert_with(|| Value::Object(Map::new())));
        if let Some(extra) = extra.and_then(Value::as_object_mut) {
            extra.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    document
}

/// A channel's document with `***` for stored secrets that it does not say.
fn with_kept_of_channel(mut document: Value, stored: &Channel) -> Value {
    if let Some(config) = document.get_mut("config").filter(|config| config.is_object()) {
        keep(config, stored.secrets.keys());
    }
    let chain = document.pointer_mut("/user_mapping/directories").and_then(Value::as_array_mut);
    for directory in chain.into_iter().flatten() {
        let word = |key: &str| directory.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, kind) = (word("name"), word("kind"));
        let same = stored.directories.chain.iter().find(|one| one.name == name && one.kind == kind);
        if let (Some(same), Some(config)) = (same, directory.get_mut("config").filter(|c| c.is_object())) {
            keep(config, same.secrets.keys());
        }
    }
    document
}

fn keep<'p>(config: &mut Value, pointers: impl Iterator<Item = &'p String>) {
    for pointer in pointers {
        if config.pointer(pointer).is_none_or(Value::is_null) {
            put(config, pointer, Value::from(MASK));
        }
    }
}

/// Refuses to change what the configuration file says.
fn managed<R: Resource>(many: &str, steps: &[Step<R>]) -> Result<(), Problem> {
    let is_managed = |step: &Step<R>| step.before.as_ref().is_some_and(Resource::is_managed);
    let Some(index) = steps.iter().position(|step| is_managed(step) && changes(step)) else { return Ok(()) };
    let mut problem = Problem::managed_by_file(R::KIND.word());
    let message = problem.detail.clone();
    problem.errors.push(BadField { pointer: format!("/{many}/{index}"), message });
    Err(problem)
}

/// Refuses a bot that another enabled channel has, in the text or stored.
fn refuse_twins(steps: &[Step<Channel>], stored: &[Channel], known: Known<'_>) -> Result<(), Problem> {
    let changed: BTreeSet<_> = steps.iter().map(|step| &step.after.id).collect();
    let kept = stored.iter().filter(|channel| !changed.contains(&channel.id));
    let all: Vec<&Channel> = steps.iter().map(|step| &step.after).chain(kept).collect();
    for (index, step) in steps.iter().enumerate() {
        if let Some(FieldError { pointer, message }) = twin(&step.after, all.iter().copied(), known.providers)
        {
            return Err(Problem::duplicate(&format!("/channels/{index}{pointer}"), &message));
        }
    }
    Ok(())
}
