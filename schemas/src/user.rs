//! A user: registered once, told things where they want to be told, and erased for good.

use crate::aggregate::unless;
use crate::event::{Channel, NotificationTargetAdded, NotificationTargetRemoved, UserErased, UserRegistered};
use crate::ids::{TargetId, UserId};
use crate::{Aggregate, Event, Personal, Refusal, limits};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct User {
    pub registered: bool,
    pub erased: bool,
    /// Where to send notifications.
    pub targets: BTreeMap<TargetId, (Channel, Personal)>,
}

#[derive(Clone, Debug)]
pub enum UserCommand {
    RegisterGuest,
    AddTarget(NotificationTargetAdded),
    RemoveTarget(NotificationTargetRemoved),
    Erase,
}

impl User {
    fn here(&self) -> Result<(), Refusal> {
        match self {
            Self { erased: true, .. } => Err(Refusal::Ended),
            Self { registered: false, .. } => Err(Refusal::Missing),
            _ => Ok(()),
        }
    }

    fn decide_target(&self, added: NotificationTargetAdded) -> Result<Vec<Event>, Refusal> {
        self.here()?;
        limits::address(&added.address)?;
        match self.targets.get(&added.target) {
            Some((channel, address)) if (*channel, address) == (added.channel, &added.address) => Ok(vec![]),
            Some(_) => Err(Refusal::Exists),
            None => {
                limits::room(self.targets.len(), limits::TARGETS)?;
                Ok(vec![added.into()])
            }
        }
    }
}

impl Aggregate for User {
    type Id = UserId;
    type Command = UserCommand;

    fn decide(&self, command: UserCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            UserCommand::RegisterGuest if self.erased => Err(Refusal::Ended),
            UserCommand::RegisterGuest => unless(self.registered, UserRegistered { guest: true }),
            UserCommand::AddTarget(added) => self.decide_target(added),
            UserCommand::RemoveTarget(removed) => {
                self.here()?;
                unless(!self.targets.contains_key(&removed.target), removed)
            }
            UserCommand::Erase if self.erased => Ok(vec![]),
            UserCommand::Erase => self.here().map(|()| vec![UserErased {}.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::UserRegistered(_) => self.registered = true,
            Event::NotificationTargetAdded(e) => {
                self.targets.insert(e.target, (e.channel, e.address.clone()));
            }
            Event::NotificationTargetRemoved(e) => {
                self.targets.remove(&e.target);
            }
            Event::UserErased(_) => *self = Self { registered: true, erased: true, ..Self::default() },
            _ => {}
        }
    }
}
