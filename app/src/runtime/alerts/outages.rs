//! Which channels are not connected, and what is to be told of it: pure, so that it can be tried out.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::Month;
use switchboard_ports::alerts::AlertEvent;

/// When something is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlertRules {
    /// How long a channel may not be connected before it is told.
    pub after: Duration,
    /// How often it is told again while it lasts; zero: once.
    pub repeat: Duration,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self { after: Duration::from_mins(5), repeat: Duration::from_hours(4) }
    }
}

/// What is seen of a channel over all replicas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is connected.
    Connected,
    /// It is not.
    Away {
        /// Since when.
        since: Timestamp,
    },
    /// It is switched off.
    Off,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) channel: ChannelId,
    pub(super) event: AlertEvent,
    /// Since when it was not connected; of a quota, when it was noticed.
    pub(super) since: Timestamp,
    /// The month whose quota it is; `None` of a connection.
    pub(super) month: Option<Month>,
}

/// ```text
///             Away                  told             Connected           told
/// (nothing) ────────> not told ──────────────> told ───────────> over ──────────> (nothing)
///     ^                  │ Connected, Off       │ ^                │ Away
///     └──────────────────┘                 Off: kept └──────────────┘
/// ```
/// A channel that is switched off while it is told of stays so: whoever was told still waits for its end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outages(BTreeMap<ChannelId, Outage>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Outage {
    since: Timestamp,
    /// When it was told last.
    told: Option<Timestamp>,
    /// Whether it is over, which is still to be told.
    over: bool,
}

impl Outages {
    /// Whether a channel is known not to be connected.
    pub(super) fn has(&self, channel: &ChannelId) -> bool {
        self.0.contains_key(channel)
    }

    /// An outage that was told before this replica looks.
    pub(super) fn recall(&mut self, channel: ChannelId, since: Timestamp, told: Timestamp) {
        self.0.insert(channel, Outage { since, told: Some(told), over: false });
    }

    /// Takes in what is seen of all channels there are. Of those that are gone nothing more is told.
    pub(super) fn see(&mut self, seen: &BTreeMap<ChannelId, Seen>) {
        self.0.retain(|channel, _| seen.contains_key(channel));
        for (channel, seen) in seen {
            match seen {
                Seen::Away { since } => {
                    let new = Outage { since: *since, told: None, over: false };
                    self.0.entry(channel.clone()).or_insert(new).over = false;
                }
                Seen::Connected => {
                    if let Some(outage) = self.0.get_mut(channel) {
                        outage.over = true;
                    }
                }
                Seen::Off => {}
            }
            let is_over = !matches!(seen, Seen::Away { .. });
            if is_over && self.0.get(channel).is_some_and(|outage| outage.told.is_none()) {
                self.0.remove(channel);
            }
        }
    }

    /// What is to be told now. What is switched off is told of neither way, see [`Seen::Off`].
    pub(super) fn due(
        &self,
        seen: &BTreeMap<ChannelId, Seen>,
        rules: AlertRules,
        now: Timestamp,
    ) -> Vec<Due> {
        let due = self.0.iter().filter_map(|(channel, outage)| {
            let event = match (outage.over, outage.told) {
                (true, _) => AlertEvent::Connected,
                (false, _) if seen.get(channel) == Some(&Seen::Off) => return None,
                (false, None) if outage.since.after(rules.after) <= now => AlertEvent::NotConnected,
                (false, Some(told)) if !rules.repeat.is_zero() && told.after(rules.repeat) <= now => {
                    AlertEvent::NotConnected
                }
                (false, None | Some(_)) => return None,
            };
            Some(Due { channel: channel.clone(), event, since: outage.since, month: None })
        });
        due.collect()
    }

    /// It was told.
    pub(super) fn told(&mut self, due: &Due, now: Timestamp) {
        match due.event {
            AlertEvent::Connected => {
                self.0.remove(&due.channel);
            }
            AlertEvent::NotConnected => {
                if let Some(outage) = self.0.get_mut(&due.channel) {
                    outage.told = Some(now);
                }
            }
            // Of quotas others keep what was told.
            AlertEvent::QuotaNearlyUsedUp | AlertEvent::QuotaUsedUp | AlertEvent::QuotaPushesUsedUp => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AlertEvent, AlertRules, BTreeMap, ChannelId, Duration, Outages, Seen, Timestamp};

    const RULES: AlertRules = AlertRules { after: Duration::from_mins(5), repeat: Duration::from_hours(4) };

    fn at(minutes: u64) -> Timestamp {
        Timestamp::from_millis(minutes * 60_000)
    }

    fn one(seen: Seen) -> BTreeMap<ChannelId, Seen> {
        BTreeMap::from([(ChannelId::new("chn_1"), seen)])
    }

    /// What is told of a channel that is seen like this at a minute, and told at once.
    fn told(outages: &mut Outages, rules: AlertRules, minute: u64, seen: Seen) -> Vec<(AlertEvent, u64)> {
        let seen = one(seen);
        outages.see(&seen);
        let due = outages.due(&seen, rules, at(minute));
        for due in &due {
            outages.told(due, at(minute));
        }
        due.iter().map(|due| (due.event, due.since.as_millis() / 60_000)).collect()
    }

    #[test]
    fn an_outage_is_told_once_again_after_hours_and_when_it_is_over() {
        let mut outages = Outages::default();
        let away = Seen::Away { since: at(10) };
        assert_eq!(told(&mut outages, RULES, 14, away), []);
        assert_eq!(told(&mut outages, RULES, 15, away), [(AlertEvent::NotConnected, 10)]);
        assert_eq!(told(&mut outages, RULES, 254, Seen::Away { since: at(200) }), []);
        assert_eq!(told(&mut outages, RULES, 255, away), [(AlertEvent::NotConnected, 10)]);
        assert_eq!(told(&mut outages, RULES, 300, Seen::Connected), [(AlertEvent::Connected, 10)]);
        assert_eq!(told(&mut outages, RULES, 301, Seen::Connected), []);
        let once = AlertRules { repeat: Duration::ZERO, ..RULES };
        assert_eq!(told(&mut outages, once, 400, away), [(AlertEvent::NotConnected, 10)]);
        assert_eq!(told(&mut outages, once, 100_000, away), []);
    }

    #[test]
    fn a_blip_is_told_neither_way() {
        let mut outages = Outages::default();
        assert_eq!(told(&mut outages, RULES, 1, Seen::Away { since: at(1) }), []);
        assert_eq!(told(&mut outages, RULES, 5, Seen::Connected), []);
        assert_eq!(told(&mut outages, RULES, 7, Seen::Away { since: at(7) }), []);
        assert_eq!(outages, {
            let mut fresh = Outages::default();
            fresh.see(&one(Seen::Away { since: at(7) }));
            fresh
        });
    }

    #[test]
    fn what_is_switched_off_is_told_of_when_it_is_connected_again() {
        let mut outages = Outages::default();
        let away = Seen::Away { since: at(0) };
        assert_eq!(told(&mut outages, RULES, 5, away).len(), 1);
        assert_eq!(told(&mut outages, RULES, 1_000, Seen::Off), []);
        assert_eq!(told(&mut outages, RULES, 1_001, Seen::Connected), [(AlertEvent::Connected, 0)]);
        assert_eq!(told(&mut outages, RULES, 1_002, Seen::Away { since: at(1_002) }), []);
        assert_eq!(told(&mut outages, RULES, 1_003, Seen::Off), []);
        assert_eq!(outages, Outages::default());
    }

    #[test]
    fn an_end_that_was_not_told_and_did_not_last_is_no_end() {
        let mut outages = Outages::default();
        let away = one(Seen::Away { since: at(0) });
        outages.recall(ChannelId::new("chn_1"), at(0), at(5));
        outages.see(&one(Seen::Connected));
        assert_eq!(outages.due(&one(Seen::Connected), RULES, at(6))[0].event, AlertEvent::Connected);
        outages.see(&away);
        assert_eq!(outages.due(&away, RULES, at(7)), []);
        // A channel that was deleted is nobody's concern.
        outages.see(&BTreeMap::new());
        assert_eq!(outages, Outages::default());
    }
}
