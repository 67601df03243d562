//! What the first bytes say a file is. Only the families that our decoder is allowed to open; names and declared types
//! are not believed.

/// Bytes that are enough to tell.
pub const ENOUGH: usize = 512;

/// A container that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// ISO base media (ISO/IEC 14496-12): MP4, 3GP, M4V.
    Mp4,
    /// QuickTime.
    Mov,
    /// EBML (RFC 8794) with document type `matroska`.
    Matroska,
    Webm,
    /// RIFF with form `AVI `.
    Avi,
}

impl Container {
    pub fn as_str(self) -> &'static str {
        match self {
            Container::Mp4 => "mp4",
            Container::Mov => "mov",
            Container::Matroska => "matroska",
            Container::Webm => "webm",
            Container::Avi => "avi",
        }
    }
}

/// `None`: nothing that we take.
pub fn sniff(head: &[u8]) -> Option<Container> {
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return ebml(head);
    }
    if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") {
        return Some(Container::Avi);
    }
    boxes(head)
}

/// The document type stands in the EBML header, within its first few elements.
fn ebml(head: &[u8]) -> Option<Container> {
    const DOCUMENT_TYPE: [u8; 2] = [0x42, 0x82];
    let place = head.windows(2).position(|pair| pair == DOCUMENT_TYPE)?;
    // One byte of length follows, with its highest bit as marker.
    let length = usize::from(head.get(place + 2)? & 0x7f);
    match head.get(place + 3..place + 3 + length)? {
        b"webm" => Some(Container::Webm),
        b"matroska" => Some(Container::Matroska),
        _ => None,
    }
}

/// A file of boxes begins with `ftyp`, or, in old QuickTime files, with any of a few others.
fn boxes(head: &[u8]) -> Option<Container> {
    let size = u32::from_be_bytes(head.get(..4)?.try_into().ok()?);
    let kind = head.get(4..8)?;
    // Size 1 means that the size follows in 64 bits; 0 means up to the end of the file, which only `mdat` may say.
    let plausible = size == 1 || size >= 8 || (size == 0 && kind == b"mdat");
    match kind {
        _ if !plausible => None,
        b"ftyp" => brand(head.get(8..12)?),
        b"moov" | b"mdat" | b"wide" | b"free" | b"skip" | b"pnot" => Some(Container::Mov),
        _ => None,
    }
}

/// Still pictures are files of boxes too.
fn brand(major: &[u8]) -> Option<Container> {
    match major {
        b"avif" | b"avis" | b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" | b"jp2 " => {
            None
        }
        b"qt  " => Some(Container::Mov),
        _ => Some(Container::Mp4),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], expected: Option<Container>) {
        assert_eq!(sniff(head), expected, "{}", String::from_utf8_lossy(head));
    }

    #[test]
    fn the_families_that_we_take() {
        check(b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2", Some(Container::Mp4));
        check(b"\0\0\0\x14ftyp3gp4\0\0\0\0", Some(Container::Mp4));
        check(b"\0\0\0\x14ftypqt  \0\0\0\0", Some(Container::Mov));
        check(b"\0\0\0\x08wide\0\0\0\0mdat", Some(Container::Mov));
        check(b"\0\0\0\0mdat", Some(Container::Mov));
        check(b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm", Some(Container::Webm));
        check(b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x88matroska", Some(Container::Matroska));
        check(b"RIFF\0\0\0\0AVI LIST", Some(Container::Avi));
    }

    #[test]
    fn everything_else_is_refused() {
        let others: [&[u8]; 16] = [
            b"x",
            b"hello, this is text.mp4",
            b"#EXTM3U\nfile:///etc/passwd",
            b"ffconcat version 1.0\nfile ../x",
            b"<?xml version=\"1.0\"?><MPD>",
            b"v=0\no=- 0 0 IN IP4 127.0.0.1",
            b"<svg xmlns='http://www.w3.org/2000/svg'>",
            b"GIF89a\x01\0\x01\0",
            b"\x89PNG\r\n\x1a\n",
            b"PK\x03\x04",
            b"FLV\x01\x05\0\0\0\x09",
            b"\x47\x40\x11\x10\0\x42\xf0\x25",
            b"RIFF\0\0\0\0WAVEfmt ",
            b"RIFF\0\0\0\0WEBPVP8 ",
            b"\0\0\0\x18ftypheic\0\0\0\0",
            b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84what",
        ];
        others.iter().for_each(|head| check(head, None));
        check(b"\0\0\0\x02ftypisom", None);
        check(b"", None);
    }
}
