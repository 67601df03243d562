//! The committed schemas and fixtures, and what may be done to them.

use crate::additive::violations;
use crate::holds::holds;
use schemas::Hash;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A folder with `json/` and `fixtures/`.
pub struct Files {
    pub root: PathBuf,
}

impl Files {
    pub fn committed() -> Self {
        Self { root: env!("CARGO_MANIFEST_DIR").into() }
    }

    pub fn schema(&self, name: &str) -> PathBuf {
        self.root.join("json").join(format!("{name}.json"))
    }

    pub fn fixture(&self, name: &str) -> PathBuf {
        self.root.join("fixtures").join(format!("{name}.json"))
    }

    /// Writes a schema, unless the version is known and this is not the known one with additions.
    pub fn bless_schema(&self, name: &str, schema: &impl Serialize) -> Result<(), String> {
        let path = self.schema(name);
        match fs::read_to_string(&path) {
            Ok(before) => {
                let before = serde_json::from_str(&before).map_err(|error| format!("{}: {error}", path.display()))?;
                let found = violations(&before, &serde_json::to_value(schema).unwrap());
                if !found.is_empty() {
                    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
                    return Err(format!("{name} changed: {}; make a new version", found.join("; ")));
                }
            }
            Err(_) if self.fixtures_of(name).next().is_some() => {
                return Err(format!("{name} is written down in the manifest, its schema is missing: restore it"));
            }
            Err(_) => {}
        }
        write(&path, &pretty(schema))
    }

    /// Writes a new fixture, and its line in the manifest. One that is known stays as it is; `body` may only add to it.
    pub fn bless_fixture(&self, name: &str, body: &Value) -> Result<(), String> {
        if self.manifest().contains_key(name) {
            return match self.read_fixture(name)? {
                known if holds(body, &known) => Ok(()),
                _ => Err(format!("{name}: a fixture is never changed; make a new version")),
            };
        }
        let text = pretty(body);
        write(&self.fixture(name), &text)?;
        let lines = fs::read_to_string(self.manifest_path()).unwrap_or_default();
        let hash = Hash::of(text.as_bytes());
        write(&self.manifest_path(), &format!("{lines}{hash}  {name}.json\n"))
    }

    pub fn read_fixture(&self, name: &str) -> Result<Value, String> {
        let path = self.fixture(name);
        let text = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Fixtures that were changed, deleted, or never written down.
    pub fn tampered(&self) -> Vec<String> {
        let mut manifest = self.manifest();
        let mut found = vec![];
        for entry in fs::read_dir(self.root.join("fixtures")).unwrap() {
            let path = entry.unwrap().path();
            let Some(name) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json") else { continue };
            match manifest.remove(name) {
                None => found.push(format!("{name}: not in the manifest; `make schemas` adds it")),
                Some(hash) if hash != Hash::of(&fs::read(&path).unwrap()).to_string() => {
                    found.push(format!("{name}: changed"));
                }
                Some(_) => {}
            }
        }
        found.extend(manifest.into_keys().map(|name| format!("{name}: deleted")));
        found
    }

    /// Names and hashes, of the fixtures of every version.
    pub fn manifest(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.manifest_path()).unwrap_or_default();
        let line = |line: &str| {
            let (hash, file) = line.split_once("  ").unwrap_or_else(|| panic!("not a line of a manifest: {line}"));
            (file.trim_end_matches(".json").to_owned(), hash.to_owned())
        };
        text.lines().map(line).collect()
    }

    fn fixtures_of(&self, type_name: &str) -> impl Iterator<Item = String> {
        self.manifest().into_keys().filter(move |name| type_of(name) == type_name)
    }

    fn manifest_path(&self) -> PathBuf {
        self.root.join("fixtures/MANIFEST")
    }
}

/// The type of a fixture: `kart.job.trained.v1+2` is the second of its type.
pub fn type_of(fixture: &str) -> &str {
    fixture.split('+').next().unwrap()
}

pub fn pretty(value: &impl Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let failed = |error| format!("{}: {error}", path.display());
    fs::create_dir_all(path.parent().unwrap()).map_err(failed)?;
    fs::write(path, text).map_err(failed)
}
