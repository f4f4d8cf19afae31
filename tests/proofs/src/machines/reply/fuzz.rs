//! Any bytes as the life of a reply.

use super::{Act, Setting, World};
use crate::bytes::Bytes;
use crate::machines::{Luck, World as _};

/// Acts of one input, at most.
const ACTS_MAX: usize = 80;

/// The target.
pub fn reply(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let cards = !bytes.flag();
    let address_s = bytes.one_of(&[None, Some(30), Some(90), Some(4_000)]);
    let mut world = World::new(&Setting { cards, address_s, ..Setting::default() });
    for _act in 0..ACTS_MAX {
        if bytes.is_empty() {
            break;
        }
        let act = act(&mut bytes);
        world.act(&act);
    }
    world.come_to_rest();
}

fn act(bytes: &mut Bytes<'_>) -> Act {
    match bytes.below(24) {
        0 | 1 => Act::Admit,
        2..=4 => Act::Grow(bytes.byte() % 16),
        5 => Act::End { failed: bytes.flag(), marked: bytes.flag() },
        6 => {
            let sign = Act::Progress(bytes.byte());
            bytes.one_of(&[sign, Act::Anew])
        }
        7..=11 => Act::Grant,
        12..=16 => Act::Land(luck(bytes)),
        17 => Act::Retell,
        18 => Act::Invent,
        19 => Act::Crash { arrives: bytes.flag(), waits: bytes.flag() },
        20 => Act::Pass(u64::from(bytes.number()) * 10),
        _ => Act::Deadline { arrives: bytes.flag() },
    }
}

fn luck(bytes: &mut Bytes<'_>) -> Luck {
    let throttled = Luck::Throttled(u32::from(bytes.byte()) * 500);
    bytes.one_of(&[
        Luck::Works,
        Luck::Works,
        Luck::Works,
        Luck::WorksUnheard,
        Luck::LostUnheard,
        throttled,
        Luck::NotSent,
        Luck::Refused,
    ])
}
