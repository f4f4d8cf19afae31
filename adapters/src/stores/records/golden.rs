//! Golden files: what each format looked like when it was written must be readable for ever.
//!
//! `golden/vN/NAME.json` holds the samples below as format N wrote them. When a format changes, add a folder and leave the
//! old one alone. Set `SWITCHBOARD_GOLDEN_WRITE` to write files that are not there yet; existing ones are never changed.

use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::{ProptestConfig, proptest};
use serde_json::Value;
use switchboard_domain::channel::ErrorCode;
use switchboard_domain::choice::{AllowList, ChosenModel, Lookup, Pick, Tongue};
use switchboard_domain::content::{Attachment, AttachmentKind};
use switchboard_domain::ids::{
    AgentId, Epoch, FencingToken, MessageId, RetryNumber, Seq, SessionNumber, Version,
};
use switchboard_domain::inbox::{Control, Entry, Intake, Origin};
use switchboard_domain::message::{Chat, ChatKind};
use switchboard_domain::outbound::Format;
use switchboard_domain::outcome::{AgentFailureKind, FailureCause, Refusal};
use switchboard_domain::reply::{Trial, Tried};
use switchboard_domain::settings::{Locale, TurnLimits};
use switchboard_domain::snapshot::{
    Attempts, ConversationSnapshot, KeptRun, Mark, Part, PartStatus, Pointer, ReplyId, ReplyRole,
    ReplyStateSnapshot, Role, TranscriptLine,
};
use switchboard_domain::time::Timestamp;
use switchboard_ports::agents::{AgentConfig, AgentMode};
use switchboard_ports::conformance::registries::{
    agent, agent_variants, agent_with_identity, channel, channel_variants, channel_with_directories,
    channel_with_lists, channels_that_switch,
};
use switchboard_ports::conformance::{FakeClock, generate, samples};

use super::*;

mod failures;
mod people;

/// Hides nothing, but insists on the place like a real one.
struct Glass;

impl Sealing for Glass {
    fn seal(&self, place: Place<'_>, clear: &Secret) -> Result<String, SealError> {
        Ok(format!("{}|{}|{}|{}", place.table, place.row, place.field, clear.expose()))
    }

    fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret, SealError> {
        let prefix = format!("{}|{}|{}|", place.table, place.row, place.field);
        sealed.strip_prefix(&prefix).map(Secret::new).ok_or(SealError::Damaged)
    }
}

fn row<'a>(table: &'static str, key: &'a str) -> Row<'a> {
    Row { sealing: &Glass, table, key }
}

fn file(version: u32, name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/stores/records/golden");
    folder.join(format!("v{version}/{name}.json"))
}

/// Writes samples as the current format and compares with its golden file; then reads every version's file back. The samples
/// of an older format are those it could hold.
fn check<T: PartialEq + Debug, R: Record>(
    name: &str,
    samples: impl Fn(u32) -> Vec<T>,
    write: impl Fn(&T) -> Result<R, StoreError>,
    read: impl Fn(&T, R) -> Result<T, StoreError>,
) {
    let row = row("golden", name);
    let newest = samples(R::VERSION);
    let texts: Vec<String> =
        newest.iter().map(|sample| row.write(&write(sample).unwrap()).unwrap()).collect();
    let written: Vec<Value> = texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    let current = file(R::VERSION, name);
    if !current.exists() && std::env::var_os("SWITCHBOARD_GOLDEN_WRITE").is_some() {
        fs::create_dir_all(current.parent().unwrap()).unwrap();
        fs::write(&current, serde_json::to_string_pretty(&written).unwrap() + "\n").unwrap();
    }
    for version in 1..=R::VERSION {
        let path = file(version, name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let golden: Vec<Value> = serde_json::from_str(&text).unwrap();
        if version == R::VERSION {
            assert_eq!(golden, written, "{name}: the format changed without a new version");
        }
        let samples = samples(version);
        assert_eq!(golden.len(), samples.len());
        for (sample, value) in samples.iter().zip(golden) {
            let record = row.read::<R>(&value.to_string()).unwrap();
            assert_eq!(&read(sample, record).unwrap(), sample, "{name} of format {version}");
        }
    }
}

/// Format 2 knows files, format 3 quoted answers, format 4 retries and messages that nobody asked for,
/// format 5 commands that take a look.
fn entries(version: u32) -> Vec<Entry> {
    let first = Entry {
        seq: Seq(7),
        accepted_at: FakeClock::START,
        fence: FencingToken(3),
        message: MessageId::new("msg7"),
        retry: RetryNumber(0),
        chat: Chat { id: "cid1".to_owned(), kind: ChatKind::Group, title: Some("Sales 销售".to_owned()) },
        sender: samples::sender("Author"),
        sent_at: Timestamp::from_millis(1_699_999_999_000),
        session_address: Some(samples::address("https://example.invalid/send?session=abc")),
        intake: Intake::Ask {
            text: "hello\n你好 \"quoted\"".to_owned(),
            attachments: Vec::new(),
            quotes: None,
        },
    };
    let with = |intake| Entry { session_address: None, intake, ..first.clone() };
    let control = |control| Intake::Control { control, origin: Origin::Api };
    let mut entries = vec![
        with(control(Control::New)),
        with(control(Control::Stop { all: true })),
        // A control act up to format 4.
        with(Intake::Lookup(Lookup::Status)),
        with(control(Control::Help)),
        with(control(Control::Withdraw)),
        with(Intake::Refused(Refusal::TooManyMessages)),
        with(Intake::Refused(Refusal::ChannelDeleted)),
        first.clone(),
    ];
    if version >= 2 {
        let file = |kind, name: &str, duration| Attachment {
            kind,
            name: name.to_owned(),
            duration,
            source: Secret::new("code"),
        };
        let attachments = vec![
            file(AttachmentKind::Picture, "picture-1", None),
            file(AttachmentKind::Audio, "audio-1", Some(Duration::from_secs(4))),
            file(AttachmentKind::Video, "video.mp4", Some(Duration::from_secs(5))),
            file(AttachmentKind::File, "报告.pdf", None),
        ];
        entries.push(with(Intake::Ask {
            text: "[picture: picture-1]".to_owned(),
            attachments,
            quotes: None,
        }));
    }
    if version >= 3 {
        let quotes = Some("carrier_1".to_owned());
        entries.push(with(Intake::Ask { text: "and?".to_owned(), attachments: Vec::new(), quotes }));
    }
    if version >= 4 {
        entries.push(with(Intake::Send { text: "notice 通知".to_owned(), format: Format::Markdown }));
        entries.push(with(Intake::Send { text: "*as it is*".to_owned(), format: Format::Text }));
        let deliver = with(Intake::Deliver { text: "answer 答".to_owned() });
        entries.extend([
            Entry { retry: RetryNumber(12), ..first.clone() },
            Entry { retry: RetryNumber(13), ..deliver },
        ]);
    }
    if version >= 5 {
        let with = |lookup| Entry { session_address: None, intake: Intake::Lookup(lookup), ..first.clone() };
        let picks = [Pick::List, Pick::Number(3), Pick::Name("helper 助手".to_owned()), Pick::Default];
        let tongues = [Tongue::List, Tongue::Speak(Locale::En), Tongue::Speak(Locale::ZhCn), Tongue::Default];
        entries.extend(picks.iter().map(|pick| with(Lookup::Agents(pick.clone()))));
        entries.extend(picks.iter().map(|pick| with(Lookup::Models(pick.clone()))));
        entries.extend(tongues.map(|tongue| with(Lookup::Language(tongue))));
    }
    entries
}

/// Format 2 knows runs that can be asked for, format 3 the limits of their turns and where one goes on from after a stop,
/// format 4 retries, the ways that were tried and messages that nobody asked for, format 5 more that was chosen.
fn conversations(version: u32) -> Vec<ConversationSnapshot> {
    let mut session = samples::session(2);
    session.epoch = Epoch(9);
    session.turns = 4;
    let agent = AgentId::new("agt_1");
    session.choices.model = Some(ChosenModel { agent: agent.clone(), name: "model".to_owned() });
    session.choices.agent = Some(agent);
    session.choices.locale = (version >= 5).then_some(Locale::ZhCn);
    session.continuation = Some("resp_1".to_owned());
    session.attempts = Some(Attempts { seq: Seq(7), count: 2, graceful: true });
    session.run = (version >= 2).then(|| {
        Box::new(KeptRun {
            seq: Seq(7),
            through: Seq(if version >= 5 { 8 } else { 7 }),
            handle: "resp_1".to_owned(),
            continuation: (version >= 3).then(|| "resp_1 stopped".to_owned()),
            limits: (version >= 3).then(|| TurnLimits {
                first_output_timeout: Duration::from_millis(1_500),
                idle_timeout: Duration::from_secs(2),
                turn_timeout: Duration::from_mins(3),
                output_chars_max: 4_000,
            }),
        })
    });
    let mut finishing = samples::reply(Seq(5), "");
    finishing.target.session_address = Some(samples::address("https://example.invalid/5"));
    finishing.state = ReplyStateSnapshot::Finishing {
        text: "answer 答".to_owned(),
        rest: vec!["more".to_owned()],
        failed: true,
        uncertain: true,
    };
    let mut plain = samples::reply(Seq(6), "");
    plain.id = ReplyId { seq: Seq(6), role: ReplyRole::Notice };
    let statuses = [
        PartStatus::Pending,
        PartStatus::Attempting,
        PartStatus::Sent,
        PartStatus::Refused,
        PartStatus::Unknown,
    ];
    let part = |status| Part { text: "part".to_owned(), status };
    plain.state = ReplyStateSnapshot::Plain {
        parts: statuses.map(part).to_vec(),
        pointer: Some(Pointer { text: "see below".to_owned(), covers: 2 }),
    };
    if version >= 4 {
        plain.retry = RetryNumber(12);
        plain.tried = tried();
        finishing.tried.card = Some(Trial::Throttled);
    }
    let mut replies = vec![finishing, plain.clone()];
    if version >= 4 {
        plain.id = ReplyId { seq: Seq(8), role: ReplyRole::Message };
        plain.format = Format::Text;
        replies.push(plain.clone());
    }
    if version >= 5 {
        plain.id = ReplyId { seq: Seq(9), role: ReplyRole::Note };
        replies.push(plain);
    }
    let noted = if version >= 5 { vec![Seq(9), Seq(11)] } else { Vec::new() };
    vec![samples::snapshot(1), ConversationSnapshot { session, replies, noted }]
}

fn lines() -> Vec<TranscriptLine> {
    let answer = |mark| TranscriptLine {
        role: Role::Assistant,
        session: SessionNumber(3),
        mark,
        ..samples::line(4, "answer")
    };
    vec![
        samples::line(4, "question"),
        answer(None),
        answer(Some(Mark::Stopped)),
        answer(Some(Mark::Failed(FailureCause::Agent(AgentFailureKind::CutStream)))),
    ]
}

fn tried() -> Tried {
    Tried {
        card: Some(Trial::Refused(ErrorCode::PermissionDenied)),
        session_address: Some(Trial::NotSent),
        api: Some(Trial::UnderWay),
    }
}

#[test]
fn entries_of_every_format_are_read_back() {
    let row = row("inbox", "cnv_1/7");
    check(
        "entry",
        entries,
        |entry| EntryRecord::seal(entry, &row),
        |entry, record: EntryRecord| record.open(entry.seq, &row),
    );
}

#[test]
fn transcript_lines_of_every_format_are_read_back() {
    let row = row("transcript", "1");
    check(
        "line",
        |_| lines(),
        |line| Ok(LineRecord::from(line)),
        |line, record: LineRecord| record.open(line.session, line.text.clone(), &row),
    );
}

#[test]
fn conversations_of_every_format_are_read_back() {
    let row = row("states", "cnv_1");
    check(
        "conversation",
        conversations,
        |snapshot| ConversationRecord::seal(snapshot, &row),
        |_, record: ConversationRecord| record.open(&row),
    );
}

#[test]
fn channels_of_every_format_are_read_back() {
    let channels = |version| {
        let second = (version >= 2).then(channel_with_directories);
        let third = (version >= 3).then(channels_that_switch).into_iter().flatten();
        let fourth = (version >= 4).then(channel_with_lists);
        let old = channel_variants().into_iter().chain([channel("chn_4", "four")]);
        old.chain(second).chain(third).chain(fourth).collect()
    };
    check(
        "channel",
        channels,
        |channel| ChannelRecord::seal(channel, &row("channels", channel.id.as_str())),
        |channel, record: ChannelRecord| record.open(Version(1), &row("channels", channel.id.as_str())),
    );
}

#[test]
fn agents_of_every_format_are_read_back() {
    // Format 2 knows how answers are fetched, format 3 which models may be chosen, format 4 what is told of who asks.
    let agents = |version| {
        let agents = agent_variants().into_iter().chain([agent("agt_3", "three")]);
        let models = AllowList(vec!["gpt-*".to_owned(), "模型".to_owned()]);
        let third = (version >= 3).then(|| AgentConfig { models, ..agent("agt_4", "four") });
        let fourth = (version >= 4).then(agent_with_identity);
        agents
            .map(|agent| if version < 2 { AgentConfig { mode: AgentMode::Auto, ..agent } } else { agent })
            .chain(third)
            .chain(fourth)
            .collect()
    };
    check(
        "agent",
        agents,
        |agent| AgentRecord::seal(agent, &row("agents", agent.id.as_str())),
        |agent, record: AgentRecord| record.open(Version(1), &row("agents", agent.id.as_str())),
    );
}

#[test]
fn a_number_in_what_goes_to_an_agent_stays_what_it_was_however_often_it_is_stored() {
    let body: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(r#"{"seed":3e37,"top_p":0.1,"t":1.1e-7}"#).unwrap();
    let row = row("agents", "agt_1");
    let mut kept = AgentConfig { extra_body: body.clone(), ..agent("agt_1", "one") };
    for _ in 0..3 {
        let record: AgentRecord =
            row.read(&row.write(&AgentRecord::seal(&kept, &row).unwrap()).unwrap()).unwrap();
        kept = record.open(Version(1), &row).unwrap();
    }
    assert_eq!(kept.extra_body, body);
    let width: serde_json::Value = serde_json::from_str("30000000000000000000000000000000000000").unwrap();
    assert_eq!(width.to_string(), "3e+37");
}

#[test]
fn a_format_from_the_future_is_corrupt_and_named_by_table_and_row() {
    let row = row("inbox", "cnv_1/7");
    let text = row.write(&LineRecord::from(&samples::line(1, "secret text"))).unwrap();
    let future = text.replace("\"v\":1", "\"v\":99");
    let expected =
        "table inbox, row cnv_1/7: format 99 of a newer version, this one knows up to 1".to_owned();
    assert_eq!(row.read::<LineRecord>(&future).err(), Some(StoreError::Corrupt(expected)));
    for broken in ["", "{}", "secret text", "{\"v\":1,\"r\":{\"seq\":\"secret text\"}}"] {
        let Err(StoreError::Corrupt(message)) = row.read::<LineRecord>(broken) else {
            panic!("{broken} was read");
        };
        assert!(message.contains("inbox") && message.contains("cnv_1/7"), "{message}");
        assert!(!message.contains("secret text"), "{message}");
    }
}

#[test]
fn what_a_file_is_fetched_by_is_sealed_in_its_place() {
    let row = row("inbox", "cnv_1/7");
    let entry = entries(2).pop().unwrap();
    let text = row.write(&EntryRecord::seal(&entry, &row).unwrap()).unwrap();
    assert!(text.contains("inbox|cnv_1/7|attachments/3/source|code"), "{text}");
    let moved = text.replace("attachments/3/source", "attachments/2/source");
    assert!(row.read::<EntryRecord>(&moved).unwrap().open(entry.seq, &row).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_state_comes_back_as_it_was(snapshot in generate::snapshots()) {
        let row = row("states", "cnv_1");
        let text = row.write(&ConversationRecord::seal(&snapshot, &row).unwrap()).unwrap();
        let read = row.read::<ConversationRecord>(&text).unwrap();
        assert_eq!(read.open(&row).unwrap(), snapshot);
    }

    #[test]
    fn any_entry_comes_back_as_it_was(entry in generate::entries()) {
        let row = row("inbox", "cnv_1/1");
        let text = row.write(&EntryRecord::seal(&entry, &row).unwrap()).unwrap();
        let read = row.read::<EntryRecord>(&text).unwrap();
        assert_eq!(read.open(entry.seq, &row).unwrap(), entry);
    }
}
