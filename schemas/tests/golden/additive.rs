//! Whether a JSON Schema only grew.
//!
//! Old programs read new events while an update rolls out, and new programs read old events for ever. So the schema of
//! a version may gain optional properties and better words, and nothing else.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// One change that is not an addition.
#[derive(Debug, PartialEq, Eq)]
pub struct Violation {
    /// `panels[].blob.key`
    pub at: String,
    pub what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Removed,
    NewlyRequired,
    NoLongerRequired,
    TypeChanged,
    ValueRemoved(String),
    ValueAdded(String),
    RangeNarrowed,
    RangeWidened,
    /// Another keyword of JSON Schema: `format`, `pattern`, …
    Changed(String),
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = if self.at.is_empty() { "the body" } else { &self.at };
        match &self.what {
            What::Removed => write!(f, "{at}: removed"),
            What::NewlyRequired => write!(f, "{at}: newly required"),
            What::NoLongerRequired => write!(f, "{at}: no longer required"),
            What::TypeChanged => write!(f, "{at}: its type changed"),
            What::ValueRemoved(value) => write!(f, "{at}: the value {value} was removed"),
            What::ValueAdded(value) => write!(f, "{at}: the value {value} was added"),
            What::RangeNarrowed => write!(f, "{at}: its range was narrowed"),
            What::RangeWidened => write!(f, "{at}: its range was widened"),
            What::Changed(keyword) => write!(f, "{at}: its {keyword} changed"),
        }
    }
}

/// Everything in `new` that is not `old` with additions.
pub fn violations(old: &Value, new: &Value) -> Vec<Violation> {
    let mut found = vec![];
    compare(Side { schema: old, root: old }, Side { schema: new, root: new }, "", &mut found);
    found
}

/// A part of a schema, with the whole that its references lead into.
#[derive(Clone, Copy)]
struct Side<'a> {
    schema: &'a Value,
    root: &'a Value,
}

const LOWER: [&str; 4] = ["minimum", "exclusiveMinimum", "minLength", "minItems"];
const UPPER: [&str; 4] = ["maximum", "exclusiveMaximum", "maxLength", "maxItems"];
const WORDS: [&str; 6] = ["$schema", "$defs", "title", "description", "default", "examples"];
const STRUCTURE: [&str; 8] = ["properties", "required", "type", "items", "anyOf", "oneOf", "enum", "const"];

impl<'a> Side<'a> {
    fn of(self, schema: &'a Value) -> Self {
        let mut schema = schema;
        while let Some(target) = schema["$ref"].as_str() {
            schema = self.root.pointer(target.trim_start_matches('#')).expect("a reference leads to a definition");
        }
        Self { schema, ..self }
    }

    fn get(self, keyword: &str) -> Option<Self> {
        self.schema.get(keyword).map(|part| self.of(part))
    }

    fn keywords(self) -> BTreeSet<&'a str> {
        self.schema.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect()
    }

    fn names(self, keyword: &str) -> BTreeSet<&'a str> {
        match &self.schema[keyword] {
            Value::Object(map) => map.keys().map(String::as_str).collect(),
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            Value::String(name) => [name.as_str()].into(),
            _ => BTreeSet::new(),
        }
    }

    fn choices(self) -> Vec<Self> {
        let choices = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| self.schema[keyword].as_array()).flatten();
        choices.map(|choice| self.of(choice)).collect()
    }

    /// The values of an enumeration, however it is written down: a choice with a description is a schema of its own.
    fn values(self) -> Option<BTreeSet<String>> {
        let schema = self.schema;
        if let Some(value) = schema.get("const") {
            return Some([value.to_string()].into());
        }
        if let Some(values) = schema["enum"].as_array() {
            return Some(values.iter().map(Value::to_string).collect());
        }
        let choices = self.choices();
        let values: Option<Vec<_>> = choices.into_iter().map(Self::values).collect();
        values.filter(|values| !values.is_empty()).map(|values| values.into_iter().flatten().collect())
    }
}

fn compare(old: Side, new: Side, at: &str, found: &mut Vec<Violation>) {
    let (old, new) = (old.of(old.schema), new.of(new.schema));
    let mut report = |what| found.push(Violation { at: at.to_owned(), what });
    match (old.values(), new.values()) {
        (Some(before), Some(after)) => {
            before.difference(&after).for_each(|value| report(What::ValueRemoved(value.clone())));
            after.difference(&before).for_each(|value| report(What::ValueAdded(value.clone())));
            return;
        }
        (None, None) => {}
        _ => return report(What::TypeChanged),
    }
    let (before, after) = (old.choices(), new.choices());
    if old.names("type") != new.names("type") || before.len() != after.len() {
        return report(What::TypeChanged);
    }
    compare_keywords(old, new, &mut report);
    compare_properties(old, new, at, found);
    for (before, after) in before.into_iter().zip(after) {
        compare(before, after, at, found);
    }
    match (old.get("items"), new.get("items")) {
        (Some(before), Some(after)) => compare(before, after, &format!("{at}[]"), found),
        (None, None) => {}
        _ => found.push(Violation { at: at.to_owned(), what: What::TypeChanged }),
    }
}

fn compare_properties(old: Side, new: Side, at: &str, found: &mut Vec<Violation>) {
    let (before, after) = (old.names("required"), new.names("required"));
    let (had, has) = (old.names("properties"), new.names("properties"));
    for name in had.union(&has) {
        let at = if at.is_empty() { (*name).to_owned() } else { format!("{at}.{name}") };
        let mut report = |what| found.push(Violation { at: at.clone(), what });
        match (had.contains(name), has.contains(name)) {
            (true, false) => report(What::Removed),
            (false, _) if after.contains(name) => report(What::NewlyRequired),
            (false, _) => {}
            (true, true) => {
                match (before.contains(name), after.contains(name)) {
                    (false, true) => report(What::NewlyRequired),
                    (true, false) => report(What::NoLongerRequired),
                    _ => {}
                }
                let part = |side: Side<'_>| -> Value { side.schema["properties"][*name].clone() };
                let (before, after) = (part(old), part(new));
                compare(Side { schema: &before, root: old.root }, Side { schema: &after, root: new.root }, &at, found);
            }
        }
    }
}

fn compare_keywords(old: Side, new: Side, report: &mut impl FnMut(What)) {
    for keyword in old.keywords().union(&new.keywords()).copied() {
        let (before, after) = (old.schema.get(keyword), new.schema.get(keyword));
        if before == after || WORDS.contains(&keyword) || STRUCTURE.contains(&keyword) {
            continue;
        }
        let bound = |value: Option<&Value>, none: f64| value.and_then(Value::as_f64).unwrap_or(none);
        let narrowed = match keyword {
            _ if LOWER.contains(&keyword) => bound(before, f64::NEG_INFINITY) < bound(after, f64::NEG_INFINITY),
            _ if UPPER.contains(&keyword) => bound(before, f64::INFINITY) > bound(after, f64::INFINITY),
            _ => {
                report(What::Changed(keyword.to_owned()));
                continue;
            }
        };
        report(if narrowed { What::RangeNarrowed } else { What::RangeWidened });
    }
}
