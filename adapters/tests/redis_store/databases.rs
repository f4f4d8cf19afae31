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
    let (clock, first) = (Arc::new(FakeClock::new()), format!("{}/0", server.url()));
    let here = open(&first, key.path(), &clock).await;
    let there = open(&format!("{}/1", server.url()), key.path(), &clock).await;
    let beside = open(&format!("{}/1", server.url()), key.path(), &clock).await;
    let (from_here, from_beside) = (ReplicaId::new("here"), ReplicaId::new("there"));
    let mut heard_here = here.bulletin.notes();
    let mut heard_beside = beside.bulletin.notes();
    let listening = async {
        for (stores, from, heard) in
            [(&here, &from_here, &mut heard_here), (&there, &from_beside, &mut heard_beside)]
        {
            let mut listens = false;
            while !listens {
                stores.bulletin.post(from, &Note::Freed).await.unwrap();
                let next = tokio::time::timeout(Duration::from_millis(100), heard.next()).await;
                listens = next.is_ok_and(|next| next == Some((from.clone(), Note::Freed)));
            }
        }
        // What is told first is heard first, if it is heard at all.
        there.bulletin.post(&from_beside, &Note::AgentsChanged).await.unwrap();
        here.bulletin.post(&from_here, &Note::AgentsChanged).await.unwrap();
        here.bulletin.post(&from_here, &Note::News("{}".to_owned())).await.unwrap();
        there.bulletin.post(&from_beside, &Note::News("{}".to_owned())).await.unwrap();
        let first = heard_here.by_ref().filter(|(_, note)| ready(*note == Note::AgentsChanged)).next().await;
        assert_eq!(first.unwrap().0, from_here);
        let first =
            heard_beside.by_ref().filter(|(_, note)| ready(matches!(note, Note::News(_)))).next().await;
        assert_eq!(first.unwrap().0, from_beside);
    };
    tokio::time::timeout(Duration::from_secs(30), listening).await.unwrap();
}
