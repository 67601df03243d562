//! The command that an event comes from, where the event tells. `None` where it does not.

use schemas::Event;
use schemas::comic::ComicCommand;
use schemas::job::JobCommand;
use schemas::media::MediaCommand;
use schemas::scene::SceneCommand;
use schemas::user::UserCommand;
use schemas::video::VideoCommand;

pub fn user_command(event: &Event) -> Option<UserCommand> {
    Some(match event.clone() {
        Event::UserRegistered(_) => UserCommand::RegisterGuest,
        Event::NotificationTargetAdded(e) => UserCommand::AddTarget(e),
        Event::NotificationTargetRemoved(e) => UserCommand::RemoveTarget(e),
        Event::UserErased(_) => UserCommand::Erase,
        _ => return None,
    })
}

pub fn video_command(event: &Event) -> Option<VideoCommand> {
    Some(match event.clone() {
        Event::VideoUploaded(e) => VideoCommand::Upload(e),
        Event::VideoChecked(e) => VideoCommand::Check(e),
        Event::VideoRefused(e) => VideoCommand::Refuse(e),
        Event::VideoErased(e) => VideoCommand::Erase(e),
        _ => return None,
    })
}

/// Failing, trying again and being stopped are not among them: their commands say more than their events.
pub fn job_command(event: &Event) -> Option<JobCommand> {
    Some(match event.clone() {
        Event::JobRequested(e) => JobCommand::Request(e),
        Event::JobDispatched(_) => JobCommand::Dispatch,
        Event::TrainingStarted(e) => JobCommand::StartTraining(e),
        Event::TrainingProgressed(e) => JobCommand::ProgressTraining(e),
        Event::TrainingCompleted(e) => JobCommand::CompleteTraining(Box::new(e)),
        Event::InferenceStarted(e) => JobCommand::StartInference(e),
        Event::PanelRendered(e) => JobCommand::RenderPanel(Box::new(e)),
        Event::InferenceCompleted(e) => JobCommand::CompleteInference(Box::new(e)),
        Event::JobCompleted(e) => JobCommand::Complete(e),
        Event::CancelRequested(_) => JobCommand::RequestCancel,
        Event::JobErased(e) => JobCommand::Erase(e),
        _ => return None,
    })
}

pub fn media_command(event: &Event) -> Option<MediaCommand> {
    Some(match event.clone() {
        Event::MediaAdded(e) => MediaCommand::Add(Box::new(e)),
        Event::MediaNamed(e) => MediaCommand::Name(e),
        Event::MediaTagged(e) => MediaCommand::Tag(e),
        Event::MediaVersionAdded(e) => MediaCommand::AddVersion { owner: e.owner, media: e.media },
        Event::MediaRemoved(e) => MediaCommand::Remove(e),
        Event::MediaRestored(e) => MediaCommand::Restore(e),
        Event::MediaErased(e) => MediaCommand::Erase(e),
        _ => return None,
    })
}

pub fn scene_command(event: &Event) -> Option<SceneCommand> {
    Some(match event.clone() {
        Event::SceneCreated(e) => SceneCommand::Create(e),
        Event::AssetPlaced(e) => SceneCommand::Place(e),
        Event::AssetMoved(e) => SceneCommand::Move(e),
        Event::AssetUnplaced(e) => SceneCommand::Unplace(e),
        Event::BalloonPlaced(e) => SceneCommand::PlaceBalloon(e),
        Event::BalloonEdited(e) => SceneCommand::EditBalloon(e),
        Event::BalloonRemoved(e) => SceneCommand::RemoveBalloon(e),
        Event::SceneReady(e) => SceneCommand::Ready(e),
        Event::SceneDrafted(e) => SceneCommand::Draft(e),
        Event::SceneRemoved(e) => SceneCommand::Remove(e),
        Event::SceneRestored(e) => SceneCommand::Restore(e),
        Event::SceneErased(e) => SceneCommand::Erase(e),
        _ => return None,
    })
}

pub fn comic_command(event: &Event) -> Option<ComicCommand> {
    Some(match event.clone() {
        Event::ComicDrafted(e) => ComicCommand::Draft(Box::new(e)),
        Event::ComicCreated(e) => ComicCommand::Create(e),
        Event::ComicTitled(e) => ComicCommand::Title(e),
        Event::SceneAdded(e) => {
            let at = e.scenes.iter().position(|scene| *scene == e.scene)?;
            ComicCommand::AddScene { owner: e.owner, scene: e.scene, at }
        }
        Event::SceneMoved(e) => {
            let to = e.scenes.iter().position(|scene| *scene == e.scene)?;
            ComicCommand::MoveScene { owner: e.owner, scene: e.scene, to }
        }
        Event::SceneDropped(e) => ComicCommand::DropScene { owner: e.owner, scene: e.scene },
        Event::LayoutChosen(e) => ComicCommand::ChooseLayout(e),
        Event::ComicPublished(e) => ComicCommand::Publish(e),
        Event::ComicUnpublished(e) => ComicCommand::Unpublish(e),
        Event::ComicRated(e) => ComicCommand::Rate { by: e.by, stars: e.stars },
        Event::ComicReported(e) => ComicCommand::Report { by: e.by, complaint: e.complaint },
        Event::ComicRemoved(e) => ComicCommand::Remove(e),
        Event::ComicRestored(e) => ComicCommand::Restore(e),
        Event::ComicErased(e) => ComicCommand::Erase(e),
        _ => return None,
    })
}
