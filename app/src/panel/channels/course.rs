//! How a channel's state went in the last day and week: strips, their words, and the last changes.

use std::time::Duration;

use maud::{Markup, html};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;

use crate::http::channels::history::StateView;
use crate::http::problem::Problem;
use crate::http::state::Api;
use crate::panel::pieces::{moment, state};
use crate::panel::texts::{Key, Texts};
use crate::runtime::states;
use crate::runtime::states::course::{Course, Was};

/// Changes in the table.
const CHANGES: usize = 20;

/// Units that a strip is wide.
const WIDTH: u64 = 1_000;

/// What is known of a channel's past.
pub(super) struct Past {
    day: (Course, Timestamp),
    week: (Course, Timestamp),
    changes: Vec<StateView>,
}

/// Reads it.
pub(super) async fn past(api: &Api, channel: &ChannelId, t: Texts) -> Result<Past, Problem> {
    let mut lines = states::read(&*api.ports.journal, channel).await?;
    let known = states::lives(&*api.ports.journal, api.operations.replicas(), &lines).await?;
    let now = api.ports.clock.now();
    let of = |span: Duration| {
        let from = now.before(span);
        (Course::of(&lines, &known, from, now), from)
    };
    let (day, week) = (of(Duration::from_hours(24)), of(Duration::from_hours(7 * 24)));
    lines.retain(|line| !line.still);
    lines.truncate(CHANGES);
    let changes = lines.into_iter().map(|line| StateView::of(line, t.0)).collect();
    Ok(Past { day, week, changes })
}

/// The strips and the table.
pub(super) fn view(t: Texts, past: &Past) -> Markup {
    html! {
        section.card {
            h2 { (t.say("course-title")) }
            (strip(t, "course-day", &t.say("course-day"), &past.day))
            (strip(t, "course-week", &t.say("course-week"), &past.week))
            @if !past.changes.is_empty() {
                details { summary { (t.say("course-changes")) } (changes(t, &past.changes)) }
            }
        }
    }
}

fn strip(t: Texts, id: &str, title: &str, (course, from): &(Course, Timestamp)) -> Markup {
    let words = words(t, course);
    let (title_id, words_id) = (format!("{id}-title"), format!("{id}-words"));
    let all = course.spans.last().map_or(1, |last| millis(last.to.since(*from))).max(1);
    let place = |at: Timestamp| millis(at.since(*from)).saturating_mul(WIDTH) / all;
    html! {
        h3 id=(title_id) { (title) }
        svg.strip viewBox=(format!("0 0 {WIDTH} 10")) preserveAspectRatio="none" role="img"
            aria-labelledby=(format!("{title_id} {words_id}")) {
            @for span in &course.spans {
                // What was short is seen all the same.
                @let (x, end) = (place(span.from), place(span.to));
                rect.(class(span.was)) x=(x) y="0" width=(end.saturating_sub(x).max(2)) height="10" {
                    title { (t.told(word(span.was))) }
                }
            }
        }
        p.help id=(words_id) { (words) }
    }
}

/// What a strip shows, in words.
fn words(t: Texts, course: &Course) -> String {
    let mut words = match course.permille() {
        None => t.say("course-nothing").into_owned(),
        Some(permille) => {
            let percent = format!("{}.{}", permille / 10, permille % 10);
            t.with("course-connected", [("percent", percent.into()), ("count", course.reconnects.into())])
                .into_owned()
        }
    };
    let minutes = |was| u32::try_from(course.time(was).as_secs() / 60).unwrap_or(u32::MAX);
    let (away, no_server) = (minutes(Was::Disconnected), minutes(Was::NobodyThere));
    if away > 0 {
        words.push(' ');
        words.push_str(&t.with("course-away", [("minutes", away.into())]));
    }
    if no_server > 0 {
        words.push(' ');
        words.push_str(&t.with("course-no-server", [("minutes", no_server.into())]));
    }
    words
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

const fn class(was: Was) -> &'static str {
    match was {
        Was::Unknown => "unknown",
        Was::Disabled => "disabled",
        Was::NobodyThere => "nobody",
        Was::Disconnected => "disconnected",
        Was::Connected => "connected",
    }
}

const fn word(was: Was) -> Key {
    match was {
        Was::Unknown => Key("course-unknown"),
        Was::Disabled => Key("state-disabled"),
        Was::NobodyThere => Key("course-nobody"),
        Was::Disconnected => Key("state-disconnected"),
        Was::Connected => Key("state-connected"),
    }
}

fn changes(t: Texts, changes: &[StateView]) -> Markup {
    html! {
        div.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("column-time")) } th scope="col" { (t.say("column-state")) }
                    th scope="col" { (t.say("replica")) } th scope="col" { (t.say("column-problem")) }
                } }
                tbody {
                    @for change in changes {
                        tr {
                            td data-label=(t.say("column-time")) { (moment(&change.at)) }
                            td data-label=(t.say("column-state")) { (state(t, &change.status)) " " span.help { (change.state) } }
                            td data-label=(t.say("replica")) { bdi.code { (change.replica) } }
                            td data-label=(t.say("column-problem")) {
                                @if let Some(error) = &change.error {
                                    @match &error.message { Some(words) => (words), None => bdi.code { (error.code) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::{Request, header};
    use serde_json::json;
    use switchboard_domain::time::Timestamp;
    use switchboard_ports::journal::{Book, JournalLine};
    use switchboard_ports::tokens::Role;

    use crate::testing::{START_MS, TestApi};

    const HOUR_MS: u64 = 3_600_000;

    #[tokio::test]
    async fn the_last_day_is_a_strip_with_words() {
        let api = TestApi::new().await;
        let path = api.channel("one").await;
        for (hours, status, reconnect) in
            [(10, "connected", false), (4, "disconnected", false), (3, "connected", true)]
        {
            let body = json!({"replica": "r1", "status": status, "state": status, "reconnect": reconnect});
            let (subject, at) = (
                path.trim_start_matches("/channels/").to_owned(),
                Timestamp::from_millis(START_MS - hours * HOUR_MS),
            );
            let line = JournalLine { book: Book::States, subject, at, body: body.to_string() };
            api.stores.state().journal.push(line);
        }
        let body = Body::from(format!("token={}", api.token(Role::Viewer)));
        let signed = api.send(Request::post("/panel/sign-in").body(body).unwrap()).await;
        let cookie = signed.header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let seen = async |language: &str| {
            let request = Request::get(format!("/panel{path}"))
                .header(header::COOKIE, format!("{cookie}; switchboard_language={language}"));
            api.send(request.body(Body::empty()).unwrap()).await.text
        };
        let page = seen("en").await;
        assert!(page.contains("Connected 90.0 % of the time that is known; 1 reconnect."), "{page}");
        assert!(page.contains("Disconnected for 60 min."), "{page}");
        assert_eq!(page.matches("<svg class=\"strip\"").count(), 2);
        let strip = page.split("<svg class=\"strip\"").nth(1).unwrap().split("</svg>").next().unwrap();
        assert_eq!(strip.matches("<rect").count(), 4, "{strip}");
        assert!(strip.contains("<rect class=\"disconnected\" x=\"833\" y=\"0\" width=\"42\""), "{strip}");
        assert!(seen("zh-CN").await.contains("90.0% 已连接；重连 1 次。"));
    }
}
