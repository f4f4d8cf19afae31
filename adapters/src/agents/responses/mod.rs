//! The Responses protocol as agents of more than one kind speak it: reading its stream and its documents, asking for a
//! result until it is there.

pub(super) mod object;
pub(super) mod poll;
pub(super) mod reader;
