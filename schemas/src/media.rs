//! A picture in a library: added once, since its id is made from its owner and bytes.

use crate::{Aggregate, Event, Refusal, event::MediaAdded, ids::MediaId};

#[derive(Debug, Default, PartialEq)]
pub struct Media {
    pub added: bool,
}

#[derive(Clone, Debug)]
pub enum MediaCommand {
    Add(Box<MediaAdded>),
}

impl Aggregate for Media {
    type Id = MediaId;
    type Command = MediaCommand;

    fn decide(&self, command: MediaCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            MediaCommand::Add(_) if self.added => Ok(vec![]),
            MediaCommand::Add(media) => Ok(vec![(*media).into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        if let Event::MediaAdded(_) = event {
            self.added = true;
        }
    }
}
