//! Any bytes as the life of a channel.

use super::{Act, Cause, World};
use crate::bytes::Bytes;
use crate::machines::World as _;

/// Acts of one input, at most.
const ACTS_MAX: usize = 100;

/// The target.
pub fn channel(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let mut world = World::new(u64::from(bytes.number()), usize::MAX);
    for _act in 0..ACTS_MAX {
        if bytes.is_empty() {
            break;
        }
        let act = act(&mut bytes, &world);
        world.act(&act);
    }
    world.come_to_rest();
}

fn act(bytes: &mut Bytes<'_>, world: &World) -> Act {
    let kind = bytes.below(20);
    let mut socket = || world.socket(bytes.below(4).min(3));
    match kind {
        0 | 1 => Act::Enable,
        2 => Act::Disable,
        3 => Act::Edit,
        4 => Act::Restart,
        5 => Act::Opened(socket()),
        6..=8 => Act::Heard(socket()),
        9 | 10 => Act::Rotating(socket()),
        11 | 12 => {
            let socket = socket();
            Act::Closed(socket, bytes.one_of(&Cause::ALL))
        }
        13 => Act::StoreLost,
        14 => Act::StoreBack,
        15 => Act::LeaseLost,
        16 => Act::LeaseGained,
        17 => bytes.one_of(&[Act::Drain, Act::Note]),
        18 => Act::Pass(u64::from(bytes.number()) * 2),
        _ => Act::Deadline,
    }
}
