//! How connections end, and what that does to routing.

use dingtalk_sim::{ConnectionPhase, Disruption, Simulator};

use crate::client::{APP, CAP, Stream, ann, simulator};

#[tokio::test]
async fn after_disconnect_the_old_connection_is_silent_and_then_closed() {
    let simulator = simulator(|knobs| {
        knobs.disconnect_grace_ms = 150;
        knobs.ping_interval_ms = 0;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    assert_eq!(simulator.disrupt_all(Disruption::Disconnect), 1);
    let pushed = simulator.push_text(APP, ann(), "x").unwrap();
    let frame = stream.frame().await;
    assert_eq!(frame["headers"]["topic"], "disconnect");
    assert_eq!(stream.end().await, Err(()), "the platform closes TCP without a close frame");
    simulator.observe(|seen| {
        assert_eq!(seen.message(&pushed.msg_id).unwrap().deliveries[0].connection, None);
        assert_eq!(seen.connections.last().unwrap().reason.as_deref(), Some("closed after disconnect"));
    });
}

async fn phase(simulator: &Simulator, wanted: ConnectionPhase) {
    simulator.wait_for(CAP, |seen| seen.connections.last().unwrap().phase == wanted).await.unwrap();
}

#[tokio::test]
async fn connections_end_in_every_documented_way() {
    for (disruption, end) in
        [(Disruption::Reset, Err(())), (Disruption::Drop, Err(())), (Disruption::Close, Ok(Some(1001)))]
    {
        let simulator = simulator(|_| {}).await;
        let mut stream = Stream::connect(&simulator).await;
        simulator.disrupt_all(disruption);
        assert_eq!(stream.end().await, end, "{disruption:?}");
        phase(&simulator, ConnectionPhase::Closed).await;
    }
}

#[tokio::test]
async fn a_half_open_connection_keeps_its_share_until_the_platform_notices() {
    let simulator = simulator(|knobs| {
        knobs.stale_ms = 200;
        knobs.ping_interval_ms = 10;
        knobs.redelivery_after_ms = 100_000;
    })
    .await;
    let mut stream = Stream::connect(&simulator).await;
    simulator.disrupt_all(Disruption::HalfOpen);
    let lost = simulator.push_text(APP, ann(), "lost").unwrap();
    assert!(
        simulator.observe(|seen| { seen.message(&lost.msg_id).unwrap().deliveries[0].connection.is_some() })
    );
    phase(&simulator, ConnectionPhase::Closed).await;
    let nobody = simulator.push_text(APP, ann(), "nobody").unwrap();
    assert!(
        simulator
            .observe(|seen| { seen.message(&nobody.msg_id).unwrap().deliveries[0].connection.is_none() })
    );
    // Still not closed: only the simulator's end closes it.
    let stop = simulator.stop();
    let (end, ()) = tokio::join!(stream.end(), stop);
    assert_eq!(end, Err(()));
}

#[tokio::test]
async fn a_clean_close_by_the_client_ends_routing_at_once() {
    let simulator = simulator(|knobs| knobs.vanished_ms = 60_000).await;
    let mut stream = Stream::connect(&simulator).await;
    stream.socket.close(None).await.unwrap();
    phase(&simulator, ConnectionPhase::Closed).await;
    let stream = Stream::connect(&simulator).await;
    drop(stream);
    phase(&simulator, ConnectionPhase::Stale).await;
}

#[tokio::test]
async fn a_stopped_simulator_frees_its_port() {
    let simulator = simulator(|_| {}).await;
    let address = simulator.address();
    let mut stream = Stream::connect(&simulator).await;
    simulator.stop().await;
    assert_eq!(stream.end().await, Err(()));
    tokio::net::TcpListener::bind(address).await.unwrap();
}
