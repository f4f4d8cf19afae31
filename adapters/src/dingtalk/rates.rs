//! The calls a second that an app's links have settled on: the least that one in service wants.

use std::collections::BTreeMap;

use switchboard_domain::ids::ChannelId;

/// What a link asks of the budget that it shares.
#[derive(Debug, Clone)]
pub(super) struct Terms {
    /// Whose link it is.
    pub(super) channel: ChannelId,
    /// Whether the channel takes messages in and answers them. Those that are disabled and settings that are only tried
    /// out change nothing for the others.
    pub(super) in_service: bool,
    /// Calls a second; 0: no limit of ours.
    pub(super) calls_per_second: u32,
}

/// The terms of all living links of one app, in the order in which the links were made.
#[derive(Debug, Default)]
pub(super) struct Rates {
    links: BTreeMap<u64, Terms>,
    next_number: u64,
}

impl Rates {
    /// Takes a link in; its number.
    pub(super) fn join(&mut self, terms: Terms) -> u64 {
        let number = self.next_number;
        self.next_number = number.wrapping_add(1);
        self.links.insert(number, terms);
        number
    }

    /// Lets a link go.
    pub(super) fn leave(&mut self, number: u64) {
        self.links.remove(&number);
    }

    /// The rate: of a channel in service its newest link counts, because a connection may keep the one of before alive for
    /// days after its settings were changed. Where nobody is in service the others count, all of them.
    pub(super) fn rate(&self) -> u32 {
        let mut in_service: BTreeMap<&ChannelId, u32> = BTreeMap::new();
        for terms in self.links.values().filter(|terms| terms.in_service) {
            in_service.insert(&terms.channel, terms.calls_per_second);
        }
        if in_service.is_empty() {
            least(self.links.values().map(|terms| terms.calls_per_second))
        } else {
            least(in_service.into_values())
        }
    }
}

/// The least limit; no limit where nobody has one.
fn least(rates: impl Iterator<Item = u32>) -> u32 {
    rates.filter(|rate| *rate > 0).min().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use switchboard_domain::ids::ChannelId;

    use super::{Rates, Terms};

    fn terms(channel: &str, in_service: bool, calls_per_second: u32) -> Terms {
        Terms { channel: ChannelId::new(channel), in_service, calls_per_second }
    }

    #[rstest]
    #[case::nobody(&[], 0)]
    #[case::one(&[("a", true, 20)], 20)]
    #[case::the_least(&[("a", true, 20), ("b", true, 5)], 5)]
    #[case::no_limit_beside_one(&[("a", true, 20), ("b", true, 0)], 20)]
    #[case::no_limit_at_all(&[("a", true, 0), ("b", true, 0)], 0)]
    #[case::a_draft_without_a_limit(&[("a", true, 20), ("a", false, 0)], 20)]
    #[case::a_slow_draft(&[("a", true, 20), ("a", false, 1)], 20)]
    #[case::a_fast_draft(&[("a", true, 20), ("draft", false, 1_000)], 20)]
    #[case::a_draft_beside_no_limit(&[("a", true, 0), ("draft", false, 1)], 0)]
    #[case::a_disabled_twin_built_last(&[("a", true, 20), ("b", false, 3)], 20)]
    #[case::a_disabled_twin_built_first(&[("b", false, 3), ("a", true, 20)], 20)]
    #[case::drafts_alone(&[("a", false, 0), ("a", false, 7), ("b", false, 9)], 7)]
    #[case::raised(&[("a", true, 5), ("a", true, 20)], 20)]
    #[case::lowered(&[("a", true, 20), ("a", true, 5)], 5)]
    #[case::lifted(&[("a", true, 20), ("a", true, 0)], 0)]
    fn the_rate_is_that_of_links_in_service(#[case] links: &[(&str, bool, u32)], #[case] expected: u32) {
        let mut rates = Rates::default();
        for (channel, in_service, calls_per_second) in links {
            rates.join(terms(channel, *in_service, *calls_per_second));
        }
        assert_eq!(rates.rate(), expected);
    }

    /// The new link is made before the old one goes, and whichever of them goes: who is left counts.
    #[test]
    fn a_link_that_goes_takes_its_rate_along() {
        let mut rates = Rates::default();
        let old = rates.join(terms("a", true, 5));
        let new = rates.join(terms("a", true, 20));
        rates.leave(old);
        assert_eq!(rates.rate(), 20);
        let discarded = rates.join(terms("a", true, 3));
        rates.leave(discarded);
        assert_eq!(rates.rate(), 20, "settings that were not taken in after all");
        let draft = rates.join(terms("b", false, 2));
        rates.leave(new);
        assert_eq!(rates.rate(), 2, "nobody else is left");
        rates.leave(draft);
        assert_eq!(rates.rate(), 0);
    }
}
