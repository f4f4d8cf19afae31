//! Channels and agents written as the configuration file has them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use switchboard_domain::ids::AgentId;
use switchboard_ports::agents::AgentConfig;
use switchboard_ports::channels::Channel;

use crate::changes::resource::Resource;
use crate::http::dto::fields::pointer_part;
use crate::http::dto::merge::without_read_only;

/// Longest part of a variable's name that is made of a resource's name, in characters.
const NAME_PART_MAX: usize = 60;

/// The field whose nulls mean something, which TOML cannot say.
pub(super) const MEANS_ITS_NULLS: &str = "extra_body";

/// What stands at the head.
const HEAD: &str = "\
# Channels and agents of a Switchboard server, in the form of its configuration file.
# Secrets are not among them. Where one is stored, a variable stands: set it where this becomes part of a configuration file
# (`switchboard serve --config FILE`). An import into a server that has the secret keeps it.
";

/// The whole text.
pub(super) fn text(agents: &[AgentConfig], channels: &[Channel]) -> String {
    let mut variables = Variables::default();
    let names: BTreeMap<&AgentId, &str> =
        agents.iter().map(|agent| (&agent.id, agent.name.as_str())).collect();
    let mut tables = String::new();
    for agent in agents {
        let (mut table, left_out) = without_nulls(without_read_only(agent.content()));
        let secrets = variables.put_into(&mut table, agent);
        tables.push_str(&section("agents", table, agent.managed_by_file, &secrets, &left_out));
    }
    for channel in channels {
        let content = with_names(without_read_only(channel.content()), &names);
        let (mut table, left_out) = without_nulls(content);
        let secrets = variables.put_into(&mut table, channel);
        tables.push_str(&section("channels", table, channel.managed_by_file, &secrets, &left_out));
    }
    format!("{HEAD}{tables}")
}

/// One resource, behind what is to know of it.
fn section(key: &str, table: Value, managed: bool, secrets: &[String], left_out: &[String]) -> String {
    let mut text = String::from("\n");
    if managed {
        text.push_str("# From the server's configuration file.\n");
    }
    if !secrets.is_empty() {
        text.extend(["# Secrets: ", &secrets.join(", "), "\n"]);
    }
    if !left_out.is_empty() {
        // Names in TOML's own writing, so that none ends the line.
        let names: Vec<String> = left_out.iter().map(|name| Value::from(name.as_str()).to_string()).collect();
        let names = names.join(", ");
        text.extend([
            "# TOML cannot say these of ",
            MEANS_ITS_NULLS,
            "; an import keeps them: ",
            &names,
            "\n",
        ]);
    }
    let mut document = Map::new();
    document.insert(key.to_owned(), Value::Array(vec![table]));
    text.push_str(&toml::to_string(&Value::Object(document)).unwrap_or_default());
    text
}

/// A channel with its agents by name.
fn with_names(mut content: Value, names: &BTreeMap<&AgentId, &str>) -> Value {
    let name = |id: &str| names.get(&AgentId::new(id)).map(|name| Value::from(*name));
    if let Some(offered) = content.pointer_mut("/switching/agents").and_then(Value::as_array_mut) {
        for offer in offered {
            if let Some(name) = offer.as_str().and_then(name) {
                *offer = name;
            }
        }
    }
    let Some(map) = content.as_object_mut() else { return content };
    let id = map.remove("default_agent_id");
    if let Some(name) = id.as_ref().and_then(Value::as_str).and_then(name) {
        map.insert(String::from("default_agent"), name);
    }
    content
}

/// The content as TOML can say it: nulls are absent, which means the same, except in `extra_body`. Members of that in which TOML
/// cannot say something are left out, and named.
fn without_nulls(mut content: Value) -> (Value, Vec<String>) {
    let mut left_out = Vec::new();
    if let Some(extra) = content.get_mut(MEANS_ITS_NULLS).and_then(Value::as_object_mut) {
        left_out.extend(extra.iter().filter(|(_, value)| !can_be_said(value)).map(|(key, _)| key.clone()));
        extra.retain(|_, value| can_be_said(value));
    }
    pruned(&mut content);
    (content, left_out)
}

fn pruned(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(pruned);
        }
        Value::Array(items) => items.iter_mut().for_each(pruned),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether TOML has a way to say a value.
pub(super) fn can_be_said(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => number.is_i64() || number.is_f64(),
        Value::Array(items) => items.iter().all(can_be_said),
        Value::Object(map) => map.values().all(can_be_said),
    }
}

/// Names of variables, each given once.
#[derive(Default)]
struct Variables {
    given: BTreeMap<String, u32>,
}

/// What the variables of one resource are called, and where they stand.
struct Owner<'a> {
    prefix: String,
    secrets: &'a BTreeSet<String>,
    names: Vec<String>,
}

impl Variables {
    /// Puts a variable wherever a secret stands, and doubles the `$` of what would be taken for one; the variables' names.
    fn put_into<R: Resource>(&mut self, table: &mut Value, resource: &R) -> Vec<String> {
        let secrets: BTreeSet<String> = resource.secrets().into_iter().map(|kept| kept.pointer).collect();
        let prefix = format!("SWITCHBOARD_{}_{}", capitals(R::KIND.word()), capitals(resource.name()));
        let mut owner = Owner { prefix, secrets: &secrets, names: Vec::new() };
        self.put(table, "", &mut owner);
        owner.names
    }

    fn put(&mut self, value: &mut Value, at: &str, owner: &mut Owner<'_>) {
        match value {
            Value::String(text) if owner.secrets.contains(at) => {
                let name = self.name(&format!("{}_{}", owner.prefix, capitals(at)));
                *text = format!("${{{name}}}");
                owner.names.push(name);
            }
            Value::String(text) => *text = text.replace("${", "$${"),
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.put(item, &format!("{at}/{index}"), owner);
                }
            }
            Value::Object(map) => {
                for (key, item) in map.iter_mut() {
                    self.put(item, &format!("{at}/{}", pointer_part(key)), owner);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn name(&mut self, wanted: &str) -> String {
        let mut name = wanted.replace("_CONFIG_", "_");
        // Two of these in a row would make it a setting of the server.
        while name.contains("__") {
            name = name.replace("__", "_");
        }
        let times = self.given.entry(name.clone()).or_default();
        *times = times.saturating_add(1);
        if *times == 1 { name } else { format!("{name}_{times}") }
    }
}

/// What variables' names may consist of.
fn capitals(text: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    text.chars().take(NAME_PART_MAX).map(fits).collect::<String>().trim_matches('_').to_owned()
}
