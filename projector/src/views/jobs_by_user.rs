//! A person's jobs, the newest first. Only ids: most events of a job do not name its owner, so the rest of the list
//! comes from the jobs themselves.

use crate::{Mutation, Order, Row, StoreError, Table, Type};
use schemas::{AggregateId, Event, JobId, Recorded};

pub static TABLE: Table = Table {
    name: "jobs_by_user",
    version: 1,
    // Job ids are UUIDs of version 7: their order is that of the requests.
    columns: &[("owner", Type::Uuid), ("job", Type::Uuid), ("title", Type::Text), ("created", Type::Time)],
    partition: 1,
    clustering: 1,
    order: Order::Descending,
};

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::JobId(job) = recorded.aggregate else { return vec![] };
    match recorded.event() {
        Event::JobRequested(e) => {
            let columns = [("title", (&e.title).into()), ("created", recorded.new.time.into())];
            vec![TABLE.upsert(recorded.sequence, [e.owner.into(), job.into()], columns)]
        }
        Event::JobErased(e) => vec![TABLE.delete(recorded.sequence, [e.owner.into(), job.into()])],
        _ => vec![],
    }
}

pub fn read(row: &Row) -> Result<JobId, StoreError> {
    row.uuid("job").map(JobId)
}
