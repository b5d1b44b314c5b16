//! The internet in a process: hosts, links, clock, zones, mailboxes, queue, faults, and the people's script.
//!
//! Nothing outside `net` opens a socket; nothing outside `clock` knows the time; only the tap writes records.

pub mod change;
pub mod clock;
pub mod driver;
pub mod mailboxes;
pub mod net;
pub mod resolver;
pub mod roles;
pub mod scenario;
pub mod zones;
