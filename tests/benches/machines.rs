//! How many steps a second the machines of a conversation take: pure computing, without a store, a platform or a clock.
//!
//! One conversation answers one question after the other on a card, in the way of a shell that does everything at once and
//! successfully. `cargo xtask bench machines` runs it; what it prints goes into BENCHMARKS.md. It fails where an answer does
//! not end, never because of a time.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench fails by panicking")]

use std::collections::VecDeque;
use std::hint::black_box;
use std::time::Duration;

use switchboard_domain::conversation::{Conversation, Effects, Event, Perform, Policy, Said};
use switchboard_domain::ids::{Epoch, FencingToken, MessageId, RetryNumber, Seq};
use switchboard_domain::inbox::{Entry, Intake};
use switchboard_domain::message::{Chat, ChatKind, Sender};
use switchboard_domain::reply::CardOutcome;
use switchboard_domain::session::Rules;
use switchboard_domain::settings::{Locale, ReplyLimits};
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Pace;
use switchboard_tests::environment::number;
use switchboard_tests::figures::in_f64;
use switchboard_tests::{binary, machine};
use tokio::time::Instant;

/// Questions (`SWITCHBOARD_BENCH_MESSAGES`).
const QUESTIONS: u64 = 20_000;
/// Rounds; the best one is the machine's, the others show how much else was going on.
const ROUNDS: usize = 5;
/// Between two deltas: as fast as a fast model speaks.
const DELTA_EVERY: Duration = Duration::from_millis(20);
/// Deltas of an answer, and characters of each.
const SHAPES: [(u32, usize); 3] = [(20, 20), (200, 5), (1_000, 5)];

fn main() {
    // The program is no part of this: it is not built for its version's sake.
    machine::print(binary::named().as_deref());
    let questions = number("SWITCHBOARD_BENCH_MESSAGES", QUESTIONS);
    println!("{questions} questions one after the other, best of {ROUNDS} rounds");
    println!("{:34} {:>12} {:>14} {:>12} {:>12}", "", "steps", "steps/s", "us a turn", "steps a turn");
    for (deltas, chars) in SHAPES {
        let delta = "x".repeat(chars);
        let count = (questions / u64::from(deltas)).max(50) * 20;
        let rounds = (0..ROUNDS).map(|_| {
            let began = Instant::now();
            (answer_all(count, deltas, &delta), began.elapsed())
        });
        let (steps, took) = rounds.min_by_key(|(_, took)| *took).unwrap();
        let (steps_f, count_f) = (in_f64(steps), in_f64(count));
        println!(
            "{:34} {steps:>12} {:>14.0} {:>12.1} {:>12.1}",
            format!("answers of {deltas} deltas of {chars}"),
            steps_f / took.as_secs_f64(),
            took.as_secs_f64() * 1e6 / count_f,
            steps_f / count_f
        );
    }
}

/// Answers so many questions; gives the steps that it took.
fn answer_all(questions: u64, deltas: u32, delta: &str) -> u64 {
    let mut now = Timestamp::from_millis(1_700_000_000_000);
    let mut shell = Shell::new(now);
    for seq in 1..=questions {
        shell.step(Event::Taken { entry: entry(Seq(seq), now), resumed: false, locale: None }, now);
        let epoch = shell.asked.take().unwrap();
        let mut say = |said, now| shell.step(Event::Run { epoch, said }, now);
        say(Said::Started { handle: None, continuation: None }, now);
        for _ in 0..deltas {
            now = now.after(DELTA_EVERY);
            say(Said::Delta(delta.to_owned()), now);
        }
        say(Said::Completed { continuation: None, cut: None }, now);
        assert!(shell.conversation.replies().is_empty(), "the answer has ended");
        now = now.after(Duration::from_secs(1));
    }
    shell.steps
}

/// Does what the machine wants at once, and counts.
struct Shell {
    conversation: Conversation,
    todo: VecDeque<Event>,
    asked: Option<Epoch>,
    steps: u64,
}

impl Shell {
    fn new(now: Timestamp) -> Self {
        let policy = Policy {
            rules: Rules::default(),
            reply: ReplyLimits {
                cards: true,
                card_chars_max: 20_000,
                part_chars_max: 5_000,
                part_bytes_max: 18_000,
                update_interval: Duration::from_millis(800),
                pace: Pace::default(),
            },
            locale: Locale::En,
            shares_choices: false,
        };
        let conversation = Conversation::restore(None, policy, now);
        let mut shell = Self { conversation, todo: VecDeque::new(), asked: None, steps: 0 };
        shell.step(Event::Loaded, now);
        shell
    }

    fn step(&mut self, event: Event, now: Timestamp) {
        // What is due at this time happens before what comes in, as in the driver.
        while self.conversation.deadline().is_some_and(|deadline| deadline.at <= now) {
            let effects = self.conversation.expire(now);
            self.take(effects);
        }
        self.todo.push_back(event);
        while let Some(event) = self.todo.pop_front() {
            let effects = self.conversation.apply(event, now).unwrap();
            self.take(effects);
        }
    }

    fn take(&mut self, effects: Effects) {
        self.steps += 1;
        for perform in black_box(effects).perform {
            match perform {
                Perform::Ask { epoch, .. } => self.asked = Some(epoch),
                Perform::Claim { reply, call, .. } => self.todo.push_back(Event::Granted { reply, call }),
                Perform::Card { reply, call, .. } => {
                    self.todo.push_back(Event::CardDone { reply, call, outcome: CardOutcome::Done });
                }
                Perform::Cancel { .. }
                | Perform::CancelUpstream { .. }
                | Perform::LookUp { .. }
                | Perform::Send { .. } => panic!("nobody asked for that"),
            }
        }
    }
}

fn entry(seq: Seq, now: Timestamp) -> Entry {
    Entry {
        seq,
        accepted_at: now,
        fence: FencingToken(1),
        message: MessageId::new(format!("m{}", seq.0)),
        retry: RetryNumber(0),
        chat: Chat { id: "chat".to_owned(), kind: ChatKind::Private, title: None },
        sender: Sender {
            im_user_id: Some("staff".to_owned()),
            opaque_id: "person".to_owned(),
            name: "Person".to_owned(),
        },
        sent_at: now,
        session_address: None,
        intake: Intake::Ask {
            text: "How is the weather today?".to_owned(),
            attachments: Vec::new(),
            quotes: None,
        },
    }
}
