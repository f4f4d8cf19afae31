//! The directories of a channel: asked in their order, within bounds, and remembered for a while.
//!
//! **The rule.** The first directory that knows a person decides, provided that all before it answered. Where one that
//! counts cannot be asked, nothing is said of the person: nobody new is mapped meanwhile, and nobody who is mapped is locked
//! out, except for whom was said before that there is no access (`domain/src/mapping.rs`).

mod cache;
mod check;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use switchboard_domain::breaker::Breaker;
use switchboard_domain::ids::ChannelId;
use switchboard_domain::mapping::{Author, Last, Looked};
use switchboard_domain::person::{Entry, Person, Tells};
use switchboard_domain::settings::MappingMode;
use switchboard_domain::time::Timestamp;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::directory::{
    Contact, Directories, DirectoryError, DirectoryKind, DirectorySettings, Found, LOOK_UP_TIMEOUT,
    PLATFORM_KIND, Query,
};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use self::cache::Cache;
use super::panics::caught;
use super::shared::lock;
use crate::ports::{SharedDirectory, SharedLink};
use crate::telemetry::metrics as names;

/// Look-ups of one channel at once; others wait their turn.
const LOOK_UPS_MAX: usize = 16;

/// Look-ups that others can join, of one channel.
const RUNNING_MAX: usize = 1_000;

/// What [`Wait::Short`] is.
const SHORT_WAIT: Duration = Duration::from_millis(500);

/// How long somebody waits for what directories say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// A moment: of whom it is known already who they are, and before anything is done for a message.
    Short,
    /// As long as directories may take.
    Long,
}

/// A look-up under way.
#[derive(Clone)]
struct LookUp(watch::Receiver<Option<Answer>>);

impl LookUp {
    async fn wait(&mut self) -> Option<Answer> {
        self.0.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
    }
}

/// What a chain says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// This is known, by the first directory that knows anybody.
    Found(Person),
    /// Nobody knows the person.
    Absent,
    /// One knows several.
    Ambiguous,
    /// One could not be asked; the text says which and why.
    Unavailable(Last, String),
}

impl Answer {
    /// As the decision sees it.
    pub(crate) const fn looked(&self) -> Looked<'_> {
        match self {
            Self::Found(person) => Looked::Found(person),
            Self::Absent => Looked::Absent,
            Self::Ambiguous => Looked::Ambiguous,
            Self::Unavailable(last, _) => Looked::Unavailable(*last),
        }
    }
}

/// The directories of one channel, with what they said.
pub(crate) struct Chain {
    settings: Directories,
    /// Whether nothing is configured and the platform's own address book is asked.
    pub(crate) is_default: bool,
    steps: Vec<Step>,
    cache: Mutex<Cache>,
    places: Semaphore,
    running: Mutex<BTreeMap<String, LookUp>>,
    clock: Arc<dyn Clock>,
}

struct Step {
    name: String,
    kind: String,
    source: Source,
    breaker: Mutex<Breaker>,
}

/// What the platform said of the person, in one pass over a chain.
enum Known {
    NotYet,
    Told(Option<Contact>),
}

enum Source {
    /// Asked by itself.
    Directory(SharedDirectory),
    /// The platform's own address book.
    Platform,
    /// Its settings cannot be used; the text says why.
    Unusable(String),
}

/// Chains by channel, as long as a bot uses them: a change of other settings keeps connections and what was said.
#[derive(Default)]
pub(crate) struct Chains(Mutex<BTreeMap<ChannelId, Weak<Chain>>>);

impl Chains {
    /// The chain of a channel; the one there is, where its settings are the same. `None` where nobody is asked.
    pub(crate) fn of(
        &self,
        channel: &Channel,
        kinds: &BTreeMap<&'static str, Arc<dyn DirectoryKind>>,
        clock: &Arc<dyn Clock>,
    ) -> Option<Arc<Chain>> {
        if !channel.user_mapping.mode.asks() {
            return None;
        }
        let mut chains = lock(&self.0);
        chains.retain(|_, chain| chain.strong_count() > 0);
        let there = chains.get(&channel.id).and_then(Weak::upgrade);
        if let Some(there) = there.filter(|there| there.settings == channel.directories) {
            return Some(there);
        }
        let chain = Arc::new(Chain::new(channel, kinds, Arc::clone(clock)));
        chains.insert(channel.id.clone(), Arc::downgrade(&chain));
        Some(chain)
    }
}

impl Chain {
    fn new(
        channel: &Channel,
        kinds: &BTreeMap<&'static str, Arc<dyn DirectoryKind>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let settings = channel.directories.clone();
        let mut steps: Vec<_> = settings.chain.iter().map(|one| Step::new(one, kinds)).collect();
        // With `match_email` the platform is the natural source of addresses.
        let is_default = steps.is_empty() && channel.user_mapping.mode == MappingMode::MatchEmail;
        if is_default {
            steps.push(Step::of(PLATFORM_KIND, PLATFORM_KIND, Source::Platform));
        }
        Self {
            settings,
            is_default,
            steps,
            cache: Mutex::default(),
            places: Semaphore::new(LOOK_UPS_MAX),
            running: Mutex::default(),
            clock,
        }
    }

    /// What the directories say of an author now, waited for so long; `None` where there is no id to ask for. A look-up that
    /// takes longer goes on by itself, and what it finds counts from then on.
    pub(crate) async fn look_up(
        self: &Arc<Self>,
        link: &SharedLink,
        author: &Author<'_>,
        wait: Wait,
    ) -> Option<Answer> {
        let im_user_id = author.usable_id()?;
        if let Some(answer) = lock(&self.cache).fresh(im_user_id, self.clock.now()) {
            return Some(answer);
        }
        let mut under_way = self.under_way(link, author, im_user_id);
        let answer = match wait {
            Wait::Long => under_way.wait().await,
            Wait::Short => timeout(SHORT_WAIT, under_way.wait()).await.ok().flatten(),
        };
        let slow = || Answer::Unavailable(Last::Nothing, String::from("it has not answered yet"));
        Some(match answer.unwrap_or_else(slow) {
            Answer::Unavailable(_, why) => Answer::Unavailable(lock(&self.cache).last(im_user_id), why),
            answer @ (Answer::Found(_) | Answer::Absent | Answer::Ambiguous) => answer,
        })
    }

    /// The look-up of a person that is under way; begun where there is none.
    fn under_way(self: &Arc<Self>, link: &SharedLink, author: &Author<'_>, im_user_id: &str) -> LookUp {
        let mut running = lock(&self.running);
        if let Some(look_up) = running.get(im_user_id) {
            return look_up.clone();
        }
        let (tell, told) = watch::channel(None);
        let look_up = LookUp(told);
        // Beyond the bound somebody may be looked up twice at once, which costs a question.
        if running.len() < RUNNING_MAX {
            running.insert(im_user_id.to_owned(), look_up.clone());
        }
        let query = Query {
            platform: author.platform.to_owned(),
            im_user_id: im_user_id.to_owned(),
            name: author.name.to_owned(),
            contact: None,
        };
        let (chain, link) = (Arc::clone(self), Arc::clone(link));
        // It holds up no stop: nothing of it has to be kept.
        tokio::spawn(async move {
            let person = query.im_user_id.clone();
            let answer = caught("a look-up", chain.ask(&link, query)).await;
            let unknown = || Answer::Unavailable(Last::Nothing, String::from("the look-up failed"));
            let answer = answer.unwrap_or_else(unknown);
            chain.keep(&person, &answer);
            lock(&chain.running).remove(&person);
            // Nobody may be waiting any more.
            let _ = tell.send(Some(answer));
        });
        look_up
    }

    /// Remembers an answer; that nobody could be asked is none.
    fn keep(&self, person: &str, answer: &Answer) {
        let kept_for = match answer {
            Answer::Found(found) if !found.disabled => self.settings.cache_ttl,
            Answer::Found(_) | Answer::Absent | Answer::Ambiguous => self.settings.miss_ttl,
            Answer::Unavailable(..) => return,
        };
        let now = self.clock.now();
        lock(&self.cache).put(person, answer.clone(), now, now.after(kept_for));
    }

    /// Asks each in turn.
    async fn ask(&self, link: &SharedLink, mut query: Query) -> Answer {
        let Ok(_place) = self.places.acquire().await else {
            return Answer::Unavailable(Last::Nothing, String::from("the server stops"));
        };
        // Asked once, by the first directory that needs it.
        let mut known = Known::NotYet;
        for step in &self.steps {
            match step.ask(link, &mut query, &mut known, &*self.clock).await {
                Ok(Found::Nobody) => {}
                Ok(Found::Several) => return Answer::Ambiguous,
                Ok(Found::One(entry)) => {
                    return match entry.person(&step.name) {
                        Some(person) => Answer::Found(person),
                        None => step.unavailable("its entry has no usable username"),
                    };
                }
                Err(error) => return step.unavailable(&error.to_string()),
            }
        }
        Answer::Absent
    }
}

impl Step {
    fn new(settings: &DirectorySettings, kinds: &BTreeMap<&'static str, Arc<dyn DirectoryKind>>) -> Self {
        let source = match kinds.get(settings.kind.as_str()) {
            _ if settings.kind == PLATFORM_KIND => Source::Platform,
            None => Source::Unusable(String::from("this build has no directories of this kind")),
            Some(kind) => match kind.build(settings) {
                Ok(directory) => Source::Directory(directory),
                Err(errors) => {
                    let first = errors.into_iter().next();
                    Source::Unusable(first.map_or_else(String::new, |error| {
                        format!("setting {}: {}", error.pointer, error.message)
                    }))
                }
            },
        };
        Self::of(&settings.name, &settings.kind, source)
    }

    fn of(name: &str, kind: &str, source: Source) -> Self {
        Self { name: name.to_owned(), kind: kind.to_owned(), source, breaker: Mutex::default() }
    }

    async fn ask(
        &self,
        link: &SharedLink,
        query: &mut Query,
        known: &mut Known,
        clock: &dyn Clock,
    ) -> Result<Found, DirectoryError> {
        if !lock(&self.breaker).admits(clock.now()) {
            let why = "it failed several times in a row and is left alone for a moment";
            return Err(DirectoryError::Unavailable(why.to_owned()));
        }
        // Twice, because the platform may have to be asked first.
        let asked = timeout(LOOK_UP_TIMEOUT * 2, self.asked(link, query, known)).await;
        let asked =
            asked.unwrap_or_else(|_| Err(DirectoryError::Unavailable("no answer in time".to_owned())));
        self.note(asked.as_ref().err(), clock.now());
        asked
    }

    async fn asked(
        &self,
        link: &SharedLink,
        query: &mut Query,
        known: &mut Known,
    ) -> Result<Found, DirectoryError> {
        let needs_contact = match &self.source {
            Source::Directory(directory) => directory.needs_contact(),
            Source::Platform => true,
            Source::Unusable(why) => return Err(DirectoryError::Denied(why.clone())),
        };
        if needs_contact && matches!(known, Known::NotYet) {
            *known = Known::Told(link.contact(&query.im_user_id).await?);
        }
        query.contact = match known {
            Known::Told(contact) if needs_contact => contact.clone(),
            Known::Told(_) | Known::NotYet => None,
        };
        if let Source::Directory(directory) = &self.source {
            return directory.look_up(query).await;
        }
        Ok(query.contact.take().map_or(Found::Nobody, |contact| {
            Found::One(Entry {
                username: query.im_user_id.clone(),
                email: contact.email,
                display_name: contact.name,
                department: contact.department,
                disabled: contact.disabled,
                // What is missing may only not be shown to this app.
                tells: Tells::default(),
            })
        }))
    }

    /// Counts a look-up, and logs the failures that somebody has to mend.
    fn note(&self, error: Option<&DirectoryError>, now: Timestamp) {
        let outcome = match error {
            None => "ok",
            Some(DirectoryError::Unavailable(_) | DirectoryError::Busy(_)) => "unavailable",
            Some(DirectoryError::Denied(_)) => "denied",
            Some(DirectoryError::Malformed(_)) => "malformed",
            Some(DirectoryError::Unsupported) => "unsupported",
        };
        let labels = [("kind", self.kind.clone()), ("outcome", outcome.to_owned())];
        metrics::counter!(names::DIRECTORY_REQUESTS, &labels).increment(1);
        let mut breaker = lock(&self.breaker);
        match error {
            // It was there and answered, if not to the point: no time-out for others to wait for.
            None | Some(DirectoryError::Malformed(_) | DirectoryError::Unsupported) => breaker.answered(),
            Some(DirectoryError::Unavailable(_) | DirectoryError::Denied(_)) => breaker.failed(now),
            // Left alone it would be busy no longer, and people would be refused meanwhile.
            Some(DirectoryError::Busy(_)) => {}
        }
        if let Some(error) = error {
            tracing::warn!(directory = self.name, kind = self.kind, %error, "failed to look somebody up");
        }
    }

    fn unavailable(&self, why: &str) -> Answer {
        Answer::Unavailable(Last::Nothing, format!("{}: {why}", self.name))
    }
}
