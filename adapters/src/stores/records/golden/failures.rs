//! Golden files of failures, of what a retry of them does, and of messages that nobody asked for.

use std::time::Duration;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::ids::{ChannelId, ConversationId, MessageId, RetryNumber};
use switchboard_domain::inbox::{Again, Intake};
use switchboard_domain::outbound::Progress;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause, Refusal};
use switchboard_domain::reply::{Trial, Tried};
use switchboard_domain::snapshot::PartStatus;
use switchboard_ports::conformance::{FakeClock, samples};
use switchboard_ports::conversations::Failure;
use switchboard_ports::messages::MessageRecord;

use super::{check, entries, row, tried};
use crate::stores::records::{AgainRecord, FailureRecord, OutboundRecord};

/// Format 2 knows retries and the ways that were tried.
fn failures(version: u32) -> Vec<Failure> {
    let ours = [
        FailureCause::CrashLoop,
        FailureCause::UserLookup,
        FailureCause::DeliveryRefused,
        FailureCause::DeliveryUnknown,
        FailureCause::CardAbandoned,
    ];
    // Those that format 1 was first written with; a name added since changes no format, and is read back below.
    let agents = AgentFailureKind::ALL.into_iter().take(13).map(FailureCause::Agent);
    let causes = ours.into_iter().chain(agents);
    let mut failures: Vec<_> = causes.map(|cause| Failure { cause, ..samples::failure(2) }).collect();
    if version >= 2 {
        failures.push(Failure { retry: RetryNumber(12), tried: tried(), ..samples::failure(3) });
        let rest = Tried { card: Some(Trial::Done), session_address: Some(Trial::Unknown), api: None };
        failures.push(Failure { tried: rest, ..samples::failure(4) });
        let missing = Tried { card: Some(Trial::Missing), api: Some(Trial::Throttled), ..Tried::default() };
        failures.push(Failure { tried: missing, ..samples::failure(5) });
    }
    failures
}

fn agains() -> Vec<Again> {
    let texts = entries(4)
        .into_iter()
        .filter(|entry| matches!(entry.intake, Intake::Ask { .. } | Intake::Deliver { .. }));
    texts.map(Again::ask).collect()
}

#[test]
fn failures_of_every_format_are_read_back() {
    let row = row("failures", "1");
    check(
        "failure",
        failures,
        |failure| Ok(FailureRecord::from(failure)),
        |_, record: FailureRecord| record.open(&row),
    );
}

#[test]
fn what_can_be_retried_is_read_back_in_every_format() {
    let row = row("failures", "cnv_1");
    check(
        "again",
        |_| agains(),
        |again| AgainRecord::seal(again, &row),
        |_, record: AgainRecord| record.open(&row),
    );
}

#[test]
fn messages_of_every_format_are_read_back() {
    let row = row("messages", "msg_1");
    let record = |progress| MessageRecord {
        id: MessageId::new("msg_1"),
        channel: ChannelId::new("chn_1"),
        conversation: ConversationId::new("cnv_1"),
        fingerprint: "f00d".to_owned(),
        progress,
        created_at: FakeClock::START,
        updated_at: FakeClock::START.after(Duration::from_secs(3)),
    };
    let parts = vec![PartStatus::Sent, PartStatus::Unknown, PartStatus::Refused, PartStatus::Attempting];
    let refused = Some(Trial::Refused(ErrorCode::Misconfigured));
    check(
        "outbound",
        |_| {
            vec![
                record(Progress::default()),
                record(Progress { parts: parts.clone(), last: refused, refusal: None }),
                record(Progress::refused(Refusal::ChannelDeleted)),
            ]
        },
        |message| Ok(OutboundRecord::from(message)),
        |message, record: OutboundRecord| {
            let place = (message.channel.clone(), message.conversation.clone());
            record.open(message.id.clone(), place, &row)
        },
    );
}

#[test]
fn every_cause_of_failure_comes_back_by_its_name() {
    let row = row("failures", "1");
    for kind in AgentFailureKind::ALL {
        let failure = Failure { cause: FailureCause::Agent(kind), ..samples::failure(2) };
        let text = row.write(&FailureRecord::from(&failure)).unwrap();
        assert_eq!(row.read::<FailureRecord>(&text).unwrap().open(&row).unwrap(), failure);
    }
}
