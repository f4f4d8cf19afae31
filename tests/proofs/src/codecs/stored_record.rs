//! Stored records: any text is a record or is refused, and a record means the same however often it is written again.

use switchboard_adapters::stores::reread::{KINDS, reread};
use switchboard_ports::error::StoreError;

use crate::bytes::Bytes;

/// The target.
pub fn stored_record(data: &[u8]) {
    let mut bytes = Bytes::new(data);
    let kind = bytes.one_of(&KINDS);
    let is_wrapped = bytes.flag();
    let text = bytes.rest_text();
    let text = if is_wrapped { format!("{{\"v\":1,\"r\":{text}}}") } else { text };
    match reread(kind, &text) {
        Ok(once) => {
            let twice = reread(kind, &once.written);
            assert_eq!(twice.as_ref(), Ok(&once), "{kind}: written again, it is another");
        }
        Err(StoreError::Corrupt(message)) => {
            assert!(message.starts_with("table reread, row row: "), "{message}");
        }
        Err(error) => panic!("{kind}: refused as {error:?}"),
    }
}
