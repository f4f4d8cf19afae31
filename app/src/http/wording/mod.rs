//! Problems in the reader's language: what is said in English where a mistake is found, said in Chinese on the way out.
//!
//! A mistake is found in many places, by stores, platforms and agents too, and told in one language there. The sentences that
//! forms of the panel can meet stand in `chinese.rs`; what does not stand there is told in English.

mod chinese;

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use switchboard_domain::settings::Locale;

use super::language::Language;
use super::problem::Problem;
use chinese::{SENTENCES, TITLES};

/// Answers problems in the language of whoever asked.
pub async fn in_readers_language(request: Request, next: Next) -> Response {
    let Language(locale) = Language::of(request.headers());
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions().get::<Problem>() else { return response };
    let told = problem.clone().told(locale);
    if told != *problem
        && let Ok(text) = serde_json::to_vec(&told)
    {
        *response.body_mut() = Body::from(text);
    }
    response
}

impl Problem {
    /// The same in a language, as far as there are words for it.
    #[must_use]
    pub fn told(mut self, locale: Locale) -> Self {
        match locale {
            Locale::En => return self,
            Locale::ZhCn => {}
        }
        if let Some((_, title)) = TITLES.iter().find(|(english, _)| *english == self.title) {
            self.title = title;
        }
        let is_one = matches!(self.errors.as_slice(), [one]
            if self.detail == format!("{} {}", one.pointer, one.message));
        for error in &mut self.errors {
            if let Some(chinese) = in_chinese(&error.message) {
                error.message = chinese;
            }
        }
        match self.errors.as_slice() {
            [one] if is_one => self.detail = format!("{} {}", one.pointer, one.message),
            _ => {
                if let Some(chinese) = in_chinese(&self.detail) {
                    self.detail = chinese;
                }
            }
        }
        self
    }
}

/// A sentence in Chinese.
fn in_chinese(english: &str) -> Option<String> {
    if let Some(of_body) = english.strip_prefix("the body ").and_then(in_chinese) {
        return Some(format!("请求正文{of_body}"));
    }
    SENTENCES.iter().find_map(|(template, chinese)| Some(filled(chinese, &values(template, english)?)))
}

/// What stands for each `{}` of a template in a text that was made by it.
fn values<'t>(template: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = template.split("{}").peekable();
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut values = Vec::new();
    while let Some(piece) = pieces.next() {
        let is_last = pieces.peek().is_none();
        let (value, after) = if is_last { (rest.strip_suffix(piece)?, "") } else { rest.split_once(piece)? };
        values.push(value);
        rest = after;
    }
    rest.is_empty().then_some(values)
}

/// Words out of a list stay as they are; only what stands between them is translated.
fn filled(chinese: &str, values: &[&str]) -> String {
    let mut values = values.iter();
    let mut filled = String::new();
    for (n, piece) in chinese.split("{}").enumerate() {
        if n > 0 {
            let value = values.next().copied().unwrap_or_default();
            let is_list = value.starts_with('"') && value.ends_with('"');
            filled.push_str(&if is_list { value.replace("\" or \"", "\" 或 \"") } else { value.to_owned() });
        }
        filled.push_str(piece);
    }
    filled
}

#[cfg(test)]
mod tests;
