//! What was said is forgotten when its time is over, and not before.

use std::time::Duration;

use switchboard_domain::outcome::AgentFailureKind;
use switchboard_domain::settings::PrivacySettings;
use switchboard_ports::page::PageRequest;
use switchboard_tests::fakes::agent::{Act, answer_to, failure};
use switchboard_tests::world::{Process, World};

const DAY: Duration = Duration::from_hours(24);
/// A sweep comes at least this often.
const SWEEP: Duration = Duration::from_mins(11);

async fn lines(process: &Process<'_>, person: &str) -> Vec<String> {
    let id = process.conversation(person).await.id;
    let page = PageRequest { limit: 200, after: None };
    let lines = process.world.stores().transcripts.lines(&id, &page).await.unwrap();
    lines.items.into_iter().map(|line| line.text).collect()
}

async fn says(process: &Process<'_>, person: &str, text: &str) {
    let before = process.world.platform.finals().len();
    process.says(person, text).await;
    process.finals(before + 1).await;
    process.wait(Duration::from_secs(2)).await;
}

async fn set_up(process: &Process<'_>, privacy: PrivacySettings) {
    process.set_up_with(|channel, _| channel.privacy = privacy).await;
}

#[test]
fn lines_are_forgotten_after_so_many_days_and_failures_with_them() {
    let world = World::new(1);
    world.agent.script(|asked, _| match asked.text.as_str() {
        "broken" => Act::Fail(vec![], failure(AgentFailureKind::BadRequest)),
        text => Act::Say(answer_to(text), Duration::ZERO),
    });
    world
        .long_process(|process| async move {
            set_up(&process, PrivacySettings { transcript_days: 2, ..PrivacySettings::default() }).await;
            let other = process.add_channel("chn_2", |channel| channel.enabled = false).await;
            says(&process, "ann", "first").await;
            says(&process, "ann", "broken").await;
            process.wait(DAY).await;
            says(&process, "ann", "second").await;
            process.wait(DAY.saturating_sub(SWEEP)).await;
            let all = lines(&process, "ann").await;
            assert_eq!((all[0].as_str(), all.len()), ("first", 6), "{all:?}");
            assert_eq!(process.failures().await.len(), 1);
            process.wait(SWEEP * 2).await;
            let left = lines(&process, "ann").await;
            assert_eq!((left[0].as_str(), left.len()), ("second", 2));
            assert!(process.failures().await.is_empty(), "the record has the question");
            // With the next question goes what is left, and nothing else.
            says(&process, "ann", "third").await;
            let asked = process.world.agent.asked().pop().unwrap();
            assert_eq!(asked.history.len(), 2);
            process.wait(DAY * 3).await;
            assert!(lines(&process, "ann").await.is_empty());
            assert_eq!(process.world.stores().channels.find(&other).await.unwrap().unwrap().id, other);
        })
        .unwrap();
}

#[test]
fn without_a_setting_nothing_is_forgotten() {
    let world = World::new(2);
    world
        .long_process(|process| async move {
            process.set_up().await;
            says(&process, "ann", "first").await;
            process.wait(DAY * 4).await;
            assert_eq!(lines(&process, "ann").await.len(), 2);
        })
        .unwrap();
}

/// Multi-turn goes on working, and nothing stays behind it.
#[test]
fn where_transcripts_are_not_stored_the_running_session_alone_is_kept_for_a_day() {
    let world = World::new(3);
    world
        .long_process(|process| async move {
            set_up(&process, PrivacySettings { store_transcripts: false, ..PrivacySettings::default() })
                .await;
            says(&process, "ann", "first").await;
            process.wait(SWEEP * 2).await;
            says(&process, "ann", "second").await;
            assert_eq!(process.world.agent.asked().pop().unwrap().history.len(), 2, "the context is there");
            says(&process, "ann", "/new").await;
            says(&process, "ann", "third").await;
            process.wait(SWEEP * 2).await;
            let left = lines(&process, "ann").await;
            assert_eq!((left[0].as_str(), left.len()), ("third", 2));
            process.wait(DAY + SWEEP).await;
            assert!(lines(&process, "ann").await.is_empty());
            says(&process, "ann", "fourth").await;
            assert!(process.world.agent.asked().pop().unwrap().history.is_empty());
        })
        .unwrap();
}

/// Else a server that is restarted more often than it looks would never forget. What the process before held runs out first.
#[test]
fn what_is_over_is_forgotten_soon_after_a_start() {
    let world = World::new(4);
    world
        .long_process(|process| async move {
            set_up(&process, PrivacySettings { transcript_days: 1, ..PrivacySettings::default() }).await;
            says(&process, "ann", "first").await;
            process.wait(DAY.saturating_sub(Duration::from_mins(10))).await;
        })
        .unwrap();
    for (minutes, kept) in [(9, 2), (7, 0)] {
        world
            .long_process(|process| async move {
                process.wait(Duration::from_mins(minutes)).await;
                assert_eq!(lines(&process, "ann").await.len(), kept);
            })
            .unwrap();
    }
}
