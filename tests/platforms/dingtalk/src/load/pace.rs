//! Sending: by a clock that waits for nobody (open loop), or as answers come (closed loop).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::judge::Sending;
use super::places::conversation_of;
use super::{Amount, Pace};
use crate::delivery;
use crate::push::{Origin, Push};
use crate::state::Inner;

/// Longest sleep of the open loop, so that it notices an interruption.
const SLEEP_MAX: Duration = Duration::from_millis(100);
/// Longer than any run.
const NEVER: Duration = Duration::from_hours(365 * 24);

/// Sends the messages of a run.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) inner: Arc<Inner>,
    /// Client ids; conversations are dealt out to them.
    pub(crate) apps: Vec<String>,
    /// What stands behind the mark.
    pub(crate) text: String,
    pub(crate) stop: CancellationToken,
}

impl Sender {
    /// Sends so much at this pace; returns when the last one is sent.
    pub(crate) async fn send_all(&self, pace: Pace, amount: Amount, slots: &Semaphore) -> io::Result<()> {
        match pace {
            Pace::InFlight(_) => self.closed(amount, slots).await,
            Pace::Rate(rate) => {
                let (sender, count) = (self.clone(), messages_at(rate, amount));
                // A thread of its own: the runtime's timers are a millisecond wide.
                let sending = tokio::task::spawn_blocking(move || sender.open(rate, count));
                sending.await.map_err(io::Error::other)?
            }
        }
    }

    /// The next message whenever one is over.
    async fn closed(&self, amount: Amount, slots: &Semaphore) -> io::Result<()> {
        let (count, lasting) = match amount {
            Amount::Messages(count) => (count, NEVER),
            Amount::Lasting(lasting) => (u64::MAX, lasting),
        };
        let end = sleep_until(Instant::now() + lasting);
        tokio::pin!(end);
        for _ in 0..count {
            let slot = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Ok(()),
                () = &mut end => return Ok(()),
                slot = slots.acquire() => slot,
            };
            slot.map_err(io::Error::other)?.forget();
            self.send(None)?;
        }
        Ok(())
    }

    /// Each message at its time, whatever has become of those before.
    fn open(&self, rate: f64, count: u64) -> io::Result<()> {
        let begin_us = self.inner.look(|state| state.clock.now_us());
        for number in 0..count {
            let due_us = begin_us.saturating_add(offset_us(rate, number));
            loop {
                if self.stop.is_cancelled() {
                    return Ok(());
                }
                let now_us = self.inner.look(|state| state.clock.now_us());
                let Some(wait_us) = due_us.checked_sub(now_us).filter(|wait_us| *wait_us > 0) else { break };
                std::thread::sleep(Duration::from_micros(wait_us).min(SLEEP_MAX));
            }
            self.send(Some(due_us))?;
        }
        Ok(())
    }

    /// Sends one, due then or now.
    fn send(&self, due_us: Option<u64>) -> io::Result<()> {
        self.inner.change(|state| {
            let now_us = state.clock.now_us();
            let sending = state.judge.as_mut().and_then(|judge| judge.send(due_us.unwrap_or(now_us), now_us));
            let Some(Sending { mark, msg_id }) = sending else { return Ok(()) };
            let app = mark.place.checked_rem(self.apps.len()).and_then(|at| self.apps.get(at));
            let app = app.map(String::as_str).unwrap_or_default();
            let origin = Origin::private(&conversation_of(mark.place), &format!("load-p{}", mark.place));
            let push = Push::text(app, origin, &format!("{mark} {}", self.text)).msg_id(&msg_id);
            delivery::accept_once(state, push).map_err(io::Error::other)
        })
    }
}

/// Messages of an open loop.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates and durations of a run are far from the limits"
)]
fn messages_at(rate: f64, amount: Amount) -> u64 {
    match amount {
        Amount::Messages(count) => count,
        Amount::Lasting(lasting) => (lasting.as_secs_f64() * rate).round() as u64,
    }
}

/// When the message with this number is due, from the beginning.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "exact to a microsecond for a century"
)]
fn offset_us(rate: f64, number: u64) -> u64 {
    (number as f64 * 1_000_000.0 / rate) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_loop_sends_evenly() {
        assert_eq!([0, 1, 2, 50].map(|number| offset_us(50.0, number)), [0, 20_000, 40_000, 1_000_000]);
        assert_eq!(messages_at(12.5, Amount::Lasting(Duration::from_mins(1))), 750);
        assert_eq!(messages_at(12.5, Amount::Messages(3)), 3);
    }
}
