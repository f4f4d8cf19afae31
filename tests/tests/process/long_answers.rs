//! Long streamed answers with code and tables, in two languages: all of it arrives, and no block is broken.

use std::fmt::Write as _;

use switchboard_tests::scripted_agent::Behaviour;
use switchboard_tests::server::CAP;

use super::judge::no_violations;
use super::stage::{Stage, chat};

/// What a long answer is made of, until it has 20,000 characters; each row, line and sentence has a number of its own.
fn long(sentence: &str, head: &str) -> String {
    let mut text = String::new();
    let mut number = 0;
    while text.chars().count() < 20_000 {
        let mut next = || {
            number += 1;
            format!("{number:04}")
        };
        write!(text, "## {sentence} {}\n\n", next()).expect("a text takes everything");
        for _ in 0..6 {
            write!(text, "{sentence} {}. ", next()).expect("a text takes everything");
        }
        write!(text, "\n\n{head}\n|---|---|\n").expect("a text takes everything");
        for _ in 0..12 {
            writeln!(text, "| {sentence} | {} |", next()).expect("a text takes everything");
        }
        text.push_str("\n```rust\n");
        for _ in 0..12 {
            writeln!(text, "let line = {}; // {sentence}", next()).expect("a text takes everything");
        }
        text.push_str("```\n\n");
        for _ in 0..6 {
            writeln!(text, "- {sentence} {}", next()).expect("a text takes everything");
        }
        text.push('\n');
    }
    text
}

async fn arrives_whole(sentence: &str, head: &str) {
    let stage = Stage::start().await;
    let text = long(sentence, head);
    let numbers: Vec<String> =
        (1..10_000).map(|number| format!("{number:04}")).take_while(|it| text.contains(it)).collect();
    stage.agent.queue([Behaviour::words(text.clone())]);
    stage.say("ann", "everything, please");
    let last = numbers.last().expect("numbers").clone();
    let is_over = |seen: &dingtalk_sim::Observed| {
        seen.open_cards().is_empty()
            && seen.robot_texts(&chat("ann")).last().is_some_and(|it| it.contains(&last))
    };
    stage.simulator.wait_for(CAP, is_over).await.expect("the whole answer is shown");
    let shown = stage.texts("ann");
    assert!(shown.len() > 5, "{} messages", shown.len());
    let all = shown.join("\n");
    let mut rest = all.as_str();
    for number in &numbers {
        let found = rest.split_once(number.as_str());
        rest = found.unwrap_or_else(|| panic!("{number} is missing or out of order")).1;
        assert_eq!(all.matches(number.as_str()).count(), 1, "{number} is shown twice");
    }
    for part in &shown {
        assert!(part.matches("```").count() % 2 == 0, "a fence is left open: {part}");
        assert!(part.chars().count() <= 4_500, "{} characters in one message", part.chars().count());
        // A row of a table in a card follows the table's head; plain messages show rows as list items.
        for (place, line) in part.lines().enumerate() {
            if line.starts_with("| ") && !line.starts_with(head) {
                let before = part.lines().nth(place.wrapping_sub(1)).unwrap_or_default();
                assert!(before.starts_with('|'), "a row without its head: {part}");
            }
        }
        let end = part.trim_end();
        assert!(
            end.ends_with(['.', '|', '`']) || end.chars().rev().take(4).all(|it| it.is_ascii_digit()),
            "a sentence is cut: {end}"
        );
    }
    stage.simulator.observe(|seen| no_violations(seen, false));
    stage.assert_no_alarm();
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_characters_in_english_arrive_whole() {
    arrives_whole("The quick brown fox jumps over the lazy dog", "| what | number |").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_characters_in_chinese_arrive_whole() {
    arrives_whole("敏捷的棕色狐狸跳过了那只懒狗", "| 内容 | 编号 |").await;
}
