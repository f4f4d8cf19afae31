//! A conversation store that fails in the ways stores fail: before, after, for a while, slowly.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard_domain::ids::{ConversationId, Partition, ReplicaId, Seq, Version};

use crate::conformance::{FakeClock, FaultyAttachments, Fixture, Stores};
use crate::conversations::{Accepted, Arrival, Commit, ConversationStore, Lease, Loaded};
use crate::error::StoreError;

/// The verbs of the conversation store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `accept`.
    Accept,
    /// `claim`.
    Claim,
    /// `open`.
    Open,
    /// `load`.
    Load,
    /// `commit`.
    Commit,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Before anything is done.
    NotDone,
    /// After it was done: the caller cannot know.
    DoneUnheard,
}

/// Wraps a conversation store. Without faults set it changes nothing.
pub struct Faulty {
    inner: Arc<dyn ConversationStore>,
    plan: Mutex<Plan>,
}

#[derive(Default)]
struct Plan {
    faults: Vec<Fault>,
    down: bool,
    delay: Duration,
    seen: Vec<Verb>,
}

struct Fault {
    verb: Verb,
    left: u32,
    fate: Fate,
}

impl Faulty {
    /// Around `inner`, without faults.
    #[must_use]
    pub fn around(inner: Arc<dyn ConversationStore>) -> Self {
        Self { inner, plan: Mutex::default() }
    }

    /// Makes the `nth` call of a verb from now fail once; 1 is the next one.
    pub fn fail(&self, verb: Verb, nth: u32, fate: Fate) {
        let left = nth.max(1);
        self.plan().faults.push(Fault { verb, left, fate });
    }

    /// Makes every call fail before anything is done, until told otherwise.
    pub fn down(&self, down: bool) {
        self.plan().down = down;
    }

    /// Makes every answer come this much later (in the async runtime's time); what is asked is done at once.
    pub fn delay(&self, delay: Duration) {
        self.plan().delay = delay;
    }

    /// The calls so far, failed ones too.
    #[must_use]
    pub fn calls(&self) -> Vec<Verb> {
        self.plan().seen.clone()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a call and says how it fails and how late it answers.
    fn next(&self, verb: Verb) -> (Option<Fate>, Duration) {
        let mut plan = self.plan();
        plan.seen.push(verb);
        for fault in plan.faults.iter_mut().filter(|fault| fault.verb == verb) {
            fault.left -= 1;
        }
        let due = plan.faults.iter().position(|fault| fault.left == 0);
        let planned = due.map(|index| plan.faults.remove(index).fate);
        let fate = if plan.down { Some(Fate::NotDone) } else { planned };
        (fate, plan.delay)
    }

    /// Does `work` as the plan says.
    async fn run<T, W>(&self, verb: Verb, work: W) -> Result<T, StoreError>
    where
        W: Future<Output = Result<T, StoreError>> + Send,
    {
        let (fate, delay) = self.next(verb);
        let answer = match fate {
            Some(Fate::NotDone) => Err(injected()),
            Some(Fate::DoneUnheard) => {
                // The inner answer is lost on the way, whatever it was.
                let _unheard = work.await;
                Err(injected())
            }
            None => work.await,
        };
        pause(delay).await;
        answer
    }
}

async fn pause(delay: Duration) {
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

fn injected() -> StoreError {
    StoreError::Unavailable("injected fault".to_owned())
}

#[async_trait]
impl ConversationStore for Faulty {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        let (fate, delay) = self.next(Verb::Accept);
        // The call enqueues, so the inner call is made here and not when the future is polled.
        let inner = match fate {
            Some(Fate::NotDone) => None,
            Some(Fate::DoneUnheard) | None => Some(self.inner.accept(arrival)),
        };
        async move {
            let answer = match inner {
                Some(inner) => inner.await,
                None => Err(injected()),
            };
            pause(delay).await;
            if fate.is_some() { Err(injected()) } else { answer }
        }
        .boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        partitions: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        self.run(Verb::Claim, self.inner.claim(owner, partitions, ttl)).await
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.run(Verb::Open, self.inner.open(partition, after)).await
    }

    async fn load(
        &self,
        lease: &Lease,
        conversation: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        self.run(Verb::Load, self.inner.load(lease, conversation, after)).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        self.run(Verb::Commit, self.inner.commit(lease, commit)).await
    }
}

/// Another fixture with its conversation store wrapped in a [`Faulty`] without faults, its attachment store in a
/// [`FaultyAttachments`].
pub struct FaultyFixture<F>(pub F);

#[async_trait]
impl<F: Fixture> Fixture for FaultyFixture<F> {
    fn clock(&self) -> Arc<FakeClock> {
        self.0.clock()
    }

    fn stores(&self) -> Stores {
        let stores = self.0.stores();
        Stores {
            conversations: Arc::new(Faulty::around(stores.conversations)),
            attachments: Arc::new(FaultyAttachments::around(stores.attachments)),
            ..stores
        }
    }

    async fn reopen(&mut self) -> bool {
        self.0.reopen().await
    }
}
