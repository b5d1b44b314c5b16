//! Bytes → whole commands and responses: lines joined by literals (RFC 9051 §4.3, RFC 7888).
//!
//! A line that ends in `{n}` goes on: n octets follow, then the rest of it. "In the case of synchronizing literals
//! transmitted from client to server, the client MUST wait to receive a command continuation request" (RFC 9051 §4.3);
//! one that wrote `{n+}` need not. [`Scanner`] finds the end without looking twice at any octet; [`CommandFramer`] is
//! the server's reader with its limits, [`ResponseFramer`] the client's. The dissector uses the scanner on bytes that
//! it keeps itself.

/// An announcement of a literal at the end of a line: `[~]{n}` or `[~]{n+}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// Octets that follow; a number that does not fit is the largest that does.
    pub size: u64,
    /// The sender waits for `+` first.
    pub sync: bool,
    /// `~{n}`: octets that may hold NUL (RFC 3516).
    pub binary: bool,
    /// Octets that the announcement takes at the end of the line's text.
    pub len: usize,
}

/// The literal that a line announces at its end; `text` is the line without its terminator.
pub fn announced(text: &[u8]) -> Option<Announced> {
    let inner = text.strip_suffix(b"}")?;
    let (inner, sync) = match inner.strip_suffix(b"+") {
        Some(inner) => (inner, false),
        None => (inner, true),
    };
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (before, number) = inner.split_at(inner.len() - digits);
    let before = before.strip_suffix(b"{")?;
    if number.is_empty() {
        return None;
    }
    let size = number
        .iter()
        .fold(0u64, |n, digit| n.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0'))));
    let binary = before.ends_with(b"~");
    Some(Announced { size, sync, binary, len: text.len() - before.len() + usize::from(binary) })
}

/// Whether a response with this first line holds no literal, whatever it ends in: `+ …`, and OK, NO, BAD, BYE and
/// PREAUTH, whose free text may well end in `{5}`.
pub fn is_status_line(line: &[u8]) -> bool {
    let mut words = line.splitn(3, |&b| b == b' ');
    if words.next() == Some(b"+") {
        return true;
    }
    let word = words.next().unwrap_or_default();
    let word = word.split(|&b| b == b'\r' || b == b'\n').next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

/// What a [`Scanner`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scan {
    /// The end has not come yet.
    More,
    /// A line ends at `end` and announces a literal. Call [`Scanner::skip`] with its size to go on.
    Literal {
        /// What it announces.
        announced: Announced,
        /// Offset behind the line's terminator.
        end: usize,
    },
    /// The whole command or response ends here.
    Whole {
        /// Offset behind its last terminator.
        end: usize,
    },
    /// A line passed the limit, or has passed it without an end so far.
    TooLong,
}

/// Finds where a command or response ends in bytes that only grow. Looks at each octet once.
#[derive(Clone, Debug, Default)]
pub struct Scanner {
    /// Everything before was looked at, or is skipped as a literal.
    searched: usize,
    /// Where the present line begins.
    line_start: usize,
    /// Reads what a server sends: a status line has no literal.
    responses: bool,
}

impl Scanner {
    /// A scanner for what clients send.
    pub fn commands() -> Self {
        Scanner::default()
    }

    /// A scanner for what servers send.
    pub fn responses() -> Self {
        Scanner { responses: true, ..Scanner::default() }
    }

    /// Looks on in `waiting`, which begins where this command or response begins. Lines have at most `limit` octets
    /// before their terminator.
    pub fn scan(&mut self, waiting: &[u8], limit: usize) -> Scan {
        let Some(fresh) = waiting.get(self.searched..) else {
            return Scan::More;
        };
        let Some(found) = memchr::memchr(b'\n', fresh) else {
            self.searched = waiting.len();
            let too_long = waiting.len().saturating_sub(self.line_start) > limit.saturating_add(1);
            return if too_long { Scan::TooLong } else { Scan::More };
        };
        let end = self.searched + found + 1;
        let line = waiting.get(self.line_start..end).unwrap_or_default();
        let text = without_terminator(line);
        if text.len() > limit {
            return Scan::TooLong;
        }
        let status = self.responses && self.line_start == 0 && is_status_line(text);
        self.searched = end;
        self.line_start = end;
        match announced(text) {
            Some(announced) if !status => Scan::Literal { announced, end },
            _ => {
                *self = Scanner { responses: self.responses, ..Scanner::default() };
                Scan::Whole { end }
            }
        }
    }

    /// Where the line ends that begins at the first byte of `waiting`, whatever it announces. Remembers how far it has
    /// looked where there is no end yet; [`Scanner::reset`] when the line is taken.
    pub fn first_line(&mut self, waiting: &[u8]) -> Option<usize> {
        let from = if self.line_start == 0 { self.searched } else { 0 };
        let found = memchr::memchr(b'\n', waiting.get(from..)?);
        if found.is_none() && self.line_start == 0 {
            self.searched = waiting.len();
        }
        found.map(|at| from + at + 1)
    }

    /// The literal just found is read: go on behind its octets.
    pub fn skip(&mut self, size: u64) {
        self.searched = self.line_start.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        self.line_start = self.searched;
    }

    /// Begin anew, at a new command's first byte.
    pub fn reset(&mut self) {
        *self = Scanner { responses: self.responses, ..Scanner::default() };
    }

    /// Whether the end of the literal that is being skipped lies beyond the first `len` octets.
    pub fn skips_beyond(&self, len: usize) -> bool {
        self.searched > len
    }

    /// Where the present line begins, behind all literals so far.
    pub fn line_start(&self) -> usize {
        self.line_start
    }
}

/// A line without its CR LF or bare LF.
pub fn without_terminator(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// How long things may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets of one line of a command. Before login 8 KiB, after it 64 KiB.
    pub line: usize,
    /// Octets of one literal. Before login 4 KiB, after it the size limit of messages.
    pub literal: u64,
    /// Octets of a whole command with all its literals.
    pub command: u64,
    /// LITERAL- (RFC 7888 §5): non-synchronising literals of at most 4096 octets. `u64::MAX` for LITERAL+.
    pub non_sync: u64,
}

impl Limits {
    /// Before login: lines of 8 KiB, literals of 4 KiB, 64 KiB in all.
    pub const BEFORE_LOGIN: Limits =
        Limits { line: 8 << 10, literal: 4 << 10, command: 64 << 10, non_sync: 4096 };

    /// After login: lines of 64 KiB, and literals up to the message size limit (twice that for a MULTIAPPEND).
    pub const fn after_login(message: u64) -> Limits {
        Limits { line: 64 << 10, literal: message, command: message.saturating_mul(2), non_sync: u64::MAX }
    }
}

/// What the framer has for the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole command, literals and final line end included: for [`super::grammar::parse_command`].
    Command(Vec<u8>),
    /// A line taken by [`CommandFramer::next_line`], with its line end.
    Line(Vec<u8>),
    /// The client waits for `+` before it sends these octets. Either send it and ask again, or refuse with a tagged
    /// reply and call [`CommandFramer::refuse`].
    Wants {
        /// Octets announced.
        size: u64,
        /// The command so far, up to the announcement (clipped to the line limit): `parse_command` reads what is
        /// there, so that APPEND to a mailbox that does not exist is refused before its message is sent.
        so_far: Vec<u8>,
    },
    /// Too big. Answer at once, tagged BAD (or NO with TOOBIG); what still comes of it is thrown away unread.
    Refused {
        /// Its tag, where one could be read.
        tag: Option<String>,
        /// Why.
        why: Refusal,
        /// The first octets of it, at most 256, so that it can be named.
        start: Vec<u8>,
    },
}

/// Why a command is refused before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A line without end, or too long a one.
    LineTooLong,
    /// A literal larger than the limit.
    LiteralTooBig,
    /// A non-synchronising literal larger than LITERAL- allows.
    NonSyncTooBig,
    /// All of it together.
    CommandTooBig,
}

/// What is thrown away of a refused command.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Discarding {
    /// Octets of a literal still to come.
    literal: u64,
    /// The last octets of the line seen so far: it may announce one more literal.
    tail: Vec<u8>,
}

/// The server's end: what clients send, whole command by whole command. Holds at most one command within its limits,
/// and what was received behind it.
#[derive(Clone, Debug)]
pub struct CommandFramer {
    limits: Limits,
    buffer: Buffer,
    scanner: Scanner,
    discarding: Option<Discarding>,
    /// After [`Frame::Wants`]: where the line ends that announced the literal.
    asked: Option<usize>,
}

impl CommandFramer {
    /// A framer with these limits.
    pub fn new(limits: Limits) -> Self {
        CommandFramer {
            limits,
            buffer: Buffer::default(),
            scanner: Scanner::commands(),
            discarding: None,
            asked: None,
        }
    }

    /// Other limits from now on (after login).
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Take bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        self.buffer.waiting().len()
    }

    /// How many bytes of memory it takes.
    pub fn held(&self) -> usize {
        self.buffer.bytes.capacity()
    }

    /// Whether no byte waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forget everything that waits, when TLS begins: "Extra data from the TCP buffer is thrown away" (RFC 9051
    /// §6.2.1).
    pub fn clear(&mut self) {
        self.buffer = Buffer::default();
        self.scanner.reset();
        self.discarding = None;
        self.asked = None;
    }

    /// The literal that [`Frame::Wants`] told of was refused by a tagged reply: the command is over.
    pub fn refuse(&mut self) {
        if let Some(end) = self.asked.take() {
            self.buffer.drop(end);
            self.scanner.reset();
        }
    }

    /// The next whole command, or what must be answered before it can be whole.
    pub fn next_command(&mut self) -> Option<Frame> {
        self.asked = None;
        if !self.discard() {
            return None;
        }
        loop {
            match self.scanner.scan(self.buffer.waiting(), self.limits.line) {
                Scan::More => return None,
                Scan::TooLong => return Some(self.refused(Refusal::LineTooLong, None)),
                Scan::Whole { end } if end as u64 > self.limits.command => {
                    let frame = self.refusal(Refusal::CommandTooBig, end);
                    self.buffer.drop(end);
                    return Some(frame);
                }
                Scan::Whole { end } => return Some(Frame::Command(self.buffer.take(end))),
                Scan::Literal { announced, end } => {
                    if let Some(why) = self.too_big(announced, end) {
                        return Some(self.refused(why, Some((announced, end))));
                    }
                    self.scanner.skip(announced.size);
                    if announced.sync {
                        self.asked = Some(end);
                        let so_far =
                            self.buffer.waiting().get(..end.min(self.limits.line)).unwrap_or_default();
                        return Some(Frame::Wants { size: announced.size, so_far: so_far.to_vec() });
                    }
                }
            }
        }
    }

    /// The next line as it is, without literals: a SASL response, `DONE`. [`Frame::Line`] or [`Frame::Refused`].
    pub fn next_line(&mut self) -> Option<Frame> {
        if !self.discard() {
            return None;
        }
        match self.scanner.scan(self.buffer.waiting(), self.limits.line) {
            Scan::More => None,
            Scan::TooLong => Some(self.refused(Refusal::LineTooLong, None)),
            Scan::Whole { end } | Scan::Literal { end, .. } => {
                self.scanner.reset();
                Some(Frame::Line(self.buffer.take(end)))
            }
        }
    }

    fn too_big(&self, announced: Announced, end: usize) -> Option<Refusal> {
        let whole = announced.size.saturating_add(end as u64);
        if announced.size > self.limits.literal {
            Some(Refusal::LiteralTooBig)
        } else if !announced.sync && announced.size > self.limits.non_sync {
            Some(Refusal::NonSyncTooBig)
        } else {
            (whole > self.limits.command).then_some(Refusal::CommandTooBig)
        }
    }

    /// Refuses what is there. A literal that waits for `+` will not be sent, so the command ends with its line; all
    /// else is still coming, and is thrown away.
    fn refused(&mut self, why: Refusal, literal: Option<(Announced, usize)>) -> Frame {
        let frame = self.refusal(why, literal.map_or(usize::MAX, |(_, end)| end));
        match literal {
            Some((announced, end)) => {
                self.buffer.drop(end);
                if !announced.sync {
                    self.discarding = Some(Discarding { literal: announced.size, tail: Vec::new() });
                }
            }
            None => {
                self.buffer.drop(self.scanner.line_start);
                self.discarding = Some(Discarding { literal: 0, tail: Vec::new() });
            }
        }
        self.scanner.reset();
        self.discard();
        frame
    }

    fn refusal(&self, why: Refusal, end: usize) -> Frame {
        let waiting = self.buffer.waiting();
        let start = waiting.get(..waiting.len().min(256).min(end)).unwrap_or_default();
        Frame::Refused { tag: super::grammar::tag_of(start), why, start: start.to_vec() }
    }

    /// Throws away what is left of a refused command. False while more of it must come.
    fn discard(&mut self) -> bool {
        while let Some(discarding) = &mut self.discarding {
            let waiting = self.buffer.waiting();
            if waiting.is_empty() {
                return false;
            }
            if discarding.literal > 0 {
                let count = waiting.len().min(usize::try_from(discarding.literal).unwrap_or(usize::MAX));
                discarding.literal -= count as u64;
                self.buffer.drop(count);
                continue;
            }
            let found = waiting.iter().position(|&b| b == b'\n');
            let line = waiting.get(..found.map_or(waiting.len(), |at| at + 1)).unwrap_or_default();
            // 32 octets hold the longest announcement that a 64-bit number can make, and its CR LF.
            discarding.tail.extend_from_slice(line.get(line.len().saturating_sub(32)..).unwrap_or_default());
            let surplus = discarding.tail.len().saturating_sub(32);
            discarding.tail.drain(..surplus);
            let count = line.len();
            if found.is_some() {
                self.discarding = match announced(without_terminator(&discarding.tail)) {
                    Some(next) if !next.sync => Some(Discarding { literal: next.size, tail: Vec::new() }),
                    _ => None,
                };
            }
            self.buffer.drop(count);
        }
        true
    }
}

/// What the client's framer has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseFrame {
    /// A whole response, literals and final line end included: for [`super::grammar::parse_response`].
    Response(Vec<u8>),
    /// More than the client is ready to hold; it should hang up.
    TooBig,
}

/// The client's end: what servers send, whole response by whole response.
#[derive(Clone, Debug)]
pub struct ResponseFramer {
    line: usize,
    literal: u64,
    buffer: Buffer,
    scanner: Scanner,
}

impl Default for ResponseFramer {
    /// Lines up to 1 MiB (a SEARCH of a large mailbox is one line), literals up to 64 MiB.
    fn default() -> Self {
        ResponseFramer::new(1 << 20, 64 << 20)
    }
}

impl ResponseFramer {
    /// A framer for lines of at most `line` octets and literals of at most `literal`.
    pub fn new(line: usize, literal: u64) -> Self {
        ResponseFramer { line, literal, buffer: Buffer::default(), scanner: Scanner::responses() }
    }

    /// Take bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.push(bytes);
    }

    /// Forget everything that waits (at STARTTLS).
    pub fn clear(&mut self) {
        self.buffer = Buffer::default();
        self.scanner.reset();
    }

    /// The next whole response.
    pub fn next_response(&mut self) -> Option<ResponseFrame> {
        loop {
            match self.scanner.scan(self.buffer.waiting(), self.line) {
                Scan::More => return None,
                Scan::TooLong => return Some(ResponseFrame::TooBig),
                Scan::Whole { end } => return Some(ResponseFrame::Response(self.buffer.take(end))),
                Scan::Literal { announced, end } => {
                    if announced.size.saturating_add(end as u64) > self.literal {
                        return Some(ResponseFrame::TooBig);
                    }
                    self.scanner.skip(announced.size);
                }
            }
        }
    }
}

/// Bytes that were received and not yet taken. Taking is amortised constant time per byte.
#[derive(Clone, Debug, Default)]
struct Buffer {
    bytes: Vec<u8>,
    head: usize,
}

impl Buffer {
    fn push(&mut self, bytes: &[u8]) {
        if self.head * 2 >= self.bytes.len() {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    fn waiting(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let waiting = self.waiting();
        let taken = waiting.get(..count.min(waiting.len())).unwrap_or_default().to_vec();
        self.drop(taken.len());
        taken
    }

    fn drop(&mut self, count: usize) {
        self.head = self.head.saturating_add(count).min(self.bytes.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(chunks: &[&[u8]], limits: Limits) -> Vec<Frame> {
        let mut framer = CommandFramer::new(limits);
        let mut out = Vec::new();
        for chunk in chunks {
            framer.push(chunk);
            while let Some(frame) = framer.next_command() {
                out.push(frame);
            }
        }
        assert!(framer.len() <= limits.line + 2 + usize::try_from(limits.command).unwrap());
        out
    }

    fn any_split(wire: &[u8], limits: Limits) -> Vec<Frame> {
        let whole = frames(&[wire], limits);
        for size in [1, 2, 3, 7] {
            assert_eq!(frames(&wire.chunks(size).collect::<Vec<_>>(), limits), whole, "chunks of {size}");
        }
        whole
    }

    const SMALL: Limits = Limits { line: 300, literal: 20, command: 400, non_sync: 10 };

    #[test]
    fn a_literal_joins_two_lines() {
        let got = any_split(b"a1 LOGIN {3}\r\nbob {6+}\r\nsecret\r\na2 NOOP\r\n", SMALL);
        assert_eq!(got[0], Frame::Wants { size: 3, so_far: b"a1 LOGIN {3}\r\n".to_vec() });
        assert_eq!(got[1], Frame::Command(b"a1 LOGIN {3}\r\nbob {6+}\r\nsecret\r\n".to_vec()));
        assert_eq!(got[2], Frame::Command(b"a2 NOOP\r\n".to_vec()));
    }

    #[test]
    fn a_literal_too_big_is_refused_and_what_comes_of_it_is_not_read_as_commands() {
        let got = any_split(b"a1 LOGIN {12+}\r\na9 LOGOUT\r\n\r {4+}\r\nnext\r\na2 NOOP\r\n", SMALL);
        assert!(
            matches!(&got[0], Frame::Refused { tag: Some(tag), why: Refusal::NonSyncTooBig, .. } if tag == "a1")
        );
        assert_eq!(got[1..], [Frame::Command(b"a2 NOOP\r\n".to_vec())]);
        // A client that waits for "+" sends nothing more of a refused command.
        let got = any_split(b"a1 LOGIN {4294967296}\r\na2 NOOP\r\n", SMALL);
        assert!(matches!(&got[0], Frame::Refused { why: Refusal::LiteralTooBig, .. }));
        assert_eq!(got[1..], [Frame::Command(b"a2 NOOP\r\n".to_vec())]);
    }

    #[test]
    fn a_line_without_end_is_refused_once_and_costs_no_memory() {
        let mut framer = CommandFramer::new(SMALL);
        let mut refused = 0;
        for _ in 0..1000 {
            framer.push(&[b'x'; 999]);
            while let Some(frame) = framer.next_command() {
                assert!(matches!(frame, Frame::Refused { why: Refusal::LineTooLong, .. }));
                refused += 1;
            }
            assert!(framer.len() < 2000);
        }
        framer.push(b"\r\na2 NOOP\r\n");
        assert_eq!((refused, framer.next_command()), (1, Some(Frame::Command(b"a2 NOOP\r\n".to_vec()))));
    }

    #[test]
    fn refusing_an_announced_literal_ends_the_command() {
        let mut framer = CommandFramer::new(SMALL);
        framer.push(b"a1 APPEND nowhere {9}\r\n");
        assert!(matches!(framer.next_command(), Some(Frame::Wants { size: 9, .. })));
        framer.refuse();
        framer.push(b"a2 NOOP\r\n");
        assert_eq!(framer.next_command(), Some(Frame::Command(b"a2 NOOP\r\n".to_vec())));
    }

    #[test]
    fn free_text_of_a_status_response_announces_nothing() {
        let mut framer = ResponseFramer::default();
        framer.push(b"* OK a brace {5}\r\n* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n");
        let mut next = || framer.next_response();
        assert_eq!(next(), Some(ResponseFrame::Response(b"* OK a brace {5}\r\n".to_vec())));
        assert_eq!(next(), Some(ResponseFrame::Response(b"* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n".to_vec())));
        assert_eq!(next(), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn any_split_of_any_bytes_gives_the_same_frames(wire in "[a-c {}+0-9~\r\n]{0,80}", at: usize) {
            let (wire, limits) = (wire.as_bytes(), Limits { line: 12, literal: 9, command: 30, non_sync: 5 });
            let (left, right) = wire.split_at(at % (wire.len() + 1));
            let strip = |frames: Vec<Frame>| frames.into_iter().map(|f| match f {
                // With a line limit below 256 the first octets shown depend on what has come.
                Frame::Refused { why, .. } => Frame::Refused { why, tag: None, start: vec![] },
                other => other,
            }).collect::<Vec<_>>();
            proptest::prop_assert_eq!(strip(frames(&[left, right], limits)), strip(frames(&[wire], limits)));
        }
    }
}
