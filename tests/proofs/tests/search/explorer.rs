//! A world as a model for stateright: its acts are the steps, a broken promise is a state of its own.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Mutex;

use stateright::{Checker, Model, Property};
use switchboard_proofs::machines::World;

/// Whether larger configurations are asked for (`cargo xtask search`).
pub(crate) fn is_deep() -> bool {
    std::env::var_os("SWITCHBOARD_SEARCH").is_some_and(|depth| depth == "deep")
}

/// What a search must find, so that one that silently explores nothing fails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected {
    /// Fewest states.
    pub(crate) states: usize,
    /// What must have been seen in some of them.
    pub(crate) sights: &'static [&'static str],
}

/// States and steps of some searches together.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    states: usize,
    steps: usize,
    depth: usize,
    sights: BTreeSet<&'static str>,
}

impl Totals {
    /// Explores a world completely. Fails with the way to the first broken promise.
    pub(crate) fn explore<W: World + Sync>(&mut self, world: W) {
        quiet_panics();
        let search = Search { first: world, sights: Mutex::default(), broken: Mutex::default() };
        let checker = search.checker().spawn_dfs().join();
        if let Some((property, path)) = checker.discoveries().into_iter().next() {
            let acts = path.into_actions();
            let why = checker.model().broken.lock().unwrap().clone();
            panic!("{property}: {why:?} after {acts:#?}");
        }
        assert!(checker.is_done(), "the search was broken off");
        self.states += checker.unique_state_count();
        self.steps += checker.state_count();
        self.depth = self.depth.max(checker.max_depth());
        self.sights.extend(checker.model().sights.lock().unwrap().iter());
    }

    /// Prints the size and compares it with what is known.
    pub(crate) fn report(&self, name: &str, expected: Expected) {
        eprintln!("search {name}: {} states, {} steps, depth {}", self.states, self.steps, self.depth);
        assert!(self.states >= expected.states, "only {} states", self.states);
        for sight in expected.sights {
            assert!(self.sights.contains(sight), "never {sight}, only {:?}", self.sights);
        }
    }
}

struct Search<W> {
    first: W,
    sights: Mutex<BTreeSet<&'static str>>,
    /// What went wrong first.
    broken: Mutex<Option<String>>,
}

#[derive(Debug, Clone)]
enum Node<W> {
    Fine(W),
    Broken(String),
}

impl<W: World> PartialEq for Node<W> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fine(one), Self::Fine(other)) => one.essence() == other.essence(),
            (Self::Broken(one), Self::Broken(other)) => one == other,
            (Self::Fine(_), Self::Broken(_)) | (Self::Broken(_), Self::Fine(_)) => false,
        }
    }
}

impl<W: World> Hash for Node<W> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        match self {
            Self::Fine(world) => world.essence().hash(hasher),
            Self::Broken(why) => why.hash(hasher),
        }
    }
}

impl<W: World> Model for Search<W> {
    type State = Node<W>;
    type Action = W::Act;

    fn init_states(&self) -> Vec<Node<W>> {
        vec![Node::Fine(self.first.clone())]
    }

    fn actions(&self, node: &Node<W>, acts: &mut Vec<W::Act>) {
        if let Node::Fine(world) = node {
            acts.extend(world.acts());
        }
    }

    fn next_state(&self, node: &Node<W>, act: W::Act) -> Option<Node<W>> {
        let Node::Fine(world) = node else { return None };
        let mut next = world.clone();
        Some(match held(|| next.act(&act)) {
            Ok(()) => Node::Fine(next),
            Err(why) => Node::Broken(why),
        })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("every step keeps the promises", |search: &Self, node: &Node<W>| match node {
                Node::Fine(world) => {
                    search.sights.lock().unwrap().extend(world.sights());
                    true
                }
                Node::Broken(why) => search.note(why),
            }),
            Property::always("stop and time lead to rest", |search: &Self, node: &Node<W>| match node {
                Node::Fine(world) => match held(|| world.clone().come_to_rest()) {
                    Ok(()) => true,
                    Err(why) => search.note(&why),
                },
                Node::Broken(_) => true,
            }),
        ]
    }
}

impl<W> Search<W> {
    fn note(&self, why: &str) -> bool {
        self.broken.lock().unwrap().get_or_insert_with(|| why.to_owned());
        false
    }
}

thread_local! {
    static IS_HOLDING: Cell<bool> = const { Cell::new(false) };
}

/// Lets something happen that panics where a promise is broken.
fn held(step: impl FnOnce()) -> Result<(), String> {
    IS_HOLDING.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(step));
    IS_HOLDING.set(false);
    result.map_err(|payload| {
        let text = payload.downcast_ref::<String>().cloned();
        text.or_else(|| payload.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

/// Panics that are caught are told once, with the way to them, and not as they come.
fn quiet_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !IS_HOLDING.get() {
            usual(info);
        }
    }));
}
