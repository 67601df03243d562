//! The handlers against a real nats-server, a real S3 server and a projector, over real connections.

#[path = "web/house.rs"]
mod house;

#[path = "web/audit.rs"]
mod audit;
#[path = "web/cancel.rs"]
mod cancel;
#[path = "web/csrf.rs"]
mod csrf;
#[path = "web/dispatch.rs"]
mod dispatch;
#[path = "web/dispatchers.rs"]
mod dispatchers;
#[path = "web/events.rs"]
mod events;
#[path = "web/forget.rs"]
mod forget;
#[path = "web/ownership.rs"]
mod ownership;
#[path = "web/raw.rs"]
mod raw;
#[path = "web/redraw.rs"]
mod redraw;
#[path = "web/refusals.rs"]
mod refusals;
#[path = "web/strokes.rs"]
mod strokes;
#[path = "web/upload.rs"]
mod upload;
