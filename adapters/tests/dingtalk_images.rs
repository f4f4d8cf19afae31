//! Images in answers over HTTP: got, uploaded once, shown by their media id; what fails leaves the link.
#![allow(clippy::indexing_slicing, reason = "assertions on JSON bodies: a missing field is a failed test")]

mod dingtalk_support;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dingtalk_support::{
    GROUP_SEND, Platform, STREAMING, card, finish, group, ok, own_template, send, update,
};
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_domain::reply::{CardOutcome, PartOutcome, Way};
use switchboard_ports::provider::Link;
use wiremock::ResponseTemplate;

const UPLOAD: &str = "/media/upload";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nthe rest of a picture";

fn picture(content: &[u8]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_bytes(content)
}

fn uploaded(id: &str) -> ResponseTemplate {
    ok(json!({"errcode": 0, "errmsg": "ok", "type": "image", "media_id": id}))
}

/// A platform that takes cards and messages and has a picture at `/p.png`; uploads are answered in this order.
async fn platform(uploads: Vec<ResponseTemplate>) -> (Platform, Arc<dyn Link>, String) {
    let platform = Platform::start().await;
    platform.takes_cards().await;
    platform.answers("POST", GROUP_SEND, vec![ok(json!({"processQueryKey": "pqk"}))]).await;
    platform.answers("GET", "/p.png", vec![picture(PNG)]).await;
    platform.answers("POST", UPLOAD, uploads).await;
    let link = platform.link(own_template());
    let address = format!("{}/p.png", platform.server.uri());
    (platform, link, address)
}

async fn count(platform: &Platform, path: &str) -> usize {
    platform.asked().await.iter().filter(|asked| *asked == path).count()
}

async fn streamed(platform: &Platform) -> Vec<Value> {
    platform.sent(STREAMING).await.into_iter().map(|body| body["content"].clone()).collect()
}

#[tokio::test]
async fn a_finish_uploads_its_images_once_and_shows_them_by_their_media_ids() {
    let (platform, link, address) = platform(vec![uploaded("@lADPxample")]).await;
    let text = format!("Look: ![a chart]({address}) `![a chart]({address})`");
    assert_eq!(card(&link, &group(), update(&text)).await, CardOutcome::Done);
    assert_eq!(count(&platform, UPLOAD).await, 0, "an update waits for no image");
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), update(&text)).await, CardOutcome::Done);
    let shown = format!("Look: ![a chart](@lADPxample) `![a chart]({address})`");
    assert_eq!(streamed(&platform).await, [json!(text), json!(shown), json!(shown), json!(shown)]);
    assert_eq!((count(&platform, "/p.png").await, count(&platform, UPLOAD).await), (1, 1));

    let requests = platform.server.received_requests().await.unwrap();
    let upload = requests.iter().find(|request| request.url.path() == UPLOAD).unwrap();
    assert_eq!(upload.url.query(), Some("access_token=token-1&type=image"));
    let body = String::from_utf8_lossy(&upload.body);
    assert!(
        body.contains("name=\"media\"; filename=\"image.png\"\r\nContent-Type: image/png\r\n\r\n"),
        "{body}"
    );
    assert!(upload.body.windows(PNG.len()).any(|window| window == PNG), "the picture is sent as it is");
}

#[tokio::test]
async fn a_plain_message_shows_its_images_too() {
    let (platform, link, address) = platform(vec![uploaded("@lADPxample")]).await;
    let text = format!("![a]({address})");
    assert_eq!(send(&link, group(), Way::Api, &text).await, PartOutcome::Sent);
    let param: Value =
        serde_json::from_str(platform.sent(GROUP_SEND).await[0]["msgParam"].as_str().unwrap()).unwrap();
    assert_eq!(param["text"], "![a](@lADPxample)");
}

#[tokio::test]
async fn images_in_html_those_defined_below_and_those_written_out_are_uploaded_too() {
    let (platform, link, address) = platform(vec![uploaded("@lADPxample")]).await;
    let data = format!("data:image/png;base64,{}", STANDARD.encode(PNG));
    let text =
        format!("<img src='{address}' alt='a'> ![b][p]\n\n![c]({data}) `![d]({data})`\n\n[p]: {address}");
    assert_eq!(card(&link, &group(), update(&text)).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    let code = format!("`![d]({data})`");
    assert_eq!(
        streamed(&platform).await,
        [
            json!(format!("![a]({address}) ![b]({address})\n\n🖼 c {code}")),
            json!(format!("![a](@lADPxample) ![b](@lADPxample)\n\n![c](@lADPxample) {code}")),
        ]
    );
    assert_eq!((count(&platform, "/p.png").await, count(&platform, UPLOAD).await), (1, 2));
}

#[rstest]
#[case::no_picture("data:image/png;base64,AAAA")]
#[case::no_base64("data:image/svg+xml,svg")]
#[case::broken("data:image/png;base64,A")]
#[tokio::test]
async fn an_image_written_out_that_cannot_be_uploaded_becomes_a_sign(#[case] data: &str) {
    let (platform, link, _) = platform(vec![uploaded("@l")]).await;
    let text = format!("![a]({data})");
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert_eq!(streamed(&platform).await, [json!("🖼 a")]);
    assert_eq!(count(&platform, UPLOAD).await, 0);
}

#[rstest]
#[case::refused(picture(PNG), ok(json!({"errcode": 40_004, "errmsg": "invalid media type"})))]
#[case::no_id(picture(PNG), ok(json!({"errcode": 0})))]
#[case::strange_id(picture(PNG), uploaded(") <b>"))]
#[case::not_found(ResponseTemplate::new(404), uploaded("@l"))]
#[case::no_picture(picture(b"<html>"), uploaded("@l"))]
#[case::too_large(picture(&[PNG, &vec![0; 5 * 1024 * 1024]].concat()), uploaded("@l"))]
#[case::elsewhere(
    ResponseTemplate::new(302).insert_header("location", "http://localhost.invalid/p.png"),
    uploaded("@l")
)]
#[tokio::test]
async fn an_image_that_cannot_be_had_leaves_its_link(
    #[case] answer: ResponseTemplate,
    #[case] upload: ResponseTemplate,
) {
    let (platform, link, _) = platform(vec![upload]).await;
    platform.answers("GET", "/q.png", vec![answer]).await;
    let text = format!("![a]({}/q.png)", platform.server.uri());
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert_eq!(streamed(&platform).await, [json!(text), json!(text)]);
    assert_eq!(count(&platform, "/q.png").await, 1, "it is not asked for again and again");
}

#[tokio::test]
async fn an_upload_with_an_expired_token_is_made_once_more() {
    let expired = ok(json!({"errcode": 42_001, "errmsg": "expired"}));
    let (platform, link, address) = platform(vec![expired, uploaded("@lADPxample")]).await;
    assert_eq!(card(&link, &group(), finish(&format!("![a]({address})"))).await, CardOutcome::Done);
    assert_eq!(streamed(&platform).await, [json!("![a](@lADPxample)")]);
}

#[rstest]
#[case::throttled(ok(json!({"errcode": 90018, "errmsg": "too many"})))]
#[case::unclear(ResponseTemplate::new(502))]
#[case::a_month_used_up(ok(json!({"errcode": 90020, "errmsg": "no more calls"})))]
#[tokio::test]
async fn an_upload_that_may_succeed_later_is_tried_with_the_next_text(#[case] refused: ResponseTemplate) {
    let (platform, link, address) = platform(vec![refused, uploaded("@lADPlater")]).await;
    let text = format!("![a]({address})");
    for shown in [text.as_str(), "![a](@lADPlater)"] {
        assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
        assert_eq!(streamed(&platform).await.pop(), Some(json!(shown)));
    }
}

#[tokio::test]
async fn five_images_of_an_answer_are_uploaded_and_the_others_stay_links() {
    let (platform, link, _) = platform(vec![uploaded("@l")]).await;
    for number in 0..7 {
        platform.answers("GET", &format!("/{number}.png"), vec![picture(PNG)]).await;
    }
    let base = platform.server.uri();
    let text: Vec<_> = (0..7).map(|number| format!("![a]({base}/{number}.png)")).collect();
    card(&link, &group(), finish(&text.join(" "))).await;
    assert_eq!(count(&platform, UPLOAD).await, 5);
    let shown = streamed(&platform).await.remove(0);
    assert_eq!(shown.as_str().unwrap().matches("(@l)").count(), 5);
}

#[tokio::test]
async fn an_image_that_never_comes_does_not_hold_the_answer_up_for_long() {
    let (platform, link, _) = platform(vec![uploaded("@l")]).await;
    let slow = picture(PNG).set_delay(std::time::Duration::from_mins(1));
    platform.answers("GET", "/slow.png", vec![slow]).await;
    let begun = tokio::time::Instant::now();
    let text = format!("![a]({}/slow.png)", platform.server.uri());
    assert_eq!(card(&link, &group(), finish(&text)).await, CardOutcome::Done);
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
    assert_eq!(streamed(&platform).await, [json!(text)]);
}
