//! A store that fails, hangs or waits where a test wants it to.

use futures::future::{BoxFuture, pending};
use futures::stream::BoxStream;
use futures::{FutureExt, TryFutureExt};
use projector::{Checkpoint, Generation, Mutation, Row, StoreError, Table, Value, ViewStore};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::{Notify, watch};

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    FailBefore,
    /// It was done all the same.
    FailAfter,
    HangBefore,
    HangAfter,
}

impl Fault {
    pub const ALL: [Self; 4] = [Self::FailBefore, Self::FailAfter, Self::HangBefore, Self::HangAfter];
}

/// Where a store goes wrong.
pub struct Plan {
    pub fault: Fault,
    /// Calls until then.
    pub steps: AtomicI64,
    /// It hangs: whoever waits for the store may be dropped now.
    pub hangs: Notify,
    /// Rows that hold this value are not written while the gate is shut.
    pub gate: Option<(Value, watch::Receiver<bool>)>,
}

impl Plan {
    pub fn of(fault: Fault, steps: i64) -> Arc<Self> {
        Arc::new(Self { fault, steps: AtomicI64::new(steps), hangs: Notify::new(), gate: None })
    }

    pub fn gated(value: Value, open: watch::Receiver<bool>) -> Arc<Self> {
        let steps = AtomicI64::new(i64::MAX);
        Arc::new(Self { fault: Fault::FailBefore, steps, hangs: Notify::new(), gate: Some((value, open)) })
    }

    /// Whether the step was reached.
    pub fn struck(&self) -> bool {
        self.steps.load(Ordering::SeqCst) <= 0
    }
}

pub struct Faulty {
    pub inner: Arc<dyn ViewStore>,
    pub plan: Arc<Plan>,
}

impl Faulty {
    fn step<'a, T: Send + 'a>(
        &'a self,
        call: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let failed = || StoreError::Write { item: "what the test spoils".to_owned(), source: "spoilt".into() };
        async move {
            if self.plan.steps.fetch_sub(1, Ordering::SeqCst) != 1 {
                return call.await;
            }
            if matches!(self.plan.fault, Fault::FailAfter | Fault::HangAfter) {
                call.await?;
            }
            if matches!(self.plan.fault, Fault::HangBefore | Fault::HangAfter) {
                self.plan.hangs.notify_one();
                return pending().await;
            }
            Err(failed())
        }
        .boxed()
    }
}

fn key(mutation: &Mutation) -> &[Value] {
    match mutation {
        Mutation::Upsert { key, .. } | Mutation::Delete { key, .. } => key,
    }
}

impl ViewStore for Faulty {
    /// Several, also over a store that profits from one only.
    fn writers(&self) -> usize {
        self.inner.writers().max(4)
    }

    fn write(&self, mutations: Vec<Mutation>) -> BoxFuture<'_, Result<(), StoreError>> {
        let call = async move {
            if let Some((value, open)) = &self.plan.gate
                && mutations.iter().any(|mutation| key(mutation).contains(value))
            {
                open.clone().wait_for(|open| *open).await.expect("the test holds the gate");
            }
            self.inner.write(mutations).await
        };
        self.step(call.boxed())
    }

    fn set_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), StoreError>> {
        self.step(self.inner.set_checkpoint(checkpoint))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Checkpoint, StoreError>> {
        self.step(self.inner.checkpoint())
    }

    fn moved(&self) -> BoxFuture<'_, ()> {
        self.inner.moved()
    }

    fn get(&self, table: &'static Table, keys: Vec<Vec<Value>>) -> BoxFuture<'_, Result<Vec<Option<Row>>, StoreError>> {
        self.step(self.inner.get(table, keys))
    }

    fn rows<'a>(
        &'a self,
        table: &'static Table,
        partition: &'a [Value],
        after: Option<&'a [Value]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        self.step(self.inner.rows(table, partition, after, limit))
    }

    fn scan(&self, table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>> {
        self.inner.scan(table)
    }

    fn live(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.inner.live()
    }

    fn of(&self, generation: Generation) -> Arc<dyn ViewStore> {
        Arc::new(Self { inner: self.inner.of(generation), plan: Arc::clone(&self.plan) })
    }

    fn begin(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.step(self.inner.begin())
    }

    fn flip(&self, generation: Generation) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.step(self.inner.flip(generation))
    }

    fn sweep(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.step(self.inner.sweep()).map_ok(|()| ()).boxed()
    }
}
