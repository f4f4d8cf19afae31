//! Switchboard's ports put into practice: DingTalk, agents over HTTP, stores.

pub mod stores;
