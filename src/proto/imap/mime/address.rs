//! Address lists as ENVELOPE shows them (RFC 9051 §7.5.2; the syntax is RFC 5322 §3.4 with its obsolete forms).

use super::header::{quoted, skip_comment};

/// `address = "(" addr-name SP addr-adl SP addr-mailbox SP addr-host ")"`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// Display name, or the comment after the address.
    pub name: Option<Vec<u8>>,
    /// Source route: `@a,@b`.
    pub adl: Option<Vec<u8>>,
    /// Local part; in a group's start its name; `None` in a group's end.
    pub mailbox: Option<Vec<u8>>,
    /// Domain; `None` in a group's start and end.
    pub host: Option<Vec<u8>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(Vec<u8>),
    Comment(Vec<u8>),
    Special(u8),
}

/// One token from `at`; where the next one begins.
fn token(value: &[u8], mut at: usize) -> Option<(Token, usize)> {
    while value.get(at).is_some_and(u8::is_ascii_whitespace) {
        at += 1;
    }
    match *value.get(at)? {
        b'"' => {
            let (text, end) = quoted(value, at);
            Some((Token::Word(text), end))
        }
        b'(' => {
            let end = skip_comment(value, at);
            let inside = value.get(at + 1..end).unwrap_or_default();
            let inside = inside.strip_suffix(b")").unwrap_or(inside);
            Some((Token::Comment(super::header::unfold(inside.trim_ascii())), end))
        }
        b'[' => {
            let len = value[at..].iter().position(|b| *b == b']').map_or(value.len() - at, |i| i + 1);
            Some((Token::Word(super::header::unfold(&value[at..at + len])), at + len))
        }
        b @ (b',' | b';' | b':' | b'<' | b'>' | b'@') => Some((Token::Special(b), at + 1)),
        _ => {
            let ends = |b: &u8| b.is_ascii_whitespace() || b"\"([,;:<>@".contains(b);
            // A first byte that ends a word is dealt with above, so a word has one byte at least.
            let len = value[at..].iter().position(ends).unwrap_or(value.len() - at).max(1);
            Some((Token::Word(value[at..at + len].to_vec()), at + len))
        }
    }
}

/// What has been read of one mailbox so far.
#[derive(Default)]
struct Pending {
    /// Words before `<` or `@`.
    words: Vec<Vec<u8>>,
    /// Words after `@` outside brackets.
    host: Option<Vec<u8>>,
    comment: Option<Vec<u8>>,
    /// The address in angle brackets.
    angle: Option<Address>,
}

impl Pending {
    /// The address, if anything was there. A missing domain is empty rather than NIL, since NIL would say "group".
    fn finish(&mut self) -> Option<Address> {
        let Pending { words, host, comment, angle } = std::mem::take(self);
        let phrase = || Some(words.join(&b' ')).filter(|p| !p.is_empty());
        if let Some(angle) = angle {
            return Some(Address { name: phrase().or(comment), ..angle });
        }
        if words.is_empty() && host.is_none() {
            return None;
        }
        Some(Address {
            name: comment,
            adl: None,
            mailbox: Some(words.concat()),
            host: Some(host.unwrap_or_default()),
        })
    }
}

/// The addresses of a field's value, groups marked as IMAP does: a start with a NIL host, an end that is all NIL.
pub fn parse_list(value: &[u8]) -> Vec<Address> {
    let mut out = Vec::new();
    let mut pending = Pending::default();
    let mut in_group = false;
    let mut at = 0;
    while let Some((token, next)) = token(value, at) {
        at = next;
        match token {
            Token::Comment(text) => pending.comment = Some(text),
            Token::Word(word) => match &mut pending.host {
                Some(host) => host.extend(word),
                None => pending.words.push(word),
            },
            Token::Special(b'@') => {
                pending.host.get_or_insert_default();
            }
            Token::Special(b'<') => {
                let (address, next) = angle(value, at);
                at = next;
                pending.angle = Some(address);
            }
            Token::Special(b':') if !in_group && pending.host.is_none() && pending.angle.is_none() => {
                let name = std::mem::take(&mut pending).words.join(&b' ');
                out.push(Address { mailbox: Some(name), ..Address::default() });
                in_group = true;
            }
            Token::Special(b',') => out.extend(pending.finish()),
            Token::Special(b';') => {
                out.extend(pending.finish());
                if std::mem::take(&mut in_group) {
                    out.push(Address::default());
                }
            }
            Token::Special(_) => {}
        }
    }
    out.extend(pending.finish());
    if in_group {
        out.push(Address::default());
    }
    out
}

/// `[obs-route] addr-spec ">"` after its `<`; where it ends.
fn angle(value: &[u8], mut at: usize) -> (Address, usize) {
    let (mut route, mut local, mut host) = (Vec::new(), Vec::new(), None::<Vec<u8>>);
    while let Some((token, next)) = token(value, at) {
        at = next;
        match token {
            Token::Special(b'>') => break,
            Token::Special(b'@') if local.is_empty() && route.is_empty() => route.push(b'@'),
            // obs-route = obs-domain-list ":"; obs-domain-list = "@" domain *("," "@" domain)
            Token::Special(b @ (b',' | b'@')) if !route.is_empty() && host.is_none() && local.is_empty() => {
                route.push(b);
            }
            Token::Special(b':') if !route.is_empty() && host.is_none() => host = Some(Vec::new()),
            Token::Special(b'@') => {
                // After a route, `host` was opened by the colon and holds the local part so far.
                if !route.is_empty() && local.is_empty() {
                    local = host.take().unwrap_or_default();
                }
                host.get_or_insert_default();
            }
            Token::Word(word) => match (&mut host, route.is_empty()) {
                (Some(host), _) => host.extend(word),
                (None, false) => route.extend(word),
                (None, true) => local.extend(word),
            },
            _ => {}
        }
    }
    let adl = (!route.is_empty()).then_some(route);
    (Address { name: None, adl, mailbox: Some(local), host: Some(host.unwrap_or_default()) }, at)
}
