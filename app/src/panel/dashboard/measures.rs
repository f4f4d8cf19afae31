//! Messages, answers, times and errors of the last hour and day: figures, small plots, and the same as a table.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Html;
use maud::{Markup, html};
use switchboard_domain::time::Timestamp;

use crate::http::dto::time::rfc3339;
use crate::http::measures::{Measures, Step, Window, measured};
use crate::http::problem::Problem;
use crate::http::state::Api;
use crate::panel::codes;
use crate::panel::pieces::{fact, moment};
use crate::panel::plot::{Line, Plot, highest};
use crate::panel::texts::{Key, Texts};
use crate::panel::visitor::Visitor;
use crate::telemetry::tally::{Counts, number};

/// Rows of the table of a window.
const ROWS: usize = 12;

/// `GET /panel/pieces/measures`.
pub(super) async fn piece(visitor: Visitor, State(api): State<Api>) -> Result<Html<String>, Problem> {
    Ok(Html(read(&api, visitor.texts()).await?.into_string()))
}

/// Reads and shows them.
pub(super) async fn read(api: &Api, t: Texts) -> Result<Markup, Problem> {
    let now = api.ports.clock.now();
    let hour = measured(&*api.ports.journal, now, Window::Hour).await?;
    let day = measured(&*api.ports.journal, now, Window::Day).await?;
    Ok(html! {
        div data-every="minute" data-piece="/panel/pieces/measures" {
            p.help { (t.say("measures-about")) }
            (window(t, "hour", &t.say("measures-hour"), &hour))
            (window(t, "day", &t.say("measures-day"), &day))
            (causes(t, &hour.total.failures, &day.total.failures))
        }
    })
}

fn window(t: Texts, id: &str, title: &str, measures: &Measures) -> Markup {
    html! {
        section.card {
            h2 { (title) }
            (figures(t, measures))
            div.plots { @for shown in SHOWN { (plot(t, id, shown, measures)) } }
            details { summary { (t.say("measures-table")) } (table(t, measures)) }
        }
    }
}

/// The figures of the whole window; of what goes up and down, the last ones.
fn figures(t: Texts, measures: &Measures) -> Markup {
    let total = &measures.total;
    let last = measures.steps.iter().rev().find_map(|step| step.counts.as_ref());
    let now = |of: fn(&Counts) -> u32| last.map_or_else(|| nothing(t), |counts| of(counts).to_string());
    html! {
        dl {
            (fact(&t.say("measure-messages"), &html! { (total.messages) }))
            (fact(&t.say("measure-success"), &html! { (percent(t, total)) }))
            (fact(&t.say("measure-first-output"), &html! { (seconds(t, total.first_output_at(0.5))) " / " (seconds(t, total.first_output_at(0.95))) }))
            (fact(&t.say("measure-running"), &html! { (now(|counts| counts.running)) }))
            (fact(&t.say("measure-queue"), &html! { (now(|counts| counts.pending)) }))
            (fact(&t.say("measure-calls"), &html! { (total.platform_requests()) }))
            (fact(&t.say("measure-errors"), &html! { (total.all_failures()) }))
        }
    }
}

fn nothing(t: Texts) -> String {
    t.say("measure-none").into_owned()
}

fn percent(t: Texts, counts: &Counts) -> String {
    counts.success_percent().map_or_else(|| nothing(t), |percent| format!("{percent:.1} %"))
}

fn seconds(t: Texts, seconds: Option<f64>) -> String {
    seconds.map_or_else(|| nothing(t), |seconds| format!("{seconds:.1} s"))
}

/// A line of a plot: its class, and the value of a step.
type Series = (&'static str, fn(&Counts) -> Option<f64>);

/// What a plot shows.
struct Shown {
    id: &'static str,
    title: Key,
    /// Its lines.
    lines: &'static [Series],
    /// Decimals of its values in words.
    decimals: usize,
    unit: &'static str,
    /// What reaches to the top; none: the highest value.
    top: Option<f64>,
}

const SHOWN: &[Shown] = &[
    Shown {
        id: "messages",
        title: Key("measure-messages"),
        lines: &[("first", |counts| Some(number(counts.messages)))],
        decimals: 0,
        unit: "",
        top: None,
    },
    Shown {
        id: "success",
        title: Key("measure-success"),
        lines: &[("first", Counts::success_percent)],
        decimals: 1,
        unit: " %",
        top: Some(100.0),
    },
    Shown {
        id: "first-output",
        title: Key("measure-first-output"),
        lines: &[
            ("second", |counts| counts.first_output_at(0.95)),
            ("first", |counts| counts.first_output_at(0.5)),
        ],
        decimals: 1,
        unit: " s",
        top: None,
    },
    Shown {
        id: "running",
        title: Key("measure-running-queue"),
        lines: &[
            ("second", |counts| Some(f64::from(counts.pending))),
            ("first", |counts| Some(f64::from(counts.running))),
        ],
        decimals: 0,
        unit: "",
        top: None,
    },
    Shown {
        id: "calls",
        title: Key("measure-calls"),
        lines: &[("first", |counts| Some(number(counts.platform_requests())))],
        decimals: 0,
        unit: "",
        top: None,
    },
    Shown {
        id: "errors",
        title: Key("measure-errors"),
        lines: &[("bad", |counts| Some(number(counts.all_failures())))],
        decimals: 0,
        unit: "",
        top: None,
    },
];

fn plot(t: Texts, window: &str, shown: &Shown, measures: &Measures) -> Markup {
    let title = t.told(shown.title);
    let lines: Vec<Line> = shown
        .lines
        .iter()
        .map(|(class, value)| {
            let values = measures.steps.iter().map(|step| step.counts.as_ref().and_then(value)).collect();
            Line { class, values }
        })
        .collect();
    let most = highest(lines.iter().flat_map(|line| &line.values));
    let is_empty = lines.iter().all(|line| line.values.iter().all(Option::is_none));
    let about = if is_empty {
        t.say("measure-nothing").into_owned()
    } else {
        let value = format!("{most:.*}{}", shown.decimals, shown.unit);
        t.with("measure-highest", [("value", value.into())]).into_owned()
    };
    let id = format!("{window}-{}", shown.id);
    let top = shown.top.unwrap_or(most);
    html! {
        div {
            h3 { (title) }
            (Plot { id: &id, title: &title, about: &about, lines, top }.draw())
            p.help { (about) }
        }
    }
}

/// The same as a table: several steps a row.
fn table(t: Texts, measures: &Measures) -> Markup {
    let size = measures.steps.len().div_ceil(ROWS).max(1);
    html! {
        div.scroll {
            table.rows {
                thead { tr {
                    th scope="col" { (t.say("measure-until")) } th scope="col" { (t.say("measure-messages")) }
                    th scope="col" { (t.say("measure-success")) } th scope="col" { (t.say("measure-first-output")) }
                    th scope="col" { (t.say("measure-running")) } th scope="col" { (t.say("measure-queue")) }
                    th scope="col" { (t.say("measure-calls")) } th scope="col" { (t.say("measure-errors")) }
                } }
                tbody {
                    @for steps in measures.steps.chunks(size) {
                        @let (end, counts) = together(steps);
                        tr {
                            td data-label=(t.say("measure-until")) { (moment(&rfc3339(end))) }
                            td data-label=(t.say("measure-messages")) { (counts.messages) }
                            td data-label=(t.say("measure-success")) { (percent(t, &counts)) }
                            td data-label=(t.say("measure-first-output")) {
                                (seconds(t, counts.first_output_at(0.5))) " / " (seconds(t, counts.first_output_at(0.95)))
                            }
                            td data-label=(t.say("measure-running")) { (counts.running) }
                            td data-label=(t.say("measure-queue")) { (counts.pending) }
                            td data-label=(t.say("measure-calls")) { (counts.platform_requests()) }
                            td data-label=(t.say("measure-errors")) { (counts.all_failures()) }
                        }
                    }
                }
            }
        }
    }
}

/// Several steps as one; of what goes up and down, the most.
fn together(steps: &[Step]) -> (Timestamp, Counts) {
    let end = steps.last().map_or(Timestamp::from_millis(0), |step| step.end);
    let sum =
        steps.iter().filter_map(|step| step.counts.as_ref()).fold(Counts::default(), |mut sum, counts| {
            sum.add(counts);
            sum.running = sum.running.max(counts.running);
            sum.pending = sum.pending.max(counts.pending);
            sum
        });
    (end, sum)
}

fn causes(t: Texts, hour: &BTreeMap<String, u64>, day: &BTreeMap<String, u64>) -> Markup {
    let mut causes: Vec<(&str, u64, u64)> = day
        .iter()
        .map(|(cause, of_day)| (cause.as_str(), hour.get(cause).copied().unwrap_or(0), *of_day))
        .collect();
    causes.sort_by_key(|(_, _, of_day)| std::cmp::Reverse(*of_day));
    html! {
        section.card {
            h2 { (t.say("causes-title")) }
            @if causes.is_empty() { p { (t.say("causes-none")) } } @else {
                div.scroll {
                    table {
                        thead { tr {
                            th scope="col" { (t.say("column-cause")) } th scope="col" { (t.say("measures-hour")) }
                            th scope="col" { (t.say("measures-day")) }
                        } }
                        tbody {
                            @for (cause, of_hour, of_day) in causes {
                                tr { td { (codes::reason(t, cause)) } td { (of_hour) } td { (of_day) } }
                            }
                        }
                    }
                }
                p { a href="/panel/failures" { (t.say("nav-failures")) } }
            }
        }
    }
}
