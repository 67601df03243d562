//! Whether an event may follow on what happened to its aggregate before: asked of the aggregate's own rules.

mod commands;

use commands::{comic_command, job_command, media_command, scene_command, user_command, video_command};
use schemas::comic::Comic;
use schemas::job::Job;
use schemas::media::Media;
use schemas::scene::Scene;
use schemas::user::User;
use schemas::video::Video;
use schemas::{Aggregate, Event, Invalid, Kind, Refusal};

/// An aggregate of any kind, as far as it has come.
pub enum State {
    User(User),
    Video(Video),
    Job(Box<Job>),
    Media(Box<Media>),
    Scene(Box<Scene>),
    Comic(Box<Comic>),
}

impl State {
    pub fn new(kind: Kind) -> Self {
        match kind {
            Kind::User => Self::User(User::default()),
            Kind::Video => Self::Video(Video::default()),
            Kind::Job => Self::Job(Box::default()),
            Kind::Media => Self::Media(Box::default()),
            Kind::Scene => Self::Scene(Box::default()),
            Kind::Comic => Self::Comic(Box::default()),
        }
    }

    /// Takes in an event, also one that the rules refuse.
    ///
    /// # Errors
    /// Why they refuse it.
    pub fn take_in(&mut self, event: &Event) -> Result<(), Refusal> {
        match self {
            Self::User(user) => follow(user, user_command(event), event),
            Self::Video(video) => follow(video, video_command(event), event),
            Self::Job(job) => {
                let allowed = job_allows(job, event);
                job.apply(event);
                allowed
            }
            Self::Media(media) => follow(media.as_mut(), media_command(event), event),
            Self::Scene(scene) => follow(scene.as_mut(), scene_command(event), event),
            Self::Comic(comic) => follow(comic.as_mut(), comic_command(event), event),
        }
    }
}

/// Asks for the event's own command, and applies the event. Without a command the rules are not asked.
fn follow<A: Aggregate>(state: &mut A, command: Option<A::Command>, event: &Event) -> Result<(), Refusal> {
    let allowed = command.map_or(Ok(()), |command| would_say(state, command, event));
    state.apply(event);
    allowed
}

/// A command that leads to other events, or to none, does not explain this one.
fn would_say<A: Aggregate>(state: &A, command: A::Command, event: &Event) -> Result<(), Refusal> {
    match state.decide(command) {
        Ok(events) if events.contains(event) => Ok(()),
        Ok(_) => Err(Refusal::OutOfOrder),
        // What is sealed cannot be measured; it was before it was sealed.
        Err(Refusal::Invalid(Invalid::NotText)) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

/// Failing and cancelling say less than their commands; what they must fit is asked here.
fn job_allows(job: &Job, event: &Event) -> Result<(), Refusal> {
    if let Some(command) = job_command(event) {
        return would_say(job, command, event);
    }
    let of_current = |phase, attempt| match job.current() {
        Some((current, running)) if current == phase && running == attempt => Ok(()),
        _ if job.stage.has_ended() => Err(Refusal::Ended),
        _ => Err(Refusal::OutOfOrder),
    };
    match event {
        Event::JobFailed(e) => of_current(e.phase, e.attempt),
        // It is written together with the failure of the attempt before.
        Event::RetryScheduled(e) => of_current(e.phase, e.attempt.saturating_sub(1)),
        _ if job.stage.has_ended() => Err(Refusal::Ended),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::event::*;
    use schemas::{Blob, Hash, Personal, SceneId, UserId, VideoId};
    use uuid::Uuid;

    fn requested() -> Event {
        let blob = Blob { key: "videos/x".to_owned(), sha256: Hash::of(b"x"), bytes: 1 };
        JobRequested {
            owner: UserId::new(),
            video: VideoId::new(),
            title: "me".into(),
            blob,
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![],
        }
        .into()
    }

    fn dispatched(attempt: u32) -> Event {
        JobDispatched { phase: Phase::Training, attempt }.into()
    }

    fn started(attempt: u32) -> Event {
        let (lease, device) = (Uuid::from_u128(1), "CPU".to_owned());
        TrainingStarted { attempt, lease, device, teachers: vec![] }.into()
    }

    fn failed(attempt: u32, retryable: bool) -> Event {
        let (code, detail) = ("internal".to_owned(), String::new());
        JobFailed { phase: Phase::Training, attempt, code, detail, retryable }.into()
    }

    fn retry(attempt: u32) -> Event {
        RetryScheduled { phase: Phase::Training, attempt, due_ms: 1 }.into()
    }

    fn allowed(history: &[Event]) -> Vec<bool> {
        let mut state = State::new(Kind::Job);
        history.iter().map(|event| state.take_in(event).is_ok()).collect()
    }

    #[test]
    fn a_history_of_commands_is_allowed() {
        let retried = [requested(), dispatched(1), started(1), failed(1, true), retry(2), dispatched(2), started(2)];
        assert_eq!(allowed(&retried), [true; 7]);
        let cancelled = [requested(), CancelRequested {}.into(), JobCancelled {}.into()];
        assert_eq!(allowed(&cancelled), [true; 3]);
        let erased = [requested(), dispatched(1), JobCancelled {}.into(), JobErased { owner: UserId::new() }.into()];
        assert_eq!(allowed(&erased), [true; 4]);
    }

    /// As they stand in the log: the rules cannot read what is sealed, and that is no offence.
    #[test]
    fn sealed_texts_are_no_offence() {
        let (owner, sealed) = (UserId::new(), || Personal::Sealed { sealed: "AAAA".to_owned() });
        let mut comic = State::new(Kind::Comic);
        assert_eq!(comic.take_in(&ComicCreated { owner, title: sealed() }.into()), Ok(()));
        assert_eq!(comic.take_in(&ComicTitled { owner, title: sealed() }.into()), Ok(()));
        let scene = SceneId::new();
        assert_eq!(comic.take_in(&SceneAdded { owner, scene, scenes: vec![scene] }.into()), Ok(()));
        assert_eq!(comic.take_in(&ComicPublished { owner }.into()), Ok(()));
        let miscounted = ComicRated { owner, by: UserId::new(), stars: 5, sum: 9, count: 1 };
        assert_eq!(comic.take_in(&miscounted.into()), Err(Refusal::OutOfOrder));
    }

    #[test]
    fn what_no_command_leads_to_is_not() {
        assert_eq!(allowed(&[dispatched(1)]), [false]);
        assert_eq!(allowed(&[requested(), started(1)]), [true, false]);
        assert_eq!(allowed(&[requested(), dispatched(1), dispatched(1)]), [true, true, false]);
        assert!(!allowed(&[requested(), dispatched(1), failed(1, false), failed(1, false)])[3]);
        assert!(!allowed(&[requested(), dispatched(1), retry(3)])[2]);
        let twice = [requested(), CancelRequested {}.into(), JobCancelled {}.into(), JobCancelled {}.into()];
        assert!(!allowed(&twice)[3]);
    }
}
