//! Bodies and their schemas: whatever a type's JSON Schema allows is read, and written back as it was.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

#[path = "golden/holds.rs"]
mod holds;

use holds::holds;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};
use schemas::Event;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const CASES_A_TYPE: u32 = 128;

/// Any value that `schema` describes.
fn any_of(schema: &Value, root: &Value) -> BoxedStrategy<Value> {
    if let Some(target) = schema["$ref"].as_str() {
        return match target {
            // Its pattern is said in words only.
            "#/$defs/Hash" => "[0-9a-f]{64}".prop_map(Value::from).boxed(),
            target => any_of(root.pointer(target.trim_start_matches('#')).unwrap(), root),
        };
    }
    if let Some(value) = schema.get("const") {
        return Just(value.clone()).boxed();
    }
    if let Some(values) = schema["enum"].as_array() {
        return select(values.clone()).boxed();
    }
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        return proptest::strategy::Union::new(choices.iter().map(|choice| any_of(choice, root))).boxed();
    }
    match &schema["type"] {
        Value::Array(types) => {
            let typed = |name: &Value| {
                let mut schema = schema.clone();
                schema["type"] = name.clone();
                any_of(&schema, root)
            };
            proptest::strategy::Union::new(types.iter().map(typed)).boxed()
        }
        Value::String(name) => any_typed(name, schema, root),
        other => panic!("a type in {schema}: {other}"),
    }
}

fn any_typed(name: &str, schema: &Value, root: &Value) -> BoxedStrategy<Value> {
    match (name, schema["format"].as_str()) {
        ("null", _) => Just(Value::Null).boxed(),
        ("boolean", _) => any::<bool>().prop_map(Value::from).boxed(),
        ("integer", Some("uint8")) => any::<u8>().prop_map(Value::from).boxed(),
        ("integer", Some("uint16")) => any::<u16>().prop_map(Value::from).boxed(),
        ("integer", Some("uint32")) => any::<u32>().prop_map(Value::from).boxed(),
        ("integer", Some("uint64")) => any::<u64>().prop_map(Value::from).boxed(),
        ("integer", Some("int32")) => any::<i32>().prop_map(Value::from).boxed(),
        ("number", Some("float")) => {
            use prop::num::f32::{NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
            (POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO).prop_map(|number| json!(number)).boxed()
        }
        ("string", Some("uuid")) => any::<u128>().prop_map(|id| json!(Uuid::from_u128(id))).boxed(),
        ("string", None) => any::<String>().prop_map(Value::from).boxed(),
        ("array", _) => {
            let bound = |name: &str, default| schema[name].as_u64().map_or(default, |count| count as usize);
            let lengths = bound("minItems", 0)..=bound("maxItems", 3);
            vec(any_of(&schema["items"], root), lengths).prop_map(Value::from).boxed()
        }
        ("object", _) => any_object(schema, root),
        unknown => panic!("nobody makes values of {unknown:?}"),
    }
}

fn any_object(schema: &Value, root: &Value) -> BoxedStrategy<Value> {
    let empty = (vec![], Map::new());
    let required = schema["required"].as_array().unwrap_or(&empty.0);
    let properties = schema["properties"].as_object().unwrap_or(&empty.1);
    let property = |(name, schema): (&String, &Value)| {
        let value = any_of(schema, root);
        let value = match required.contains(&json!(name)) {
            true => value.prop_map(Some).boxed(),
            false => prop::option::of(value).boxed(),
        };
        (Just(name.clone()), value)
    };
    let properties: Vec<_> = properties.iter().map(property).collect();
    let object = |properties: Vec<(String, Option<Value>)>| {
        Value::Object(properties.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
    };
    properties.prop_map(object).boxed()
}

/// Tests `property` with a type, its schema and many bodies, for every type.
fn for_every_type(property: impl Fn(&str, &Value, Value) -> Result<(), TestCaseError>) {
    for (name, schema) in Event::schemas() {
        let config = Config { cases: CASES_A_TYPE, failure_persistence: None, ..Config::default() };
        let bodies = any_of(schema.as_value(), schema.as_value());
        let outcome = TestRunner::new(config).run(&bodies, |body| property(name, schema.as_value(), body));
        outcome.unwrap_or_else(|failure| panic!("{name}: {failure}"));
    }
}

#[test]
fn what_a_schema_allows_is_read_and_written_back_as_it_was() {
    for_every_type(|name, _, body| {
        let event = Event::decode(name, body.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&Event::decode(event.type_name(), &event.to_bytes()).unwrap(), &event);
        if event.type_name() == name {
            prop_assert!(holds(&event.body(), &body), "{} says less than {}", event.body(), body);
        }
        Ok(())
    });
}

#[test]
fn a_property_that_a_newer_program_added_does_not_hinder_reading() {
    for_every_type(|name, _, mut body| {
        let event = Event::decode(name, body.to_string().as_bytes()).unwrap();
        body["from_a_newer_kart"] = json!([1]);
        prop_assert_eq!(Event::decode(name, body.to_string().as_bytes()).unwrap(), event);
        Ok(())
    });
}

#[test]
fn a_body_without_a_required_property_is_refused() {
    for_every_type(|name, schema, body| {
        for required in schema["required"].as_array().into_iter().flatten() {
            let mut body = body.clone();
            body.as_object_mut().unwrap().remove(required.as_str().unwrap());
            let read = Event::decode(name, body.to_string().as_bytes());
            prop_assert!(matches!(read, Err(schemas::DecodeError::Body { .. })), "without {}", required);
        }
        Ok(())
    });
}
