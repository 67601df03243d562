//! Live events: one follower of the log and one of the ticks for the whole process, and a broadcast to whoever looks.

use crate::dispatch::board::{Board, Place, unix_ms};
use bus::{Bus, BusError, Delivered, Log};
use futures::StreamExt;
use schemas::progress::Tick;
use schemas::{Event, JobId, Recorded};
use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// How far a client may fall behind before it catches up from the log.
const BEHIND: usize = 1024;
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub struct Hub {
    log: Log,
    events: broadcast::Sender<Arc<Recorded>>,
    ticks: broadcast::Sender<Arc<Tick>>,
    board: Arc<RwLock<Board>>,
}

impl Hub {
    pub async fn start(bus: &Bus, shutdown: CancellationToken) -> Result<Self, BusError> {
        let hub = Self {
            log: bus.log().opened(),
            events: broadcast::Sender::new(BEHIND),
            ticks: broadcast::Sender::new(BEHIND),
            board: Arc::default(),
        };
        let ticks = bus.ticks().follow().await?;
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(hub.clone().follow_log()));
        tokio::spawn(shutdown.run_until_cancelled_owned(hub.clone().follow_ticks(bus.clone(), ticks)));
        Ok(hub)
    }

    /// Where a job stands that waits; `None` for others.
    pub fn place(&self, job: JobId) -> Option<Place> {
        let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
        board.advance(unix_ms(schemas::envelope::now()));
        board.place(job)
    }

    /// What happens to a job after `sequence`, without gap or duplicate, and how it gets on.
    pub async fn feed(&self, job: JobId, sequence: u64) -> Result<Feed, bus::ReadError> {
        // Listening begins before reading: what happens in between is seen twice, and dropped once.
        let (events, ticks) = (self.events.subscribe(), self.ticks.subscribe());
        let backlog = self.log.load_after(job.into(), sequence).await?.into();
        Ok(Feed { log: self.log.clone(), job, sent: sequence, backlog, events, ticks, ended: false })
    }

    async fn follow_log(self) {
        loop {
            let from = self.board.read().unwrap_or_else(PoisonError::into_inner).sequence + 1;
            let mut log = self.log.follow(from);
            while let Some(item) = log.next().await {
                match item {
                    Ok(Delivered::Event(recorded)) => {
                        self.board.write().unwrap_or_else(PoisonError::into_inner).apply(&recorded);
                        // Nobody listening is fine.
                        self.events.send(Arc::new(*recorded)).ok();
                    }
                    Ok(Delivered::CaughtUp { .. } | Delivered::Unreadable { .. }) => {}
                    Err(error) => tracing::warn!(%error, "live events pause"),
                }
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
    }

    async fn follow_ticks(self, bus: Bus, mut ticks: futures::stream::BoxStream<'static, Tick>) {
        loop {
            while let Some(tick) = ticks.next().await {
                self.ticks.send(Arc::new(tick)).ok();
            }
            tokio::time::sleep(TRY_AGAIN).await;
            if let Ok(again) = bus.ticks().follow().await {
                ticks = again;
            }
        }
    }
}

/// One client's view of one job.
pub struct Feed {
    log: Log,
    job: JobId,
    /// The last event given out.
    sent: u64,
    backlog: VecDeque<Recorded>,
    events: broadcast::Receiver<Arc<Recorded>>,
    ticks: broadcast::Receiver<Arc<Tick>>,
    ended: bool,
}

pub enum Item {
    Event(Box<Recorded>),
    Tick(Arc<Tick>),
}

impl Feed {
    /// `None` after the job's last event, or when we cannot go on: the client asks again from where it stands.
    pub async fn next(&mut self) -> Option<Item> {
        while !self.ended {
            if let Some(recorded) = self.backlog.pop_front() {
                if recorded.sequence > self.sent {
                    self.sent = recorded.sequence;
                    self.ended = is_end(recorded.event());
                    return Some(Item::Event(Box::new(recorded)));
                }
                continue;
            }
            tokio::select! {
                biased;
                event = self.events.recv() => match event {
                    Ok(recorded) if recorded.aggregate == self.job.into() => {
                        self.backlog.push_back(Recorded::clone(&recorded));
                    }
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => {
                        self.backlog = self.log.load_after(self.job.into(), self.sent).await.ok()?.into();
                    }
                    Err(RecvError::Closed) => return None,
                },
                tick = self.ticks.recv() => match tick {
                    Ok(tick) if tick.job == self.job => return Some(Item::Tick(tick)),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
        None
    }
}

/// Nothing follows this event in a job's life.
pub fn is_end(event: &Event) -> bool {
    match event {
        Event::JobCompleted(_) | Event::JobCancelled(_) | Event::JobErased(_) => true,
        Event::JobFailed(failure) => !failure.retryable,
        _ => false,
    }
}
