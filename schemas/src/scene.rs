//! A scene: pictures from the library and balloons, each in its place. Ready: nothing in it changes until it is a
//! draft again, so that comics which show it can be relied on.

use crate::aggregate::unless;
use crate::event::{
    AssetMoved, AssetPlaced, AssetUnplaced, Balloon, BalloonEdited, BalloonPlaced, BalloonRemoved, Pose, SceneCreated,
    SceneDrafted, SceneErased, SceneReady, SceneRemoved, SceneRestored,
};
use crate::ids::{BalloonId, MediaId, PlacementId, SceneId, UserId};
use crate::{Aggregate, Event, Refusal, limits};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// `None`: it is not there, or erased.
    pub created: Option<SceneCreated>,
    pub placements: BTreeMap<PlacementId, (MediaId, Pose)>,
    pub balloons: BTreeMap<BalloonId, Balloon>,
    pub ready: bool,
    pub removed: bool,
    pub erased: bool,
}

#[derive(Clone, Debug)]
pub enum SceneCommand {
    Create(SceneCreated),
    Place(AssetPlaced),
    Move(AssetMoved),
    Unplace(AssetUnplaced),
    PlaceBalloon(BalloonPlaced),
    EditBalloon(BalloonEdited),
    RemoveBalloon(BalloonRemoved),
    Ready(SceneReady),
    Draft(SceneDrafted),
    Remove(SceneRemoved),
    Restore(SceneRestored),
    Erase(SceneErased),
}

impl Scene {
    pub fn is_empty(&self) -> bool {
        self.placements.is_empty() && self.balloons.is_empty()
    }

    fn of(&self, owner: UserId) -> Result<(), Refusal> {
        match &self.created {
            _ if self.erased => Err(Refusal::Ended),
            None => Err(Refusal::Missing),
            Some(created) if created.owner != owner => Err(Refusal::NotAllowed),
            Some(_) => Ok(()),
        }
    }

    /// It is in `owner`'s library.
    fn kept_by(&self, owner: UserId) -> Result<(), Refusal> {
        self.of(owner)?;
        if self.removed { Err(Refusal::Removed) } else { Ok(()) }
    }

    fn edited_by(&self, owner: UserId) -> Result<(), Refusal> {
        self.kept_by(owner)?;
        if self.ready { Err(Refusal::OutOfOrder) } else { Ok(()) }
    }

    fn decide_create(&self, scene: SceneCreated) -> Result<Vec<Event>, Refusal> {
        limits::within(scene.width, &limits::SIDE)?;
        limits::within(scene.height, &limits::SIDE)?;
        match &self.created {
            _ if self.erased => Err(Refusal::Ended),
            Some(created) if *created != scene => Err(Refusal::Exists),
            created => unless(created.is_some(), scene),
        }
    }

    fn decide_place(&self, placed: AssetPlaced) -> Result<Vec<Event>, Refusal> {
        self.edited_by(placed.owner)?;
        limits::pose(&placed.pose)?;
        match self.placements.get(&placed.placement) {
            Some(there) if *there != (placed.media, placed.pose) => Err(Refusal::Exists),
            Some(_) => Ok(vec![]),
            None => {
                limits::room(self.placements.len(), limits::PLACEMENTS)?;
                Ok(vec![placed.into()])
            }
        }
    }

    fn decide_move(&self, moved: AssetMoved) -> Result<Vec<Event>, Refusal> {
        self.edited_by(moved.owner)?;
        limits::pose(&moved.pose)?;
        let (_, pose) = self.placements.get(&moved.placement).ok_or(Refusal::Missing)?;
        unless(*pose == moved.pose, moved)
    }

    fn decide_place_balloon(&self, placed: BalloonPlaced) -> Result<Vec<Event>, Refusal> {
        self.edited_by(placed.owner)?;
        limits::balloon(&placed.content)?;
        match self.balloons.get(&placed.balloon) {
            Some(there) if *there != placed.content => Err(Refusal::Exists),
            Some(_) => Ok(vec![]),
            None => {
                limits::room(self.balloons.len(), limits::BALLOONS)?;
                Ok(vec![placed.into()])
            }
        }
    }

    fn decide_edit_balloon(&self, edited: BalloonEdited) -> Result<Vec<Event>, Refusal> {
        self.edited_by(edited.owner)?;
        limits::balloon(&edited.content)?;
        let balloon = self.balloons.get(&edited.balloon).ok_or(Refusal::Missing)?;
        unless(*balloon == edited.content, edited)
    }

    fn decide_ready(&self, ready: SceneReady) -> Result<Vec<Event>, Refusal> {
        self.kept_by(ready.owner)?;
        if self.is_empty() { Err(Refusal::Empty) } else { unless(self.ready, ready) }
    }
}

impl Aggregate for Scene {
    type Id = SceneId;
    type Command = SceneCommand;

    fn decide(&self, command: SceneCommand) -> Result<Vec<Event>, Refusal> {
        match command {
            SceneCommand::Create(scene) => self.decide_create(scene),
            SceneCommand::Place(placed) => self.decide_place(placed),
            SceneCommand::Move(moved) => self.decide_move(moved),
            SceneCommand::Unplace(gone) => {
                self.edited_by(gone.owner)?;
                unless(!self.placements.contains_key(&gone.placement), gone)
            }
            SceneCommand::PlaceBalloon(placed) => self.decide_place_balloon(placed),
            SceneCommand::EditBalloon(edited) => self.decide_edit_balloon(edited),
            SceneCommand::RemoveBalloon(gone) => {
                self.edited_by(gone.owner)?;
                unless(!self.balloons.contains_key(&gone.balloon), gone)
            }
            SceneCommand::Ready(ready) => self.decide_ready(ready),
            SceneCommand::Draft(draft) => self.kept_by(draft.owner).and_then(|()| unless(!self.ready, draft)),
            SceneCommand::Remove(removed) => self.of(removed.owner).and_then(|()| unless(self.removed, removed)),
            SceneCommand::Restore(restored) => self.of(restored.owner).and_then(|()| unless(!self.removed, restored)),
            SceneCommand::Erase(_) if self.erased => Ok(vec![]),
            SceneCommand::Erase(erased) => self.of(erased.owner).map(|()| vec![erased.into()]),
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::SceneCreated(e) => self.created = Some(e.clone()),
            Event::AssetPlaced(e) => {
                self.placements.insert(e.placement, (e.media, e.pose));
            }
            Event::AssetMoved(e) => {
                self.placements.entry(e.placement).and_modify(|(_, pose)| *pose = e.pose);
            }
            Event::AssetUnplaced(e) => {
                self.placements.remove(&e.placement);
            }
            Event::BalloonPlaced(BalloonPlaced { balloon, content, .. })
            | Event::BalloonEdited(BalloonEdited { balloon, content, .. }) => {
                self.balloons.insert(*balloon, content.clone());
            }
            Event::BalloonRemoved(e) => {
                self.balloons.remove(&e.balloon);
            }
            Event::SceneReady(_) => self.ready = true,
            Event::SceneDrafted(_) => self.ready = false,
            Event::SceneRemoved(_) => self.removed = true,
            Event::SceneRestored(_) => self.removed = false,
            Event::SceneErased(_) => *self = Self { erased: true, ..Self::default() },
            _ => {}
        }
    }
}
