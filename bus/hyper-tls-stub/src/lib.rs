//! Stands in for hyper-tls 0.5 so that rusoto_core builds without a TLS stack of its own.
//!
//! Plain http only, and never reached: every S3 request goes through Kart's dispatcher over hyper 1 and rustls.

use hyper::client::HttpConnector;
use hyper::{Uri, service::Service};
use std::task::{Context, Poll};

#[derive(Clone, Debug)]
pub struct HttpsConnector<T>(T);

impl HttpsConnector<HttpConnector> {
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(HttpConnector::new())
    }
}

impl Service<Uri> for HttpsConnector<HttpConnector> {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        self.0.call(uri)
    }
}
