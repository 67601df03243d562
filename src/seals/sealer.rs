//! Sealing on a schedule, and when asked.

use super::folder::{newest, store};
use super::{Root, Seal, SealKey};
use crate::backends;
use crate::config::Settings;
use anyhow::{Context, bail};
use bus::{Blobs, Bus, Delivered, Filter, Log};
use ed25519_dalek::SigningKey;
use futures::StreamExt;
use schemas::envelope;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The last seal, at the shutdown, may take so long.
const LAST_WITHIN: Duration = Duration::from_secs(5);

/// Nobody waits long for the first seal of a new log.
const FIRST_AFTER: Duration = Duration::from_secs(60);

struct Sealer {
    log: Log,
    blobs: Blobs,
    key: SigningKey,
    last: Option<Seal>,
}

impl Sealer {
    /// Goes on from the newest seal of its own; nobody else's is believed.
    async fn new(log: Log, blobs: Blobs, key: SigningKey) -> anyhow::Result<Self> {
        let last = newest(&blobs, key.verifying_key()).await?;
        Ok(Self { log, blobs, key, last })
    }

    /// Seals what came since the last seal. `None` when nothing did. A log with a gap is not sealed.
    async fn seal(&mut self) -> anyhow::Result<Option<Seal>> {
        let (mut sequence, mut root) =
            self.last.as_ref().map_or((0, Root::default()), |last| (last.sequence, last.root));
        let before = sequence;
        let head = self.log.head().await?;
        if head < before {
            bail!("the log ends at {head}, before its last seal at {before}: run `kart events verify`");
        }
        if head == before {
            return Ok(None);
        }
        let mut events = self.log.replay(Filter { from: before + 1, to_sequence: Some(head), ..Filter::default() });
        while let Some(delivered) = events.next().await {
            match delivered? {
                Delivered::Event(event) if event.sequence == sequence + 1 => {
                    sequence = event.sequence;
                    root = root.after(sequence, event.hash);
                }
                Delivered::Event(event) => bail!("{} came after {sequence}", event.sequence),
                Delivered::Unreadable { sequence, reason, .. } => bail!("event {sequence} cannot be read: {reason}"),
                Delivered::CaughtUp { .. } => {}
            }
        }
        if sequence != head {
            bail!("the log was read to {sequence} instead of {head}");
        }
        let previous = self.last.as_ref().map(Seal::hash);
        let seal = Seal::sign(&self.key, sequence, root, previous, envelope::now());
        store(&self.blobs, &seal).await?;
        self.last = Some(seal.clone());
        Ok(Some(seal))
    }
}

/// Seals the log every `KART_SEAL_SECONDS`, and once more at `shutdown`.
pub async fn keep_sealing(log: Log, blobs: Blobs, settings: Settings, shutdown: CancellationToken) {
    let every = match settings.seal_seconds {
        0 => return,
        seconds => Duration::from_secs(seconds),
    };
    let key = match SealKey::load_or_make(&settings) {
        Ok(key) => key,
        Err(error) => return tracing::error!("the log is not sealed: {error:#}"),
    };
    let mut sealer: Option<Sealer> = None;
    loop {
        let stopping = shutdown.is_cancelled();
        let sealing = seal_once(&mut sealer, &log, &blobs, &key);
        let sealed = match stopping {
            true => tokio::time::timeout(LAST_WITHIN, sealing).await.context("it took too long").flatten(),
            false => sealing.await,
        };
        match sealed {
            Ok(Some(seal)) => tracing::debug!(sequence = seal.sequence, "the log is sealed"),
            Ok(None) => {}
            Err(error) => tracing::warn!("the log was not sealed: {error:#}"),
        }
        if stopping {
            return;
        }
        let pause = match sealer.as_ref().is_some_and(|sealer| sealer.last.is_some()) {
            true => every,
            false => every.min(FIRST_AFTER),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.cancelled() => {}
        }
    }
}

async fn seal_once(
    sealer: &mut Option<Sealer>,
    log: &Log,
    blobs: &Blobs,
    key: &SigningKey,
) -> anyhow::Result<Option<Seal>> {
    let sealer = match sealer {
        Some(sealer) => sealer,
        None => sealer.insert(Sealer::new(log.clone(), blobs.clone(), key.clone()).await?),
    };
    sealer.seal().await
}

/// Refuses a log that ends before its last seal. A nats-server drops what it cannot read, in the worst case the whole
/// stream; going on would write a second history over the first.
pub async fn refuse_a_shorter_log(bus: &Bus, blobs: &Blobs, settings: &Settings) -> anyhow::Result<()> {
    let Some(key) = SealKey::public(settings) else { return Ok(()) };
    let Some(last) = newest(blobs, key).await? else { return Ok(()) };
    let head = bus.health().await?.log_head;
    anyhow::ensure!(
        head >= last.sequence,
        "the log ends at {head}, and was sealed up to {}: it is damaged. See the nats-server's log and `kart events \
         verify`; bring the log back from a backup, or from an export with `kart events import`",
        last.sequence
    );
    Ok(())
}

/// `kart events seal`
pub async fn seal_now(settings: &Settings) -> anyhow::Result<()> {
    let (bus, embedded) = backends::log_of(settings).await?;
    let blobs = backends::blobs_beside(settings, embedded.as_ref())?;
    let key = SealKey::load(settings).context("the log is sealed where its key is")?;
    match Sealer::new(bus.log(), blobs, key).await?.seal().await? {
        Some(seal) => println!("sealed up to {}", seal.sequence),
        None => println!("nothing is new since the last seal"),
    }
    Ok(())
}
