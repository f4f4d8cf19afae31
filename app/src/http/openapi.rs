//! The API's own description: OpenAPI 3.1, generated from the handlers and from what the platforms say of their settings.

mod directories;
mod settings;

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use switchboard_ports::provider::Description;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{
    Components, Content, Info, License, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Response,
    ResponseBuilder, Schema, Server, Tag,
};
use utoipa::{PartialSchema, ToSchema};

use super::auth::Viewer;
use super::problem::{BadField, CONTENT_TYPE, Problem};
use super::query::Query;
use super::router::{open, resources};
use super::state::Api;

/// Where the resources live.
pub const BASE: &str = "/api/v1";

/// The document as text, for a build with these platforms and kinds of agents: what `switchboard openapi` prints and
/// `GET /api/v1/openapi.json` answers.
#[must_use]
pub fn text(platforms: &[Description], kinds: &[&str]) -> String {
    let mut document = serde_json::to_value(document()).unwrap_or_default();
    settings::describe(&mut document, platforms, kinds);
    directories::describe(&mut document);
    format!("{document:#}\n")
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)), security(("bearer" = ["viewer"])))]
pub async fn read(_: Viewer, State(api): State<Api>, query: Query) -> Result<impl IntoResponse, Problem> {
    query.finish()?;
    let platforms: Vec<_> = api.ports.providers.values().map(|provider| provider.description()).collect();
    let kinds: Vec<_> = api.ports.agent_kinds.keys().copied().collect();
    Ok(([(header::CONTENT_TYPE, "application/json")], text(&platforms, &kinds)))
}

/// What follows from the handlers.
fn document() -> OpenApi {
    let mut document =
        OpenApiBuilder::new().info(info()).servers(Some([Server::new("/")])).tags(Some(tags())).build();
    document.merge(open().into_openapi());
    let nested = resources().into_openapi();
    document = document.nest(BASE, nested);
    let components = document.components.get_or_insert_with(Components::new);
    components.schemas.insert(BadField::name().into(), BadField::schema());
    components.schemas.insert(Problem::name().into(), Problem::schema());
    for input in INPUTS {
        add_patch(components, input);
    }
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some(String::from(
        "an API token; the roles an operation takes stand as its scopes. The cookie of a session of the panel counts as the \
         token that it was opened with; whatever changes something then needs the header X-CSRF-Token",
    ));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    for (path, item) in &mut document.paths.paths {
        if let Some(operation) = &mut item.patch {
            take_patch(operation);
        }
        for operation in operations(item) {
            add_problems(path, operation);
        }
    }
    document
}

/// Documents that can be patched as well as sent whole.
const INPUTS: [&str; 3] = ["AgentInput", "ChannelInput", "UserInput"];

fn patch_name(input: &str) -> String {
    input.replace("Input", "Patch")
}

/// The merge patch of a document has the same fields, none of them required.
fn add_patch(components: &mut Components, input: &str) {
    let Some(RefOr::T(Schema::Object(whole))) = components.schemas.get(input) else {
        return;
    };
    let mut patch = whole.clone();
    patch.required.clear();
    patch.description = Some(String::from(
        "A merge patch (RFC 7396): null clears what may be empty, what is absent stays. A secret that is absent, empty or \
         `***` stays as it is.",
    ));
    components.schemas.insert(patch_name(input), RefOr::T(Schema::Object(patch)));
}

fn take_patch(operation: &mut Operation) {
    let Some(RefOr::T(body)) = &mut operation.request_body else {
        return;
    };
    for content in body.content.values_mut() {
        if let RefOr::T(content) = content
            && let Some(RefOr::Ref(schema)) = &mut content.schema
        {
            schema.ref_location = patch_name(&schema.ref_location);
        }
    }
}

fn info() -> Info {
    let mut info = Info::new("Switchboard", env!("CARGO_PKG_VERSION"));
    info.description = Some(String::from(
        "Puts AI agents into the chat tools people already use. Errors are RFC 9457 problem documents; lists take \
         `limit` and `cursor`; changes are merge patches (RFC 7396) and take `If-Match`.",
    ));
    let mut license = License::new("Apache-2.0");
    license.identifier = Some(String::from("Apache-2.0"));
    info.license = Some(license);
    info
}

fn tags() -> Vec<Tag> {
    [
        "agents",
        "channels",
        "users",
        "conversations",
        "messages",
        "playground",
        "failures",
        "changes",
        "tokens",
        "operations",
    ]
    .map(Tag::new)
    .into()
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete]
        .into_iter()
        .filter_map(Option::as_mut)
}

/// Adds the problems that follow from an operation's shape, so that no handler has to repeat them, and gives all error
/// answers the problem document as their body.
fn add_problems(path: &str, operation: &mut Operation) {
    let mut problems = Vec::new();
    if !path.ends_with('z') {
        problems.extend([
            ("401", "no token, or not a good one"),
            ("429", "too many bad tokens from this address"),
        ]);
        problems.push(("503", "the store cannot be reached"));
    }
    if path.starts_with(BASE) {
        problems.extend([("403", "the token's role does not allow it"), ("422", "bad or unknown field")]);
    }
    if path.contains('{') {
        problems.push(("404", "there is no such thing"));
    }
    if operation.request_body.is_some() {
        problems.extend([("400", "malformed JSON"), ("413", "body too large"), ("415", "body is not JSON")]);
    }
    for (status, description) in problems {
        let fresh = || RefOr::T(ResponseBuilder::new().description(description).build());
        operation.responses.responses.entry(status.to_owned()).or_insert_with(fresh);
    }
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            give_body(response);
        }
    }
}

fn give_body(response: &mut Response) {
    let schema = RefOr::Ref(Ref::from_schema_name(Problem::name()));
    response.content.insert(CONTENT_TYPE.to_owned(), RefOr::T(Content::new(Some(schema))));
}

#[cfg(test)]
mod tests;
