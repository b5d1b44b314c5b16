//! The terminal view from outside: every screen at every size and in every look, and whole sessions in a real terminal.
#![allow(clippy::print_stderr, reason = "a test that cannot run here says so")]

#[cfg(unix)]
mod beside;
#[cfg(unix)]
mod lesson;
mod screens;
#[cfg(unix)]
mod session;
#[cfg(unix)]
mod terminal;
mod walks;
mod world;
