//! Settings that cannot work are refused when the agent is built, with a pointer and without quoting a secret.

use std::time::Duration;

use rstest::rstest;
use serde_json::json;
use switchboard_domain::secret::Secret;

use crate::peer::{config, try_build};

#[rstest]
#[case::not_an_address("agent", "like https://host/v1")]
#[case::nothing("", "like https://host/v1")]
#[case::another_scheme("ftp://host/v1", "like https://host/v1")]
#[case::credentials("https://u:s3cr3t@host/v1", "username or password")]
#[case::fragment("https://host/v1#x", "fragment")]
#[case::too_much("https://host/v1/chat/completions/", "is added to it")]
fn a_base_address_that_cannot_work_is_refused(#[case] base_url: &str, #[case] expected: &str) {
    let (pointer, message) = try_build(&config("openai-chat", base_url)).err().unwrap();
    assert_eq!(pointer, "/base_url");
    assert!(message.contains(expected) && !message.contains("s3cr3t"), "{message}");
}

#[rstest]
#[case("X Y", "v", "/headers/X Y", "header name")]
#[case("a/b~c", "v", "/headers/a~1b~0c", "header name")]
#[case("Host", "v", "/headers/Host", "sets itself")]
#[case("Idempotency-Key", "v", "/headers/Idempotency-Key", "sets itself")]
#[case("X-User", "{{user.password}}", "/headers/X-User", "known are {{user.id}}")]
#[case("X-User", "{{user.id", "/headers/X-User", "without its }}")]
#[case("X-User", "s3cr3t\n", "/headers/X-User", "visible ASCII")]
#[case("Authorization", "Basic s3cr3t", "/headers/Authorization", "beside api_key")]
fn a_header_that_cannot_be_sent_is_refused(
    #[case] name: &str,
    #[case] value: &str,
    #[case] expected_pointer: &str,
    #[case] expected: &str,
) {
    let mut config = config("openai-chat", "https://host/v1");
    config.headers.insert(name.to_owned(), Secret::new(value));
    let (pointer, message) = try_build(&config).err().unwrap();
    assert_eq!(pointer, expected_pointer);
    assert!(message.contains(expected) && !message.contains("s3cr3t"), "{message}");
}

#[test]
fn the_limit_of_a_headers_value_is_the_one_that_the_refusal_names() {
    let built = |length: usize| {
        let mut config = config("openai-chat", "https://host/v1");
        config.headers.insert("X-Long".to_owned(), Secret::new("v".repeat(length)));
        try_build(&config).map(drop)
    };
    assert_eq!(built(4_096), Ok(()));
    assert_eq!(built(4_097).unwrap_err().1, "must be at most 4096 bytes long");
}

#[test]
fn a_header_that_stands_twice_is_refused() {
    let mut config = config("openai-chat", "https://host/v1");
    config.headers.insert("X-Team".to_owned(), Secret::new("a"));
    config.headers.insert("x-team".to_owned(), Secret::new("b"));
    assert_eq!(try_build(&config).err().unwrap().0, "/headers/x-team");
}

#[test]
fn a_key_that_cannot_be_sent_is_refused_without_showing_it() {
    let mut config = config("openai-chat", "https://host/v1");
    config.api_key = Secret::new("s3cr3t\n");
    let (pointer, message) = try_build(&config).err().unwrap();
    assert_eq!(pointer, "/api_key");
    assert!(!message.contains("s3cr3t"), "{message}");
}

#[rstest]
#[case("messages")]
#[case("stream")]
#[case("model")]
fn fields_of_our_own_cannot_be_set_aside(#[case] field: &str) {
    let mut config = config("openai-chat", "https://host/v1");
    config.extra_body.insert(field.to_owned(), json!(null));
    assert_eq!(try_build(&config).err().unwrap().0, format!("/extra_body/{field}"));
}

#[test]
fn other_bounds_hold() {
    let good = config("openai-chat", "https://host/v1");
    assert!(try_build(&good).is_ok());
    let mut impatient = good.clone();
    impatient.connect_timeout = Duration::ZERO;
    assert_eq!(try_build(&impatient).err().unwrap().0, "/connect_timeout_ms");
    let mut long = good.clone();
    long.extra_body.insert("x".to_owned(), json!("y".repeat(70_000)));
    assert_eq!(try_build(&long).err().unwrap().0, "/extra_body");
    let mut many = good;
    many.headers = (0..51).map(|n| (format!("x-{n}"), Secret::new("v"))).collect();
    assert_eq!(try_build(&many).err().unwrap().0, "/headers");
}
