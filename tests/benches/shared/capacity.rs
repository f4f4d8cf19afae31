//! What the server carries at most, measured for a short while: benches that load it with a part of that share it.

use std::time::Duration;

use dingtalk_sim::load::{AgentPlan, Amount, CONVERSATIONS_MAX, LoadPlan, Pace};
use serde_json::{Value, json};
use switchboard_tests::server::Home;
use tokio_util::sync::CancellationToken;

use crate::stage;

/// Chunks of an answer, which comes at once: most of the work of a message is done whatever its length.
pub(crate) const CHUNKS: u32 = 20;
/// How long it is measured.
const CALIBRATION: Duration = Duration::from_secs(30);
/// Messages on their way at once meanwhile.
const FLIGHT: usize = 128;

/// Messages a second that a server carries at most; printed, too.
pub(crate) async fn messages_per_second() -> f64 {
    let home = home();
    let plan = LoadPlan {
        pace: Pace::InFlight(FLIGHT),
        warm_up: Amount::Messages(2_000),
        amount: Amount::Lasting(CALIBRATION),
        ..usual()
    };
    let (_server, load) = stage::under_load(&home, plan, &config()).await;
    let report = load.run(&CancellationToken::new()).await.unwrap();
    assert!(report.clean, "{report}");
    println!("at most: {:.0} messages/s with {FLIGHT} in flight", report.messages_per_second);
    report.messages_per_second
}

/// A home whose server logs nothing of what goes well.
pub(crate) fn home() -> Home {
    let mut home = Home::default();
    home.set("SWITCHBOARD_TELEMETRY__LOG", "warn");
    home
}

/// Over the usual `config` of the load's channel.
pub(crate) fn config() -> Value {
    json!({ "ai_card": { "update_interval_ms": 800 } })
}

/// The load but for its pace and its amount.
pub(crate) fn usual() -> LoadPlan {
    LoadPlan {
        conversations: CONVERSATIONS_MAX,
        chunks: CHUNKS,
        agent: Some(AgentPlan { listen: ([127, 0, 0, 1], 0).into(), lasting: Duration::ZERO }),
        ..LoadPlan::default()
    }
}
