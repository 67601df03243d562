//! One S3 request: with a time limit, with a few tries, and with an error that says what is wrong.

use super::{BlobError, Blobs};
use rusoto_core::RusotoError;
use rusoto_core::request::BufferedHttpResponse;
use std::future::Future;
use std::time::Duration;

const TRIES: u32 = 3;
/// Before the second try; four times as long before the third.
const PAUSE: Duration = Duration::from_millis(200);

impl Blobs {
    /// Sends a request, at most three times. `send` makes it anew each time, body and all.
    pub(super) async fn call<T, E, F>(
        &self,
        operation: &'static str,
        key: &str,
        send: impl Fn() -> F,
    ) -> Result<T, BlobError>
    where
        E: std::error::Error,
        F: Future<Output = Result<T, RusotoError<E>>>,
    {
        let mut pause = PAUSE;
        for _ in 1..TRIES {
            match self.call_once(operation, key, send()).await {
                Err(BlobError::Unavailable { .. } | BlobError::TimedOut { .. }) => {}
                other => return other,
            }
            tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
            pause *= 4;
        }
        self.call_once(operation, key, send()).await
    }

    pub(super) async fn call_once<T, E: std::error::Error>(
        &self,
        operation: &'static str,
        key: &str,
        request: impl Future<Output = Result<T, RusotoError<E>>>,
    ) -> Result<T, BlobError> {
        let limit = self.timeout;
        match tokio::time::timeout(limit, request).await {
            Ok(answer) => answer.map_err(|error| self.explain(operation, key, error)),
            Err(_) => Err(BlobError::TimedOut { operation, limit }),
        }
    }

    fn explain<E: std::error::Error>(&self, operation: &'static str, key: &str, error: RusotoError<E>) -> BlobError {
        match error {
            RusotoError::Unknown(response) => self.explain_response(operation, key, &response),
            RusotoError::Service(error) => {
                // The few errors that rusoto knows by name carry no status; here they all mean "not there".
                let reason = error.to_string();
                match operation {
                    "GetObject" | "HeadObject" => BlobError::NotFound { key: key.to_owned() },
                    "HeadBucket" | "ListObjectsV2" => BlobError::NoBucket { bucket: self.bucket.clone() },
                    _ => BlobError::Refused { operation, reason },
                }
            }
            RusotoError::Credentials(error) => BlobError::Denied { reason: error.to_string() },
            RusotoError::Validation(reason) => BlobError::Refused { operation, reason },
            RusotoError::HttpDispatch(error) => BlobError::Unavailable { operation, reason: error.to_string() },
            RusotoError::ParseError(reason) => BlobError::Unavailable { operation, reason },
            RusotoError::Blocking => BlobError::Unavailable { operation, reason: "cancelled".to_owned() },
        }
    }

    fn explain_response(&self, operation: &'static str, key: &str, response: &BufferedHttpResponse) -> BlobError {
        let body = String::from_utf8_lossy(&response.body);
        let code = element(&body, "Code").unwrap_or_default();
        let status = response.status.as_u16();
        let reason = match (code, element(&body, "Message")) {
            ("", _) => format!("status {status}"),
            (code, Some(message)) if !message.is_empty() => format!("{code}: {message}"),
            (code, _) => code.to_owned(),
        };
        match (status, code) {
            (_, "NoSuchBucket") => BlobError::NoBucket { bucket: self.bucket.clone() },
            (404, _) if key.is_empty() => BlobError::NoBucket { bucket: self.bucket.clone() },
            (404, _) => BlobError::NotFound { key: key.to_owned() },
            (401 | 403, _) => BlobError::Denied { reason },
            (408 | 429 | 500.., _) => BlobError::Unavailable { operation, reason },
            _ => BlobError::Refused { operation, reason },
        }
    }
}

/// The text of the first `<name>` in an S3 error document; these are flat.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let after = xml.split_once(&format!("<{name}>"))?.1;
    Some(after.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
mod tests {
    use super::element;

    #[test]
    fn the_code_of_an_error_document_is_found() {
        let document = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code><Message>gone</Message></Error>";
        assert_eq!(element(document, "Code"), Some("NoSuchKey"));
        assert_eq!(element(document, "RequestId"), None);
        assert_eq!(element("<Code>cut off", "Code"), None);
    }
}
