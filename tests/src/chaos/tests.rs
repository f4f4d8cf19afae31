//! What a run has left behind is whole: the model finds what is taken from it or put to it.

use super::schedule::Schedule;
use super::stage::Stage;
use super::{Cast, Length, Plan, record};
use crate::model::{self, Account, Act, UNDELIVERED, What, words};

/// Asserts that the run, changed like this, does not pass.
#[track_caller]
fn found(account: &Account, words: &str, change: impl FnOnce(&mut Account)) {
    let mut changed = account.clone();
    change(&mut changed);
    let verdict = model::judge(&changed);
    assert!(verdict.violations.iter().any(|violation| violation.contains(words)), "{words:?} in {verdict}");
}

fn refuses(text: &str) -> bool {
    model::sentences_of(text).iter().any(|sentence| matches!(sentence, model::Sentence::Refused(_)))
}

/// Two answers of one conversation that nobody stopped, by their places in what is shown; the first was surely taken in before
/// the second. There is room in their chat for one more sentence, and none was said or went astray that could stand for it,
/// so that it is missed: a machine that is busy with something else lets a conversation fill up.
fn two_answers(account: &Account) -> Option<(usize, usize)> {
    let act = |index: usize| account.question(words::words_in(&account.shown[index].text).first()?.key);
    let undisturbed = |index| {
        let one = act(index)?;
        let commands = account.acts.iter().filter(|other| other.chat == one.chat && other.key().is_none());
        if commands.count() >= model::NOTICES_MAX {
            return None;
        }
        let mut here = account.acts.iter().filter(|other| other.chat == one.chat);
        let is_told = account.shown.iter().any(|shown| shown.chat == one.chat && refuses(&shown.text));
        if is_told || here.any(|other| account.causes(&other.id).any(|cause| UNDELIVERED.contains(&cause))) {
            return None;
        }
        let mut all = account.acts.iter().filter(|other| other.conversation == one.conversation);
        all.all(|other| other.key().is_some() || other.what == What::Command).then_some((index, one))
    };
    let answers: Vec<_> = (0..account.shown.len()).filter_map(undisturbed).collect();
    let later = |one: &Act| {
        let is_later = |other: &Act| other.conversation == one.conversation && one.surely_before(other);
        answers.iter().find(|(_, other)| is_later(other)).map(|(index, _)| *index)
    };
    let mut pairs = answers.iter().filter_map(|(index, one)| Some((*index, later(one)?)));
    pairs.next()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_tampered_with_does_not_pass() {
    // On a machine that is busy with something else a run may have had something to say in each chat.
    for seed in [9, 10, 11] {
        let plan = Plan { cast: Cast::Kills, length: Length::Kills(3), ..Plan::of_seed(seed) };
        let mut stage = Stage::start(&plan).await;
        stage.carry_out(&Schedule::of(&plan)).await;
        let (verdict, tally) = stage.judge().await;
        assert!(verdict.holds(), "{verdict}");
        assert_eq!((tally.kills, tally.starts), (3, 3));
        assert!(verdict.counts.acked > 50 && verdict.counts.answered > 50, "{verdict}");
        let account = record::account(&stage).await;
        stage.end().await;
        if let Some((one, other)) = two_answers(&account) {
            return tampered_with(&account, one, other);
        }
    }
    panic!("nobody has asked twice undisturbed");
}

/// What is taken from two answers, and put to them.
fn tampered_with(account: &Account, one: usize, other: usize) {
    // Nothing else can explain it but a refusal, whose sentence is not there either.
    found(account, "1 sentences are owed (Refused), 0 are seen", |account| drop(account.shown.remove(one)));
    found(account, "a word of its answer is seen 2 times", |account| {
        account.shown.push(account.shown[other].clone());
    });
    found(account, "which came later", |account| {
        let text = account.shown[one].text.clone();
        account.shown[one].text = std::mem::replace(&mut account.shown[other].text, text);
    });
    found(account, "is open", |account| account.shown[one].card.as_mut().expect("a card").closed = false);
    found(account, "without a reason", |account| {
        let message = account.acts.iter().find(|act| act.key().is_some()).expect("a question").id.clone();
        account.failures.push(model::Failed { message, cause: "stale".to_owned() });
    });
    found(account, "it asks what nobody asked", |account| {
        account.acts.retain(|act| !matches!(act.what, What::Question { key: 1..=20 }));
    });
}

#[test]
fn the_same_seed_makes_the_same_schedule_and_a_long_run_has_several() {
    let plan = Plan { length: Length::Seconds(200), ..Plan::of_seed(3) };
    let stages = plan.stages();
    assert_eq!(stages.iter().map(|stage| stage.seed).collect::<Vec<_>>(), [3, 4, 5]);
    let shown = |plan: &Plan| Schedule::of(plan).to_string();
    assert_eq!(shown(&stages[0]), shown(&stages[0].clone()));
    assert_ne!(shown(&stages[0]), shown(&stages[1]));
    let kills = Plan { cast: Cast::Kills, length: Length::Kills(120), ..plan };
    let counts: Vec<usize> = kills.stages().iter().map(|stage| Schedule::of(stage).steps.len()).collect();
    assert_eq!(counts, [50, 50, 20]);
}
