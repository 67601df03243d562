//! Whose each thing is, as the log tells it.

use schemas::{Actor, AggregateId, Recorded, UserId};
use serde::Deserialize;
use std::collections::HashMap;

/// Folded from the log's beginning: who owns a thing stands in its first event.
#[derive(Default)]
pub struct Owners(HashMap<AggregateId, UserId>);

/// All that is read of a body, of whatever type.
#[derive(Deserialize)]
struct Owned {
    owner: Option<UserId>,
}

impl Owners {
    /// Takes in an event. True when it is `user`'s: they did it, or it happened to something of theirs.
    pub fn take_in(&mut self, event: &Recorded, user: UserId) -> bool {
        let owner = match event.aggregate {
            AggregateId::UserId(id) => Some(id),
            thing => self.0.get(&thing).copied().or_else(|| {
                let Owned { owner } = serde_json::from_slice(&event.written.body).ok()?;
                owner.inspect(|owner| {
                    self.0.insert(thing, *owner);
                })
            }),
        };
        owner == Some(user) || event.new.actor == Actor::User(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::event::{CancelRequested, JobDispatched, JobRequested, Phase, UserRegistered};
    use schemas::{Blob, Event, Hash, JobId, NewEvent, VideoId, envelope};
    use uuid::Uuid;

    fn event(aggregate: impl Into<AggregateId>, actor: Actor, event: impl Into<Event>) -> Recorded {
        let (id, correlation) = (Uuid::now_v7(), Uuid::now_v7());
        let event = event.into();
        Recorded::of(
            1,
            aggregate.into(),
            None,
            NewEvent { id, time: envelope::now(), actor, causation: None, correlation, event },
        )
    }

    #[test]
    fn what_workers_do_for_a_user_is_the_users() {
        let (me, other, mine) = (UserId::new(), UserId::new(), JobId::new());
        let blob = Blob { key: "videos/x".to_owned(), sha256: Hash::of(b"x"), bytes: 1 };
        let request = JobRequested {
            owner: me,
            video: VideoId::new(),
            title: "me".into(),
            blob,
            priority: Default::default(),
            style: None,
            redraw: None,
            strokes: vec![],
        };
        let dispatched = || JobDispatched { phase: Phase::Training, attempt: 1 };
        let mut owners = Owners::default();
        let mut is_mine = |event: &Recorded| owners.take_in(event, me);
        assert!(is_mine(&event(me, Actor::User(me), UserRegistered { guest: true })));
        assert!(!is_mine(&event(other, Actor::User(other), UserRegistered { guest: true })));
        assert!(is_mine(&event(mine, Actor::User(me), request)));
        assert!(is_mine(&event(mine, Actor::role("dispatcher"), dispatched())));
        assert!(!is_mine(&event(JobId::new(), Actor::role("dispatcher"), dispatched())));
        assert!(is_mine(&event(JobId::new(), Actor::User(me), CancelRequested {})));
    }
}
