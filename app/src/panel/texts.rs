//! Every text of the panel, in both languages: Project Fluent, read once.

use std::borrow::Cow;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use switchboard_domain::settings::Locale;

const EN: &str = include_str!("texts/en.ftl");
const ZH_CN: &str = include_str!("texts/zh-CN.ftl");

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle("en", EN));
static CHINESE: LazyLock<Bundle> = LazyLock::new(|| bundle("zh-CN", ZH_CN));

fn bundle(language: &str, texts: &str) -> Bundle {
    let mut bundle = FluentBundle::new_concurrent(language.parse().into_iter().collect());
    // Whatever stands in a text is isolated by the page's own markup (`bdi`).
    bundle.set_use_isolating(false);
    // What a file holds besides mistakes still counts; a test finds those.
    let resource = FluentResource::try_new(texts.to_owned()).unwrap_or_else(|(resource, _)| resource);
    let _ = bundle.add_resource(resource);
    bundle
}

/// The texts of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Texts(pub(super) Locale);

/// The name of a text that is chosen by a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(pub(super) &'static str);

impl Texts {
    fn bundle(self) -> &'static Bundle {
        match self.0 {
            Locale::En => &ENGLISH,
            Locale::ZhCn => &CHINESE,
        }
    }

    /// The language's tag.
    pub(super) const fn tag(self) -> &'static str {
        match self.0 {
            Locale::En => "en",
            Locale::ZhCn => "zh-CN",
        }
    }

    /// A text; its name where there is none, which a test does not let happen.
    pub(super) fn say(self, key: &'static str) -> Cow<'static, str> {
        self.said(key, None)
    }

    /// A text that was chosen by a value.
    pub(super) fn told(self, key: Key) -> Cow<'static, str> {
        self.said(key.0, None)
    }

    /// A text with values in it.
    pub(super) fn with(
        self,
        key: &'static str,
        values: impl IntoIterator<Item = (&'static str, FluentValue<'static>)>,
    ) -> Cow<'static, str> {
        let values: FluentArgs<'static> = values.into_iter().collect();
        Cow::Owned(self.said(key, Some(&values)).into_owned())
    }

    fn said<'a>(self, key: &'static str, values: Option<&'a FluentArgs<'static>>) -> Cow<'a, str> {
        let bundle = self.bundle();
        let pattern = bundle.get_message(key).and_then(|message| message.value());
        let Some(pattern) = pattern else { return Cow::Borrowed(key) };
        bundle.format_pattern(pattern, values, &mut Vec::new())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use fluent_bundle::FluentResource;
    use rstest::rstest;
    use switchboard_domain::settings::Locale;

    use super::{EN, Texts, ZH_CN};

    fn keys(texts: &str) -> BTreeSet<String> {
        let lines = texts.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        let keys: Vec<String> = lines.map(|line| line.split(" =").next().unwrap().to_owned()).collect();
        let set: BTreeSet<String> = keys.iter().cloned().collect();
        assert_eq!(set.len(), keys.len(), "a key stands twice");
        set
    }

    /// Every source of the panel.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    /// The names of texts that the sources say.
    fn used() -> BTreeSet<String> {
        let mut paths = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/panel"), &mut paths);
        let mut used = BTreeSet::new();
        for path in paths.iter().filter(|path| !path.ends_with("texts.rs")) {
            let text = std::fs::read_to_string(path).unwrap();
            for way in ["say(", "with(", "Key("] {
                for rest in text.split(way).skip(1) {
                    let Some(rest) = rest.trim_start().strip_prefix('"') else { continue };
                    let name = rest.split('"').next().unwrap();
                    if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
                        used.insert(name.to_owned());
                    }
                }
            }
        }
        used
    }

    #[test]
    fn no_text_is_missing_and_none_is_unused_in_either_language() {
        let used = used();
        assert!(used.len() > 20);
        for (language, texts) in [("en", EN), ("zh-CN", ZH_CN)] {
            let there = keys(texts);
            let missing: Vec<_> = used.difference(&there).collect();
            let unused: Vec<_> = there.difference(&used).collect();
            assert!(
                missing.is_empty() && unused.is_empty(),
                "{language}: missing {missing:?}, unused {unused:?}"
            );
        }
    }

    #[test]
    fn both_languages_take_the_same_values() {
        let values = |texts: &str, key: &str| -> BTreeSet<String> {
            let after = texts.split(&format!("\n{key} =")).nth(1).unwrap_or_default();
            let own = after.split("\n\n").next().unwrap_or_default();
            let lines = own.lines().enumerate();
            let own: Vec<&str> = lines
                .take_while(|(at, line)| *at == 0 || line.starts_with(' '))
                .map(|(_, line)| line)
                .collect();
            let own = own.join("\n");
            own.split('$')
                .skip(1)
                .map(|rest| rest.chars().take_while(char::is_ascii_alphanumeric).collect())
                .collect()
        };
        for key in keys(EN) {
            assert_eq!(values(EN, &key), values(ZH_CN, &key), "{key}");
        }
    }

    #[rstest]
    #[case(EN)]
    #[case(ZH_CN)]
    fn the_files_hold_no_mistakes(#[case] texts: &str) {
        assert!(FluentResource::try_new(texts.to_owned()).is_ok());
    }

    #[test]
    fn texts_have_values_and_plurals() {
        let of = |count: u32| Texts(Locale::En).with("channels-count", [("count", count.into())]);
        assert_eq!((of(1).as_ref(), of(2).as_ref()), ("1 channel", "2 channels"));
    }
}
