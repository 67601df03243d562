//! What a visitor may do to themselves: be forgotten.

use crate::app::App;
use crate::problem::{Problem, wants_page};
use crate::session::{Visitor, no_session_cookie};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::Context;
use schemas::Actor;
use schemas::user::{User, UserCommand};
use serde_json::json;
use uuid::Uuid;

/// Their pictures are in the browser's cache, for a year.
const CLEAR: (HeaderName, &str) = (HeaderName::from_static("clear-site-data"), "\"cache\"");

/// `POST /v1/me/erase`: 202 for a program, 303 to the home page for a browser's form. Once it is in the log it happens,
/// whatever becomes of this process; the cookie is good for nothing from here on.
pub async fn erase(State(app): State<App>, visitor: Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    let user = visitor.known()?;
    let context = Context {
        command: Uuid::now_v7(),
        actor: Actor::User(user),
        correlation: Uuid::now_v7(),
        causation: None,
        time: schemas::envelope::now(),
    };
    app.web.bus.log().execute::<User>(user, &context, || UserCommand::Erase).await?;
    if let Some(session) = visitor.session
        && let Err(error) = app.web.bus.sessions().delete(session).await
    {
        tracing::warn!(%error, "the eraser ends the session");
    }
    let mut response = if wants_page(&headers) {
        (StatusCode::SEE_OTHER, [(header::LOCATION, "/?forgotten=yes")]).into_response()
    } else {
        (StatusCode::ACCEPTED, Json(json!({ "status": "erasing" }))).into_response()
    };
    response.headers_mut().append(header::SET_COOKIE, no_session_cookie(&app));
    response.headers_mut().insert(CLEAR.0, HeaderValue::from_static(CLEAR.1));
    Ok(response)
}
