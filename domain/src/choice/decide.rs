//! What a choice leads to: a sentence, and the new choices where something changes.

use alloc::string::String;
use alloc::vec::Vec;

use super::{AllowList, Choices, ChosenModel, LISTED_MAX, NAME_CHARS_MAX, Pick, Tongue};
use crate::ids::AgentId;
use crate::notice::{Listed, Notice};
use crate::outcome::Refusal;
use crate::settings::Locale;

/// An agent that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
}

/// What is known of the models of the agent that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelFacts {
    /// The agent.
    pub agent: AgentId,
    /// What it tells: `None` where it tells none, or could not be asked.
    pub told: Option<Vec<String>>,
    /// Whether it tells more than that.
    pub is_cut: bool,
    /// Those that may be asked for.
    pub allowed: AllowList,
    /// The one that is asked for where nobody chooses.
    pub default: Option<String>,
}

/// What a choice leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// What is said.
    pub notice: Notice,
    /// The choices from now on; `None` where they stay as they are.
    pub choices: Option<Choices>,
}

impl From<Notice> for Decided {
    fn from(notice: Notice) -> Self {
        Self { notice, choices: None }
    }
}

/// `/agents`. `offers` is what the channel offers, `default` its own agent, offered in any case.
#[must_use]
pub fn agents(pick: &Pick, offers: &[Offer], default: Option<&AgentId>, choices: &Choices) -> Decided {
    let own = default.and_then(|id| offers.iter().find(|offer| offer.id == *id));
    let names: Vec<_> = offers.iter().map(|offer| offer.name.as_str()).collect();
    let index = match pick {
        Pick::List => {
            let now =
                choices.agent.as_ref().and_then(|id| offers.iter().find(|offer| offer.id == *id)).or(own);
            let (now, own) = (now.map(|it| it.name.as_str()), own.map(|it| it.name.as_str()));
            return Notice::Agents(listed(&names, now, own)).into();
        }
        Pick::Default => {
            let Some(own) = own else { return Notice::Refused(Refusal::NoAgent).into() };
            let choices = Choices { agent: None, model: None, ..choices.clone() };
            return Decided {
                notice: Notice::AgentChosen { name: own.name.clone() },
                choices: Some(choices),
            };
        }
        Pick::Number(number) => numbered(&names, *number),
        Pick::Name(name) => named(&names, name),
    };
    let Some(chosen) = index.and_then(|index| offers.get(index)) else {
        return Notice::NoSuchAgent.into();
    };
    // A model belongs to its agent.
    let choices = Choices { agent: Some(chosen.id.clone()), model: None, locale: choices.locale };
    Decided { notice: Notice::AgentChosen { name: chosen.name.clone() }, choices: Some(choices) }
}

/// `/models`, of the agent that answers.
#[must_use]
pub fn models(pick: &Pick, facts: &ModelFacts, choices: &Choices) -> Decided {
    let known = known(facts);
    let names: Vec<_> = known.iter().map(String::as_str).collect();
    let index = match pick {
        Pick::List if names.is_empty() => return Notice::ModelsUntold.into(),
        Pick::List => {
            let now = choices.model_of(&facts.agent).or(facts.default.as_deref());
            return Notice::Models(listed(&names, now, facts.default.as_deref())).into();
        }
        Pick::Default => {
            let choices = Choices { model: None, ..choices.clone() };
            return Decided {
                notice: Notice::ModelChosen { name: facts.default.clone() },
                choices: Some(choices),
            };
        }
        Pick::Number(number) => numbered(&names, *number),
        // The model itself may be beyond what is known, behind another one that begins so.
        Pick::Name(name) if facts.is_cut => called(&names, name),
        Pick::Name(name) => named(&names, name),
    };
    let knows_all = facts.told.is_some() && !facts.is_cut;
    let name = match (index.and_then(|index| known.get(index)), pick) {
        (Some(name), _) => name.clone(),
        // Whoever cannot be asked for a list, or not for all of it, takes what an administrator allows.
        (None, Pick::Name(name)) if !knows_all && facts.allowed.allows(name) => name.clone(),
        (None, _) => return Notice::NoSuchModel.into(),
    };
    let model = Some(ChosenModel { agent: facts.agent.clone(), name: name.clone() });
    let choices = Choices { model, ..choices.clone() };
    Decided { notice: Notice::ModelChosen { name: Some(name) }, choices: Some(choices) }
}

/// `/lang`. `default` is the channel's language.
#[must_use]
pub fn language(tongue: Tongue, default: Locale, choices: &Choices) -> Decided {
    let (locale, spoken) = match tongue {
        Tongue::List => return Notice::Languages.into(),
        Tongue::Speak(locale) => (Some(locale), locale),
        Tongue::Default => (None, default),
    };
    let choices = Choices { locale, ..choices.clone() };
    Decided { notice: Notice::LanguageChosen(spoken), choices: Some(choices) }
}

/// The models that there are to choose from: those that the agent tells and that are allowed, else those written down as
/// allowed; in the order of the alphabet, so that a number means the same a moment later.
fn known(facts: &ModelFacts) -> Vec<String> {
    let mut known: Vec<String> = match &facts.told {
        Some(told) => told.iter().filter(|name| facts.allowed.allows(name)).cloned().collect(),
        None => facts.allowed.names().cloned().collect(),
    };
    if let Some(default) = facts.default.as_ref().filter(|_| !known.is_empty()) {
        known.push(default.clone());
    }
    known.retain(|name| !name.is_empty() && name.chars().count() <= NAME_CHARS_MAX);
    known.sort();
    known.dedup();
    known
}

fn numbered(names: &[&str], number: u32) -> Option<usize> {
    let place = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    place.filter(|place| *place < names.len()).or_else(|| named(names, &alloc::format!("{number}")))
}

/// The one that is called so, without regard to case.
fn called(names: &[&str], wanted: &str) -> Option<usize> {
    let wanted = wanted.to_lowercase();
    names.iter().position(|name| name.to_lowercase() == wanted)
}

/// The same; else the only one that begins so.
fn named(names: &[&str], wanted: &str) -> Option<usize> {
    called(names, wanted).or_else(|| {
        let wanted = wanted.to_lowercase();
        let mut begin = names.iter().enumerate().filter(|(_, name)| name.to_lowercase().starts_with(&wanted));
        let (index, _) = begin.next()?;
        begin.next().is_none().then_some(index)
    })
}

fn listed(names: &[&str], now: Option<&str>, default: Option<&str>) -> Listed {
    let owned = |name: &&str| String::from(*name);
    Listed {
        names: names.iter().take(LISTED_MAX).map(owned).collect(),
        more: names.len().saturating_sub(LISTED_MAX),
        now: now.map(String::from),
        default: default.map(String::from),
    }
}
