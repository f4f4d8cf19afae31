//! The store's own account: each question stands in its transcript once, and no more than one answer to it.

use std::collections::BTreeMap;

use super::record::pages;
use crate::api::Api;

/// What stands twice in a transcript.
pub(super) async fn twice(api: &Api) -> Vec<String> {
    let mut wrong = Vec::new();
    for conversation in pages(api, "/conversations").await {
        let id = conversation["id"].as_str().expect("an id");
        let mut lines = BTreeMap::<(u64, String), usize>::new();
        for line in pages(api, &format!("/conversations/{id}/messages")).await {
            let place = line["seq"].as_u64().expect("a place");
            *lines.entry((place, line["role"].to_string())).or_default() += 1;
        }
        for ((place, role), count) in lines.into_iter().filter(|(_, count)| *count > 1) {
            wrong.push(format!("{id}: entry {place} has {count} lines of {role} in its transcript"));
        }
    }
    wrong
}
