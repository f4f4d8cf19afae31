//! A conversation store with a killing point before and after each write, that can be away, slow, or of unknown mind.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use switchboard_domain::ids::{ConversationId, MessageId, Partition, ReplicaId, Seq, Version};
use switchboard_ports::conversations::{
    Accepted, Arrival, Commit, ConversationStore, Lease, Lineage, Loaded,
};
use switchboard_ports::error::StoreError;

use super::gate::Gate;
use super::steps::Steps;

/// What becomes of one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommitFate {
    /// It happens.
    Do,
    /// It happens and is reported as failed: the unknown fate (R7).
    Lie,
    /// It does not happen, and this is said.
    Refuse(StoreError),
    /// The store's code panics before anything happens.
    Panic,
}

/// The verbs of a store, as faults are told by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// Messages come in.
    Accept,
    /// Leases are renewed.
    Claim,
    /// The open index is read.
    Open,
    /// A conversation is read.
    Load,
    /// A conversation is written.
    Commit,
}

impl Verb {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Accept, Self::Claim, Self::Open, Self::Load, Self::Commit];
}

/// Something that the store has done, whatever is said about it then.
#[derive(Debug)]
pub enum Stored<'a> {
    /// A message or an act came in for the first time.
    Taken {
        /// The conversation.
        conversation: &'a ConversationId,
        /// The message.
        message: &'a MessageId,
        /// Its place; `None` when it was passed over.
        seq: Option<Seq>,
    },
    /// A commit was written, or was before.
    Committed(&'a Commit),
}

type Watcher = Arc<dyn Fn(Stored<'_>) + Send + Sync>;

/// The decorator.
pub struct SteppingStore {
    inner: Mutex<Arc<dyn ConversationStore>>,
    lineage: AtomicU64,
    watcher: Mutex<Option<Watcher>>,
    steps: Arc<Steps>,
    faults: Mutex<Faults>,
    /// Verbs that do not answer while they are in here.
    hung: Arc<Gate<Vec<Verb>>>,
    commits: Mutex<Vec<Commit>>,
    owner: Mutex<Option<ReplicaId>>,
}

#[derive(Default)]
struct Faults {
    away: Vec<Verb>,
    slow: Vec<(Verb, Duration)>,
    accepts_lied_about: u32,
    commits: VecDeque<CommitFate>,
    /// Commits that the store's code panics at, by what is in them.
    poison: Option<Poison>,
    loads_panicked_at: u32,
}

type Poison = Box<dyn Fn(&Commit) -> bool + Send + Sync>;

impl SteppingStore {
    /// Around a store.
    pub fn new(inner: Arc<dyn ConversationStore>, steps: Arc<Steps>) -> Self {
        Self {
            inner: Mutex::new(inner),
            lineage: AtomicU64::default(),
            watcher: Mutex::default(),
            steps,
            faults: Mutex::default(),
            hung: Arc::default(),
            commits: Mutex::default(),
            owner: Mutex::default(),
        }
    }

    /// Tells of everything that is stored from now on, in order. Messages are told of only by a store that takes them in with
    /// the call, as the memory store does.
    pub fn watch(&self, watcher: impl Fn(Stored<'_>) + Send + Sync + 'static) {
        *self.watcher.lock().expect("watcher") = Some(Arc::new(watcher));
    }

    fn watcher(&self) -> Option<Watcher> {
        self.watcher.lock().expect("watcher").clone()
    }

    /// These verbs fail from now on, and no others.
    pub fn away(&self, verbs: &[Verb]) {
        self.faults().away = verbs.to_vec();
    }

    /// These verbs do not answer from now on, and all others do.
    pub fn hung(&self, verbs: &[Verb]) {
        self.hung.set(verbs.to_vec());
    }

    /// This verb takes so long from now on.
    pub fn slow(&self, verb: Verb, span: Duration) {
        let mut faults = self.faults();
        faults.slow.retain(|(slow, _)| *slow != verb);
        faults.slow.push((verb, span));
    }

    /// The next `count` messages are stored and reported as failed.
    pub fn lie_about_accepts(&self, count: u32) {
        self.faults().accepts_lied_about = count;
    }

    /// What becomes of the next commits, in order; of all further ones: they happen.
    pub fn fates(&self, fates: impl IntoIterator<Item = CommitFate>) {
        self.faults().commits = fates.into_iter().collect();
    }

    /// The store's code panics at every commit of which this is true, before anything happens.
    pub fn panics_at(&self, poison: impl Fn(&Commit) -> bool + Send + Sync + 'static) {
        self.faults().poison = Some(Box::new(poison));
    }

    /// The store's code panics at the next `count` looks into a conversation.
    pub fn panics_at_loads(&self, count: u32) {
        self.faults().loads_panicked_at = count;
    }

    /// Fates given and not used yet.
    pub fn fates_left(&self) -> usize {
        self.faults().commits.len()
    }

    /// Every commit offered, in order, repeats included.
    pub fn commits(&self) -> Vec<Commit> {
        self.commits.lock().expect("commits").clone()
    }

    /// The leases of the last owner run out now, as those of a store do that only one process has open.
    pub async fn end_leases(&self) {
        let owner = self.owner.lock().expect("owner").take();
        if let Some(owner) = owner {
            let all: Vec<_> = Partition::all().collect();
            self.beneath().claim(&owner, &all, Duration::ZERO).await.expect("leases");
        }
    }

    /// The store beneath, without faults.
    pub fn beneath(&self) -> Arc<dyn ConversationStore> {
        Arc::clone(&self.inner.lock().expect("inner"))
    }

    /// From now on another server answers, with what it has got of everything: this, or what there was.
    pub fn fail_over(&self, to: Option<Arc<dyn ConversationStore>>) {
        if let Some(to) = to {
            *self.inner.lock().expect("inner") = to;
        }
        self.lineage.fetch_add(1, Ordering::SeqCst);
    }

    /// A lease that was renewed under another server is refused.
    fn own(&self, lease: &Lease) -> Result<Lease, StoreError> {
        if lease.lineage.0 == self.lineage.load(Ordering::SeqCst) {
            // The store beneath knows nothing of it.
            Ok(Lease { lineage: Lineage::default(), ..lease.clone() })
        } else {
            Err(StoreError::Unavailable("another server answers".to_owned()))
        }
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().expect("faults")
    }

    fn check(&self, verb: Verb) -> Result<(), StoreError> {
        if self.faults().away.contains(&verb) {
            Err(StoreError::Unavailable("away".to_owned()))
        } else {
            Ok(())
        }
    }

    /// Waits as long as the verb takes, then says whether it works.
    fn ready(&self, verb: Verb) -> impl Future<Output = ()> + Send + use<> {
        let hung = Arc::clone(&self.hung);
        let slow = self.faults().slow.iter().find(|(slow, _)| *slow == verb).map(|(_, span)| *span);
        async move {
            hung.wait(|hung| !hung.contains(&verb)).await;
            if let Some(span) = slow {
                tokio::time::sleep(span).await;
            }
        }
    }
}

#[async_trait]
impl ConversationStore for SteppingStore {
    fn accept(&self, arrival: Arrival) -> BoxFuture<'static, Result<Accepted, StoreError>> {
        if let Err(error) = self.check(Verb::Accept) {
            return futures_util::future::ready(Err(error)).boxed();
        }
        let (steps, ready) = (Arc::clone(&self.steps), self.ready(Verb::Accept));
        let lies = {
            let mut faults = self.faults();
            let left = faults.accepts_lied_about;
            faults.accepts_lied_about = left.saturating_sub(1);
            left > 0
        };
        let (message, conversation, watcher) = (arrival.message.clone(), arrival.key.id(), self.watcher());
        // The call enqueues, as the port demands; only what follows can be killed. A store that hangs has not taken it in.
        let accept = move |inner: &Arc<dyn ConversationStore>| {
            let mut accepted = inner.accept(arrival);
            let known = accepted.as_mut().now_or_never();
            let Some(known) = known else { return accepted };
            if let (Some(watcher), Ok(Accepted::First { seq, .. })) = (watcher, &known) {
                watcher(Stored::Taken { conversation: &conversation, message: &message, seq: *seq });
            }
            futures_util::future::ready(known).boxed()
        };
        let accepted = if self.hung.value().contains(&Verb::Accept) {
            let inner = self.beneath();
            async move { accept(&inner).await }.boxed()
        } else {
            accept(&self.beneath())
        };
        async move {
            ready.await;
            steps.step("accept:before").await;
            let accepted = accepted.await;
            steps.step("accept:after").await;
            if lies { Err(StoreError::Unavailable("no answer".to_owned())) } else { accepted }
        }
        .boxed()
    }

    async fn claim(
        &self,
        owner: &ReplicaId,
        all: &[Partition],
        ttl: Duration,
    ) -> Result<Vec<Lease>, StoreError> {
        self.ready(Verb::Claim).await;
        self.check(Verb::Claim)?;
        *self.owner.lock().expect("owner") = Some(owner.clone());
        let lineage = Lineage(self.lineage.load(Ordering::SeqCst));
        let granted = self.beneath().claim(owner, all, ttl).await?;
        Ok(granted.into_iter().map(|lease| Lease { lineage, ..lease }).collect())
    }

    async fn open(
        &self,
        partition: Partition,
        after: Option<&ConversationId>,
    ) -> Result<Vec<ConversationId>, StoreError> {
        self.ready(Verb::Open).await;
        self.check(Verb::Open)?;
        self.beneath().open(partition, after).await
    }

    async fn load(
        &self,
        lease: &Lease,
        id: &ConversationId,
        after: Seq,
    ) -> Result<Option<Loaded>, StoreError> {
        self.ready(Verb::Load).await;
        self.check(Verb::Load)?;
        let panics = {
            let mut faults = self.faults();
            let left = faults.loads_panicked_at;
            faults.loads_panicked_at = left.saturating_sub(1);
            left > 0
        };
        assert!(!panics, "the store panics at a look, as the test wants");
        self.beneath().load(&self.own(lease)?, id, after).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Version, StoreError> {
        self.commits.lock().expect("commits").push(commit.clone());
        self.ready(Verb::Commit).await;
        self.check(Verb::Commit)?;
        let lease = self.own(lease)?;
        let fate = {
            let mut faults = self.faults();
            let poisoned = faults.poison.as_ref().is_some_and(|poison| poison(&commit));
            if poisoned { CommitFate::Panic } else { faults.commits.pop_front().unwrap_or(CommitFate::Do) }
        };
        match &fate {
            CommitFate::Do | CommitFate::Lie => {}
            CommitFate::Refuse(error) => return Err(error.clone()),
            CommitFate::Panic => panic!("the store panics, as the test wants"),
        }
        self.steps.step("commit:before").await;
        let watched = self.watcher().map(|watcher| (watcher, commit.clone()));
        let committed = self.beneath().commit(&lease, commit).await;
        if let (Some((watcher, commit)), Ok(_)) = (watched, &committed) {
            watcher(Stored::Committed(&commit));
        }
        self.steps.step("commit:after").await;
        if fate == CommitFate::Lie {
            return Err(StoreError::Unavailable("no answer".to_owned()));
        }
        committed
    }
}
