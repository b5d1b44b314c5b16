//! Dns as the strict observer reads it.

use serde::Serialize;

/// What a Dns Step means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum DnsMeaning {}
