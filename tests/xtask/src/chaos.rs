//! `chaos`: the chaos tests, longer or otherwise than the tests run them.

use crate::Failure;
use crate::cargo::Cargo;
use crate::prerequisites::{Need, require};
use crate::tasks::with_binary;

/// Options that become an environment variable of the tests (`tests/tests/chaos.rs`).
const NUMBERS: [(&str, &str); 4] = [
    ("--seed", "SWITCHBOARD_CHAOS_SEED"),
    ("--kills", "SWITCHBOARD_CHAOS_KILLS"),
    ("--seconds", "SWITCHBOARD_CHAOS_SECONDS"),
    ("--rate", "SWITCHBOARD_CHAOS_RATE"),
];

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Asked {
    variables: Vec<(&'static str, u64)>,
    /// The cases whose names contain this; all, if it is empty.
    cases: String,
}

/// `chaos [--seed N] [--rate N] [--kills N [--plain] | --seconds N] [CASE]`
pub(crate) fn chaos(arguments: &[String]) -> Result<(), Failure> {
    let Asked { variables, cases } = read(arguments)?;
    require(&[Need::CCompiler, Need::Make])?;
    let call = ["test", "--workspace", "--all-features", "--test", "chaos", "--"];
    // One after the other: each has processes of its own and wants the machine for itself.
    let arguments = [cases.as_str(), "--nocapture", "--test-threads=1"].map(str::to_owned);
    let mut tests = Cargo::new(&call).arguments(&arguments);
    for (name, value) in variables {
        tests = tests.variable(name, value.to_string());
    }
    with_binary(tests)?.run()
}

fn read(arguments: &[String]) -> Result<Asked, Failure> {
    let mut asked = Asked::default();
    let mut plain = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if let Some((option, variable)) = NUMBERS.iter().find(|(option, _)| option == argument) {
            let value = rest.next().and_then(|value| value.parse().ok()).filter(|value| *value > 0);
            let value = value.ok_or_else(|| format!("{option} takes a whole number above 0"))?;
            asked.variables.push((variable, value));
        } else if argument == "--plain" {
            plain = true;
        } else if argument.starts_with('-') || !asked.cases.is_empty() {
            return Err(format!("`chaos` does not know `{argument}`; see `cargo xtask help`"));
        } else {
            asked.cases.clone_from(argument);
        }
    }
    let is_of_kills = asked.variables.iter().any(|(name, _)| name.ends_with("KILLS"));
    if plain && !is_of_kills {
        return Err("`--plain` goes with `--kills N`".to_owned());
    }
    if is_of_kills && asked.cases.is_empty() {
        let shown = if plain { "plain_text" } else { "cards" };
        asked.cases = format!("killed_under_load_with_{shown}");
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &str) -> Result<Asked, Failure> {
        let words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        read(&words)
    }

    fn fine(variables: &[(&'static str, u64)], cases: &str) -> Asked {
        Asked { variables: variables.to_vec(), cases: cases.to_owned() }
    }

    #[test]
    fn a_number_of_kills_chooses_the_case_that_counts_them() {
        let seed = ("SWITCHBOARD_CHAOS_SEED", 7);
        let kills = ("SWITCHBOARD_CHAOS_KILLS", 200);
        assert_eq!(asked("").unwrap(), fine(&[], ""));
        assert_eq!(asked("--seed 7").unwrap(), fine(&[seed], ""));
        assert_eq!(
            asked("--seed 7 --kills 200").unwrap(),
            fine(&[seed, kills], "killed_under_load_with_cards")
        );
        assert_eq!(
            asked("--kills 200 --plain").unwrap(),
            fine(&[kills], "killed_under_load_with_plain_text")
        );
        assert_eq!(asked("everything --seed 7").unwrap(), fine(&[seed], "everything"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for wrong in ["--kills", "--kills 0", "--seed x", "--plain", "--fast", "one two"] {
            assert!(asked(wrong).is_err(), "{wrong}");
        }
    }
}
