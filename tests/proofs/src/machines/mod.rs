//! Small worlds around the machines. A world does to its machine what a correct shell may do, in any order, and knows of
//! the machine only what a shell knows; what it expects follows from the promises alone.

pub mod channel;
pub mod conversation;
pub mod reply;
pub mod session;

use std::fmt::Debug;

/// How a call to the platform goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Luck {
    /// It works, and says so.
    Works,
    /// It works, and the answer is lost.
    WorksUnheard,
    /// It does not work, and the answer is lost.
    LostUnheard,
    /// The platform is busy for so many milliseconds.
    Throttled(u32),
    /// No connection.
    NotSent,
    /// Not allowed.
    Refused,
}

impl From<Luck> for conversation::platform::Luck {
    fn from(luck: Luck) -> Self {
        match luck {
            Luck::Works => Self::Works,
            Luck::WorksUnheard => Self::WorksUnheard,
            Luck::LostUnheard => Self::LostUnheard,
            Luck::Throttled(millis) => Self::Throttled(millis),
            Luck::NotSent => Self::NotSent,
            Luck::Refused => Self::Refused,
        }
    }
}

/// A machine in its world, to be walked through at random or completely.
pub trait World: Clone + Debug + Send + Sync + 'static {
    /// One thing that happens.
    type Act: Clone + Debug + PartialEq + Send + Sync + 'static;

    /// What can happen now; empty where the search goes no further.
    fn acts(&self) -> Vec<Self::Act>;

    /// Lets it happen; panics where a promise is broken.
    fn act(&mut self, act: &Self::Act);

    /// Stop, then nothing but time: panics unless that ends in rest, with everything accepted ended once.
    fn come_to_rest(self);

    /// Everything that the future depends on; two worlds of the same essence are one to the search.
    fn essence(&self) -> String {
        format!("{self:?}")
    }

    /// What has been seen on the way here, by name: a search that never sees some of it has searched nothing.
    fn sights(&self) -> Vec<&'static str>;
}
