//! The message between DATA and the lone dot: dot-stuffing and back, byte by byte, however the bytes were split.
//!
//! "Before sending a line of mail text, the SMTP client checks the first character of the line. If it is a
//! period, one additional period is inserted at the beginning of the line." RFC 5321 §4.5.2. Only CR LF `.` CR LF
//! ends the message. "The custom of accepting lines ending only in `<LF>` … has proven to cause more
//! interoperability problems than it solves, and SMTP server systems MUST NOT do this" (§4.1.1.4). Whatever a
//! careless host would take for an end is recorded here as an [`Oddity`].

use crate::base::{Finding, Severity, Span};

/// What counts as a line's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// CR LF only. RFC 5321 §2.3.8.
    #[default]
    Strict,
    /// LF too, even around the dot: the mistake that SMTP smuggling lives on. Content gets CR LF.
    AnyLf,
}

/// Something in the content that the standard forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Odd {
    /// LF without CR.
    BareLf,
    /// CR without LF.
    BareCr,
    /// A NUL.
    Nul,
    /// A text line longer than the limit (its CR LF counted, the stuffed dot not).
    LineTooLong,
    /// A dot between line ends of which not both are CR LF: a careless host would end the message here.
    Lookalike,
}

impl Odd {
    const ALL: [Odd; 5] = [Odd::BareLf, Odd::BareCr, Odd::Nul, Odd::LineTooLong, Odd::Lookalike];

    /// The id of its finding.
    pub fn id(self) -> &'static str {
        match self {
            Odd::BareLf => "bare-lf",
            Odd::BareCr => "bare-cr",
            Odd::Nul => "nul",
            Odd::LineTooLong => "line-too-long",
            Odd::Lookalike => "end-of-data-lookalike",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Odd::BareLf => "CR LF was expected, a bare LF came (RFC 5321 §2.3.8)",
            Odd::BareCr => "CR LF was expected, a bare CR came (RFC 5321 §2.3.8)",
            Odd::Nul => "a NUL stands in the message text (RFC 5321 §4.5.2 allows only text)",
            Odd::LineTooLong => "a text line has more than 1000 octets (RFC 5321 §4.5.3.1.6)",
            Odd::Lookalike => {
                "a dot stands alone between line ends that are not both CR LF: a careless server would end the \
                 message here and take what follows for commands (RFC 5321 §4.1.1.4)"
            }
        }
    }

    fn severity(self) -> Severity {
        if self == Odd::Nul { Severity::Warning } else { Severity::Error }
    }
}

/// An [`Odd`] and where it stands: an offset from the first byte after the 354's command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// What.
    pub odd: Odd,
    /// Offset of its first byte on the wire.
    pub at: usize,
}

/// How many places of each kind are remembered; the rest is counted.
const PLACES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// After CR LF, or at the very start.
    LineStart,
    /// After a dot at a line's start.
    Dot,
    /// After a dot and a CR at a line's start.
    DotCr,
    /// Inside a line.
    Text,
    /// After a CR inside a line.
    Cr,
}

/// What a careless host would think, to which CR and LF each end a line and NUL is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Start,
    Dot,
    Text,
}

/// Reads a message as it comes off the wire, removes the stuffed dots, and finds its end.
///
/// Memory is bounded by the `keep` given to [`DataReader::new`]; reading is linear and keeps its place, so that
/// bytes may come in any pieces.
#[derive(Clone, Debug)]
pub struct DataReader {
    ends: LineEnds,
    at: At,
    look: Look,
    /// Where the last dot at a line's start stands.
    dot: usize,
    /// Wire bytes read.
    offset: usize,
    /// Content bytes of the current line.
    line: usize,
    line_limit: usize,
    keep: usize,
    content: Vec<u8>,
    size: u64,
    eight_bit: bool,
    counts: [u64; 5],
    oddities: Vec<Oddity>,
    stuffed: Vec<usize>,
    stuffed_count: u64,
}

/// What [`DataReader::feed`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// How many of the bytes belong to the message or its end.
    pub used: usize,
    /// Whether the lone dot has come.
    pub ended: bool,
}

impl DataReader {
    /// A reader that keeps at most `keep` octets of content, and finds lines longer than `line_limit` octets
    /// (CR LF counted; RFC 5321 §4.5.3.1.6: 1000).
    pub fn new(ends: LineEnds, keep: usize, line_limit: usize) -> Self {
        DataReader {
            ends,
            at: At::LineStart,
            look: Look::Start,
            dot: 0,
            offset: 0,
            line: 0,
            line_limit,
            keep,
            content: Vec::new(),
            size: 0,
            eight_bit: false,
            counts: [0; 5],
            oddities: Vec::new(),
            stuffed: Vec::new(),
            stuffed_count: 0,
        }
    }

    /// Read bytes, up to the end of the message.
    pub fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut used = 0;
        while let Some(&byte) = bytes.get(used) {
            if self.at == At::Text && self.look == Look::Text {
                let rest = bytes.get(used..).unwrap_or_default();
                let run = memchr::memchr3(b'\r', b'\n', 0, rest).unwrap_or(rest.len());
                if run > 0 {
                    self.emit(rest.get(..run).unwrap_or_default());
                    self.offset += run;
                    used += run;
                    continue;
                }
            }
            let ended = self.step(byte);
            self.offset += 1;
            used += 1;
            if ended {
                return Fed { used, ended };
            }
        }
        Fed { used, ended: false }
    }

    /// One byte; says whether it ended the message.
    fn step(&mut self, byte: u8) -> bool {
        self.look_at(byte);
        if byte == 0 {
            self.found(Odd::Nul, self.offset);
        }
        match (self.at, byte) {
            (At::DotCr, b'\n') => return true,
            (At::Dot, b'\n') if self.ends == LineEnds::AnyLf => return true,
            (At::LineStart, b'.') => {
                self.dot = self.offset;
                self.at = At::Dot;
                return false;
            }
            (At::Dot, b'\r') => {
                self.at = At::DotCr;
                return false;
            }
            (At::Cr, b'\n') => {
                self.line_end();
                return false;
            }
            (At::Dot, _) => self.unstuff(),
            (At::DotCr, _) => {
                self.found(Odd::Lookalike, self.dot);
                self.unstuff();
                self.bare_cr();
            }
            (At::Cr, _) => self.bare_cr(),
            (At::LineStart | At::Text, _) => {}
        }
        self.text(byte);
        false
    }

    /// An ordinary byte, or the first half of a line's end.
    fn text(&mut self, byte: u8) {
        match byte {
            b'\r' => self.at = At::Cr,
            b'\n' => {
                self.found(Odd::BareLf, self.offset);
                if self.ends == LineEnds::AnyLf {
                    self.line_end();
                } else {
                    self.emit(b"\n");
                    self.at = At::Text;
                }
            }
            _ => {
                self.emit(&[byte]);
                self.at = At::Text;
            }
        }
    }

    /// "If the first character is a period and there are other characters on the line, the first character is
    /// deleted." RFC 5321 §4.5.2.
    fn unstuff(&mut self) {
        self.stuffed_count += 1;
        if self.stuffed.len() < 1000 {
            self.stuffed.push(self.dot);
        }
    }

    fn bare_cr(&mut self) {
        self.found(Odd::BareCr, self.offset.saturating_sub(1));
        self.emit(b"\r");
    }

    fn line_end(&mut self) {
        self.emit(b"\r\n");
        self.line = 0;
        self.at = At::LineStart;
    }

    fn emit(&mut self, bytes: &[u8]) {
        // The CR LF still to come counts too.
        let limit = self.line_limit.saturating_sub(2);
        if bytes != b"\r\n" {
            if self.line <= limit && self.line + bytes.len() > limit {
                self.found(Odd::LineTooLong, self.offset + (limit - self.line));
            }
            self.line += bytes.len();
        }
        self.eight_bit |= !bytes.is_ascii();
        self.size += bytes.len() as u64;
        let room = self.keep.saturating_sub(self.content.len());
        self.content.extend_from_slice(bytes.get(..room.min(bytes.len())).unwrap_or_default());
    }

    fn look_at(&mut self, byte: u8) {
        self.look = match (self.look, byte) {
            (look, 0) => look,
            (Look::Dot, b'\r' | b'\n') => {
                // A dot after CR LF with a CR after it may yet be the true end; see `step`.
                if !(self.at == At::Dot && (byte == b'\r' || self.ends == LineEnds::AnyLf)) {
                    self.found(Odd::Lookalike, self.dot_before());
                }
                Look::Start
            }
            (_, b'\r' | b'\n') => Look::Start,
            (Look::Start, b'.') => Look::Dot,
            _ => Look::Text,
        };
    }

    /// Where the dot of a lookalike stands: before this byte, NULs between them aside.
    fn dot_before(&self) -> usize {
        if self.at == At::Dot { self.dot } else { self.offset.saturating_sub(1) }
    }

    fn found(&mut self, odd: Odd, at: usize) {
        let Some(count) = Odd::ALL.iter().position(|o| *o == odd).and_then(|i| self.counts.get_mut(i)) else {
            return;
        };
        *count += 1;
        if *count <= PLACES as u64 {
            self.oddities.push(Oddity { odd, at });
        }
    }

    /// How often something odd came.
    pub fn count(&self, odd: Odd) -> u64 {
        Odd::ALL.iter().position(|o| *o == odd).and_then(|i| self.counts.get(i).copied()).unwrap_or(0)
    }

    /// The content so far, dots unstuffed; at most what it was told to keep.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Take the content.
    pub fn into_content(self) -> Vec<u8> {
        self.content
    }

    /// How many octets the content has, kept or not.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many octets were read off the wire, the end included.
    pub fn wire_size(&self) -> usize {
        self.offset
    }

    /// Whether an octet beyond ASCII came.
    pub fn is_eight_bit(&self) -> bool {
        self.eight_bit
    }

    /// Where dots were unstuffed (the first thousand), as offsets on the wire.
    pub fn stuffed_dots(&self) -> &[usize] {
        &self.stuffed
    }

    /// How many dots were unstuffed.
    pub fn stuffed_count(&self) -> u64 {
        self.stuffed_count
    }

    /// What was odd, each with its place: the first sixteen of each kind, then one finding that counts the rest.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            self.oddities.iter().map(|o| finding(o.odd, o.at, o.odd.detail())).collect();
        findings.sort_by_key(|f| f.span);
        for odd in Odd::ALL {
            let more = self.count(odd).saturating_sub(PLACES as u64);
            if more > 0 {
                findings.push(finding(odd, self.offset, &format!("and {more} more of the kind")));
            }
        }
        findings
    }
}

fn finding(odd: Odd, at: usize, detail: &str) -> Finding {
    let len = if detail.starts_with("and ") { 0 } else { 1 };
    Finding {
        id: odd.id(),
        severity: odd.severity(),
        span: Span::new(at, at + len),
        detail: detail.to_owned(),
    }
}

/// Writes a message as it crosses the wire: every line's end is CR LF, dots at line starts are doubled, and the
/// lone dot follows.
///
/// Bare CR and bare LF become CR LF: a client must send neither (RFC 5321 §2.3.8), and stuffing after CR LF
/// alone would then smuggle for others.
#[derive(Clone, Debug)]
pub struct Stuffer {
    line_start: bool,
    cr: bool,
}

impl Default for Stuffer {
    fn default() -> Self {
        Stuffer { line_start: true, cr: false }
    }
}

impl Stuffer {
    /// Append the next piece of the message to `wire`.
    pub fn stuff(&mut self, message: &[u8], wire: &mut Vec<u8>) {
        for &byte in message {
            if std::mem::take(&mut self.cr) {
                self.end_line(wire);
                if byte == b'\n' {
                    continue;
                }
            }
            match byte {
                b'\r' => self.cr = true,
                b'\n' => self.end_line(wire),
                _ => {
                    if byte == b'.' && self.line_start {
                        wire.push(b'.');
                    }
                    wire.push(byte);
                    self.line_start = false;
                }
            }
        }
    }

    fn end_line(&mut self, wire: &mut Vec<u8>) {
        wire.extend_from_slice(b"\r\n");
        self.line_start = true;
    }

    /// Append the end: CR LF where the last line has none, then the lone dot.
    pub fn finish(mut self, wire: &mut Vec<u8>) {
        if self.cr || !self.line_start {
            self.end_line(wire);
        }
        wire.extend_from_slice(b".\r\n");
    }
}

/// A whole message as it crosses the wire after 354.
pub fn stuff(message: &[u8]) -> Vec<u8> {
    let mut wire = Vec::with_capacity(message.len() + message.len() / 50 + 5);
    let mut stuffer = Stuffer::default();
    stuffer.stuff(message, &mut wire);
    stuffer.finish(&mut wire);
    wire
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(wire: &[u8]) -> (DataReader, Fed) {
        let mut reader = DataReader::new(LineEnds::Strict, 1 << 20, 1000);
        let fed = reader.feed(wire);
        (reader, fed)
    }

    fn ids(reader: &DataReader) -> Vec<(&'static str, usize)> {
        reader.findings().iter().map(|f| (f.id, f.span.start)).collect()
    }

    #[test]
    fn dots_are_doubled_and_undoubled() {
        assert_eq!(stuff(b".a\r\n.\r\n..b\r\nc."), b"..a\r\n..\r\n...b\r\nc.\r\n.\r\n");
        let (reader, fed) = read(b"..a\r\n..\r\n...b\r\n.\r\nQUIT\r\n");
        assert_eq!(reader.content(), b".a\r\n.\r\n..b\r\n");
        assert_eq!(fed, Fed { used: 18, ended: true });
        assert_eq!(reader.stuffed_dots(), [0, 5, 9]);
        assert!(ids(&reader).is_empty());
    }

    #[test]
    fn an_empty_message_is_a_lone_dot() {
        assert_eq!(stuff(b""), b".\r\n");
        let (reader, fed) = read(b".\r\n");
        assert!(fed.ended && reader.content().is_empty());
    }

    /// The inbound variants of SMTP smuggling: none ends the message, each is found at its dot.
    #[test]
    fn no_lookalike_ends_the_message_and_each_is_found() {
        let variants: [(&[u8], usize); 10] = [
            (b"a\n.\n", 2),
            (b"a\n.\r\n", 2),
            (b"a\r.\r\n", 2),
            (b"a\r.\r", 2),
            (b"a\n.\r", 2),
            (b"a\r.\n", 2),
            (b"a\r\n.\n", 3),
            (b"a\r\n.\rb", 3),
            (b"a\r\n\0.\r\n", 4),
            (b"a\r\r\n\n.\r\n", 5),
        ];
        for (wire, dot) in variants {
            let whole = [wire, b"MAIL FROM:<eve@example.com>\r\n"].concat();
            let (reader, fed) = read(&whole);
            let name = crate::base::escape::line(wire);
            assert!(!fed.ended, "{name} must not end the message");
            assert!(ids(&reader).contains(&("end-of-data-lookalike", dot)), "{name}: {:?}", ids(&reader));
        }
    }

    #[test]
    fn a_careless_reader_is_fooled_by_bare_line_feeds() {
        let mut reader = DataReader::new(LineEnds::AnyLf, 1000, 1000);
        assert_eq!(reader.feed(b"a\n.\nMAIL"), Fed { used: 4, ended: true });
        assert_eq!(reader.content(), b"a\r\n");
    }

    #[test]
    fn long_lines_are_found_once_and_a_full_one_is_not_long() {
        let full = [&[b'x'; 998][..], b"\r\n.\r\n"].concat();
        assert!(ids(&read(&full).0).is_empty());
        let stuffed = [b".", &[b'.'; 998][..], b"\r\n.\r\n"].concat();
        assert!(ids(&read(&stuffed).0).is_empty(), "the stuffed dot does not count");
        let long = [&[b'x'; 1500][..], b"\r\n.\r\n"].concat();
        assert_eq!(ids(&read(&long).0), [("line-too-long", 998)]);
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_size_is_true() {
        let mut reader = DataReader::new(LineEnds::Strict, 10, 1000);
        assert!(reader.feed(b"0123456789abcdef\r\n.\r\n").ended);
        assert_eq!((reader.content(), reader.size()), (&b"0123456789"[..], 18));
    }

    fn soup() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(proptest::sample::select(b"ab..\r\r\n\n\r\n\0\xe9".to_vec()), 0..60)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn any_split_reads_the_same(wire in soup(), cut in 0_usize..60) {
            let (whole, fed) = read(&wire);
            let mut split = DataReader::new(LineEnds::Strict, 1 << 20, 1000);
            let (a, b) = wire.split_at(cut.min(wire.len()));
            let mut used = 0;
            let mut ended = false;
            for piece in [a, b] {
                if !ended {
                    let fed = split.feed(piece);
                    used += fed.used;
                    ended = fed.ended;
                }
            }
            prop_assert_eq!(Fed { used, ended }, fed);
            prop_assert_eq!(split.content(), whole.content());
            prop_assert_eq!(split.findings(), whole.findings());
        }

        #[test]
        fn whatever_is_stuffed_arrives_whole_and_without_oddities(message in soup()) {
            let (reader, fed) = read(&stuff(&message));
            prop_assert!(fed.ended);
            prop_assert_eq!(fed.used, reader.wire_size());
            let nuls = message.contains(&0);
            prop_assert!(nuls || reader.findings().is_empty(), "{:?}", reader.findings());
            let mut lines = message.clone();
            lines.retain(|b| !matches!(b, b'\r' | b'\n'));
            let mut got = reader.content().to_vec();
            got.retain(|b| !matches!(b, b'\r' | b'\n'));
            prop_assert_eq!(got, lines);
        }
    }
}
