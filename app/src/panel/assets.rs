//! Style and modules, out of the binary. Each is named by its content, so that browsers keep it for good and a new version's
//! page never runs with an old version's module.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::http::dto::list::hex;
use crate::http::problem::Problem;

/// What there is, each behind what it imports.
const FILES: [(&str, &str); 11] = [
    ("panel.css", include_str!("assets/panel.css")),
    ("api.js", include_str!("assets/api.js")),
    ("times.js", include_str!("assets/times.js")),
    ("acts.js", include_str!("assets/acts.js")),
    ("document.js", include_str!("assets/document.js")),
    ("forms.js", include_str!("assets/forms.js")),
    ("exchange.js", include_str!("assets/exchange.js")),
    ("live.js", include_str!("assets/live.js")),
    ("playground.js", include_str!("assets/playground.js")),
    ("log.js", include_str!("assets/log.js")),
    ("panel.js", include_str!("assets/panel.js")),
];

/// Characters of a content's hash in its name.
const HASH_CHARS: usize = 16;

/// A year: the content of a name never changes.
const FOR_GOOD: &str = "public, max-age=31536000, immutable";

struct Asset {
    plain: &'static str,
    name: String,
    text: String,
}

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets: Vec<Asset> = Vec::new();
    for (plain, text) in FILES {
        // A module names what it imports by content too, so that its own name changes with it.
        let text = assets.iter().fold(text.to_owned(), |text, known| {
            text.replace(&format!("\"./{}\"", known.plain), &format!("\"./{}\"", known.name))
        });
        let hash: String = hex(&Sha256::digest(text.as_bytes())).chars().take(HASH_CHARS).collect();
        let (stem, ending) = plain.rsplit_once('.').unwrap_or((plain, ""));
        assets.push(Asset { plain, name: format!("{stem}.{hash}.{ending}"), text });
    }
    assets
});

/// The address of a file.
pub(super) fn address(plain: &str) -> String {
    let found = ASSETS.iter().find(|asset| asset.plain == plain);
    format!("/panel/assets/{}", found.map_or("", |asset| &asset.name))
}

/// The addresses of all modules.
pub(super) fn modules() -> impl Iterator<Item = String> {
    ASSETS.iter().filter(|asset| is_module(asset.plain)).map(|asset| format!("/panel/assets/{}", asset.name))
}

fn is_module(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ending == "js")
}

/// `GET /panel/assets/{name}`.
pub(super) async fn serve(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return Problem::not_found("there is nothing at this path").into_response();
    };
    let kind =
        if is_module(asset.plain) { "text/javascript; charset=utf-8" } else { "text/css; charset=utf-8" };
    let headers: [(HeaderName, &str); 2] = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, FOR_GOOD)];
    (headers, asset.text.as_str()).into_response()
}

#[cfg(test)]
mod tests {
    use super::ASSETS;

    #[test]
    fn every_import_names_a_file_by_its_content() {
        for asset in ASSETS.iter() {
            for line in asset.text.lines().filter(|line| line.starts_with("import ")) {
                let imported = line.split('"').nth(1).unwrap().trim_start_matches("./");
                assert!(ASSETS.iter().any(|known| known.name == imported), "{}: {line}", asset.plain);
            }
        }
    }

    #[test]
    fn all_of_it_is_small() {
        let bytes: usize = ASSETS.iter().map(|asset| asset.text.len()).sum();
        assert!(bytes < 100 * 1024, "{bytes} bytes before compression");
    }

    #[test]
    fn nothing_is_asked_of_anybody_else_and_nothing_is_evaluated() {
        for asset in ASSETS.iter() {
            for bad in ["http://", "https://", "eval(", "new Function", "@import", "document.write", "XXX"] {
                assert!(!asset.text.contains(bad), "{}: {bad}", asset.plain);
            }
        }
    }
}
