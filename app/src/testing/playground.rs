//! A playground that remembers what was said and shows what a test puts there.

use std::sync::Mutex;

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use switchboard_domain::ids::ChannelId;
use switchboard_ports::playground::{Item, Listening, NotTaken, Playground, Saying, Sight};
use tokio::sync::broadcast;

/// The playground's stand-in.
pub(crate) struct FakePlayground {
    /// What was said, in order.
    pub(crate) said: Mutex<Vec<Saying>>,
    /// Why nothing more is taken.
    pub(crate) refuses: Mutex<Option<NotTaken>>,
    /// What everybody sees.
    pub(crate) items: Mutex<Vec<Item>>,
    /// Whose rooms were forgotten.
    pub(crate) forgotten: Mutex<Vec<(ChannelId, Option<String>)>>,
    changes: Mutex<broadcast::Sender<Item>>,
}

impl Default for FakePlayground {
    fn default() -> Self {
        Self {
            said: Mutex::default(),
            refuses: Mutex::default(),
            items: Mutex::default(),
            forgotten: Mutex::default(),
            changes: Mutex::new(broadcast::channel(8).0),
        }
    }
}

impl FakePlayground {
    /// Something is seen by whoever looks.
    pub(crate) fn show(&self, item: Item) {
        self.items.lock().unwrap().push(item.clone());
        let _ = self.changes.lock().unwrap().send(item);
    }

    /// Whoever looks has to begin anew.
    pub(crate) fn interrupt(&self) {
        *self.changes.lock().unwrap() = broadcast::channel(8).0;
    }
}

#[async_trait]
impl Playground for FakePlayground {
    async fn say(&self, saying: Saying) -> Result<(), NotTaken> {
        if let Some(not_taken) = *self.refuses.lock().unwrap() {
            return Err(not_taken);
        }
        self.said.lock().unwrap().push(saying);
        Ok(())
    }

    fn listen(&self, _channel: &ChannelId, _person: &str) -> Listening {
        let changes = self.changes.lock().unwrap().subscribe();
        let changes = stream::unfold(changes, |mut changes| async move {
            changes.recv().await.ok().map(|item| (item, changes))
        });
        Listening { items: self.items.lock().unwrap().clone(), changes: changes.boxed() }
    }

    fn sights(&self) -> BoxStream<'static, Sight> {
        stream::pending().boxed()
    }

    fn take_in(&self, _sight: Sight) {}

    fn forget(&self, channel: &ChannelId, person: Option<&str>) {
        self.forgotten.lock().unwrap().push((channel.clone(), person.map(str::to_owned)));
    }
}
