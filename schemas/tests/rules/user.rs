//! A user.

use super::laws::{check, hold};
use super::values::{OWNER, any_text, sealed};
use UserCommand::{AddTarget, Erase, RegisterGuest, RemoveTarget};
use proptest::prelude::*;
use schemas::event::{Channel, NotificationTargetAdded, NotificationTargetRemoved};
use schemas::user::{User, UserCommand};
use schemas::{Invalid, Kind, Personal, Refusal, TargetId, limits};
use uuid::Uuid;

fn add(target: u128, address: impl Into<Personal>) -> UserCommand {
    let (target, address) = (TargetId(Uuid::from_u128(target)), address.into());
    AddTarget(NotificationTargetAdded { owner: OWNER, target, channel: Channel::Webhook, address })
}

fn remove(target: u128) -> UserCommand {
    RemoveTarget(NotificationTargetRemoved { owner: OWNER, target: TargetId(Uuid::from_u128(target)) })
}

const HOOK: &str = "https://example.org/hook";

#[test]
fn a_user_is_registered_once_and_erased_for_good() {
    let gone = || vec![RegisterGuest, add(1, HOOK), Erase];
    check::<User>(&[
        (vec![], RegisterGuest, Ok(&["registered"])),
        (vec![RegisterGuest], RegisterGuest, Ok(&[])),
        (vec![], Erase, Err(Refusal::Missing)),
        (vec![RegisterGuest], Erase, Ok(&["erased"])),
        (gone(), Erase, Ok(&[])),
        (gone(), RegisterGuest, Err(Refusal::Ended)),
        (gone(), add(1, HOOK), Err(Refusal::Ended)),
        (gone(), remove(1), Err(Refusal::Ended)),
    ]);
}

#[test]
fn a_user_says_where_to_be_told() {
    let told = || vec![RegisterGuest, add(1, HOOK)];
    let invalid = |what| Err(Refusal::Invalid(what));
    let full = [RegisterGuest].into_iter().chain((0..limits::TARGETS as u128).map(|n| add(n, HOOK)));
    check::<User>(&[
        (vec![], add(1, HOOK), Err(Refusal::Missing)),
        (vec![], remove(1), Err(Refusal::Missing)),
        (vec![RegisterGuest], add(1, HOOK), Ok(&["notification-target-added"])),
        (told(), add(1, HOOK), Ok(&[])),
        (told(), add(1, "https://example.org/other"), Err(Refusal::Exists)),
        (told(), add(2, "http://example.org/hook"), invalid(Invalid::NotHttps)),
        (told(), add(2, "https://"), invalid(Invalid::NotHttps)),
        (told(), add(2, ""), invalid(Invalid::Blank)),
        (told(), add(2, sealed()), invalid(Invalid::NotText)),
        (told(), add(2, format!("{HOOK}/{}", "x".repeat(limits::ADDRESS))), invalid(Invalid::TooLong)),
        (full.collect(), add(99, HOOK), invalid(Invalid::TooMany)),
        (told(), remove(1), Ok(&["notification-target-removed"])),
        (told(), remove(2), Ok(&[])),
    ]);
}

#[test]
fn whatever_is_asked_the_laws_hold_and_nothing_is_left_of_an_erased_user() {
    let target = || 0..12_u128;
    let command = prop_oneof![
        2 => Just(RegisterGuest),
        9 => (target(), "https://[a-z]{1,3}").prop_map(|(target, address)| add(target, address)),
        2 => (target(), any_text()).prop_map(|(target, address)| add(target, address)),
        3 => target().prop_map(remove),
        1 => Just(Erase),
    ];
    hold::<User>(Kind::User, command, |user, _| {
        assert!(user.targets.len() <= limits::TARGETS);
        assert!(user.targets.is_empty() || user.registered && !user.erased);
        assert!(user.targets.values().all(|(_, address)| address.text().unwrap().starts_with("https://")));
    });
}
