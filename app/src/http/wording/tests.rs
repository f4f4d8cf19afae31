//! What is said of mistakes is said in both languages.

use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::{Value, json};

use super::chinese::SENTENCES;
use super::{filled, in_chinese, values};
use crate::testing::TestApi;

/// Where mistakes in forms are found.
const PLACES: [&str; 10] = [
    "src/http/dto",
    "src/http/users",
    "src/http/channels",
    "src/http/agents",
    "src/http/changes",
    "src/http/exchange",
    "src/http/tokens",
    "../adapters/src/agents",
    "../adapters/src/directories",
    "../adapters/src/dingtalk/config.rs",
];

/// How what is said of a field begins.
const BEGINNINGS: [&str; 9] =
    ["must ", "may ", "is ", "needs ", "names ", "stands ", "has ", "cannot ", "carries "];

fn sources(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        sources(&entry.unwrap().path(), found);
    }
}

/// The literals of a file, without what its tests say.
fn literals(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap().replace("'\"'", "");
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let (mut found, mut inside) = (Vec::new(), None::<String>);
    let code = code.join("\n");
    let mut chars = code.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, &mut inside) {
            ('"', None) => inside = Some(String::new()),
            ('"', Some(literal)) => {
                found.push(std::mem::take(literal));
                inside = None;
            }
            ('\\', Some(literal)) => match chars.next() {
                // The literal goes on behind the next line's indentation.
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                Some(escaped) => literal.push(escaped),
                None => {}
            },
            (c, Some(literal)) => literal.push(c),
            (_, None) => {}
        }
    }
    found
}

/// What `format!` makes of a literal, with a number for each value.
fn formatted(literal: &str) -> String {
    let mut text = String::new();
    let mut rest = literal;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('{') {
            text.push('{');
            rest = after;
        } else {
            text.push('7');
            rest = after.split_once('}').map_or("", |(_, after)| after);
        }
    }
    (text + rest).replace("}}", "}")
}

fn is_told(literal: &str) -> bool {
    let said = |text: &str| SENTENCES.iter().find(|(template, _)| values(template, text).is_some());
    [literal.to_owned(), formatted(literal)].iter().any(|text| {
        said(text).is_some_and(|(template, _)| *template != "must be {}" || literal.starts_with("must be {"))
    })
}

#[test]
fn whatever_is_said_of_a_field_is_said_in_chinese() {
    let mut files = Vec::new();
    for place in PLACES {
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(place), &mut files);
    }
    let mut missing = Vec::new();
    let mut seen = 0;
    for path in files.iter().filter(|path| !path.to_string_lossy().contains("tests")) {
        for literal in literals(&std::fs::read_to_string(path).unwrap()) {
            if !BEGINNINGS.iter().any(|beginning| literal.starts_with(beginning)) {
                continue;
            }
            seen += 1;
            if !is_told(&literal) {
                missing.push(format!("{}: {literal}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(seen > 80, "{seen}");
}

/// Whatever a problem says besides its fields: the first sentence behind its name in the code.
#[test]
fn whatever_a_problem_says_is_said_in_chinese() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http"), &mut files);
    let (mut missing, mut seen) = (Vec::new(), 0);
    for path in files.iter().filter(|path| !path.to_string_lossy().contains("tests")) {
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for (_, behind) in text.match_indices("Problem::").map(|(at, name)| text.split_at(at + name.len())) {
            let call = behind.split(';').next().unwrap();
            // Neither a pointer nor what is put together of sentences.
            let is_sentence =
                |literal: &String| literal.contains(' ') && literal.starts_with(char::is_lowercase);
            let sentence = literals(call).into_iter().find(is_sentence);
            let Some(sentence) = sentence else { continue };
            seen += 1;
            let told = sentence.strip_prefix("the body ").unwrap_or(&sentence);
            if ![&sentence, told, &sentence.replace("{}", "agent")].into_iter().any(is_told) {
                missing.push(format!("{}: {sentence}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(seen > 40, "{seen}");
}

#[test]
fn every_sentence_has_as_many_values_in_either_language() {
    for (english, chinese) in SENTENCES {
        assert_eq!(english.matches("{}").count(), chinese.matches("{}").count(), "{english}");
        assert!(chinese.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c)), "{chinese}");
    }
}

#[test]
fn no_sentence_hides_behind_an_earlier_one() {
    for (n, (english, _)) in SENTENCES.iter().enumerate() {
        let text = english.replace("{}", "x");
        let first = SENTENCES.iter().position(|(template, _)| values(template, &text).is_some());
        assert_eq!(first, Some(n), "{english}");
    }
}

#[test]
fn values_are_taken_over_as_they_are() {
    assert_eq!(in_chinese("must be a whole number from 1 to 20").unwrap(), "必须是 1 到 20 之间的整数");
    assert_eq!(in_chinese("must be \"a\" or \"b or c\"").unwrap(), "必须是 \"a\" 或 \"b or c\"");
    assert_eq!(in_chinese("the body must be a JSON object").unwrap(), "请求正文必须是 JSON 对象");
    assert_eq!(in_chinese("nobody has ever said this"), None);
    assert_eq!(values("a {} b {}", "a 1 b 2 b 3"), Some(vec!["1", "2 b 3"]));
    assert_eq!(values("a {} b", "a 1 c"), None);
    assert_eq!(filled("{}、{}", &["1"]), "1、");
}

async fn asked(api: &TestApi, language: &str, body: &Value) -> Value {
    let mut request = api.request(Method::POST, "/api/v1/channels", Some(body));
    request.headers_mut().insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
    let answer = api.send(request).await;
    assert_eq!(answer.header(header::CONTENT_TYPE), "application/problem+json");
    answer.json
}

#[tokio::test]
async fn a_problem_is_told_in_the_readers_language() {
    let api = TestApi::new().await;
    let bad = json!({"name": "", "type": "dingtalk", "config": {}});
    let (english, chinese) = (asked(&api, "en", &bad).await, asked(&api, "zh-CN", &bad).await);
    assert_eq!((&english["type"], &english["status"]), (&chinese["type"], &chinese["status"]));
    assert_eq!(english["title"], "Bad or unknown field");
    assert_eq!(chinese["title"], "字段无效或未知");
    let errors = |problem: &Value| problem["errors"].as_array().unwrap().clone();
    assert!(errors(&english).len() > 1);
    for (one, other) in errors(&english).iter().zip(&errors(&chinese)) {
        assert_eq!(one["pointer"], other["pointer"]);
        assert!(other["message"].as_str().unwrap().contains(['必', '须']), "{other}");
    }
    // One mistake stands in the detail too.
    let one = asked(&api, "zh-CN", &json!({"name": "one", "type": "nothing", "config": {}})).await;
    assert_eq!(one["detail"], "/type 必须是 \"dingtalk\"");
}

#[tokio::test]
async fn a_problem_of_who_asks_is_told_so_too() {
    let api = TestApi::new().await;
    let request = axum::http::Request::get("/api/v1/agents").header(header::ACCEPT_LANGUAGE, "zh");
    let answer = api.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status.as_u16(), &answer.json["title"]), (401, &json!("需要登录")));
    assert!(!answer.header(header::WWW_AUTHENTICATE).is_empty());
}
