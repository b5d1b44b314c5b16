//! A password or token, which no `Debug` output, log or error message may show.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What stands where a secret stood: the same for each, so that it does not tell how long the secret is.
pub const HIDDEN: &str = "••••••";

/// A secret string. `Debug` prints `Secret(…)`; reading it takes the explicit [`Secret::expose`].
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wrap a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Secret(secret.into())
    }

    /// The secret itself: only for comparing and for putting on a wire.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
