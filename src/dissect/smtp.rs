//! Smtp as the strict observer reads it.

use serde::Serialize;

/// What a Smtp Step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum SmtpMeaning {}
