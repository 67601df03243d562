//! A video: uploaded, then checked or refused; erased when its owner wants it.

use crate::event::{VideoChecked, VideoErased, VideoRefused, VideoUploaded};
use crate::{Aggregate, Event, Refusal, ids::VideoId};

#[derive(Debug, Default, PartialEq)]
pub enum Video {
    #[default]
    Missing,
    Uploaded,
    Checked,
    Refused,
    Erased,
}

#[derive(Clone, Debug)]
pub enum VideoCommand {
    Upload(VideoUploaded),
    Check(VideoChecked),
    Refuse(VideoRefused),
    Erase(VideoErased),
}

impl Aggregate for Video {
    type Id = VideoId;
    type Command = VideoCommand;

    fn decide(&self, command: VideoCommand) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Video::Missing, VideoCommand::Upload(video)) => Ok(vec![video.into()]),
            (_, VideoCommand::Upload(_)) => Err(Refusal::Exists),
            (Video::Missing, _) => Err(Refusal::Missing),
            (Video::Erased, VideoCommand::Erase(_)) => Ok(vec![]),
            (Video::Erased, _) => Err(Refusal::Ended),
            (_, VideoCommand::Erase(erased)) => Ok(vec![erased.into()]),
            (Video::Uploaded, VideoCommand::Check(facts)) => Ok(vec![facts.into()]),
            (Video::Uploaded, VideoCommand::Refuse(reason)) => Ok(vec![reason.into()]),
            // A second look, by a worker that took over, changes nothing.
            (Video::Checked | Video::Refused, _) => Ok(vec![]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::VideoUploaded(_) => *self = Video::Uploaded,
            Event::VideoChecked(_) => *self = Video::Checked,
            Event::VideoRefused(_) => *self = Video::Refused,
            Event::VideoErased(_) => *self = Video::Erased,
            _ => {}
        }
    }
}
