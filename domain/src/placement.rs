//! Which replica has what: rendezvous hashing over the replicas that live.
//!
//! Each thing ranks all replicas by a hash of its own name with theirs, and belongs to the first ones. Nothing has to be agreed
//! upon but who lives; a replica that joins takes an even share from each of the others, and one that leaves gives its share to
//! all of them. Views of who lives may differ for a moment, so whatever must be exclusive is under a lease besides.

use alloc::string::ToString as _;
use alloc::vec::Vec;

use crate::hash::stable_hash;
use crate::ids::{ChannelId, Partition, ReplicaId};

/// The replicas that should hold a connection of the channel, at most `count`, the first one first.
#[must_use]
pub fn connectors<'a>(channel: &ChannelId, live: &'a [ReplicaId], count: usize) -> Vec<&'a ReplicaId> {
    let mut ranked = ranked("channel", channel.as_str(), live);
    ranked.truncate(count);
    ranked
}

/// The replica that should own the partition; `None` where none lives.
#[must_use]
pub fn owner(partition: Partition, live: &[ReplicaId]) -> Option<&ReplicaId> {
    ranked("partition", &partition.to_string(), live).into_iter().next()
}

fn ranked<'a>(kind: &str, name: &str, live: &'a [ReplicaId]) -> Vec<&'a ReplicaId> {
    let mut ranked: Vec<_> =
        live.iter().map(|replica| (mixed(stable_hash(&[kind, name, replica.as_str()])), replica)).collect();
    ranked.sort_unstable_by(|one, other| other.cmp(one));
    ranked.dedup_by(|one, other| one.1 == other.1);
    ranked.into_iter().map(|(_, replica)| replica).collect()
}

/// Spreads a difference in the last bytes of a name over all bits (the finalizer of SplitMix64): the hash itself carries it
/// upwards only, so that names which end alike would rank alike.
fn mixed(hash: u128) -> u64 {
    let bytes = hash.to_be_bytes();
    let folded = bytes.as_chunks().0.iter().fold(0, |folded, half| folded ^ u64::from_be_bytes(*half));
    let first = (folded ^ (folded >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let second = (first ^ (first >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    second ^ (second >> 31)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::{connectors, owner};
    use crate::ids::{ChannelId, Partition, ReplicaId};

    fn replicas(count: usize) -> Vec<ReplicaId> {
        (0..count).map(|number| ReplicaId::new(format!("rep_{number:016x}"))).collect()
    }

    fn channels() -> impl Iterator<Item = ChannelId> {
        (0..1_000).map(|number| ChannelId::new(format!("chn_{number}")))
    }

    #[test]
    fn a_thousand_channels_spread_evenly() {
        let live = replicas(4);
        let mut counts = BTreeMap::new();
        for channel in channels() {
            let held = connectors(&channel, &live, 2);
            assert_eq!(held.len(), 2);
            assert_ne!(held[0], held[1]);
            for replica in held {
                *counts.entry(replica.clone()).or_insert(0_u32) += 1;
            }
        }
        // Of 2,000 connections 500 each; the standard deviation is about 16.
        assert!(counts.values().all(|count| (440..=560).contains(count)), "{counts:?}");
    }

    #[test]
    fn partitions_spread_evenly() {
        let live = replicas(2);
        let first = Partition::all().filter(|partition| owner(*partition, &live) == Some(&live[0])).count();
        assert!((96..=160).contains(&first), "{first}");
        assert_eq!(owner(Partition(0), &[]), None);
    }

    #[test]
    fn a_replica_that_joins_moves_its_share_and_no_more() {
        let (before, after) = (replicas(3), replicas(4));
        let moved = channels()
            .filter(|channel| connectors(channel, &before, 1) != connectors(channel, &after, 1))
            .collect::<Vec<_>>();
        assert!((190..=310).contains(&moved.len()), "{}", moved.len());
        assert!(moved.iter().all(|channel| connectors(channel, &after, 1) == vec![&after[3]]));
    }

    proptest! {
        #[test]
        fn whoever_is_listed_in_whatever_order_and_twice_the_places_are_the_same(
            mut live in prop::collection::vec("[a-z]{1,8}", 1..8),
            channel in "[a-z]{1,8}",
            count in 0_usize..4,
        ) {
            let channel = ChannelId::new(channel);
            let replicas = |names: &[alloc::string::String]| -> Vec<ReplicaId> {
                names.iter().map(|name| ReplicaId::new(name.clone())).collect()
            };
            let one = replicas(&live);
            live.reverse();
            live.push(live[0].clone());
            let other = replicas(&live);
            prop_assert_eq!(connectors(&channel, &one, count), connectors(&channel, &other, count));
        }
    }
}
