//! Conformance: dialogues with the real servers of a running world, by RFC section, and the road behind them.
//!
//! Each test says in its documentation what it holds: `RFC 5321 §4.1.4 MUST: text`. From these lines comes the table
//! `book/src/reference/conformance.md` (see `coverage`).

#![allow(clippy::print_stderr, reason = "skipped tests and peak memory are told to people")]
#![allow(clippy::too_many_lines, reason = "a dialogue is as long as it is")]

mod coverage;
mod dsn;
mod imap;
mod misbehaving;
mod pop3;
mod queue;
mod sasl;
mod smtp;
mod talk;
mod tls;
mod tough;
