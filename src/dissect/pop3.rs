//! Pop3 as the strict observer reads it.

use serde::Serialize;

/// What a Pop3 Step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Pop3Meaning {}
