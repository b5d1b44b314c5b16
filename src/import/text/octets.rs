//! Octet counts that a text got wrong: a literal's `{342}`, BDAT's `86`. Whoever prints a session breaks lines,
//! leaves things out and changes names, and the count stays. Left so, a reader would swallow what follows.
//!
//! "literal = "{" number64 ["+"] "}" CRLF *CHAR8" (RFC 9051 §9); "BDAT SP chunk-size [SP end-marker]" (RFC 3030 §2).
//! A count that can be right is left alone.

use super::Role;
use super::bytes::{begins, number, word};
use super::speech::{Speech, tagged};
use super::walk::{Session, Turn};
use crate::proto::imap::framing;
use crate::trace::Direction;
use std::collections::BTreeMap;

/// Put the counts of a session right. Gives, by turn, what was done.
pub fn repair(session: &mut Session) -> BTreeMap<usize, String> {
    let said: Vec<usize> = (0..session.turns.len())
        .filter(|at| session.turns.get(*at).is_some_and(|t| t.role == Role::Said))
        .collect();
    let mut notes = BTreeMap::new();
    let mut next = 0;
    while let Some(&at) = said.get(next) {
        next += 1;
        let done = match session.speech {
            Speech::Imap => literal(&mut session.turns, &said, next, at),
            Speech::Smtp => chunk(&mut session.turns, &said, next, at),
            Speech::Pop3 => None,
        };
        let Some(Done { skip, note }) = done else { continue };
        next += skip;
        notes.extend(note.map(|note| (at, note)));
    }
    notes
}

struct Done {
    /// How many lines that were said belong to it whole.
    skip: usize,
    note: Option<String>,
}

/// Turns of one side that follow, up to the first line of the other side; the server's `+` is passed over.
fn region(turns: &[Turn], said: &[usize], from: usize, side: Direction) -> Vec<usize> {
    let mut out = Vec::new();
    for &at in said.get(from..).unwrap_or_default() {
        let Some(turn) = turns.get(at) else { break };
        let go_ahead = side == Direction::Client && (turn.text == b"+" || turn.text.starts_with(b"+ "));
        match turn.from {
            Some(who) if who == side => out.push(at),
            _ if out.is_empty() && go_ahead => {}
            _ => break,
        }
    }
    out
}

/// How many of `region`'s lines a count of octets covers whole, where it ends in a place that makes sense.
fn fits(turns: &[Turn], region: &[usize], octets: u64) -> Option<usize> {
    let mut before = 0_u64;
    for (count, at) in region.iter().enumerate() {
        let text = &turns.get(*at)?.text;
        let whole = text.len() as u64 + 2;
        if octets < before + whole {
            let rest = text.get(usize::try_from(octets - before).ok()?..)?;
            let goes_on = rest.is_empty() || matches!(rest.first(), Some(b' ' | b')'));
            return goes_on.then_some(count);
        }
        before += whole;
    }
    None
}

fn octets(turns: &[Turn], region: &[usize]) -> u64 {
    region.iter().filter_map(|at| turns.get(*at)).map(|turn| turn.text.len() as u64 + 2).sum()
}

fn literal(turns: &mut [Turn], said: &[usize], next: usize, at: usize) -> Option<Done> {
    let turn = turns.get(at)?;
    let announced = framing::announced(&turn.text)?;
    let side = turn.from?;
    let mut region = region(turns, said, next, side);
    if region.is_empty() {
        return None;
    }
    let skipped = usize::from(side == Direction::Client && said.get(next) != region.first());
    if let Some(count) = fits(turns, &region, announced.size) {
        return Some(Done { skip: count + skipped, note: None });
    }
    if side == Direction::Server {
        // The response goes on behind the literal, as a rule with its closing parenthesis.
        let other = |at: &usize| {
            turns.get(*at).is_some_and(|t| t.text.starts_with(b"* ") || tagged(&t.text).is_some())
        };
        let end = region.iter().position(other).unwrap_or(region.len());
        region.truncate(end);
        let close = region.iter().rposition(|at| turns.get(*at).is_some_and(|t| t.text.starts_with(b")")));
        region.truncate(close.unwrap_or(region.len()));
    }
    let all = octets(turns, &region);
    // The last line end of a command is the command's own.
    let fitting = if side == Direction::Client { all.saturating_sub(2) } else { all };
    let digits = announced.size.to_string();
    let turn = turns.get_mut(at)?;
    let place = turn.text.windows(digits.len()).rposition(|w| w == digits.as_bytes())?;
    turn.text.splice(place..place + digits.len(), fitting.to_string().into_bytes());
    let note = format!("the text announces {{{digits}}}, and {fitting} octets follow: read as {{{fitting}}}");
    Some(Done { skip: region.len().saturating_sub(1) + skipped, note: Some(note) })
}

fn chunk(turns: &mut [Turn], said: &[usize], next: usize, at: usize) -> Option<Done> {
    let turn = turns.get(at)?;
    let (verb, rest) = word(&turn.text);
    if turn.from != Some(Direction::Client) || !begins(verb, b"BDAT") || verb.len() != 4 {
        return None;
    }
    let size = number(word(rest).0)?;
    let mut region = region(turns, said, next, Direction::Client);
    let command = |at: &usize| turns.get(*at).is_some_and(|t| Speech::Smtp.is_command(&t.text));
    region.truncate(region.iter().position(command).unwrap_or(region.len()));
    let all = octets(turns, &region);
    if all == size {
        return Some(Done { skip: region.len(), note: None });
    }
    let digits = word(rest).0.len();
    let turn = turns.get_mut(at)?;
    turn.text.splice(5..5 + digits, all.to_string().into_bytes());
    let note = format!("the text announces {size} octets, and {all} follow: read as BDAT {all}");
    Some(Done { skip: region.len(), note: Some(note) })
}
