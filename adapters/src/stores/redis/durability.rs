//! What a Redis may lose, by its own settings. A Cluster loses what the weakest of its nodes loses.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use switchboard_ports::durability::{Durability, DurabilityProbe, Loss};
use switchboard_ports::error::StoreError;

use super::Core;
use super::connection::{Connection, Unanswered};

/// Asks for the settings.
pub(super) struct Probe {
    core: Arc<Core>,
}

impl Probe {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[async_trait]
impl DurabilityProbe for Probe {
    async fn durability(&self) -> Result<Durability, StoreError> {
        asked(&self.core.connection).await
    }
}

/// What the Redis behind a connection may lose.
pub(super) async fn asked(connection: &Connection) -> Result<Durability, StoreError> {
    let mut settings = Vec::new();
    for name in ["appendonly", "appendfsync", "maxmemory", "maxmemory-policy"] {
        let mut question = redis::cmd("CONFIG");
        question.arg("GET").arg(name);
        match connection.ask_each::<Vec<(String, String)>>(&question).await {
            Ok(answers) => settings.push(answers),
            // A managed Redis knows no CONFIG, or allows it to nobody.
            Err(Unanswered::Refused) => return Ok(Durability::CannotBeTold),
            Err(Unanswered::Away(error)) => return Err(error),
        }
    }
    let nodes = settings.iter().map(Vec::len).max().unwrap_or_default();
    let mut losses = Vec::new();
    for node in 0..nodes {
        let answers = settings.iter().filter_map(|answers| answers.get(node)).flatten();
        let of_node: BTreeMap<_, _> = answers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let Some(found) = losses_of(&of_node) else { return Ok(Durability::CannotBeTold) };
        for loss in found {
            if !losses.contains(&loss) {
                losses.push(loss);
            }
        }
    }
    Ok(if losses.is_empty() { Durability::Durable } else { Durability::Lossy(losses) })
}

/// What these settings may lose; `None` where some of them are hidden.
fn losses_of(settings: &BTreeMap<&str, &str>) -> Option<Vec<Loss>> {
    let of = |name: &str| settings.get(name).copied();
    let mut losses = Vec::new();
    match (of("appendonly")?, of("appendfsync")?) {
        ("yes", "always") => {}
        ("yes", "everysec") => losses.push(Loss::SyncedEachSecond),
        ("yes", _) => losses.push(Loss::SyncedByTheSystem),
        (_, _) => losses.push(Loss::NoAppendOnlyFile),
    }
    let policy = of("maxmemory-policy")?;
    // Without a limit nothing is ever dropped.
    if policy != "noeviction" && of("maxmemory")? != "0" {
        losses.push(Loss::Evicting(policy.to_owned()));
    }
    Some(losses)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;

    use super::{Loss, losses_of};

    #[rstest]
    #[case("yes", "always", "0", "allkeys-lru", &[])]
    #[case("yes", "always", "100", "noeviction", &[])]
    #[case("yes", "everysec", "0", "noeviction", &["synced_each_second"])]
    #[case("yes", "no", "0", "noeviction", &["synced_by_the_system"])]
    #[case("no", "always", "9", "volatile-ttl", &["no_append_only_file", "evicting"])]
    fn what_may_be_lost_is_named(
        #[case] append: &str,
        #[case] fsync: &str,
        #[case] memory: &str,
        #[case] policy: &str,
        #[case] wanted: &[&str],
    ) {
        let settings = BTreeMap::from([
            ("appendonly", append),
            ("appendfsync", fsync),
            ("maxmemory", memory),
            ("maxmemory-policy", policy),
        ]);
        let found = losses_of(&settings).unwrap();
        assert_eq!(found.iter().map(Loss::as_str).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn hidden_settings_cannot_be_told() {
        assert_eq!(losses_of(&BTreeMap::from([("appendonly", "yes")])), None);
    }
}
