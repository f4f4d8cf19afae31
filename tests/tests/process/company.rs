//! A company of 500 in a real LDAP server: whoever writes becomes the right user, once; nobody becomes somebody else while the
//! server is away; and whoever leaves loses access.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dingtalk_sim::Origin;
use nix::sys::signal::Signal;
use reqwest::Method;
use rstest::rstest;
use serde_json::{Value, json};
use switchboard_tests::looks;
use switchboard_tests::server::Home;
use test_servers::redis;
use test_servers::slapd::{BASE, BIND_DN, PASSWORD, Slapd};

use super::stage::{APP, Plan, Stage, answer_to, chat};

/// People in the directory.
const PEOPLE: usize = 500;
/// Of them, those who write at once at the beginning.
const FIRST: usize = 200;
/// Of those, those whom an administrator has added before.
const ADDED: usize = 50;
/// Those who write when the directory dies.
const HALF_WAY: std::ops::Range<usize> = 200..300;
/// Those who are disabled, or have left.
const GONE: usize = 20;

const LATER: &str = "Your account could not be looked up right now. Please try again in a few minutes.";
const DISABLED: &str = "Your account is disabled. Please ask an administrator to enable it.";

/// What the platform calls somebody, and what the company does.
fn im_user_id(number: usize) -> String {
    format!("e{number}")
}

fn username(number: usize) -> String {
    format!("ann.{number}")
}

fn company() -> String {
    let mut ldif = String::new();
    for number in 0..PEOPLE {
        let (id, name) = (im_user_id(number), username(number));
        write!(
            ldif,
            "dn: uid={name},{BASE}\nobjectClass: inetOrgPerson\nobjectClass: accountBits\nuid: {name}\ncn: Ann {number}\n\
             sn: A\nmail: {name}@corp.example\nemployeeNumber: {id}\nuserAccountControl: 512\n\n"
        )
        .expect("text");
    }
    ldif
}

/// The company's directory, its bot, and what was said to it so far.
struct Company {
    stage: Stage,
    slapd: Slapd,
    said: BTreeMap<usize, Vec<String>>,
}

impl Company {
    async fn start(home: Home) -> Self {
        let slapd = Slapd::start(&company());
        let directory = json!({"name": "corp", "kind": "ldap", "config": {
            "url": format!("ldap://127.0.0.1:{}", slapd.port), "start_tls": false,
            "bind_dn": BIND_DN, "bind_password": PASSWORD, "base": BASE,
            "filter": "(employeeNumber={user_id})", "attributes": {"disabled": "userAccountControl"},
        }});
        let mapping = json!({"mode": "directory", "on_miss": "reject", "directories": [directory],
            "cache_seconds": 1, "miss_seconds": 1});
        let channel = json!({"user_mapping": mapping});
        let stage = Plan { home, channel, ..Plan::default() }.start().await;
        Self { stage, slapd, said: BTreeMap::new() }
    }

    /// Somebody writes; the platform delivers it twice.
    fn say(&self, number: usize, text: &str) {
        let who = im_user_id(number);
        let pushed = self.stage.simulator.push_text(APP, Origin::private(&chat(&who), &who), text);
        assert!(self.stage.simulator.duplicate(&pushed.expect("the platform takes it").msg_id));
    }

    /// Waits until somebody has one more text than before, and gives it.
    async fn hears(&mut self, number: usize) -> String {
        let (who, before) = (im_user_id(number), self.said.entry(number).or_default().len());
        self.stage.wait_count(&who, before + 1).await;
        let texts = self.stage.texts(&who);
        assert_eq!(texts.len(), before + 1, "{who} reads {texts:?}");
        self.said.insert(number, texts.clone());
        texts.last().cloned().expect("one more")
    }

    /// Somebody writes and reads what comes.
    async fn asks(&mut self, number: usize, text: &str) -> String {
        self.say(number, text);
        self.hears(number).await
    }

    /// What would happen to somebody who wrote.
    async fn trial(&self, number: usize) -> Value {
        let path = format!("/channels/{}/mapping/test", self.stage.channel);
        let body = json!({"im_user_id": im_user_id(number)});
        self.stage.api.send(Method::POST, &path, Some(&body)).await.expect(200)
    }

    /// All of a list.
    async fn all(&self, path: &str) -> Vec<Value> {
        let (mut all, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.stage.api.get(&format!("{path}?limit=200{cursor}")).await;
            all.extend(page["items"].as_array().expect("a list").iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return all,
            }
        }
    }

    /// These people are users, each as the directory has it and with one identity, and nobody else is.
    async fn assert_users(&self, numbers: impl Iterator<Item = usize>) {
        let users = self.all("/users").await;
        let found: BTreeMap<_, _> = users
            .iter()
            .map(|user| {
                let identities = user["identities"].as_array().expect("a list");
                let ids: Vec<_> = identities.iter().map(|one| one["im_user_id"].clone()).collect();
                (
                    user["username"].to_string().to_lowercase(),
                    (ids, user["email"].clone(), user["directory"].clone()),
                )
            })
            .collect();
        assert_eq!(found.len(), users.len(), "a name twice");
        let expected: BTreeMap<_, _> = numbers
            .map(|number| {
                let (name, ids) = (username(number), vec![json!(im_user_id(number))]);
                (json!(name).to_string(), (ids, json!(format!("{name}@corp.example")), json!("corp")))
            })
            .collect();
        assert_eq!(found, expected);
    }

    /// How many lines of the audit list tell of an act by the directory.
    async fn told(&self, act: &str) -> usize {
        let lines = self.all("/audit").await;
        lines.iter().filter(|line| line["act"] == act && line["rule"] == "directory").count()
    }
}

/// First messages of many at once, two of each, each delivered twice.
async fn first_messages(company: &mut Company) {
    for number in 0..ADDED {
        // By another case of the letters, as people type names.
        let user = json!({"username": format!("ANN.{number}")});
        company.stage.api.create("/users", &user).await;
    }
    for text in ["a", "b"] {
        (0..FIRST).for_each(|number| company.say(number, text));
    }
    let (a, b) = (answer_to("a"), answer_to("b"));
    for number in 0..FIRST {
        company.stage.wait_count(&im_user_id(number), 2).await;
        let texts = company.stage.texts(&im_user_id(number));
        // Of so many at once some are left to be pushed again: the order is that in which they were taken in.
        assert_eq!(BTreeSet::from_iter(&texts), BTreeSet::from([&a, &b]));
        company.said.insert(number, texts);
    }
    assert_eq!(company.told("created").await, FIRST - ADDED);
    assert_eq!(company.told("linked").await, ADDED);
}

/// The directory dies while others write for the first time; answers who could not be mapped.
async fn dies_half_way(company: &mut Company) -> BTreeSet<usize> {
    HALF_WAY.take(50).for_each(|number| company.say(number, "c"));
    company.slapd.kill();
    HALF_WAY.skip(50).for_each(|number| company.say(number, "c"));
    let mut later = BTreeSet::new();
    for number in HALF_WAY {
        match company.hears(number).await {
            said if said == LATER => {
                later.insert(number);
            }
            said => assert_eq!(said, answer_to("c")),
        }
    }
    assert!(HALF_WAY.skip(50).all(|number| later.contains(&number)), "{later:?}");
    // Whoever writes now for the first time is not mapped, whoever is goes on.
    let late = HALF_WAY.end;
    assert_eq!(company.asks(late, "d").await, LATER);
    later.insert(late);
    for number in 0..10 {
        assert_eq!(company.asks(number, "d").await, answer_to("d"));
    }
    company.assert_users((0..=late).filter(|number| !later.contains(number))).await;
    later
}

/// What is not the directory's to say stays as it was: those who could not be looked up are mapped when it is back.
async fn comes_back(company: &mut Company, later: &BTreeSet<usize>) {
    company.slapd.restart();
    let last = *later.last().expect("somebody");
    looks::until_ok("the directory is asked again", async || {
        let trial = company.trial(last).await;
        if trial["directory"]["answer"] == "found" { Ok(()) } else { Err(trial) }
    })
    .await;
    for number in later {
        assert_eq!(company.asks(*number, "e").await, answer_to("e"));
    }
    company.assert_users(0..=last).await;
}

/// Some are disabled and some taken out.
async fn people_leave(company: &mut Company) {
    let mut ldif = String::new();
    for number in 0..GONE {
        let name = username(number);
        let change = if number % 4 == 0 {
            "changetype: delete"
        } else {
            "changetype: modify\nreplace: userAccountControl\nuserAccountControl: 514"
        };
        write!(ldif, "dn: uid={name},{BASE}\n{change}\n\n").expect("text");
    }
    company.slapd.modify(&ldif);
    for number in 0..GONE {
        looks::until_ok("the cache's time is over", async || {
            let trial = company.trial(number).await;
            if trial["outcome"] == "refuse" { Ok(()) } else { Err(trial) }
        })
        .await;
        assert_eq!(company.asks(number, "f").await, DISABLED);
    }
    for number in GONE..GONE + 10 {
        assert_eq!(company.asks(number, "f").await, answer_to("f"));
    }
    assert_eq!(company.told("shut_out").await, GONE);
    let users = company.all("/users").await;
    assert_eq!(users.iter().filter(|user| user["shut_out_by"] == "corp").count(), GONE);
    // Nor does an outage, or a server that has just been started, let them in again.
    company.slapd.kill();
    company.stage.server.signal(Signal::SIGKILL);
    company.stage.server.end().await;
    company.stage.serve_again().await;
    company.stage.api.wait_connected(&company.stage.channel).await;
    assert_eq!(company.asks(0, "g").await, DISABLED);
    assert_eq!(company.asks(1, "g").await, DISABLED);
    assert_eq!(company.asks(GONE, "g").await, answer_to("g"));
}

#[rstest]
#[case::file(false)]
#[case::redis(true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_company_writes_and_everybody_is_who_the_directory_says(#[case] is_shared: bool) {
    let redis = is_shared.then(|| redis::Server::start(&[]));
    let home = redis.as_ref().map_or_else(Home::default, |redis| Home::on_redis(&redis.url()));
    let mut company = Company::start(home).await;
    first_messages(&mut company).await;
    let later = dies_half_way(&mut company).await;
    comes_back(&mut company, &later).await;
    people_leave(&mut company).await;
    company.stage.assert_no_alarm();
}
