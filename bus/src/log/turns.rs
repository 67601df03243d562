//! Writers of one process who lost a race for an aggregate go one after the other from then on.

use schemas::AggregateId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::OwnedMutexGuard;

/// Who has the turn for which aggregate; the others wait in the order in which they came.
#[derive(Default)]
pub struct Turns(Mutex<HashMap<AggregateId, Arc<tokio::sync::Mutex<()>>>>);

/// The next has its turn when this is dropped.
pub struct Turn {
    turns: Arc<Turns>,
    aggregate: AggregateId,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    pub async fn wait(self: &Arc<Self>, aggregate: AggregateId) -> Turn {
        // Made before waiting: it tidies up also when the waiting is given up.
        let mut turn = Turn { turns: self.clone(), aggregate, held: None };
        let line = self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(aggregate).or_default().clone();
        turn.held = Some(line.lock_owned().await);
        turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut lines = self.turns.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.held = None;
        if lines.get(&self.aggregate).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.aggregate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::JobId;

    #[tokio::test]
    async fn one_has_the_turn_and_nothing_stays_behind() {
        let (turns, id) = (Arc::new(Turns::default()), JobId::new().into());
        let first = turns.wait(id).await;
        let other = turns.wait(JobId::new().into()).await;
        let mut second = Box::pin(turns.wait(id));
        assert!(futures::poll!(&mut second).is_pending());
        {
            let mut gives_up = Box::pin(turns.wait(id));
            assert!(futures::poll!(&mut gives_up).is_pending());
        }
        drop((first, other));
        let second = second.await;
        assert_eq!(turns.0.lock().expect("nobody panicked").len(), 1);
        drop(second);
        assert!(turns.0.lock().expect("nobody panicked").is_empty());
    }
}
