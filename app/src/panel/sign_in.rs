//! `/panel/sign-in` and `/panel/sign-out`.

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::HOME;
use super::frame::outside;
use super::texts::Key;
use super::visitor::Look;
use crate::http::auth::session::{clear_cookie, same_origin, set_cookie};
use crate::http::origin::Origin;
use crate::http::problem::Problem;
use crate::http::state::Api;

/// Longest form taken in, in bytes.
const FORM_BYTES_MAX: usize = 16 * 1024;

/// Longest token looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// `GET /panel/sign-in`.
pub(super) async fn show(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let to = way_back(value(request.uri().query().unwrap_or_default(), "to").as_deref());
    let https = Origin::of(&request).https;
    if api.authenticator.signed(request.headers(), https).await?.is_some() {
        return Ok(Redirect::to(&to).into_response());
    }
    Ok(Html(page(Look::of(request.headers()), &to, None).into_string()).into_response())
}

/// `POST /panel/sign-in`: a form, so that it works before any module does.
pub(super) async fn enter(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let (origin, look) = (Origin::of(&request), Look::of(request.headers()));
    same_origin(request.headers(), origin, &api.trust)?;
    let body = to_bytes(request.into_body(), FORM_BYTES_MAX).await;
    let body = body.map_err(|_| Problem::too_large(FORM_BYTES_MAX))?;
    let form = String::from_utf8_lossy(&body);
    let to = way_back(value(&form, "to").as_deref());
    let token = value(&form, "token").unwrap_or_default();
    let token = token.trim();
    if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
        return Ok(refused(look, &to, StatusCode::UNAUTHORIZED, Key("sign-in-refused")));
    }
    match api.authenticator.sign_in(token, origin.client).await {
        Ok((signed, sealed)) => {
            tracing::info!(token = signed.caller.name, "somebody signed in to the panel");
            Ok(with_cookie(Redirect::to(&to).into_response(), &set_cookie(&sealed, origin.https)))
        }
        Err(problem) => match StatusCode::from_u16(problem.status) {
            Ok(StatusCode::UNAUTHORIZED) => {
                Ok(refused(look, &to, StatusCode::UNAUTHORIZED, Key("sign-in-refused")))
            }
            Ok(StatusCode::TOO_MANY_REQUESTS) => {
                let mut response = refused(look, &to, StatusCode::TOO_MANY_REQUESTS, Key("sign-in-held-up"));
                let wait = HeaderValue::from(problem.retry_after_s.unwrap_or(1));
                response.headers_mut().insert(header::RETRY_AFTER, wait);
                Ok(response)
            }
            Ok(_) | Err(_) => Err(problem),
        },
    }
}

/// `POST /panel/sign-out`: ends the session everywhere, not only in this browser.
pub(super) async fn leave(State(api): State<Api>, request: Request) -> Result<Response, Problem> {
    let origin = Origin::of(&request);
    let https = origin.https;
    same_origin(request.headers(), origin, &api.trust)?;
    let headers: HeaderMap = request.headers().clone();
    let body = to_bytes(request.into_body(), FORM_BYTES_MAX).await;
    let body = body.map_err(|_| Problem::too_large(FORM_BYTES_MAX))?;
    if let Some(signed) = api.authenticator.signed(&headers, https).await? {
        let proof = value(&String::from_utf8_lossy(&body), "csrf").unwrap_or_default();
        if !signed.session.is_proof(proof.as_bytes()) {
            return Err(Problem::cross_site("the form was not sent by a page of this session"));
        }
        api.authenticator.sign_out(&signed.session).await?;
    }
    Ok(with_cookie(Redirect::to("/panel/sign-in").into_response(), &clear_cookie(https)))
}

fn with_cookie(mut response: Response, line: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(line) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn refused(look: Look, to: &str, status: StatusCode, why: Key) -> Response {
    (status, Html(page(look, to, Some(why)).into_string())).into_response()
}

/// A form's or query's value.
fn value(encoded: &str, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Where to go afterwards: a page of the panel and nothing else.
fn way_back(to: Option<&str>) -> String {
    let is_ours = |to: &&str| {
        to.starts_with("/panel/")
            && !to.starts_with("/panel/sign-")
            && to.bytes().all(|byte| byte.is_ascii_graphic())
            && stays(to)
    };
    to.filter(is_ours).unwrap_or(HOME).to_owned()
}

/// Whether a browser goes where the path says: it takes `.` and `..` out of a path, also where they are written with
/// percent signs, and reads `\` as `/`.
fn stays(to: &str) -> bool {
    let path = to.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_dots = |part: &str| matches!(part.replace("%2e", ".").as_str(), "." | "..");
    !path.contains('\\') && !path.contains("%5c") && !path.contains("%2f") && !path.split('/').any(is_dots)
}

fn page(look: Look, to: &str, refused: Option<Key>) -> Markup {
    let t = look.texts;
    let invalid = refused.is_some().then_some("true");
    outside(
        look,
        &t.say("sign-in-title"),
        &html! {
            form.card.narrow method="post" action="/panel/sign-in" {
                h1 { (t.say("sign-in-title")) }
                p { (t.say("sign-in-about")) }
                @if let Some(why) = refused {
                    p.note.bad role="alert" id="refused" { (t.told(why)) }
                }
                input type="hidden" name="to" value=(to);
                div.field {
                    label for="token" { (t.say("sign-in-token")) }
                    input id="token" name="token" type="password" required autocomplete="current-password"
                        spellcheck="false" autofocus aria-invalid=[invalid] aria-describedby="token-help";
                    p.help id="token-help" { (t.say("sign-in-help")) }
                }
                button.primary type="submit" { (t.say("sign-in-act")) }
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{HOME, way_back};

    #[rstest]
    #[case("/panel/agents?cursor=1", "/panel/agents?cursor=1")]
    #[case("//evil.example/panel/", HOME)]
    #[case("/panel", HOME)]
    #[case("https://evil.example/panel/", HOME)]
    #[case("/panel/sign-out", HOME)]
    #[case("/panel/\r\nset-cookie: a=b", HOME)]
    #[case("/api/v1/agents", HOME)]
    #[case("/panel/../api/v1/export", HOME)]
    #[case("/panel/./sign-out", HOME)]
    #[case("/panel/channels/..", HOME)]
    #[case("/panel/%2e%2e/%2E%2E/api/v1/export", HOME)]
    #[case("/panel/.%2e/api/v1/export?cursor=1", HOME)]
    #[case("/panel/%2e/sign-out", HOME)]
    #[case("/panel/..\\api/v1/export", HOME)]
    #[case("/panel/%2e%2e%5capi/v1/export", HOME)]
    #[case("/panel/%2e%2e%2fapi/v1/export", HOME)]
    #[case("/panel/users?q=../a\\b%2f..", "/panel/users?q=../a\\b%2f..")]
    #[case("/panel/users/a..b", "/panel/users/a..b")]
    fn one_comes_back_to_pages_of_the_panel_only(#[case] to: &str, #[case] back: &str) {
        assert_eq!(way_back(Some(to)), back);
    }
}
