//! Which names read as what they are: nobody is taken for somebody else because of a character that shows nothing.

use crate::person::misleads;

/// Whether a name reads as what it is: it has nothing that shows nothing by itself (zero-width and other format characters,
/// fillers, tags) or turns the direction of writing, and something that can be seen. What joins letters of Arabic and Indic
/// scripts, or emoji, may stand between two of them, and a variation selector behind an emoji: there they can be seen.
#[must_use]
pub fn reads_as_it_is(name: &str) -> bool {
    let mut before = None;
    let mut rest = name.chars();
    let mut is_seen = false;
    while let Some(c) = rest.next() {
        let shows = match c {
            '\u{200C}' | '\u{200D}' => {
                before.is_some_and(|c| takes_joiners(c) || is_selector(c))
                    && rest.clone().next().is_some_and(takes_joiners)
            }
            '\u{FE0E}' | '\u{FE0F}' => before.is_some_and(takes_joiners),
            _ => !c.is_control() && !misleads(c) && !is_hidden(c),
        };
        if !shows {
            return false;
        }
        is_seen |= !c.is_whitespace();
        before = Some(c);
    }
    is_seen
}

/// Characters that show nothing by themselves: formats (Unicode's general category Cf) and what is ignored by default or
/// blank beside them.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{0600}'..='\u{0605}' | '\u{061C}' | '\u{06DD}' | '\u{070F}' | '\u{0890}' | '\u{0891}'
        | '\u{08E2}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Letters of scripts from Arabic to Myanmar and of Khmer and Mongolian, which joiners change, and emoji.
const fn takes_joiners(c: char) -> bool {
    matches!(c,
        '\u{0620}'..='\u{109F}' | '\u{1780}'..='\u{17B3}' | '\u{17B6}'..='\u{18AF}' | '\u{2190}'..='\u{2BFF}'
        | '\u{1F000}'..='\u{1FAFF}')
        && !is_hidden(c)
}

const fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE0E}' | '\u{FE0F}')
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::reads_as_it_is;

    #[rstest]
    #[case("ann", true)]
    #[case("Ann O'Neill", true)]
    #[case("张三", true)]
    #[case("عامل", true)]
    #[case("Jo\u{308}rg", true)]
    #[case::persian("می\u{200C}خواهم", true)]
    #[case::hindi("क्\u{200D}ष", true)]
    #[case::emoji("👩\u{200D}💻", true)]
    #[case::emoji_with_a_selector("🧑 ❤\u{FE0F}\u{200D}🔥", true)]
    #[case::zero_width("ann\u{200B}", false)]
    #[case::at_the_beginning("\u{FEFF}ann", false)]
    #[case::joiner_in_latin("an\u{200D}n", false)]
    #[case::joiner_in_han("张\u{200D}三", false)]
    #[case::joiner_at_the_end("عامل\u{200D}", false)]
    #[case::two_joiners("👩\u{200D}\u{200D}💻", false)]
    #[case::two_selectors("❤\u{FE0F}\u{FE0F}", false)]
    #[case::selector_in_latin("ann\u{FE0F}", false)]
    #[case::soft_hyphen("an\u{AD}n", false)]
    #[case::mark_of_direction("ann\u{200F}", false)]
    #[case::turned("ann\u{202E}nimda", false)]
    #[case::isolated("\u{2066}ann\u{2069}", false)]
    #[case::word_joiner("ann\u{2060}", false)]
    #[case::tags("ann\u{E0061}", false)]
    #[case::filler("ann\u{3164}", false)]
    #[case::control("ann\u{7}", false)]
    #[case::line("ann\u{2028}", false)]
    #[case("", false)]
    #[case(" ", false)]
    fn a_name_with_what_cannot_be_seen_reads_as_another(#[case] name: &str, #[case] reads: bool) {
        assert_eq!(reads_as_it_is(name), reads);
    }
}
