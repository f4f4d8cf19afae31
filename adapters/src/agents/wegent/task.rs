//! A place in one of Wegent's tasks, as it is written into continuations and handles.

/// What it begins with: names the kind of agent and the form.
const FORM: &str = "wegent1";

/// Stands for what is not known.
const NOTHING: &str = "-";

/// Longest id of a response or message, in bytes.
const ID_BYTES_MAX: usize = 128;

/// Longest user name, in bytes; with the rest it fits into a handle.
pub(super) const IDENTITY_BYTES_MAX: usize = 128;

/// A place in a task. As a continuation it is the end of a turn, as a handle of a run the place that the turn began at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    /// The response's id, the same for all turns: `resp_42`.
    pub(super) response: String,
    /// The id of the last message before this place, if it is known: `msg_7`.
    pub(super) last: Option<String>,
    /// Whose task it is, where requests say whom they are for.
    pub(super) identity: Option<String>,
}

impl Task {
    /// As text: `wegent1 resp_42 msg_7 zhang3`.
    pub(super) fn print(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| NOTHING.to_owned());
        format!("{FORM} {} {} {}", self.response, part(&self.last), part(&self.identity))
    }

    /// Reads such a text; `None` for anything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let (form, response, last, identity) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let some = |text: &str| (text != NOTHING).then(|| text.to_owned());
        let task = Self { response: response.to_owned(), last: some(last), identity: some(identity) };
        let sound = is_id(response)
            && task.last.as_deref().is_none_or(is_id)
            && task.identity.as_deref().is_none_or(is_identity);
        (form == FORM && parts.next().is_none() && sound).then_some(task)
    }
}

/// Whether this can be the id of a response or message.
pub(super) fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'-');
    (1..=ID_BYTES_MAX).contains(&text.len()) && text != NOTHING && text.bytes().all(plain)
}

/// Whether Wegent takes this as a user's name: `^[A-Za-z0-9_-]+$`. One that is only a hyphen is not told apart from none.
pub(super) fn is_identity(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=IDENTITY_BYTES_MAX).contains(&text.len()) && text != NOTHING && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert_eq, proptest};
    use rstest::rstest;

    use super::Task;

    #[rstest]
    #[case("resp_1")]
    #[case("wegent1 resp_1")]
    #[case("wegent1 resp_1 - - more")]
    #[case("wegent1 resp/../1 - -")]
    #[case("wegent1 resp_1 - zhang san")]
    #[case("wegent1 resp_1 - 张三")]
    #[case("wegent1 - - -")]
    #[case("wegent2 resp_1 - -")]
    #[case("")]
    fn other_texts_are_no_places(#[case] text: &str) {
        assert_eq!(Task::parse(text), None);
    }

    proptest! {
        #[test]
        fn a_place_comes_back_as_it_was(
            response in "resp_[0-9]{1,12}", last in proptest::option::of("msg_[0-9]{1,12}"),
            identity in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9_-]{0,100}"),
        ) {
            let task = Task { response, last, identity };
            prop_assert_eq!(task.print().len() <= 512, true);
            prop_assert_eq!(Task::parse(&task.print()), Some(task));
        }
    }
}
