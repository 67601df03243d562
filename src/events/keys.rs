//! People's keys in a file, one a line: the user, a space, the key in hexadecimal.

use anyhow::Context;
use bus::Keys;
use schemas::UserId;
use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

pub async fn write(keys: &Keys, path: &Path) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", path.display());
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let mut file = std::io::BufWriter::new(file.with_context(failed)?);
    for (user, key) in keys.all().await? {
        writeln!(file, "{user} {}", hex::encode(key)).with_context(failed)?;
    }
    file.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all()).with_context(failed)
}

/// Puts keys back, except those of people whom the log says were erased since. How many.
pub async fn restore(keys: &Keys, path: &Path, erased: &HashSet<UserId>) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut count = 0;
    for (line, number) in text.lines().zip(1..) {
        let parsed = line.split_once(' ').and_then(|(user, key)| {
            let user: UserId = user.parse().ok()?;
            Some((user, hex::decode(key).ok()?))
        });
        let (user, key) = parsed.with_context(|| format!("line {number} of {} holds no key", path.display()))?;
        if !erased.contains(&user) {
            keys.restore(user, key).await?;
            count += 1;
        }
    }
    for user in erased {
        keys.erase(*user).await?;
    }
    Ok(count)
}
