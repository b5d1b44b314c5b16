//! [`Traffic`]: what Steps cost: connections, commands, round trips, bytes each way.
//!
//! Beside the road: whoever tells a story, or compares two, counts here, so that both count alike.

use super::{Kind, Step};
use crate::trace::{Conn, Direction, Layer};
use serde::Serialize;
use std::collections::BTreeMap;

/// What crossed the wires. Counts are of what was seen there, not of what hosts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Traffic {
    /// Steps.
    pub steps: u64,
    /// Streams that were opened.
    pub connections: u64,
    /// Questions in datagrams.
    pub queries: u64,
    /// Commands that clients sent.
    pub commands: u64,
    /// Times that a client had to wait for an answer: it spoke, then the server did.
    pub round_trips: u64,
    /// Bytes on the wires, both ways.
    pub bytes: u64,
    /// Those of them that clients sent.
    pub bytes_up: u64,
    /// Those that servers sent.
    pub bytes_down: u64,
}

impl Traffic {
    /// Count `step` as well. `turns` knows who spoke last on each connection, and is shared by everything that is
    /// counted of one story, however it is divided.
    pub fn count(&mut self, step: &Step, turns: &mut Turns) {
        self.steps += 1;
        if step.layer == Layer::Wire {
            let bytes = step.range.end.saturating_sub(step.range.start);
            self.bytes = self.bytes.saturating_add(bytes);
            match step.from {
                Direction::Client => self.bytes_up = self.bytes_up.saturating_add(bytes),
                Direction::Server => self.bytes_down = self.bytes_down.saturating_add(bytes),
            }
        }
        match step.kind {
            Kind::Open => self.connections += 1,
            Kind::Query => self.queries += 1,
            Kind::Command => self.commands += 1,
            _ => {}
        }
        self.round_trips += u64::from(turns.answered(step));
    }

    /// This and `other` together.
    pub fn add(&mut self, other: &Traffic) {
        self.steps += other.steps;
        self.connections += other.connections;
        self.queries += other.queries;
        self.commands += other.commands;
        self.round_trips += other.round_trips;
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.bytes_up = self.bytes_up.saturating_add(other.bytes_up);
        self.bytes_down = self.bytes_down.saturating_add(other.bytes_down);
    }
}

/// Who spoke last, on each connection that is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Turns(BTreeMap<Conn, Direction>);

impl Turns {
    /// Whether this Step ends a wait of the client: it spoke last, and now the server does.
    fn answered(&mut self, step: &Step) -> bool {
        if step.kind == Kind::Close {
            self.0.remove(&step.conn);
            return false;
        }
        let before = self.0.insert(step.conn, step.from);
        before == Some(Direction::Client) && step.from == Direction::Server && step.kind != Kind::Open
    }
}
