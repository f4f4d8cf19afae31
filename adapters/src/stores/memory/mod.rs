//! Stores in memory: the same meaning as the others, for as long as the process lives.
//!
//! Nothing here waits for anything: each call does its work under a lock and returns. What is kept is bounded; where a
//! bound is reached, the oldest goes that is at rest ([`conversations`]), and nothing that was accepted ever does.

mod attachments;
mod audit;
mod conversations;
mod failures;
mod journal;
mod marks;
mod messages;
mod registry;
mod sessions;
mod state;
mod tokens;
mod transcripts;
mod usage;
mod users;

use std::sync::Arc;

use switchboard_ports::agents::AgentConfig;
use switchboard_ports::attachments::AttachmentLimits;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::durability::{Durability, Loss};

use self::attachments::Attachments;
use self::conversations::Conversations;
use self::registry::Registry;
use self::tokens::Tokens;
use self::usage::UsageCounts;
use self::users::Users;
use crate::stores::Stores;
use crate::stores::budget::Budgets;
use crate::stores::durability::Always;
use crate::stores::replicas::{Replicas, Revision};

/// Empty stores.
pub(super) fn open(clock: Arc<dyn Clock>, limits: AttachmentLimits) -> Stores {
    let revision = Revision::default();
    let audit = Arc::new(audit::Audit::default());
    let replicas = Arc::new(Replicas::new(Arc::clone(&clock), revision.clone()));
    let budgets = Arc::new(Budgets::new(Arc::clone(&clock)));
    let conversations = Arc::new(Conversations::new(Arc::clone(&clock)));
    Stores {
        budgets,
        replicas: Arc::clone(&replicas) as _,
        bulletin: replicas,
        durability: Arc::new(Always(Durability::Lossy(vec![Loss::InMemory]))),
        attachments: Arc::new(Attachments::new(Arc::clone(&conversations), limits)),
        transcripts: Arc::clone(&conversations) as _,
        failures: Arc::clone(&conversations) as _,
        messages: Arc::clone(&conversations) as _,
        conversations,
        channels: Arc::new(Registry::<Channel>::new(revision.clone())),
        agents: Arc::new(Registry::<AgentConfig>::new(revision)),
        users: Arc::new(Users::new(Arc::clone(&audit))),
        tokens: Arc::new(Tokens::default()),
        sessions: Arc::new(sessions::Sessions::new(Arc::clone(&clock))),
        usage: Arc::new(UsageCounts::default()),
        journal: Arc::new(journal::Journal::new(clock)),
        audit,
    }
}
