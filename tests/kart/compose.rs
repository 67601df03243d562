//! The compose files are what Docker Compose understands, and say what they must.

use crate::secured::config_text;
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
    for service in ["nats:", "scylla:", "s3:", "set-up:", "orchestrator:", "trainer:", "projector:"] {
        assert!(text.lines().any(|line| line.trim() == service), "{service}");
    }
    for user in ["admin", "web", "trainer", "projector"] {
        assert!(text.contains(&format!("KART_NATS_USER: {user}\n")), "{user} has a role");
        assert!(text.contains(&format!("KART_NATS_PASSWORD: change-this-{user}-password\n")), "{user} signs in");
    }
    assert!(text.contains("sync_interval: always"), "acknowledged events must be on the disk");
    assert!(text.contains("driver: nvidia"));
    // Three servers for each of the roles (and for what they share, which is shown as well), NATS alone for the set-up.
    assert_eq!(text.matches("condition: service_healthy").count() % 3, 1);
    assert!(text.matches("condition: service_completed_successfully").count() >= 3, "the roles wait for the set-up");
    assert_eq!(text.matches("healthcheck:").count(), 4);

    // What the other tests take for the server's configuration is what Docker Compose gives it.
    let lines: Vec<String> = text.lines().map(|line| line.trim().replace("$$", "$")).collect();
    for line in config_text(|user| format!("change-this-{user}-password")).lines().map(str::trim) {
        assert!(lines.iter().any(|resolved| resolved == line), "{line}");
    }
}
