//! Whose quota runs out, and what is to be told of it: pure, so that it can be tried out.

use std::collections::BTreeMap;

use switchboard_domain::ids::ChannelId;
use switchboard_domain::time::Timestamp;
use switchboard_domain::usage::{Month, Why};
use switchboard_ports::alerts::AlertEvent;

use super::outages::Due;

/// How little is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Most of it is used.
    Nearly,
    /// The platform has said that it is used up.
    Out,
    /// It withholds what people write: nobody is answered.
    PushesOut,
}

impl Level {
    /// What is told of a strain, if anything: a forecast may still turn out wrong, and is in the panel.
    const fn of(strain: Why) -> Option<Self> {
        match strain {
            Why::Enough | Why::Settings | Why::Forecast => None,
            Why::MostlyUsed | Why::NearlyUsedUp => Some(Self::Nearly),
            Why::UsedUp => Some(Self::Out),
            Why::PushesUsedUp => Some(Self::PushesOut),
        }
    }

    /// What an event tells of a quota, if anything.
    pub(super) const fn told_by(event: AlertEvent) -> Option<Self> {
        match event {
            AlertEvent::NotConnected | AlertEvent::Connected => None,
            AlertEvent::QuotaNearlyUsedUp => Some(Self::Nearly),
            AlertEvent::QuotaUsedUp => Some(Self::Out),
            AlertEvent::QuotaPushesUsedUp => Some(Self::PushesOut),
        }
    }

    /// What is told.
    const fn event(self) -> AlertEvent {
        match self {
            Self::Nearly => AlertEvent::QuotaNearlyUsedUp,
            Self::Out => AlertEvent::QuotaUsedUp,
            Self::PushesOut => AlertEvent::QuotaPushesUsedUp,
        }
    }
}

/// What was told of each channel last. Each level is told once a month, the lower one not after the higher one; that it is over
/// is told by nobody but the calendar.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shortages(BTreeMap<ChannelId, (Month, Level)>);

impl Shortages {
    /// Something that was told: by this replica, or before it looks.
    pub(super) fn told(&mut self, channel: &ChannelId, month: Month, level: Level) {
        let last = self.0.entry(channel.clone()).or_insert((month, level));
        *last = (*last).max((month, level));
    }

    /// Forgets what was told of channels that are gone.
    pub(super) fn keep(&mut self, is_there: impl Fn(&ChannelId) -> bool) {
        self.0.retain(|channel, _| is_there(channel));
    }

    /// What is to be told now of channels that stand like this.
    pub(super) fn due(&self, seen: &BTreeMap<ChannelId, (Month, Why)>, now: Timestamp) -> Vec<Due> {
        let due = seen.iter().filter_map(|(channel, (month, strain))| {
            let level = Level::of(*strain)?;
            let is_new = self.0.get(channel).is_none_or(|last| *last < (*month, level));
            let due = Due { channel: channel.clone(), event: level.event(), since: now, month: Some(*month) };
            is_new.then_some(due)
        });
        due.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{AlertEvent, BTreeMap, ChannelId, Level, Month, Shortages, Timestamp, Why};

    const MONTH: Month = Month::numbered(24_000);
    const NEXT: Month = Month::numbered(24_001);

    /// What is told of a channel that stands like this, and told at once.
    fn told(shortages: &mut Shortages, month: Month, strain: Why) -> Vec<AlertEvent> {
        let id = ChannelId::new("chn_1");
        let due = shortages.due(&BTreeMap::from([(id, (month, strain))]), Timestamp::from_millis(0));
        for due in &due {
            assert_eq!(due.month, Some(month));
            shortages.told(&due.channel, month, Level::told_by(due.event).unwrap());
        }
        due.iter().map(|due| due.event).collect()
    }

    #[test]
    fn each_level_is_told_once_a_month() {
        let mut shortages = Shortages::default();
        for quiet in [Why::Enough, Why::Forecast] {
            assert_eq!(told(&mut shortages, MONTH, quiet), []);
        }
        assert_eq!(told(&mut shortages, MONTH, Why::MostlyUsed), [AlertEvent::QuotaNearlyUsedUp]);
        assert_eq!(told(&mut shortages, MONTH, Why::NearlyUsedUp), []);
        assert_eq!(told(&mut shortages, MONTH, Why::UsedUp), [AlertEvent::QuotaUsedUp]);
        assert_eq!(told(&mut shortages, MONTH, Why::PushesUsedUp), [AlertEvent::QuotaPushesUsedUp]);
        for again in [Why::NearlyUsedUp, Why::UsedUp, Why::Enough, Why::UsedUp, Why::PushesUsedUp] {
            assert_eq!(told(&mut shortages, MONTH, again), []);
        }
        assert_eq!(told(&mut shortages, NEXT, Why::Enough), []);
        assert_eq!(told(&mut shortages, NEXT, Why::MostlyUsed), [AlertEvent::QuotaNearlyUsedUp]);
    }

    #[test]
    fn what_was_not_told_stays_due_and_whoever_is_gone_is_forgotten() {
        let mut shortages = Shortages::default();
        let id = ChannelId::new("chn_1");
        let seen = BTreeMap::from([(id.clone(), (MONTH, Why::UsedUp))]);
        for millis in [0, 5_000] {
            assert_eq!(shortages.due(&seen, Timestamp::from_millis(millis)).len(), 1);
        }
        shortages.told(&id, MONTH, Level::Out);
        shortages.told(&id, MONTH, Level::Nearly);
        assert_eq!(shortages.due(&seen, Timestamp::from_millis(9)), [], "what was told last is the most");
        shortages.keep(|_| false);
        assert_eq!(shortages, Shortages::default());
    }
}
