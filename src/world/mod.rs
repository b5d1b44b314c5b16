//! The internet in a process: hosts, links, clock, zones, mailboxes, queue, faults, and the people's script.
//!
//! [`run()`] builds it from a scenario, lets it run to its end in virtual time, and gives the transcript.
//! [`live`] is the same world on the real clock, with doors to real programs: the lab.
//! Nothing outside `net` opens a socket; nothing outside `clock` knows the time; only the tap writes records.

pub mod ca;
pub mod change;
pub mod chaos;
pub mod clock;
pub mod compose;
pub mod driver;
pub mod dsn;
pub mod faults;
pub mod hosts;
pub mod late;
pub mod live;
pub mod logins;
pub mod mailboxes;
pub mod net;
pub mod people;
pub mod preload;
pub mod queue;
pub mod resolver;
pub mod roles;
pub mod run;
pub mod scenario;
pub mod secure;
pub mod sender;
pub mod snapshot;
pub mod store;
pub mod terrain;
pub mod wishes;
pub mod zones;

pub use change::Change;
pub use hosts::World;
pub use run::{RunError, run, run_observed, run_telling, with_world};
