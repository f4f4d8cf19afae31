//! Holds up addresses that keep sending bad tokens.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use switchboard_domain::time::Timestamp;

/// Failures an address has free.
const BURST: u64 = 100;

/// One failure is forgotten each second.
const PER_FAILURE: Duration = Duration::from_secs(1);

/// Addresses remembered, at most. More at once share one count.
const ADDRESSES_MAX: usize = 10_000;

/// Failures by address, as the time at which all of them will be forgotten.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    forgotten_at: BTreeMap<IpAddr, Timestamp>,
}

impl Limiter {
    /// Seconds until the address may try again; `None` when it may now.
    pub(super) fn blocked(&self, from: IpAddr, now: Timestamp) -> Option<u32> {
        let until = self.forgotten_at.get(&self.slot(from))?;
        let burst = Duration::from_secs(PER_FAILURE.as_secs().saturating_mul(BURST));
        let over = until.since(now.after(burst));
        (!over.is_zero()).then(|| u32::try_from(over.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// Counts a failure.
    pub(super) fn failed(&mut self, from: IpAddr, now: Timestamp) {
        if self.forgotten_at.len() >= ADDRESSES_MAX {
            self.forgotten_at.retain(|_, until| *until > now);
        }
        let slot = self.slot(from);
        let until = self.forgotten_at.entry(slot).or_insert(now);
        *until = (*until).max(now).after(PER_FAILURE);
    }

    fn slot(&self, from: IpAddr) -> IpAddr {
        let network = network(from);
        let full = self.forgotten_at.len() >= ADDRESSES_MAX && !self.forgotten_at.contains_key(&network);
        if full { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { network }
    }
}

/// One customer has a /64 of IPv6 addresses, and one IPv4 address.
fn network(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V4(_) => from,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES_MAX, Duration, IpAddr, Limiter, Timestamp};

    #[test]
    fn a_burst_is_free_then_one_attempt_a_second() {
        let mut limiter = Limiter::default();
        let address: IpAddr = "10.0.0.1".parse().unwrap();
        let now = Timestamp::from_millis(1_000_000);
        for _ in 0..=100 {
            assert_eq!(limiter.blocked(address, now), None);
            limiter.failed(address, now);
        }
        assert_eq!(limiter.blocked(address, now), Some(2));
        assert_eq!(limiter.blocked("10.0.0.2".parse().unwrap(), now), None);
        assert_eq!(limiter.blocked(address, now.after(Duration::from_secs(2))), None);
    }

    #[test]
    fn neighbours_in_one_ipv6_network_count_together() {
        let mut limiter = Limiter::default();
        let now = Timestamp::from_millis(1_000_000);
        for last in 0..=200_u16 {
            limiter.failed(format!("2001:db8::{last:x}").parse().unwrap(), now);
        }
        assert!(limiter.blocked("2001:db8::ffff".parse().unwrap(), now).is_some());
        assert!(limiter.blocked("2001:db8:0:1::1".parse().unwrap(), now).is_none());
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory() {
        let mut limiter = Limiter::default();
        let now = Timestamp::from_millis(1_000_000);
        for number in 0..20_000_u32 {
            limiter.failed(IpAddr::V4(number.into()), now);
        }
        assert!(limiter.forgotten_at.len() <= ADDRESSES_MAX + 1);
    }
}
