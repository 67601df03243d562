//! A user: registered once.

use crate::{Aggregate, Event, Refusal, event::UserRegistered, ids::UserId};

#[derive(Debug, Default, PartialEq)]
pub struct User {
    pub registered: bool,
}

#[derive(Clone, Debug)]
pub enum UserCommand {
    RegisterGuest,
}

impl Aggregate for User {
    type Id = UserId;
    type Command = UserCommand;

    fn decide(&self, command: UserCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            UserCommand::RegisterGuest if self.registered => Ok(vec![]),
            UserCommand::RegisterGuest => Ok(vec![UserRegistered { guest: true }.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        if let Event::UserRegistered(_) = event {
            self.registered = true;
        }
    }
}
