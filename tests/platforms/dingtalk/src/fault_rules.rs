//! Ready-made fault rules: the refusals that the platform documents by name.

use serde_json::json;

use crate::faults::{FaultAction, FaultRule};

impl FaultRule {
    /// A rule for every call of a path.
    #[must_use]
    pub fn on(path: &str, action: FaultAction) -> Self {
        Self {
            path: path.to_owned(),
            method: None,
            app: None,
            contains: None,
            skip: 0,
            times: None,
            probability: 1.0,
            action,
        }
    }

    /// Answer with a status and an error code in the new API's envelope.
    #[must_use]
    pub fn deny(path: &str, status: u16, code: &str) -> Self {
        let body = json!({"code": code, "message": "simulated fault", "requestid": "simulated"});
        Self::on(path, FaultAction::Deny { status, body })
    }

    /// Answer 504 `service.timeout` although the call was carried out.
    #[must_use]
    pub fn apply_then_time_out(path: &str) -> Self {
        let body = json!({"code": "service.timeout", "message": "simulated fault", "requestid": "simulated"});
        Self::on(path, FaultAction::ApplyThenDeny { status: 504, body })
    }

    /// Hold calls back for some milliseconds.
    #[must_use]
    pub fn delay(path: &str, ms: u64) -> Self {
        Self::on(path, FaultAction::Delay { ms })
    }

    /// The egress address is not in the app's white list (dingtalk §5.3).
    #[must_use]
    pub fn ip_not_in_white_list(path: &str) -> Self {
        Self::deny(path, 403, "Forbidden.AccessDenied.IpNotInWhiteList")
    }

    /// The rate limit answers whatever the rate (dingtalk §9.2).
    #[must_use]
    pub fn throttled(path: &str) -> Self {
        Self::deny(path, 403, "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")
    }

    /// One of the documented limits answers whatever the rate (dingtalk §9.2).
    #[must_use]
    pub fn limited(path: &str, limit: Limit) -> Self {
        let code = match limit {
            Limit::QpsApp => "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi",
            Limit::QpmApp => "Forbidden.AccessDenied.QpmLimitForAppkeyAndApi",
            Limit::QpsSuiteOrg => "Forbidden.AccessDenied.QpsLimitForSuitekeyAndOrgAndApi",
            Limit::QpmSuiteOrg => "Forbidden.AccessDenied.QpmLimitForSuitekeyAndOrgAndApi",
            Limit::QpsApi => "Forbidden.AccessDenied.QpsLimitForApi",
            Limit::MonthOrg => "Forbidden.AccessDenied.ApiCountLimitForOrg",
        };
        Self::deny(path, 403, code)
    }

    /// A legacy API answers this error code in HTTP 200 (dingtalk §4.4, §5.3, §9.2).
    #[must_use]
    pub fn legacy(path: &str, errcode: i64) -> Self {
        let body = json!({"errcode": errcode, "errmsg": "simulated fault", "request_id": "simulated"});
        Self::on(path, FaultAction::Deny { status: 200, body })
    }

    /// The server is busy (dingtalk §6.8): 500 `system.busy`.
    #[must_use]
    pub fn system_busy(path: &str) -> Self {
        Self::deny(path, 500, "system.busy")
    }

    /// The scope of an API is missing, whatever the app was granted (dingtalk §5.3).
    #[must_use]
    pub fn scope_missing(path: &str, scope: &str) -> Self {
        let body = json!({"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "message": "simulated fault",
                          "requestid": "simulated", "accessdenieddetail": {"requiredScopes": [scope]}});
        Self::on(path, FaultAction::Deny { status: 403, body })
    }

    /// The whole platform answers an HTML page, as the other form of the IP ban (dingtalk §9.2).
    #[must_use]
    pub fn ip_banned_html(status: u16) -> Self {
        let page = "<!doctype html><html><body>Too many requests</body></html>";
        Self::on("*", FaultAction::Deny { status, body: json!(page) })
    }

    /// The whole platform answers the IP ban object instead of its envelope (dingtalk §9.2).
    #[must_use]
    pub fn ip_banned(status: u16) -> Self {
        let body = json!({"status": 1111, "wait": 5, "source": "x5", "punish": "deny", "uuid": "simulated"});
        Self::on("*", FaultAction::Deny { status, body })
    }

    /// Only this many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Not the first ones.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Only calls of this app.
    #[must_use]
    pub fn app(mut self, client_id: &str) -> Self {
        self.app = Some(client_id.to_owned());
        self
    }

    /// Only calls with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only calls whose raw body contains this.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        self.contains = Some(text.to_owned());
        self
    }

    /// Each matching call only with this probability (0 to 1).
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }
}

/// The documented limits (dingtalk §9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Calls per second of an app on an API.
    QpsApp,
    /// Calls per minute of an app on an API.
    QpmApp,
    /// Calls per second of a third-party app in an organisation on an API.
    QpsSuiteOrg,
    /// Calls per minute of a third-party app in an organisation on an API.
    QpmSuiteOrg,
    /// Calls per second of everybody on an API.
    QpsApi,
    /// Calls per month of an organisation.
    MonthOrg,
}
