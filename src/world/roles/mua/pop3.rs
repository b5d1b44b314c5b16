//! Fetching by POP3: everything new is downloaded, and removed from the server unless it is to be kept there.
//!
//! The device remembers unique-ids (RFC 1939 §7), so that what is kept on the server is not fetched twice.

use super::{Client, subject_of};
use crate::base::escape;
use crate::proto::pop3::client::{self, ClientConfig, ClientEvent, Failure, Login, Reason, Summary};
use crate::trace::Direction;
use crate::world::driver::{Flow, Owner, drive};
use crate::world::scenario::RoleKind;

/// Fetch. Gives how it went, in words.
///
/// # Errors
/// Why nothing, or not everything, was fetched, in words.
pub async fn fetch(mua: &Client, keep: bool) -> Result<String, String> {
    let (connection, server) = mua.call("_pop3._tcp").await?;
    let mut config = ClientConfig::new(&mua.account, mua.password.clone());
    config.keep = keep;
    if let Some(credentials) = mua.credentials() {
        config.login = Login::Sasl(credentials);
    } else if mua.wants_apop() {
        config.login = Login::Apop;
    }
    config.tls = mua.wish();
    config.known = mua.device.kept(&mua.account).into_keys().collect();
    let mut machine = client::Client::new(config);
    let mut desk = Desk { mua, outcome: None };
    let mut edits = mua.world.edits(connection.conn, Direction::Client);
    let mut wire = mua.wire(RoleKind::Pop3, &server, connection);
    let driven = drive(&mut machine, &mut wire, mua.world.clock, &mut desk, &mut edits).await;
    match desk.outcome {
        Some(Ok(summary)) => Ok(in_words(&summary, keep)),
        Some(Err(failure)) => Err(format!("{server}, at {}: {}", failure.stage, why(failure.reason))),
        None => Err(format!("the connection to {server} ended: {}", super::how(driven))),
    }
}

/// Where what is fetched is put.
struct Desk<'a> {
    mua: &'a Client,
    outcome: Option<Result<Summary, Failure>>,
}

impl Owner<client::Client> for Desk<'_> {
    async fn on_event(&mut self, _: &mut client::Client, event: ClientEvent) -> Flow {
        match event {
            ClientEvent::Retrieved { number, uidl, bytes } => {
                let key = uidl.unwrap_or_else(|| format!("message {number}"));
                let subject = subject_of(&bytes);
                self.mua.world.keep_copy(
                    &self.mua.device,
                    &self.mua.account,
                    key,
                    bytes.len() as u64,
                    subject,
                );
            }
            ClientEvent::Finished(outcome) => self.outcome = Some(outcome),
            ClientEvent::Greeted { .. }
            | ClientEvent::Capabilities(_)
            | ClientEvent::Stat { .. }
            | ClientEvent::Deleted { .. } => {}
        }
        Flow::Continue
    }
}

fn why(reason: Reason) -> String {
    match reason {
        Reason::Refused(line) | Reason::Unclear(line) => escape::text(&line),
        Reason::Lost => "the server ended the connection".to_owned(),
        Reason::TimedOut => "no answer came".to_owned(),
        Reason::NoTls => "it offers no STLS, and nothing is sent in clear".to_owned(),
        Reason::TooLarge => "the answer was larger than this client takes".to_owned(),
        Reason::NoLogin(why) => why,
    }
}

fn in_words(summary: &Summary, keep: bool) -> String {
    let left = if keep { "all left on the server" } else { "removed from the server" };
    match summary.retrieved {
        0 => format!("nothing new among {} messages", summary.count),
        1 => format!("1 message fetched, {left}"),
        n => format!("{n} messages fetched, {left}"),
    }
}
