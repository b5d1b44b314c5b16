//! The server machine: RFC 5321 as the side that listens (and RFC 6409, where it takes submissions).

mod config;
mod event;

pub use config::{BareNewlines, Mechanism, ServerConfig, ServerKind};
pub use event::{Message, ServerEvent};

use super::codes::Reply;
use crate::base::Instant;
use crate::proto::{Machine, Output};

/// One server session.
#[derive(Debug)]
pub struct Server {
    config: ServerConfig,
}

impl Server {
    /// A session that has not greeted yet.
    pub fn new(config: ServerConfig) -> Self {
        Server { config }
    }

    /// Answer the open ask with this reply.
    pub fn answer(&mut self, reply: Reply) {
        let _ = (reply, &self.config);
    }

    /// Go on after `Consult`.
    pub fn proceed(&mut self) {}

    /// Drop the connection: nothing more is sent.
    pub fn abort(&mut self) {}

    /// Whether it can take more input now; while it says no, better leave the bytes in the stream.
    pub fn wants_input(&self) -> bool {
        true
    }
}

impl Machine for Server {
    type Event = ServerEvent;
    fn receive(&mut self, _bytes: &[u8], _now: Instant) {}
    fn closed(&mut self, _now: Instant) {}
    fn poll(&mut self, _now: Instant) -> Output<ServerEvent> {
        Output::Idle
    }
}
