//! What the first bytes say a file is.

use super::DecodeError;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A container that we let ffmpeg open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// MP4, MOV, 3GP (ISO/IEC 14496-12).
    Mov,
    /// Matroska and WebM (RFC 9559).
    Matroska,
    Avi,
}

impl Container {
    /// From the first bytes of a file; 12 are enough.
    pub fn of(head: &[u8]) -> Option<Self> {
        const MOV_BOXES: [&[u8; 4]; 7] = [b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];
        match head {
            [0x1a, 0x45, 0xdf, 0xa3, ..] => Some(Self::Matroska),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', b' ', ..] => Some(Self::Avi),
            [_, _, _, _, name @ ..] if MOV_BOXES.iter().any(|known| name.starts_with(*known)) => Some(Self::Mov),
            _ => None,
        }
    }

    /// The demuxer's name, and options that only it knows: a MOV may refer to other files by path.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Mov => &["-f", "mov", "-enable_drefs", "0", "-use_absolute_path", "0"],
            Self::Matroska => &["-f", "matroska"],
            Self::Avi => &["-f", "avi"],
        }
    }
}

pub fn sniff(video: &Path) -> Result<Container, DecodeError> {
    let mut head = [0; 12];
    let read = File::open(video).and_then(|mut file| {
        let mut filled = 0;
        while filled < head.len() {
            match file.read(&mut head[filled..])? {
                0 => break,
                n => filled += n,
            }
        }
        Ok(filled)
    });
    let read = read.map_err(DecodeError::Scratch)?;
    Container::of(&head[..read])
        .ok_or_else(|| DecodeError::refused("unsupported-media", "this is not an MP4, MOV, MKV, WebM or AVI file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_container() {
        let check = |head: &[u8], expected| assert_eq!(Container::of(head), expected, "{head:?}");
        check(b"\0\0\0\x20ftypisom", Some(Container::Mov));
        check(b"\0\0\0\x08wide\0\0\0\0", Some(Container::Mov));
        check(b"\x1a\x45\xdf\xa3\x01\0\0\0", Some(Container::Matroska));
        check(b"RIFF\0\0\0\0AVI LIST", Some(Container::Avi));
        check(b"RIFF\0\0\0\0WAVEfmt ", None);
        check(b"#EXTM3U\n#EXT-X", None);
        check(b"ffconcat version", None);
        check(b"", None);
    }
}
