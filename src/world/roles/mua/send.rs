//! Pressing Send: the letter is written down, and handed in at the person's own submission server (RFC 6409).

use super::Client;
use crate::proto::smtp::client::{ClientConfig, Fate, Outcome};
use crate::proto::smtp::{Envelope, Reply};
use crate::world::compose::{self, bare_address};
use crate::world::net::Connection;
use crate::world::roles::carry::carry;
use crate::world::scenario::Letter;

/// Send a letter. Gives how it went, in words; `Err` where nobody took it.
///
/// # Errors
/// Why the letter was not taken, in words.
pub async fn send(mua: &Client, name: &str, letter: &Letter) -> Result<String, String> {
    let from = if letter.from.is_empty() { format!("{name} <{}>", mua.account) } else { letter.from.clone() };
    let envelope = envelope(letter, bare_address(&from))?;
    let (connection, server) = mua.call("_submission._tcp").await?;
    let mut config = ClientConfig::new(&mua.device.spec.name);
    config.auth = Some((mua.account.clone(), mua.password.clone()));
    hand_in(mua, Hand { from, envelope, letter, config, connection, server }).await
}

/// Call a mail server on port 25, as other mail servers do, and hand it a letter without logging in.
///
/// # Errors
/// Why the letter was not taken, in words.
pub async fn send_direct(mua: &Client, name: &str, server: &str, letter: &Letter) -> Result<String, String> {
    let from = if letter.from.is_empty() { format!("{name} <{}>", mua.account) } else { letter.from.clone() };
    let envelope = envelope(letter, bare_address(&from))?;
    let connection = mua.call_host(server, 25).await?;
    let config = ClientConfig::new(&mua.device.spec.name);
    hand_in(mua, Hand { from, envelope, letter, config, connection, server: server.to_owned() }).await
}

/// What is handed in, where, and in what way.
struct Hand<'a> {
    from: String,
    envelope: Envelope,
    letter: &'a Letter,
    config: ClientConfig,
    connection: Connection,
    server: String,
}

async fn hand_in(mua: &Client, hand: Hand<'_>) -> Result<String, String> {
    let Hand { from, envelope, letter, config, connection, server } = hand;
    let at = mua.world.clock.now();
    let message = compose::message(letter, &from, at, &mua.device.unique(), mua.domain());
    match carry(&mua.world, connection, config, envelope, message).await {
        Ok(outcome) => in_words(&outcome, &server),
        Err(end) => Err(format!("{server} broke the connection off: {end}")),
    }
}

/// Everybody in To, Cc and Bcc, each once: that is what RCPT will say. Bcc stands here and nowhere else.
fn envelope(letter: &Letter, from: &str) -> Result<Envelope, String> {
    let mut recipients: Vec<&str> = Vec::new();
    for address in letter.to.iter().chain(&letter.cc).chain(&letter.bcc).map(|a| bare_address(a)) {
        if !recipients.iter().any(|r| r.eq_ignore_ascii_case(address)) {
            recipients.push(address);
        }
    }
    let mut envelope = Envelope::simple(from, &recipients)
        .ok_or_else(|| format!("an address is not valid: {from}, {}", recipients.join(", ")))?;
    envelope.smtputf8 =
        envelope.reverse_path.needs_utf8() || envelope.recipients.iter().any(|r| r.forward_path.needs_utf8());
    Ok(envelope)
}

fn in_words(outcome: &Outcome, server: &str) -> Result<String, String> {
    let refused: Vec<String> = outcome
        .recipients
        .iter()
        .filter_map(|r| match &r.result {
            Fate::Accepted(_) => None,
            Fate::Refused(reply) => Some(format!("{}: {}", r.forward_path, first_line(reply))),
            Fate::Failed(reason) => Some(format!("{}: {reason}", r.forward_path)),
        })
        .collect();
    let accepted = outcome.recipients.len() - refused.len();
    match (accepted, refused.is_empty()) {
        (0, _) => Err(format!("{server} did not take it: {}", refused.join("; "))),
        (_, true) => Ok(format!("{server} has taken it")),
        (n, false) => Ok(format!("{server} has taken it for {n}, but not for {}", refused.join("; "))),
    }
}

fn first_line(reply: &Reply) -> String {
    format!("{} {}", reply.code, reply.lines.first().map_or("", String::as_str))
}
