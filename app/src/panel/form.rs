//! Forms made of what settings say of themselves: one way for platforms, agents and our own settings.
//!
//! A field is named by its JSON pointer; `assets/document.js` makes the document of what is put in, and mistakes that the API
//! names by pointer find their field. A stored secret has no field: only "replace" makes one.

use std::borrow::Cow;

use maud::{Markup, html};
use serde_json::Value;
use switchboard_ports::config_field::ConfigKind;
use switchboard_ports::form::{FormField, FormKind};
use switchboard_ports::tokens::Role;

use super::pieces::reason;
use super::texts::Texts;
use super::visitor::Visitor;

/// What the API shows where a secret is stored.
const STORED: &str = "***";

/// Longest secret put in, in characters.
const SECRET_CHARS_MAX: usize = 8_192;

/// A form.
pub(super) struct Form<'a> {
    /// What the API is asked: method and path.
    pub(super) request: (&'static str, String),
    /// The version that is changed.
    pub(super) version: Option<u64>,
    /// What is part of the document and no field.
    pub(super) base: Option<Value>,
    /// Where to go then; `{id}` stands for the id in the answer.
    pub(super) then: String,
    /// Where the check before saving is asked for.
    pub(super) check: Option<String>,
    /// What is stored, as the API shows it; null for something new.
    pub(super) current: &'a Value,
    /// Fields that belong together.
    pub(super) groups: Vec<Group>,
    /// Why nothing can be changed, whoever asks.
    pub(super) locked: Option<Cow<'static, str>>,
    /// What the button says.
    pub(super) submit: Cow<'static, str>,
}

/// Fields under one heading.
pub(super) struct Group {
    pub(super) title: Cow<'static, str>,
    pub(super) fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// What is asked for; its pointer counts from `prefix`.
    asks: FormField,
    prefix: &'static str,
    /// Values and names of a choice that is not known beforehand.
    choices: Option<Vec<(String, String)>>,
    /// The pointer of another field and its values with which this one means something.
    when: Option<&'static str>,
}

impl Field {
    /// A field of the document itself.
    pub(super) const fn of(field: FormField) -> Self {
        Self::below("", field)
    }

    /// A field of a part of the document.
    pub(super) const fn below(prefix: &'static str, field: FormField) -> Self {
        Self { asks: field, prefix, choices: None, when: None }
    }

    /// A choice among what there is.
    pub(super) fn choosing(mut self, choices: Vec<(String, String)>) -> Self {
        self.choices = Some(choices);
        self
    }

    /// Meant only with certain values of another field: its pointer and the values, with blanks between them.
    pub(super) const fn when(mut self, when: &'static str) -> Self {
        self.when = Some(when);
        self
    }

    fn pointer(&self) -> String {
        format!("{}{}", self.prefix, self.asks.pointer)
    }

    fn id(&self) -> String {
        self.pointer().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
    }
}

impl Form<'_> {
    /// The form. Whoever may not change anything sees what is there, and why it cannot be changed.
    pub(super) fn view(&self, visitor: &Visitor) -> Markup {
        let t = visitor.texts();
        let locked = reason(visitor, Role::Admin).or_else(|| self.locked.clone());
        let (method, path) = &self.request;
        html! {
            form data-method=(method) data-path=(path) data-then=(self.then) data-version=[self.version]
                data-base=[self.base.as_ref().map(Value::to_string)] {
                @if let Some(why) = &locked { p.note { (why) } }
                fieldset disabled[locked.is_some()] {
                    @for group in &self.groups { (self.group(t, group)) }
                    div.rest.note.bad tabindex="-1" role="alert" hidden {}
                    div.acts {
                        button.primary type="submit" { (self.submit) }
                        @if let Some(check) = &self.check {
                            button type="button" data-check=(check) { (t.say("check")) }
                        }
                    }
                    ul.outcome hidden {}
                }
            }
        }
    }

    fn group(&self, t: Texts, group: &Group) -> Markup {
        let (advanced, plain): (Vec<&Field>, Vec<&Field>) =
            group.fields.iter().partition(|field| field.asks.advanced);
        html! {
            fieldset.group {
                legend { (group.title) }
                @for field in plain { (self.field(t, field)) }
                @if !advanced.is_empty() {
                    details {
                        summary { (t.say("advanced")) }
                        @for field in advanced { (self.field(t, field)) }
                    }
                }
            }
        }
    }

    fn field(&self, t: Texts, field: &Field) -> Markup {
        let (id, is_flag) =
            (field.id(), matches!(field.asks.kind, FormKind::Setting(ConfigKind::Flag { .. })));
        let (label, help) = (field.asks.label.of(t.0), field.asks.help.of(t.0));
        let inner = html! {
            @if is_flag {
                (self.input(t, field)) label for=(id) { (label) }
            } @else {
                label.required[field.asks.required] for=(id) { (label) }
                (self.input(t, field))
            }
            p.help id=(format!("{id}-help")) { (help) }
            p.mistake id=(format!("{id}-mistake")) role="alert" hidden {}
        };
        html! {
            @if let Some(when) = field.when {
                fieldset.field.flag[is_flag] data-when=(when) { (inner) }
            } @else {
                div.field.flag[is_flag] { (inner) }
            }
        }
    }

    fn input(&self, t: Texts, field: &Field) -> Markup {
        let of = Given {
            t,
            id: field.id(),
            pointer: field.pointer(),
            field,
            value: self.current.pointer(&field.pointer()),
        };
        if let Some(choices) = &field.choices {
            return of.select(choices.iter().map(|(value, name)| (value.as_str(), name.as_str())), "");
        }
        match field.asks.kind {
            FormKind::Setting(ConfigKind::Word { chars_max, default }) => {
                of.line(chars_max, default, Some(r"\S+"))
            }
            FormKind::Setting(ConfigKind::Address { chars_max, default }) => of.address(chars_max, default),
            FormKind::Setting(ConfigKind::Number { min, max, default }) => of.number(min, max, default),
            FormKind::Setting(ConfigKind::Flag { default }) => of.flag(default),
            FormKind::Setting(ConfigKind::Secret) => of.secret(),
            FormKind::Line { chars_max } => of.line(chars_max, None, None),
            FormKind::Prose { chars_max } => of.prose(chars_max),
            FormKind::Choice { of: choices, default }
            | FormKind::Setting(ConfigKind::Choice { of: choices, default }) => {
                of.select(choices.iter().map(|(value, words)| (*value, words.of(t.0))), default)
            }
            FormKind::Lines => of.lines(),
            FormKind::Document => of.document(),
        }
    }
}

/// A field with what is stored in it.
struct Given<'a> {
    t: Texts,
    id: String,
    pointer: String,
    field: &'a Field,
    value: Option<&'a Value>,
}

impl Given<'_> {
    fn help(&self) -> String {
        format!("{0}-help {0}-mistake", self.id)
    }

    fn required(&self) -> bool {
        self.field.asks.required
    }

    fn text(&self) -> Option<&str> {
        self.value.and_then(Value::as_str)
    }

    fn line(&self, chars_max: usize, default: Option<&str>, pattern: Option<&str>) -> Markup {
        html! {
            input id=(self.id) name=(self.pointer) type="text" data-kind="text" maxlength=(chars_max) value=[self.text()]
                placeholder=[default] pattern=[pattern] required[self.required()] aria-describedby=(self.help())
                autocomplete="off" spellcheck="false";
        }
    }

    fn address(&self, chars_max: usize, default: &str) -> Markup {
        html! {
            input id=(self.id) name=(self.pointer) type="url" data-kind="text" maxlength=(chars_max) value=[self.text()]
                placeholder=(default) required[self.required()] aria-describedby=(self.help()) autocomplete="off";
        }
    }

    fn number(&self, min: u32, max: u32, default: u32) -> Markup {
        let value = self.value.and_then(Value::as_u64);
        html! {
            input id=(self.id) name=(self.pointer) type="number" data-kind="number" min=(min) max=(max) step="1"
                value=[value] placeholder=(default) required[self.required()] aria-describedby=(self.help());
        }
    }

    fn flag(&self, default: bool) -> Markup {
        let is_on = self.value.and_then(Value::as_bool).unwrap_or(default);
        html! {
            input id=(self.id) name=(self.pointer) type="checkbox" data-kind="flag" checked[is_on]
                aria-describedby=(self.help());
        }
    }

    fn secret(&self) -> Markup {
        let is_stored = self.text() == Some(STORED);
        html! {
            @if is_stored {
                span.help { (self.t.say("secret-stored")) " "
                    button type="button" data-replaces=(self.id) { (self.t.say("secret-replace")) }
                }
            }
            input id=(self.id) name=(self.pointer) type="password" data-kind="text" data-secret
                maxlength=(SECRET_CHARS_MAX) required[self.required() && !is_stored] hidden[is_stored] disabled[is_stored]
                aria-describedby=(self.help()) autocomplete="new-password" spellcheck="false";
        }
    }

    fn prose(&self, chars_max: usize) -> Markup {
        html! {
            textarea id=(self.id) name=(self.pointer) data-kind="text" maxlength=(chars_max)
                aria-describedby=(self.help()) { (Verbatim(self.text().unwrap_or_default())) }
        }
    }

    fn select<'c>(&self, choices: impl Iterator<Item = (&'c str, &'c str)>, default: &str) -> Markup {
        let chosen = self.text().unwrap_or(default);
        html! {
            select id=(self.id) name=(self.pointer) data-kind="text" aria-describedby=(self.help()) {
                @for (value, name) in choices { option value=(value) selected[value == chosen] { (name) } }
            }
        }
    }

    fn lines(&self) -> Markup {
        let lines = self.value.and_then(Value::as_array);
        let lines: Vec<&str> = lines.into_iter().flatten().filter_map(Value::as_str).collect();
        html! {
            textarea id=(self.id) name=(self.pointer) data-kind="lines" aria-describedby=(self.help()) spellcheck="false" {
                (Verbatim(&lines.join("\n")))
            }
        }
    }

    fn document(&self) -> Markup {
        let is_empty = self.value.is_none_or(|value| {
            value.is_null()
                || value.as_object().is_some_and(serde_json::Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty)
        });
        let shown =
            self.value.filter(|_| !is_empty).and_then(|value| serde_json::to_string_pretty(value).ok());
        html! {
            textarea.code id=(self.id) name=(self.pointer) data-kind="json" data-wrong=(self.t.say("not-json"))
                data-clears[self.field.when.is_some()]
                aria-describedby=(self.help()) spellcheck="false" { (Verbatim(&shown.unwrap_or_default())) }
        }
    }
}

/// Text in a `textarea`: its first line break would be eaten by the parser.
struct Verbatim<'a>(&'a str);

impl maud::Render for Verbatim<'_> {
    fn render_to(&self, buffer: &mut String) {
        if self.0.starts_with('\n') {
            buffer.push('\n');
        }
        self.0.render_to(buffer);
    }
}
