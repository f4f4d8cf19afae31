//! What is written down for people to look at later: the states of channels, and each replica's measures.

use std::time::Duration;

use serde_json::Value;
use switchboard_domain::channel::{CloseCause, ErrorCode};
use switchboard_ports::journal::Book;
use switchboard_ports::page::PageRequest;
use switchboard_tests::world::{Process, World};

const SECS: fn(u64) -> Duration = Duration::from_secs;

/// The lines of a book about a subject, the oldest first.
async fn lines(process: &Process<'_>, book: Book, subject: &str) -> Vec<(u64, Value)> {
    let page = PageRequest { limit: 200, after: None };
    let read = process.world.stores().journal.read(book, subject, &page).await.unwrap();
    let lines = read.items.into_iter().rev();
    lines.map(|line| (line.at.as_millis(), serde_json::from_str(&line.body).unwrap())).collect()
}

fn states(lines: &[(u64, Value)]) -> Vec<&str> {
    lines.iter().map(|(_, line)| line["state"].as_str().unwrap()).collect()
}

#[test]
fn states_are_noted_when_they_change_and_no_more_often() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        process.wait(SECS(60)).await;
        process.world.platform.refuse_connections(Some(CloseCause::Failed {
            code: ErrorCode::NetworkUnreachable,
            detail: "words of the platform".to_owned(),
            retry_after: None,
        }));
        process.world.platform.cut_connections();
        process.wait(SECS(1_800)).await;
        process.world.platform.refuse_connections(None);
        process.connected().await;
        process.wait(SECS(60)).await;
        process.driver.stop(SECS(1)).await;
        let lines = lines(&process, Book::States, "chn_1").await;
        assert!(lines.len() < 10, "half an hour of tries is one state: {lines:#?}");
        let connected: Vec<_> = lines.iter().filter(|(_, line)| line["status"] == "connected").collect();
        assert_eq!(connected.len(), 2);
        assert_eq!(
            (&connected[0].1["reconnect"], &connected[1].1["reconnect"]),
            (&Value::Null, &Value::Bool(true))
        );
        assert!(lines.iter().any(|(_, line)| line["error"]["code"] == "network_unreachable"));
        assert!(lines.iter().all(|(_, line)| !line.to_string().contains("words")), "codes only");
        assert_eq!(states(&lines).last(), Some(&"draining"), "{lines:#?}");
    });
}

#[test]
fn a_day_without_events_costs_a_line_an_hour() {
    let world = World::new(1);
    world.long_process(|process| async move {
        process.set_up().await;
        process.wait(SECS(24 * 3_600)).await;
        let lines = lines(&process, Book::States, "chn_1").await;
        let still = lines.iter().filter(|(_, line)| line["still"] == true).count();
        assert!((20..=26).contains(&still) && lines.len() - still < 6, "{still} of {}", lines.len());
    });
}

#[test]
fn each_minute_and_each_quarter_is_measured_and_a_restart_begins_anew() {
    let world = World::new(1);
    world.process(|process| async move {
        process.set_up().await;
        for number in 1..=2 {
            process.says("ann", "hello").await;
            process.finals(number).await;
        }
        process.wait(SECS(1_000)).await;
        let replica = process.status().replica;
        let minutes = lines(&process, Book::Minutes, &replica).await;
        assert!(minutes.iter().all(|(at, _)| at % 60_000 == 0) && minutes.len() >= 16);
        let sum = |lines: &[(u64, Value)], path: &str| -> u64 {
            lines.iter().filter_map(|(_, line)| line.pointer(path)?.as_u64()).sum()
        };
        assert_eq!((sum(&minutes, "/messages"), sum(&minutes, "/turns/answered")), (2, 2));
        let quarters = lines(&process, Book::Quarters, &replica).await;
        assert_eq!((quarters.len(), sum(&quarters, "/turns/answered")), (1, 2));
        process.says("ann", "hello").await;
        process.finals(3).await;
        process.driver.stop(SECS(5)).await;
        let minutes = lines(&process, Book::Minutes, &replica).await;
        assert_eq!(
            (sum(&minutes, "/messages"), sum(&minutes, "/turns/answered")),
            (3, 3),
            "the last one as well"
        );
        assert_eq!(minutes.last().unwrap().1["running"], 0);
        let first_outputs: u64 = minutes
            .iter()
            .flat_map(|(_, line)| line["first_output"].as_array().unwrap().iter().filter_map(Value::as_u64))
            .sum();
        assert_eq!(first_outputs, 3);
        assert_eq!(sum(&lines(&process, Book::Quarters, &replica).await, "/messages"), 3);
    });
    world.process(|process| async move {
        process.connected().await;
        process.wait(SECS(120)).await;
        let minutes = lines(&process, Book::Minutes, &process.status().replica).await;
        assert!(minutes.iter().all(|(_, line)| line["messages"] == 0), "{minutes:#?}");
    });
}
