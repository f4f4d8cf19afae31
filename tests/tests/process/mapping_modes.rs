//! Every mode of mapping on every store: the same scenarios, with the same outcome, through the real program.

use std::fs;

use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_tests::looks;
use switchboard_tests::server::Home;
use test_servers::redis;

use super::stage::{Plan, Stage, answer_to};

const UNKNOWN: &str = "I could not find an account for you. Please ask an administrator to set one up.";
const DISABLED: &str = "Your account is disabled. Please ask an administrator to enable it.";

#[derive(Debug, Clone, Copy)]
enum Store {
    Memory,
    File,
    Redis,
    Cluster,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    AutoCreate,
    MatchUsername,
    MatchEmail,
    FixedUser,
    Directory,
}

/// A store of the kind; Redis lives as long as what comes with it.
fn home(store: Store) -> (Home, Option<redis::Server>, Option<redis::Cluster>) {
    match store {
        Store::Memory => {
            let mut home = Home::default();
            home.set("SWITCHBOARD_STORE__URL", "memory:");
            (home, None, None)
        }
        Store::File => (Home::default(), None, None),
        Store::Redis => {
            let redis = redis::Server::start(&[]);
            (Home::on_redis(&redis.url()), Some(redis), None)
        }
        Store::Cluster => {
            let cluster = redis::Cluster::start();
            (Home::on_redis(&cluster.url()), None, Some(cluster))
        }
    }
}

/// What a mode makes of people: of one whose name a user has, of one whose address a user has, of one whose address two
/// have, of one whom the directory alone knows, of one whom it has twice, and of one whom nobody knows.
struct Expected {
    /// Whom `e_name`, `e_mail`, `e_both`, `e_known`, `e_twice` and `e_nobody` become; `None`: nobody.
    with_reject: [Option<&'static str>; 6],
    /// The same with `on_miss: create`.
    with_create: [Option<&'static str>; 6],
}

const PEOPLE: [&str; 6] = ["e_name", "e_mail", "e_both", "e_known", "e_twice", "e_nobody"];

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::AutoCreate => "auto_create",
            Self::MatchUsername => "match_username",
            Self::MatchEmail => "match_email",
            Self::FixedUser => "fixed_user",
            Self::Directory => "directory",
        }
    }

    fn expected(self) -> Expected {
        let made = PEOPLE.map(Some);
        let nobody_but = |place: usize, who| {
            let mut all = [None; 6];
            all[place] = Some(who);
            all
        };
        let known = [Some("e_name"), Some("mail"), Some("both"), Some("known"), None, None];
        let (with_reject, with_create) = match self {
            Self::AutoCreate | Self::MatchUsername => (nobody_but(0, "e_name"), made),
            // Whom the directory knows is not whoever has the name, and nobody where two have the address.
            Self::MatchEmail => {
                let known = nobody_but(1, "mail");
                let mut create = known;
                create[3] = Some("e_known");
                create[5] = Some("e_nobody");
                (known, create)
            }
            Self::FixedUser => ([Some("fixed"); 6], [Some("fixed"); 6]),
            Self::Directory => {
                let mut create = known;
                create[5] = Some("e_nobody");
                (known, create)
            }
        };
        Expected { with_reject, with_create }
    }
}

/// A bot whose server has users and a directory, in a file.
struct Scene {
    stage: Stage,
    mode: Mode,
    fixed: String,
}

impl Scene {
    async fn start(home: Home, mode: Mode) -> Self {
        let people = home.path().join("people.json");
        let person =
            |id: &str, name: &str, email: &str| json!({"user_id": id, "username": name, "email": email});
        let mut gone = person("e_gone", "gone", "gone@corp.example");
        gone["disabled"] = json!(true);
        let known = json!([
            person("e_name", "e_name", ""),
            person("e_mail", "mail", "Mail@corp.example"),
            person("e_both", "both", "both@corp.example"),
            person("e_known", "known", ""),
            person("e_twice", "one", ""),
            person("e_twice", "two", ""),
            gone,
        ]);
        fs::write(&people, known.to_string()).expect("a file");
        let stage = Plan { home, ..Plan::default() }.start().await;
        let user = async |username: &str, email: Value| {
            let is_verified = !email.is_null();
            let user = json!({"username": username, "email": email, "email_verified": is_verified});
            stage.api.create("/users", &user).await
        };
        user("E_NAME", Value::Null).await;
        user("mail", json!("mail@corp.example")).await;
        user("both", json!("both@corp.example")).await;
        user("other", json!("BOTH@corp.example")).await;
        let fixed = user("fixed", Value::Null).await;
        let scene = Self { stage, mode, fixed };
        scene.map(&people.display().to_string(), "reject").await;
        scene
    }

    async fn map(&self, path: &str, on_miss: &str) {
        let mut mapping = json!({"mode": self.mode.name(), "on_miss": on_miss});
        match self.mode {
            Mode::FixedUser => mapping["user_id"] = json!(self.fixed),
            Mode::MatchEmail | Mode::Directory => {
                let directory = json!({"name": "staff", "kind": "file", "config": {"path": path}});
                mapping["directories"] = json!([directory]);
                mapping["cache_seconds"] = json!(1);
                mapping["miss_seconds"] = json!(1);
            }
            Mode::AutoCreate | Mode::MatchUsername => {}
        }
        let path = format!("/channels/{}", self.stage.channel);
        self.stage.api.patch(&path, &json!({"user_mapping": mapping})).await;
    }

    /// The user whom somebody is linked to.
    async fn linked(&self, person: &str) -> Option<String> {
        let users = self.stage.api.get("/users?limit=200").await;
        let has = |user: &&Value| {
            let identities = user["identities"].as_array().expect("a list");
            identities.iter().any(|identity| identity["im_user_id"] == person)
        };
        let linked: Vec<_> = users["items"].as_array().expect("a list").iter().filter(has).collect();
        assert!(linked.len() < 2, "{linked:?}");
        linked.first().map(|user| user["username"].as_str().expect("a name").to_lowercase())
    }

    /// Whom somebody would become, without becoming it.
    async fn trial(&self, person: &str) -> Value {
        let path = format!("/channels/{}/mapping/test", self.stage.channel);
        let body = json!({"im_user_id": person, "name": person});
        self.stage.api.send(Method::POST, &path, Some(&body)).await.expect(200)
    }

    /// How many messages were refused, told or not.
    async fn refused(&self) -> f64 {
        let metric =
            format!("switchboard_turns_total{{channel=\"{}\",outcome=\"refused\"}}", self.stage.channel);
        self.stage.api.metric(&metric).await
    }

    /// Two messages of each at once; whoever is nobody is told so once in a minute, and the dry run said it before.
    async fn round(&self, expected: &[Option<&'static str>; 6], heard: &mut [Vec<String>; 6], round: &str) {
        let texts = [format!("{round} one"), format!("{round} two")];
        let nobodies = expected.iter().filter(|who| who.is_none()).count();
        let refused = self.refused().await + f64::from(u32::try_from(2 * nobodies).expect("a few"));
        for (person, who) in PEOPLE.iter().zip(expected) {
            let trial = self.trial(person).await;
            let is_somebody = matches!(trial["outcome"].as_str(), Some("use" | "link" | "create"));
            assert_eq!(is_somebody, who.is_some(), "{person} {trial}");
            for text in &texts {
                self.stage.say(person, text);
            }
        }
        looks::until("all refusals", async || (self.refused().await >= refused).then_some(())).await;
        for ((person, who), heard) in PEOPLE.iter().zip(expected).zip(heard) {
            if who.is_some() {
                heard.extend(texts.iter().map(|text| answer_to(text)));
                let heard: Vec<_> = heard.iter().map(String::as_str).collect();
                self.stage.wait_texts(person, &heard).await;
            } else {
                self.stage.wait_count(person, 1).await;
                *heard = self.stage.texts(person);
                assert!(heard.iter().all(|text| text == UNKNOWN), "{heard:?}");
            }
            let linked = who.filter(|_| !matches!(self.mode, Mode::FixedUser)).map(str::to_owned);
            assert_eq!(self.linked(person).await, linked, "{person}");
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_mode_makes_the_same_of_people_on_each_store(
    #[values(Store::Memory, Store::File, Store::Redis, Store::Cluster)] store: Store,
    #[values(Mode::AutoCreate, Mode::MatchUsername, Mode::MatchEmail, Mode::FixedUser, Mode::Directory)]
    mode: Mode,
) {
    let (home, _redis, _cluster) = home(store);
    let people = home.path().join("people.json").display().to_string();
    let scene = Scene::start(home, mode).await;
    let (expected, mut heard) = (mode.expected(), <[Vec<String>; 6]>::default());
    scene.round(&expected.with_reject, &mut heard, "first").await;
    scene.map(&people, "create").await;
    scene.round(&expected.with_create, &mut heard, "second").await;
    // An existing link wins over every mode.
    let by_hand = scene.stage.api.create("/users", &json!({"username": "by.hand"})).await;
    let path = format!("/users/{by_hand}/identities/dingtalk/e_hand");
    scene.stage.api.send(Method::PUT, &path, None).await.expect(200);
    scene.stage.say("e_hand", "hello");
    scene.stage.wait_texts("e_hand", &[&answer_to("hello")]).await;
    assert_eq!(scene.linked("e_hand").await.as_deref(), Some("by.hand"));
    // And whoever is disabled is refused, by an administrator or by a directory.
    scene.stage.api.patch(&format!("/users/{by_hand}"), &json!({"disabled": true})).await;
    scene.stage.say("e_hand", "again");
    scene.stage.wait_texts("e_hand", &[&answer_to("hello"), DISABLED]).await;
    if matches!(mode, Mode::Directory | Mode::MatchEmail) {
        scene.stage.say("e_gone", "hello");
        scene.stage.wait_texts("e_gone", &[DISABLED]).await;
        assert_eq!(scene.linked("e_gone").await, None);
    }
    scene.stage.assert_no_alarm();
}
