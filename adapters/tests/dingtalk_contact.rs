//! The company's address book: what DingTalk knows of a person.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use dingtalk_support::{Platform, ok};
use rstest::rstest;
use serde_json::json;
use switchboard_ports::directory::{Contact, DirectoryError};

const USER: &str = "/topapi/v2/user/get";
const DEPARTMENT: &str = "/topapi/v2/department/get";

#[tokio::test]
async fn a_person_comes_with_the_company_s_mailbox_and_the_name_of_the_department() {
    let platform = Platform::start().await;
    let result = json!({"name": "张三", "email": "own@x.com", "org_email": "zs@corp.example", "mobile": "138",
        "dept_id_list": [7, 8]});
    platform.answers("POST", USER, vec![ok(json!({"errcode": 0, "result": result}))]).await;
    let department = json!({"errcode": 0, "result": {"name": "销售部"}});
    platform.answers("POST", DEPARTMENT, vec![ok(department)]).await;
    let text = |text: &str| Some(text.to_owned());
    let expected = Contact {
        name: text("张三"),
        email: text("zs@corp.example"),
        mobile: text("138"),
        department: text("销售部"),
        disabled: false,
    };
    assert_eq!(platform.link(json!({})).contact("m1").await, Ok(Some(expected)));
    assert_eq!(platform.sent(USER).await, [json!({"userid": "m1"})]);
    assert_eq!(platform.sent(DEPARTMENT).await, [json!({"dept_id": 7})]);
}

/// Whoever enters somebody else's address in the profile is not found by it.
#[rstest]
#[case::no_mailbox(json!({}))]
#[case::an_empty_one(json!({"org_email": "  "}))]
#[tokio::test]
async fn an_address_that_people_enter_themselves_is_none(#[case] mut result: serde_json::Value) {
    let platform = Platform::start().await;
    result["name"] = json!("Ann");
    result["email"] = json!("boss@corp.example");
    platform.answers("POST", USER, vec![ok(json!({"errcode": 0, "result": result}))]).await;
    let ann = platform.link(json!({})).contact("m1").await;
    assert_eq!(ann, Ok(Some(Contact { name: Some("Ann".to_owned()), ..Contact::default() })));
}

#[tokio::test]
async fn without_permissions_for_fields_a_person_has_fewer_of_them() {
    let platform = Platform::start().await;
    let result = json!({"name": "Ann", "email": "", "dept_id_list": [7]});
    platform.answers("POST", USER, vec![ok(json!({"errcode": 0, "result": result}))]).await;
    platform.answers("POST", DEPARTMENT, vec![ok(json!({"errcode": 60011, "errmsg": "no"}))]).await;
    let ann = platform.link(json!({})).contact("m1").await;
    assert_eq!(ann, Ok(Some(Contact { name: Some("Ann".to_owned()), ..Contact::default() })));
}

#[tokio::test]
async fn nobody_of_the_company_is_nobody() {
    let platform = Platform::start().await;
    platform.answers("POST", USER, vec![ok(json!({"errcode": 60121, "errmsg": "找不到该用户"}))]).await;
    assert_eq!(platform.link(json!({})).contact("m1").await, Ok(None));
}

#[rstest]
#[case(json!({"errcode": 60011, "errmsg": "no"}))]
#[case(json!({"errcode": 88, "errmsg": "ding talk error", "sub_code": "60011"}))]
#[tokio::test]
async fn a_missing_permission_is_named(#[case] answer: serde_json::Value) {
    let platform = Platform::start().await;
    platform.answers("POST", USER, vec![ok(answer)]).await;
    let asked = platform.link(json!({})).contact("m1").await;
    assert!(
        matches!(&asked, Err(DirectoryError::Denied(why)) if why.contains("qyapi_get_member")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn questions_that_are_too_many_say_nothing_against_the_address_book() {
    let platform = Platform::start().await;
    platform.answers("POST", USER, vec![ok(json!({"errcode": 90018, "errmsg": "too many"}))]).await;
    let asked = platform.link(json!({})).contact("m1").await;
    assert!(matches!(asked, Err(DirectoryError::Busy(_))), "{asked:?}");
}

#[tokio::test]
async fn an_answer_without_a_person_is_no_answer() {
    let platform = Platform::start().await;
    platform.answers("POST", USER, vec![ok(json!({"errcode": 0}))]).await;
    let asked = platform.link(json!({})).contact("m1").await;
    assert!(matches!(asked, Err(DirectoryError::Malformed(_))), "{asked:?}");
}
