//! One app's access to the platform: authorised calls within one deadline.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::secret::Secret;
use switchboard_domain::usage::Used;
use switchboard_ports::clock::Clock;
use switchboard_ports::provider::Meter;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::api::{Api, Lane};
use super::bucket::Class;
use super::budget::Stake;
use super::classify::{Failure, Verdict};
use super::codes::SECOND_PAUSE;
use super::config::Settings;
use super::http::{CALL_TIMEOUT, Http, Request};
use super::images::Image;
use super::token::{Fetched, TokenCell};

/// A token's life when the platform does not say (dingtalk §5.1).
const TOKEN_LIFETIME_S: u64 = 7_200;

/// A secret of at least so many characters is masked where the platform quotes it; the words around a shorter one, which no
/// real app has, are left out instead.
const MASKED_CHARS_MIN: usize = 6;

/// Longest media id, in bytes.
const MEDIA_ID_BYTES_MAX: usize = 300;

/// One app's access to the platform.
pub(super) struct Platform {
    pub(super) settings: Settings,
    pub(super) budget: Stake,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) meter: Arc<dyn Meter>,
    http: Http,
    tokens: TokenCell,
}

impl Platform {
    pub(super) fn new(
        settings: Settings,
        budget: Stake,
        clock: Arc<dyn Clock>,
        http: Http,
        meter: Arc<dyn Meter>,
    ) -> Self {
        Self { settings, budget, clock, meter, http, tokens: TokenCell::default() }
    }

    /// Makes an authorised call of the new API. A rejected token is replaced once and the call made once more: the
    /// rejection proves that nothing was done (dingtalk §5.3).
    pub(super) async fn call(&self, api: Api, body: &Value, deadline: Instant) -> Result<Value, Failure> {
        let token = self.token(deadline).await?;
        let result = self.call_with(api, body, &token, deadline).await;
        match result {
            Err(Failure { verdict: Verdict::TokenRejected, .. }) => {
                self.tokens.reject(&token).await;
                let token = self.token(deadline).await?;
                // The platform counts the first one, too.
                self.take_turn(api, Class::Finish, deadline).await?;
                self.call_with(api, body, &token, deadline).await
            }
            result => result,
        }
    }

    /// Waits for a place in the budget of `api`, then makes the call. When there is none in time, the call is not made.
    pub(super) async fn call_in_turn(
        &self,
        api: Api,
        class: Class,
        body: &Value,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        self.take_turn(api, class, deadline).await?;
        self.call(api, body, deadline).await
    }

    /// Waits for a place in the budget of `api`, if it has one.
    async fn take_turn(&self, api: Api, class: Class, deadline: Instant) -> Result<(), Failure> {
        match api.lane() {
            Some(lane) => self.take_place(lane, class, deadline).await,
            None => Ok(()),
        }
    }

    /// Waits for a place in the budget, but not for ever.
    pub(super) async fn take_place(
        &self,
        lane: Lane,
        class: Class,
        deadline: Instant,
    ) -> Result<(), Failure> {
        // Whoever waits in the middle of a call has waited before it, and holds something half done.
        let place = self.budget.bucket(lane).take_for(class, CALL_TIMEOUT);
        if timeout_at(deadline, place).await.is_ok() {
            return Ok(());
        }
        // Where the platform has banned us, that is said.
        self.budget.gate().enter(false)?;
        let verdict = Verdict::Throttled { retry_after: SECOND_PAUSE };
        Err(Failure::new(verdict, "no place in the budget of calls in time"))
    }

    /// Uploads an image; its media id, which the platform's clients show in its place (dingtalk §7.2).
    pub(super) async fn upload_image(&self, image: Image<'_>, deadline: Instant) -> Result<String, Failure> {
        self.take_turn(Api::MediaUpload, Class::Text, deadline).await?;
        let token = self.token(deadline).await?;
        let result = match self.upload_with(image, &token, deadline).await {
            Err(Failure { verdict: Verdict::TokenRejected, .. }) => {
                self.tokens.reject(&token).await;
                let token = self.token(deadline).await?;
                self.take_turn(Api::MediaUpload, Class::Text, deadline).await?;
                self.upload_with(image, &token, deadline).await
            }
            result => result,
        };
        let answer = result?;
        let id = answer.get("media_id").and_then(Value::as_str).filter(|id| is_media_id(id));
        id.map(str::to_owned).ok_or_else(|| {
            Failure::new(Verdict::Refused(ErrorCode::PlatformError), "an answer without a media id")
        })
    }

    /// Waits for a place in the budget of `api`, then makes an authorised call of the old API, which takes the token as a part of
    /// the address.
    pub(super) async fn call_old(&self, api: Api, body: &Value, deadline: Instant) -> Result<Value, Failure> {
        self.take_turn(api, Class::Text, deadline).await?;
        let token = self.token(deadline).await?;
        match self.call_old_with(api, body, &token, deadline).await {
            Err(Failure { verdict: Verdict::TokenRejected, .. }) => {
                self.tokens.reject(&token).await;
                let token = self.token(deadline).await?;
                self.take_turn(api, Class::Text, deadline).await?;
                self.call_old_with(api, body, &token, deadline).await
            }
            result => result,
        }
    }

    async fn call_old_with(
        &self,
        api: Api,
        body: &Value,
        token: &Secret,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let misfit =
            |_| Failure::new(Verdict::Refused(ErrorCode::Misconfigured), "an address that cannot be asked");
        let base = format!("{}{}", self.settings.oapi_base, api.route().1);
        let url = Url::parse_with_params(&base, [("access_token", token.expose())]).map_err(misfit)?;
        self.exchange(Request { api, url: url.as_str(), token: None, body }, deadline).await
    }

    async fn upload_with(
        &self,
        image: Image<'_>,
        token: &Secret,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let misfit =
            |_| Failure::new(Verdict::Refused(ErrorCode::Misconfigured), "an address that cannot be asked");
        let base = format!("{}{}", self.settings.oapi_base, Api::MediaUpload.route().1);
        let query = [("access_token", token.expose()), ("type", "image")];
        let url = Url::parse_with_params(&base, &query).map_err(misfit)?;
        self.admit(Api::MediaUpload)?;
        let (content_type, body) = image.form();
        let result = self.http.upload(Api::MediaUpload, url, &content_type, body, deadline).await;
        self.take_in(Api::MediaUpload, &result, || 0);
        result
    }

    async fn call_with(
        &self,
        api: Api,
        body: &Value,
        token: &Secret,
        deadline: Instant,
    ) -> Result<Value, Failure> {
        let url = format!("{}{}", self.settings.api_base, api.route().1);
        self.exchange(Request { api, url: &url, token: Some(token), body }, deadline).await
    }

    /// Makes one exchange; a throttle answer closes the API's bucket, and a ban the way of all calls.
    pub(super) async fn exchange(&self, request: Request<'_>, deadline: Instant) -> Result<Value, Failure> {
        let Request { api, url, body, .. } = request;
        self.admit(api)?;
        let result = self.http.exchange(request, deadline).await;
        self.take_in(api, &result, || chat_of(url, body));
        result
    }

    /// Whether a call is let through now. Calls with a bucket were counted with their claims.
    fn admit(&self, api: Api) -> Result<(), Failure> {
        self.budget.gate().enter(api.lane().is_none() && self.settings.calls_per_second > 0)
    }

    /// What an answer means for the calls that follow.
    fn take_in(&self, api: Api, result: &Result<Value, Failure>, chat: impl FnOnce() -> u64) {
        self.count(api, result);
        match result {
            Ok(_) => self.budget.answered(api.lane()),
            Err(failure) => self.budget.take_in(api.lane(), failure, chat()),
        }
    }

    /// Counts a call that the platform counts, too, and takes in what its answer says of the quota.
    fn count(&self, api: Api, result: &Result<Value, Failure>) {
        if api.is_metered() && result.as_ref().map_or_else(Failure::is_metered, |_| true) {
            self.meter.count(Used::ApiCall);
        }
        // Calls that count may have failed in ways that tell nothing of the quota.
        if api.is_metered() && result.is_ok() {
            self.meter.performed();
        }
        if let Err(Failure { verdict: Verdict::Refused(ErrorCode::QuotaExceeded), .. }) = result {
            self.meter.refused();
        }
    }

    /// The app's token. A failure to get one proves that the call it was for is not made.
    async fn token(&self, deadline: Instant) -> Result<Secret, Failure> {
        let token = self.tokens.token(&*self.clock, || self.fetch_token(deadline));
        match timeout_at(deadline, token).await {
            Ok(Err(Failure { verdict: Verdict::Unclear(_), detail, .. })) => {
                Err(Failure::new(Verdict::NotSent, detail))
            }
            Ok(result) => result,
            Err(_) => Err(Failure::new(Verdict::NotSent, "no access token in time")),
        }
    }

    /// Asks for a token now, whatever is cached (dingtalk §5.1).
    pub(super) async fn fetch_token(&self, deadline: Instant) -> Result<Fetched, Failure> {
        let url = format!("{}{}", self.settings.api_base, Api::Token.route().1);
        let body = json!({
            "appKey": self.settings.client_id,
            "appSecret": self.settings.client_secret.expose(),
        });
        let request = Request { api: Api::Token, url: &url, token: None, body: &body };
        let answer =
            self.exchange(request, deadline).await.map_err(|failure| self.of_credentials(failure))?;
        let token = answer.get("accessToken").and_then(Value::as_str).filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| {
            Failure::new(Verdict::Unclear(ErrorCode::PlatformError), "an answer without an access token")
        })?;
        let lifetime = answer.get("expireIn").and_then(Value::as_u64).unwrap_or(TOKEN_LIFETIME_S);
        Ok(Fetched { token: Secret::new(token), lifetime: Duration::from_secs(lifetime) })
    }

    /// A failure of a call that carries the credentials themselves: what would be a rejected token elsewhere is a
    /// rejected secret here, and should the platform quote the secret, it goes no further.
    pub(super) fn of_credentials(&self, failure: Failure) -> Failure {
        let secret = self.settings.client_secret.expose();
        let verdict = match failure.verdict {
            Verdict::TokenRejected => Verdict::Refused(ErrorCode::InvalidCredentials),
            verdict @ (Verdict::NotSent
            | Verdict::Throttled { .. }
            | Verdict::Refused(_)
            | Verdict::CardMissing
            | Verdict::CardExists
            | Verdict::CardFinished
            | Verdict::Unclear(_)) => verdict,
        };
        let detail = if secret.is_empty() || !failure.detail.contains(secret) {
            failure.detail
        } else if secret.chars().count() >= MASKED_CHARS_MIN {
            failure.detail.replace(secret, "***")
        } else {
            // It stands in ordinary words, too: without them nothing is garbled, and nothing is told.
            failure.code().to_owned()
        };
        Failure::new(verdict, detail)
    }
}

/// Whether it can stand as the address of an image.
fn is_media_id(id: &str) -> bool {
    (1..=MEDIA_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@-_$=+/.".contains(&byte))
}

/// A number for the chat or the people that a call is for: nothing of them is kept.
fn chat_of(url: &str, body: &Value) -> u64 {
    let people = ["openConversationId", "userIds"].map(|field| body.get(field).map(Value::to_string));
    let mut hasher = DefaultHasher::new();
    (url, people).hash(&mut hasher);
    hasher.finish()
}
