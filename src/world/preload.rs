//! Mail that lies in mailboxes when the story begins: a scenario's `[[mailbox]]` and `[[message]]` put into the stores.
//!
//! Each message looks as if it had been delivered: composed as a letter is, with Return-Path on top (RFC 5321 §4.4),
//! dated when it is said to have come.

use super::compose::{self, bare_address};
use super::mailboxes::{AccountSetup, Mailboxes};
use super::scenario::{self, Preloaded, Scenario};
use crate::base::{Instant, random};
use std::fmt::Write as _;

/// The mailboxes that the scenario gives an account besides INBOX.
pub fn folders(setup: &mut AccountSetup, scenario: &Scenario) {
    let own = scenario.mailboxes.iter().filter(|m| m.account.eq_ignore_ascii_case(&setup.address));
    let named = |m: &scenario::ServerMailbox| {
        (m.name.clone(), (!m.special_use.is_empty()).then(|| m.special_use.clone()))
    };
    setup.folders.extend(own.map(named));
}

/// Put the messages of the accounts kept at `host` into its mailboxes.
pub fn messages(mailboxes: &mut Mailboxes, host: &str, scenario: &Scenario, start: Instant) {
    let is_here = |m: &&Preloaded| {
        scenario.accounts.iter().any(|a| a.host == host && a.address.eq_ignore_ascii_case(&m.account))
    };
    for (place, message) in scenario.messages.iter().enumerate().filter(|(_, m)| is_here(m)) {
        let mut unique = random::stream(scenario.seed, host, "message", &place.to_string());
        let age = i64::try_from(message.came_before().as_micros()).unwrap_or_default();
        let came = Instant::from_micros(start.as_micros().saturating_sub(age));
        for number in 1..=message.count {
            let bytes = write(message, number, came, unique.u64(..));
            // A quota that is used up takes no more; the scenario's author sees it in the mailbox.
            let _ = mailboxes.deliver(
                &message.account,
                &message.mailbox,
                bytes.into(),
                &message.flags,
                came,
                None,
            );
        }
    }
}

fn write(message: &Preloaded, number: u32, came: Instant, unique: u64) -> Vec<u8> {
    let mut letter = message.letter.clone();
    if message.count > 1 {
        letter.subject = format!("{} {number}", letter.subject);
    }
    filler(&mut letter.body, message.octets, number);
    let from = if letter.from.is_empty() { message.account.clone() } else { letter.from.clone() };
    let sender = bare_address(&from).to_owned();
    let domain = sender.rsplit_once('@').map_or("", |(_, domain)| domain);
    let mut bytes = format!("Return-Path: <{sender}>\r\n").into_bytes();
    bytes.extend(compose::message(&letter, &from, came, &format!("{unique:016x}"), domain));
    bytes
}

/// So many octets of lines that nobody wrote, CR LF counted.
fn filler(body: &mut String, octets: u64, number: u32) {
    let wanted = body.len() + usize::try_from(octets.min(64 << 20)).unwrap_or_default();
    let mut line = 0_u32;
    while body.len() < wanted {
        line += 1;
        let left = wanted - body.len();
        let mut text = format!("{number:>6}.{line:>6}  the figures of this week are as they were last week");
        // 72 characters and a line end, which travels as two octets.
        let _ = write!(text, "{}", ".".repeat(72_usize.saturating_sub(text.len())));
        text.truncate(left.saturating_sub(2).min(72));
        body.push_str(&text);
        body.push_str("\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filler_has_the_length_that_is_asked_for_and_short_lines() {
        for octets in [0, 1, 2, 3, 73, 74, 75, 5_000] {
            let mut body = String::new();
            filler(&mut body, octets, 7);
            let body_len = body.len() as u64;
            assert!(body_len >= octets && body_len <= octets + 1, "{octets}: {body_len}");
            assert!(body.lines().all(|line| line.len() <= 72));
        }
    }
}
