//! The platform `web`: its description, its links, and the playground port.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;
use switchboard_domain::content::Content;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::message::{Body, Chat, ChatKind, Inbound, Sender};
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::{Clock, Entropy};
use switchboard_ports::form::Words;
use switchboard_ports::playground::{
    By, Item, Listening, NotTaken, PLATFORM, Playground, Saying, Sight, Stage,
};
use switchboard_ports::provider::{Ack, Description, FieldError, Link, Meter, Provider};

use super::Inside;
use super::fields::{GUIDE, check};
use super::link::WebLink;
use super::rooms::{Rooms, bounded};

/// Pause between two updates of a card where one process has everybody.
const PACE: Duration = Duration::from_millis(100);

/// The same where each update is told to other replicas.
const PACE_TOLD: Duration = Duration::from_millis(500);

/// The playground: a platform without a platform. One value serves all channels, and is the way in as well.
pub struct Web {
    inside: Arc<Inside>,
    pace: Duration,
}

impl Web {
    /// What the platform is and can do.
    pub const DESCRIPTION: Description = Description {
        platform: PLATFORM,
        title: Words::new("Playground", "演练场"),
        guide: GUIDE,
        exclusive: false,
        everywhere: true,
        hears_all: false,
        config_fields: &[],
        secret_fields: &[],
        connection_fields: &[],
        identity_fields: &[],
        quota: None,
    };

    /// The platform as seen through `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let inside = Inside { clock, entropy, rooms: Rooms::default(), doors: Mutex::default() };
        Self { inside: Arc::new(inside), pace: PACE }
    }

    /// The same where several replicas may show what happens: at a slower pace, because each change is told to all of them.
    #[must_use]
    pub const fn told_to_others(mut self) -> Self {
        self.pace = PACE_TOLD;
        self
    }
}

impl Provider for Web {
    fn description(&self) -> Description {
        Self::DESCRIPTION
    }

    fn check_config(&self, config: &Value, _secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        check(config)
    }

    fn link(&self, channel: &Channel, _meter: Arc<dyn Meter>) -> Result<Arc<dyn Link>, Vec<FieldError>> {
        let (channel, inside) = (channel.id.clone(), Arc::clone(&self.inside));
        Ok(Arc::new(WebLink { channel, inside, pace: self.pace }))
    }
}

/// A person's own words, as far as they have come.
fn own(saying: &Saying, stage: Stage, at: Timestamp) -> Item {
    let (text, is_cut) = bounded(&saying.text);
    Item { id: saying.message.to_string(), by: By::Person, text, is_cut, stage, seq: None, at }
}

fn inbound(saying: Saying, at: Timestamp) -> Inbound {
    let Saying { person, message, text, .. } = saying;
    Inbound {
        id: message,
        chat: Chat { id: person.id.clone(), kind: ChatKind::Private, title: None },
        sender: Sender { im_user_id: Some(person.id.clone()), opaque_id: person.id, name: person.name },
        body: Body::Content(Content::of_text(text)),
        mentioned: None,
        sent_at: at,
        session_address: None,
    }
}

#[async_trait]
impl Playground for Web {
    async fn say(&self, saying: Saying) -> Result<(), NotTaken> {
        let sink = self.inside.door(&saying.channel).ok_or(NotTaken::NotConnected)?;
        let (rooms, at) = (&self.inside.rooms, self.inside.clock.now());
        let (channel, person) = (saying.channel.clone(), saying.person.id.clone());
        let (room, id) = ((&channel, person.as_str()), saying.message.to_string());
        // Seen before its answer can be. What was taken in before stays as it is.
        rooms.edit(room, &id, at, |there| {
            let is_taken = there.is_some_and(|item| item.stage == Stage::Done);
            (!is_taken).then(|| own(&saying, Stage::Open, there.map_or(at, |item| item.at)))
        });
        let ack = sink.offer(inbound(saying, at)).await;
        let stage = match ack {
            Ack::Stored => Stage::Done,
            Ack::Withheld => Stage::Failed,
        };
        rooms.edit(room, &id, self.inside.clock.now(), |there| {
            there.filter(|item| item.stage != Stage::Done).map(|item| Item { stage, ..item.clone() })
        });
        match ack {
            Ack::Stored => Ok(()),
            Ack::Withheld => Err(NotTaken::Withheld),
        }
    }

    fn listen(&self, channel: &ChannelId, person: &str) -> Listening {
        self.inside.rooms.listen(channel, person, self.inside.clock.now())
    }

    fn sights(&self) -> BoxStream<'static, Sight> {
        self.inside.rooms.sights()
    }

    fn take_in(&self, sight: Sight) {
        match sight {
            Sight::Seen { channel, person, item } => {
                self.inside.rooms.take_in(&channel, &person, item, self.inside.clock.now());
            }
            Sight::Forgotten { channel, person } => {
                self.inside.rooms.forget(&channel, person.as_deref());
            }
        }
    }

    fn forget(&self, channel: &ChannelId, person: Option<&str>) {
        self.inside.rooms.forget(channel, person);
        self.inside.rooms.tell_forgotten(channel, person);
    }
}
