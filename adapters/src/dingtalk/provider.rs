//! DingTalk as a provider: its settings, and the links of its channels.

use std::sync::Arc;

use serde_json::Value;
use switchboard_ports::budget::BudgetStore;
use switchboard_ports::channels::Channel;
use switchboard_ports::clock::Clock;
use switchboard_ports::form::Words;
use switchboard_ports::provider::{Description, FieldError, Link, Meter, MonthlyQuota, Provider};

use super::budget::Budgets;
use super::config::{CONNECTION_FIELDS, IDENTITY_FIELDS, SECRET_FIELDS, Settings, check};
use super::fields::FIELDS;
use super::guide::GUIDE;
use super::http::{CONNECT_TIMEOUT, Http, Observer};
use super::images::Images;
use super::link::DingTalkLink;
use super::media::Downloads;
use super::phases::Phases;
use super::platform::Platform;
use super::rates::Terms;
use crate::net::{ClientError, Network};

/// China's clock, ahead of UTC: by it we turn the quota's months. The platform does not say which one it uses.
const CHINA_MINUTES: i16 = 480;

/// The chat platform DingTalk, over Stream mode. One value serves all channels: they share HTTP connections, and those
/// with the same credentials share their budget of calls (R14), with other replicas, too, where
/// it is [`sharing`](Self::sharing). A ban of our address holds them all.
pub struct DingTalk {
    clock: Arc<dyn Clock>,
    network: Network,
    http: Http,
    downloads: Downloads,
    budgets: Budgets,
}

impl DingTalk {
    /// What the platform is and can do.
    pub const DESCRIPTION: Description = Description {
        platform: "dingtalk",
        title: Words::new("DingTalk", "钉钉"),
        guide: GUIDE,
        exclusive: false,
        everywhere: false,
        hears_all: false,
        config_fields: FIELDS,
        secret_fields: SECRET_FIELDS,
        connection_fields: CONNECTION_FIELDS,
        identity_fields: IDENTITY_FIELDS,
        quota: Some(MonthlyQuota { utc_offset_minutes: CHINA_MINUTES }),
    };

    /// The platform as seen through `clock` and reached through `network`; `observer` is told of each HTTP call, for
    /// counting.
    pub fn new(clock: Arc<dyn Clock>, network: Network, observer: Observer) -> Result<Self, ClientError> {
        let http = Http::new(network.client(CONNECT_TIMEOUT)?, observer);
        let downloads = Downloads::new(&network)?;
        Ok(Self { clock, network, http, downloads, budgets: Budgets::default() })
    }

    /// Its calls count together with those of all replicas that share this store.
    #[must_use]
    pub fn sharing(mut self, budgets: Arc<dyn BudgetStore>) -> Self {
        self.budgets = Budgets::shared(budgets);
        self
    }
}

impl Provider for DingTalk {
    fn description(&self) -> Description {
        Self::DESCRIPTION
    }

    fn check_config(&self, config: &Value, secrets_set: &[String]) -> Result<Value, Vec<FieldError>> {
        check(config, secrets_set)
    }

    fn link(&self, channel: &Channel, meter: Arc<dyn Meter>) -> Result<Arc<dyn Link>, Vec<FieldError>> {
        let settings = Settings::of(&channel.config, &channel.secrets)?;
        let terms = Terms {
            channel: channel.id.clone(),
            in_service: channel.enabled,
            calls_per_second: settings.calls_per_second,
        };
        let budget = self.budgets.of(&settings.api_base, &settings.client_id, terms);
        let platform = Platform::new(settings, budget, Arc::clone(&self.clock), self.http.clone(), meter);
        let (network, downloads) = (self.network.clone(), self.downloads.clone());
        let images = Images::new(&downloads, platform.settings.reach());
        Ok(Arc::new(DingTalkLink {
            channel: channel.id.clone(),
            network,
            downloads,
            platform,
            images,
            phases: Phases::default(),
        }))
    }
}
