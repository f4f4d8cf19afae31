//! Any bytes as the life of a session.

use std::time::Duration;

use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::{Control, Origin};
use switchboard_domain::outcome::{AgentFailure, AgentFailureKind, Refusal, RunFailure};
use switchboard_domain::session::Taken;
use switchboard_domain::settings::Busy;

use super::{Act, Said, Setting, World};
use crate::bytes::Bytes;
use crate::machines::World as _;

/// Acts of one input, at most.
const ACTS_MAX: usize = 80;

/// The target.
pub fn session(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let busy = bytes.one_of(&[Busy::Queue, Busy::Interrupt, Busy::Reject]);
    let idle_timeout = Duration::from_secs(u64::from(bytes.byte() / 64));
    let mut world = World::new(&Setting { busy, idle_timeout, ..Setting::default() });
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
    match bytes.below(24) {
        0..=3 => Act::Accept(Taken::Ask, true),
        4..=6 => Act::Accept(control(bytes), true),
        7 => {
            let taken = bytes.one_of(&[
                Taken::Ask,
                Taken::Refused(Refusal::Unsupported),
                Taken::AskedAgain,
                Taken::Passed(Refusal::AccessDenied),
            ]);
            Act::Accept(taken, false)
        }
        8 => Act::Take,
        9 => Act::Retake(u64::from(bytes.byte())),
        10..=15 => {
            let epoch = world.epoch(bytes.one_of(&[0, 0, 0, 0, 1, 1, 2, u64::MAX]));
            Act::Run(epoch, said(bytes))
        }
        16 => Act::Closed(world.epoch(bytes.one_of(&[0, 1, 2, u64::MAX]))),
        17 => Act::Disable(bytes.flag()),
        18 => Act::Park,
        19 => Act::Crash,
        20 => Act::Arm,
        21 => Act::Pass(u64::from(bytes.number()) * 20),
        22 => Act::Stall(u64::from(bytes.number()) * 20),
        _ => Act::Deadline,
    }
}

fn control(bytes: &mut Bytes<'_>) -> Taken {
    let seq = Seq(u64::from(bytes.byte() % 8));
    let control = bytes.one_of(&[
        Control::New,
        Control::Stop { all: false },
        Control::Stop { all: true },
        Control::Help,
        Control::Withdraw,
        Control::StopAnswer { seq },
    ]);
    Taken::Control(control, bytes.one_of(&[Origin::Chat, Origin::Api]))
}

fn said(bytes: &mut Bytes<'_>) -> Said {
    match bytes.below(8) {
        0 => Said::Started(bytes.one_of(&[None, Some(0), Some(1), Some(2), Some(u8::MAX)])),
        1 | 2 => Said::Heard(bytes.below(110)),
        3 | 4 => Said::Completed,
        5 => Said::Failed(RunFailure::UserLookup, false),
        6 => Said::Failed(RunFailure::Refused(Refusal::NotMapped), false),
        _ => {
            let kind = bytes.one_of(&AgentFailureKind::ALL);
            let pause = bytes.flag().then(|| Duration::from_millis(u64::from(bytes.number())));
            Said::Failed(RunFailure::Agent(AgentFailure { kind, retry_after: pause }), bytes.flag())
        }
    }
}
