//! Rules about packages: who may depend on whom, read from the manifests.

use std::io;

use toml::{Table, Value};

use super::workspace::{Violation, root};

/// Where the simulated platforms live.
const PLATFORMS: &str = "tests/platforms/";

/// The one feature of the one package that may bring a simulated platform into the program.
const DEMO: (&str, &str) = ("switchboard", "demo");

/// The package whose optional dependencies are those of its conformance suites.
const SUITES: &str = "switchboard-ports";

/// A package's manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Its folder, from the workspace's root, without a closing `/`.
    pub(crate) folder: String,
    text: String,
    table: Table,
}

/// What a package may depend on.
#[derive(Debug, Clone, Copy)]
enum Allowed {
    /// These and nothing else.
    Only(&'static [&'static str]),
    /// Anything but these and, if told so, simulated platforms.
    AnyBut { packages: &'static [&'static str], platforms: bool },
}

impl Allowed {
    fn has(self, package: &str, all_platforms: &[&str]) -> bool {
        match self {
            Self::Only(packages) => packages.contains(&package),
            Self::AnyBut { packages, platforms } => {
                let is_barred_platform = platforms && all_platforms.contains(&package);
                !is_barred_platform && !packages.contains(&package)
            }
        }
    }
}

/// The rule of one package: for the package itself, and for its tests.
const LAYERS: [(&str, Allowed, Allowed); 8] = [
    (
        "switchboard-domain",
        Allowed::Only(&["thiserror"]),
        Allowed::Only(&["insta", "proptest", "proptest-state-machine", "rstest", "stateright"]),
    ),
    (
        "switchboard-ports",
        Allowed::Only(&[
            "switchboard-domain",
            "async-trait",
            "bytes",
            "futures-util",
            "serde_json",
            "thiserror",
            "tokio-util",
        ]),
        Allowed::AnyBut {
            packages: &["switchboard-adapters", "switchboard", "switchboard-tests"],
            platforms: true,
        },
    ),
    (
        "switchboard-adapters",
        Allowed::AnyBut { packages: &["switchboard", "switchboard-tests"], platforms: true },
        Allowed::AnyBut { packages: &["switchboard", "switchboard-tests"], platforms: true },
    ),
    (
        "switchboard",
        Allowed::AnyBut { packages: &["switchboard-tests"], platforms: false },
        Allowed::AnyBut { packages: &["switchboard-tests"], platforms: true },
    ),
    (
        "switchboard-tests",
        Allowed::AnyBut { packages: &[], platforms: false },
        Allowed::AnyBut { packages: &[], platforms: false },
    ),
    (
        "switchboard-proofs",
        Allowed::Only(&[
            "switchboard-domain",
            "switchboard-ports",
            "switchboard-adapters",
            "serde_json",
            "unicode-segmentation",
        ]),
        Allowed::Only(&["stateright"]),
    ),
    ("xtask", Allowed::Only(&[]), Allowed::Only(&[])),
    ("test-servers", Allowed::Only(&["rcgen", "rustix", "tempfile", "tokio"]), Allowed::Only(&[])),
];

/// A simulated platform is an independent judge: it shares no code with what it judges.
const PLATFORM: Allowed = Allowed::AnyBut {
    packages: &[
        "switchboard",
        "switchboard-domain",
        "switchboard-ports",
        "switchboard-adapters",
        "switchboard-tests",
    ],
    platforms: false,
};

/// The workspace's manifest and its members', in this order.
pub(crate) fn read() -> io::Result<(Manifest, Vec<Manifest>)> {
    let workspace = Manifest::read("")?;
    let members =
        workspace.members().iter().map(|folder| Manifest::read(folder)).collect::<io::Result<_>>()?;
    Ok((workspace, members))
}

impl Manifest {
    fn read(folder: &str) -> io::Result<Self> {
        let text = std::fs::read_to_string(root().join(folder).join("Cargo.toml"))?;
        Self::parse(folder, &text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    fn parse(folder: &str, text: &str) -> Result<Self, toml::de::Error> {
        Ok(Self { folder: folder.to_owned(), text: text.to_owned(), table: text.parse()? })
    }

    fn members(&self) -> Vec<String> {
        let listed = self.table.get("workspace").and_then(|workspace| workspace.get("members"));
        let listed = listed.and_then(Value::as_array).cloned().unwrap_or_default();
        listed.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    fn name(&self) -> &str {
        let name = self.table.get("package").and_then(|package| package.get("name"));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    fn is_platform(&self) -> bool {
        self.folder.starts_with(PLATFORMS)
    }

    fn path(&self) -> String {
        if self.folder.is_empty() { "Cargo.toml".to_owned() } else { format!("{}/Cargo.toml", self.folder) }
    }

    fn violation(&self, key: &str, what: impl Into<String>) -> Violation {
        let line = self.text.lines().position(|line| line.trim_start().starts_with(key));
        Violation::new(&self.path(), line.map_or(1, |index| index.saturating_add(1)), what)
    }

    /// Every dependency: where it is listed, its key, and its entry.
    fn dependencies(&self) -> Vec<(&'static str, String, Value)> {
        const LISTS: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];
        let targets = self.table.get("target").and_then(Value::as_table);
        let conditional = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
        let mut found = Vec::new();
        for table in std::iter::once(&self.table).chain(conditional) {
            for list in LISTS {
                let entries = table.get(list).and_then(Value::as_table).into_iter().flatten();
                found.extend(entries.map(|(key, entry)| (list, key.clone(), entry.clone())));
            }
        }
        found
    }

    /// What the workspace's manifest says of a dependency.
    fn shared(&self, key: &str) -> Option<&Value> {
        self.table.get("workspace")?.get("dependencies")?.get(key)
    }

    /// In the workspace's manifest: the package behind a member's dependency, which may go by another name
    /// there or here.
    fn package_behind(&self, key: &str, entry: &Value) -> String {
        let renamed = |entry: &Value| entry.get("package").and_then(Value::as_str).map(str::to_owned);
        renamed(entry).or_else(|| self.shared(key).and_then(renamed)).unwrap_or_else(|| key.to_owned())
    }
}

/// Dependencies that point the wrong way.
pub(crate) fn wrong_directions(workspace: &Manifest, members: &[Manifest]) -> Vec<Violation> {
    let platforms: Vec<&str> =
        members.iter().filter(|member| member.is_platform()).map(Manifest::name).collect();
    let mut found = Vec::new();
    for member in members {
        let layer = LAYERS.iter().find(|(name, _, _)| *name == member.name());
        let (own, tests) = match layer {
            _ if member.is_platform() => (PLATFORM, PLATFORM),
            Some((_, own, tests)) => (*own, *tests),
            None => {
                found.push(
                    member.violation("name", format!("no layer is written down for `{}`", member.name())),
                );
                continue;
            }
        };
        for (list, key, entry) in member.dependencies() {
            let package = workspace.package_behind(&key, &entry);
            // The suites beside the ports are test code behind a feature.
            let is_optional = entry.get("optional").and_then(Value::as_bool) == Some(true);
            let is_of_suites = member.name() == SUITES && is_optional;
            let allowed = if list == "dev-dependencies" || is_of_suites { tests } else { own };
            if !allowed.has(&package, &platforms) {
                let what = format!("`{}` has `{package}` among its {list}", member.name());
                found.push(member.violation(&key, what));
            }
        }
    }
    found
}

/// Simulated platforms that reach the program other than through its feature `demo`.
pub(crate) fn platforms_in_the_program(workspace: &Manifest, members: &[Manifest]) -> Vec<Violation> {
    let platforms: Vec<&str> =
        members.iter().filter(|member| member.is_platform()).map(Manifest::name).collect();
    let mut found = Vec::new();
    for app in members.iter().filter(|member| member.name() == DEMO.0) {
        for (list, key, entry) in app.dependencies() {
            let package = workspace.package_behind(&key, &entry);
            let is_optional = entry.get("optional").and_then(Value::as_bool) == Some(true);
            if platforms.contains(&package.as_str()) && !(list == "dependencies" && is_optional) {
                found.push(app.violation(&key, format!("`{package}` is not an optional dependency")));
            }
        }
        let features = app.table.get("features").and_then(Value::as_table).into_iter().flatten();
        for (feature, enables) in features.filter(|(feature, _)| *feature != DEMO.1) {
            let enables = enables.as_array().into_iter().flatten().filter_map(Value::as_str);
            for enabled in enables.filter(|enabled| platforms.contains(&head(enabled))) {
                found.push(app.violation(feature, format!("feature `{feature}` enables `{enabled}`")));
            }
        }
    }
    found
}

/// `dep:name`, `name/feature`, `name?/feature`: the dependency that an entry of a feature speaks of.
fn head(enabled: &str) -> &str {
    let name = enabled.strip_prefix("dep:").unwrap_or(enabled);
    name.split(['/', '?']).next().unwrap_or(name)
}

/// Members that keep versions or lints to themselves.
pub(crate) fn not_inherited(members: &[Manifest]) -> Vec<Violation> {
    let is_workspace = |value: Option<&Value>| {
        value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
    };
    let mut found = Vec::new();
    for member in members {
        if !is_workspace(member.table.get("lints")) {
            found.push(member.violation("[lints]", "the workspace's lints are not inherited"));
        }
        for (_, key, entry) in member.dependencies() {
            if !is_workspace(Some(&entry)) {
                found.push(member.violation(&key, format!("the version of `{key}` is not the workspace's")));
            }
        }
    }
    found
}

/// `thiserror` asks for the standard library unless the workspace says otherwise, for everybody.
pub(crate) fn domain_error_crate_with_std(workspace: &Manifest) -> Vec<Violation> {
    let defaults = workspace.shared("thiserror").and_then(|entry| entry.get("default-features"));
    let defaults = defaults.and_then(Value::as_bool);
    if defaults == Some(false) {
        Vec::new()
    } else {
        vec![workspace.violation("thiserror", "default features are on")]
    }
}

#[cfg(test)]
#[path = "manifests_tests.rs"]
mod tests;
