//! A picture in a library: added once, since its id is made from its owner and bytes; named, tagged, followed by newer
//! versions; removed and restored; erased when its owner wants it, and added anew when they make it again.

use crate::aggregate::unless;
use crate::event::{
    MediaAdded, MediaErased, MediaNamed, MediaRemoved, MediaRestored, MediaTagged, MediaVersionAdded, Picture,
};
use crate::ids::{MediaId, UserId};
use crate::{Aggregate, Event, Personal, Refusal, limits};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Media {
    /// As it was added; `None`: it is not there, or erased.
    pub added: Option<MediaAdded>,
    pub removed: bool,
    pub name: Option<Personal>,
    pub tags: Option<Personal>,
    /// Newer pictures of the same thing: version 2 and on.
    pub versions: Vec<MediaId>,
}

#[derive(Clone, Debug)]
pub enum MediaCommand {
    Add(Box<MediaAdded>),
    Name(MediaNamed),
    /// All tags, in place of those before.
    Tag(MediaTagged),
    AddVersion {
        owner: UserId,
        media: MediaId,
    },
    Remove(MediaRemoved),
    Restore(MediaRestored),
    Erase(MediaErased),
}

impl Media {
    /// The picture, if it is `owner`'s.
    fn of(&self, owner: UserId) -> Result<&Picture, Refusal> {
        match &self.added {
            None => Err(Refusal::Missing),
            Some(added) if added.owner != owner => Err(Refusal::NotAllowed),
            Some(added) => Ok(&added.picture),
        }
    }

    fn edited_by(&self, owner: UserId) -> Result<&Picture, Refusal> {
        let picture = self.of(owner)?;
        if self.removed { Err(Refusal::Removed) } else { Ok(picture) }
    }

    fn decide_version(&self, owner: UserId, media: MediaId) -> Result<Vec<Event>, Refusal> {
        let first = self.edited_by(owner)?;
        match self.versions.last() {
            Some(newest) if *newest == media => Ok(vec![]),
            _ if first.media == media || self.versions.contains(&media) => Err(Refusal::Exists),
            _ => {
                limits::room(self.versions.len(), limits::VERSIONS)?;
                let version = self.versions.len() as u32 + 2;
                Ok(vec![MediaVersionAdded { owner, version, media }.into()])
            }
        }
    }
}

impl Aggregate for Media {
    type Id = MediaId;
    type Command = MediaCommand;

    fn decide(&self, command: MediaCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            MediaCommand::Add(media) => unless(self.added.is_some(), *media),
            MediaCommand::Name(named) => {
                self.edited_by(named.owner)?;
                limits::line(&named.name, limits::NAME)?;
                unless(self.name.as_ref() == Some(&named.name), named)
            }
            MediaCommand::Tag(tagged) => {
                self.edited_by(tagged.owner)?;
                limits::tags(&tagged.tags)?;
                unless(self.tags.as_ref() == Some(&tagged.tags), tagged)
            }
            MediaCommand::AddVersion { owner, media } => self.decide_version(owner, media),
            MediaCommand::Remove(removed) => self.of(removed.owner).and_then(|_| unless(self.removed, removed)),
            MediaCommand::Restore(restored) => self.of(restored.owner).and_then(|_| unless(!self.removed, restored)),
            MediaCommand::Erase(_) if self.added.is_none() => Ok(vec![]),
            MediaCommand::Erase(erased) => self.of(erased.owner).map(|_| vec![erased.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::MediaAdded(e) => self.added = Some(e.clone()),
            Event::MediaNamed(e) => self.name = Some(e.name.clone()),
            Event::MediaTagged(e) => self.tags = Some(e.tags.clone()),
            Event::MediaVersionAdded(e) => {
                self.versions.truncate((e.version as usize).saturating_sub(2));
                self.versions.push(e.media);
            }
            Event::MediaRemoved(_) => self.removed = true,
            Event::MediaRestored(_) => self.removed = false,
            Event::MediaErased(_) => *self = Self::default(),
            _ => {}
        }
    }
}
