//! Sessions, sealed by writing them backwards behind a word that tests do not write themselves.

use async_trait::async_trait;
use switchboard_domain::time::Timestamp;
use switchboard_ports::error::StoreError;
use switchboard_ports::sessions::SessionStore;

use super::FakeStores;

const SEALED: &str = "fake-seal.";

#[async_trait]
impl SessionStore for FakeStores {
    fn seal(&self, clear: &str) -> Result<String, StoreError> {
        let hidden: Vec<String> = clear.bytes().rev().map(|byte| format!("{byte:02x}")).collect();
        Ok(format!("{SEALED}{}", hidden.concat()))
    }

    fn open(&self, sealed: &str) -> Option<String> {
        let digits = sealed.strip_prefix(SEALED)?.as_bytes();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        let mut bytes = digits.chunks(2).map(byte).collect::<Option<Vec<u8>>>()?;
        bytes.reverse();
        String::from_utf8(bytes).ok()
    }

    async fn end(&self, name: &str, until: Timestamp) -> Result<(), StoreError> {
        self.up()?.ended_sessions.insert(name.to_owned(), until);
        Ok(())
    }

    async fn is_ended(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.up()?.ended_sessions.contains_key(name))
    }
}
