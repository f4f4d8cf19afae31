//! What tests of more than one package share.

pub mod scripted_agent;
