//! Cross-site request forgery: a request that changes something must come from our own pages, or from a program.

use crate::problem::Problem;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

pub async fn refuse_foreign(request: Request, next: Next) -> Response {
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(request.method());
    if !safe && is_foreign(request.headers()) {
        let detail = "The request came from another site. Use Kart's own pages, or an API client.";
        return Problem::new(StatusCode::FORBIDDEN, "csrf", "That came from elsewhere", detail).into_response();
    }
    next.run(request).await
}

/// Browsers say where a request comes from: `Sec-Fetch-Site` (Fetch Metadata), or `Origin` where they are older. What
/// says neither is no browser, and no browser's cookies ride on it.
fn is_foreign(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN) else { return false };
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    origin_host.is_none() || origin_host != text(header::HOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foreign(headers: &[(&'static str, &'static str)]) -> bool {
        let headers = headers
            .iter()
            .map(|&(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a header value")));
        is_foreign(&headers.collect())
    }

    #[test]
    fn fetch_metadata_decides_before_origin() {
        assert!(!foreign(&[("sec-fetch-site", "same-origin")]));
        assert!(!foreign(&[("sec-fetch-site", "none")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[("sec-fetch-site", "same-site")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")]));
    }

    #[test]
    fn an_older_browser_is_known_by_its_origin() {
        assert!(!foreign(&[("origin", "http://kart.test:8080"), ("host", "kart.test:8080")]));
        assert!(foreign(&[("origin", "http://evil.test"), ("host", "kart.test")]));
        assert!(foreign(&[("origin", "null"), ("host", "kart.test")]));
        assert!(foreign(&[("origin", "http://kart.test")]));
    }

    #[test]
    fn a_program_that_names_no_origin_is_let_in() {
        assert!(!foreign(&[("host", "kart.test")]));
    }
}
