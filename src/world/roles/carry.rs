//! One SMTP session as a client, from greeting to QUIT: what a mail client's Send and an MTA's relay have in common.

use crate::proto::smtp::Envelope;
use crate::proto::smtp::client::{Client, ClientConfig, ClientEvent, Outcome};
use crate::trace::{Conn, Direction};
use crate::world::driver::{Flow, Owner, drive};
use crate::world::hosts::World;
use crate::world::net::tls::Wire;

/// Carry a message over a connection. Gives what became of it.
///
/// # Errors
/// How the stream ended, where it did before anybody's fate was known.
pub async fn carry(
    world: &World,
    conn: Conn,
    mut wire: Wire,
    config: ClientConfig,
    envelope: Envelope,
    message: Vec<u8>,
) -> Result<Outcome, String> {
    let mut machine = Client::new(config, envelope, message);
    let mut word = Word { outcome: None };
    let mut edits = world.edits(conn, Direction::Client);
    let driven = drive(&mut machine, &mut wire, world.clock, &mut word, &mut edits).await;
    let why = driven.err().map_or_else(|| "without a word".to_owned(), |error| error.to_string());
    word.outcome.ok_or(why)
}

/// Waits for the client's word on what became of the message.
struct Word {
    outcome: Option<Outcome>,
}

impl Owner<Client> for Word {
    async fn on_event(&mut self, _: &mut Client, event: ClientEvent) -> Flow {
        let ClientEvent::Finished(outcome) = event;
        self.outcome = Some(outcome);
        Flow::Continue
    }
}
