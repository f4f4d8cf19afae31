//! `/users`: company users and their identities on platforms.

pub mod create;
pub mod delete;
mod erase;
pub mod export;
pub mod identities;
pub mod list;
mod note;
pub mod read;
pub mod update;

use switchboard_domain::ids::UserId;
use switchboard_ports::users::User;

use super::problem::Problem;
use super::state::Api;

/// The user with this id, or 404.
async fn found(api: &Api, id: &str) -> Result<User, Problem> {
    let user = api.ports.users.find(&UserId::new(id)).await?;
    user.ok_or_else(no_user)
}

fn no_user() -> Problem {
    Problem::not_found("there is no user with this id")
}

#[cfg(test)]
mod tests;
