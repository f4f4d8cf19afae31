//! Several databases of one server are several stores.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::ready;
use switchboard_domain::ids::ReplicaId;
use switchboard_ports::conformance::FakeClock;
use switchboard_ports::replicas::Note;
use test_servers::redis::Server;

use super::{key, open};

/// What is published is heard in all databases of a server: it has to say of which it is.
#[tokio::test]
async fn what_is_told_in_one_database_is_not_heard_in_another_one() {
    let server = Server::start(&[]);
    let key = key();
    let clock = Arc::new(FakeClock::new());
    let here = open(&format!("{}/0", server.url()), key.path(), &clock).await;
    let there = open(&format!("{}/1", server.url()), key.path(), &clock).await;
    let beside = open(&format!("{}/1", server.url()), key.path(), &clock).await;
    let (first, other) = (ReplicaId::new("here"), ReplicaId::new("there"));
    let mut heard_first = here.bulletin.notes();
    let mut beside_heard = beside.bulletin.notes();
    let listening = async {
        for (stores, from, heard) in [(&here, &first, &mut heard_first), (&there, &other, &mut beside_heard)]
        {
            let mut listens = false;
            while !listens {
                stores.bulletin.post(from, &Note::Freed).await.unwrap();
                let next = tokio::time::timeout(Duration::from_millis(100), heard.next()).await;
                listens = next.is_ok_and(|next| next == Some((from.clone(), Note::Freed)));
            }
        }
        // What is told first is heard first, if it is heard at all.
        there.bulletin.post(&other, &Note::AgentsChanged).await.unwrap();
        here.bulletin.post(&first, &Note::AgentsChanged).await.unwrap();
        here.bulletin.post(&first, &Note::News("{}".to_owned())).await.unwrap();
        there.bulletin.post(&other, &Note::News("{}".to_owned())).await.unwrap();
        let told = heard_first.by_ref().filter(|(_, note)| ready(*note == Note::AgentsChanged)).next().await;
        assert_eq!(told.unwrap().0, first);
        let told =
            beside_heard.by_ref().filter(|(_, note)| ready(matches!(note, Note::News(_)))).next().await;
        assert_eq!(told.unwrap().0, other);
    };
    tokio::time::timeout(Duration::from_secs(30), listening).await.unwrap();
}
