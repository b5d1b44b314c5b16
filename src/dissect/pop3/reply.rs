//! What the server says: the greeting, status lines, and multi-line replies up to the lone dot.

use super::lines::Found;
use super::{Asked, Outstanding, Pop3Meaning, Pop3Reader, Told, cut_short, judge_terminator, message};
use crate::base::{Finding, Part, Span, Word};
use crate::dissect::step::{Kind, Meaning, Piece, Verdict};
use crate::proto::line::Terminator;
use crate::proto::pop3::grammar::block::{BlockLine, BlockScanner};
use crate::proto::pop3::grammar::listing::{
    parse_capability, parse_drop_listing, parse_scan_listing, parse_unique_id_listing,
};
use crate::proto::pop3::grammar::reply::{parse_greeting, parse_status_line};
use crate::proto::pop3::grammar::{Parsed, Status, StatusLine};

/// Octets of a multi-line reply in one piece; what is beyond comes as data.
pub(super) const BLOCK: usize = 64 * 1024 * 1024;
/// Lines of a listing that get parts; all get values.
const PARTS: usize = 2000;
/// Findings kept from the lines of one listing.
const FINDINGS: usize = 20;
/// Characters of a response code that a Step's code keeps.
const CODE: usize = 40;

/// A multi-line reply that is coming.
#[derive(Clone, Debug)]
pub(super) struct OpenBlock {
    /// The piece so far: its status line. `None`: that piece is out, and the rest comes as data.
    head: Option<(Piece, Outstanding)>,
    /// Octets of the status line.
    start: usize,
    scanner: BlockScanner,
    bare_lf: bool,
    /// The bytes begin in the middle of a line.
    mid_line: bool,
}

impl OpenBlock {
    /// A block whose beginning is missing.
    pub(super) fn rest(scanner: BlockScanner) -> Self {
        OpenBlock { head: None, start: 0, scanner, bare_lf: false, mid_line: false }
    }

    /// Whether it may have ended, or has to be cut: of the `len` octets that wait, `tail` has come since nothing was found.
    pub(super) fn may_end(&self, len: usize, tail: &[u8]) -> bool {
        let dot = |line: &[u8]| memchr::memmem::find(tail, line).is_some();
        len >= self.start + BLOCK || dot(b"\n.\r\n") || self.bare_lf && dot(b"\n.\n")
    }

    /// Where the block ends, and where its lone dot's line begins, once it is there.
    fn end(&mut self, block: &[u8]) -> Option<(usize, usize)> {
        while let Some(line) = self.scanner.next_line(block) {
            if !std::mem::take(&mut self.mid_line) && line.text == b"." {
                return Some((line.start, line.end));
            }
        }
        None
    }
}

impl Pop3Reader {
    pub(super) fn read_server(&mut self, waiting: &[u8], ended: bool) -> Option<Piece> {
        match self.server_rest(waiting, ended) {
            Err(()) => return None,
            Ok(Some(piece)) => return Some(piece),
            Ok(None) => {}
        }
        if let Some(open) = self.block.take() {
            return self.read_block(open, waiting, ended);
        }
        let found = self.server.next(waiting, ended)?;
        let line = waiting.get(..found.text).unwrap_or(waiting);
        let mut findings = Vec::new();
        if !std::mem::replace(&mut self.server.in_long_line, found.terminator == Terminator::TooLong) {
            judge_terminator(found.terminator, found.text, found.len, &mut findings);
        } else {
            return Some(Piece::new(Kind::Unparsed, found.len));
        }
        if found.terminator == Terminator::TooLong {
            let mut piece = Piece::new(Kind::Unparsed, found.len);
            piece.findings = findings;
            return Some(piece);
        }
        if !self.greeted {
            return Some(self.greeting(line, found, findings));
        }
        let piece = self.status_line(line, found, findings);
        match piece {
            Ok(piece) => Some(piece),
            Err(open) => self.read_block(*open, waiting, ended),
        }
    }

    fn greeting(&mut self, line: &[u8], found: Found, mut findings: Vec<Finding>) -> Piece {
        self.greeted = true;
        let parsed = parse_greeting(line);
        findings.extend(parsed.findings);
        let mut piece = Piece::new(Kind::Greeting, found.len);
        piece.verb = "CONNECT".into();
        piece.code = code(&parsed.value.line);
        piece.verdict = verdict(parsed.value.line.status);
        piece.parts = parsed.parts;
        piece.findings = findings;
        let ok = parsed.value.line.status == Status::Ok;
        piece.meaning = Meaning::Pop3(Pop3Meaning::Greeting { ok, timestamp: parsed.value.timestamp });
        piece
    }

    /// A reply of one line; or the beginning of a multi-line one.
    fn status_line(
        &mut self,
        line: &[u8],
        found: Found,
        mut findings: Vec<Finding>,
    ) -> Result<Piece, Box<OpenBlock>> {
        let Parsed { value: said, parts, findings: more } = parse_status_line(line);
        findings.extend(more);
        let kind = if said.status == Status::Unclear { Kind::Unparsed } else { Kind::Reply };
        let mut piece = Piece::new(kind, found.len);
        piece.code = code(&said);
        piece.verdict = verdict(said.status);
        piece.parts = parts;
        piece.findings = findings;
        // A line that is no reply answers nothing, so that what follows is matched all the same.
        if said.status == Status::Unclear {
            return Ok(piece);
        }
        let open = self.answered_behind_gap(said.status);
        let unsure = open.is_some();
        let answers = open.unwrap_or_else(|| match said.status {
            Status::Continue => self.continue_request(),
            _ => self.outstanding.pop_front(),
        });
        let Some(command) = answers else {
            if unsure {
                if said.status == Status::Continue {
                    piece.verb = "AUTH".into();
                    self.observe_challenge(line, &mut piece);
                }
                (self.phase, self.hoped) = (None, None);
            } else if self.phase.is_some() {
                let detail = "a reply comes after a command; here nobody had asked";
                piece.findings.push(Finding::hint("unexpected-reply", Span::new(0, found.text), detail));
            }
            piece.meaning = self.reply_meaning(said.status, None, Told::Nothing);
            return Ok(piece);
        };
        piece.verb.clone_from(&command.verb);
        if said.status == Status::Continue {
            self.observe_challenge(line, &mut piece);
        }
        self.doubt.block = found.terminator == Terminator::End && command.asked.is_multi_line();
        if said.status == Status::Ok && command.asked.is_multi_line() && found.terminator != Terminator::End {
            let bare_lf = found.terminator == Terminator::Lf;
            return Err(Box::new(OpenBlock {
                head: Some((piece, command)),
                start: found.len,
                scanner: BlockScanner::new(bare_lf),
                bare_lf,
                mid_line: false,
            }));
        }
        if said.status != Status::Continue {
            self.answered(&command.asked, said.status == Status::Ok);
        }
        let told = if said.status == Status::Ok {
            told_on_line(&command.asked, line, &mut piece)
        } else {
            Told::Nothing
        };
        piece.meaning = self.reply_meaning(said.status, Some(command.asked), told);
        Ok(piece)
    }

    /// `+ `: AUTH goes on; the command stays outstanding.
    fn continue_request(&mut self) -> Option<Outstanding> {
        let front = self.outstanding.front()?.clone();
        self.sasl = matches!(front.asked, Asked::Auth { .. });
        // The response has been sent already: it was one, after all.
        if self.sasl && self.outstanding.get(1).is_some_and(|next| next.early_response) {
            self.outstanding.remove(1);
            self.sasl = false;
        }
        Some(front)
    }

    /// What the server asks, decoded.
    fn observe_challenge(&self, line: &[u8], piece: &mut Piece) {
        let Some(text) = piece.parts.iter_mut().find(|part| part.name == "text") else { return };
        if let Some(seen) = self.watch.challenge(text.span.of(line), text.span.start) {
            text.parts.push(seen.part);
            piece.secrets.extend(seen.secrets);
        }
    }

    fn reply_meaning(&self, status: Status, answers: Option<Asked>, told: Told) -> Meaning {
        let ok = match status {
            Status::Ok => Some(true),
            Status::Err => Some(false),
            Status::Continue | Status::Unclear => None,
        };
        Meaning::Pop3(Pop3Meaning::Reply { ok, answers, told, phase: self.phase })
    }

    /// Goes on with a multi-line reply; its piece appears with the lone dot.
    fn read_block(&mut self, mut open: OpenBlock, waiting: &[u8], ended: bool) -> Option<Piece> {
        let window = waiting.get(..open.start + BLOCK).unwrap_or(waiting);
        let block = window.get(open.start..).unwrap_or_default();
        let cut = window.len() == open.start + BLOCK;
        match open.end(block) {
            Some((dot, end)) => {
                self.block_ended();
                let piece = self.finish_block(open.head.take(), &open, block, Some((dot, end)), end);
                Some(piece)
            }
            None if cut => {
                // Cut where a line begins, so that what follows is read right; or anywhere in an endless line.
                let at = open.scanner.line_start();
                let len = if at > 0 { at } else { block.len() };
                let mut piece = self.finish_block(open.head.take(), &open, block, None, len);
                let detail = format!("a reply of more than {BLOCK} octets; the rest follows as data");
                piece.findings.push(Finding::hint("reply-too-large", Span::new(0, piece.len), detail));
                let scanner = BlockScanner::new(open.bare_lf);
                self.block = Some(OpenBlock {
                    head: None,
                    start: 0,
                    scanner,
                    bare_lf: open.bare_lf,
                    mid_line: at == 0,
                });
                Some(piece)
            }
            None if ended && !window.is_empty() => {
                let len = block.len();
                self.doubt.block = true;
                let mut piece = self.finish_block(open.head.take(), &open, block, None, len);
                piece.findings.push(cut_short(piece.len));
                Some(piece)
            }
            None => {
                self.block = Some(open);
                None
            }
        }
    }

    /// The piece of a block: `len` octets of it, its lone dot's line at `dot`.
    fn finish_block(
        &mut self,
        head: Option<(Piece, Outstanding)>,
        open: &OpenBlock,
        block: &[u8],
        dot: Option<(usize, usize)>,
        len: usize,
    ) -> Piece {
        let Some((mut piece, command)) = head else { return Piece::new(Kind::Data, len) };
        piece.len = open.start + len;
        let lines = block.get(..dot.map_or(len, |(start, _)| start)).unwrap_or(block);
        judge_bare_lf(lines, open.start, &mut piece.findings);
        let told = match command.asked {
            Asked::Retr { .. } | Asked::Top { .. } => {
                let read = message::read(lines, open.bare_lf);
                if !lines.is_empty() {
                    piece.parts.push(read.part.shifted(open.start));
                }
                Told::Message { octets: read.octets, subject: read.subject }
            }
            _ => listing(&command.asked, lines, open, &mut piece),
        };
        if let Some((start, end)) = dot {
            piece.parts.push(Part::leaf("end-of-data", Span::new(start, end).shifted(open.start)));
        }
        self.answered(&command.asked, true);
        piece.meaning = self.reply_meaning(Status::Ok, Some(command.asked), told);
        piece
    }
}

fn verdict(status: Status) -> Option<Verdict> {
    match status {
        Status::Ok => Some(Verdict::Positive),
        Status::Err => Some(Verdict::Negative),
        Status::Continue => Some(Verdict::Intermediate),
        Status::Unclear => None,
    }
}

fn code(line: &StatusLine) -> Word {
    line.code().chars().take(CODE).collect()
}

/// What the one line of an answer tells: a drop listing, or the listing of one message.
fn told_on_line(asked: &Asked, line: &[u8], piece: &mut Piece) -> Told {
    // "+OK", a space, the listing. A response code would stand in the text before it.
    let Some(at) = piece.parts.iter().position(|p| p.name == "text") else { return Told::Nothing };
    let Some(text) = piece.parts.get_mut(at) else { return Told::Nothing };
    let bytes = text.span.of(line);
    let start = text.span.start;
    let (told, name, parts, findings) = match asked {
        Asked::Stat => {
            let parsed = parse_drop_listing(bytes);
            (parsed.value.map(Told::DropListing), "drop-listing", parsed.parts, parsed.findings)
        }
        Asked::List { number: Some(_) } => {
            let parsed = parse_scan_listing(bytes);
            let told = parsed.value.map(|l| Told::ScanListings(vec![l]));
            (told, "scan-listing", parsed.parts, parsed.findings)
        }
        Asked::Uidl { number: Some(_) } => {
            let parsed = parse_unique_id_listing(bytes);
            let told = parsed.value.map(|l| Told::UniqueIds(vec![l]));
            (told, "unique-id-listing", parsed.parts, parsed.findings)
        }
        _ => return Told::Nothing,
    };
    if told.is_some() {
        *text = Part::node(name, text.span, parts.into_iter().map(|p| p.shifted(start)).collect());
    }
    piece.findings.extend(findings.into_iter().map(|f| f.shifted(start)));
    told.unwrap_or(Told::Nothing)
}

/// The lines of a listing: values for all, parts for the first.
fn listing(asked: &Asked, block: &[u8], open: &OpenBlock, piece: &mut Piece) -> Told {
    let mut scanner = BlockScanner::new(open.bare_lf);
    let (mut scans, mut ids, mut capabilities) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    while let Some(BlockLine { start, text, .. }) = scanner.next_line(block) {
        let (name, parts, findings) = match asked {
            Asked::List { .. } => {
                let parsed = parse_scan_listing(text);
                scans.extend(parsed.value);
                ("scan-listing", parsed.parts, parsed.findings)
            }
            Asked::Uidl { .. } => {
                let parsed = parse_unique_id_listing(text);
                ids.extend(parsed.value);
                ("unique-id-listing", parsed.parts, parsed.findings)
            }
            Asked::Capa => {
                let parsed = parse_capability(text);
                capabilities.extend(parsed.value);
                ("capability", parsed.parts, parsed.findings)
            }
            _ => ("mechanism", Vec::new(), Vec::new()),
        };
        let at = open.start + start;
        count += 1;
        if count <= PARTS {
            let parts = parts.into_iter().map(|p| p.shifted(at)).collect();
            piece.parts.push(Part::node(name, Span::new(at, at + text.len()), parts));
        }
        let room = FINDINGS.saturating_sub(piece.findings.len());
        piece.findings.extend(findings.into_iter().take(room).map(|f| f.shifted(at)));
    }
    match asked {
        Asked::List { .. } => Told::ScanListings(scans),
        Asked::Uidl { .. } => Told::UniqueIds(ids),
        Asked::Capa => Told::Capabilities(capabilities),
        _ => Told::Nothing,
    }
}

/// One finding for all bare LFs of a block, at the first of them.
fn judge_bare_lf(block: &[u8], start: usize, findings: &mut Vec<Finding>) {
    let mut first = None;
    let mut count = 0;
    let mut before = 0;
    for (at, &byte) in block.iter().enumerate() {
        if byte == b'\n' && before != b'\r' {
            first.get_or_insert(at);
            count += 1;
        }
        before = byte;
    }
    if let Some(at) = first {
        let detail = format!("a line ends with CR LF; here stands LF alone ({count} in this reply)");
        findings.push(Finding::error("bare-lf", Span::new(at, at + 1).shifted(start), detail));
    }
}
