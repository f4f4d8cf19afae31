//! What a choice leads to, over every combination of facts.

use proptest::prelude::*;
use rstest::rstest;

use super::{
    AllowList, Choices, ChosenModel, Decided, LISTED_MAX, ModelFacts, Offer, Pick, Tongue, agents, language,
    models,
};
use crate::ids::AgentId;
use crate::notice::Notice;
use crate::outcome::Refusal;
use crate::settings::Locale;

fn id(id: &str) -> AgentId {
    AgentId::new(id)
}

fn offers() -> Vec<Offer> {
    let offer = |of, name: &str| Offer { id: id(of), name: name.into() };
    vec![
        offer("agt_1", "coder"),
        offer("agt_2", "Code Reviewer"),
        offer("agt_3", "7"),
        offer("agt_4", "助手"),
    ]
}

fn name(name: &str) -> Pick {
    Pick::Name(name.into())
}

#[rstest]
#[case(Pick::Number(1), Some("agt_1"))]
#[case(Pick::Number(4), Some("agt_4"))]
#[case(Pick::Number(7), Some("agt_3"))]
#[case(Pick::Number(0), None)]
#[case(Pick::Number(5), None)]
#[case(Pick::Number(u32::MAX), None)]
#[case(name("coder"), Some("agt_1"))]
#[case(name("CODER"), Some("agt_1"))]
#[case(name("code reviewer"), Some("agt_2"))]
#[case(name("code r"), Some("agt_2"))]
#[case(name("cod"), None)]
#[case(name("助"), Some("agt_4"))]
#[case(name("nobody"), None)]
fn an_agent_is_chosen_by_place_or_name(#[case] pick: Pick, #[case] chosen: Option<&str>) {
    let before = Choices {
        agent: None,
        model: Some(ChosenModel { agent: id("agt_1"), name: "m".into() }),
        locale: Some(Locale::ZhCn),
    };
    let decided = agents(&pick, &offers(), Some(&id("agt_1")), &before);
    match chosen {
        Some(chosen) => {
            let after = decided.choices.expect("a choice");
            let expected = Choices { agent: Some(id(chosen)), model: None, locale: Some(Locale::ZhCn) };
            assert_eq!(after, expected, "the model goes with its agent, the language stays");
            assert!(matches!(decided.notice, Notice::AgentChosen { .. }));
        }
        None => assert_eq!(decided, Decided::from(Notice::NoSuchAgent)),
    }
}

#[test]
fn the_default_is_the_channel_s_agent_where_it_has_one() {
    let before = Choices { agent: Some(id("agt_2")), ..Choices::default() };
    let decided = agents(&Pick::Default, &offers(), Some(&id("agt_1")), &before);
    assert_eq!(decided.notice, Notice::AgentChosen { name: "coder".into() });
    assert_eq!(decided.choices, Some(Choices::default()));
    for none in [None, Some(&id("agt_9"))] {
        let decided = agents(&Pick::Default, &offers(), none, &before);
        assert_eq!(decided, Decided::from(Notice::Refused(Refusal::NoAgent)));
    }
}

#[rstest]
#[case(None, None, None)]
#[case(None, Some("agt_1"), Some("coder"))]
#[case(Some("agt_2"), Some("agt_1"), Some("Code Reviewer"))]
#[case(Some("agt_9"), Some("agt_1"), Some("coder"))]
fn the_list_marks_who_answers(
    #[case] chosen: Option<&str>,
    #[case] default: Option<&str>,
    #[case] now: Option<&str>,
) {
    let choices = Choices { agent: chosen.map(id), ..Choices::default() };
    let decided = agents(&Pick::List, &offers(), default.map(id).as_ref(), &choices);
    let Notice::Agents(listed) = decided.notice else { panic!("no list") };
    assert_eq!((listed.now.as_deref(), decided.choices), (now, None));
    assert_eq!((listed.names.len(), listed.more), (4, 0));
}

fn facts(told: Option<&[&str]>, allowed: &[&str], default: Option<&str>) -> ModelFacts {
    let owned = |names: &[&str]| names.iter().map(|name| String::from(*name)).collect();
    ModelFacts {
        agent: id("agt_1"),
        told: told.map(owned),
        is_cut: false,
        allowed: AllowList(owned(allowed)),
        default: default.map(Into::into),
    }
}

fn listed(facts: &ModelFacts) -> Option<Vec<String>> {
    let notice = models(&Pick::List, facts, &Choices::default()).notice;
    if let Notice::Models(listed) = notice {
        return Some(listed.names);
    }
    assert_eq!(notice, Notice::ModelsUntold);
    None
}

#[rstest]
#[case(Some(&["b", "a"][..]), &[], None, Some(&["a", "b"][..]))]
#[case(Some(&["b", "a", "b"][..]), &[], Some("c"), Some(&["a", "b", "c"][..]))]
#[case(Some(&["gpt-4", "gpt-5", "o1"][..]), &["gpt-*"], None, Some(&["gpt-4", "gpt-5"][..]))]
#[case(Some(&["gpt-4", "gpt-5", "o1"][..]), &["o1", "x"], Some("gpt-4"), Some(&["gpt-4", "o1"][..]))]
#[case(Some(&["a"][..]), &["x"], None, None)]
#[case(Some(&[][..]), &[], Some("m"), None)]
#[case(None, &["x", "gpt-*"], None, Some(&["x"][..]))]
#[case(None, &["gpt-*"], None, None)]
#[case(None, &[], Some("m"), None)]
fn the_list_is_what_the_agent_tells_and_an_administrator_allows(
    #[case] told: Option<&[&str]>,
    #[case] allowed: &[&str],
    #[case] default: Option<&str>,
    #[case] expected: Option<&[&str]>,
) {
    let expected = expected.map(|names| names.iter().map(|name| String::from(*name)).collect::<Vec<_>>());
    assert_eq!(listed(&facts(told, allowed, default)), expected);
}

#[rstest]
#[case(Pick::Number(1), Some(&["b", "a"][..]), &[], Some("a"))]
#[case(Pick::Number(3), Some(&["b", "a"][..]), &[], None)]
#[case(name("B"), Some(&["b", "a"][..]), &[], Some("b"))]
#[case(name("other"), Some(&["b", "a"][..]), &[], None)]
#[case(name("other"), Some(&["other"][..]), &["a"], None)]
#[case(name("other"), None, &[], Some("other"))]
#[case(name("gpt-9"), None, &["gpt-*"], Some("gpt-9"))]
#[case(name("other"), None, &["gpt-*"], None)]
#[case(Pick::Number(1), None, &[], None)]
fn a_model_is_chosen_among_those_that_are_allowed(
    #[case] pick: Pick,
    #[case] told: Option<&[&str]>,
    #[case] allowed: &[&str],
    #[case] expected: Option<&str>,
) {
    let choices = Choices { agent: Some(id("agt_1")), ..Choices::default() };
    let decided = models(&pick, &facts(told, allowed, None), &choices);
    let chosen = decided.choices.as_ref().and_then(|choices| choices.model_of(&id("agt_1")));
    assert_eq!(chosen, expected);
    match expected {
        Some(name) => assert_eq!(decided.notice, Notice::ModelChosen { name: Some(name.into()) }),
        None => assert_eq!(decided, Decided::from(Notice::NoSuchModel)),
    }
}

/// The list says that what is not in it has to be named.
#[rstest]
#[case(name("zebra"), &[], Some("zebra"))]
#[case(name("gpt-4"), &["gpt-*"], Some("gpt-4"))]
#[case(name("GPT-4-turbo"), &[], Some("gpt-4-turbo"))]
#[case(name("zebra"), &["gpt-*"], None)]
#[case(Pick::Number(2), &[], None)]
fn a_model_beyond_a_list_that_is_cut_can_be_named(
    #[case] pick: Pick,
    #[case] allowed: &[&str],
    #[case] expected: Option<&str>,
) {
    let facts = ModelFacts { is_cut: true, ..facts(Some(&["gpt-4-turbo"]), allowed, None) };
    let decided = models(&pick, &facts, &Choices::default());
    let chosen = decided.choices.as_ref().and_then(|choices| choices.model_of(&id("agt_1")));
    assert_eq!(chosen, expected);
}

#[test]
fn the_default_model_is_named_where_there_is_one_and_another_agent_s_choice_is_none() {
    let choices =
        Choices { model: Some(ChosenModel { agent: id("agt_1"), name: "b".into() }), ..Choices::default() };
    assert_eq!(choices.model_of(&id("agt_1")), Some("b"));
    assert_eq!(choices.model_of(&id("agt_2")), None);
    for default in [None, Some("a")] {
        let decided = models(&Pick::Default, &facts(None, &[], default), &choices);
        assert_eq!(decided.notice, Notice::ModelChosen { name: default.map(Into::into) });
        assert_eq!(decided.choices, Some(Choices::default()));
    }
}

#[test]
fn a_language_is_listed_chosen_and_given_back() {
    let choices = Choices { agent: Some(id("agt_2")), locale: Some(Locale::En), ..Choices::default() };
    assert_eq!(language(Tongue::List, Locale::En, &choices), Decided::from(Notice::Languages));
    let decided = language(Tongue::Speak(Locale::ZhCn), Locale::En, &choices);
    assert_eq!(decided.notice, Notice::LanguageChosen(Locale::ZhCn));
    assert_eq!(decided.choices, Some(Choices { locale: Some(Locale::ZhCn), ..choices.clone() }));
    let decided = language(Tongue::Default, Locale::ZhCn, &choices);
    assert_eq!(decided.notice, Notice::LanguageChosen(Locale::ZhCn));
    assert_eq!(decided.choices, Some(Choices { locale: None, ..choices }));
}

proptest! {
    /// Whatever is told and asked for: what is chosen is allowed or the default, and lists are bounded.
    #[test]
    fn nothing_is_chosen_that_is_not_allowed(
        told in proptest::option::of(proptest::collection::vec("[a-c]{0,3}", 0..80)),
        is_cut in any::<bool>(),
        allowed in proptest::collection::vec("[a-c]{1,2}\\*?", 0..4),
        default in proptest::option::of("[a-c]{1,3}"),
        pick in prop_oneof![
            Just(Pick::List), Just(Pick::Default), (0..90_u32).prop_map(Pick::Number), "[a-c]{1,3}".prop_map(Pick::Name)
        ],
    ) {
        let facts = ModelFacts { agent: id("agt_1"), told, is_cut, allowed: AllowList(allowed), default };
        let decided = models(&pick, &facts, &Choices::default());
        if let Some(model) = decided.choices.as_ref().and_then(|choices| choices.model_of(&id("agt_1"))) {
            assert!(facts.allowed.allows(model) || facts.default.as_deref() == Some(model));
        }
        if let Notice::Models(listed) = decided.notice {
            assert!(listed.names.len() <= LISTED_MAX);
        }
    }
}
