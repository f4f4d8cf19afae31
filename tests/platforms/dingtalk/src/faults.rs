//! Fault rules: what goes wrong with which calls, and how often.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::request::ApiRequest;

/// Fault rules active at the same time.
const RULES_MAX: usize = 200;

/// One rule. The first rule with an action other than a delay decides; delays add up.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Path without query, or a beginning of it followed by `*`.
    pub path: String,
    /// HTTP method; `None` = any.
    #[serde(default)]
    pub method: Option<String>,
    /// Client id; `None` = any.
    #[serde(default)]
    pub app: Option<String>,
    /// Text that the raw request body must contain, for example `"isFinalize":true`.
    #[serde(default)]
    pub contains: Option<String>,
    /// Matching calls let through first.
    #[serde(default)]
    pub skip: u32,
    /// Calls affected after that; `None` = all.
    #[serde(default)]
    pub times: Option<u32>,
    /// Probability of each of these, 0 to 1. Default 1.
    #[serde(default = "certain")]
    pub probability: f64,
    /// What happens.
    pub action: FaultAction,
}

fn certain() -> f64 {
    1.0
}

/// What a fault rule does to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultAction {
    /// Answer with this; nothing changes. A text body is sent as HTML.
    Deny {
        /// HTTP status.
        status: u16,
        /// Body: an object (JSON) or a text (HTML).
        #[serde(default)]
        body: Value,
    },
    /// Do it, but later.
    Delay {
        /// Milliseconds before anything happens.
        ms: u64,
    },
    /// Do it, then answer as if it had failed: the caller cannot know.
    ApplyThenDeny {
        /// HTTP status.
        status: u16,
        /// Body: an object (JSON) or a text (HTML).
        #[serde(default)]
        body: Value,
    },
    /// Do it, then cut the TCP connection instead of answering.
    ApplyThenCut,
    /// Cut the TCP connection; nothing changes.
    Cut,
    /// Never answer; nothing changes. Ends when the client leaves.
    Hang,
    /// Card deliveries succeed as calls, but every space in them reports this failure.
    SpaceFails {
        /// `errorMsg` of the space.
        message: String,
    },
    /// `messageFiles/download` answers this address; `{host}` and `{path}` stand for those of the real one.
    AnswerUrl {
        /// For example `http://{host}{path}` or `https://10.0.0.1{path}`.
        url: String,
    },
    /// A signed address is refused as expired.
    ExpiredSignature,
    /// A signed address answers 302.
    Redirect {
        /// Where to; `None` = another signed address of this simulator with the same content.
        #[serde(default)]
        to: Option<String>,
    },
    /// A signed address serves its content under this media type.
    ContentType {
        /// The media type.
        content_type: String,
    },
    /// A signed address claims a gzip encoding that its content does not have.
    WrongEncoding,
    /// A signed address serves its content piece by piece.
    SlowBody {
        /// Size of a piece (bytes).
        chunk_bytes: usize,
        /// Pause before each piece (ms).
        pause_ms: u64,
    },
    /// A signed address never stops sending.
    EndlessBody,
    /// A signed address stops in the middle, below the length it announced.
    CutBody {
        /// Bytes sent before that.
        after_bytes: usize,
    },
}

impl FaultRule {
    fn fits(&self, request: &ApiRequest) -> bool {
        let path_fits = match self.path.strip_suffix('*') {
            Some(beginning) => request.path.starts_with(beginning),
            None => request.path == self.path,
        };
        path_fits
            && self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
            && self.app.as_deref().is_none_or(|app| request.app.as_deref() == Some(app))
            && self.contains.as_deref().is_none_or(|text| request.raw_body_contains(text))
    }
}

/// Identifies a rule for its removal.
pub type FaultId = u64;

/// All active rules.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<ActiveRule>,
    next_id: FaultId,
    /// Acknowledgements still to lose.
    pub(crate) acks_to_swallow: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct ActiveRule {
    id: FaultId,
    /// Calls affected so far.
    hits: u64,
    #[serde(flatten)]
    rule: FaultRule,
}

/// What happens to one call.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) delay_ms: u64,
    pub(crate) action: Option<FaultAction>,
}

impl Faults {
    /// Adds a rule; `None` when there are too many.
    pub(crate) fn add(&mut self, rule: FaultRule) -> Option<FaultId> {
        if self.rules.len() >= RULES_MAX {
            return None;
        }
        self.next_id = self.next_id.saturating_add(1);
        self.rules.push(ActiveRule { id: self.next_id, hits: 0, rule });
        Some(self.next_id)
    }

    pub(crate) fn remove(&mut self, id: FaultId) -> bool {
        let before = self.rules.len();
        self.rules.retain(|active| active.id != id);
        self.rules.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
        self.acks_to_swallow = 0;
    }

    pub(crate) fn all(&self) -> &[ActiveRule] {
        &self.rules
    }

    /// Decides about one call. `chance` answers whether an event of that probability happens.
    pub(crate) fn judge(&mut self, request: &ApiRequest, mut chance: impl FnMut(f64) -> bool) -> Verdict {
        let mut verdict = Verdict::default();
        for active in &mut self.rules {
            let decided = verdict.action.is_some();
            let is_delay = matches!(active.rule.action, FaultAction::Delay { .. });
            if (decided && !is_delay) || !active.rule.fits(request) {
                continue;
            }
            if active.rule.skip > 0 {
                active.rule.skip = active.rule.skip.saturating_sub(1);
                continue;
            }
            if active.rule.times == Some(0)
                || !(active.rule.probability >= 1.0 || chance(active.rule.probability))
            {
                continue;
            }
            active.rule.times = active.rule.times.map(|left| left.saturating_sub(1));
            active.hits = active.hits.saturating_add(1);
            if let FaultAction::Delay { ms } = active.rule.action {
                verdict.delay_ms = verdict.delay_ms.saturating_add(ms);
            } else {
                verdict.action = Some(active.rule.action.clone());
            }
        }
        verdict
    }
}

impl FaultAction {
    /// Name for the call log.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Deny { .. } => "deny",
            Self::Delay { .. } => "delay",
            Self::ApplyThenDeny { .. } => "apply_then_deny",
            Self::ApplyThenCut => "apply_then_cut",
            Self::Cut => "cut",
            Self::Hang => "hang",
            Self::SpaceFails { .. } => "space_fails",
            Self::AnswerUrl { .. } => "answer_url",
            Self::ExpiredSignature => "expired_signature",
            Self::Redirect { .. } => "redirect",
            Self::ContentType { .. } => "content_type",
            Self::WrongEncoding => "wrong_encoding",
            Self::SlowBody { .. } => "slow_body",
            Self::EndlessBody => "endless_body",
            Self::CutBody { .. } => "cut_body",
        }
    }
}
