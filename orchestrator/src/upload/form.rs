//! The `multipart/form-data` body (RFC 7578): one file field, `video`, and the `style` to draw it in.

use super::body::{BodyError, UploadBody};
use super::name;
use super::sniff::{self, Container};
use crate::problem::Problem;
use axum::http::{HeaderMap, StatusCode, header};
use bus::{Blobs, UploadError};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use multer::{Constraints, Field, Multipart, SizeLimit};
use schemas::{Blob, Style};
use std::error::Error;

const FILE_FIELD: &str = "video";
/// Best sent before the file: a name that is none is refused before the video has travelled.
const STYLE_FIELD: &str = "style";
/// Beside the file a form may bring this many fields, each this large; those that mean nothing are thrown away.
const MOST_FIELDS: usize = 16;
const FIELD_LIMIT: u64 = 64 << 10;
/// What the wrapping of a file may add to the length of the request.
const WRAPPING: u64 = 64 << 10;

/// A video that is wholly in S3.
#[derive(Debug)]
pub struct Received {
    pub name: String,
    pub container: Container,
    pub blob: Blob,
    /// As asked for; `None` when the form does not say.
    pub style: Option<Style>,
}

/// Refuses by the head of the request alone, before a byte is read. Returns the boundary.
pub fn check_head(headers: &HeaderMap, max_upload: u64) -> Result<String, Problem> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > max_upload.saturating_add(WRAPPING)) {
        return Err(too_large(max_upload));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    multer::parse_boundary(content_type).map_err(|error| match error {
        multer::Error::NoBoundary => bad_multipart("The Content-Type names no boundary."),
        _ => {
            let detail = "Send the video as the field `video` of a multipart/form-data body.";
            unsupported(detail)
        }
    })
}

/// Reads the whole form, and stores its file under `key` on the way. After an error, nothing is stored.
pub async fn receive(
    body: UploadBody,
    boundary: String,
    blobs: &Blobs,
    key: &str,
    max_upload: u64,
) -> Result<Received, Problem> {
    let whole = max_upload.saturating_add(MOST_FIELDS as u64 * FIELD_LIMIT);
    let constraints = Constraints::new().size_limit(SizeLimit::new().whole_stream(whole));
    let mut form = Multipart::with_constraints(body, boundary, constraints);
    let mut received = None;
    let outcome = read_fields(&mut form, blobs, key, max_upload, &mut received).await;
    match (outcome, received) {
        (Ok(()), Some(video)) => Ok(video),
        (Ok(()), None) => {
            let detail = "The form has no file field named `video`.";
            Err(Problem::bad_request("missing-field", "There is no video in it", detail))
        }
        (Err(problem), Some(_)) => {
            // The file was whole, what came after it was not.
            blobs.delete(key).await.ok();
            Err(problem)
        }
        (Err(problem), None) => Err(problem),
    }
}

async fn read_fields(
    form: &mut Multipart<'_>,
    blobs: &Blobs,
    key: &str,
    max_upload: u64,
    received: &mut Option<Received>,
) -> Result<(), Problem> {
    let (mut fields, mut style) = (0, None);
    while let Some(field) = form.next_field().await.map_err(|error| broken_form(&error))? {
        fields += 1;
        if fields > MOST_FIELDS {
            let detail = format!("A form may have {MOST_FIELDS} fields.");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-many-fields", "Too many fields", detail));
        }
        if field.name() == Some(STYLE_FIELD) {
            style = Some(read_style(field).await?);
        } else if field.name() != Some(FILE_FIELD) {
            read_short(field).await?;
        } else if received.is_some() {
            let detail = "The field `video` comes twice. Send one video at a time.";
            return Err(Problem::bad_request("duplicate-field", "One video at a time", detail));
        } else {
            *received = Some(store(field, blobs, key, max_upload).await?);
        }
    }
    if let Some(received) = received {
        received.style = style;
    }
    Ok(())
}

async fn store(mut field: Field<'_>, blobs: &Blobs, key: &str, max_upload: u64) -> Result<Received, Problem> {
    let name = name::clean(field.file_name()).map_err(|error| invalid_filename(error.to_string()))?;
    let head = read_head(&mut field).await?;
    if head.is_empty() {
        let detail = "The file has no bytes. Choose the video again.";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "empty-file", "The file is empty", detail));
    }
    let container = sniff::sniff(&head)
        .ok_or_else(|| unsupported("The file is no video that we can open. Send MP4, MOV, WebM, Matroska or AVI."))?;
    let rest = field.map(|chunk| chunk.map_err(Box::<dyn Error + Send + Sync>::from));
    let bytes = futures::stream::once(async move { Ok(head) }).chain(rest);
    let blob = upload(blobs, key, bytes, max_upload).await?;
    Ok(Received { name, container, blob, style: None })
}

async fn upload(
    blobs: &Blobs,
    key: &str,
    bytes: impl Stream<Item = Result<Bytes, Box<dyn Error + Send + Sync>>> + Send,
    max_upload: u64,
) -> Result<Blob, Problem> {
    blobs.upload(key, bytes, max_upload).await.map_err(|error| match error {
        UploadError::TooLarge { .. } => too_large(max_upload),
        UploadError::Body(cause) => broken_form(cause.as_ref()),
        UploadError::Blob(error) => error.into(),
    })
}

/// Enough of the field to tell what it is, or all of it.
async fn read_head(field: &mut Field<'_>) -> Result<Bytes, Problem> {
    let mut head = BytesMut::new();
    while head.len() < sniff::ENOUGH {
        let Some(chunk) = field.chunk().await.map_err(|error| broken_form(&error))? else { break };
        head.extend_from_slice(&chunk);
    }
    Ok(head.freeze())
}

async fn read_style(field: Field<'_>) -> Result<Style, Problem> {
    let name = read_short(field).await?;
    std::str::from_utf8(&name).ok().and_then(|name| name.parse().ok()).ok_or_else(Problem::unknown_style)
}

async fn read_short(mut field: Field<'_>) -> Result<Vec<u8>, Problem> {
    let mut bytes = vec![];
    while let Some(chunk) = field.chunk().await.map_err(|error| broken_form(&error))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > FIELD_LIMIT {
            let detail = "A field other than `video` is too long.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "field-too-large", "Too much in a field", detail));
        }
    }
    Ok(bytes)
}

/// What became of a body that cannot be read further: the error, or one of its causes, says.
fn broken_form(error: &(dyn Error + 'static)) -> Problem {
    if let Some(body) = causes(error).find_map(|cause| cause.downcast_ref::<BodyError>()) {
        return broken_body(*body);
    }
    match causes(error).find_map(|cause| cause.downcast_ref::<multer::Error>()) {
        Some(multer::Error::StreamSizeExceeded { limit }) => too_large(*limit),
        Some(
            multer::Error::IncompleteFieldData { .. }
            | multer::Error::IncompleteHeaders
            | multer::Error::IncompleteStream,
        ) => incomplete(),
        // Too many headers has a length; the other causes are characters that no header may hold, which in a form's
        // part can only come from the file's name.
        Some(multer::Error::ReadHeaderFailed(cause)) if cause.to_string() != "too many headers" => {
            invalid_filename("The file name holds control characters.".to_owned())
        }
        _ => bad_multipart("The body is no well-formed multipart/form-data."),
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn broken_body(error: BodyError) -> Problem {
    let timed_out = |detail| {
        let problem = Problem::new(StatusCode::REQUEST_TIMEOUT, "upload-timeout", "The upload came to a halt", detail);
        Problem { close: true, ..problem }
    };
    match error {
        BodyError::Stalled => timed_out("Nothing came for a while. Check your connection and try again."),
        BodyError::TooSlow => timed_out("It came too slowly. Check your connection and try again."),
        BodyError::Broken => incomplete(),
    }
}

fn incomplete() -> Problem {
    Problem::bad_request(
        "incomplete-body",
        "Only part of it arrived",
        "The body ended too early. Send the video again.",
    )
}

fn bad_multipart(detail: &'static str) -> Problem {
    Problem::bad_request("bad-multipart", "The form cannot be read", detail)
}

fn invalid_filename(detail: String) -> Problem {
    Problem::bad_request("invalid-filename", "The file has an odd name", format!("{detail} Rename it and try again."))
}

fn unsupported(detail: &'static str) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media", "That is not a video we know", detail)
}

fn too_large(max_upload: u64) -> Problem {
    let detail = format!("A video may have {}. Send a shorter one.", crate::pages::bytes(max_upload));
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "That is too much video", detail)
}
