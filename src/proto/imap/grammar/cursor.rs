//! The reader that all of IMAP's grammar is written with: bytes, a place, and the parts found so far.
//!
//! Its methods are the lexical nonterminals of RFC 9051 §9: atom, astring, string, literal, number, list. Where the
//! bytes do not fit, a method gives a [`Stop`]: what was expected, and where. Nothing here can fail otherwise.

use super::{Dialect, MAX_NESTING, MAX_STRING};
use crate::base::escape::lossy;
use crate::base::{Finding, Part, Span};
use crate::proto::imap::framing;

/// Where reading stopped, and what was expected there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub at: usize,
    pub expected: &'static str,
}

pub(super) type Read<T> = Result<T, Stop>;

/// How a string was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Atom,
    Quoted,
    Literal { binary: bool },
}

/// A string as it was read: its value, its place with quotes or announcement, its form.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub value: Vec<u8>,
    /// The value's own place, where it stands as it is (no quoted escapes).
    pub inner: Span,
    pub span: Span,
    pub form: Form,
}

pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub parts: Vec<Part>,
    pub findings: Vec<Finding>,
    pub secrets: Vec<Span>,
    pub dialect: Dialect,
    depth: usize,
    /// A literal ran into the end of what is there.
    pub cut: bool,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8], dialect: Dialect) -> Self {
        Cursor {
            bytes,
            at: 0,
            parts: Vec::new(),
            findings: Vec::new(),
            secrets: Vec::new(),
            dialect,
            depth: 0,
            cut: false,
        }
    }

    pub fn stop<T>(&self, expected: &'static str) -> Read<T> {
        Err(Stop { at: self.at, expected })
    }

    pub fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub fn since(&self, start: usize) -> Span {
        Span::new(start, self.at)
    }

    /// Takes this byte if it is next.
    pub fn eat(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    /// Takes this word, in any case, if it is next. The caller knows that no longer word can stand there.
    pub fn eat_word(&mut self, word: &str) -> bool {
        let is = self.looking_at(word);
        if is {
            self.at += word.len();
        }
        is
    }

    pub fn looking_at(&self, word: &str) -> bool {
        self.rest().get(..word.len()).is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()))
    }

    pub fn need(&mut self, byte: u8, expected: &'static str) -> Read<()> {
        if self.eat(byte) { Ok(()) } else { self.stop(expected) }
    }

    /// "SP": exactly one space.
    pub fn sp(&mut self) -> Read<()> {
        self.need(b' ', "one space")
    }

    /// Whether the line ends here (or the bytes do).
    pub fn at_end(&self) -> bool {
        matches!(self.rest(), [] | [b'\r', b'\n', ..] | [b'\n', ..])
    }

    /// CRLF, and nothing behind it. (How the line really ends is judged once, by [`Cursor::judge_line_end`].)
    pub fn crlf(&mut self) -> Read<()> {
        if self.eat_word("\r\n") || self.eat(b'\n') || self.rest().is_empty() {
            return Ok(());
        }
        self.stop("the end of the line")
    }

    /// Adds what is off in how everything ends.
    pub fn judge_line_end(&mut self) {
        let len = self.bytes.len();
        if self.bytes.ends_with(b"\r\n") || self.cut {
            return;
        }
        self.findings.push(if self.bytes.ends_with(b"\n") {
            bare_lf(len)
        } else {
            Finding::error("cut-short", Span::new(len, len), "the line end is missing")
        });
    }

    /// Adds a part without parts of its own.
    pub fn leaf(&mut self, name: &'static str, span: Span) {
        self.parts.push(Part::leaf(name, span));
    }

    /// Reads with `read`; what it adds becomes the inside of one part of that name. On a stop they stay as they are.
    pub fn node<T>(&mut self, name: &'static str, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let (mark, start) = (self.parts.len(), self.at);
        let value = read(self)?;
        let inner = self.parts.split_off(mark.min(self.parts.len()));
        let span = self.since(start);
        self.parts.push(Part::node(name, span, inner));
        Ok(value)
    }

    /// Reads one level deeper; stops at [`MAX_NESTING`].
    pub fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= MAX_NESTING {
            return self.stop("fewer than 100 levels of nesting");
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Takes bytes while `is` holds; their span.
    pub fn run(&mut self, is: impl Fn(u8) -> bool) -> Span {
        let start = self.at;
        let len = self.rest().iter().position(|&b| !is(b)).unwrap_or(self.rest().len());
        self.at += len;
        self.since(start)
    }

    /// `1*ATOM-CHAR` (or another class), bounded.
    pub fn word(&mut self, is: impl Fn(u8) -> bool, expected: &'static str) -> Read<Span> {
        let start = self.at;
        let span = self.run(is);
        if span.is_empty() || span.len() > MAX_STRING {
            self.at = start;
            return self.stop(if span.is_empty() { expected } else { "a word of at most 128 KiB" });
        }
        Ok(span)
    }

    pub fn atom(&mut self, expected: &'static str) -> Read<Span> {
        self.word(is_atom_char, expected)
    }

    pub fn text_of(&self, span: Span) -> String {
        lossy(span.of(self.bytes)).into_owned()
    }

    pub fn upper(&self, span: Span) -> String {
        self.text_of(span).to_ascii_uppercase()
    }

    /// "number64": "Unsigned 63-bit integer".
    pub fn number64(&mut self) -> Read<u64> {
        let start = self.at;
        let digits = self.run(|b| b.is_ascii_digit());
        let number = self.text_of(digits).parse::<u64>().ok().filter(|&n| n <= i64::MAX as u64);
        match number {
            Some(number) => Ok(number),
            None => {
                self.at = start;
                self.stop(if digits.is_empty() { "a number" } else { "a number of at most 63 bits" })
            }
        }
    }

    /// "number": "Unsigned 32-bit integer".
    pub fn number(&mut self) -> Read<u32> {
        let start = self.at;
        let number = self.number64()?;
        u32::try_from(number).or_else(|_| {
            self.at = start;
            self.stop("a number below 4294967296")
        })
    }

    /// "nz-number": a number that is not 0, and does not begin with 0.
    pub fn nz_number(&mut self) -> Read<u32> {
        if self.peek() == Some(b'0') {
            return self.stop("a number that does not begin with 0");
        }
        self.number()
    }

    /// `"(" [item *(SP item)] ")"`
    pub fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        self.need(b'(', "\"(\"")?;
        let mut items = Vec::new();
        if self.eat(b')') {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.eat(b')') {
                return Ok(items);
            }
            self.need(b' ', "one space or \")\"")?;
        }
    }

    /// `"(" item *(SP item) ")"`
    pub fn list1<T>(&mut self, item: impl FnMut(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        if self.rest().starts_with(b"()") {
            self.at += 1;
            return self.stop("at least one item");
        }
        self.list(item)
    }

    /// "string = quoted / literal"
    pub fn string(&mut self) -> Read<Text> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{' | b'~') => self.literal(),
            _ => self.stop("a quoted string or a literal"),
        }
    }

    /// "astring = 1*ASTRING-CHAR / string"
    pub fn astring(&mut self) -> Read<Text> {
        self.string_or(is_astring_char, "an atom or a string")
    }

    /// A string, or a word of characters of this class.
    pub fn string_or(&mut self, is: impl Fn(u8) -> bool, expected: &'static str) -> Read<Text> {
        match self.peek() {
            Some(b'"' | b'{') => self.string(),
            _ => {
                let span = self.word(is, expected)?;
                Ok(Text { value: span.of(self.bytes).to_vec(), inner: span, span, form: Form::Atom })
            }
        }
    }

    /// "nstring = string / nil"
    pub fn nstring(&mut self) -> Read<Option<Text>> {
        if self.peek().is_some_and(|b| b.eq_ignore_ascii_case(&b'n')) && self.eat_word("NIL") {
            return Ok(None);
        }
        self.string().map(Some)
    }

    /// `quoted = DQUOTE *QUOTED-CHAR DQUOTE`, on one line, `\` only before `"` and `\`.
    fn quoted(&mut self) -> Read<Text> {
        let start = self.at;
        self.at += 1;
        let inner_start = self.at;
        let mut value = Vec::new();
        loop {
            let run = self.run(|b| !matches!(b, b'"' | b'\\' | b'\r' | b'\n' | 0));
            value.extend_from_slice(run.of(self.bytes));
            match self.rest() {
                [b'"', ..] => break,
                [b'\\', escaped @ (b'"' | b'\\'), ..] => {
                    value.push(*escaped);
                    self.at += 2;
                }
                [b'\\', ..] => return self.stop("\\ only in front of \" or \\"),
                _ => return self.stop("the closing quote"),
            }
            if value.len() > MAX_STRING {
                break;
            }
        }
        if value.len() > MAX_STRING {
            return self.stop("a quoted string of at most 128 KiB");
        }
        let inner = self.since(inner_start);
        self.at += 1;
        let span = self.since(start);
        if !value.is_ascii() && self.dialect == Dialect::Rev1 {
            self.findings.push(Finding::warning(
                "8bit-in-quoted",
                span,
                "a quoted string of IMAP4rev1 holds ASCII only; 8-bit text needs a literal",
            ));
        }
        Ok(Text { value, inner, span, form: Form::Quoted })
    }

    /// `literal = "{" number64 ["+"] "}" CRLF *CHAR8`, also `~{n}` (literal8).
    pub fn literal(&mut self) -> Read<Text> {
        let start = self.at;
        let line = self.rest().iter().position(|&b| b == b'\n').map_or(self.rest().len(), |at| at + 1);
        let text = framing::without_terminator(self.rest().get(..line).unwrap_or_default());
        let Some(announced) = framing::announced(text).filter(|a| a.len == text.len()) else {
            return self.stop("a literal: {size} at the end of the line");
        };
        self.at += line;
        let inner_start = self.at;
        if !self.bytes.get(..inner_start).is_some_and(|before| before.ends_with(b"\r\n")) {
            self.findings.push(bare_lf(inner_start));
        }
        let size = usize::try_from(announced.size).unwrap_or(usize::MAX);
        let there = size.min(self.rest().len());
        if there < size {
            self.cut = true;
            let (id, place) = if there == 0 {
                ("literal-awaited", Span::new(start, inner_start))
            } else {
                ("literal-cut-short", Span::new(inner_start, inner_start + there))
            };
            let detail = format!("the literal announces {size} octets; {there} came");
            self.findings.push(Finding::error(id, place, detail));
        }
        let value = self.rest().get(..there).unwrap_or_default().to_vec();
        self.at += there;
        let inner = self.since(inner_start);
        if !announced.binary && value.contains(&0) {
            self.findings.push(Finding::error("nul-in-literal", inner, "a literal holds no NUL octet"));
        }
        Ok(Text { value, inner, span: self.since(start), form: Form::Literal { binary: announced.binary } })
    }

    /// The text's value as UTF-8, with a finding where it is not.
    pub fn utf8(&mut self, text: &Text) -> String {
        match std::str::from_utf8(&text.value) {
            Ok(value) => value.to_owned(),
            Err(_) => {
                self.findings.push(Finding::warning("not-utf8", text.span, "these octets are not UTF-8"));
                lossy(&text.value).into_owned()
            }
        }
    }

    /// Adds a part for a string: its content is a part of its own where it is quoted or a literal.
    pub fn text_part(&mut self, name: &'static str, text: &Text) {
        let inside = match text.form {
            Form::Atom => return self.leaf(name, text.span),
            Form::Quoted => Part::leaf("quoted", text.inner),
            Form::Literal { .. } => {
                let size = Part::leaf("literal-size", Span::new(text.span.start, text.inner.start));
                let part = Part::node(name, text.span, vec![size, Part::leaf("literal", text.inner)]);
                return self.parts.push(part);
            }
        };
        self.parts.push(Part::node(name, text.span, vec![inside]));
    }

    /// An astring as one part; its value in UTF-8.
    pub fn astring_part(&mut self, name: &'static str) -> Read<String> {
        let text = self.astring()?;
        self.text_part(name, &text);
        Ok(self.utf8(&text))
    }
}

fn bare_lf(end: usize) -> Finding {
    let detail = "a line ends in CR LF; this one ended in LF alone";
    Finding::error("bare-lf", Span::new(end.saturating_sub(1), end), detail)
}

/// `ATOM-CHAR`: any character but `(`, `)`, `{`, space, controls, `%`, `*`, `"`, `\` and `]`.
pub(super) fn is_atom_char(byte: u8) -> bool {
    is_astring_char(byte) && byte != b']'
}

/// "ASTRING-CHAR = ATOM-CHAR / resp-specials"
pub(super) fn is_astring_char(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"(){%*\"\\".contains(&byte)
}

/// "list-char = ATOM-CHAR / list-wildcards / resp-specials"
pub(super) fn is_list_char(byte: u8) -> bool {
    is_astring_char(byte) || matches!(byte, b'%' | b'*')
}
