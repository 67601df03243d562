//! A comic: drafted from a job's pictures.

use crate::{Aggregate, Event, Refusal, event::ComicDrafted, ids::ComicId};

#[derive(Debug, Default, PartialEq)]
pub struct Comic {
    pub drafted: bool,
}

#[derive(Clone, Debug)]
pub enum ComicCommand {
    Draft(Box<ComicDrafted>),
}

impl Aggregate for Comic {
    type Id = ComicId;
    type Command = ComicCommand;

    fn decide(&self, command: ComicCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            ComicCommand::Draft(_) if self.drafted => Ok(vec![]),
            ComicCommand::Draft(comic) => Ok(vec![(*comic).into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        if let Event::ComicDrafted(_) = event {
            self.drafted = true;
        }
    }
}
