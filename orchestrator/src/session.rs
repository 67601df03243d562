//! Who asks: every visitor is a guest, known by a random token in a cookie. Only the token's hash is stored.

use crate::app::App;
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use bus::Context;
use rand::RngCore;
use schemas::user::{User, UserCommand};
use schemas::{Actor, Aggregate, Hash, Recorded, UserId};
use uuid::Uuid;

/// A guest who does not come back for so long has lost their comics.
const SESSION_DAYS: u32 = 180;
/// How long an answer's position in the log is remembered, for reading one's own writes.
const SEEN_SECONDS: u32 = 60;
const SEEN: &str = "kart_seen";

/// The visitor behind a request; `user` is `None` before their first upload.
#[derive(Clone, Copy, Debug)]
pub struct Visitor {
    pub user: Option<UserId>,
    /// The position in the log of the last thing they wrote.
    pub seen: Option<u64>,
    /// What their cookie is known by.
    pub session: Option<Hash>,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let seen = cookie(&parts.headers, SEEN).and_then(|text| text.parse().ok());
        let session = cookie(&parts.headers, session_cookie(app)).and_then(token_hash);
        let user = match session {
            Some(hash) => app.web.bus.sessions().get(hash).await?,
            None => None,
        };
        Ok(Self { user, seen, session })
    }
}

impl Visitor {
    /// The user, where being nobody means that nothing is yours.
    pub fn known(&self) -> Result<UserId, Problem> {
        self.user.ok_or_else(Problem::not_found)
    }
}

/// Whose video it will be.
pub enum Sender {
    Known(UserId),
    New(Guest),
}

impl Sender {
    pub fn of(visitor: &Visitor) -> Self {
        visitor.user.map_or_else(|| Self::New(Guest::new()), Self::Known)
    }

    pub fn user(&self) -> UserId {
        match self {
            Self::Known(user) => *user,
            Self::New(guest) => guest.user,
        }
    }

    /// Writes a new guest down, who gets a cookie; refuses somebody who was erased meanwhile.
    pub async fn admit(&self, app: &App) -> Result<Option<HeaderValue>, Problem> {
        match self {
            Self::Known(_) => self.refuse_erased(app).await.map(|()| None),
            Self::New(guest) => guest.register(app).await.map(Some),
        }
    }

    pub async fn refuse_erased(&self, app: &App) -> Result<(), Problem> {
        let Self::Known(user) = self else { return Ok(()) };
        let loaded = app.web.bus.log().load((*user).into()).await?;
        let user = User::fold(loaded.events.iter().map(Recorded::event));
        if user.erased { Err(Problem::erased()) } else { Ok(()) }
    }
}

/// A guest who is about to have a session.
pub struct Guest {
    pub user: UserId,
    token: [u8; 32],
}

impl Guest {
    pub fn new() -> Self {
        let mut token = [0; 32];
        rand::rng().fill_bytes(&mut token);
        Self { user: UserId::new(), token }
    }

    /// Writes the guest down and gives them a cookie.
    pub async fn register(&self, app: &App) -> Result<HeaderValue, Problem> {
        let context = Context {
            command: Uuid::now_v7(),
            actor: Actor::User(self.user),
            correlation: Uuid::now_v7(),
            causation: None,
            time: schemas::envelope::now(),
        };
        app.web.bus.log().execute::<User>(self.user, &context, || UserCommand::RegisterGuest).await?;
        app.web.bus.sessions().put(Hash::of(&self.token), self.user).await?;
        Ok(set_cookie(app, session_cookie(app), &hex::encode(self.token), SESSION_DAYS * 24 * 60 * 60))
    }
}

/// Takes the session's cookie back.
pub fn no_session_cookie(app: &App) -> HeaderValue {
    set_cookie(app, session_cookie(app), "", 0)
}

/// Remembers how far the log was when the visitor wrote something.
pub fn seen_cookie(app: &App, sequence: u64) -> HeaderValue {
    set_cookie(app, SEEN, &sequence.to_string(), SEEN_SECONDS)
}

fn set_cookie(app: &App, name: &str, value: &str, seconds: u32) -> HeaderValue {
    let secure = if app.web.config.cookie_secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&cookie).expect("names, hexadecimal and digits are fine in a header")
}

/// `__Host-` makes browsers refuse the cookie from any other host or over plain HTTP.
fn session_cookie(app: &App) -> &'static str {
    if app.web.config.cookie_secure { "__Host-kart_session" } else { "kart_session" }
}

fn token_hash(token: &str) -> Option<Hash> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(token, &mut bytes).ok()?;
    Some(Hash::of(&bytes))
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}
