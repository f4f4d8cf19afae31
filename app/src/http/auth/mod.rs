//! Who asks, and what they may do.
//!
//! One middleware authenticates every request below `/api/v1`, known path or not; a handler's first argument
//! ([`Viewer`], [`Operator`], [`Admin`]) is the role it takes. Tokens are stored as SHA-256 hashes only. A browser that
//! signed in with one has a [`session`] instead.

pub mod bootstrap;
mod limiter;
pub mod session;
pub mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;
use switchboard_domain::secret::Secret;
use switchboard_domain::time::Timestamp;
use switchboard_ports::clock::Clock;
use switchboard_ports::sessions::SessionStore;
use switchboard_ports::tokens::{Role, TOKENS_MAX, TokenStore};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::origin::{Origin, Trust};
use super::problem::Problem;
use super::state::Api;
use crate::ports::Ports;
use limiter::Limiter;
use session::{Session, Signed};

/// Name of the caller with the configured admin token.
pub const CONFIGURED_NAME: &str = "configured-admin";

/// Pause between two looks whether somebody who is still being answered may still ask.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Somebody with a good token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// What somebody asks with. Of an answer that lasts, as a stream does, it is asked again whether it still counts.
#[derive(Debug, Clone)]
pub enum Credential {
    /// A token; its hash.
    Token([u8; 32]),
    /// A signed-in browser's session.
    Session(Session),
}

/// Knows good tokens from bad ones.
pub struct Authenticator {
    tokens: Arc<dyn TokenStore>,
    sessions: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    configured: Option<[u8; 32]>,
    failures: Mutex<Limiter>,
    /// Hashes that were good once: never held up by somebody else's failures behind the same address. Whether they still
    /// are good is asked each time.
    known: Mutex<BTreeSet<[u8; 32]>>,
    /// When a token was last asked with here, by its hash. Of tokens that are stored, so that it has as many entries as
    /// there were tokens since the start, and [`TOKENS_MAX`] at most.
    used: Mutex<BTreeMap<[u8; 32], Timestamp>>,
    /// Somebody has signed out here, or a token was revoked.
    signed_out: Notify,
}

impl Authenticator {
    /// With stored tokens and, where one is configured, an admin token of its own.
    #[must_use]
    pub fn new(ports: &Ports, configured: Option<&Secret>) -> Self {
        let (tokens, sessions) = (Arc::clone(&ports.tokens), Arc::clone(&ports.sessions));
        let clock = Arc::clone(&ports.clock);
        Self {
            tokens,
            sessions,
            clock,
            configured: configured.map(|secret| token::hash(secret.expose())),
            failures: Mutex::default(),
            known: Mutex::default(),
            used: Mutex::default(),
            signed_out: Notify::new(),
        }
    }

    /// The caller behind a request's headers.
    ///
    /// # Errors
    ///
    /// 401 without a good token; 429 while too many bad ones come from the same address; 503 without a store.
    pub async fn caller(&self, headers: &HeaderMap, from: IpAddr) -> Result<Caller, Problem> {
        self.by_token(&bearer_hash(headers)?, from).await
    }

    /// The caller with a token, and how wrong ones are counted.
    async fn by_token(&self, hash: &[u8; 32], from: IpAddr) -> Result<Caller, Problem> {
        let now = self.clock.now();
        let is_known = lock(&self.known).contains(hash);
        if !is_known && let Some(wait_s) = lock(&self.failures).blocked(from, now) {
            return Err(Problem::too_many("too many bad tokens from this address", wait_s));
        }
        if let Some(caller) = self.lookup(hash).await? {
            let mut known = lock(&self.known);
            if known.len() < TOKENS_MAX {
                known.insert(*hash);
            }
            return Ok(caller);
        }
        lock(&self.known).remove(hash);
        lock(&self.failures).failed(from, now);
        Err(Problem::unauthorized("the token is not known, or was revoked"))
    }

    /// Opens a session with a token: who it is, and the sealed session for the cookie.
    ///
    /// # Errors
    /// As [`Self::caller`].
    pub async fn sign_in(&self, given: &str, from: IpAddr) -> Result<(Signed, String), Problem> {
        let hash = token::hash(given);
        let caller = self.by_token(&hash, from).await?;
        let session = Session::opened(hash, self.clock.now())?;
        let sealed = self.sessions.seal(&session.written())?;
        Ok((Signed { caller, session }, sealed))
    }

    /// Whoever is signed in with a request's cookie; `None` without a session that still counts.
    ///
    /// # Errors
    /// 503 without a store.
    pub async fn signed(&self, headers: &HeaderMap, https: bool) -> Result<Option<Signed>, Problem> {
        let opened = session::sealed(headers, https).and_then(|sealed| self.sessions.open(sealed));
        let Some(session) = opened.as_deref().and_then(Session::read) else { return Ok(None) };
        let caller = self.of_session(&session).await?;
        Ok(caller.map(|caller| Signed { caller, session }))
    }

    /// Whose session this is; `None` where it has ended.
    async fn of_session(&self, session: &Session) -> Result<Option<Caller>, Problem> {
        if session.ends_at() <= self.clock.now() || self.sessions.is_ended(&session.public_name()).await? {
            return Ok(None);
        }
        self.lookup(&session.token).await
    }

    /// Returns once whoever asked with this may not ask any more: at once where they sign out here, after 15 s
    /// at most where their session ends by itself or elsewhere, or their token is revoked. A store that is away ends nothing.
    pub async fn over(&self, credential: &Credential) {
        loop {
            let mut signed_out = std::pin::pin!(self.signed_out.notified());
            // From here on nobody signs out unheard, while the store is asked either.
            signed_out.as_mut().enable();
            let caller = match credential {
                Credential::Token(hash) => self.lookup(hash).await,
                Credential::Session(session) => self.of_session(session).await,
            };
            if matches!(caller, Ok(None)) {
                return;
            }
            tokio::select! {
                biased;
                () = signed_out => {}
                () = sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Ends a session for good.
    ///
    /// # Errors
    /// 503 without a store.
    pub async fn sign_out(&self, session: &Session) -> Result<(), Problem> {
        self.sessions.end(&session.public_name(), session.ends_at()).await?;
        self.signed_out.notify_waiters();
        Ok(())
    }

    /// The caller behind a request: by its token, or by its cookie where it has no token.
    async fn requester(
        &self,
        (method, headers): (&Method, &HeaderMap),
        origin: Origin,
        trust: &Trust,
    ) -> Result<(Caller, Credential), Problem> {
        if headers.contains_key(header::AUTHORIZATION) || session::sealed(headers, origin.https).is_none() {
            let hash = bearer_hash(headers)?;
            return Ok((self.by_token(&hash, origin.client).await?, Credential::Token(hash)));
        }
        let signed = self.signed(headers, origin.https).await?;
        let signed = signed.ok_or_else(|| Problem::unauthorized("the session has ended: sign in again"))?;
        signed.session.vouches(method, headers, (origin, trust))?;
        Ok((signed.caller, Credential::Session(signed.session)))
    }

    /// When this server was last asked with the token of this hash.
    #[must_use]
    pub fn last_use(&self, hash: &[u8; 32]) -> Option<Timestamp> {
        lock(&self.used).get(hash).copied()
    }

    /// Whether there is a token in the configuration, which nobody can revoke here.
    #[must_use]
    pub const fn has_configured(&self) -> bool {
        self.configured.is_some()
    }

    /// Has everybody who is being answered looked at again: somebody's token was revoked.
    pub fn look_again(&self) {
        self.signed_out.notify_waiters();
    }

    fn used_now(&self, hash: [u8; 32]) {
        let mut used = lock(&self.used);
        if used.len() >= TOKENS_MAX && !used.contains_key(&hash) {
            // The one that was used longest ago.
            let oldest = used.iter().min_by_key(|(_, at)| **at).map(|(hash, _)| *hash);
            oldest.and_then(|oldest| used.remove(&oldest));
        }
        used.insert(hash, self.clock.now());
    }

    async fn lookup(&self, hash: &[u8; 32]) -> Result<Option<Caller>, Problem> {
        if self.configured.is_some_and(|configured| bool::from(configured.ct_eq(hash))) {
            return Ok(Some(Caller { name: CONFIGURED_NAME.to_owned(), role: Role::Admin }));
        }
        let found = self.tokens.by_hash(hash).await?;
        let found = found.filter(|token| bool::from(token.hash.ct_eq(hash)));
        if found.is_some() {
            self.used_now(*hash);
        }
        Ok(found.map(|token| Caller { name: token.name, role: token.role }))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while one of these is held; a poisoned map would still be a good map.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hash of the token that a request carries.
fn bearer_hash(headers: &HeaderMap) -> Result<[u8; 32], Problem> {
    let given = bearer(headers);
    given.map(token::hash).ok_or_else(|| Problem::unauthorized("send a token: Authorization: Bearer TOKEN"))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Authenticates a request and hands the caller on; everything else comes after.
pub async fn authenticate(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let origin = Origin::of(&request);
    let asked = (request.method(), request.headers());
    match api.authenticator.requester(asked, origin, &api.trust).await {
        Ok((caller, credential)) => {
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(credential);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// A role's word in the API and on the command line.
#[must_use]
pub const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

fn allowed(parts: &Parts, needed: Role) -> Result<Caller, Problem> {
    let caller = parts.extensions.get::<Caller>().cloned();
    let caller = caller.ok_or_else(|| Problem::unauthorized("send a token: Authorization: Bearer TOKEN"))?;
    if caller.role >= needed {
        return Ok(caller);
    }
    let (is, needed) = (role_name(caller.role), role_name(needed));
    Err(Problem::forbidden(format!("this takes the role {needed}, the token has {is}")))
}

macro_rules! role_extractor {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(pub Caller);

        impl<S: Send + Sync> FromRequestParts<S> for $name {
            type Rejection = Problem;

            async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
                allowed(parts, Role::$name).map(Self)
            }
        }
    };
}

role_extractor!(
    /// A caller who may read.
    Viewer
);
role_extractor!(
    /// A caller who may operate.
    Operator
);
role_extractor!(
    /// A caller who may do everything.
    Admin
);

#[cfg(test)]
mod session_tests;
#[cfg(test)]
mod tests;
