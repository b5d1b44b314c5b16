//! Where a mark belongs: its anchor (connection, side, byte range, quote), and how its place is found again.
//!
//! A mark never changes a byte of the recording. It names a stretch of one side's stream, and quotes it, so that its
//! place can be recognised in another recording of the same story, where numbers and offsets may have shifted.

use super::{Conn, Direction, Layer, Mark, Opened, Record};
use crate::base::{Span, escape};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Octets of a stretch that are quoted at most. Enough to recognise a line; a whole message needs no copy.
pub const LONGEST_QUOTE: usize = 160;

/// Stands behind a quote that does not go to the end of its stretch.
const CUT: char = '…';

/// The quote for a stretch of bytes: escaped text, cut where it is long, and cut in front of a secret, so that no mark
/// carries a password out of sight of whoever hides them.
pub fn quote(bytes: &[u8], secrets: &[Span]) -> String {
    let first = secrets.iter().map(|secret| secret.start).min().unwrap_or(bytes.len());
    let mut end = first.min(bytes.len()).min(LONGEST_QUOTE);
    // Not inside a character: what is quoted must escape to the beginning of what the whole escapes to.
    while end < bytes.len() && end > 0 && bytes.get(end).is_some_and(|b| b & 0xc0 == 0x80) {
        end -= 1;
    }
    let mut text = escape::line(bytes.get(..end).unwrap_or_default());
    if end < bytes.len() {
        text.push(CUT);
    }
    text
}

/// Where a mark's place is in a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It has no anchor: it belongs to the whole recording.
    Whole,
    /// Where it says, and what it quotes stands there.
    Here,
    /// What it quotes does not stand there.
    Elsewhere,
}

/// One side's stream of one layer.
type Side = (Conn, Direction, Layer);

/// Who calls whom, and where: what stays the same when a story is recorded again.
type Route = (IpAddr, IpAddr, u16);

/// Every stream of a recording, whole, and between whom they are.
#[derive(Clone, Debug, Default)]
pub struct Streams {
    sides: BTreeMap<Side, Vec<u8>>,
    conns: BTreeMap<Conn, Opened>,
}

impl Streams {
    /// The streams of these records.
    pub fn of(records: &[Record]) -> Self {
        let mut streams = Streams::default();
        for record in records {
            match record {
                Record::Open { open, .. } => {
                    streams.conns.insert(open.conn, open.clone());
                }
                Record::Data { data, .. } => {
                    let side = streams.sides.entry((data.conn, data.from, data.layer)).or_default();
                    side.extend_from_slice(&data.bytes);
                }
                _ => {}
            }
        }
        streams
    }

    /// The bytes that a mark is anchored to; empty where there are none.
    pub fn bytes(&self, mark: &Mark) -> &[u8] {
        let (Some(side), Some((start, end))) = (side(mark), mark.range) else { return &[] };
        let Some(stream) = self.sides.get(&side) else { return &[] };
        let (start, end) =
            (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(end).unwrap_or(usize::MAX));
        stream.get(start.min(stream.len())..end.min(stream.len())).unwrap_or_default()
    }

    /// Whether a mark's place is in this recording, where it says.
    pub fn place(&self, mark: &Mark) -> Place {
        let (Some(side), Some((start, end))) = (side(mark), mark.range) else { return Place::Whole };
        let there = end <= self.sides.get(&side).map_or(0, Vec::len) as u64 && start <= end;
        // Openings and endings of connections are places without bytes.
        let known = there || self.conns.contains_key(&side.0) && start == end;
        match known && mark.quote.as_ref().is_none_or(|quote| is_quoted(self.bytes(mark), quote)) {
            true => Place::Here,
            false => Place::Elsewhere,
        }
    }

    /// The same bytes in another recording: on a connection between the same two ends, the same one among those that
    /// open between them where it can be, and the same one among equal stretches. `None` where they are not there.
    pub fn find_in(&self, other: &Streams, mark: &Mark) -> Option<(Conn, (u64, u64))> {
        let (side, (start, end)) = (side(mark)?, mark.range?);
        let (route, nth) = self.route(side.0)?;
        let bytes = self.bytes(mark);
        let candidates: Vec<Conn> = other.on_route(route).collect();
        let same = candidates.get(nth).copied();
        if bytes.is_empty() {
            let conn = same.filter(|_| start == end)?;
            let length = other.sides.get(&(conn, side.1, side.2)).map_or(0, Vec::len) as u64;
            return Some((conn, (start.min(length), start.min(length))));
        }
        let which = occurrences(self.sides.get(&side)?, bytes).position(|at| at as u64 == start).unwrap_or(0);
        let within = |conn: Conn| -> Option<(Conn, (u64, u64))> {
            let stream = other.sides.get(&(conn, side.1, side.2))?;
            let at = occurrences(stream, bytes).take(which + 1).last()? as u64;
            Some((conn, (at, at + (end - start).min(bytes.len() as u64))))
        };
        same.and_then(within)
            .or_else(|| candidates.iter().filter(|c| Some(**c) != same).find_map(|c| within(*c)))
    }

    /// Between whom a connection is, and the how-manieth between them it is, from 0.
    pub fn route(&self, conn: Conn) -> Option<(Route, usize)> {
        let route = route(self.conns.get(&conn)?);
        let nth = self.on_route(route).position(|c| c == conn)?;
        Some((route, nth))
    }

    fn on_route(&self, wanted: Route) -> impl Iterator<Item = Conn> {
        self.conns.values().filter(move |open| route(open) == wanted).map(|open| open.conn)
    }
}

/// The stretches of streams that people pointed at: highlights, and comments on a part of a line.
///
/// Whoever shows a Step asks here which of its bytes are meant.
#[derive(Clone, Debug, Default)]
pub struct Pointed {
    sides: BTreeMap<Side, Vec<Stretch>>,
    count: usize,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stretch {
    range: (u64, u64),
    /// What stood there when it was pointed at.
    quote: Option<String>,
    /// A highlight may be of a whole Step; a comment on a whole Step points at no part of it.
    is_highlight: bool,
}

/// Stretches that are remembered at most; later ones are not.
const MOST_POINTED: usize = 10_000;

impl Pointed {
    /// Take what a mark points at; whether it is anything new.
    pub fn learn(&mut self, mark: &Mark) -> bool {
        let is_highlight = mark.kind == "highlight";
        if !(is_highlight || mark.kind == "comment") || self.count >= MOST_POINTED {
            return false;
        }
        let (Some(side), Some(range)) = (side(mark), mark.range) else { return false };
        let stretch = Stretch { range, quote: mark.quote.clone(), is_highlight };
        let known = self.sides.entry(side).or_default();
        if range.0 >= range.1 || known.contains(&stretch) {
            return false;
        }
        known.push(stretch);
        self.count += 1;
        true
    }

    /// Which of these bytes are pointed at: they stand at `start` of that side's stream. In order, without overlaps;
    /// what does not read as it was quoted is left out.
    pub fn within(
        &self,
        (conn, from, layer): (Conn, Direction, Layer),
        start: u64,
        bytes: &[u8],
    ) -> Vec<Span> {
        let Some(known) = self.sides.get(&(conn, from, layer)) else { return Vec::new() };
        let end = start + bytes.len() as u64;
        let place = |at: u64| usize::try_from(at.clamp(start, end) - start).unwrap_or(bytes.len());
        let here = known.iter().filter(|stretch| stretch.range.0 < end && start < stretch.range.1);
        let mut spans: Vec<Span> = here
            .filter(|stretch| stretch.is_highlight || stretch.range != (start, end))
            .map(|stretch| (Span::new(place(stretch.range.0), place(stretch.range.1)), stretch))
            // A stretch that goes on in another Step cannot be compared here.
            .filter(|(span, stretch)| {
                let whole = span.len() as u64 == stretch.range.1 - stretch.range.0;
                !whole || stretch.quote.as_ref().is_none_or(|quote| is_quoted(span.of(bytes), quote))
            })
            .map(|(span, _)| span)
            .collect();
        spans.sort_unstable();
        spans.dedup_by(|later, first| {
            let touches = later.start <= first.end;
            if touches {
                first.end = first.end.max(later.end);
            }
            touches
        });
        spans
    }
}

fn side(mark: &Mark) -> Option<Side> {
    Some((mark.conn?, mark.from?, mark.layer))
}

fn route(open: &Opened) -> Route {
    (open.client.ip(), open.server.ip(), open.server.port())
}

fn is_quoted(bytes: &[u8], quote: &str) -> bool {
    let text = escape::line(bytes);
    text == quote || quote.strip_suffix(CUT).is_some_and(|beginning| text.starts_with(beginning))
}

/// Where `bytes` stand in a stream, without overlaps.
fn occurrences<'s>(stream: &'s [u8], bytes: &'s [u8]) -> impl Iterator<Item = usize> + 's {
    let mut from = 0;
    std::iter::from_fn(move || {
        let (first, rest) = bytes.split_first()?;
        loop {
            let at = from + stream.get(from..)?.iter().position(|b| b == first)?;
            if stream.get(at + 1..)?.starts_with(rest) {
                from = at + bytes.len();
                return Some(at);
            }
            from = at + 1;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;
    use crate::trace::{Data, Transport};
    use proptest::prelude::*;

    fn story(lines: &[(u32, char, &str)]) -> Vec<Record> {
        let at = Instant::default();
        let open = |conn: u32| Record::Open {
            at,
            open: Opened {
                conn: Conn(conn),
                transport: Transport::Tcp,
                client: format!("192.0.2.10:{}", 40000 + conn).parse().expect("an address"),
                server: format!("192.0.2.25:{}", if conn < 10 { 25 } else { 110 })
                    .parse()
                    .expect("an address"),
            },
        };
        let mut records = Vec::new();
        let mut known: Vec<u32> = Vec::new();
        for (conn, from, text) in lines {
            if !known.contains(conn) {
                known.push(*conn);
                records.push(open(*conn));
            }
            let from = if *from == 'C' { Direction::Client } else { Direction::Server };
            let bytes = format!("{text}\r\n").into_bytes();
            records
                .push(Record::Data { at, data: Data { conn: Conn(*conn), from, layer: Layer::Wire, bytes } });
        }
        records
    }

    fn mark(conn: u32, from: char, range: (u64, u64), streams: &Streams) -> Mark {
        let from = if from == 'C' { Direction::Client } else { Direction::Server };
        let mut mark =
            Mark { conn: Some(Conn(conn)), from: Some(from), range: Some(range), ..Mark::default() };
        mark.quote = Some(quote(streams.bytes(&mark), &[]));
        mark
    }

    #[test]
    fn a_mark_finds_its_place_again() {
        let old =
            Streams::of(&story(&[(1, 'C', "EHLO a"), (1, 'C', "NOOP"), (1, 'C', "NOOP"), (12, 'C', "NOOP")]));
        let second = mark(1, 'C', (14, 20), &old);
        assert_eq!((second.quote.as_deref(), old.place(&second)), (Some("NOOP␍␊"), Place::Here));
        // Something new in front, another connection in between: the second NOOP to port 25 is still the second one.
        let new = [(11, 'C', "NOOP"), (3, 'C', "EHLO longer"), (3, 'C', "NOOP"), (3, 'C', "NOOP")];
        let new = Streams::of(&story(&new));
        assert_eq!(new.place(&second), Place::Elsewhere);
        assert_eq!(old.find_in(&new, &second), Some((Conn(3), (19, 25))));
        let hello = mark(1, 'C', (0, 8), &old);
        assert_eq!(old.find_in(&new, &hello), None, "it says something else now");
        let other_side = Mark { from: Some(Direction::Server), ..second.clone() };
        assert_eq!(new.place(&other_side), Place::Elsewhere);
        assert_eq!(Streams::default().place(&Mark::default()), Place::Whole);
    }

    #[test]
    fn of_several_connections_between_two_hosts_the_same_one_is_meant() {
        let old = Streams::of(&story(&[(1, 'C', "NOOP"), (2, 'C', "NOOP")]));
        let new = Streams::of(&story(&[(4, 'C', "NOOP"), (6, 'C', "NOOP")]));
        let second = mark(2, 'C', (0, 6), &old);
        assert_eq!(old.find_in(&new, &second), Some((Conn(6), (0, 6))));
        let fewer = Streams::of(&story(&[(4, 'C', "NOOP")]));
        assert_eq!(old.find_in(&fewer, &second), Some((Conn(4), (0, 6))));
    }

    #[test]
    fn what_was_pointed_at_is_known_by_its_place_and_its_words() {
        let streams = Streams::of(&story(&[(1, 'C', "RCPT TO:<bob@example.net>"), (1, 'C', "DATA")]));
        let of = |kind: &str, range| Mark { kind: kind.to_owned(), ..mark(1, 'C', range, &streams) };
        let mut pointed = Pointed::default();
        for mark in [of("highlight", (9, 12)), of("comment", (11, 24)), of("highlight", (27, 33))] {
            assert!(pointed.learn(&mark) && !pointed.learn(&mark), "once: {mark:?}");
        }
        assert!(!pointed.learn(&of("question", (0, 4))), "a question is about the whole line");
        pointed.learn(&of("comment", (27, 33)));
        let side = (Conn(1), Direction::Client, Layer::Wire);
        assert_eq!(pointed.within(side, 0, b"RCPT TO:<bob@example.net>\r\n"), [Span::new(9, 24)]);
        assert_eq!(pointed.within(side, 27, b"DATA\r\n"), [Span::new(0, 6)]);
        assert_eq!(pointed.within(side, 0, b"RCPT TO:<ann@example.com>\r\n"), [], "other words stand there");
        assert_eq!(pointed.within((Conn(1), Direction::Server, Layer::Wire), 27, b"DATA\r\n"), []);
        // Cut into two Steps, each shows its part.
        assert_eq!(pointed.within(side, 20, b".net>\r\n"), [Span::new(0, 4)]);
    }

    #[test]
    fn a_quote_is_short_shows_no_secret_and_nothing_raw() {
        assert_eq!(quote(b"PASS sesame\r\n", &[Span::new(5, 11)]), "PASS …");
        assert_eq!(quote(b"\x1b[31m\r\n", &[]), "␛[31m␍␊");
        let long = quote("é".repeat(500).as_bytes(), &[]);
        assert!(
            long.ends_with('…') && long.chars().count() <= LONGEST_QUOTE + 1 && !long.contains("\\x"),
            "{long}"
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_quoted_is_found_where_it_was(bytes in prop::collection::vec(any::<u8>(), 0..400), a in 0usize..400, b in 0usize..400) {
            let (start, end) = (a.min(b).min(bytes.len()), a.max(b).min(bytes.len()));
            let mut records = story(&[(1, 'C', "")]);
            if let Some(Record::Data { data, .. }) = records.last_mut() {
                data.bytes = bytes;
            }
            let streams = Streams::of(&records);
            let mark = mark(1, 'C', (start as u64, end as u64), &streams);
            // A quote may end inside bytes that are no UTF-8: then it is still the beginning of what stands there.
            prop_assert_eq!(streams.place(&mark), Place::Here);
            let found = streams.find_in(&streams, &mark).map(|(conn, range)| (conn, range.1 - range.0));
            prop_assert_eq!(found, Some((Conn(1), (end - start) as u64)));
        }
    }
}
