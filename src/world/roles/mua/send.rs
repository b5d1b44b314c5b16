//! Pressing Send: the letter is written down, and handed in at the person's own submission server (RFC 6409).

use super::Client;
use crate::proto::sasl::Credentials;
use crate::proto::smtp::client::{ClientConfig, Fate, Outcome};
use crate::proto::smtp::{Envelope, Reply};
use crate::world::compose::{self, bare_address};
use crate::world::net::Connection;
use crate::world::roles::carry::carry;
use crate::world::scenario::{Letter, RoleKind, queue};

/// Send a letter. Gives how it went, in words; `Err` where nobody took it.
///
/// # Errors
/// Why the letter was not taken, in words.
pub async fn send(mua: &Client, name: &str, letter: &Letter) -> Result<String, String> {
    let from = sender(mua, name, letter);
    let envelope = envelope(letter, bare_address(&from))?;
    let (connection, server) = mua.call("_submission._tcp").await?;
    let message = composed(mua, letter, &from);
    submit(mua, Hand { envelope, message, connection, server }).await
}

/// Send a message that was written before ([`written`]), to those whom the letter names.
///
/// # Errors
/// Why it was not taken, in words.
pub async fn send_written(
    mua: &Client,
    name: &str,
    letter: &Letter,
    message: Vec<u8>,
) -> Result<String, String> {
    let envelope = envelope(letter, bare_address(&sender(mua, name, letter)))?;
    let (connection, server) = mua.call("_submission._tcp").await?;
    submit(mua, Hand { envelope, message, connection, server }).await
}

/// The message of a letter, written now: sent by [`send_written`], or kept as a draft.
pub fn written(mua: &Client, name: &str, letter: &Letter) -> Vec<u8> {
    composed(mua, letter, &sender(mua, name, letter))
}

fn sender(mua: &Client, name: &str, letter: &Letter) -> String {
    if letter.from.is_empty() { format!("{name} <{}>", mua.account) } else { letter.from.clone() }
}

fn composed(mua: &Client, letter: &Letter, from: &str) -> Vec<u8> {
    compose::message(letter, from, mua.world.clock.now(), &mua.device.unique(), mua.domain())
}

/// Call a mail server on port 25, as other mail servers do, and hand it a letter without logging in.
///
/// # Errors
/// Why the letter was not taken, in words.
pub async fn send_direct(mua: &Client, name: &str, server: &str, letter: &Letter) -> Result<String, String> {
    let from = sender(mua, name, letter);
    let envelope = envelope(letter, bare_address(&from))?;
    let connection = mua.call_host(server, 25).await?;
    let config = ClientConfig::new(&mua.device.spec.name);
    let message = composed(mua, letter, &from);
    hand_in(mua, Hand { envelope, message, connection, server: server.to_owned() }, config).await
}

/// What is handed in, and where.
struct Hand {
    envelope: Envelope,
    message: Vec<u8>,
    connection: Connection,
    server: String,
}

/// Hand in at our own server, logged in.
async fn submit(mua: &Client, hand: Hand) -> Result<String, String> {
    let mut config = ClientConfig::new(&mua.device.spec.name);
    let plain = || Credentials::plain(&mua.account, mua.password.clone());
    config.auth = Some(mua.credentials().unwrap_or_else(plain));
    config.tls = mua.wish();
    hand_in(mua, hand, config).await
}

async fn hand_in(mua: &Client, hand: Hand, config: ClientConfig) -> Result<String, String> {
    let Hand { envelope, message, connection, server } = hand;
    let conn = connection.conn;
    let role = if config.auth.is_some() { RoleKind::Submission } else { RoleKind::Mta };
    let wire = mua.wire(role, &server, connection);
    match carry(&mua.world, conn, wire, config, envelope, message).await {
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
    envelope.ret = letter.ret;
    envelope.envid = (!letter.envid.is_empty()).then(|| letter.envid.clone());
    let notify = queue::notify(&letter.notify);
    for recipient in envelope.recipients.iter_mut().filter(|_| notify.is_some()) {
        recipient.notify = notify;
        // "rfc822" is for addresses in ASCII (RFC 3461 §4.2); RFC 6533 §3 has another type for the others.
        let address = recipient.forward_path.address();
        recipient.orcpt = address.is_ascii().then(|| format!("rfc822;{address}"));
    }
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
