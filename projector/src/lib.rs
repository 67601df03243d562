//! Folds the log into the read models that pages show.
//!
//! Data runs one way: event → [`views::apply`] (pure) → [`Mutation`]s → a [`ViewStore`] → rows → [`Views`], which is all
//! that a page ever reads. Mutations carry absolute values and the sequence they come from; in both stores the highest
//! sequence wins, column by column. Repeating or delaying a mutation therefore changes nothing.
//!
//! What is absent: nothing here appends to the log, and nobody else writes a view.

mod believing;
mod chain;
mod checking;
mod contiguous;
mod cursor;
mod folding;
mod freshness;
mod parking;
mod projecting;
mod rebuilding;
mod repetition;
mod row;
mod shards;
mod store;
mod table;
pub mod views;

pub use checking::{Comparison, Difference, MOST_DIFFERENCES, diff};
pub use cursor::{Cursor, Page};
pub use folding::Gap;
pub use freshness::Freshness;
pub use projecting::{Position, Progress, ProjectError, Projector, project};
pub use rebuilding::{Report, ViewStatus, rebuild, status};
pub use row::Row;
pub use store::{Checkpoint, Counts, Generation, RedbStore, ScyllaStore, StoreError, ViewStore};
pub use table::{Mutation, Order, Table, Type, Value};
pub use views::Views;
pub use views::comics::ComicRow;
pub use views::job_pictures::PictureRow;
pub use views::jobs::{JobError, JobRow, PhaseStatus, Status};
pub use views::media::MediaRow;
pub use views::parked::ParkedRow;
pub use views::timeline::TimelineRow;
pub use views::videos::{VideoFacts, VideoRefusal, VideoRow};
