//! Text → [`Filter`]: two stacks and two expectations, so that no input makes it recurse.

use super::{DEEPEST, Filter, FilterError, LONGEST, Op, Term};
use crate::base::escape;
use crate::dissect::step::Protocol;
use crate::trace::{Conn, Direction};

/// Words that begin a term.
const TERMS: [&str; 17] = [
    "smtp",
    "pop3",
    "imap",
    "dns",
    "tls",
    "finding",
    "fact",
    "mark",
    "undelivered",
    "host",
    "conn",
    "step",
    "verb",
    "code",
    "from",
    "chapter",
    "text",
];

/// Where a term may stand.
const A_TERM: &str = "a term (smtp, pop3, imap, dns, tls, finding, fact, mark, undelivered, host NAME, conn N, \
                      step A..B, verb WORD, code 4xx, from client|server, chapter \"…\", text \"…\"), “not” or “(”";

/// Whether a character cannot stand in a bare word.
pub(super) fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '(' | ')' | '"')
}

/// Whether a bare word joins terms.
pub(super) fn is_operator(word: &str) -> bool {
    ["and", "or", "not"].iter().any(|operator| word.eq_ignore_ascii_case(operator))
}

/// One word of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Bare(String),
    Quoted(String),
}

/// What waits on the operators' stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// A parenthesis, and where it stands.
    Open(usize),
    Not,
    And,
    Or,
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    ops: Vec<Op>,
    waiting: Vec<Waiting>,
}

pub(super) fn parse(text: &str) -> Result<Filter, FilterError> {
    let mut parser = Parser { text, at: 0, ops: Vec::new(), waiting: Vec::new() };
    if text.len() > LONGEST {
        let at = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        return Err(parser.error(at, text.len(), format!("the end of a filter of {LONGEST} octets at most")));
    }
    parser.run()?;
    Ok(Filter { ops: parser.ops })
}

impl<'t> Parser<'t> {
    fn error(&self, from: usize, to: usize, expected: impl Into<String>) -> FilterError {
        let found: String = self.text.get(from..to).unwrap_or_default().chars().take(40).collect();
        FilterError {
            at: from,
            len: to.saturating_sub(from),
            found: escape::text(&found),
            expected: expected.into(),
            meant: None,
        }
    }

    /// A term, then an operator or nothing, and so on to the end.
    fn run(&mut self) -> Result<(), FilterError> {
        loop {
            self.operand()?;
            if !self.operator()? {
                return Ok(());
            }
        }
    }

    /// `not`s, parentheses and one term.
    fn operand(&mut self) -> Result<(), FilterError> {
        loop {
            let (from, token) = self.next()?;
            match token {
                Some(Token::Open) => self.push(Waiting::Open(from), from)?,
                Some(Token::Bare(word)) if word.eq_ignore_ascii_case("not") => {
                    self.push(Waiting::Not, from)?
                }
                Some(Token::Bare(word)) => {
                    let term = self.term(from, &word)?;
                    self.ops.push(Op::Term(term));
                    return Ok(());
                }
                Some(Token::Quoted(_)) => {
                    return Err(self.error(from, self.at, format!("{A_TERM}, as in text \"…\"")));
                }
                Some(Token::Close) | None => return Err(self.error(from, self.at, A_TERM)),
            }
        }
    }

    fn push(&mut self, waiting: Waiting, from: usize) -> Result<(), FilterError> {
        let depth = self.waiting.iter().filter(|w| matches!(w, Waiting::Open(_) | Waiting::Not)).count();
        if depth >= DEEPEST {
            let expected = format!("a term: a filter is nested {DEEPEST} deep at most");
            return Err(self.error(from, self.at, expected));
        }
        self.waiting.push(waiting);
        Ok(())
    }

    /// Closing parentheses, then `and`, `or` or (standing for `and`) the next term; false at the end.
    fn operator(&mut self) -> Result<bool, FilterError> {
        loop {
            let before = self.at;
            let (from, token) = self.next()?;
            match token {
                None => {
                    self.reduce(Waiting::Or);
                    return match self.waiting.last() {
                        Some(Waiting::Open(open)) => {
                            let at = self.text.len();
                            let opened = self.text.get(..*open).unwrap_or_default().chars().count() + 1;
                            let expected = format!("“)” for the “(” of column {opened}, “and” or “or”");
                            Err(self.error(at, at, expected))
                        }
                        _ => Ok(false),
                    };
                }
                Some(Token::Close) => {
                    self.reduce(Waiting::Or);
                    if !matches!(self.waiting.pop(), Some(Waiting::Open(_))) {
                        let expected = "“and”, “or”, another term or the end (no “(” is open)";
                        return Err(self.error(from, self.at, expected));
                    }
                }
                Some(Token::Bare(word)) if word.eq_ignore_ascii_case("or") => {
                    self.reduce(Waiting::Or);
                    self.waiting.push(Waiting::Or);
                    return Ok(true);
                }
                Some(other) => {
                    self.reduce(Waiting::And);
                    self.waiting.push(Waiting::And);
                    if !matches!(other, Token::Bare(word) if word.eq_ignore_ascii_case("and")) {
                        self.at = before; // it begins the next term
                    }
                    return Ok(true);
                }
            }
        }
    }

    /// Take what binds at least as strongly as `than` off the stack, down to a parenthesis.
    fn reduce(&mut self, than: Waiting) {
        while let Some(top) = self.waiting.last().copied() {
            let op = match (top, than) {
                (Waiting::Not, _) => Op::Not,
                (Waiting::And, _) => Op::And,
                (Waiting::Or, Waiting::Or) => Op::Or,
                _ => return,
            };
            self.waiting.pop();
            self.ops.push(op);
        }
    }

    /// The term that begins with `word`.
    fn term(&mut self, from: usize, word: &str) -> Result<Term, FilterError> {
        let keyword = word.to_ascii_lowercase();
        Ok(match keyword.as_str() {
            "smtp" => Term::Protocol(Protocol::Smtp),
            "pop3" => Term::Protocol(Protocol::Pop3),
            "imap" => Term::Protocol(Protocol::Imap),
            "dns" => Term::Protocol(Protocol::Dns),
            "tls" => Term::Protocol(Protocol::Tls),
            "finding" => Term::Finding,
            "fact" => Term::Fact,
            "mark" => Term::Mark,
            "undelivered" => Term::Undelivered,
            "host" => Term::Host(self.word("a host's name or address, as in host mx1.example.net")?.1),
            "verb" => Term::Verb(self.word("a verb, as in verb RCPT or verb \"UID FETCH\"")?.1),
            "code" => Term::Code(self.word("a code, as in code 4xx, code 5.1.1 or code NO")?.1),
            "chapter" => Term::Chapter(self.word("words of a chapter's title, as in chapter \"by POP3\"")?.1),
            "text" => Term::Text(self.word("words to look for, as in text \"Subject: Tea\"")?.1),
            "conn" => self.conn()?,
            "step" => self.step()?,
            "from" => self.from()?,
            _ => {
                let mut error = self.error(from, from + word.len(), A_TERM);
                error.meant = near(&keyword).filter(|meant| *meant != keyword);
                return Err(error);
            }
        })
    }

    fn conn(&mut self) -> Result<Term, FilterError> {
        const EXPECTED: &str = "a connection's number, as in conn 3";
        let (from, digits) = self.word(EXPECTED)?;
        let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten();
        number.map(|n| Term::Conn(Conn(n))).ok_or_else(|| self.error(from, self.at, EXPECTED))
    }

    fn step(&mut self) -> Result<Term, FilterError> {
        const EXPECTED: &str = "a range of steps: 4..9, 4.., ..9 or 4";
        let (from, range) = self.word(EXPECTED)?;
        range.parse().map(Term::Step).map_err(|why: &str| {
            let expected =
                if why.contains("before") { "a range that ends after it begins" } else { EXPECTED };
            self.error(from, self.at, expected)
        })
    }

    fn from(&mut self) -> Result<Term, FilterError> {
        const EXPECTED: &str = "“client” or “server”";
        let (from, who) = self.word(EXPECTED)?;
        match who.to_ascii_lowercase().as_str() {
            "client" => Ok(Term::From(Direction::Client)),
            "server" => Ok(Term::From(Direction::Server)),
            _ => Err(self.error(from, self.at, EXPECTED)),
        }
    }

    /// The word after a keyword, and where it begins.
    fn word(&mut self, expected: &str) -> Result<(usize, String), FilterError> {
        let (from, token) = self.next()?;
        match token {
            Some(Token::Quoted(word)) if !word.is_empty() => Ok((from, word)),
            Some(Token::Bare(word)) if !is_operator(&word) => Ok((from, word)),
            Some(Token::Bare(_)) => {
                Err(self.error(from, self.at, format!("{expected} (in quotes, where it is meant as a word)")))
            }
            _ => Err(self.error(from, self.at, expected)),
        }
    }

    /// The next token, and where it begins.
    fn next(&mut self) -> Result<(usize, Option<Token>), FilterError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let from = self.at + (rest.len() - rest.trim_start().len());
        let rest = self.text.get(from..).unwrap_or_default();
        let token = match rest.chars().next() {
            None => None,
            Some('(') => Some(Token::Open),
            Some(')') => Some(Token::Close),
            Some('"') => return self.quoted(from),
            Some(_) => {
                let end = rest.find(ends_word).unwrap_or(rest.len());
                self.at = from + end;
                return Ok((from, Some(Token::Bare(rest.get(..end).unwrap_or_default().to_owned()))));
            }
        };
        self.at = from + usize::from(token.is_some());
        Ok((from, token))
    }

    /// A word in quotes, which begins at `from`.
    fn quoted(&mut self, from: usize) -> Result<(usize, Option<Token>), FilterError> {
        let (mut word, mut escaped) = (String::new(), false);
        for (at, c) in self.text.get(from + 1..).unwrap_or_default().char_indices() {
            match c {
                _ if std::mem::take(&mut escaped) => word.push(c),
                '\\' => escaped = true,
                '"' => {
                    self.at = from + at + 2;
                    return Ok((from, Some(Token::Quoted(word))));
                }
                c => word.push(c),
            }
        }
        let end = self.text.len();
        let opened = self.text.get(..from).unwrap_or_default().chars().count() + 1;
        Err(self.error(end, end, format!("the quote that closes the one of column {opened}")))
    }
}

/// The keyword that is nearest to a word, where one is near: one letter wrong, missing, too many, or two swapped.
fn near(word: &str) -> Option<&'static str> {
    TERMS.into_iter().chain(["and", "or", "not"]).find(|term| {
        let (a, b) = (word.as_bytes(), term.as_bytes());
        let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let end = a[start..].iter().rev().zip(b[start..].iter().rev()).take_while(|(x, y)| x == y).count();
        let (left, right) = (&a[start..a.len() - end], &b[start..b.len() - end]);
        let swapped = matches!((left, right), ([p, q], [r, s]) if p == s && q == r);
        term.len() > 2 && (swapped || left.len() <= 1 && right.len() <= 1)
    })
}
