//! Files: what people send, downloads that go well or badly, and uploads.

use dingtalk_sim::{Content, FaultAction, FaultRule, FileSpec, Push, Simulator};
use reqwest::Response;
use serde_json::{Value, json};

use crate::client::{APP, Api, Stream, ann, data_of, http, simulator};

const DOWNLOAD: &str = "/v1.0/robot/messageFiles/download";
const OBJECTS: &str = "/objects/*";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

/// Sends a picture and returns its download code as the robot got it.
async fn picture_code(simulator: &Simulator) -> String {
    let mut stream = Stream::connect(simulator).await;
    let content = Content::Picture { file: FileSpec::new("cat.png", PNG), one_code: false };
    simulator.push(Push::of(APP, ann(), content)).unwrap();
    let data = data_of(&stream.frame().await);
    assert_eq!(data["msgtype"], "picture");
    data["content"]["downloadCode"].as_str().unwrap().to_owned()
}

async fn url_of(api: &Api, code: &str) -> String {
    let body = json!({"downloadCode": code, "robotCode": APP});
    let answer = api.post(DOWNLOAD, &body).await.expect_ok();
    answer["downloadUrl"].as_str().unwrap().to_owned()
}

async fn get(url: &str) -> Response {
    http().get(url).send().await.unwrap()
}

#[tokio::test]
async fn a_picture_is_downloaded_by_its_code() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let code = picture_code(&simulator).await;
    let url = url_of(&api, &code).await;
    assert!(url.starts_with(simulator.base_url()) && url.contains("Signature="), "{url}");
    let answer = get(&url).await;
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "image/png")
    );
    assert_eq!(answer.bytes().await.unwrap(), PNG);
    let shared = simulator.observe(|seen| seen.messages.last().unwrap().files[0].clone());
    assert_eq!((shared.name.as_str(), shared.size, shared.download_code), ("cat.png", PNG.len(), code));
}

#[tokio::test]
async fn a_code_belongs_to_its_robot_and_ends() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let code = picture_code(&simulator).await;
    for (code, robot, expected) in [
        (code.as_str(), "", "invalidParameter.robotCode.empty"),
        (code.as_str(), "other", "invalidParameter.robotCode.auth"),
        ("unknown", APP, "invalidParameter.robotCode.downloadCode"),
    ] {
        let answer = api.post(DOWNLOAD, &json!({"downloadCode": code, "robotCode": robot})).await;
        assert_eq!(answer.code(), (400, expected));
    }
    simulator.expire_download_codes();
    let answer = api.post(DOWNLOAD, &json!({"downloadCode": code, "robotCode": APP})).await;
    assert_eq!(answer.code(), (400, "invalidParameter.robotCode.downloadCode"));
}

#[tokio::test]
async fn a_signed_address_is_not_to_be_changed() {
    let simulator = simulator(|knobs| knobs.download_url_ttl_ms = 600_000).await;
    let api = Api::new(&simulator).await;
    let url = url_of(&api, &picture_code(&simulator).await).await;
    assert_eq!(get(&url.replace("Expires=", "Expires=9")).await.status(), 403);
    assert_eq!(get(&url.replace("Signature=", "Signature=0")).await.status(), 403);
    assert_eq!(get(&url.replace("/objects/", "/objects/x")).await.status(), 404);
    // A Content-Type header was not signed.
    let typed = http().get(&url).header("content-type", "image/png").send().await.unwrap();
    assert_eq!(typed.status(), 403);
    simulator.add_fault(FaultRule::on(OBJECTS, FaultAction::ExpiredSignature).times(1)).unwrap();
    let expired = get(&url).await;
    assert_eq!(expired.status(), 403);
    assert!(expired.text().await.unwrap().contains("Request has expired"));
    assert_eq!(get(&url).await.status(), 200);
}

#[tokio::test]
async fn a_download_address_ends_by_itself() {
    let simulator = simulator(|knobs| knobs.download_url_ttl_ms = 0).await;
    let api = Api::new(&simulator).await;
    let url = url_of(&api, &picture_code(&simulator).await).await;
    // The end is rounded up to a second, and nothing but time brings it.
    let started = tokio::time::Instant::now();
    while get(&url).await.status() != 403 {
        assert!(started.elapsed() < crate::client::CAP);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn downloads_go_wrong_on_request() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let url = url_of(&api, &picture_code(&simulator).await).await;
    let once = |action: FaultAction| simulator.add_fault(FaultRule::on(OBJECTS, action).times(1)).unwrap();
    once(FaultAction::ContentType { content_type: "text/html".to_owned() });
    assert_eq!(get(&url).await.headers()["content-type"], "text/html");
    once(FaultAction::SlowBody { chunk_bytes: 4, pause_ms: 1 });
    assert_eq!(get(&url).await.bytes().await.unwrap(), PNG);
    once(FaultAction::CutBody { after_bytes: 3 });
    let cut = get(&url).await;
    assert_eq!(cut.status(), 200);
    assert!(cut.bytes().await.is_err(), "a cut body is not whole");
    once(FaultAction::EndlessBody);
    let mut endless = get(&url).await;
    let mut bytes = 0;
    while bytes < 1_000_000 {
        bytes += endless.chunk().await.unwrap().unwrap().len();
    }
    drop(endless);
    once(FaultAction::WrongEncoding);
    assert_eq!(get(&url).await.headers()["content-encoding"], "gzip");
    let no_redirects = http_without_redirects();
    once(FaultAction::Redirect { to: Some("http://192.0.2.1/x".to_owned()) });
    let away = no_redirects.get(&url).send().await.unwrap();
    assert_eq!(
        (away.status().as_u16(), away.headers()["location"].to_str().unwrap()),
        (302, "http://192.0.2.1/x")
    );
    once(FaultAction::Redirect { to: None });
    assert_eq!(get(&url).await.bytes().await.unwrap(), PNG, "the other address leads to the same content");
}

fn http_without_redirects() -> reqwest::Client {
    let _ = http();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn the_answered_address_can_lead_elsewhere() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let code = picture_code(&simulator).await;
    let rule = json!({"path": DOWNLOAD, "times": 1,
                      "action": {"kind": "answer_url", "url": "https://10.0.0.1{path}"}});
    api.post("/sim/api/faults", &rule).await.expect_ok();
    let url = url_of(&api, &code).await;
    assert!(url.starts_with("https://10.0.0.1/objects/"), "{url}");
    assert!(url_of(&api, &code).await.starts_with(simulator.base_url()));
}

async fn upload(api: &Api, kind: &str, name: &str, content: &[u8]) -> Value {
    let url = format!("{}/media/upload?access_token={}&type={kind}", api.base, api.token);
    let mut body = format!(
        "--xyz\r\nContent-Disposition: form-data; name=\"media\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    )
    .into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--xyz--\r\n");
    let request = http().post(url).header("content-type", "multipart/form-data; boundary=xyz").body(body);
    request.send().await.unwrap().text().await.map(|text| serde_json::from_str(&text).unwrap()).unwrap()
}

#[tokio::test]
async fn an_upload_gets_a_media_id_and_can_be_looked_at() {
    let simulator = simulator(|_| {}).await;
    let api = Api::new(&simulator).await;
    let answer = upload(&api, "image", "cat.png", PNG).await;
    assert_eq!((&answer["errcode"], &answer["type"]), (&json!(0), &json!("image")));
    let media_id = answer["media_id"].as_str().unwrap();
    assert!(media_id.starts_with("@lAD"), "{media_id}");
    assert_eq!(simulator.media(media_id).unwrap().content, PNG);
    let listed = api.get("/sim/api/media").await.expect_ok();
    assert_eq!((&listed[0]["name"], &listed[0]["size"]), (&json!("cat.png"), &json!(PNG.len())));
    let shown = get(&format!("{}/sim/media/{media_id}", simulator.base_url())).await;
    assert_eq!(shown.bytes().await.unwrap(), PNG);
}

#[tokio::test]
async fn uploads_are_refused_with_the_documented_codes() {
    let simulator = simulator(|_| {}).await;
    let mut api = Api::new(&simulator).await;
    let two_mb = vec![0_u8; 2 * 1024 * 1024 + 1];
    for (kind, name, content, errcode) in [
        ("picture", "a.png", PNG, 40_004),
        ("image", "a.svg", PNG, 40_005),
        ("file", "a.exe", PNG, 40_005),
        ("voice", "a.amr", two_mb.as_slice(), 40_006),
        ("image", "a.png", b"", 44_001),
    ] {
        assert_eq!(upload(&api, kind, name, content).await["errcode"], errcode, "{kind} {name}");
    }
    let plain = api.post(&format!("/media/upload?access_token={}&type=image", api.token), &json!({})).await;
    assert_eq!(plain.expect_ok()["errcode"], 43_008);
    simulator.replace_scopes(APP, &["qyapi_robot_sendmsg"]);
    assert_eq!(upload(&api, "image", "a.png", PNG).await["errcode"], 60_011);
    simulator.expire_tokens();
    assert_eq!(upload(&api, "image", "a.png", PNG).await["errcode"], 42_001);
    "wrong".clone_into(&mut api.token);
    assert_eq!(upload(&api, "image", "a.png", PNG).await["errcode"], 40_014);
    assert!(simulator.uploads().is_empty());
}
