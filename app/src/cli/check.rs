//! `switchboard check`: configuration, store, platforms, agents; one line each.

use std::sync::Arc;

use switchboard_domain::channel::ErrorCode;
use switchboard_domain::notice::{Finding, remedy};
use switchboard_domain::settings::Locale;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;
use switchboard_ports::durability::Durability;
use switchboard_ports::error::StoreError;
use switchboard_ports::provider::{CheckResult, Unmetered};

use super::exit::Exit;
use super::seam::{Catalog, Composition, OpenMode};
use super::server::tls;
use super::{Place, say};
use crate::config::reconcile::{Known, plan};
use crate::config::{self, Config, Environment, StoreUrl};
use crate::http::channels::references;
use crate::http::channels::test::CheckView;
use crate::http::dto::channel_input::{References, named_users};
use crate::http::tls::Standing;
use crate::ports::Ports;
use crate::runtime::directories::Chains;
use crate::trial::{self, Outcome};

/// What is stored, as far as it can be read.
#[derive(Default)]
struct Stored {
    agents: Vec<AgentConfig>,
    channels: Vec<Channel>,
    references: References,
}

/// Counts what failed while saying each line.
#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    fn line(&mut self, what: &str, outcome: Result<String, String>) {
        match outcome {
            Ok(words) => self.say(CheckResult::Ok, what, &words),
            Err(words) => self.say(CheckResult::Failed, what, &words),
        }
    }

    fn say(&mut self, result: CheckResult, what: &str, words: &str) {
        if result == CheckResult::Failed {
            self.failed = self.failed.saturating_add(1);
        }
        say::to_stdout(&format!("{} {what}: {}", word(result), one_line(words)));
    }
}

/// A line about something to know that is no failure.
fn warn(what: &str, words: &str) {
    say::to_stdout(&format!("warning {what}: {}", one_line(words)));
}

/// How a line of the report begins.
const fn word(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Ok => "ok     ",
        CheckResult::Failed => "failed ",
        CheckResult::CannotBeTold => "unknown",
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Runs all checks; exit 1 if one failed.
pub async fn run(
    place: &Place,
    environment: &Environment,
    composition: &dyn Composition,
) -> Result<(), Exit> {
    let config = config::load(&place.overrides(None), environment)?;
    let tls = tls(&config)?;
    let catalog = composition.catalog(&config)?;
    let mut report = Report::default();
    let file =
        place.config.as_ref().map_or_else(|| String::from("defaults"), |path| path.display().to_string());
    let mut stored = store(&config, composition, &mut report).await?;
    stored.references.directories = catalog.directories.clone();
    let known = Known {
        kinds: &catalog.kinds,
        providers: &catalog.providers,
        entropy: &*catalog.entropy,
        now: catalog.clock.now(),
    };
    let plan = plan(&config.declared, &stored.agents, &stored.channels, &stored.references, known)?;
    report.line("configuration", Ok(file));
    if let Some((standing, words)) = tls.and_then(|tls| tls.standing(catalog.clock.now())) {
        report.line("certificate", certificate(standing, words));
    }
    let agents = overlay(stored.agents, plan.agents, |agent| agent.id.to_string());
    let channels = overlay(stored.channels, plan.channels, |channel| channel.id.to_string());
    let locale = locale(environment);
    for channel in channels.iter().filter(|channel| channel.enabled) {
        platform(channel, &catalog, locale, &mut report).await;
        if channel.default_agent.is_none() {
            let words = remedy(ErrorCode::NoAgent, locale);
            let what = format!("channel \"{}\" agent", channel.name);
            report.line(&what, Err(format!("{} {}", words.message, words.remedy)));
        }
    }
    for agent in &agents {
        sign_of_life(agent, &catalog, locale, &mut report).await;
    }
    match report.failed {
        0 => Ok(()),
        1 => Err(Exit::Failed(String::from("1 check failed"))),
        failed => Err(Exit::Failed(format!("{failed} checks failed"))),
    }
}

/// What clients would refuse has failed; what they will refuse soon is in the words.
const fn certificate(standing: Standing, words: String) -> Result<String, String> {
    match standing {
        Standing::Good | Standing::EndsSoon => Ok(words),
        Standing::NotYet | Standing::Ended => Err(words),
    }
}

/// Reads the store and tries to write. A store that is not there fails its line and leaves what the file declares to be checked.
async fn store(config: &Config, composition: &dyn Composition, report: &mut Report) -> Result<Stored, Exit> {
    let url = config.store.url.to_string();
    if config.store.url == StoreUrl::Memory {
        report.line("store", Ok(format!("{url} (lives in the server's process, nothing to reach)")));
        return Ok(Stored::default());
    }
    let outcome = match composition.open(config, OpenMode::Existing).await {
        Ok(ports) => read(config, &ports).await.map_err(|error| error.to_string()),
        Err(super::seam::ComposeError::Config(error)) => return Err(error.into()),
        Err(super::seam::ComposeError::Failed(line)) => Err(line),
    };
    // Also where the server has not made its store yet: what it may lose is to be known before people write.
    let tried = composition.try_writing(config).await;
    let durability = tried.as_ref().ok().cloned();
    let told = match &outcome {
        Ok(_) => tried.map(|_| url).map_err(|error| error.to_string()),
        Err(line) => Err(line.clone()),
    };
    report.line("store", told);
    match &durability {
        None | Some(Durability::Durable) => {}
        Some(found @ Durability::CannotBeTold) => {
            report.say(CheckResult::CannotBeTold, "store durability", &found.to_string());
        }
        // A choice that people may make, as long as they know it.
        Some(found @ Durability::Lossy(_)) => warn("store durability", &found.to_string()),
    }
    Ok(outcome.unwrap_or_default())
}

async fn read(config: &Config, ports: &Ports) -> Result<Stored, StoreError> {
    let documents: Vec<_> = config.declared.channels.iter().collect();
    let mut references = references(ports, &documents).await?;
    // Users belong to the running server: beside it nobody can tell whether one exists.
    references.users.extend(documents.iter().flat_map(|document| named_users(document)));
    let (agents, channels) = (ports.agents.list().await?, ports.channels.list().await?);
    Ok(Stored { agents, channels, references })
}

/// Stored records with the planned ones over them.
fn overlay<T>(stored: Vec<T>, planned: Vec<T>, id: impl Fn(&T) -> String) -> Vec<T> {
    let kept = stored.into_iter().filter(|one| !planned.iter().any(|other| id(other) == id(one)));
    let mut all: Vec<T> = kept.collect();
    all.extend(planned);
    all
}

/// One line for each thing that the platform was asked; one where it cannot be asked at all.
async fn platform(channel: &Channel, catalog: &Catalog, locale: Locale, report: &mut Report) {
    let what = format!("channel \"{}\"", channel.name);
    let Some(provider) = catalog.providers.get(channel.platform.as_str()) else {
        let words = format!("the platform \"{}\" is not available in this version", channel.platform);
        return report.line(&what, Err(words));
    };
    let link = match provider.link(channel, Arc::new(Unmetered)) {
        Ok(link) => link,
        Err(errors) => {
            let fields: Vec<_> =
                errors.iter().map(|error| format!("/config{} {}", error.pointer, error.message)).collect();
            return report.line(&what, Err(fields.join("; ")));
        }
    };
    let chain = Chains::default().of(channel, &catalog.directories.0, &catalog.clock);
    let directories = async {
        match &chain {
            Some(chain) => chain.checks(&link, &channel.platform).await,
            None => Vec::new(),
        }
    };
    let (mut checks, directories) = tokio::join!(link.preflight(), directories);
    checks.extend(directories);
    for check in checks {
        let view = CheckView::of(&check, locale);
        // What is fine needs no advice.
        let remedy = view.remedy.filter(|_| check.result != CheckResult::Ok);
        let words =
            remedy.map_or_else(|| view.message.clone(), |remedy| format!("{} {remedy}", view.message));
        report.say(check.result, &format!("{what} {}", check.name), &words);
    }
}

async fn sign_of_life(agent: &AgentConfig, catalog: &Catalog, locale: Locale, report: &mut Report) {
    let what = format!("agent \"{}\"", agent.name);
    let trial = trial::asked(agent, &catalog.kinds, None).await;
    match (trial.outcome, trial.first_output_ms) {
        (Outcome::Failed(error), _) => {
            let said = format!("{} {}", error.code, error.message);
            let remedy = remedy(trial::error_code(&error), locale).remedy;
            report.line(&what, Err(format!("{} {remedy}", said.trim_end())));
        }
        (Outcome::WantsUser, _) => {
            let words = Finding::AgentWantsUser.words(locale);
            let words = format!("{} {}", words.message, words.remedy.unwrap_or_default());
            report.say(CheckResult::CannotBeTold, &what, words.trim_end());
        }
        (Outcome::Answered, Some(millis)) => {
            report.line(&what, Ok(format!("first output after {millis} ms")));
        }
        (Outcome::Answered, None) => report.line(&what, Ok(String::from("answered"))),
    }
}

/// The language that the terminal's variables ask for (POSIX, "Internationalization Variables"): ours of them, else English.
fn locale(environment: &Environment) -> Locale {
    let variables = ["LC_ALL", "LC_MESSAGES", "LANG"];
    let asked = variables.iter().filter_map(|name| environment.value(name)).find(|value| !value.is_empty());
    if asked.is_some_and(|value| value.to_ascii_lowercase().starts_with("zh")) {
        Locale::ZhCn
    } else {
        Locale::En
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Environment, Locale, locale};

    #[rstest]
    #[case([("LANG", "zh_CN.UTF-8")], Locale::ZhCn)]
    #[case([("LANG", "en_GB.UTF-8")], Locale::En)]
    #[case([("LANG", "C")], Locale::En)]
    #[case([("LC_MESSAGES", "zh_CN"), ("LANG", "en_GB")], Locale::ZhCn)]
    #[case([("LC_ALL", "C"), ("LANG", "zh_CN")], Locale::En)]
    #[case([("LC_ALL", ""), ("LANG", "zh_CN")], Locale::ZhCn)]
    fn the_terminals_language_is_spoken<const N: usize>(
        #[case] variables: [(&str, &str); N],
        #[case] expected: Locale,
    ) {
        assert_eq!(locale(&Environment::of(variables)), expected);
    }
}
