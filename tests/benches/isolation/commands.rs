//! `/stop` and `/new` to conversations whose agent hangs, and how fast they act.

use std::collections::BTreeMap;
use std::time::Duration;

use dingtalk_sim::Observed;
use serde_json::Value;
use switchboard_tests::api::Api;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::{Asked, End};
use switchboard_tests::server::CAP;
use tokio::time::{Instant, sleep, timeout};

use crate::stage::{Stage, chat};
use crate::times::Times;

/// Conversations whose agent hangs.
pub(crate) const HUNG: usize = 50;
/// How often each hung conversation is stopped, or begun anew.
pub(crate) const ROUNDS: usize = 4;
/// Between two commands.
const COMMAND_INTERVAL: Duration = Duration::from_millis(100);
/// Between two looks of the API at a session.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Times of `/stop` and `/new`.
#[derive(Default)]
pub(crate) struct Commands {
    stop_closed: Vec<Duration>,
    new_closed: Vec<Duration>,
    stop_shown: Vec<Duration>,
    new_shown: Vec<Duration>,
    new_session: Vec<Duration>,
    /// How late the load beside them was, where this bench sends it.
    pub(crate) late: Vec<Duration>,
    /// Ids of the hung conversations by person.
    conversations: BTreeMap<String, String>,
}

impl Commands {
    /// Everybody asks what the agent hangs at.
    pub(crate) async fn hang(&mut self, stage: &Stage, round: usize) {
        let hangs = |all: &[Asked]| {
            let of_round = all.iter().filter(|asked| asked.question().starts_with(&format!("hang {round} ")));
            of_round.count() == HUNG
        };
        for person in 0..HUNG {
            stage.say(&who(person), &question(round, person));
        }
        stage.agent.wait_for(hangs, CAP).await.expect("the agent is asked by everybody");
        if self.conversations.is_empty() {
            self.conversations = conversations(&stage.api, &stage.channel).await;
        }
        // They hang for a while, beside the load.
        sleep(Duration::from_secs(2)).await;
    }

    /// Everybody says one command.
    pub(crate) async fn round(&mut self, stage: &Stage, round: usize) {
        let mut said = Vec::new();
        for person in 0..HUNG {
            // In turn, and not the same in each round.
            let is_new = (person + round).is_multiple_of(2);
            let before = self.session(stage, person).await;
            let at = Instant::now();
            let push = stage.say(&who(person), if is_new { "/new" } else { "/stop" });
            if is_new {
                self.new_session.push(self.wait_session(stage, person, before).await.duration_since(at));
            }
            said.push((person, is_new, at, push.msg_id));
            sleep(COMMAND_INTERVAL).await;
        }
        let closed = |all: &[Asked]| {
            all.iter().filter(|asked| asked.was_closed_by_client()).count() == HUNG * (round + 1)
        };
        let asked = stage.agent.wait_for(closed, CAP).await.expect("every request is closed");
        for (person, is_new, at, msg_id) in said {
            let request =
                asked.iter().find(|asked| asked.question() == question(round, person)).expect("asked");
            let Some(End::ClosedByClient(end)) = request.end else { panic!("{request:?} was not closed") };
            let shown = self.wait_shown(stage, person, round, &msg_id).await;
            let (closed, seen) = if is_new {
                (&mut self.new_closed, &mut self.new_shown)
            } else {
                (&mut self.stop_closed, &mut self.stop_shown)
            };
            closed.push(end.duration_since(at));
            seen.push(shown);
        }
    }

    async fn session(&self, stage: &Stage, person: usize) -> u64 {
        let id = &self.conversations[&chat(&who(person))];
        stage.api.get(&format!("/conversations/{id}")).await["session"]["number"].as_u64().unwrap_or_default()
    }

    /// Waits until the API shows the next session.
    async fn wait_session(&self, stage: &Stage, person: usize, before: u64) -> Instant {
        let next = async {
            while self.session(stage, person).await <= before {
                sleep(LOOK_INTERVAL).await;
            }
            Instant::now()
        };
        timeout(CAP, next).await.expect("the next session begins")
    }

    /// From the push of a command until the person's card of the round is closed.
    async fn wait_shown(&self, stage: &Stage, person: usize, round: usize, msg_id: &str) -> Duration {
        let closed = |seen: &Observed| {
            let at_ms = seen.message(msg_id)?.at_ms;
            let closed_at_ms = seen.cards_in(&chat(&who(person))).get(round)?.finalized_at_ms?;
            Some(Duration::from_millis(closed_at_ms.saturating_sub(at_ms)))
        };
        looks::until("the card is closed", async || stage.simulator.observe(closed)).await
    }

    pub(crate) fn print(&self) {
        if !self.late.is_empty() {
            Times::spans(&self.late).print("this bench's own timer, with commands");
        }
        for (name, spans) in [
            ("/stop: request closed, as the agent sees it", &self.stop_closed),
            ("/stop: card closed, as people see it", &self.stop_shown),
            ("/new: request closed, as the agent sees it", &self.new_closed),
            ("/new: next session, as the API says", &self.new_session),
            ("/new: card closed, as people see it", &self.new_shown),
        ] {
            Times::spans(spans).print(name);
        }
    }
}

fn question(round: usize, person: usize) -> String {
    format!("hang {round} {person}")
}

fn who(person: usize) -> String {
    format!("stuck-{person}")
}

/// Ids of all conversations of a channel, by the platform's: another channel's may be many, and come and go meanwhile.
async fn conversations(api: &Api, channel: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    let (mut found, mut cursor) = (BTreeMap::new(), String::new());
    loop {
        let page = api.get(&format!("/conversations?channel_id={channel}&limit=200{cursor}")).await;
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| (text(&item["platform_conversation_id"]), text(&item["id"]))));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}
