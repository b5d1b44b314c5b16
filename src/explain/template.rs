//! Texts with `{placeholders}`, as the catalogue's TOML files hold them.
//!
//! A placeholder is a lower-case word in braces. Each has a default, so that none is ever left unfilled and the
//! reference can print an entry without a Step; `{15}`, an IMAP literal, is no placeholder. Values come off the
//! wire, so they are escaped as they are set.

use crate::base::escape;
use crate::base::hash::Quick;
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;

/// Every placeholder, what stands there where nothing is known, and what it means.
pub const PLACEHOLDERS: [(&str, &str, &str); 36] = [
    ("accepted", "some", "how many recipients were accepted so far"),
    ("account", "the account", "whose mailbox: `bob@example.net`"),
    ("answer", "an answer", "what a resolver learnt"),
    ("client", "the client", "the host that opened the connection"),
    ("code", "the code", "a reply's code: `550`"),
    ("count", "several", "how many there are"),
    ("detail", "", "a fact's own words"),
    ("device", "the client", "the first label of a client's host name"),
    ("domain", "the domain", "the domain that is asked for, or greeted with"),
    ("enhanced", "the enhanced code", "a reply's enhanced code: `5.1.1`"),
    ("flags", "no flags", "a message's flags"),
    ("host", "the host", "the host that states a fact"),
    ("id", "its number", "a queue id"),
    ("intent", "the task", "what a person sets out to do"),
    ("mailbox", "the mailbox", "a mailbox's name: `INBOX`"),
    ("meaning", "", "what another entry says, as part of a sentence"),
    ("mechanism", "this mechanism", "a SASL mechanism: `PLAIN`"),
    ("name", "the name", "a name: of a header field, a record, a mailbox"),
    ("notification", "a notification", "the queue id of a bounce"),
    ("number", "one", "an ordinal number in digits"),
    ("person", "the user", "who acts: `Alice`"),
    ("port", "its port", "the port that was called"),
    ("reason", "no reason was given", "why something failed"),
    ("recipient", "the address", "a forward-path, without angle brackets"),
    ("recipients", "its recipients", "forward-paths"),
    ("refused", "some", "how many recipients were refused so far"),
    ("sender", "the address", "the reverse-path, without angle brackets"),
    ("server", "the server", "the host that was called"),
    ("service", "a service", "a service of a host"),
    ("side", "one side", "the host that spoke, or that ended its stream"),
    ("size", "some", "a number of octets"),
    ("status", "a status code", "an enhanced status code in a fact"),
    ("this", "this", "the text of the part that the sentence is about"),
    ("to", "the next host", "where something goes"),
    ("type", "a type", "a DNS record's type"),
    ("wait", "a while", "how long: `15 minutes`"),
];

/// What stands for a placeholder of that name where nothing is known; `None` where there is no such placeholder.
pub fn default_of(name: &str) -> Option<&'static str> {
    let at = PLACEHOLDERS.binary_search_by_key(&name, |(name, ..)| *name).ok()?;
    PLACEHOLDERS.get(at).map(|(_, default, _)| *default)
}

/// The names of the placeholders in a text, in order.
pub fn placeholders(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some((_, name, after)) = next(rest) {
        names.push(name);
        rest = after;
    }
    names
}

/// Values for placeholders. A handful, looked up by going through them: every Step makes its own, so they are cheap.
/// What is lent and needs no escaping is not copied.
#[derive(Clone, Debug, Default)]
pub struct Vars<'v>(Vec<(&'static str, Value<'v>)>);

/// What stands for a placeholder.
#[derive(Clone, Debug)]
enum Value<'v> {
    /// Of somebody else, and as it is shown.
    Lent(&'v str),
    Shown(String),
    Count(Digits),
}

impl Value<'_> {
    fn text(&self) -> &str {
        match self {
            Value::Lent(text) => text,
            Value::Shown(text) => text,
            Value::Count(digits) => digits.text(),
        }
    }
}

/// A number as it is written.
#[derive(Clone, Copy, Debug)]
struct Digits {
    /// In ASCII, at the end of these.
    digits: [u8; 20],
    from: u8,
}

impl Digits {
    fn new(mut number: u64) -> Self {
        let (mut digits, mut from) = ([b'0'; 20], 19);
        while number > 9 {
            digits[from] = b'0' + (number % 10) as u8;
            number /= 10;
            from -= 1;
        }
        digits[from] = b'0' + number as u8;
        Digits { digits, from: from as u8 }
    }

    fn text(&self) -> &str {
        let digits = self.digits.get(usize::from(self.from)..).unwrap_or_default();
        std::str::from_utf8(digits).unwrap_or_default()
    }
}

/// How many characters of a value stand in a sentence.
const LONGEST_VALUE: usize = 200;
/// Values that a Step has, nearly always.
const USUAL: usize = 12;
/// Octets by which a text usually grows when it is filled.
const GROWS: usize = 64;

impl<'v> Vars<'v> {
    /// Set a value; what it holds is escaped, and cut at some 200 characters.
    pub fn set(&mut self, name: &'static str, value: impl AsRef<str>) -> &mut Self {
        self.insert(name, Value::Shown(shown(value.as_ref()).into_owned()))
    }

    /// The same, without a copy where nothing has to be escaped.
    pub fn lend(&mut self, name: &'static str, value: &'v str) -> &mut Self {
        self.insert(
            name,
            match shown(value) {
                Cow::Borrowed(text) => Value::Lent(text),
                Cow::Owned(text) => Value::Shown(text),
            },
        )
    }

    /// Set a number.
    pub fn count(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.insert(name, Value::Count(Digits::new(value)))
    }

    fn insert(&mut self, name: &'static str, value: Value<'v>) -> &mut Self {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => {
                if self.0.capacity() == 0 {
                    self.0.reserve(USUAL);
                }
                self.0.push((name, value));
            }
        }
        self
    }

    /// The value, where one was set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| value.text())
    }

    /// The text with every placeholder filled; itself where it has none.
    pub fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.fill_with(text, &[])
    }

    /// The same of a text that is filled again and again: its placeholders are looked for once.
    pub(super) fn fill_known(&self, text: &'static str) -> Cow<'static, str> {
        KNOWN.with_borrow_mut(|known| {
            let key = (text.as_ptr().addr(), text.len());
            if let Some(pieces) = known.get(&key) {
                return self.join(text, pieces);
            }
            let pieces = pieces(text);
            let filled = self.join(text, &pieces);
            if known.len() < MOST_KNOWN {
                known.insert(key, pieces);
            }
            filled
        })
    }

    fn join(&self, text: &'static str, (pieces, rest): &Pieces) -> Cow<'static, str> {
        if pieces.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len() + GROWS);
        for (before, name) in pieces {
            out.push_str(before);
            out.push_str(self.get(name).or_else(|| default_of(name)).unwrap_or(name));
        }
        out.push_str(rest);
        Cow::Owned(out)
    }

    /// The text with every placeholder filled; `values` stand before those that were set. They are escaped and cut
    /// as [`Vars::set`] does, and only where the text asks for them.
    pub fn fill_with<'t>(&self, text: &'t str, values: &[(&str, &str)]) -> Cow<'t, str> {
        let Some(first) = next(text) else { return Cow::Borrowed(text) };
        let mut out = String::with_capacity(text.len() + GROWS);
        let (mut found, mut rest) = (Some(first), text);
        while let Some((before, name, after)) = found {
            out.push_str(before);
            match values.iter().find(|(n, _)| *n == name) {
                Some((_, value)) => out.push_str(&shown(value)),
                None => out.push_str(self.get(name).or_else(|| default_of(name)).unwrap_or(name)),
            }
            rest = after;
            found = next(rest);
        }
        out.push_str(rest);
        Cow::Owned(out)
    }
}

/// A text cut at its placeholders: what stands before each and its name, and what stands behind the last.
type Pieces = (Vec<(&'static str, &'static str)>, &'static str);

/// Texts whose pieces are remembered: more than the catalogue has.
const MOST_KNOWN: usize = 1 << 14;

thread_local! {
    /// By address and length: the catalogue's texts live as long as the program.
    static KNOWN: RefCell<HashMap<(usize, usize), Pieces, Quick>> = RefCell::default();
}

fn pieces(text: &'static str) -> Pieces {
    let (mut pieces, mut rest) = (Vec::new(), text);
    while let Some((before, name, after)) = next(rest) {
        pieces.push((before, name));
        rest = after;
    }
    (pieces, rest)
}

/// A value as a sentence shows it: escaped, and cut.
fn shown(value: &str) -> Cow<'_, str> {
    // Whatever is escaped grows, so that no more than so many characters of the value can be needed.
    let enough = match value.len() {
        ..=LONGEST_VALUE => value,
        _ => value.char_indices().nth(LONGEST_VALUE + 1).map_or(value, |(at, _)| &value[..at]),
    };
    let mut shown = escape::shown(enough.as_bytes());
    if shown.len() > LONGEST_VALUE
        && let Some((at, _)) = shown.char_indices().nth(LONGEST_VALUE)
    {
        let cut = shown.to_mut();
        cut.truncate(at);
        cut.push('…');
    }
    shown
}

/// What stands before the next placeholder, its name, and what stands after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    if !may_have_any(text) {
        return None;
    }
    let mut from = 0;
    while let Some(open) = text[from..].find('{').map(|i| i + from) {
        let inner = &text[open + 1..];
        match inner.find('}') {
            Some(len) if len > 0 && inner[..len].bytes().all(|b| b.is_ascii_lowercase() || b == b'-') => {
                return Some((&text[..open], &inner[..len], &inner[len + 1..]));
            }
            _ => from = open + 1,
        }
    }
    None
}

/// Whether there is a brace in a text; most have none, and this is asked of each text of each Step.
pub(super) fn may_have_any(text: &str) -> bool {
    // Without a way out inside a chunk the compiler looks at many octets at once.
    let in_chunk = |chunk: &[u8]| chunk.iter().fold(false, |found, byte| found | (*byte == b'{'));
    text.as_bytes().chunks(64).any(in_chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_literals_are_left_alone() {
        let mut vars = Vars::default();
        vars.set("server", "mx1.example.net").count("number", 2);
        assert_eq!(
            vars.fill("{server} has {number} of {count}: {15} {"),
            "mx1.example.net has 2 of several: {15} {"
        );
        assert_eq!(placeholders("{a}{15}{b-c} {A}"), ["a", "b-c"]);
    }

    #[test]
    fn what_a_wire_put_into_a_value_cannot_steer_a_terminal() {
        let mut vars = Vars::default();
        vars.set("this", "\x1b[31m\r\n");
        assert_eq!(vars.fill("{this}"), "␛[31m␍␊");
        vars.set("this", "é".repeat(1000));
        assert!(vars.fill("{this}").chars().count() < 300);
    }

    #[test]
    fn what_is_lent_is_shown_as_what_is_set() {
        for value in ["mx1.example.net", "\x1b[31m", "é\u{202E}", &"x".repeat(300), ""] {
            let (mut lent, mut set) = (Vars::default(), Vars::default());
            assert_eq!(lent.lend("this", value).get("this"), set.set("this", value).get("this"));
        }
    }

    #[test]
    fn what_is_known_is_filled_as_what_is_not() {
        let mut vars = Vars::default();
        vars.set("server", "mx1.example.net").count("number", 2);
        for _ in 0..2 {
            for text in
                ["", "nothing", "{server}", "{15} {server} {", "a {number} b {count}", "{server}{number}."]
            {
                assert_eq!(vars.fill_known(text), vars.fill(text), "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 65_535, u64::MAX] {
            assert_eq!(Vars::default().count("count", number).fill("{count}"), number.to_string());
        }
    }

    #[test]
    fn the_table_is_sorted_and_unique() {
        assert!(PLACEHOLDERS.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
