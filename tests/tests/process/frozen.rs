//! Replicas that stand still for a while and wake into a world that went on without them.

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Method;
use switchboard_tests::looks;
use switchboard_tests::scripted_agent::Asked;
use switchboard_tests::server::CAP;
use tokio::time::Instant;

use super::replicas::Several;
use super::stage::answer_to;

/// How long a lease lasts that is not renewed.
pub(crate) const LEASE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_frozen_for_three_leases_shows_nothing_more_and_writes_nothing() {
    let several = Several::start(2).await;
    several.wait_connections(0, 2).await;
    let questions: Vec<_> =
        (0..12).map(|number| format!("question {number} with many words to answer slowly")).collect();
    for (number, question) in questions.iter().enumerate() {
        several.say(&format!("p{number}"), question);
    }
    several
        .agent
        .wait_for(|asked: &[Asked]| asked.len() >= questions.len(), CAP)
        .await
        .expect("all are asked");
    several.server(0).signal(Signal::SIGSTOP);
    let frozen = Instant::now();
    // The other one stands in, after the lease; nobody is in a hurry to wake the frozen one.
    for (number, question) in questions.iter().enumerate() {
        several.wait_texts(&format!("p{number}"), &[&answer_to(question)]).await;
    }
    looks::until_ok("three leases are over", async || {
        several.wait_replicas(1, 1).await;
        if frozen.elapsed() > LEASE * 3 { Ok(()) } else { Err(frozen.elapsed()) }
    })
    .await;
    several.server(0).signal(Signal::SIGCONT);
    several.wait_replicas(1, 2).await;
    several.wait_connections(1, 2).await;
    several.say("late", "one more question");
    several.wait_texts("late", &[&answer_to("one more question")]).await;
    // Both had some of the twelve, and none of the frozen one's was committed any more.
    let fenced = several.api(0).metric("switchboard_commits_fenced_total").await;
    assert!((1.0..=12.0).contains(&fenced), "{fenced}");
    for (number, question) in questions.iter().enumerate() {
        several.wait_texts(&format!("p{number}"), &[&answer_to(question)]).await;
    }
    several.all_is_well().await;
}

/// What came to its sockets meanwhile is nobody's any more: whoever would answer it could not close its cards.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_frozen_while_its_channel_was_deleted_takes_nothing_in_for_it() {
    let several = Several::start_with(2, |knobs| knobs.redelivery_after_ms = 3_600_000).await;
    // What is not acked stays where it is.
    several.wait_connections(0, 2).await;
    several.server(0).signal(Signal::SIGSTOP);
    for number in 0..20 {
        several.say(&format!("p{number}"), "who is there?");
    }
    let path = format!("/channels/{}", several.channel);
    several.api(1).send(Method::DELETE, &path, None).await.expect(204);
    let is_closed = |seen: &dingtalk_sim::Observed| seen.open_cards().is_empty();
    several.simulator.wait_for(CAP, is_closed).await.expect("what the other one had begun is closed");
    let (cards, waiting) = several.simulator.observe(|seen| {
        (seen.cards().count(), seen.messages.iter().filter(|message| message.acked.is_none()).count())
    });
    assert!(waiting > 0, "the frozen one has some of them");
    several.server(0).signal(Signal::SIGCONT);
    several.wait_replicas(1, 2).await;
    let is_gone = |seen: &dingtalk_sim::Observed| seen.live_connections().count() == 0;
    several.simulator.wait_for(CAP, is_gone).await.expect("it lets go of its sockets");
    let status = looks::until_ok("it knows", async || {
        let answer = several.api(0).send(Method::GET, &format!("{path}/status"), None).await;
        if answer.status == 404 { Ok(answer.status) } else { Err(answer.text) }
    });
    assert_eq!(status.await, 404);
    several.simulator.observe(|seen| {
        assert_eq!((seen.cards().count(), seen.open_cards().len()), (cards, 0));
        let unacked = seen.messages.iter().filter(|message| message.acked.is_none()).count();
        assert_eq!(unacked, waiting, "nothing of it was taken in");
    });
}
