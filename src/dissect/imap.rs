//! Imap as the strict observer reads it.

use serde::Serialize;

/// What a Imap Step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum ImapMeaning {}
