//! The body of an upload as it comes in: watched for silence and slowness, and read to its end when we answer early.

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// After an early refusal, so much more is read and thrown away, so that the client gets to read our answer instead of a
/// reset connection.
const LINGER_BYTES: usize = 64 << 20;
const LINGER_TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("nothing came for a while")]
    Stalled,
    #[error("it comes too slowly")]
    TooSlow,
    #[error("the connection broke")]
    Broken,
}

pub struct UploadBody {
    /// `None` once it ended or failed.
    body: Option<BodyDataStream>,
    stall: Duration,
    deadline: Pin<Box<Sleep>>,
    pace: Pace,
    /// The client waits for our word before it sends: nothing to drain.
    expects_continue: bool,
}

/// Bytes since the present window began.
struct Pace {
    window: Duration,
    least: u64,
    since: Instant,
    bytes: u64,
}

impl UploadBody {
    /// `slowest`: bytes a second, looked at over windows of twice `stall`.
    pub fn new(body: Body, stall: Duration, slowest: u64, expects_continue: bool) -> Self {
        let window = stall * 2;
        let least = slowest.saturating_mul(window.as_secs().max(1));
        Self {
            body: Some(body.into_data_stream()),
            stall,
            deadline: Box::pin(tokio::time::sleep(stall)),
            pace: Pace { window, least, since: Instant::now(), bytes: 0 },
            expects_continue,
        }
    }
}

impl Pace {
    fn is_too_slow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        if self.since.elapsed() < self.window {
            return false;
        }
        let slow = self.bytes < self.least;
        (self.since, self.bytes) = (Instant::now(), 0);
        slow
    }
}

impl Stream for UploadBody {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        match body.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(bytes))) => {
                let next = Instant::now() + this.stall;
                this.deadline.as_mut().reset(next);
                let slow = this.pace.is_too_slow(bytes.len());
                Poll::Ready(Some(if slow { Err(BodyError::TooSlow) } else { Ok(bytes) }))
            }
            Poll::Ready(Some(Err(_))) => {
                this.body = None;
                Poll::Ready(Some(Err(BodyError::Broken)))
            }
            Poll::Ready(None) => {
                this.body = None;
                Poll::Ready(None)
            }
            Poll::Pending => match this.deadline.as_mut().poll(cx) {
                Poll::Ready(()) => {
                    this.body = None;
                    Poll::Ready(Some(Err(BodyError::Stalled)))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl Drop for UploadBody {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else { return };
        if self.expects_continue && self.pace.bytes == 0 {
            return;
        }
        let drain = async move {
            let mut left = LINGER_BYTES;
            while let Some(Ok(bytes)) = body.next().await {
                left = left.saturating_sub(bytes.len());
                if left == 0 {
                    return;
                }
            }
        };
        tokio::spawn(async move { tokio::time::timeout(LINGER_TIME, drain).await.ok() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_secs(10);

    fn body(chunks: Vec<(Duration, &'static str)>) -> Body {
        let stream = futures::stream::iter(chunks).then(|(wait, text)| async move {
            tokio::time::sleep(wait).await;
            Ok::<_, std::io::Error>(Bytes::from_static(text.as_bytes()))
        });
        Body::from_stream(stream)
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_the_body() {
        let chunks = vec![(Duration::from_secs(9), "a"), (Duration::from_secs(11), "b")];
        let mut body = UploadBody::new(body(chunks), STALL, 0, false);
        assert_eq!(body.next().await, Some(Ok(Bytes::from_static(b"a"))));
        assert_eq!(body.next().await, Some(Err(BodyError::Stalled)));
        assert_eq!(body.next().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_is_too_slow() {
        let chunks = vec![(Duration::from_secs(5), "a"); 10];
        let body = UploadBody::new(body(chunks), STALL, 100, false);
        let outcome: Vec<_> = body.take(5).collect().await;
        assert!(outcome.contains(&Err(BodyError::TooSlow)), "{outcome:?}");
    }
}
