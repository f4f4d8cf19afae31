//! The rules of delivery, one by one.
