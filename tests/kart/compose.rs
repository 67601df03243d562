//! The compose files are what Docker Compose understands, and say what they must.

use std::path::Path;
use std::process::Command;

/// The merged configuration, by Docker Compose or by the library that it is built on.
fn resolved() -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let checker = root.join(".tools/compose-check");
    let mut command = if checker.is_file() {
        let mut command = Command::new(checker);
        command.args(["compose.yaml", "compose.gpu.yaml"]);
        command
    } else {
        let mut command = Command::new("docker");
        command.args(["compose", "-f", "compose.yaml", "-f", "compose.gpu.yaml", "config"]);
        if !Command::new("docker").args(["compose", "version"]).output().is_ok_and(|o| o.status.success()) {
            return None;
        }
        command
    };
    let output = command.current_dir(root).output().expect("the checker runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).expect("the configuration is text"))
}

#[test]
fn the_compose_files_are_well_formed_and_complete() {
    let Some(text) = resolved() else {
        let required = std::env::var_os("KART_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
        assert!(!required, "neither Docker Compose nor .tools/compose-check is there");
        eprintln!("SKIPPED: neither Docker Compose nor .tools/compose-check is there");
        return;
    };
    for service in ["nats:", "scylla:", "s3:", "orchestrator:", "trainer:", "projector:"] {
        assert!(text.lines().any(|line| line.trim() == service), "{service}");
    }
    assert!(text.contains("sync_interval: always"), "acknowledged events must be on the disk");
    assert!(text.contains("driver: nvidia"));
    assert_eq!(text.matches("condition: service_healthy").count() % 3, 0);
    assert_eq!(text.matches("healthcheck:").count(), 4);
}
