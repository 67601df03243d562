//! Whether a body says everything that another says.

use serde_json::Value;

/// Whether `body` is `part` with properties added, if any. A property that is `null` says the same as none,
/// and so does an empty list that was left out.
pub fn holds(body: &Value, part: &Value) -> bool {
    match (body, part) {
        (Value::Object(body), Value::Object(part)) => part.iter().all(|(name, part)| match body.get(name) {
            Some(value) => part.is_null() || holds(value, part),
            None => part.is_null() || part.as_array().is_some_and(Vec::is_empty),
        }),
        (Value::Array(body), Value::Array(part)) => {
            body.len() == part.len() && body.iter().zip(part).all(|(body, part)| holds(body, part))
        }
        (body, part) => body == part,
    }
}
