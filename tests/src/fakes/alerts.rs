//! Whoever is told alerts.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use switchboard_ports::alerts::{Alert, AlertError, AlertSink};

/// What becomes of an alert.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AlertFate {
    /// It is taken.
    #[default]
    Taken,
    /// Nobody answers.
    Away,
    /// It is not wanted.
    Refused,
    /// No answer comes, ever.
    Hang,
}

/// Remembers what it was told; clones share it.
#[derive(Debug, Clone, Default)]
pub struct FakeAlerts(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    told: Vec<Alert>,
    tries: usize,
    fate: AlertFate,
}

impl FakeAlerts {
    /// What becomes of alerts from now on.
    pub fn fate(&self, fate: AlertFate) {
        self.0.lock().expect("alerts").fate = fate;
    }

    /// What was taken, in order.
    pub fn told(&self) -> Vec<Alert> {
        self.0.lock().expect("alerts").told.clone()
    }

    /// What was taken, in short.
    pub fn events(&self) -> Vec<&'static str> {
        self.told().iter().map(|alert| alert.event.as_str()).collect()
    }

    /// How often it was tried to tell something.
    pub fn tries(&self) -> usize {
        self.0.lock().expect("alerts").tries
    }
}

#[async_trait]
impl AlertSink for FakeAlerts {
    async fn tell(&self, alert: &Alert) -> Result<(), AlertError> {
        let fate = {
            let mut state = self.0.lock().expect("alerts");
            state.tries += 1;
            if state.fate == AlertFate::Taken {
                state.told.push(alert.clone());
            }
            state.fate
        };
        match fate {
            AlertFate::Taken => Ok(()),
            AlertFate::Away => Err(AlertError::Unavailable("away".to_owned())),
            AlertFate::Refused => Err(AlertError::Refused("unwanted".to_owned())),
            AlertFate::Hang => std::future::pending().await,
        }
    }
}
