//! The load: people in private chats and in groups write, now and then a command.

use std::sync::Arc;
use std::time::Duration;

use dingtalk_sim::{ChatKind, Origin, PushedMessage, Simulator};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::random::Random;
use super::stage::APP;
use crate::model::{Act, What, words};

/// People with a private chat.
const PRIVATE: u64 = 40;
/// Groups.
const GROUPS: u64 = 6;
/// Members of each who write.
const MEMBERS: u64 = 4;

/// A load under way. It ends when dropped.
pub(super) struct Load {
    ends: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Load {
    /// Begins.
    pub(super) fn start(simulator: &Arc<Simulator>, seed: u64, rate: u64) -> Self {
        let ends = CancellationToken::new();
        let (simulator, stops) = (Arc::clone(simulator), ends.clone());
        let task = tokio::spawn(async move {
            let random = Random::new(seed, 3);
            let mut ticks = interval(Duration::from_micros(1_000_000 / rate));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut key = 0;
            while stops.run_until_cancelled(ticks.tick()).await.is_some() {
                key += 1;
                say(&simulator, &random, key);
            }
        });
        Self { ends, task: Some(task) }
    }

    /// Ends, and waits until nothing more is said.
    pub(super) async fn end(&mut self) {
        self.ends.cancel();
        if let Some(task) = self.task.take() {
            task.await.expect("the load does not fail");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.ends.cancel();
    }
}

fn say(simulator: &Simulator, random: &Random, key: u64) {
    let place = random.between(0, PRIVATE + GROUPS * MEMBERS - 1);
    let origin = match place.checked_sub(PRIVATE) {
        None => Origin::private(&format!("cid-p{place}=="), &format!("p{place}")),
        Some(place) => {
            let (group, member) = (place / MEMBERS, place % MEMBERS);
            Origin::group(&format!("cid-g{group}=="), &format!("g{group}m{member}"))
        }
    };
    let text = match random.between(0, 99) {
        0..=2 => "/new".to_owned(),
        3..=4 => "/stop".to_owned(),
        5 => "/stop all".to_owned(),
        6 => random.pick(&["/status", "/help"]).to_owned(),
        _ => format!("{} is what I ask", words::name(key)),
    };
    simulator.push_text(APP, origin, &text).expect("the platform takes it");
}

/// What a pushed message is to the model.
pub(super) fn act(message: &PushedMessage) -> Act {
    let text = message.text.trim();
    let what = match text {
        "/new" => What::New,
        "/stop" => What::Stop,
        "/stop all" => What::StopAll,
        _ => words::key_of(text).map_or(What::Command, |key| What::Question { key }),
    };
    let chat = message.conversation.clone();
    let conversation = match message.kind {
        ChatKind::Private => chat.clone(),
        ChatKind::Group => format!("{chat}/{}", message.sender.as_deref().unwrap_or_default()),
    };
    Act {
        id: message.msg_id.clone(),
        chat,
        conversation,
        what,
        at: message.at_ms,
        // Also where the platform lost the ack.
        acked_at: message.deliveries.iter().filter_map(|delivery| delivery.acked_at_ms).min(),
        place: None,
        retries: 0,
        in_chat: true,
    }
}
