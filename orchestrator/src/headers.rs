//! What every request must be like, and what every answer says to browsers.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// No inline script or style, nothing from elsewhere, no framing. `blob:` is the visitor's own video before it is sent.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' blob:; media-src 'self' blob:; \
    object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Set on an answer that does not set them itself.
const DEFAULTS: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

pub async fn secure(request: Request, next: Next) -> Response {
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = next.run(request).await;
    if chunked {
        // hyper goes by the chunks and hides a Content-Length beside them, which may be an attempt at smuggling a second
        // request: nothing more is read from this connection (RFC 9112 §6.1).
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Refuses requests that no honest client sends.
pub async fn refuse_malformed(State(app): State<App>, request: Request, next: Next) -> Response {
    match check(&app, &request) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn check(app: &App, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    if !is_plain_path(request.uri().path()) {
        let detail = "The path holds characters or steps that no page of ours has.";
        return Err(Problem::bad_request("bad-path", "That is not an address", detail));
    }
    if let Some(host) = &app.web.config.host {
        let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok());
        if asked.is_none_or(|asked| !asked.eq_ignore_ascii_case(host)) {
            let detail = "This server does not answer for that host.";
            let status = StatusCode::MISDIRECTED_REQUEST;
            return Err(Problem::new(status, "wrong-host", "You have the wrong house", detail));
        }
    }
    Ok(())
}

/// A path of whole UTF-8 without control characters, and without `.` or `..` as a step, written plainly or as `%2e`.
fn is_plain_path(path: &str) -> bool {
    let Some(decoded) = percent_decode(path) else { return false };
    let Ok(decoded) = String::from_utf8(decoded) else { return false };
    let steps = decoded.split(['/', '\\']);
    !decoded.chars().any(char::is_control) && !steps.into_iter().any(|step| step == "." || step == "..")
}

/// Bytes of a percent-encoded text; `None` when a `%` is not followed by two hexadecimal digits.
pub fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut pair = [0];
        hex::decode_to_slice(after.get(..2)?, &mut pair).ok()?;
        bytes.push(pair[0]);
        rest = &after[2..];
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_steps_up_or_broken_text_is_refused() {
        for path in
            ["/media/%2e%2e/x", "/media/../x", "/%c0%ae", "/%ff", "/a%00b", "/a%0d%0ab", "/%", "/%zz", "/..%5cx"]
        {
            assert!(!is_plain_path(path), "{path}");
        }
        for path in ["/", "/v1/jobs", "/jobs/0192", "/a%20b", "/caf%C3%A9", "/a..b"] {
            assert!(is_plain_path(path), "{path}");
        }
    }
}
