//! Two drivers on one store and one platform, as two replicas are.

use std::sync::Arc;
use std::time::Duration;

use switchboard::runtime::operations::{ChannelStatus, Operations};
use switchboard::runtime::{Driver, Settings};
use switchboard_domain::ids::{ChannelId, MessageId};
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::Ack;

use super::World;
use crate::fakes::wire::Wire;

/// Both drivers, by their numbers.
pub struct Pair<'w> {
    /// What they run in.
    pub world: &'w World,
    drivers: Vec<Arc<Driver>>,
    wires: Vec<Arc<Wire>>,
}

impl World {
    /// A scenario of two replicas that begin at the same time, with a store that they share.
    pub fn pair<'w>(&'w self, settings: &Settings, scenario: impl AsyncFnOnce(Pair<'w>)) {
        let ended = self.process_with(settings.clone(), async |first| {
            // The process has a driver of its own, whose end nobody could see: it leaves the stage.
            first.driver.stop(Duration::ZERO).await;
            let wires: Vec<Arc<Wire>> = vec![Arc::default(), Arc::default()];
            let (one, other) = tokio::join!(
                self.start(0, &wires[0], settings.clone()),
                self.start(1, &wires[1], settings.clone())
            );
            scenario(Pair { world: self, drivers: vec![one, other], wires }).await;
        });
        ended.expect("nobody kills a pair");
    }
}

impl Pair<'_> {
    /// A driver.
    pub fn driver(&self, number: usize) -> &Arc<Driver> {
        &self.drivers[number]
    }

    /// A driver is cut off from everything, and believes to go on.
    pub fn cut_off(&self, number: usize) {
        self.wires[number].cut();
    }

    /// Whatever others tell a driver is lost from now on.
    pub fn deafen(&self, number: usize) {
        self.wires[number].deafen();
    }

    /// It reaches everything again; what it asked meanwhile is carried out.
    pub fn mend(&self, number: usize) {
        self.wires[number].mend();
    }

    /// A driver dies: nothing of it comes through any more, and its sockets are closed.
    pub fn kill(&self, number: usize) {
        self.wires[number].cut();
        self.world.platform.driver_died(number);
    }

    /// Waits for something in virtual time, and says how long it took; ten minutes of it are a failure.
    pub async fn until(&self, what: &str, condition: impl Fn() -> bool) -> Duration {
        let begin = self.world.clock.now();
        for _ in 0..60_000 {
            if condition() {
                return self.world.clock.now().since(begin);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never happened: {what}; connected are {:?}", self.holders());
    }

    /// Lets time pass.
    pub async fn wait(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }

    /// The drivers that have a connection of the channel.
    pub fn holders(&self) -> Vec<usize> {
        self.world.platform.connected_by(&channel())
    }

    /// Waits until one driver alone has a connection; which one.
    pub async fn one_holder(&self) -> usize {
        self.until("one is connected", || self.holders().len() == 1).await;
        self.holders()[0]
    }

    /// Waits until the other one is connected in the place of this one; how long that took.
    pub async fn stands_in_for(&self, holder: usize) -> Duration {
        self.until("the standby is connected", || self.holders() == [1 - holder]).await
    }

    /// Both say that one of them is connected and the other one stands by.
    pub async fn assert_one_stands_by(&self) {
        for asked in [0, 1] {
            let status = self.status(asked).await;
            assert_eq!((&*status.status, status.connections), ("connected", 1));
            let mut rows: Vec<_> = status.replicas.iter().map(|row| row.state.to_string()).collect();
            rows.sort();
            assert_eq!(rows, ["connected", "standby"]);
        }
    }

    /// What a driver says of the channel.
    pub async fn status(&self, asked: usize) -> ChannelStatus {
        let statuses = self.drivers[asked].statuses(&[channel()]).await;
        statuses.into_iter().next().expect("a known channel")
    }

    /// Whoever is asked to delete the channel gets as far as its end.
    pub async fn withdraw(&self, through: usize) {
        self.drivers[through].withdraw(&channel()).await.expect("it is withdrawn");
    }

    /// The deletion is over, one way or the other.
    pub async fn end_deletion(&self, through: usize, deleted: bool) {
        if deleted {
            self.world.stores().channels.delete(&channel()).await.expect("it is gone");
        }
        self.drivers[through].channel_changed(&channel()).await.expect("it is taken in");
    }

    /// Changes the channel through one of the drivers.
    pub async fn enable(&self, through: usize, enabled: bool) {
        let channels = &self.world.stores().channels;
        let mut stored = channels.find(&channel()).await.expect("channels").expect("the channel");
        let version = stored.version;
        stored.enabled = enabled;
        channels.update(&stored, version).await.expect("a change");
        self.drivers[through].channel_changed(&channel()).await.expect("it is taken in");
    }

    /// A message that is delivered again and again until it is acked.
    pub async fn says(&self, person: &str, text: &str) -> MessageId {
        let message = self.world.message(person, text);
        loop {
            if let Some(ack) = self.world.platform.push(message.clone())
                && let Ok(Ack::Stored) = tokio::time::timeout(Duration::from_secs(3), ack).await
            {
                return message.id;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// Waits until everything that was said is answered, once.
    pub async fn answered(&self, count: usize) {
        self.until("everything is answered", || self.world.platform.finals().len() >= count).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let finals = self.world.platform.finals();
        assert_eq!(finals.len(), count, "{finals:#?}");
        assert_eq!(self.world.platform.overlapping(), 0);
    }
}

fn channel() -> ChannelId {
    ChannelId::new("chn_1")
}
