//! A comic: drafted from a job's pictures; erased when its author wants it.

use crate::event::{ComicDrafted, ComicErased};
use crate::{Aggregate, Event, Refusal, ids::ComicId};

#[derive(Debug, Default, PartialEq)]
pub struct Comic {
    pub drafted: bool,
    pub erased: bool,
}

#[derive(Clone, Debug)]
pub enum ComicCommand {
    Draft(Box<ComicDrafted>),
    Erase(ComicErased),
}

impl Aggregate for Comic {
    type Id = ComicId;
    type Command = ComicCommand;

    fn decide(&self, command: ComicCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            ComicCommand::Draft(_) if self.erased => Err(Refusal::Ended),
            ComicCommand::Draft(_) if self.drafted => Ok(vec![]),
            ComicCommand::Draft(comic) => Ok(vec![(*comic).into()]),
            ComicCommand::Erase(_) if !self.drafted => Err(Refusal::Missing),
            ComicCommand::Erase(_) if self.erased => Ok(vec![]),
            ComicCommand::Erase(erased) => Ok(vec![erased.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::ComicDrafted(_) => self.drafted = true,
            Event::ComicErased(_) => self.erased = true,
            _ => {}
        }
    }
}
