//! Whether something is set up as Kart needs it: every setting that the client knows is compared, in the form in which
//! the server spells it.

use crate::BusError;
use serde_json::Value;
use std::collections::BTreeSet;

/// What an operator may choose. Where a stream's copies lie, and what is written about it, changes no promise.
const FREE: [&str; 5] = ["name", "durable_name", "description", "metadata", "placement"];
/// The size of the log's limit and the lease are configuration: set-up changes them, and nobody else judges them.
pub const LIMIT_OF_LOG: &str = "max_bytes";
pub const LEASE: &str = "ack_wait";

/// The first setting that differs, `configured` aside.
pub fn compare(
    item: &str,
    want: &impl serde::Serialize,
    have: &impl serde::Serialize,
    configured: Option<&str>,
) -> Result<(), BusError> {
    let (want, have) = (to_json(want), to_json(have));
    let names = |value: &Value| value.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect::<Vec<_>>();
    let fields: BTreeSet<String> = names(&want).into_iter().chain(names(&have)).collect();
    for field in
        fields.into_iter().filter(|field| !FREE.contains(&field.as_str()) && Some(field.as_str()) != configured)
    {
        let (expected, found) = (normal(&want[&field]), normal(&have[&field]));
        if expected != found {
            let shown = |value: &Value| if value.is_null() { "unset".to_owned() } else { value.to_string() };
            let (expected, found) = (shown(&expected), shown(&found));
            return Err(BusError::Drift { item: item.to_owned(), field, found, expected });
        }
    }
    Ok(())
}

/// The server writes "no limit" as -1 where the client leaves 0, spells some defaults out, and leaves others away.
fn normal(value: &Value) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Number(number) if number.as_i64().is_some_and(|n| n <= 0) => Value::Null,
        Value::String(text) if text.is_empty() || text == "none" || text == "default" => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Object(fields) if fields.values().all(|value| normal(value).is_null()) => Value::Null,
        other => other.clone(),
    }
}

fn to_json(config: &impl serde::Serialize) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NatsConfig;
    use crate::streams::Needed;
    use serde_json::json;

    /// Settings that a server does not let us try one by one, beside those that are there.
    const MORE: [&str; 6] =
        ["mirror", "mirror_direct", "subject_delete_marker_ttl", "persist_mode", "sealed", "sources"];

    /// A value that nothing is set to.
    fn other(value: &Value) -> Value {
        match value {
            Value::Bool(_) => json!(!value.as_bool().unwrap_or_default()),
            Value::Number(_) => json!(987_654_321),
            Value::Array(_) => json!(["other"]),
            _ => json!("other"),
        }
    }

    fn every_field_is_named(item: &str, config: &impl serde::Serialize) {
        let good = to_json(config);
        compare(item, &good, &good, None).expect("the same is the same");
        let present = good.as_object().expect("a config is an object").keys().map(String::as_str);
        for field in present.chain(MORE).filter(|field| !FREE.contains(field)) {
            let mut changed = good.clone();
            changed[field] = other(&good[field]);
            match compare(item, &good, &changed, None) {
                Err(BusError::Drift { item: of, field: named, found, expected }) => {
                    assert_eq!((of.as_str(), named.as_str()), (item, field));
                    assert_ne!(found, expected);
                }
                outcome => panic!("{item}: {field}: {outcome:?}"),
            }
            compare(item, &good, &changed, Some(field)).expect("it is configuration");
        }
    }

    #[test]
    fn every_setting_that_differs_is_named() {
        let kart = NatsConfig { replicas: 3, log_max_bytes: Some(1 << 30), ..NatsConfig::new("nats://host") };
        for needed in Needed::ALL {
            every_field_is_named(&needed.item(), &needed.stream(&kart));
            for consumer in needed.consumers(&kart) {
                every_field_is_named("consumer", &consumer);
            }
        }
    }

    #[test]
    fn what_the_server_spells_otherwise_is_the_same() {
        let want = json!({ "max_age": 0, "sealed": false, "description": "ours" });
        let have =
            json!({ "max_age": -1, "compression": "none", "consumer_limits": {}, "metadata": { "_nats.ver": "2" } });
        compare("stream", &want, &have, None).expect("the same");
    }
}
