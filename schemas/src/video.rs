//! A video: uploaded, then checked or refused; erased when its owner wants it.

use crate::aggregate::unless;
use crate::event::{VideoChecked, VideoErased, VideoRefused, VideoUploaded};
use crate::ids::{UserId, VideoId};
use crate::{Aggregate, Event, Refusal, limits};

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Video {
    #[default]
    Missing,
    Uploaded(UserId),
    /// Checked or refused.
    Seen(UserId),
    Erased,
}

#[derive(Clone, Debug)]
pub enum VideoCommand {
    Upload(VideoUploaded),
    Check(VideoChecked),
    Refuse(VideoRefused),
    Erase(VideoErased),
}

impl Video {
    /// A second look, by a worker that took over, changes nothing.
    fn decide_seen(&self, event: impl Into<Event>) -> Result<Vec<Event>, Refusal> {
        match self {
            Video::Missing => Err(Refusal::Missing),
            Video::Erased => Err(Refusal::Ended),
            Video::Uploaded(_) | Video::Seen(_) => unless(matches!(self, Video::Seen(_)), event),
        }
    }
}

impl Aggregate for Video {
    type Id = VideoId;
    type Command = VideoCommand;

    fn decide(&self, command: VideoCommand) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Video::Missing, VideoCommand::Upload(video)) => Ok(vec![video.into()]),
            (_, VideoCommand::Upload(_)) => Err(Refusal::Exists),
            (_, VideoCommand::Check(facts)) => {
                limits::within(facts.frames_per_second, &(0.0..=f32::MAX))?;
                self.decide_seen(facts)
            }
            (_, VideoCommand::Refuse(reason)) => self.decide_seen(reason),
            (Video::Missing, VideoCommand::Erase(_)) => Err(Refusal::Missing),
            (Video::Erased, VideoCommand::Erase(_)) => Ok(vec![]),
            (Video::Uploaded(owner) | Video::Seen(owner), VideoCommand::Erase(erased)) if *owner == erased.owner => {
                Ok(vec![erased.into()])
            }
            (_, VideoCommand::Erase(_)) => Err(Refusal::NotAllowed),
        }
    }

    fn apply(&mut self, event: &Event) {
        match (event, &self) {
            (Event::VideoUploaded(e), _) => *self = Video::Uploaded(e.owner),
            (Event::VideoChecked(_) | Event::VideoRefused(_), Video::Uploaded(owner)) => *self = Video::Seen(*owner),
            (Event::VideoErased(_), _) => *self = Video::Erased,
            _ => {}
        }
    }
}
