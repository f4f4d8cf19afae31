//! What is known of an author: looked up, and handed to the domain's decision.

use std::borrow::Cow;
use std::sync::Arc;

use switchboard_domain::access::{self, Profile, Who};
use switchboard_domain::ids::UserId;
use switchboard_domain::mapping::{self, Author, Decision, Facts, Last, Looked, Rule, UserFacts, Verdict};
use switchboard_domain::message::{Chat, Sender};
use switchboard_domain::person::Person;
use switchboard_domain::settings::MappingMode;
use switchboard_ports::error::StoreError;
use switchboard_ports::users::{Identity, User};

use super::profile;
use crate::runtime::channel::Bot;
use crate::runtime::directories::{Answer, Chain, Wait};
use crate::runtime::shared::Shared;

/// Other identities of a user that directories are asked about, at most; beyond, absence says nothing.
const OTHERS_ASKED_MAX: usize = 5;

/// All that is known of an author.
pub(crate) struct Gathered {
    sender: Sender,
    /// Directories that vouched for the linked user or shut it out, and that no channel has any more by that name.
    gone: Vec<String>,
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
    pub(crate) async fn of(
        shared: &Shared,
        bot: &Bot,
        sender: &Sender,
        wait: Wait,
    ) -> Result<Self, StoreError> {
        let users = &shared.ports.users;
        let author = Author::of(sender, &bot.channel.platform);
        let identity =
            Identity { platform: bot.channel.platform.clone(), im_user_id: author.identity().to_owned() };
        let linked = users.linked(&identity).await?;
        // Of whom it is known who they are, what was said last counts while a directory takes its time.
        let wait = if linked.is_some() { Wait::Short } else { wait };
        let answer = match &bot.directories {
            // The platform's address book is asked for new people only, to spare its quota.
            Some(chain) if !(chain.is_default && linked.is_some()) => {
                let told = chain.look_up(&bot.link, &author, wait).await;
                match (told, &linked) {
                    (Some(Answer::Absent), Some(user)) => {
                        Some(told_of_others(chain, bot, user, &identity).await)
                    }
                    (told, _) => told,
                }
            }
            Some(_) | None => None,
        };
        let gathered = Self {
            sender: sender.clone(),
            gone: linked.as_ref().map(|user| gone(shared, bot, user)).unwrap_or_default(),
            identity,
            linked,
            answer,
            by_username: None,
            by_email: Vec::new(),
            by_person: None,
            fixed: None,
        };
        // A link wins, whoever else might fit.
        if gathered.linked.is_some() { Ok(gathered) } else { gathered.matched(shared, bot).await }
    }

    /// Whoever might be the author, as nobody is linked.
    async fn matched(mut self, shared: &Shared, bot: &Bot) -> Result<Self, StoreError> {
        let users = &shared.ports.users;
        let person = self.person();
        let username = Author::of(&self.sender, &bot.channel.platform).username();
        let matches = users.matching(&username, person.and_then(|it| it.email.as_deref())).await?;
        self.by_person = match person {
            Some(person) if bot.channel.user_mapping.mode == MappingMode::Directory => {
                users.matching(&person.username, None).await?.username
            }
            Some(_) | None => None,
        };
        self.fixed = match &bot.channel.user_mapping.mode {
            MappingMode::FixedUser(id) => users.find(id).await?,
            MappingMode::AutoCreate
            | MappingMode::MatchUsername
            | MappingMode::MatchEmail
            | MappingMode::Directory => None,
        };
        (self.by_username, self.by_email) = (matches.username, matches.email);
        // Made and linked by another message of the same author since it was looked up: no namesake.
        let identity = &self.identity;
        self.linked = self.by_username.take_if(|user| user.identities.contains(identity));
        Ok(self)
    }

    /// Whether the author may use the channel in a chat.
    pub(crate) fn access(&self, bot: &Bot, chat: &Chat) -> access::Decision {
        let Verdict { decision, rule } = self.verdict(bot);
        let user = match &decision {
            Decision::Use(id) | Decision::Link(id) => self.as_told(id),
            Decision::Create(_) | Decision::Reject(_) | Decision::Unknown => None,
        };
        let who = match &decision {
            Decision::Use(_) | Decision::Link(_) => user.as_ref().map_or(Who::Unknown, |user| {
                Who::User(Profile {
                    id: Some(user.id.as_str()),
                    username: &user.username,
                    email: user.email.as_deref().filter(|_| user.email_verified),
                    department: user.department.as_deref(),
                })
            }),
            Decision::Create(new) => {
                let profile = Profile {
                    id: None,
                    username: &new.username,
                    email: Some(new.email.as_str()).filter(|_| new.email_verified),
                    department: new.department.as_deref(),
                };
                // Whom a directory knows belongs to the company, also before the first message.
                if rule == Rule::Directory { Who::User(profile) } else { Who::Nobody(profile) }
            }
            Decision::Reject(refusal) => Who::Refused(*refusal),
            Decision::Unknown => Who::Unknown,
        };
        access::decide(&bot.channel.access, &access::Facts { chat, sender: &self.sender, who })
    }

    /// One of the users, as the directory tells of it now: that counts more than what it said when the user was last brought up
    /// to date.
    fn as_told(&self, id: &UserId) -> Option<Cow<'_, User>> {
        let user = self.one(id)?;
        let told = self.person().and_then(|person| profile::adopted(user, person, user.updated_at));
        Some(told.map_or(Cow::Borrowed(user), Cow::Owned))
    }

    fn person(&self) -> Option<&Person> {
        match &self.answer {
            Some(Answer::Found(person)) => Some(person),
            Some(Answer::Absent | Answer::Ambiguous | Answer::Unavailable(..)) | None => None,
        }
    }

    /// The domain's decision.
    pub(crate) fn verdict(&self, bot: &Bot) -> Verdict {
        let is_ours = |name: &String| self.is_ours(bot, name);
        let facts_of = |user: &User| UserFacts {
            id: user.id.clone(),
            disabled: user.disabled,
            elsewhere: others(user, &self.identity).next().is_some(),
            vouched: user.directory.as_ref().is_some_and(is_ours),
            shut_out: user.shut_out_by.as_ref().is_some_and(is_ours),
        };
        let by_email: Vec<_> = self.by_email.iter().map(facts_of).collect();
        let by_person = self.by_person.as_ref().map(|user| UserFacts {
            vouched: user.directory.as_ref() == self.person().map(|person| &person.directory),
            ..facts_of(user)
        });
        let facts_of = |user: &Option<User>| user.as_ref().map(facts_of);
        let (linked, by_username) = (facts_of(&self.linked), facts_of(&self.by_username));
        let fixed = facts_of(&self.fixed);
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

    /// Whether a directory's word counts in the channel: one of its own does, those of other channels do not. One that no channel
    /// has any more was renamed or taken away: what it said counts until another one knows the user, or a new name would let
    /// in again whoever has left.
    pub(crate) fn is_ours(&self, bot: &Bot, name: &str) -> bool {
        names(bot, name) || self.gone.iter().any(|gone| gone == name)
    }

    /// One of the users who were looked up.
    pub(crate) fn one(&self, id: &UserId) -> Option<&User> {
        let ones = [&self.linked, &self.by_username, &self.by_person, &self.fixed];
        ones.into_iter().flatten().chain(&self.by_email).find(|user| user.id == *id)
    }
}

/// Whether the channel has a directory of this name.
fn names(bot: &Bot, name: &str) -> bool {
    bot.channel.directories.chain.iter().any(|directory| directory.name == name)
}

/// Which directories of a user no channel has any more; none where the channel has no directories. All channels are looked at
/// only for names that this one does not have.
fn gone(shared: &Shared, bot: &Bot, user: &User) -> Vec<String> {
    let told = [&user.directory, &user.shut_out_by].into_iter().flatten();
    let strange: Vec<_> = told.filter(|name| !names(bot, name)).collect();
    if strange.is_empty() || bot.channel.directories.chain.is_empty() {
        return Vec::new();
    }
    let channels = shared.all_channels();
    let is_gone = |name: &&String| !channels.iter().any(|channel| names(&channel.bot(), name));
    strange.into_iter().filter(is_gone).cloned().collect()
}

/// The user's other identities on the platform of this one.
fn others<'u>(user: &'u User, identity: &'u Identity) -> impl Iterator<Item = &'u Identity> {
    user.identities.iter().filter(move |it| it.platform == identity.platform && *it != identity)
}

/// What directories say of a linked user whom they do not know by the identity that writes. They may know the user by
/// another one: an identity that was linked by hand beside it shuts nobody out.
async fn told_of_others(chain: &Arc<Chain>, bot: &Bot, user: &User, identity: &Identity) -> Answer {
    let mut told = Answer::Absent;
    for (n, other) in others(user, identity).enumerate() {
        let author = Author {
            platform: &other.platform,
            im_user_id: Some(&other.im_user_id),
            opaque_id: &other.im_user_id,
            name: &user.display_name,
        };
        if n == OTHERS_ASKED_MAX {
            return Answer::Unavailable(Last::Nothing, String::from("the user has too many identities"));
        }
        match chain.look_up(&bot.link, &author, Wait::Short).await {
            Some(known @ Answer::Found(_)) => return known,
            Some(unclear @ (Answer::Ambiguous | Answer::Unavailable(..))) => told = unclear,
            Some(Answer::Absent) | None => {}
        }
    }
    told
}
