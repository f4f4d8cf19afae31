//! The model lets what is right pass, and finds each way of being wrong.

use super::words::{answer, name};
use super::{Account, Act, Asked, Card, End, Failed, Faults, Given, Shown, Verdict, What, judge};

fn act(id: &str, what: What, at: u64) -> Act {
    Act {
        id: id.to_owned(),
        chat: "chat".to_owned(),
        conversation: "chat".to_owned(),
        what,
        at,
        acked_at: Some(at + 1),
        place: None,
        retries: 0,
        in_chat: true,
    }
}

fn question(key: u64) -> Act {
    act(&format!("m{key}"), What::Question { key }, key * 10)
}

fn card(key: u64, text: &str) -> Shown {
    Shown {
        chat: "chat".to_owned(),
        card: Some(Card { id: format!("card-{key}"), closed: true, finalized: 1 }),
        answers: Some(format!("m{key}")),
        text: text.to_owned(),
    }
}

fn plain(text: &str) -> Shown {
    Shown { chat: "chat".to_owned(), card: None, answers: None, text: text.to_owned() }
}

fn whole(key: u64) -> String {
    answer(key, 1, 4).join(" ")
}

fn asked(key: u64, context: &[u64]) -> Asked {
    Asked { turn: format!("turn-{key}"), key: Some(key), context: context.to_vec(), at: key * 10 + 2 }
}

fn ended(key: u64, outcome: &'static str) -> End {
    End { message: format!("m{key}"), retry: 0, outcome, at: key * 10 + 5 }
}

fn failed(key: u64, cause: &str) -> Failed {
    Failed { message: format!("m{key}"), cause: cause.to_owned() }
}

/// Two questions, both answered, each as it should be.
fn fine() -> Account {
    Account {
        acts: vec![question(1), question(2)],
        shown: vec![card(1, &whole(1)), card(2, &whole(2))],
        asked: vec![asked(1, &[]), asked(2, &[1])],
        ..Account::default()
    }
}

fn changed(change: impl FnOnce(&mut Account)) -> Verdict {
    let mut account = fine();
    change(&mut account);
    judge(&account)
}

/// It is found, by this count if there is one, and told in these words.
#[track_caller]
fn found(verdict: &Verdict, words: &str) {
    assert!(verdict.violations.iter().any(|violation| violation.contains(words)), "{words:?} in {verdict}");
}

#[track_caller]
fn fine_as_it_is(verdict: &Verdict) {
    assert!(verdict.holds(), "{verdict}");
}

#[test]
fn what_is_right_passes_and_is_counted() {
    let verdict = judge(&fine());
    fine_as_it_is(&verdict);
    assert_eq!((verdict.counts.acked, verdict.counts.answered, verdict.counts.lost), (2, 2, 0));
}

#[test]
fn words_say_whose_they_are() {
    let said = answer(7, 3, 2);
    assert_eq!(said, ["q7r3w0", "q7r3w1z"]);
    assert_eq!(super::words::keys_in("[q7] **q7r3w0** q9"), [7, 7, 9]);
    assert_eq!(super::words::key_of(&format!("{} what is it?", name(7))), Some(7));
    assert!(super::words::words_in("quarter q7x q1r2 r2w1").is_empty());
}

#[test]
fn a_lost_answer_is_found() {
    let verdict = changed(|account| drop(account.shown.remove(1)));
    found(&verdict, "m2: nothing of its answer is seen");
    assert_eq!(verdict.counts.lost, 1);
}

#[test]
fn a_part_of_an_answer_without_a_record_is_found_and_with_one_is_counted() {
    let part = |account: &mut Account| account.shown[1] = plain("q2r1w0 q2r1w1");
    found(&changed(part), "m2: a part of its answer is seen");
    let verdict = changed(|account| {
        part(account);
        account.faults.kills = 1;
        account.failures = vec![failed(2, "delivery_unknown")];
    });
    fine_as_it_is(&verdict);
    assert_eq!((verdict.counts.unknown, verdict.counts.failed), (1, 1));
}

#[test]
fn an_answer_seen_twice_is_found() {
    let verdict = changed(|account| account.shown.push(plain(&whole(2))));
    found(&verdict, "q2: a word of its answer is seen 2 times");
    assert_eq!(verdict.counts.twice, 1);
    let other_run = answer(2, 2, 4).join(" ");
    found(&changed(|account| account.shown.push(plain(&other_run))), "q2: it is answered out of 2 runs");
    let retried = |account: &mut Account| {
        account.shown.push(plain(&other_run));
        account.acts[1].retries = 1;
    };
    fine_as_it_is(&changed(retried));
}

#[test]
fn an_answer_in_another_chat_or_to_nobody_is_found() {
    found(
        &changed(|account| account.shown[1].chat = "other".to_owned()),
        "q2: words of it are seen in other",
    );
    found(&changed(|account| account.shown.push(plain(&whole(9)))), "q9: words of it");
}

#[test]
fn a_wrong_order_is_found() {
    found(&changed(|account| account.shown.swap(0, 1)), "m1 is answered after m2");
    found(&changed(|account| account.asked.swap(0, 1)), "m1 is asked after m2");
    let parts = changed(|account| {
        account.shown.pop();
        account.shown.extend([plain("q2r1w2 q2r1w3z"), plain("q2r1w0 q2r1w1")]);
    });
    found(&parts, "q2: parts of its answer are out of order");
    let unknown = changed(|account| {
        account.shown.swap(0, 1);
        account.acts[0].acked_at = Some(25);
    });
    fine_as_it_is(&unknown);
    let known = changed(|account| {
        account.shown.swap(0, 1);
        account.acts[0].acked_at = Some(25);
        account.acts[0].place = Some((1, 1));
        account.acts[1].place = Some((1, 2));
    });
    found(&known, "m1 is answered after m2");
}

#[test]
fn an_open_card_and_one_closed_twice_are_found() {
    let open = |account: &mut Account| {
        account.shown[1].card = Some(Card { id: "card-2".to_owned(), closed: false, finalized: 0 });
    };
    let verdict = changed(open);
    found(&verdict, "card card-2 is open");
    assert_eq!(verdict.counts.open_cards, 1);
    let recorded = changed(|account| {
        open(account);
        account.faults = Faults { causes: vec!["card_abandoned"], ..Faults::default() };
        account.failures = vec![failed(2, "card_abandoned")];
    });
    fine_as_it_is(&recorded);
    let twice = |account: &mut Account| {
        account.shown[1].card = Some(Card { id: "card-2".to_owned(), closed: true, finalized: 2 });
    };
    found(&changed(twice), "card card-2 was closed 2 times");
}

#[test]
fn a_cancelled_answer_needs_somebody_who_cancelled_it_and_a_word() {
    let stopped = "q2r1w0\n\n⏹ Stopped.";
    let cut = |account: &mut Account| account.shown[1].text = stopped.to_owned();
    found(&changed(cut), "m2: a part of its answer is seen");
    let verdict = changed(|account| {
        cut(account);
        account.acts.push(act("stop", What::Stop, 25));
    });
    fine_as_it_is(&verdict);
    assert_eq!(verdict.counts.cancelled, 1);
    let early = changed(|account| {
        cut(account);
        account.acts.push(act("stop", What::Stop, 12));
    });
    found(&early, "m2: a part of its answer is seen");
    let wordless = changed(|account| {
        account.shown[1].text = "q2r1w0".to_owned();
        account.acts.push(act("stop", What::Stop, 25));
    });
    found(&wordless, "m2: its answer is cut off without a word");
}

#[test]
fn a_refusal_needs_a_sentence_and_a_reason() {
    let sentence = "Too many messages are waiting here already. Please wait for the answers, or send /stop all to withdraw them.";
    let refused = |account: &mut Account| account.shown[1] = plain(sentence);
    found(&changed(refused), "with reason for 0");
    let allowed = |account: &mut Account| account.faults.refusals = vec!["inbox_full"];
    let verdict = changed(|account| {
        refused(account);
        allowed(account);
    });
    fine_as_it_is(&verdict);
    assert_eq!(verdict.counts.refused, 1);
    let silent = changed(|account| {
        account.shown.pop();
        allowed(account);
    });
    found(&silent, "1 sentences are owed (Refused), 0 are seen");
}

#[test]
fn a_failure_needs_a_sentence_a_record_and_a_reason() {
    let failing = |account: &mut Account| {
        account.shown[1].text =
            "The agent gave an empty answer. Please put your question in other words.".to_owned();
        account.failures = vec![failed(2, "agent_empty")];
    };
    found(&changed(failing), "m2: recorded as agent_empty without a reason");
    let allowed = |account: &mut Account| account.faults.causes = vec!["agent_empty"];
    let verdict = changed(|account| {
        failing(account);
        allowed(account);
    });
    fine_as_it_is(&verdict);
    assert_eq!(verdict.counts.failed, 1);
    let silent = changed(|account| {
        failing(account);
        allowed(account);
        account.shown[1].text.clear();
    });
    found(&silent, "owed (Failed)");
    let both = changed(|account| {
        allowed(account);
        account.failures = vec![failed(2, "agent_empty")];
    });
    found(&both, "m2: it is answered, and recorded as failed");
    let strange = changed(|account| {
        allowed(account);
        account.failures = vec![failed(7, "agent_empty")];
    });
    found(&strange, "m7: recorded as agent_empty, and nobody sent it");
}

#[test]
fn what_was_never_acked_may_be_missing_and_never_doubled() {
    let missing = |account: &mut Account| {
        account.acts[1].acked_at = None;
        account.shown.pop();
        account.asked.pop();
    };
    let verdict = changed(missing);
    fine_as_it_is(&verdict);
    assert_eq!(verdict.counts.acked, 1);
    fine_as_it_is(&changed(|account| account.acts[1].acked_at = None));
    let doubled = changed(|account| {
        account.acts[1].acked_at = None;
        account.shown.push(plain(&whole(2)));
    });
    found(&doubled, "q2: a word of its answer is seen 2 times");
}

#[test]
fn what_was_said_before_new_is_not_in_the_context_after_it() {
    let new = |account: &mut Account| {
        account.acts.push(act("new", What::New, 12));
        account.shown.push(plain("Started a new conversation. How can I help you?"));
    };
    found(&changed(new), "m2: its context has m1, which came before new");
    fine_as_it_is(&changed(|account| {
        new(account);
        account.asked[1].context.clear();
    }));
    let silent = changed(|account| {
        account.acts.push(act("new", What::New, 12));
        account.asked[1].context.clear();
    });
    found(&silent, "owed (New)");
    let twice = changed(|account| {
        new(account);
        account.asked[1].context.clear();
        account.shown.push(plain("Started a new conversation. How can I help you?"));
    });
    found(&twice, "NewConversation is said 2 times, with reason for 1");
    let elsewhere = changed(|account| account.acts[0].conversation = "other".to_owned());
    found(&elsewhere, "which is of another conversation");
}

#[test]
fn turns_keep_their_names_and_end_once() {
    let again = changed(|account| account.asked.push(Asked { turn: "other".to_owned(), ..asked(2, &[1]) }));
    found(&again, "m2: it is asked as 2 turns");
    fine_as_it_is(&changed(|account| account.asked.push(asked(2, &[1]))));
    found(
        &changed(|account| account.asked[1].turn = "turn-1".to_owned()),
        "turn turn-1: it asks two questions",
    );
    found(&changed(|account| account.asked[1].key = Some(9)), "turn turn-2: it asks what nobody asked");
    let ends = |account: &mut Account| account.ends = Some(vec![ended(1, "answered"), ended(2, "answered")]);
    fine_as_it_is(&changed(ends));
    let late = changed(|account| {
        ends(account);
        account.asked.push(Asked { at: 26, ..asked(2, &[1]) });
    });
    found(&late, "m2: it is asked again after its end");
    found(
        &changed(|account| account.ends = Some(vec![ended(1, "answered")])),
        "m2: it was acked and has no end",
    );
    let doubled = changed(|account| {
        ends(account);
        account.ends.as_mut().expect("ends").push(ended(2, "cancelled"));
    });
    found(&doubled, "m2, retry 0: it ended 2 times");
}

#[test]
fn a_message_of_the_apis_is_told_truly() {
    let given = |state: &str, text: &str| {
        let mut account = fine();
        let state = Some(state.to_owned());
        account.given.push(Given { id: "msg_1".to_owned(), key: 5, chat: "chat".to_owned(), state });
        account.shown.push(plain(text));
        account
    };
    let words = answer(5, 0, 3).join(" ");
    fine_as_it_is(&judge(&given("sent", &words)));
    found(&judge(&given("sent", "q5r0w0")), "it is not seen whole");
    found(&judge(&given("queued", "")), "that is no end");
    found(&judge(&given("unknown", &words)), "there is no reason");
    let mut doubled = given("sent", &words);
    doubled.shown.push(plain(&words));
    found(&judge(&doubled), "q5: a word of its answer is seen 2 times");
    let mut refused = given("failed", &words);
    refused.faults.platform = true;
    found(&judge(&refused), "it is seen");
}

#[test]
fn an_event_that_cannot_come_is_a_violation() {
    found(&changed(|account| account.alarms = 1), "1 events came that cannot come");
}
