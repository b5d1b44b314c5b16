//! Dumps of a session's octets in pieces: each piece has a head that says who sent it, and all lines up to the next head
//! are its octets, marked or not: Cyrus' telemetry, `tcpflow -c`, `tshark -z follow,tcp,ascii`, `curl --trace-ascii`, ngrep.
//!
//! Stands beside [`super::shape`], whose other shapes can tell a line by itself.

use super::bytes::{begins, find, number, word};
use super::shape::{Marked, Side};
use super::speech::Speech;
use std::borrow::Cow;

/// What a line is in a dump.
enum Part<'a> {
    /// A piece begins: its side, which of several sessions, and what of it stands on the same line.
    Head(Side, String, Option<&'a [u8]>),
    /// So many octets of this side follow (`tshark`).
    Counted(Side, usize),
    /// Octets, with their place in the piece (`curl`).
    At(usize, &'a [u8]),
    /// The program's own words.
    Aside(&'a [u8]),
    /// Nothing worth telling.
    Nothing,
}

/// How a line of a dump is read; `None`: octets of the piece that has begun.
type Reader = for<'a> fn(&'a [u8]) -> Option<Part<'a>>;

/// A kind of dump.
#[derive(Clone, Copy)]
struct Kind {
    reader: Reader,
    /// How a line begins without which it is none of this kind.
    sign: &'static [u8],
    /// Whether the program puts a blank line of its own before the next head.
    blank: bool,
    /// Whether CR and LF are printed as dots, and all lines of a piece on one.
    dotted: bool,
}

const KINDS: [Kind; 5] = [
    Kind { reader: cyrus, sign: b"", blank: false, dotted: false },
    Kind { reader: tcpflow, sign: b"", blank: true, dotted: false },
    Kind { reader: follow, sign: b"Follow: ", blank: false, dotted: false },
    Kind { reader: curl, sign: b"", blank: false, dotted: false },
    Kind { reader: ngrep, sign: b"", blank: true, dotted: true },
];

/// The lines of a dump with their sides. `None` where it is none, or speaks of nothing.
pub fn read<'a>(lines: &[&'a [u8]]) -> Option<Vec<Marked<'a>>> {
    let some = || lines.iter().take(4000);
    let fits = |kind: &Kind| {
        let heads =
            some().filter(|line| matches!((kind.reader)(line), Some(Part::Head(..) | Part::Counted(..))));
        some().any(|line| line.starts_with(kind.sign)) && heads.count() >= 2
    };
    let kind = KINDS.into_iter().find(fits)?;
    let marked = Pieces::default().run(kind, lines);
    let marked = if kind.dotted { undotted(marked) } else { marked };
    let speaks = |line: &Marked<'_>| {
        matches!(line.side, Some(Side::Client | Side::Server))
            && Speech::ALL.iter().any(|speech| speech.says(&line.text).is_some())
    };
    marked.iter().any(speaks).then_some(marked)
}

#[derive(Default)]
struct Pieces<'a> {
    out: Vec<Marked<'a>>,
    side: Option<Side>,
    key: String,
    /// Octets that are still to come, where they are counted.
    left: Option<usize>,
    /// Where the next octets of the last line stand, where places are told.
    next: Option<usize>,
}

impl<'a> Pieces<'a> {
    fn run(mut self, kind: Kind, lines: &[&'a [u8]]) -> Vec<Marked<'a>> {
        let Kind { reader, blank, .. } = kind;
        for (index, &line) in lines.iter().enumerate() {
            let number = index + 1;
            let following = lines.get(index + 1);
            // What is counted is octets, whatever it looks like.
            if self.left.is_some_and(|left| left > 0) {
                self.counted(number, line);
                continue;
            }
            match reader(line) {
                Some(Part::Head(side, key, rest)) => {
                    (self.side, self.key, self.next) = (Some(side), key, None);
                    if let Some(rest) = rest {
                        self.give(number, self.side, rest.into());
                    }
                }
                Some(Part::Counted(side, octets)) => (self.side, self.left) = (Some(side), Some(octets)),
                Some(Part::At(place, text)) => self.placed(number, place, text),
                Some(Part::Aside(text)) => self.give(number, Some(Side::Aside), text.into()),
                Some(Part::Nothing) => self.give(number, None, Cow::default()),
                None => {
                    let last = following.is_none_or(|line| reader(line).is_some());
                    let own = line.trim_ascii().is_empty() && (last && blank || self.left.is_some());
                    self.give(number, self.side.filter(|_| !own), line.into());
                }
            }
        }
        self.out
    }

    fn counted(&mut self, number: usize, line: &'a [u8]) {
        self.left = self.left.map(|left| left.saturating_sub(line.len() + 2));
        self.give(number, self.side, line.into());
    }

    /// curl breaks a line after 64 octets, and at its end; the place of what follows tells which it was.
    fn placed(&mut self, number: usize, place: usize, text: &'a [u8]) {
        let goes_on = self.next == Some(place) && place > 0;
        self.next = Some(place + text.len());
        match self.out.last_mut().filter(|last| goes_on && last.side == self.side) {
            Some(last) => last.text.to_mut().extend_from_slice(text),
            None => self.give(number, self.side, text.into()),
        }
    }

    fn give(&mut self, number: usize, side: Option<Side>, text: Cow<'a, [u8]>) {
        let key = if side.is_some() { self.key.clone() } else { String::new() };
        self.out.push(Marked { number, side, secure: false, key, text });
    }
}

fn head(side: Side, text: &[u8]) -> Option<Part<'_>> {
    Some(Part::Head(side, String::new(), Some(text)))
}

/// `<1699999999<A1 LOGIN` and `>1699999999>A1 OK`: what the server read and wrote, with the time.
fn cyrus(line: &[u8]) -> Option<Part<'_>> {
    if line.starts_with(b"---------- ") {
        return Some(Part::Aside(line));
    }
    let mark = *line.first().filter(|mark| matches!(mark, b'<' | b'>'))?;
    let digits = line.iter().skip(1).take_while(|b| b.is_ascii_digit()).count();
    let rest = line.get(1 + digits..)?.strip_prefix(&[mark])?;
    let side = if mark == b'<' { Side::Client } else { Side::Server };
    (9..=12).contains(&digits).then(|| head(side, rest)).flatten()
}

/// Who sends from this port to that one: the end with a port of mail is the server.
fn sender(from: u64, to: u64) -> Side {
    let mail = |port| matches!(port, 25 | 110 | 143 | 465 | 587 | 993 | 995 | 2525);
    if mail(from) || !mail(to) && from < to { Side::Server } else { Side::Client }
}

/// Both ends, in an order that does not depend on who speaks.
fn between(one: &[u8], other: &[u8]) -> String {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    format!("{} {}", String::from_utf8_lossy(low), String::from_utf8_lossy(high))
}

/// `192.000.002.002.00025-192.000.002.001.41022: 220 mail`.
fn tcpflow(line: &[u8]) -> Option<Part<'_>> {
    let (ends, rest) = line.split_at_checked(
        find(line.get(..90).unwrap_or(line), b": ")
            .or_else(|| line.strip_suffix(b":").filter(|ends| ends.len() < 90).map(<[u8]>::len))?,
    )?;
    let dash = ends.iter().position(|&b| b == b'-')?;
    let (from, to) = (ends.get(..dash)?, ends.get(dash + 1..)?);
    let port = |end: &[u8]| {
        let port = end.rsplit(|&b| b == b'.').next().filter(|port| port.len() == 5)?;
        let address = end.get(..end.len() - 5)?;
        let plain = |b: &u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':');
        (address.len() >= 8 && address.iter().all(plain)).then(|| number(port)).flatten()
    };
    let side = sender(port(from)?, port(to)?);
    let text = rest.get(1..).unwrap_or_default();
    Some(Part::Head(side, between(from, to), Some(text.strip_prefix(b" ").unwrap_or(text))))
}

/// A number alone is how many octets follow; behind a tab, of the second node. The first node is whoever sent first.
fn follow(line: &[u8]) -> Option<Part<'_>> {
    if [&b"Follow: "[..], b"Filter: ", b"Node "].iter().any(|words| line.starts_with(words)) {
        return Some(Part::Aside(line));
    }
    if line.starts_with(b"=====") {
        return Some(Part::Nothing);
    }
    let (side, digits) = match line {
        [b'\t', digits @ ..] => (Side::Server, digits),
        digits => (Side::Client, digits),
    };
    let octets = usize::try_from(number(digits)?).ok()?;
    (octets > 0).then_some(Part::Counted(side, octets))
}

/// `=> Send header, 13 bytes (0xd)`, then `0000: EHLO client`.
fn curl(line: &[u8]) -> Option<Part<'_>> {
    // With `--trace-time` the time stands in front.
    let time = line.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')).count();
    let line = if time > 8 { line.get(time..)?.trim_ascii_start() } else { line };
    if let Some(info) = line.strip_prefix(b"== Info: ") {
        return Some(Part::Aside(info));
    }
    for (words, side) in [(&b"=> Send "[..], Side::Client), (b"<= Recv ", Side::Server)] {
        let Some(what) = line.strip_prefix(words) else { continue };
        // The octets of TLS itself are no words.
        let side = if begins(what, b"SSL ") { Side::Aside } else { side };
        return Some(Part::Head(side, String::new(), None));
    }
    let (place, text) = word(line);
    let place = place.strip_suffix(b":").filter(|place| (4..=8).contains(&place.len()))?;
    let place = usize::from_str_radix(std::str::from_utf8(place).ok()?, 16).ok()?;
    Some(Part::At(place, text))
}

/// `T 192.0.2.2:25 -> 192.0.2.1:41022 [AP] #4`, and below it the octets, with a dot for CR and for LF.
fn ngrep(line: &[u8]) -> Option<Part<'_>> {
    let own = [&b"interface: "[..], b"filter: ", b"match: "].iter().any(|words| line.starts_with(words));
    if own || !line.is_empty() && line.iter().all(|&b| b == b'#') {
        return Some(Part::Nothing);
    }
    let mut words = line.split(|&b| b == b' ').filter(|word| !word.is_empty());
    if words.next()? != b"T" {
        return None;
    }
    let mut ends = words.filter(|word| word.contains(&b':')).filter_map(|end| {
        let port = end.rsplit(|&b| b == b':').next().and_then(number)?;
        // `T 2024/01/01 10:00:00.000000 192.0.2.2:25 -> …` has a time before the ends.
        end.contains(&b'.').then_some((end, port))
    });
    let ((from, one), (to, other)) = (ends.next()?, ends.next()?);
    find(line, b" -> ")?;
    Some(Part::Head(sender(one, other), between(from, to), None))
}

/// What ngrep shows, as it was: two columns are its own, and dots stand for whatever cannot be printed.
fn undotted(marked: Vec<Marked<'_>>) -> Vec<Marked<'_>> {
    let mut out = Vec::with_capacity(marked.len());
    for line in marked {
        if !matches!(line.side, Some(Side::Client | Side::Server)) {
            out.push(line);
            continue;
        }
        let mut rest = line.text.strip_prefix(b"  ").unwrap_or(&line.text).trim_ascii_end();
        // By line (`-W byline`) only CR is left to be shown.
        rest = rest.strip_suffix(b"..").or_else(|| rest.strip_suffix(b".")).unwrap_or(rest);
        loop {
            let end = find(rest, b"..").unwrap_or(rest.len());
            let text = Cow::Owned(rest.get(..end).unwrap_or_default().to_vec());
            out.push(Marked { text, key: line.key.clone(), ..line });
            rest = rest.get(end + 2..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<String> {
        let lines: Vec<&[u8]> = super::super::bytes::lines(text.as_bytes()).collect();
        let marked = read(&lines).unwrap_or_default();
        let said = marked.iter().filter_map(|line| {
            let side = match line.side? {
                Side::Client => 'C',
                Side::Server => 'S',
                Side::Aside => '-',
            };
            Some(format!("{side} {}", String::from_utf8_lossy(&line.text)))
        });
        said.collect()
    }

    #[test]
    fn lines_without_a_head_belong_to_their_piece() {
        let cyrus = "---------- bob Tue Nov 14 22:13:20 2023\n\n<1699999999<A1 FETCH 1 BODY[]\n>1699999999>* 1 FETCH (BODY[] {8}\n\
                     a: b\n\n)\nA1 OK\n";
        let want =
            ["- ---------- bob Tue Nov 14 22:13:20 2023", "C A1 FETCH 1 BODY[]", "S * 1 FETCH (BODY[] {8}"];
        assert_eq!(told(cyrus)[..3], want);
        assert_eq!(told(cyrus)[3..], ["S a: b", "S ", "S )", "S A1 OK"]);
        let flow = "192.000.002.002.00025-192.000.002.001.41022: 250-mail\n250 SIZE\n\n\
                    192.000.002.001.41022-192.000.002.002.00025: QUIT\n\n";
        assert_eq!(told(flow), ["S 250-mail", "S 250 SIZE", "C QUIT"]);
    }

    #[test]
    fn counts_and_places_are_followed() {
        let follow = "=====\nFollow: tcp,ascii\n\t12\n250 21\n21\n\n\n6\nQUIT\n\n=====\n";
        assert_eq!(told(follow), ["- Follow: tcp,ascii", "S 250 21", "S 21", "C QUIT"]);
        let long = "x".repeat(64);
        let curl = format!(
            "== Info: Connected\n<= Recv header, 8 bytes (0x8)\n0000: 250 ok\n=> Send header, 70 bytes (0x46)\n\
             0000: {long}\n0040: yy\n0044: z\n=> Send SSL data, 5 bytes (0x5)\n0000: .....\n"
        );
        assert_eq!(told(&curl), ["- Connected", "S 250 ok", &format!("C {long}yy"), "C z", "- ....."]);
    }

    #[test]
    fn dots_stand_for_line_ends() {
        let ngrep = "interface: eth0 (192.0.2.0/24)\n##\nT 192.0.2.2:25 -> 192.0.2.1:41022 [AP] #4\n  250-mail..250 SIZE..   \n\
                     #\nT 192.0.2.1:41022 -> 192.0.2.2:25 [AP] #6\n  QUIT..   \n";
        assert_eq!(told(ngrep), ["S 250-mail", "S 250 SIZE", "C QUIT"]);
    }

    #[test]
    fn what_is_no_dump_is_none() {
        assert!(told("C: EHLO a\nS: 250 b\n").is_empty());
        assert!(told("220 mail\n12\nEHLO a\n13\n").is_empty());
        assert!(told("<1699999999<a\n>1699999999>b\n").is_empty(), "a dump, and of no mail");
        assert!(told("").is_empty());
    }
}
