//! The status line: shown while a card streams, at its own slow pace, and in nothing that stays.

use std::time::Duration;

use super::super::{CardOutcome, Event, Progress, Reason, STATUS_INTERVAL_MIN};
use super::{Bench, CODE, facts, shown};
use crate::rejected::Rejected;
use crate::settings::Locale;
use crate::snapshot::ReplyStateSnapshot;

impl Bench {
    fn tool(&mut self, name: &str) {
        assert_eq!(self.tell(Event::Progressed { what: Progress::Tool(name.into()) }).list, []);
    }

    fn thought(&mut self, text: &str) {
        assert_eq!(self.tell(Event::Progressed { what: Progress::Reasoning(text.into()) }).list, []);
    }

    /// A card just made, which shows the first text.
    fn opened() -> Self {
        let mut bench = Self::new();
        bench.tell(Event::Admitted);
        bench.call();
        bench.card(CardOutcome::Done);
        bench
    }

    /// Makes the update that is due next; says after how long and with what text.
    fn updates(&mut self) -> (Duration, String) {
        let due = self.reply.deadline().expect("something is due");
        assert_eq!(due.reason, Reason::Update);
        let wait = due.at.since(self.now);
        self.pass_to_deadline();
        let text = shown(&self.call()).1.to_owned();
        self.card(CardOutcome::Done);
        (wait, text)
    }

    fn is_calm(&self) -> bool {
        self.reply.deadline().is_none_or(|due| due.reason == Reason::Age)
    }
}

#[test]
fn before_the_first_text_the_status_stands_beside_the_first_words() {
    let mut bench = Bench::new();
    bench.tell(Event::Admitted);
    bench.tool("search");
    assert_eq!(shown(&bench.call()), ("open", "Thinking..."), "the first text of a card is always the same");
    bench.card(CardOutcome::Done);
    assert_eq!(bench.updates(), (STATUS_INTERVAL_MIN, "Thinking... · using tool search".into()));
    assert!(bench.is_calm());
}

#[test]
fn the_status_speaks_the_channels_language() {
    let mut bench = Bench::answering(super::Facts { locale: Locale::ZhCn, ..facts(true, None) }, true);
    bench.tell(Event::Admitted);
    bench.tool("search");
    assert_eq!(shown(&bench.call()), ("update", "思考中... · 正在使用工具 search"));
}

#[test]
fn below_a_text_the_status_is_a_line_of_its_own_that_the_next_one_replaces() {
    let mut bench = Bench::streaming();
    bench.tool("search");
    assert_eq!(bench.updates(), (STATUS_INTERVAL_MIN, "some\n\n> using tool search".into()));
    bench.thought("Now I compare. ");
    assert_eq!(bench.updates().1, "some\n\n> Now I compare.");
    bench.grow(" text");
    assert_eq!(bench.updates().1, "some text", "what was done before the answer went on is over");
    assert!(bench.is_calm());
}

#[test]
fn a_status_stands_outside_of_a_code_block_that_is_being_written() {
    let mut bench = Bench::opened();
    bench.grow("```rust\nlet x");
    bench.tool("lint");
    assert_eq!(bench.updates().1, "```rust\nlet x\n```\n\n> using tool lint");
}

#[test]
fn many_statuses_make_no_more_updates_than_a_long_answer() {
    let mut bench = Bench::streaming();
    let mut updates = 0;
    for step in 0..300 {
        bench.tool(&format!("tool{step}"));
        bench.pass(Duration::from_millis(100));
        if bench.claimed().is_some() {
            bench.call();
            bench.card(CardOutcome::Done);
            updates += 1;
        }
    }
    assert!((11..=12).contains(&updates), "{updates} updates in half a minute");
}

#[test]
fn statuses_between_the_words_cost_no_call() {
    let count = |with_tools: bool| {
        let mut bench = Bench::streaming();
        let mut updates = 0;
        for step in 0..200 {
            if with_tools {
                bench.tool(&format!("tool{step}"));
            }
            bench.grow(" w");
            bench.pass(Duration::from_millis(100));
            if bench.claimed().is_some() {
                bench.call();
                bench.card(CardOutcome::Done);
                updates += 1;
            }
        }
        updates
    };
    assert_eq!(count(true), count(false));
}

#[test]
fn a_slow_channel_is_slow_with_statuses_too() {
    let mut facts = facts(true, None);
    facts.limits.update_interval = Duration::from_secs(20);
    let mut bench = Bench::answering(facts, true);
    bench.tell(Event::Admitted);
    bench.call();
    bench.card(CardOutcome::Done);
    bench.tool("search");
    assert_eq!(bench.updates().0, Duration::from_secs(20));
}

#[test]
fn a_full_card_says_that_its_answer_goes_on_and_what_the_agent_does() {
    let mut bench = Bench::streaming();
    bench.grow(&" word".repeat(60));
    bench.tool("search");
    let shown = bench.updates().1;
    assert!(
        shown.ends_with("\n\n> The answer goes on: 304 characters so far. · using tool search"),
        "{shown}"
    );
    assert!(shown.starts_with("some word"), "{shown}");
    bench.grow(" and more");
    let shown = bench.updates().1;
    assert!(shown.contains("The answer goes on: 313 characters so far."), "{shown}");
    assert!(bench.is_calm());
}

#[test]
fn a_status_without_room_is_left_out_and_not_asked_for_again() {
    let mut bench = Bench::opened();
    bench.grow(&"w".repeat(145));
    bench.tool("search");
    assert_eq!(bench.updates().1, "w".repeat(145));
    assert!(bench.is_calm());
}

#[test]
fn an_agent_asked_anew_has_no_status_of_before() {
    let mut bench = Bench::opened();
    bench.tool("search");
    bench.updates();
    bench.reply.begin_anew();
    assert_eq!(bench.updates(), (STATUS_INTERVAL_MIN, "Thinking...".into()));
    assert!(bench.is_calm());
}

#[test]
fn a_picture_written_out_in_the_text_fills_no_card() {
    let mut bench = Bench::opened();
    bench.grow(&format!("Look: ![a chart](data:image/png;base64,{}", "A".repeat(4_000)));
    assert_eq!(bench.updates().1, "Look: 🖼 a chart");
    bench.grow("==)\n\nDone.");
    assert_eq!(bench.updates().1, "Look: 🖼 a chart\n\nDone.");
    bench.end(None);
    assert_eq!(shown(&bench.call()), ("finish", "Look: 🖼 a chart\n\nDone."));
}

/// Every way a turn can end, with a status on the card.
#[test]
fn no_status_outlives_its_turn() {
    let mut failed = Bench::streaming();
    failed.tool("lathe");
    failed.updates();
    let mut refused = failed.clone();
    let mut unspoken = Bench::opened();
    unspoken.thought("lathe");
    unspoken.updates();
    let mut plain = Bench::plain(None);
    plain.grow("some");
    plain.tool("lathe");

    refused.grow(" more");
    refused.tool("lathe");
    refused.pass_to_deadline();
    refused.call();
    refused.card(CardOutcome::Refused(CODE));
    refused.tool("lathe");
    assert_eq!(refused.reply.phase(), "Collecting");

    for mut bench in [failed, refused, unspoken, plain] {
        bench.end(Some("Stopped."));
        match bench.reply.snapshot().expect("it is stored").state {
            ReplyStateSnapshot::Finishing { text, rest, .. } => {
                assert!(!text.contains("lathe") && rest.is_empty(), "{text}");
            }
            ReplyStateSnapshot::Plain { parts, pointer } => {
                assert!(parts.iter().all(|part| !part.text.contains("lathe")), "{parts:?}");
                assert!(pointer.is_none_or(|pointer| !pointer.text.contains("lathe")));
            }
        }
        let late = bench.offer(Event::Progressed { what: Progress::Tool("lathe".into()) });
        assert!(matches!(late, Err(Rejected::Stale { .. })));
        assert!(!shown(&bench.call()).1.contains("lathe"));
    }
}
