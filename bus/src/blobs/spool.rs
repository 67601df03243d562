//! A part of an upload, gathered in a nameless file: however many uploads come in at once, and however slowly, none holds
//! more than a buffer in memory. The file is in the system's folder for temporary files, is not synced, and goes away with
//! its last handle.

use bytes::{Bytes, BytesMut};
use futures::stream;
use rusoto_core::ByteStream;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Written and read at once.
const BUFFER_BYTES: usize = 64 << 10;

pub struct Spool {
    file: Arc<File>,
    /// In the file.
    written: u64,
    /// Not yet in the file.
    pending: BytesMut,
}

/// A whole part.
#[derive(Clone)]
pub struct Part {
    file: Arc<File>,
    pub bytes: u64,
}

impl Spool {
    pub async fn new() -> io::Result<Self> {
        let file = blocking(tempfile::tempfile).await?;
        Ok(Self { file: Arc::new(file), written: 0, pending: BytesMut::new() })
    }

    pub fn bytes(&self) -> u64 {
        self.written + self.pending.len() as u64
    }

    pub async fn write(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.pending.extend_from_slice(chunk);
        match self.pending.len() >= BUFFER_BYTES {
            true => self.flush().await,
            false => Ok(()),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let (file, at, bytes) = (self.file.clone(), self.written, self.pending.split().freeze());
        self.written += bytes.len() as u64;
        blocking(move || file.write_all_at(&bytes, at)).await
    }

    pub async fn finish(mut self) -> io::Result<Part> {
        self.flush().await?;
        Ok(Part { file: self.file, bytes: self.written })
    }
}

impl Part {
    /// The bytes from the beginning; each try gets its own.
    pub fn body(&self) -> ByteStream {
        let chunks = stream::try_unfold((self.clone(), 0), |(part, at)| async move {
            let length = (part.bytes - at).min(BUFFER_BYTES as u64) as usize;
            if length == 0 {
                return Ok(None);
            }
            let file = part.file.clone();
            let chunk = blocking(move || {
                let mut buffer = vec![0; length];
                file.read_exact_at(&mut buffer, at).map(|()| Bytes::from(buffer))
            });
            Ok(Some((chunk.await?, (part, at + length as u64))))
        });
        ByteStream::new_with_size(chunks, self.bytes as usize)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
