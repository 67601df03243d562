//! The read models: one file a view, with its table, its row, its pure `apply` and how a row is read back.

pub mod comics;
pub mod comics_by_user;
pub mod heads;
pub mod job_pictures;
pub mod jobs;
pub mod jobs_by_user;
pub mod media;
pub mod parked;
pub mod timeline;
pub mod videos;

use crate::{
    ComicRow, Cursor, JobRow, MediaRow, Mutation, Page, ParkedRow, PictureRow, Row, StoreError, Table, TimelineRow,
    Value, VideoRow, ViewStore,
};
use futures::future::try_join_all;
use schemas::{AggregateId, ComicId, JobId, MediaId, Recorded, UserId, VideoId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Every table that a store holds.
pub static TABLES: [&Table; 10] = [
    &jobs::TABLE,
    &jobs_by_user::TABLE,
    &job_pictures::TABLE,
    &videos::TABLE,
    &media::TABLE,
    &comics::TABLE,
    &comics_by_user::TABLE,
    &timeline::TABLE,
    &parked::TABLE,
    &heads::TABLE,
];

/// The most rows of one page.
pub const MAX_ROWS: usize = 100;

/// What an event changes, in all views. Pure: the same event leads to the same mutations, whenever it is applied.
pub fn apply(event: &Recorded) -> Vec<Mutation> {
    [
        jobs::apply,
        jobs_by_user::apply,
        job_pictures::apply,
        videos::apply,
        media::apply,
        comics::apply,
        comics_by_user::apply,
        timeline::apply,
    ]
    .iter()
    .flat_map(|apply| apply(event))
    .collect()
}

/// Everything that a page may read. Cheap to clone. It does not check who asks: rows name their owner.
#[derive(Clone)]
pub struct Views {
    pub(crate) store: Arc<dyn ViewStore>,
}

impl Views {
    pub fn new(store: Arc<dyn ViewStore>) -> Self {
        Self { store }
    }

    pub async fn job(&self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        self.one(&jobs::TABLE, &[id.into()], jobs::read).await
    }

    /// A person's jobs, the newest first.
    pub async fn jobs_of(
        &self,
        owner: UserId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<JobRow>, StoreError> {
        let page = self.page(&jobs_by_user::TABLE, &[owner.into()], after, limit, jobs_by_user::read).await?;
        let rows = try_join_all(page.rows.into_iter().map(|id| self.job(id))).await?;
        Ok(Page { rows: rows.into_iter().flatten().collect(), next: page.next })
    }

    /// What a job has drawn so far, by kind and index.
    pub async fn pictures(&self, job: JobId) -> Result<Vec<PictureRow>, StoreError> {
        let (mut pictures, mut after) = (vec![], None);
        loop {
            let page =
                self.page(&job_pictures::TABLE, &[job.into()], after.as_ref(), MAX_ROWS, job_pictures::read).await?;
            pictures.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return Ok(pictures);
            }
        }
    }

    pub async fn video(&self, id: VideoId) -> Result<Option<VideoRow>, StoreError> {
        self.one(&videos::TABLE, &[id.into()], videos::read).await
    }

    pub async fn media(&self, id: MediaId) -> Result<Option<MediaRow>, StoreError> {
        self.one(&media::TABLE, &[id.into()], media::read).await
    }

    pub async fn comic(&self, id: ComicId) -> Result<Option<ComicRow>, StoreError> {
        self.one(&comics::TABLE, &[id.into()], comics::read).await
    }

    /// A person's comics, the newest first.
    pub async fn comics_of(
        &self,
        owner: UserId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ComicRow>, StoreError> {
        let page = self.page(&comics_by_user::TABLE, &[owner.into()], after, limit, comics_by_user::read).await?;
        let rows = try_join_all(page.rows.into_iter().map(|id| self.comic(id))).await?;
        Ok(Page { rows: rows.into_iter().flatten().collect(), next: page.next })
    }

    /// What happened to one thing, oldest first.
    pub async fn timeline(
        &self,
        aggregate: impl Into<AggregateId>,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<TimelineRow>, StoreError> {
        let partition = timeline::partition(aggregate.into());
        self.page(&timeline::TABLE, &partition, after, limit, timeline::read).await
    }

    /// What could not be shown because one of its events could not be read.
    pub async fn parked(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ParkedRow>, StoreError> {
        self.page(&parked::TABLE, &parked::partition(), after, limit, parked::read).await
    }

    /// Everything up to this sequence of the log is in the rows.
    pub async fn position(&self) -> Result<u64, StoreError> {
        Ok(self.store.checkpoint().await?.sequence)
    }

    /// Waits until the rows show `sequence`, so that people read what they just wrote. False when `patience` ran out.
    pub async fn reach(&self, sequence: u64, patience: Duration) -> Result<bool, StoreError> {
        let deadline = Instant::now() + patience;
        loop {
            // Listening begins before reading: a move in between is not missed.
            let moved = self.store.moved();
            if self.position().await? >= sequence {
                return Ok(true);
            }
            if tokio::time::timeout_at(deadline, moved).await.is_err() {
                return Ok(false);
            }
        }
    }

    async fn one<T>(
        &self,
        table: &'static Table,
        key: &[Value],
        read: impl Fn(&Row) -> Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let row = self.store.row(table, key).await?;
        Ok(row.as_ref().map(read).transpose()?.flatten())
    }

    async fn page<T>(
        &self,
        table: &'static Table,
        partition: &[Value],
        after: Option<&Cursor>,
        limit: usize,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let limit = limit.clamp(1, MAX_ROWS);
        let after = after.map(|cursor| cursor.key_in(table)).transpose()?;
        // One more than asked for tells whether there is a next page.
        let mut rows = self.store.rows(table, partition, after, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(Cursor::after);
        Ok(Page { rows: rows.iter().map(read).collect::<Result<_, _>>()?, next })
    }
}
