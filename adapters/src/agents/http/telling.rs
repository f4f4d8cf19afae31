//! A run as a stream: work that tells what happens, and whoever polls the stream both does the work and hears of it.
//!
//! Nothing is spawned: nothing happens before the first poll, and dropping the stream drops the work with its connections.

use std::future::Future;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use switchboard_ports::agent::AgentEvent;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// How long signs of life are given for one wait, at most; after that the caller's time-outs decide.
const LIFE_MAX: Duration = Duration::from_mins(15);

/// Tells what happens in a run.
pub(in crate::agents) struct Teller {
    tell: mpsc::Sender<AgentEvent>,
    /// Pause between two signs of life.
    life: Duration,
}

impl Teller {
    /// Tells one event; waits until there is room for it.
    pub(in crate::agents) async fn say(&self, event: AgentEvent) {
        // Nobody listens only when the stream was dropped, and this with it.
        let _ = self.tell.send(event).await;
    }

    /// Says that the run is alive: thinking aloud without a word.
    pub(in crate::agents) async fn live(&self) {
        self.say(AgentEvent::Reasoning(String::new())).await;
    }

    /// Waits for something that is known to take its time, with signs of life, so that nobody takes the wait for silence.
    /// They end after [`LIFE_MAX`].
    pub(in crate::agents) async fn patiently<T>(&self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = sleep(self.life), if begun.elapsed() < LIFE_MAX => self.live().await,
            }
        }
    }
}

/// The stream of what `work` tells; it ends with the work. `life` is the pause between two signs of life.
pub(in crate::agents) fn told<F>(
    life: Duration,
    work: impl FnOnce(Teller) -> F,
) -> BoxStream<'static, AgentEvent>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (tell, mut heard) = mpsc::channel(1);
    let work = stream::once(work(Teller { tell, life })).filter_map(async |()| None);
    stream::select(stream::poll_fn(move |context| heard.poll_recv(context)), work).boxed()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::StreamExt;
    use switchboard_ports::agent::AgentEvent;
    use tokio::time::{Instant, sleep};

    use super::{LIFE_MAX, told};

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn what_is_told_comes_in_order_and_the_stream_ends_with_the_work() {
        let run = told(SECOND, async |teller| {
            for text in ["a", "b", "c"] {
                teller.say(AgentEvent::Delta(text.to_owned())).await;
            }
        });
        let heard: Vec<_> = run.collect().await;
        assert_eq!(heard, ["a", "b", "c"].map(|text| AgentEvent::Delta(text.to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_gives_signs_of_life_for_a_bounded_time() {
        let begun = Instant::now();
        let run = told(SECOND, async |teller| teller.patiently(sleep(LIFE_MAX * 2)).await);
        let signs = run.count().await;
        assert_eq!(signs as u64, LIFE_MAX.as_secs());
        assert!(begun.elapsed() >= LIFE_MAX * 2);
    }

    #[tokio::test]
    async fn nothing_happens_before_the_first_poll_and_after_the_drop() {
        let (begun, mut is_begun) = tokio::sync::oneshot::channel::<()>();
        let mut run = told(SECOND, async move |teller| {
            teller.say(AgentEvent::Delta("a".to_owned())).await;
            std::future::pending::<()>().await;
            drop(begun);
        });
        assert!(
            is_begun.try_recv().is_err_and(|error| error == tokio::sync::oneshot::error::TryRecvError::Empty)
        );
        run.next().await;
        drop(run);
        assert!(is_begun.await.is_err(), "the work is gone with its stream");
    }
}
