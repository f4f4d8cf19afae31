//! What holds for every page: who sees it, what it carries, and that whatever people write is text.

mod failed;
mod first_visit;
mod happened;
mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{HeaderName, Request, header};
use rstest::rstest;
use serde_json::json;
use switchboard_domain::ids::{ChannelId, ConversationKey, Seq, SessionNumber};
use switchboard_domain::message::ChatKind;
use switchboard_domain::snapshot::{Role as Speaker, TranscriptLine};
use switchboard_domain::time::Timestamp;
use switchboard_ports::directory::DirectorySettings;
use switchboard_ports::tokens::{Role, TokenStore as _};
use switchboard_ports::transcripts::ConversationInfo;
use switchboard_ports::users::Identity;

use self::happened::happened;
use crate::testing::{Answer, START_MS, TestApi};

/// What somebody hostile calls things.
const HOSTILE: &str = "<script>alert(1)</script>\"'{{7*7}}${7*7} \u{5e9}\u{5dc}\u{5d5}\u{5dd}";

/// Every page and piece, with what stands for an id.
const PAGES: [&str; 37] = [
    "/panel/dashboard",
    "/panel/pieces/dashboard",
    "/panel/pieces/measures",
    "/panel/welcome",
    "/panel/channels",
    "/panel/channels/new",
    "/panel/channels/{id}",
    "/panel/channels/{id}/settings",
    "/panel/channels/{id}/access",
    "/panel/channels/{id}/conversations",
    "/panel/channels/{id}/failures",
    "/panel/channels/{id}/log",
    "/panel/pieces/channels",
    "/panel/pieces/channels/{id}",
    "/panel/pieces/channels/{id}/details",
    "/panel/playground",
    "/panel/agents",
    "/panel/agents/new",
    "/panel/agents/{id}",
    "/panel/conversations",
    "/panel/conversations/{id}",
    "/panel/pieces/conversations/{id}",
    "/panel/failures",
    "/panel/messages/{id}",
    "/panel/pieces/messages/{id}",
    "/panel/users",
    "/panel/users/new",
    "/panel/users/{id}",
    "/panel/directories",
    "/panel/audit",
    "/panel/replicas",
    "/panel/acts",
    "/panel/changes",
    "/panel/channels/{id}/history",
    "/panel/agents/{id}/history",
    "/panel/tokens",
    "/panel/settings",
];

/// What is no page: it is open, or leads to one.
const OPEN: [&str; 7] =
    ["/", "/panel", "/panel/", "/panel/assets/{name}", "/panel/sign-in", "/panel/sign-out", "/panel/{*rest}"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_route_of_the_panel_is_walked_here() {
    let mut paths = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/panel"), &mut paths);
    let mut routes = BTreeSet::new();
    for path in paths.iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = std::fs::read_to_string(path).unwrap();
        routes.extend(text.split(".route(\"").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    let known: BTreeSet<String> = PAGES.iter().chain(&OPEN).map(|path| (*path).to_owned()).collect();
    assert_eq!(routes, known);
}

/// A browser.
struct Browser<'a> {
    api: &'a TestApi,
    cookie: String,
}

impl<'a> Browser<'a> {
    async fn signed_in(api: &'a TestApi, role: Role) -> Self {
        let body = Body::from(format!("token={}", api.token(role)));
        let answer = api.send(Request::post("/panel/sign-in").body(body).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.header(header::LOCATION)), (303, "/panel/dashboard"));
        Self { api, cookie: answer.header(header::SET_COOKIE).split(';').next().unwrap().to_owned() }
    }

    async fn get(&self, path: &str) -> Answer {
        self.get_with(path, "").await
    }

    async fn get_with(&self, path: &str, more: &str) -> Answer {
        let request = Request::get(path).header(header::COOKIE, format!("{}; {more}", self.cookie));
        self.api.send(request.body(Body::empty()).unwrap()).await
    }
}

/// A conversation in which somebody said something hostile; its id.
fn talked(api: &TestApi, channel: &str) -> String {
    let key = ConversationKey { channel: ChannelId::new(channel), chat: HOSTILE.to_owned(), member: None };
    let (id, at) = (key.id(), Timestamp::from_millis(START_MS));
    let info = ConversationInfo {
        id: id.clone(),
        key,
        kind: ChatKind::Group,
        title: Some(HOSTILE.to_owned()),
        author: HOSTILE.to_owned(),
        person: None,
        user: None,
        session: Some((SessionNumber(1), at)),
        created_at: at,
        active_at: at,
        waiting: 1,
    };
    let said = |role| TranscriptLine {
        session: SessionNumber(1),
        seq: Seq(1),
        role,
        text: format!("\u{202e}{HOSTILE}"),
        at,
        mark: None,
    };
    let mut state = api.stores.state();
    state.conversations.insert(id.clone(), info);
    state.lines.insert(id.clone(), vec![said(Speaker::User), said(Speaker::Assistant)]);
    id.to_string()
}

/// A server on which everything has a hostile name; pages with the ids of what there is.
async fn hostile() -> (TestApi, Vec<String>) {
    let api = TestApi::new().await;
    let agent = api.post("/agents", json!({"name": HOSTILE, "kind": "echo", "system_prompt": HOSTILE})).await;
    let agent = agent.json["id"].as_str().unwrap().to_owned();
    let config = json!({"client_id": "ding<b>", "client_secret": "s3cr3t"});
    let channel = json!({"name": HOSTILE, "type": "dingtalk", "config": config, "default_agent_id": agent});
    let channel = api.post("/channels", channel).await.json["id"].as_str().unwrap().to_owned();
    let directory = DirectorySettings {
        name: HOSTILE.to_owned(),
        kind: String::from("ldap"),
        config: json!({"url": HOSTILE}),
        secrets: BTreeMap::default(),
    };
    let known = ChannelId::new(&channel);
    api.stores.state().channels.get_mut(&known).unwrap().directories.chain.push(directory);
    let user = api.post("/users", json!({"username": "<b>", "display_name": HOSTILE})).await;
    let user = user.json["id"].as_str().unwrap().to_owned();
    let conversation = talked(&api, &channel);
    let message = happened(&api, &conversation);
    let pages = PAGES.iter().map(|page| {
        let id = if page.contains("conversations/{id}") {
            &conversation
        } else if page.contains("messages/{id}") {
            &message
        } else if page.contains("channels") {
            &channel
        } else if page.contains("agents") {
            &agent
        } else {
            &user
        };
        page.replace("{id}", id)
    });
    let pages = pages.chain([
        String::from("/panel/channels/new?type=dingtalk"),
        format!("/panel/channels/new?copy={channel}"),
        format!("/panel/directories?channel={channel}"),
        String::from("/panel/agents/new?kind=openai-chat"),
        format!("/panel/conversations/{conversation}?whole=true"),
    ]);
    let pages = pages.collect();
    (api, pages)
}

fn assert_harmless(path: &str, page: &Answer) {
    assert_eq!(page.status, 200, "{path} {page:?}");
    let policy = page.header(header::CONTENT_SECURITY_POLICY);
    assert!(policy.contains("script-src 'self'; style-src 'self'") && !policy.contains("unsafe"), "{path}");
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        assert_eq!(page.header(name.clone()), value, "{path} {name}");
    }
    assert!(!page.header(HeaderName::from_static("permissions-policy")).is_empty());
    assert!(!page.text.contains("<script>") && !page.text.contains("s3cr3t"), "{path}");
    let scripts = page.text.matches("<script").count();
    assert_eq!(scripts, page.text.matches("<script type=\"module\" src=\"/panel/assets/").count(), "{path}");
    for bad in
        [" style=", "<style", " onclick", " onload", "javascript:", "http-equiv", "src=\"http", "href=\"http"]
    {
        assert!(!page.text.contains(bad), "{path} {bad}");
    }
}

#[rstest]
#[case(Role::Viewer)]
#[case(Role::Operator)]
#[case(Role::Admin)]
#[tokio::test]
async fn hostile_names_are_text_on_every_page_and_every_page_is_locked_down(#[case] role: Role) {
    let (api, pages) = hostile().await;
    let browser = Browser::signed_in(&api, role).await;
    for language in ["en", "zh-CN"] {
        for path in &pages {
            let page = browser.get_with(path, &format!("switchboard_language={language}")).await;
            assert_harmless(path, &page);
            if !path.contains("pieces") {
                assert!(page.text.contains(&format!("<html lang=\"{language}\"")), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn no_page_is_shown_to_whoever_is_not_signed_in() {
    let (api, pages) = hostile().await;
    let ended = Browser::signed_in(&api, Role::Viewer).await;
    assert!(api.stores.revoke("v").await.unwrap());
    let forged = String::from("switchboard_session=fake-seal.00");
    for path in pages.iter().map(String::as_str).chain(PAGES) {
        for cookie in ["", forged.as_str(), ended.cookie.as_str()] {
            let request = Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap();
            let answer = api.send(request).await;
            assert_eq!(answer.status, 303, "{path} {cookie}");
            assert!(answer.header(header::LOCATION).starts_with("/panel/sign-in?to=%2Fpanel%2F"), "{path}");
            assert!(answer.text.is_empty());
        }
    }
}

#[tokio::test]
async fn whoever_may_not_change_anything_sees_why() {
    let (api, pages) = hostile().await;
    let viewer = Browser::signed_in(&api, Role::Viewer).await;
    let list = viewer.get("/panel/channels").await;
    assert!(list.text.contains("You may look at everything and change nothing."));
    assert!(
        list.text.contains("aria-disabled=\"true\" title=\"This takes a token with the role operator.\"")
    );
    let settings = pages.iter().find(|path| path.ends_with("/settings")).unwrap();
    assert!(viewer.get(settings).await.text.contains("<fieldset disabled>"));
    let admin = Browser::signed_in(&api, Role::Admin).await;
    assert!(!admin.get(settings).await.text.contains("<fieldset disabled>"));
}

#[tokio::test]
async fn people_are_found_by_whatever_names_them() {
    let api = TestApi::new().await;
    for n in 0..300 {
        api.user(&format!("somebody-{n:03}"), Vec::new());
    }
    let identity = Identity { platform: String::from("dingtalk"), im_user_id: String::from("ding-77") };
    api.user("zoe", vec![identity]);
    let browser = Browser::signed_in(&api, Role::Admin).await;
    for asked in ["ZO", "usr_zoe", "ding-77"] {
        let page = browser.get(&format!("/panel/users?q={asked}")).await.text;
        assert_eq!(page.matches("/panel/users/usr_").count(), 1, "{asked}");
        assert!(page.contains("/panel/users/usr_zoe"), "{asked}");
    }
    assert!(browser.get("/panel/users?q=nobody").await.text.contains("Nobody here fits."));
    // Of many, the next page goes on where this one ends.
    let (mut seen, mut next) = (BTreeSet::new(), String::from("/panel/users?q=somebody"));
    while !next.is_empty() {
        let page = browser.get(&next).await.text;
        let ids = page.split("/panel/users/usr_").skip(1);
        assert!(ids.map(|rest| rest.split('"').next().unwrap().to_owned()).all(|id| seen.insert(id)));
        let link = page.split("rel=\"next\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
        next = link.unwrap_or_default().replace("&amp;", "&");
    }
    assert_eq!(seen.len(), 300);
}

#[tokio::test]
async fn a_stored_secret_has_no_field_until_it_is_replaced() {
    let (api, pages) = hostile().await;
    let browser = Browser::signed_in(&api, Role::Admin).await;
    let settings = browser.get(pages.iter().find(|path| path.ends_with("/settings")).unwrap()).await;
    let field = settings.text.split("id=\"-config-client-secret\"").nth(1).unwrap();
    let field = field.split('>').next().unwrap();
    assert!(field.contains("hidden") && field.contains("disabled") && !field.contains("value="), "{field}");
    assert!(settings.text.contains("data-replaces=\"-config-client-secret\""));
    // A copy begins without it.
    let copy = browser.get(pages.iter().find(|path| path.contains("copy=")).unwrap()).await;
    assert!(!copy.text.contains("data-replaces") && copy.text.contains("Copy of "));
}

#[tokio::test]
async fn people_get_a_page_where_programs_get_a_problem() {
    let (api, _) = hostile().await;
    let browser = Browser::signed_in(&api, Role::Admin).await;
    for (path, status) in
        [("/panel/channels/nobody", 404), ("/panel/users/nobody", 404), ("/panel/agents?cursor=x", 422)]
    {
        let page = browser.get(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.header(header::CONTENT_TYPE).starts_with("text/html"), "{path}");
    }
    api.stores.set_down(true);
    let away = browser.get("/panel/channels").await;
    assert_eq!(away.status, 503);
    assert!(away.text.contains("Not available now"));
}

#[tokio::test]
async fn whatever_is_loaded_is_kept_for_good_and_small() {
    let (api, _) = hostile().await;
    let browser = Browser::signed_in(&api, Role::Admin).await;
    let page = browser.get("/panel/channels").await;
    let addresses: BTreeSet<&str> =
        page.text.split('"').filter(|part| part.starts_with("/panel/assets/")).collect();
    assert!(addresses.len() > 5);
    let mut bytes = page.text.len();
    for address in addresses {
        let asset = api.send(Request::get(address).body(Body::empty()).unwrap()).await;
        assert_eq!(asset.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable", "{address}");
        bytes += asset.text.len();
    }
    assert!(bytes < 100 * 1024, "{bytes} bytes");
    let missing = api.send(Request::get("/panel/assets/panel.css").body(Body::empty()).unwrap()).await;
    assert_eq!(missing.status, 404);
}

#[tokio::test]
async fn names_in_a_path_that_nobody_knows_are_no_pages() {
    let api = TestApi::new().await;
    for path in ["/panel/nothing", "/panel/assets/../../etc/passwd", "/panel/assets/%2e%2e"] {
        let answer = api.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 404, "{path}");
    }
}
