//! What people see of an answer that is still being written.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

use super::Reply;
use super::card::card_limits;
use crate::notice::Notice;
use crate::text;

impl Reply {
    /// What the card shows while the turn runs: the text, and below it, where there is room, the status. A card that cannot hold
    /// the text says how far that is: it is written on, and must not look as if it stood still.
    pub(super) fn visible(&self) -> String {
        let locale = self.facts.locale;
        let draft = self.led(self.state.draft());
        if self.parts() {
            return self.parting_text(&draft);
        }
        let status = self.state.status().and_then(|status| status.words(locale));
        if !text::says_something(&draft) {
            let thinking = Notice::Thinking.text(locale);
            return status.map_or_else(|| thinking.clone(), |words| format!("{thinking} · {words}"));
        }
        let limits = card_limits(&self.facts.limits);
        if let Some(words) = &status {
            let whole = format!("{}\n\n> {words}", text::closed(draft.trim_end()));
            if limits.fits(&whole) {
                return whole;
            }
        }
        if limits.fits(&draft) {
            return draft.into_owned();
        }
        let mut line = format!("\n\n> {}", Notice::GoesOn { chars: draft.chars().count() }.text(locale));
        if let Some(words) = &status {
            line.push_str(" · ");
            line.push_str(words);
        }
        format!("{}{line}", text::head(&draft, limits.with_room_for(&line)).first)
    }

    /// The agent's text as people see it: without data of ours, below our line where there is one.
    pub(super) fn led<'d>(&self, draft: &'d str) -> Cow<'d, str> {
        let text = text::presentable(draft);
        match &self.lead {
            Some(lead) if text::says_something(&text) => Cow::Owned(format!("> {lead}\n\n{text}")),
            Some(_) | None => text,
        }
    }
}
