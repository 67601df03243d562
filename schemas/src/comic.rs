//! A comic: drafted from a job's pictures or created for scenes; published for readers, who rate it; removed and
//! restored; erased when its author wants it.

use crate::aggregate::unless;
use crate::event::{
    ComicCreated, ComicDrafted, ComicErased, ComicPublished, ComicRated, ComicRemoved, ComicReported, ComicRestored,
    ComicTitled, ComicUnpublished, Complaint, LayoutChosen, SceneAdded, SceneDropped, SceneMoved,
};
use crate::ids::{ComicId, SceneId, UserId};
use crate::{Aggregate, Event, Invalid, Personal, Refusal, limits};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Status {
    #[default]
    Missing,
    Draft,
    Published,
    Removed,
    Erased,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comic {
    pub status: Status,
    pub owner: Option<UserId>,
    pub title: Option<Personal>,
    /// A job drew a page for it: there is something to read without scenes too.
    pub drawn: bool,
    /// In reading order, each once.
    pub scenes: Vec<SceneId>,
    pub layout: Option<LayoutChosen>,
    /// Stars by reader.
    pub ratings: BTreeMap<UserId, u8>,
    pub complaints: BTreeMap<UserId, Complaint>,
}

#[derive(Clone, Debug)]
pub enum ComicCommand {
    Draft(Box<ComicDrafted>),
    Create(ComicCreated),
    Title(ComicTitled),
    /// `at`: its place in the reading order, from 0.
    AddScene {
        owner: UserId,
        scene: SceneId,
        at: usize,
    },
    MoveScene {
        owner: UserId,
        scene: SceneId,
        to: usize,
    },
    DropScene {
        owner: UserId,
        scene: SceneId,
    },
    ChooseLayout(LayoutChosen),
    Publish(ComicPublished),
    Unpublish(ComicUnpublished),
    Rate {
        by: UserId,
        stars: u8,
    },
    Report {
        by: UserId,
        complaint: Complaint,
    },
    Remove(ComicRemoved),
    Restore(ComicRestored),
    Erase(ComicErased),
}

impl Comic {
    /// Whose it is.
    fn owner(&self) -> Result<UserId, Refusal> {
        match (self.status, self.owner) {
            (Status::Erased, _) => Err(Refusal::Ended),
            (_, owner) => owner.ok_or(Refusal::Missing),
        }
    }

    fn of(&self, owner: UserId) -> Result<(), Refusal> {
        if self.owner()? == owner { Ok(()) } else { Err(Refusal::NotAllowed) }
    }

    fn edited_by(&self, owner: UserId) -> Result<(), Refusal> {
        self.of(owner)?;
        if self.status == Status::Removed { Err(Refusal::Removed) } else { Ok(()) }
    }

    /// Its owner, if `reader` may judge it.
    fn read_by(&self, reader: UserId) -> Result<UserId, Refusal> {
        let owner = self.owner()?;
        match self.status {
            Status::Published if owner == reader => Err(Refusal::NotAllowed),
            Status::Published => Ok(owner),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    fn place_of(&self, scene: SceneId) -> Option<usize> {
        self.scenes.iter().position(|there| *there == scene)
    }

    fn decide_create(&self, comic: ComicCreated) -> Result<Vec<Event>, Refusal> {
        limits::line(&comic.title, limits::NAME)?;
        match self.status {
            Status::Missing => Ok(vec![comic.into()]),
            Status::Erased => Err(Refusal::Ended),
            _ => Err(Refusal::Exists),
        }
    }

    fn decide_add(&self, owner: UserId, scene: SceneId, at: usize) -> Result<Vec<Event>, Refusal> {
        self.edited_by(owner)?;
        match self.place_of(scene) {
            Some(place) if place == at => Ok(vec![]),
            Some(_) => Err(Refusal::Exists),
            None if at > self.scenes.len() => Err(Invalid::OutOfRange.into()),
            None => {
                limits::room(self.scenes.len(), limits::SCENES)?;
                let mut scenes = self.scenes.clone();
                scenes.insert(at, scene);
                Ok(vec![SceneAdded { owner, scene, scenes }.into()])
            }
        }
    }

    fn decide_move(&self, owner: UserId, scene: SceneId, to: usize) -> Result<Vec<Event>, Refusal> {
        self.edited_by(owner)?;
        let from = self.place_of(scene).ok_or(Refusal::Missing)?;
        if to >= self.scenes.len() {
            return Err(Invalid::OutOfRange.into());
        }
        let mut scenes = self.scenes.clone();
        scenes.remove(from);
        scenes.insert(to, scene);
        unless(from == to, SceneMoved { owner, scene, scenes })
    }

    fn decide_drop(&self, owner: UserId, scene: SceneId) -> Result<Vec<Event>, Refusal> {
        self.edited_by(owner)?;
        let scenes: Vec<SceneId> = self.scenes.iter().copied().filter(|there| *there != scene).collect();
        if self.status == Status::Published && scenes.is_empty() && !self.drawn {
            return Err(Refusal::Empty);
        }
        unless(scenes.len() == self.scenes.len(), SceneDropped { owner, scene, scenes })
    }

    fn decide_publish(&self, published: ComicPublished) -> Result<Vec<Event>, Refusal> {
        self.edited_by(published.owner)?;
        if self.scenes.is_empty() && !self.drawn {
            return Err(Refusal::Empty);
        }
        unless(self.status == Status::Published, published)
    }

    fn decide_rate(&self, by: UserId, stars: u8) -> Result<Vec<Event>, Refusal> {
        let owner = self.read_by(by)?;
        limits::within(stars, &limits::STARS)?;
        let mut ratings = self.ratings.clone();
        let before = ratings.insert(by, stars);
        let sum = ratings.values().map(|stars| u64::from(*stars)).sum();
        unless(before == Some(stars), ComicRated { owner, by, stars, sum, count: ratings.len() as u32 })
    }

    fn decide_report(&self, by: UserId, complaint: Complaint) -> Result<Vec<Event>, Refusal> {
        let owner = self.read_by(by)?;
        let before = self.complaints.get(&by);
        let count = self.complaints.len() as u32 + u32::from(before.is_none());
        unless(before == Some(&complaint), ComicReported { owner, by, complaint, count })
    }

    fn decide_remove(&self, removed: ComicRemoved) -> Result<Vec<Event>, Refusal> {
        self.of(removed.owner)?;
        let owner = removed.owner;
        match self.status {
            Status::Published => Ok(vec![ComicUnpublished { owner }.into(), removed.into()]),
            status => unless(status == Status::Removed, removed),
        }
    }
}

impl Aggregate for Comic {
    type Id = ComicId;
    type Command = ComicCommand;

    fn decide(&self, command: ComicCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            ComicCommand::Draft(_) if self.status == Status::Erased => Err(Refusal::Ended),
            ComicCommand::Draft(comic) => unless(self.status != Status::Missing, *comic),
            ComicCommand::Create(comic) => self.decide_create(comic),
            ComicCommand::Title(titled) => {
                self.edited_by(titled.owner)?;
                limits::line(&titled.title, limits::NAME)?;
                unless(self.title.as_ref() == Some(&titled.title), titled)
            }
            ComicCommand::AddScene { owner, scene, at } => self.decide_add(owner, scene, at),
            ComicCommand::MoveScene { owner, scene, to } => self.decide_move(owner, scene, to),
            ComicCommand::DropScene { owner, scene } => self.decide_drop(owner, scene),
            ComicCommand::ChooseLayout(layout) => {
                self.edited_by(layout.owner)?;
                unless(self.layout.as_ref() == Some(&layout), layout)
            }
            ComicCommand::Publish(published) => self.decide_publish(published),
            ComicCommand::Unpublish(draft) => {
                self.edited_by(draft.owner)?;
                unless(self.status == Status::Draft, draft)
            }
            ComicCommand::Rate { by, stars } => self.decide_rate(by, stars),
            ComicCommand::Report { by, complaint } => self.decide_report(by, complaint),
            ComicCommand::Remove(removed) => self.decide_remove(removed),
            ComicCommand::Restore(restored) => {
                self.of(restored.owner)?;
                unless(self.status != Status::Removed, restored)
            }
            ComicCommand::Erase(_) if self.status == Status::Erased => Ok(vec![]),
            ComicCommand::Erase(erased) => self.of(erased.owner).map(|()| vec![erased.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::ComicDrafted(e) => {
                *self = Self { title: Some(e.title.clone()), drawn: true, ..Self::started(e.owner) };
            }
            Event::ComicCreated(e) => *self = Self { title: Some(e.title.clone()), ..Self::started(e.owner) },
            Event::ComicTitled(e) => self.title = Some(e.title.clone()),
            Event::SceneAdded(SceneAdded { scenes, .. })
            | Event::SceneMoved(SceneMoved { scenes, .. })
            | Event::SceneDropped(SceneDropped { scenes, .. }) => self.scenes.clone_from(scenes),
            Event::LayoutChosen(e) => self.layout = Some(e.clone()),
            Event::ComicPublished(_) => self.status = Status::Published,
            Event::ComicUnpublished(_) | Event::ComicRestored(_) => self.status = Status::Draft,
            Event::ComicRated(e) => {
                self.ratings.insert(e.by, e.stars);
            }
            Event::ComicReported(e) => {
                self.complaints.insert(e.by, e.complaint);
            }
            Event::ComicRemoved(_) => self.status = Status::Removed,
            Event::ComicErased(_) => *self = Self { status: Status::Erased, ..Self::default() },
            _ => {}
        }
    }
}

impl Comic {
    fn started(owner: UserId) -> Self {
        Self { status: Status::Draft, owner: Some(owner), ..Self::default() }
    }
}
