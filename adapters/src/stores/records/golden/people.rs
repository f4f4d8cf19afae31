//! Golden files of users, tokens and the audit list.

use switchboard_domain::ids::Version;
use switchboard_ports::conformance::audit;
use switchboard_ports::conformance::tokens::token;
use switchboard_ports::conformance::users::{identity, user};
use switchboard_ports::tokens;
use switchboard_ports::users::User;

use super::{AuditRecord, TokenRecord, UserRecord, check, row};

#[test]
fn lines_of_the_audit_list_of_every_format_are_read_back() {
    check(
        "audit",
        |_| audit::lines(),
        |line| Ok(AuditRecord::from(line)),
        |_, record: AuditRecord| Ok(record.into()),
    );
}

#[test]
fn users_and_tokens_of_every_format_are_read_back() {
    let mut user = user("usr_1", "one");
    user.identities = vec![identity("staff1")];
    let identities = user.identities.clone();
    check(
        "user",
        |version| {
            let mut users = vec![user.clone()];
            if version >= 2 {
                let department = Some("Sales 销售".to_owned());
                let directory = Some("corp".to_owned());
                let shut_out_by = directory.clone();
                users.push(User { department, directory, shut_out_by, version: Version(7), ..user.clone() });
            }
            users
        },
        |user| Ok(UserRecord::from(user)),
        |_, record: UserRecord| Ok(record.open(identities.clone(), &row("users", "usr_1"))),
    );
    let roles = [tokens::Role::Viewer, tokens::Role::Operator, tokens::Role::Admin];
    check(
        "token",
        |_| roles.map(|role| token("a", role, 1)).to_vec(),
        |token| Ok(TokenRecord::from(token)),
        |token, record: TokenRecord| {
            Ok(record.open(token.name.clone(), token.hash, &row("tokens", &token.id)))
        },
    );
}
