//! Places for connections: how many an address may hold, and which connection gives way when there are no more.
//!
//! Only a connection on which no request is under way gives way, the one that has waited longest first. So a client that
//! opens connections and says nothing, or little, takes places from itself; and where every place is busy, a few more are
//! kept for questions about the server's health.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Open connections at most, those of [`HEALTH_CONNECTIONS_MAX`] not counted.
pub(super) const CONNECTIONS_MAX: usize = 512;

/// Connections of one address at most: a quarter of all, because an office or a proxy that is not named as trusted is one
/// address too. Of IPv6, a network of 64 bits counts as one address: a single client may use all of it.
pub(super) const PEER_CONNECTIONS_MAX: usize = 128;

/// Further connections, on which the server answers for its health alone.
pub(super) const HEALTH_CONNECTIONS_MAX: usize = 16;

/// Pause between two lines in the log about addresses with too many connections.
const TELLING_PAUSE: Duration = Duration::from_mins(1);

/// All places of a server.
#[derive(Default)]
pub(super) struct Places(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    /// Numbers seats and moments alike.
    ticks: u64,
    seats: BTreeMap<u64, Seat>,
    told: Option<Instant>,
}

/// A connection in its place.
struct Seat {
    peer: IpAddr,
    share: Share,
    /// Requests under way: 0 or 1, for HTTP/1 has one at a time.
    busy: u32,
    /// When it last became idle, in ticks.
    idle_since: u64,
    gives_way: CancellationToken,
}

/// Out of what a place is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    /// Out of the address's own.
    Peer,
    /// Out of all: the address is a trusted proxy's, and has everybody behind it.
    Proxy,
    /// Out of the few kept for questions about health.
    Health,
}

/// A connection's place; given back when dropped.
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    share: Share,
    gives_way: CancellationToken,
}

impl Places {
    /// A place for a connection from here, if need be that of an idle one. `None`: every one is busy.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, is_proxy: bool) -> Option<Place> {
        let peer = client(peer);
        let mut taken = self.lock();
        let share = taken.share(peer, is_proxy)?;
        let (number, gives_way) = (taken.tick(), CancellationToken::new());
        let seat = Seat { peer, share, busy: 0, idle_since: number, gives_way: gives_way.clone() };
        taken.seats.insert(number, seat);
        drop(taken);
        Some(Place { places: Arc::clone(self), number, share, gives_way })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Whether only questions about health are answered here.
    pub(super) fn is_for_health(&self) -> bool {
        self.share == Share::Health
    }

    /// Cancelled when the connection has to go.
    pub(super) fn gives_way(&self) -> &CancellationToken {
        &self.gives_way
    }

    /// A request has begun, and is under way until the value is dropped. `None`: the place is somebody else's already.
    pub(super) fn begin(self: &Arc<Self>) -> Option<Busy> {
        let mut taken = self.places.lock();
        let seat = taken.seats.get_mut(&self.number)?;
        seat.busy = seat.busy.saturating_add(1);
        drop(taken);
        Some(Busy(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().seats.remove(&self.number);
    }
}

/// A request under way, with its answer's body.
pub(super) struct Busy(Arc<Place>);

impl Drop for Busy {
    fn drop(&mut self) {
        let mut taken = self.0.places.lock();
        let now = taken.tick();
        if let Some(seat) = taken.seats.get_mut(&self.0.number) {
            seat.busy = seat.busy.saturating_sub(1);
            seat.idle_since = now;
        }
    }
}

impl Taken {
    fn tick(&mut self) -> u64 {
        self.ticks = self.ticks.saturating_add(1);
        self.ticks
    }

    fn count(&self, counts: impl Fn(&Seat) -> bool) -> usize {
        self.seats.values().filter(|seat| counts(seat)).count()
    }

    /// Out of what a connection gets its place, after the one that gives way for it has gone.
    fn share(&mut self, peer: IpAddr, is_proxy: bool) -> Option<Share> {
        let own = |seat: &Seat| seat.peer == peer && seat.share == Share::Peer;
        if !is_proxy && self.count(own) >= PEER_CONNECTIONS_MAX {
            self.tell(peer);
            if self.free(|seat| own(seat).then_some(0)) {
                return Some(Share::Peer);
            }
        } else if self.count(|seat| seat.share != Share::Health) < CONNECTIONS_MAX || self.free_of_most() {
            return Some(if is_proxy { Share::Proxy } else { Share::Peer });
        }
        let health = |seat: &Seat| seat.share == Share::Health;
        let has_room = self.count(health) < HEALTH_CONNECTIONS_MAX;
        (has_room || self.free(|seat| health(seat).then_some(0))).then_some(Share::Health)
    }

    /// Frees a place of the address that has most, of a trusted proxy's last.
    fn free_of_most(&mut self) -> bool {
        let mut held: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for seat in self.seats.values().filter(|seat| seat.share == Share::Peer) {
            let count = held.entry(seat.peer).or_default();
            *count = count.saturating_add(1);
        }
        self.free(|seat| match seat.share {
            Share::Peer => held.get(&seat.peer).copied(),
            Share::Proxy => Some(0),
            Share::Health => None,
        })
    }

    /// Frees the place of the connection that ranks highest, and among those the one that has been idle longest. `None`
    /// and busy ones stay. False: there is none.
    fn free(&mut self, rank: impl Fn(&Seat) -> Option<usize>) -> bool {
        let idle = self.seats.iter().filter(|(_, seat)| seat.busy == 0);
        let ranked = idle.filter_map(|(number, seat)| Some((rank(seat)?, seat.idle_since, *number)));
        let first = ranked.min_by_key(|(rank, since, _)| (std::cmp::Reverse(*rank), *since));
        let Some(seat) = first.and_then(|(_, _, number)| self.seats.remove(&number)) else { return false };
        seat.gives_way.cancel();
        true
    }

    fn tell(&mut self, peer: IpAddr) {
        if self.told.is_none_or(|told| told.elapsed() >= TELLING_PAUSE) {
            self.told = Some(Instant::now());
            let most = PEER_CONNECTIONS_MAX;
            tracing::warn!(%peer, most, "an address has all the HTTP connections that one may have: a new one closes its \
                oldest idle one; a proxy in front of the server belongs in server.trusted_proxies");
        }
    }
}

/// What counts as one client.
fn client(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn taken(places: &Arc<Places>, peer: IpAddr, count: usize) -> Vec<Arc<Place>> {
        (0..count).map(|_| Arc::new(places.take(peer, false).unwrap())).collect()
    }

    fn gone(places: &[Arc<Place>]) -> usize {
        places.iter().filter(|place| place.gives_way().is_cancelled()).count()
    }

    #[test]
    fn beyond_its_share_an_address_loses_its_own_oldest_idle_connection() {
        let places = Arc::new(Places::default());
        let other = taken(&places, address(2), 3);
        let own = taken(&places, address(1), PEER_CONNECTIONS_MAX);
        // The first one is used: it is now the youngest of the idle ones.
        drop(own[0].begin().unwrap());
        let next = places.take(address(1), false).unwrap();
        assert!(!next.is_for_health());
        assert_eq!((gone(&own), gone(&other)), (1, 0));
        assert!(own[1].gives_way().is_cancelled());
        assert!(own[1].begin().is_none(), "its place is taken");
    }

    #[test]
    fn busy_connections_never_give_way_and_then_only_health_is_answered() {
        let places = Arc::new(Places::default());
        let own = taken(&places, address(1), PEER_CONNECTIONS_MAX);
        let mut busy: Vec<Busy> = own.iter().map(|place| place.begin().unwrap()).collect();
        let health: Vec<Place> =
            (0..=HEALTH_CONNECTIONS_MAX).map(|_| places.take(address(1), false).unwrap()).collect();
        assert!(health.iter().all(Place::is_for_health));
        assert!(health[0].gives_way().is_cancelled(), "the oldest idle one makes room");
        assert_eq!(gone(&own), 0);
        assert!(!places.take(address(2), false).unwrap().is_for_health(), "others have their own share");
        busy.pop();
        assert!(!places.take(address(1), false).unwrap().is_for_health());
        assert_eq!(gone(&own), 1);
    }

    #[test]
    fn where_everything_is_busy_nobody_gets_a_place() {
        let places = Arc::new(Places::default());
        let mut held = Vec::new();
        for _ in 0..PEER_CONNECTIONS_MAX + HEALTH_CONNECTIONS_MAX {
            let place = Arc::new(places.take(address(1), false).unwrap());
            held.push((place.begin().unwrap(), place));
        }
        assert!(places.take(address(1), false).is_none());
        held.pop();
        assert!(places.take(address(1), false).is_some());
    }

    #[test]
    fn a_full_server_takes_from_the_address_that_has_most() {
        let places = Arc::new(Places::default());
        let few = taken(&places, address(9), 2);
        let mut many = Vec::new();
        for number in 0..4 {
            many.extend(taken(&places, address(number), PEER_CONNECTIONS_MAX));
        }
        assert_eq!((gone(&few), gone(&many)), (0, 2), "the last two found the server full");
        assert!(!places.take(address(8), false).unwrap().is_for_health());
        assert_eq!((gone(&few), gone(&many)), (0, 3));
        assert_eq!(
            places.lock().seats.len(),
            CONNECTIONS_MAX - 1,
            "the place of {} was given back",
            address(8)
        );
    }

    #[test]
    fn a_trusted_proxy_may_have_all_and_gives_way_last() {
        let places = Arc::new(Places::default());
        let through: Vec<Place> =
            (0..CONNECTIONS_MAX - 1).map(|_| places.take(address(1), true).unwrap()).collect();
        let own = taken(&places, address(2), 1);
        let next = Arc::new(places.take(address(3), false).unwrap());
        assert_eq!(gone(&own), 1);
        let _busy = next.begin();
        places.take(address(4), false).unwrap();
        assert!(through[0].gives_way().is_cancelled() && !through[1].gives_way().is_cancelled());
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_an_ipv4_address_is_one_however_it_is_written() {
        let same = |one: &str, other: &str| client(one.parse().unwrap()) == client(other.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }
}
