//! How rusoto's requests reach the server: over hyper 1 and rustls instead of the stack that rusoto brings. Bodies
//! stream both ways. Time limits are the caller's.

use bytes::Bytes;
use futures::TryStreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rusoto_core::ByteStream;
use rusoto_core::request::{DispatchSignedRequest, DispatchSignedRequestFuture, HttpDispatchError, HttpResponse};
use rusoto_core::signature::{SignedRequest, SignedRequestPayload};
use std::io;
use std::time::Duration;

type Body = UnsyncBoxBody<Bytes, io::Error>;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Shorter than servers keep an idle connection, so that we seldom write into one that is being closed.
const CONNECTION_BUFFER: usize = 64 << 10;
const IDLE_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub struct Dispatcher {
    client: Client<HttpsConnector<HttpConnector>, Body>,
}

impl Dispatcher {
    /// # Errors
    /// When `https` is wanted and the system has no root certificates.
    pub fn new(https: bool) -> io::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = if https {
            builder.with_provider_and_native_roots(provider)?
        } else {
            // Never used, and a machine without root certificates can still talk http.
            let config = rustls::ClientConfig::builder_with_provider(provider.into())
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?
                .with_root_certificates(rustls::RootCertStore::empty())
                .with_no_client_auth();
            builder.with_tls_config(config)
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = builder.https_or_http().enable_http1().wrap_connector(http);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(CONNECTION_BUFFER)
            .build(connector);
        Ok(Self { client })
    }
}

impl DispatchSignedRequest for Dispatcher {
    fn dispatch(&self, request: SignedRequest, _timeout: Option<Duration>) -> DispatchSignedRequestFuture {
        let client = self.client.clone();
        Box::pin(async move {
            let response = client.request(to_http(request)?).await.map_err(|error| failed(&error))?;
            from_http(response)
        })
    }
}

fn to_http(request: SignedRequest) -> Result<http::Request<Body>, HttpDispatchError> {
    let mut uri = format!("{}://{}{}", request.scheme(), request.hostname(), request.canonical_path());
    if !request.canonical_query_string().is_empty() {
        uri = format!("{uri}?{}", request.canonical_query_string());
    }
    let mut builder = http::Request::builder().method(request.method()).uri(uri);
    for (name, values) in request.headers() {
        for value in values {
            builder = builder.header(name, value.as_slice());
        }
    }
    let body = match request.payload {
        None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        Some(SignedRequestPayload::Buffer(bytes)) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Some(SignedRequestPayload::Stream(stream)) => StreamBody::new(stream.map_ok(Frame::data)).boxed_unsync(),
    };
    builder.body(body).map_err(|error| failed(&error))
}

/// rusoto speaks the types of http 0.2.
fn from_http(response: http::Response<hyper::body::Incoming>) -> Result<HttpResponse, HttpDispatchError> {
    let (parts, body) = response.into_parts();
    let mut headers = http02::HeaderMap::<String>::with_capacity(parts.headers.len());
    for (name, value) in &parts.headers {
        let name = http02::header::HeaderName::from_bytes(name.as_str().as_bytes()).map_err(|error| failed(&error))?;
        headers.append(name, String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let status = http02::StatusCode::from_u16(parts.status.as_u16()).map_err(|error| failed(&error))?;
    let body = ByteStream::new(body.into_data_stream().map_err(io::Error::other));
    Ok(HttpResponse { status, headers, body })
}

fn failed(error: &dyn std::error::Error) -> HttpDispatchError {
    HttpDispatchError::new(crate::streams::describe(error))
}
