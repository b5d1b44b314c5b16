//! Mail logs.
