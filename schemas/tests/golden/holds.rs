//! Whether a body says everything that another says.

use serde_json::Value;

/// Whether `body` is `part` with properties added, if any. A property that is `null` says the same as none.
pub fn holds(body: &Value, part: &Value) -> bool {
    match (body, part) {
        (Value::Object(body), Value::Object(part)) => {
            part.iter().all(|(name, part)| part.is_null() || body.get(name).is_some_and(|value| holds(value, part)))
        }
        (Value::Array(body), Value::Array(part)) => {
            body.len() == part.len() && body.iter().zip(part).all(|(body, part)| holds(body, part))
        }
        (body, part) => body == part,
    }
}
