//! A person: `kart.user.*`.

use crate::Personal;
use crate::ids::{TargetId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A visitor came for the first time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// True until they sign up: known by their cookie alone.
    pub guest: bool,
}

/// A person is forgotten: their key is gone, and everything of theirs follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UserErased {}

/// How somebody is told that their comic is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    Webhook,
    Push,
}

/// A place to send notifications to. Its secret is kept outside the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationTargetAdded {
    /// The user themselves.
    pub owner: UserId,
    pub target: TargetId,
    pub channel: Channel,
    /// An `https` URL.
    pub address: Personal,
}

/// Nothing more is sent there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NotificationTargetRemoved {
    pub owner: UserId,
    pub target: TargetId,
}
