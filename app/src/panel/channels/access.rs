//! `GET /panel/channels/{id}/access`: who may write, who they are, and what would become of somebody.

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use switchboard_ports::channels::Channel;
use switchboard_ports::form::FormField;
use switchboard_ports::tokens::Role;

use super::found;
use super::tabs::{Tab, around};
use crate::http::dto::channel::ChannelView;
use crate::http::problem::Problem;
use crate::http::router::Id;
use crate::http::state::Api;
use crate::panel::fields::{ACCESS, DIRECTORIES, FIXED_USER, MODE, ON_MISS, SWITCHERS, SWITCHING};
use crate::panel::form::{Field, Form, Group};
use crate::panel::pieces::reason;
use crate::panel::texts::Texts;
use crate::panel::visitor::Visitor;

/// The page.
pub(super) async fn page(
    visitor: Visitor,
    State(api): State<Api>,
    Id(id): Id,
) -> Result<Html<String>, Problem> {
    let channel = found(&api, &id).await?;
    let t = visitor.texts();
    let current = serde_json::to_value(ChannelView::from(&channel)).unwrap_or_default();
    let form = Form {
        request: ("PATCH", format!("/api/v1/channels/{id}")),
        version: Some(channel.version.0),
        base: None,
        then: String::from("reload"),
        check: None,
        current: &current,
        groups: groups(t),
        locked: channel.managed_by_file.then(|| t.say("managed-by-file-about")),
        submit: t.say("save"),
    };
    Ok(Html(
        around(
            &visitor,
            &channel,
            Tab::Access,
            &html! {
                (trial(&visitor, &channel, None))
                (form.view(&visitor))
            },
        )
        .into_string(),
    ))
}

fn groups(t: Texts) -> Vec<Group> {
    let own = |fields: &'static [FormField]| fields.iter().copied().map(Field::of);
    let mapping = vec![
        Field::of(MODE),
        Field::of(FIXED_USER).when("/user_mapping/mode fixed_user"),
        Field::of(ON_MISS).when("/user_mapping/mode match_username match_email directory"),
        Field::of(DIRECTORIES).when("/user_mapping/mode match_email directory"),
    ];
    let mut switching: Vec<Field> = own(&SWITCHING).collect();
    switching.push(Field::of(SWITCHERS).when("/switching/who listed"));
    vec![
        Group { title: t.say("group-access"), fields: own(&ACCESS).collect() },
        Group { title: t.say("group-mapping"), fields: mapping },
        Group { title: t.say("group-switching"), fields: switching },
    ]
}

/// "Try a user": what would happen to the author of a message, and why.
/// `of` is the channel's name, where the page does not say it.
pub(in crate::panel) fn trial(visitor: &Visitor, channel: &Channel, of: Option<&str>) -> Markup {
    let t = visitor.texts();
    let locked = reason(visitor, Role::Operator);
    html! {
        section.card {
            h2 { (t.say("try-title")) @if let Some(name) = of { ": " bdi { (name) } } }
            p.help { (t.say("try-about")) }
            form data-method="POST" data-path=(format!("/api/v1/channels/{}/mapping/test", channel.id)) data-then="outcome"
                data-shows="tried" {
                @if let Some(why) = &locked { p.note { (why) } }
                fieldset disabled[locked.is_some()] {
                    div.field {
                        label for="im-user-id" { (t.say("try-id")) }
                        input id="im-user-id" name="/im_user_id" data-kind="text" type="text" maxlength="512" autocomplete="off";
                        p.mistake id="im-user-id-mistake" role="alert" hidden {}
                    }
                    div.rest.note.bad tabindex="-1" role="alert" hidden {}
                    button type="submit" { (t.say("try-act")) }
                }
            }
            (tried(t))
        }
    }
}

/// What a module fills in: each row's value with the word for it.
fn tried(t: Texts) -> Markup {
    html! {
        div id="tried" role="status" hidden { dl {
            div data-row { dt { (t.say("tried-outcome")) } dd data-from="outcome"
                data-worduse=(t.say("tried-use")) data-wordlink=(t.say("tried-link")) data-wordcreate=(t.say("tried-create"))
                data-wordrefuse=(t.say("tried-refuse")) data-wordunknown=(t.say("tried-unknown")) {} }
            div data-row { dt { (t.say("tried-user")) } dd data-from="user.username" {} }
            div data-row { dt { (t.say("tried-access")) } dd data-from="access"
                data-wordallow=(t.say("tried-allow")) data-worddeny=(t.say("tried-deny"))
                data-wordunknown=(t.say("tried-unknown")) {} }
            div data-row { dt { (t.say("tried-sentence")) } dd data-from="sentence" {} }
            div data-row { dt { (t.say("tried-rule")) } dd data-from="rule"
                data-wordlinked=(t.say("rule-linked")) data-wordusername=(t.say("rule-username"))
                data-wordemail=(t.say("rule-email")) data-wordfixed_user=(t.say("rule-fixed-user"))
                data-worddirectory=(t.say("rule-directory")) data-wordon_miss=(t.say("rule-on-miss")) {} }
            div data-row { dt { (t.say("tried-directory")) } dd data-from="directory.answer"
                data-wordnot_asked="" data-wordfound=(t.say("tried-found")) data-wordabsent=(t.say("tried-absent"))
                data-wordambiguous=(t.say("tried-ambiguous")) data-wordunavailable=(t.say("tried-unavailable")) {} }
            div data-row { dt { (t.say("tried-detail")) } dd data-from="directory.detail" {} }
        } }
    }
}
