//! Events that stand in the log twice: the second one changes nothing, wherever it stands.

use crate::views::{MAX_ROWS, Views};
use crate::{StoreError, ViewStore};
use schemas::{Hash, Recorded};
use std::collections::HashSet;
use std::sync::Arc;

/// More than are on their way into the store at once: whatever is not remembered is there.
const REMEMBERED: usize = 32_768;

/// The hashes of the last events that were applied. Twice [`REMEMBERED`] at most.
#[derive(Default)]
pub struct Repetition {
    young: HashSet<Hash>,
    old: HashSet<Hash>,
}

impl Repetition {
    /// An event is applied.
    pub fn remember(&mut self, hash: Hash) {
        if self.young.len() >= REMEMBERED {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(hash);
    }

    /// Whether the same event (the hash covers all that it says, and its past) stands earlier in the log.
    pub async fn holds(&self, store: &Arc<dyn ViewStore>, event: &Recorded) -> Result<bool, StoreError> {
        if self.young.contains(&event.hash) || self.old.contains(&event.hash) {
            return Ok(true);
        }
        let (views, mut after) = (Views::new(Arc::clone(store)), None);
        loop {
            let page = views.timeline(event.aggregate, after.as_ref(), MAX_ROWS).await?;
            if page.rows.iter().any(|row| row.hash == event.hash && row.sequence < event.sequence) {
                return Ok(true);
            }
            after = page.next;
            if after.is_none() {
                return Ok(false);
            }
        }
    }
}
