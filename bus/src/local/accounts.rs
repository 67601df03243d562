//! Who may do what on a local nats-server. Kart itself may do everything. Whoever does not sign in may watch and read, so
//! that a plain `nats sub` works, but change nothing.
//!
//! Permissions alone would not do: the server answers to whatever subject an asker names, with its own rights, and so
//! would delete a stream for him. Hence watchers have an account of their own, which an answer does not leave.

use super::{LocalError, file_error};
use std::path::Path;

pub const USER: &str = "kart";
const WATCHER: &str = "watcher";
const ACCOUNT: &str = "KART";
/// Where the server keeps the streams of those who have no account, as Kart once had none.
const NO_ACCOUNT: &str = "$G";

/// What is heard without asking.
const WATCHED: [&str; 2] = ["kart.evt.>", "kart.tick.>"];
/// What `nats stream get`, `nats consumer report` and the like ask, answered once.
const ASKED: [&str; 16] = [
    "$JS.API.INFO",
    "$JS.API.STREAM.NAMES",
    "$JS.API.STREAM.LIST",
    "$JS.API.STREAM.INFO.KART_EVENTS",
    "$JS.API.STREAM.INFO.KART_WORK",
    "$JS.API.STREAM.INFO.KART_TICKS",
    "$JS.API.STREAM.INFO.KART_PARKED",
    "$JS.API.STREAM.MSG.GET.KART_EVENTS",
    "$JS.API.STREAM.MSG.GET.KART_WORK",
    "$JS.API.STREAM.MSG.GET.KART_TICKS",
    "$JS.API.STREAM.MSG.GET.KART_PARKED",
    // Whoever may make consumers may also meddle with one whose name he knows. Those of Kart on the log are nameless
    // until the server names them at random, nobody here may list them, and their readers notice what is missing.
    "$JS.API.CONSUMER.CREATE.KART_EVENTS",
    "$JS.API.CONSUMER.CREATE.KART_EVENTS.>",
    "$JS.API.CONSUMER.NAMES.KART_WORK",
    "$JS.API.CONSUMER.LIST.KART_WORK",
    "$JS.API.CONSUMER.INFO.KART_WORK.*",
];
/// The same, answered with several messages.
const ASKED_FOR_MANY: [&str; 5] = [
    "$JS.API.DIRECT.GET.KART_EVENTS",
    "$JS.API.DIRECT.GET.KART_EVENTS.>",
    "$JS.API.DIRECT.GET.KART_TICKS",
    "$JS.API.DIRECT.GET.KART_TICKS.>",
    "$JS.API.CONSUMER.MSG.NEXT.KART_EVENTS.*",
];

/// This part of the server's configuration.
pub fn config_text(password: &str) -> String {
    let asked = || ASKED.into_iter().chain(ASKED_FOR_MANY);
    let exports = listed(ASKED.map(|subject| format!("{{ service: {subject:?} }}")))
        + ", "
        + &listed(ASKED_FOR_MANY.map(|subject| format!("{{ service: {subject:?}, response: stream }}")))
        + ", "
        + &listed(WATCHED.map(|subject| format!("{{ stream: {subject:?} }}")));
    let import = |kind: &str, subject: &str| format!("{{ {kind}: {{ account: {ACCOUNT}, subject: {subject:?} }} }}");
    let services = asked().map(|subject| import("service", subject));
    let imports = listed(services.chain(WATCHED.map(|subject| import("stream", subject))));
    let (publish, subscribe) = (
        listed(asked().map(|subject| format!("{subject:?}"))),
        listed(WATCHED.into_iter().chain(["_INBOX.>"]).map(|subject| format!("{subject:?}"))),
    );
    format!(
        "no_auth_user: {WATCHER}\n\
         accounts {{\n\
         {ACCOUNT} {{ jetstream: enabled, users: [{{ user: {USER}, password: \"{password}\" }}]\n\
         exports: [{exports}] }}\n\
         WATCHERS {{ users: [{{ user: {WATCHER}, password: \"{WATCHER}\"\n\
         permissions: {{ publish: [{publish}], subscribe: [{subscribe}] }} }}]\n\
         imports: [{imports}] }}\n\
         }}\n"
    )
}

fn listed(items: impl IntoIterator<Item = String>) -> String {
    items.into_iter().collect::<Vec<_>>().join(", ")
}

/// Gives the account the streams that an earlier Kart made without one.
pub fn adopt_streams(store: &Path) -> Result<(), LocalError> {
    let (old, new) = (store.join("jetstream").join(NO_ACCOUNT), store.join("jetstream").join(ACCOUNT));
    match old.join("streams").is_dir() && !new.exists() {
        true => std::fs::rename(&old, &new).map_err(file_error(&old)),
        false => Ok(()),
    }
}
