//! A picture in a library: added once, since its id is made from its owner and bytes; erased when its
//! owner wants it, and added anew when they make it again.

use crate::event::{MediaAdded, MediaErased};
use crate::{Aggregate, Event, Refusal, ids::MediaId};

#[derive(Debug, Default, PartialEq)]
pub struct Media {
    pub added: bool,
}

#[derive(Clone, Debug)]
pub enum MediaCommand {
    Add(Box<MediaAdded>),
    Erase(MediaErased),
}

impl Aggregate for Media {
    type Id = MediaId;
    type Command = MediaCommand;

    fn decide(&self, command: MediaCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            MediaCommand::Add(_) if self.added => Ok(vec![]),
            MediaCommand::Add(media) => Ok(vec![(*media).into()]),
            MediaCommand::Erase(_) if !self.added => Ok(vec![]),
            MediaCommand::Erase(erased) => Ok(vec![erased.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::MediaAdded(_) => self.added = true,
            Event::MediaErased(_) => self.added = false,
            _ => {}
        }
    }
}
