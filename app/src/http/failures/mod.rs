//! `/failures`: messages given up on and answers not shown.

pub mod delete;
pub mod list;
pub mod retry;

use super::problem::Problem;

fn unknown() -> Problem {
    Problem::not_found("there is no failure with this id")
}

#[cfg(test)]
mod tests;
