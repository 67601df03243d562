//! How `kart views` reaches a running `kart up`: the embedded store belongs to that process, so it does the work, asked
//! over a socket in the data folder. One JSON line in, one out.

use crate::views::{Answer, Request};
use anyhow::Context;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const MAX_REQUEST_BYTES: u64 = 4096;

fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// A request with the place for its answer.
pub struct Asked {
    pub request: Request,
    pub answer: oneshot::Sender<Result<Answer, String>>,
}

/// Passes requests on to whoever has the store, until `shutdown`.
pub fn listen(
    data: PathBuf,
    asked: mpsc::Sender<Asked>,
    shutdown: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let path = socket(&data);
    // Left by a process that was killed; the folder's lock says that none is alive.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).with_context(|| format!("cannot listen on {}", path.display()))?;
    Ok(tokio::spawn(async move {
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            let Ok((stream, _)) = stream else { continue };
            let asked = asked.clone();
            tokio::spawn(async move {
                if let Err(error) = answer(stream, asked).await {
                    tracing::warn!(%error, "a control request failed");
                }
            });
        }
        let _ = std::fs::remove_file(&path);
    }))
}

async fn answer(stream: UnixStream, asked: mpsc::Sender<Asked>) -> anyhow::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(MAX_REQUEST_BYTES)).read_line(&mut line).await?;
    let (answer, answered) = oneshot::channel();
    let result = match serde_json::from_str(&line) {
        Ok(request) => {
            asked.send(Asked { request, answer }).await.context("shutting down")?;
            answered.await.context("shutting down")?
        }
        Err(error) => Err(error.to_string()),
    };
    write.write_all(&serde_json::to_vec(&result)?).await?;
    Ok(())
}

/// Asks the `kart up` of a folder.
pub async fn ask(data: &Path, request: &Request) -> anyhow::Result<Answer> {
    let mut stream = UnixStream::connect(socket(data)).await.context("the running kart does not answer")?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answer = vec![];
    stream.read_to_end(&mut answer).await?;
    let answer: Result<Answer, String> = serde_json::from_slice(&answer)?;
    answer.map_err(anyhow::Error::msg)
}
