//! What an agent is told of who asks: no more than its settings say.

use switchboard_domain::message::ChatKind;
use switchboard_ports::agent::AgentUser;
use switchboard_ports::agents::AgentIdentity;
use switchboard_ports::users::User;

/// A user as an agent may know them. An address that is not verified is made up, most likely, and told to nobody.
pub(crate) fn agent_user(user: User, platform: &str, chat: ChatKind, identity: &AgentIdentity) -> AgentUser {
    AgentUser {
        id: user.id.to_string(),
        username: user.username,
        display_name: user.display_name,
        platform: platform.to_owned(),
        chat,
        email: user.email.filter(|_| identity.email && user.email_verified),
        department: user.department.filter(|_| identity.department),
    }
}

#[cfg(test)]
mod tests {
    use switchboard_domain::message::ChatKind;
    use switchboard_ports::agents::AgentIdentity;
    use switchboard_ports::conformance::users::user;
    use switchboard_ports::users::User;

    use super::agent_user;

    #[test]
    fn what_an_agent_did_not_ask_for_it_does_not_get() {
        let email = Some("one@x.com".to_owned());
        let user = User {
            email,
            email_verified: true,
            department: Some("Sales".to_owned()),
            ..user("usr_1", "one")
        };
        let told = |identity, user: &User| {
            let told = agent_user(user.clone(), "dingtalk", ChatKind::Group, &identity);
            (told.email.is_some(), told.department.is_some())
        };
        let both = AgentIdentity { email: true, department: true, ..AgentIdentity::default() };
        assert_eq!(told(AgentIdentity::default(), &user), (false, false));
        assert_eq!(told(both.clone(), &user), (true, true));
        let made_up = User { email_verified: false, ..user };
        assert_eq!(told(both, &made_up), (false, true));
    }
}
