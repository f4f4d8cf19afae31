//! `POST /import`.

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::error::StoreError;
use utoipa::ToSchema;

use super::export::CONTENT_TYPE;
use super::plan::{NewIds, Plan, Stored, changes, plan};
use super::reading::{Documents, IMPORT_BYTES_MAX, documents};
use crate::changes::diff::{FieldChange, differences};
use crate::changes::resource::{Resource, changed_secrets};
use crate::changes::{Act, Author, Change, Step};
use crate::config::reconcile::Known;
use crate::http::auth::Admin;
use crate::http::body;
use crate::http::channels::references;
use crate::http::dto::mapping::DirectoryKinds;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::state::Api;

/// How often a plan is made anew because somebody else wrote, while nothing of it could be written.
const TRIES_MAX: u32 = 5;

/// What an import makes, or has made, of each of its resources.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub struct ImportView {
    /// Whether this only says what would be.
    pub dry_run: bool,
    /// Those that are new.
    pub created: Vec<ImportedView>,
    /// Those that were there and are changed.
    pub changed: Vec<ImportedView>,
    /// Those that are as the text says already.
    pub unchanged: Vec<ImportedView>,
}

/// A resource of an import.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ImportedView {
    /// `agent` or `channel`.
    pub resource: &'static str,
    /// Its name.
    pub name: String,
    /// Its id; null for what is not there yet.
    pub id: Option<String>,
    /// What differs from what was there.
    pub changes: Vec<FieldChange>,
}

/// Makes and changes agents and channels as a text in the form of the configuration file says, by their names. Nothing is deleted,
/// and what is not named stays as it is. A secret that is absent, `***` or a variable stays as it is stored; variables are never
/// filled in. Everything is checked before anything is written; with `dry_run` nothing is.
#[utoipa::path(post, path = "/import", tag = "changes", operation_id = "import",
    request_body(content = String, content_type = "application/toml", description = "`[[agents]]` and `[[channels]]`"),
    params(("dry_run" = Option<bool>, Query, description = "only say what would change")),
    responses((status = 200, description = "what is made of it", body = ImportView),
        (status = 400, description = "no TOML"),
        (status = 409, description = "something that would change is managed by file, or two enabled channels would be one bot"),
        (status = 415, description = "body is not said to be TOML")),
    security(("bearer" = ["admin"])))]
pub async fn import(
    Admin(caller): Admin,
    State(api): State<Api>,
    mut query: Query,
    request: Request,
) -> Result<Json<ImportView>, Problem> {
    let dry_run = query.flag("dry_run");
    query.finish()?;
    if body::essence(request.headers()).as_deref() != Some(CONTENT_TYPE) {
        return Err(Problem::not_toml());
    }
    let bytes = body::read(request, IMPORT_BYTES_MAX).await?;
    let directories = DirectoryKinds(api.ports.directory_kinds.clone());
    let documents = documents(&bytes, &api.ports.providers, &directories)?;
    let author = Author::from(&caller);
    taken(&api, &documents, &author, dry_run).await.map(Json)
}

/// What was written so far.
#[derive(Default)]
struct Written {
    agents: usize,
    channels: Vec<Channel>,
}

async fn taken(
    api: &Api,
    documents: &Documents,
    author: &Author,
    dry_run: bool,
) -> Result<ImportView, Problem> {
    let mut written = Written::default();
    let end = written_down(api, documents, author, dry_run, &mut written).await;
    if written.agents > 0 {
        api.operations.agent_changed().await;
    }
    let mut taken_in = Ok(());
    for channel in &written.channels {
        taken_in = taken_in.and(api.operations.channel_changed(&channel.id).await);
    }
    let view = end?;
    taken_in?;
    if !dry_run {
        tracing::info!(agents = written.agents, channels = written.channels.len(), "settings imported");
    }
    Ok(view)
}

async fn written_down(
    api: &Api,
    documents: &Documents,
    author: &Author,
    dry_run: bool,
    written: &mut Written,
) -> Result<ImportView, Problem> {
    let mut ids = NewIds::new();
    if dry_run {
        return Ok(told(&planned(api, documents, &mut ids).await?, dry_run));
    }
    let (mut first, mut tries) = (None, 0_u32);
    loop {
        let held = api.settings.hold().await?;
        let plan = planned(api, documents, &mut ids).await?;
        let view = first.get_or_insert_with(|| told(&plan, dry_run)).clone();
        let before = written.agents.saturating_add(written.channels.len());
        let change = Change { ports: &api.ports, held: &held, author };
        let end = all(plan, change, written).await;
        // A long text may take longer than the settings may be held: what goes forward goes on.
        let is_further = written.agents.saturating_add(written.channels.len()) > before;
        tries = if is_further { 0 } else { tries.saturating_add(1) };
        match end {
            Err(StoreError::Conflict) if tries < TRIES_MAX => {}
            end => return end.map(|()| view).map_err(Problem::from),
        }
    }
}

/// The plan for what is stored now.
async fn planned(api: &Api, documents: &Documents, ids: &mut NewIds) -> Result<Plan, Problem> {
    let channels: Vec<_> = documents.channels.iter().collect();
    let references = references(&api.ports, &channels).await?;
    let (agents, channels) = (api.ports.agents.list().await?, api.ports.channels.list().await?);
    let stored = Stored { agents: &agents, channels: &channels };
    plan(documents, stored, &references, Known::of(&api.ports), ids)
}

async fn all(plan: Plan, change: Change<'_>, written: &mut Written) -> Result<(), StoreError> {
    let acts = (Act::Created, Act::Changed);
    let agents: Vec<_> = plan.agents.into_iter().filter(changes).collect();
    let mut done: usize = 0;
    let end = change.all(&agents, acts, &mut done).await;
    written.agents = written.agents.saturating_add(done);
    end?;
    let channels: Vec<_> = plan.channels.into_iter().filter(changes).collect();
    done = 0;
    let end = change.all(&channels, acts, &mut done).await;
    written.channels.extend(channels.into_iter().take(done).map(|step| step.after));
    end
}

fn told(plan: &Plan, dry_run: bool) -> ImportView {
    let mut view = ImportView { dry_run, ..ImportView::default() };
    plan.agents.iter().for_each(|step: &Step<AgentConfig>| tell(step, &mut view));
    plan.channels.iter().for_each(|step: &Step<Channel>| tell(step, &mut view));
    view
}

fn tell<R: Resource>(step: &Step<R>, view: &mut ImportView) {
    let Step { before, after } = step;
    let is_there = before.is_some() || !view.dry_run;
    let mut told = ImportedView {
        resource: R::KIND.word(),
        name: after.name().to_owned(),
        id: is_there.then(|| after.id().to_owned()),
        changes: Vec::new(),
    };
    match before {
        None => view.created.push(told),
        Some(_) if !changes(step) => view.unchanged.push(told),
        Some(before) => {
            let secrets = changed_secrets(Some(before), after);
            told.changes = differences(&before.content(), &after.content(), &secrets);
            view.changed.push(told);
        }
    }
}
