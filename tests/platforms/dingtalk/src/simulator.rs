//! The handle that tests hold: start, push, disturb, look, wait, stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{Group, Person, SimulatorConfig};
use crate::connections::{self, Disruption};
use crate::delivery;
use crate::faults::{FaultId, FaultRule};
use crate::knobs::Knobs;
use crate::listener::{Peer, SimListener};
use crate::observe::{Observed, WaitTimedOut};
use crate::push::{Origin, Push, PushError, PushHandle};
use crate::router;
use crate::state::Inner;
use crate::tls;
use crate::webhook;

/// A running simulated platform. Dropping it stops it.
#[derive(Debug)]
pub struct Simulator {
    pub(crate) inner: Arc<Inner>,
    address: SocketAddr,
    server: Option<JoinHandle<()>>,
    ca_pem: Option<String>,
}

impl Simulator {
    /// Starts listening. Needs a tokio runtime, which must live as long as the simulator.
    pub async fn start(config: SimulatorConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let tls = config.tls.as_ref().map(tls::identity).transpose()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base_url = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
        let root = CancellationToken::new();
        let inner = Arc::new(Inner::new(config, base_url.trim_end_matches('/').to_owned(), root.clone()));
        let (acceptor, ca_pem) = tls.map(|tls| (tls.acceptor, tls.ca_pem)).unzip();
        let listener = SimListener::new(listener, root.clone(), acceptor);
        let service = router::router(Arc::clone(&inner)).into_make_service_with_connect_info::<Peer>();
        let server = tokio::spawn(async move {
            let served = axum::serve(listener, service).with_graceful_shutdown(root.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the simulator's server failed");
            }
        });
        Ok(Self { inner, address, server: Some(server), ca_pem })
    }

    /// Base address of everything (API, legacy API, WebSocket, control API, chat page), without trailing slash.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Address of the chat page.
    #[must_use]
    pub fn chat_url(&self) -> String {
        format!("{}/sim/", self.base_url())
    }

    /// Certificate of the authority to trust, as PEM; `None` without TLS.
    #[must_use]
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// The listening address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts every connection and stops; returns when the port is free again.
    pub async fn stop(mut self) {
        self.inner.root.cancel();
        if let Some(server) = self.server.take() {
            // Only fails when the server task panicked or the runtime is going down.
            let _ = server.await;
        }
    }

    /// A text message to a robot.
    pub fn push_text(&self, app: &str, origin: Origin, text: &str) -> Result<PushHandle, PushError> {
        self.push(Push::text(app, origin, text))
    }

    /// Any message to a robot.
    pub fn push(&self, push: Push) -> Result<PushHandle, PushError> {
        delivery::accept(&self.inner, push)
    }

    /// Delivers a message once more (same `msgId`, new header id). False: unknown message.
    #[must_use]
    pub fn duplicate(&self, msg_id: &str) -> bool {
        delivery::duplicate(&self.inner, msg_id)
    }

    /// Looks at everything observed so far. The closure must not call the simulator: it holds the lock.
    pub fn observe<T>(&self, look: impl FnOnce(&Observed) -> T) -> T {
        self.inner.look(|state| look(&state.observed))
    }

    /// Waits until the predicate holds, at most for `cap`; checked after every change, never by polling.
    /// The predicate must not call the simulator: it holds the lock.
    pub async fn wait_for(
        &self,
        cap: Duration,
        mut predicate: impl FnMut(&Observed) -> bool,
    ) -> Result<(), WaitTimedOut> {
        self.wait_for_some(cap, |observed| predicate(observed).then_some(())).await
    }

    /// Waits until the closure finds something, at most for `cap`.
    pub async fn wait_for_some<T>(
        &self,
        cap: Duration,
        mut find: impl FnMut(&Observed) -> Option<T>,
    ) -> Result<T, WaitTimedOut> {
        let mut changes = self.inner.changes();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.observe(&mut find) {
                    return Some(found);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        match tokio::time::timeout(cap, search).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(WaitTimedOut { cap, summary: self.observe(Observed::summary) }),
        }
    }

    /// The knobs as they are.
    #[must_use]
    pub fn knobs(&self) -> Knobs {
        self.inner.look(|state| state.knobs.clone())
    }

    /// Turns knobs. Timers that are already running keep their old period.
    pub fn turn_knobs(&self, turn: impl FnOnce(&mut Knobs)) {
        self.inner.change(|state| turn(&mut state.knobs));
    }

    /// Adds a fault rule. `None`: too many rules.
    pub fn add_fault(&self, rule: FaultRule) -> Option<FaultId> {
        self.inner.change(|state| state.faults.add(rule))
    }

    /// Removes a fault rule. False: no such rule.
    pub fn remove_fault(&self, id: FaultId) -> bool {
        self.inner.change(|state| state.faults.remove(id))
    }

    /// Removes all fault rules and forgets acknowledgements still to swallow.
    pub fn clear_faults(&self) {
        self.inner.change(|state| state.faults.clear());
    }

    /// The next acknowledgements get lost, so that the platform repeats the messages.
    pub fn swallow_acks(&self, count: u32) {
        self.inner.change(|state| state.faults.acks_to_swallow = count);
    }

    /// Disrupts all connections; returns how many.
    pub fn disrupt_all(&self, disruption: Disruption) -> usize {
        self.inner.change(|state| connections::disrupt(state, None, disruption))
    }

    /// Disrupts one connection (by `connectionId`). False: no such connection.
    pub fn disrupt(&self, connection: &str, disruption: Disruption) -> bool {
        self.inner.change(|state| connections::disrupt(state, Some(connection), disruption)) > 0
    }

    /// Every access token given out so far is expired.
    pub fn expire_tokens(&self) {
        self.inner.change(|state| state.apps.expire_all());
    }

    /// Every session webhook given out so far is expired.
    pub fn expire_webhooks(&self) {
        self.inner.change(webhook::expire_all);
    }

    /// Replaces an app's secret. False: unknown app.
    pub fn replace_secret(&self, client_id: &str, secret: &str) -> bool {
        self.inner.change(|state| {
            let app = state.apps.named_mut(client_id);
            app.map(|app| secret.clone_into(&mut app.client_secret)).is_some()
        })
    }

    /// Replaces an app's granted scopes. False: unknown app.
    pub fn replace_scopes(&self, client_id: &str, scopes: &[&str]) -> bool {
        self.inner.change(|state| {
            let app = state.apps.named_mut(client_id);
            app.map(|app| app.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect()).is_some()
        })
    }

    /// A person becomes known to the organisation.
    pub fn add_person(&self, person: &Person) {
        self.inner.change(|state| state.learn_person(&person.staff_id, &person.nick));
    }

    /// A group comes into being.
    pub fn add_group(&self, group: &Group) {
        self.inner.change(|state| state.learn_group(&group.conversation, &group.title));
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.inner.root.cancel();
    }
}
