//! What is known of an author: looked up, and handed to the domain's decision.

use switchboard_domain::ids::UserId;
use switchboard_domain::mapping::{self, Author, Facts, Looked, UserFacts, Verdict};
use switchboard_domain::message::Sender;
use switchboard_domain::settings::MappingMode;
use switchboard_ports::error::StoreError;
use switchboard_ports::users::{Identity, User};

use crate::runtime::channel::Bot;
use crate::runtime::directories::Answer;
use crate::runtime::shared::Shared;

/// All that is known of an author.
pub(crate) struct Gathered {
    sender: Sender,
    /// Under which the author is linked.
    pub(crate) identity: Identity,
    /// The user linked to it.
    pub(crate) linked: Option<User>,
    /// What the channel's directories say, if they were asked.
    pub(crate) answer: Option<Answer>,
    by_username: Option<User>,
    by_email: Vec<User>,
    by_person: Option<User>,
    fixed: Option<User>,
}

impl Gathered {
    /// Looks everything up, and changes nothing.
    pub(crate) async fn of(shared: &Shared, bot: &Bot, sender: &Sender) -> Result<Self, StoreError> {
        let users = &shared.ports.users;
        let author = Author::of(sender, &bot.channel.platform);
        let identity =
            Identity { platform: bot.channel.platform.clone(), im_user_id: author.identity().to_owned() };
        let linked = users.linked(&identity).await?;
        let answer = match &bot.directories {
            // The platform's address book is asked for new people only, to spare its quota.
            Some(chain) if !(chain.is_default && linked.is_some()) => chain.look_up(&bot.link, &author).await,
            Some(_) | None => None,
        };
        let person = match &answer {
            Some(Answer::Found(person)) => Some(person),
            Some(Answer::Absent | Answer::Ambiguous | Answer::Unavailable(..)) | None => None,
        };
        let matches = users.matching(&author.username(), person.and_then(|it| it.email.as_deref())).await?;
        let by_person = match person {
            Some(person) if bot.channel.user_mapping.mode == MappingMode::Directory => {
                users.matching(&person.username, None).await?.username
            }
            Some(_) | None => None,
        };
        let fixed = match &bot.channel.user_mapping.mode {
            MappingMode::FixedUser(id) => users.find(id).await?,
            MappingMode::AutoCreate
            | MappingMode::MatchUsername
            | MappingMode::MatchEmail
            | MappingMode::Directory => None,
        };
        let (by_username, by_email) = (matches.username, matches.email);
        let sender = sender.clone();
        Ok(Self { sender, identity, linked, answer, by_username, by_email, by_person, fixed })
    }

    /// The domain's decision.
    pub(crate) fn verdict(&self, bot: &Bot) -> Verdict {
        let chain = &bot.channel.directories.chain;
        // A directory of another channel says nothing here.
        let is_ours = |name: &String| chain.iter().any(|directory| directory.name == *name);
        let facts_of = |user: &User| UserFacts {
            id: user.id.clone(),
            disabled: user.disabled,
            vouched: user.directory.as_ref().is_some_and(is_ours),
            shut_out: user.shut_out_by.as_ref().is_some_and(is_ours),
        };
        let by_email: Vec<_> = self.by_email.iter().map(facts_of).collect();
        let facts_of = |user: &Option<User>| user.as_ref().map(facts_of);
        let (linked, by_username) = (facts_of(&self.linked), facts_of(&self.by_username));
        let (by_person, fixed) = (facts_of(&self.by_person), facts_of(&self.fixed));
        let facts = Facts {
            author: Author::of(&self.sender, &bot.channel.platform),
            linked: linked.as_ref(),
            by_username: by_username.as_ref(),
            by_email: &by_email,
            fixed: fixed.as_ref(),
            directory: self.answer.as_ref().map_or(Looked::NotAsked, Answer::looked),
            by_person: by_person.as_ref(),
        };
        mapping::decide(&bot.channel.user_mapping, &facts)
    }

    /// One of the users who were looked up.
    pub(crate) fn take(&mut self, id: &UserId) -> Option<User> {
        let one = [&mut self.linked, &mut self.by_username, &mut self.by_person, &mut self.fixed];
        let found = one.into_iter().find(|user| user.as_ref().is_some_and(|user| user.id == *id));
        found.and_then(Option::take).or_else(|| self.by_email.iter().find(|user| user.id == *id).cloned())
    }
}
