//! The client machine: RFC 5321 as the side that calls; it carries one message and goes.

mod config;

pub use config::{ClientConfig, ClientEvent, Errand, Fate, Outcome, RecipientOutcome, Stage, Timeouts};

use super::Envelope;
use crate::base::Instant;
use crate::proto::{Machine, Output};

/// One client session.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    errand: Errand,
}

impl Client {
    /// A session that will carry this message.
    pub fn new(config: ClientConfig, envelope: Envelope, message: Vec<u8>) -> Self {
        Client { config, errand: Errand { envelope, message } }
    }
}

impl Machine for Client {
    type Event = ClientEvent;
    fn receive(&mut self, _bytes: &[u8], _now: Instant) {}
    fn closed(&mut self, _now: Instant) {}
    fn poll(&mut self, _now: Instant) -> Output<ClientEvent> {
        let _ = (&self.config, &self.errand);
        Output::Idle
    }
}
