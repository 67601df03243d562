//! A user: registered once, and erased for good.

use crate::event::{UserErased, UserRegistered};
use crate::{Aggregate, Event, Refusal, ids::UserId};

#[derive(Debug, Default, PartialEq)]
pub struct User {
    pub registered: bool,
    pub erased: bool,
}

#[derive(Clone, Debug)]
pub enum UserCommand {
    RegisterGuest,
    Erase,
}

impl Aggregate for User {
    type Id = UserId;
    type Command = UserCommand;

    fn decide(&self, command: UserCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            UserCommand::RegisterGuest if self.erased => Err(Refusal::Ended),
            UserCommand::RegisterGuest if self.registered => Ok(vec![]),
            UserCommand::RegisterGuest => Ok(vec![UserRegistered { guest: true }.into()]),
            UserCommand::Erase if self.erased => Ok(vec![]),
            UserCommand::Erase if !self.registered => Err(Refusal::Missing),
            UserCommand::Erase => Ok(vec![UserErased {}.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::UserRegistered(_) => self.registered = true,
            Event::UserErased(_) => self.erased = true,
            _ => {}
        }
    }
}
