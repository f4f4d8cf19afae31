//! What the real server counts of an app's monthly quota is what the platform counts, over its deaths.

use dingtalk_sim::{FaultRule, Observed, Simulator};
use serde_json::Value;
use switchboard_tests::looks;

use super::stage::{Stage, answer_to};

const STREAMING: &str = "/v1.0/card/streaming";

/// API calls and pushes.
type Counts = (u64, u64);

/// What the channel's status says; `None` while it does not know.
async fn told(stage: &Stage) -> Option<Counts> {
    let usage = &stage.api.get(&format!("/channels/{}/status", stage.channel)).await["usage"];
    assert!(usage.is_null() || usage["counted_by"] == "this_server", "{usage}");
    let count = |name: &str| usage[name].as_u64();
    Some((count("api_calls")?, count("pushes")?))
}

/// What the platform has counted.
fn counted(simulator: &Simulator) -> Counts {
    let pushes = |seen: &Observed| {
        let deliveries = seen.messages.iter().flat_map(|message| &message.deliveries);
        deliveries.filter(|delivery| delivery.connection.is_some()).count()
    };
    simulator.observe(|seen| (seen.metered_calls, u64::try_from(pushes(seen)).unwrap()))
}

/// Waits until the server says what the platform has counted.
async fn wait_agreed(stage: &Stage) -> Counts {
    looks::until_ok("the counts agree", async || {
        let (told, counted) = (told(stage).await, counted(&stage.simulator));
        told.filter(|told| *told == counted).ok_or((told, counted))
    })
    .await
}

/// Waits until the server says no more than the platform has counted, and no less but for this many calls; of pushes exactly
/// so many are missing.
async fn wait_agreed_but_for(stage: &Stage, forgotten_max: Counts) -> Counts {
    let look = async || {
        let (told, counted) = (told(stage).await, counted(&stage.simulator));
        let missing = |told: Counts| Some((counted.0.checked_sub(told.0)?, counted.1.checked_sub(told.1)?));
        let agrees = |missing: Counts| missing.0 <= forgotten_max.0 && missing.1 == forgotten_max.1;
        told.filter(|told| missing(*told).is_some_and(agrees)).ok_or((told, counted, forgotten_max))
    };
    looks::until_ok("the counts agree but for what was forgotten", look).await
}

/// Waits until everything that was counted so far is stored: it is shown in the metrics after that.
async fn wait_stored(stage: &Stage, wanted: Counts) {
    let series = |kind: &str| {
        format!("switchboard_platform_quota_used{{channel=\"{}\",kind=\"{kind}\"}}", stage.channel)
    };
    let shown = async |kind, wanted| {
        let text = format!("{}", stage.api.metric(&series(kind)).await);
        (text == format!("{wanted}")).then_some(())
    };
    looks::until("the calls are stored", async || shown("api_calls", wanted.0).await).await;
    looks::until("the pushes are stored", async || shown("pushes", wanted.1).await).await;
}

pub(super) async fn talk(stage: &Stage, who: &str) {
    stage.say(who, "hello");
    stage.wait_texts(who, &[&answer_to("hello")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_count_is_the_platforms_and_goes_on_after_kills_and_stops() {
    let mut stage = Stage::start().await;
    // Throttled calls count for nobody, whatever they delay.
    stage.simulator.add_fault(FaultRule::throttled(STREAMING).times(2));
    for who in ["ann", "bob"] {
        talk(&stage, who).await;
    }
    let stored = wait_agreed(&stage).await;
    wait_stored(&stage, stored).await;

    // Killed, it forgets no more than what was counted since.
    for who in ["cem", "dan", "eve"] {
        talk(&stage, who).await;
    }
    wait_agreed(&stage).await;
    let Stage { server, .. } = stage;
    server.kill().await;
    let before_death = counted(&stage.simulator);
    stage = Stage { server: stage.home.serve().await, ..stage };
    stage.api = switchboard_tests::api::Api::of(&stage.server);
    let known = looks::until("the server knows", async || told(&stage).await).await;
    assert!(stored.1 <= known.1 && known.1 <= before_death.1, "{stored:?} {known:?} {before_death:?}");
    // Calls are made again at once: closing cards whose end was not noted yet. The platform counts them, too.
    let forgotten_max = (before_death.0 - stored.0, before_death.1 - known.1);
    wait_agreed_but_for(&stage, forgotten_max).await;

    // From there on it counts truly again, and stopped in good order it forgets nothing.
    stage.api.wait_connected(&stage.channel).await;
    talk(&stage, "fay").await;
    let before_end = wait_agreed_but_for(&stage, forgotten_max).await;
    let Stage { server, .. } = stage;
    assert!(server.terminate().await.success());
    stage = Stage { server: stage.home.serve().await, ..stage };
    stage.api = switchboard_tests::api::Api::of(&stage.server);
    let after_end = wait_agreed_but_for(&stage, forgotten_max).await;
    assert!(before_end.0 <= after_end.0 && before_end.1 == after_end.1, "{before_end:?} {after_end:?}");
    assert_names_nobody(&stage.api.get("/status").await);
    stage.assert_no_alarm();
}

/// The list has it, too; and nothing of it names anybody.
fn assert_names_nobody(list: &Value) {
    let usage = &list["items"][0]["usage"];
    let names: Vec<_> = usage.as_object().unwrap().keys().map(String::as_str).collect();
    let counts = ["api_calls", "calls_per_month", "counted_by", "earlier", "forecast", "month", "pushes"];
    assert_eq!(names, [&counts[..], &["reason", "saver", "utc_offset", "warning"]].concat());
}
