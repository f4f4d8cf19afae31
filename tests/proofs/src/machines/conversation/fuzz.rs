//! Any bytes as the life of a conversation.

use switchboard_domain::choice::{Lookup, Pick};
use switchboard_domain::content::{Attachment, AttachmentKind};
use switchboard_domain::ids::Seq;
use switchboard_domain::inbox::{Control, Intake, Origin};
use switchboard_domain::outbound::Format;
use switchboard_domain::outcome::{AgentFailureKind, Refusal};
use switchboard_domain::secret::Secret;
use switchboard_domain::settings::Busy;

use super::platform::Luck;
use super::shell::{Fuse, World};
use super::store::{ask, send};
use super::walk::{Act, Quiet, Talk, policy};
use crate::bytes::Bytes;

/// Acts of one input, at most.
const ACTS_MAX: usize = 60;

/// The target.
pub fn conversation(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let cards = bytes.below(4) > 0;
    let quiet = quiet(&mut bytes);
    let dice = u64::from(bytes.number()) << 48;
    let mut world = World::new(policy(cards), dice);
    for _act in 0..ACTS_MAX {
        if bytes.is_empty() {
            break;
        }
        world.act(act(&mut bytes));
    }
    world.calm_down(&quiet);
}

fn quiet(bytes: &mut Bytes<'_>) -> Quiet {
    let control = bytes.one_of(&[Control::Stop { all: true }, Control::Withdraw]);
    match bytes.below(4) {
        0 => Quiet::Silent(control),
        1 => Quiet::Stopped(control, vec![luck(bytes), luck(bytes), luck(bytes)]),
        _ => Quiet::Works,
    }
}

fn act(bytes: &mut Bytes<'_>) -> Act {
    match bytes.below(32) {
        0..=3 => Act::Accept(intake(bytes), address(bytes), true),
        4 => Act::Accept(intake(bytes), address(bytes), false),
        5 => Act::Feed,
        6..=11 => Act::Grant(bytes.byte()),
        12..=17 => Act::Land(bytes.byte(), luck(bytes)),
        18 => Act::Retell(bytes.byte()),
        19..=22 => {
            let which = bytes.one_of(&[u8::MAX, u8::MAX, u8::MAX, 0, 1, 2]);
            Act::Talk(which, talk(bytes))
        }
        23 => Act::Close(bytes.byte()),
        24 => Act::Wait(u32::from(bytes.number())),
        25 => Act::Wait(u32::from(bytes.number()) * 60),
        26 => Act::Deadline,
        27 => Act::Lazy,
        28 => {
            let fuse = Fuse::AfterCommit(bytes.byte() % 4);
            Act::Arm(bytes.one_of(&[Fuse::BeforeCommit, fuse]))
        }
        29 => Act::Crash,
        30 => {
            let last = bytes.flag().then(|| intake(bytes));
            let stall = Act::Stall(u32::from(bytes.number()) * 60);
            bytes.one_of(&[Act::Park(last), Act::Deadline, stall])
        }
        _ => {
            let enable = Act::Enable(bytes.flag());
            let busy = bytes.one_of(&[Busy::Queue, Busy::Interrupt, Busy::Reject]);
            let retry = Act::Retry(bytes.byte());
            bytes.one_of(&[enable, Act::Configure(busy), retry])
        }
    }
}

fn address(bytes: &mut Bytes<'_>) -> Option<u32> {
    bytes.one_of(&[None, Some(30_000), Some(90_000), Some(200_000)])
}

fn intake(bytes: &mut Bytes<'_>) -> Intake {
    let control = |control| Intake::Control { control, origin: Origin::Chat };
    match bytes.below(16) {
        0..=5 => ask("question"),
        6 => send(bytes.one_of(&[Format::Text, Format::Markdown])),
        7 => ask_with_files(bytes.below(4)),
        8 => control(Control::StopAnswer { seq: Seq(u64::from(bytes.byte() % 8)) }),
        9 => control(Control::New),
        10 => control(Control::Stop { all: false }),
        11 => control(Control::Stop { all: true }),
        12 => Intake::Lookup(Lookup::Agents(Pick::Default)),
        13 => control(Control::Withdraw),
        14 => Intake::Control { control: Control::New, origin: Origin::Api },
        _ => Intake::Refused(Refusal::TooManyMessages),
    }
}

/// A question that names its files.
fn ask_with_files(count: usize) -> Intake {
    let file = |number| Attachment {
        kind: AttachmentKind::Picture,
        name: format!("picture-{number}"),
        duration: None,
        source: Secret::new("code"),
    };
    let attachments: Vec<Attachment> = (1..=count).map(file).collect();
    let marks: Vec<String> = attachments.iter().map(|file| format!("[picture: {}]", file.name)).collect();
    Intake::Ask { text: marks.join("\n"), attachments, quotes: None }
}

fn luck(bytes: &mut Bytes<'_>) -> Luck {
    let throttled = Luck::Throttled(u32::from(bytes.byte()) * 400);
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

fn talk(bytes: &mut Bytes<'_>) -> Talk {
    match bytes.below(8) {
        0 => Talk::Started(bytes.flag()),
        1..=3 => Talk::Words(bytes.byte() % 40),
        4 => Talk::Progress,
        5 | 6 => Talk::Completed,
        _ => Talk::Failed(bytes.one_of(&AgentFailureKind::ALL)),
    }
}
