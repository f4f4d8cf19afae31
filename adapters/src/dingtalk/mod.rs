//! `DingTalk` over Stream mode.
