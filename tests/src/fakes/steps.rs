//! Points at which a process can be killed: before and after each call to the outside.

use std::sync::Mutex;

use tokio::sync::Notify;

/// Counts steps and stops the world at one of them.
#[derive(Debug, Default)]
pub struct Steps {
    inner: Mutex<Inner>,
    killed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    taken: usize,
    kill_at: Option<usize>,
    kill_at_name: Option<&'static str>,
    dead: bool,
    log: Vec<&'static str>,
}

impl Steps {
    /// One step. At the one to be killed at, this never returns.
    pub async fn step(&self, name: &'static str) {
        let (kill, first) = {
            let mut inner = self.inner.lock().expect("steps");
            inner.taken += 1;
            inner.log.push(name);
            let kill = inner.kill_at.is_some_and(|at| inner.taken >= at) || inner.kill_at_name == Some(name);
            let first = kill && !inner.dead;
            inner.dead |= kill;
            (kill, first)
        };
        if first {
            self.killed.notify_one();
        }
        if kill {
            std::future::pending::<()>().await;
        }
    }

    /// Kills at the n-th step from now on, counted from 1; `None`: never.
    pub fn kill_at(&self, step: Option<usize>) {
        let mut inner = self.inner.lock().expect("steps");
        inner.taken = 0;
        inner.kill_at = step;
        inner.kill_at_name = None;
        inner.dead = false;
        inner.log.clear();
    }

    /// Kills at the next step of this name.
    pub fn kill_at_name(&self, name: &'static str) {
        self.kill_at(None);
        self.inner.lock().expect("steps").kill_at_name = Some(name);
    }

    /// Steps taken since.
    pub fn taken(&self) -> usize {
        self.inner.lock().expect("steps").taken
    }

    /// The names of the steps taken since.
    pub fn log(&self) -> Vec<&'static str> {
        self.inner.lock().expect("steps").log.clone()
    }

    /// Resolves once the step to be killed at has been reached.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }
}
