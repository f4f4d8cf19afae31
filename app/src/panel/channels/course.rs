//! How a channel's state went in the last day and week: strips, their words, and the last changes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use maud::{Markup, html};
use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_ports::journal::Book;
use switchboard_ports::page::PageRequest;

use crate::http::channels::history::StateView;
use crate::http::problem::Problem;
use crate::http::state::Api;
use crate::panel::pieces::{moment, state};
use crate::panel::texts::{Key, Texts};
use crate::runtime::states::course::{Course, Lives, Was};
use crate::runtime::states::{self, StateInfo};

/// Replicas that do not live any more of which it is looked up when they did last.
const DEAD_MAX: usize = 20;

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
    let lives = lives(api, &lines).await?;
    let now = api.ports.clock.now();
    let of = |span: Duration| {
        let from = now.before(span);
        (Course::of(&lines, &lives, from, now), from)
    };
    let (day, week) = (of(Duration::from_hours(24)), of(Duration::from_hours(7 * 24)));
    lines.retain(|line| !line.still);
    lines.truncate(CHANGES);
    let changes = lines.into_iter().map(|line| StateView::of(line, t.0)).collect();
    Ok(Past { day, week, changes })
}

/// Who of those that said something lives, and when the others did last, as far as their measures tell.
async fn lives(api: &Api, lines: &[StateInfo]) -> Result<Lives, Problem> {
    let told: BTreeSet<&str> = lines.iter().map(|line| line.replica.as_str()).collect();
    // While nobody knows who lives, everybody's last word counts.
    let Some(roll) = api.operations.replicas() else {
        let live = told.into_iter().map(str::to_owned).collect();
        return Ok(Lives { live, seen: BTreeMap::new() });
    };
    let live: BTreeSet<String> = roll.into_iter().map(|info| info.id.to_string()).collect();
    let mut seen = BTreeMap::new();
    for dead in told.into_iter().filter(|replica| !live.contains(*replica)).take(DEAD_MAX) {
        let page = PageRequest { limit: 1, after: None };
        let last = api.ports.journal.read(Book::Minutes, dead, &page).await?;
        if let Some(last) = last.items.first() {
            seen.insert(dead.to_owned(), last.at);
        }
    }
    Ok(Lives { live, seen })
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
