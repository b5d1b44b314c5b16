//! How a text marks who speaks: `C:` and `S:`, arrows, a program's debug log, or not at all.
//!
//! Each shape is a function from a line to its mark. The shape that fits most lines which also read like mail is
//! taken. Which of two marks is the client's is looked at again later, by content: see [`super::walk`].

use super::bytes::{begins, contains, find, indent, number, word};
use super::dump;
use super::speech::Speech;
use super::unquote::unquoted;
use std::borrow::Cow;

/// How a text marks who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A label in front: `C:`, `S:`, `Client:`, `Server:`; RFC 3030's `S:` (sender) and `R:` (receiver).
    Labels,
    /// A label behind a log's time and place: MailKit, nodemailer, PHPMailer, Thunderbird, Outlook.
    Logged,
    /// An arrow in front: `>`, `<`, `->`, `<-`, `~>`, `<~`, `>>>`, `<<<`: curl, swaks, Net::Cmd, sendmail.
    Arrows,
    /// Python's smtplib, imaplib, poplib: `send: '…'`, `reply: b'…'`, `> b'…'`, `*cmd* '…'`.
    Python,
    /// A number and an angle behind a time: mutt's `4> `, `4< `.
    Numbered,
    /// Postfix's smtpd and smtp with `-v`: `> host[address]: 250 Ok`.
    Postfix,
    /// Exchange's protocol log: commas, with the event in its eighth column.
    Exchange,
    /// Octets in pieces, each behind a head: Cyrus' telemetry, tcpflow, `curl --trace-ascii`. See [`super::dump`].
    Dump,
    /// Nothing marks it: telnet, openssl s_client, a typescript.
    Bare,
}

/// Which end a mark stands for, before content was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that asks, as marks are mostly used.
    Client,
    /// The one that answers.
    Server,
    /// Nobody: the line is about the session.
    Aside,
}

/// A line with its mark taken off.
#[derive(Clone, Debug)]
pub struct Marked<'a> {
    /// The line's number, from 1.
    pub number: usize,
    /// Its mark, where it has one.
    pub side: Option<Side>,
    /// Said inside TLS, by its mark.
    pub secure: bool,
    /// Which of several sessions in one log.
    pub key: String,
    /// What was said.
    pub text: Cow<'a, [u8]>,
}

/// A mark: side, whether inside TLS, key, text.
struct Found<'a> {
    side: Side,
    secure: bool,
    key: String,
    text: Cow<'a, [u8]>,
}

fn said(side: Side, text: &[u8]) -> Option<Found<'_>> {
    Some(Found { side, secure: false, key: String::new(), text: Cow::Borrowed(text) })
}

const ALL: [Shape; 7] = [
    Shape::Labels,
    Shape::Arrows,
    Shape::Python,
    Shape::Numbered,
    Shape::Postfix,
    Shape::Exchange,
    Shape::Logged,
];

/// The shape that fits best.
pub fn detect(lines: &[&[u8]]) -> Shape {
    if dump::read(lines).is_some() {
        return Shape::Dump;
    }
    let some = || lines.iter().take(4000);
    let speaks = |text: &[u8]| Speech::ALL.iter().any(|s| s.says(text.trim_ascii_start()).is_some());
    let score = |shape: Shape| -> usize {
        let marks = some().filter_map(|line| mark(shape, line)).filter(|m| m.side != Side::Aside);
        let (speaking, all) = marks.fold((0, 0), |(s, all), m| (s + usize::from(speaks(&m.text)), all + 1));
        if speaking == 0 { 0 } else { 2 * speaking + all }
    };
    let stamped = are_stamped(lines);
    let unstamped = |line: &&[u8]| {
        if stamped { line.get(stamp(line)..).unwrap_or_default().to_vec() } else { line.to_vec() }
    };
    let bare = 3 * some().filter(|line| speaks(&unstamped(line))).count();
    // The first of equals: a plain label is not also a logged one.
    let best = ALL.iter().rev().map(|shape| (score(*shape), *shape)).max_by_key(|(score, _)| *score);
    match best {
        Some((score, shape)) if score > 0 && score * 4 >= bare => shape,
        _ => Shape::Bare,
    }
}

/// Every line with its mark taken off; what one line quotes of several becomes several.
pub fn mark_all<'a>(shape: Shape, lines: &[&'a [u8]]) -> Vec<Marked<'a>> {
    if let Some(marked) = Some(shape).filter(|shape| *shape == Shape::Dump).and_then(|_| dump::read(lines)) {
        return marked;
    }
    let stamped = shape == Shape::Bare && are_stamped(lines);
    let mut out = Vec::with_capacity(lines.len());
    // RFC 3030 has `S:` for the sender, which is the client, and `R:` for the receiver.
    let has = |word: &[u8]| lines.iter().any(|line| begins(line.trim_ascii_start(), word));
    let sender = shape == Shape::Labels && has(b"R: ") && !has(b"C: ");
    for (index, &line) in lines.iter().enumerate() {
        let number = index + 1;
        let Some(found) = mark(shape, line) else {
            let stamp = if stamped { stamp(line) } else { 0 };
            let text = Cow::Borrowed(line.get(stamp..).unwrap_or_default());
            out.push(Marked { number, side: None, secure: false, key: String::new(), text });
            continue;
        };
        let Found { mut side, secure, key, text } = found;
        if sender && side == Side::Server && line.trim_ascii_start().first() == Some(&b'S') {
            side = Side::Client;
        }
        if !text.contains(&b'\n') {
            out.push(Marked { number, side: Some(side), secure, key, text });
            continue;
        }
        for part in super::bytes::lines(&text) {
            let text = Cow::Owned(part.to_vec());
            out.push(Marked { number, side: Some(side), secure, key: key.clone(), text });
        }
    }
    out
}

fn mark(shape: Shape, line: &[u8]) -> Option<Found<'_>> {
    match shape {
        Shape::Labels => label(line),
        Shape::Logged => logged(line),
        Shape::Arrows => arrow(line),
        Shape::Python => python(line),
        Shape::Numbered => numbered(line),
        Shape::Postfix => postfix(line),
        Shape::Exchange => exchange(line),
        Shape::Bare | Shape::Dump => None,
    }
}

/// How long a time in front of a line is, with the space behind it: `1700000000.123456 ` of Dovecot's rawlog,
/// `2024-01-01T10:00:00.000Z `, `[10:00:00] `.
fn stamp(line: &[u8]) -> usize {
    let is_time =
        |b: &&u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b'/' | b'T' | b'Z' | b'[' | b']');
    let word = |rest: &[u8]| {
        let len = rest.iter().take_while(is_time).count();
        let told = rest.get(..len).unwrap_or_default();
        let digits = told.iter().filter(|b| b.is_ascii_digit()).count();
        let parted = told.iter().any(|b| matches!(b, b':' | b'.' | b'-' | b'/'));
        let whole = digits >= 6 && parted && matches!(rest.get(len), Some(b' ' | b'\t'));
        if whole { len + 1 } else { 0 }
    };
    let first = word(line);
    // A date, and the time behind it.
    let dated = line
        .get(..first)
        .is_some_and(|date| !date.contains(&b':') && (date.contains(&b'-') || date.contains(&b'/')));
    if dated { first + word(line.get(first..).unwrap_or_default()) } else { first }
}

/// Whether nearly every line of a text has a time in front.
fn are_stamped(lines: &[&[u8]]) -> bool {
    let full = || lines.iter().take(4000).filter(|line| !line.trim_ascii().is_empty());
    let (stamped, all) = (full().filter(|line| stamp(line) > 0).count(), full().count());
    stamped > 0 && stamped * 5 >= all * 4
}

/// What follows a mark: one space belongs to the mark.
fn after(line: &[u8], len: usize) -> &[u8] {
    let rest = line.get(len..).unwrap_or_default();
    rest.strip_prefix(b" ").unwrap_or(rest)
}

const LABELS: [(&[u8], Side); 10] = [
    (b"C & S:", Side::Aside),
    (b"S & C:", Side::Aside),
    (b"C:", Side::Client),
    (b"S:", Side::Server),
    (b"R:", Side::Server),
    (b"Client:", Side::Client),
    (b"Server:", Side::Server),
    (b"CLIENT -> SERVER:", Side::Client),
    (b"SERVER -> CLIENT:", Side::Server),
    (b"SMTP -> FROM SERVER:", Side::Server),
];

fn label(line: &[u8]) -> Option<Found<'_>> {
    let line = line.get(indent(line).min(12)..)?;
    let (word, side) = LABELS.iter().find(|(word, _)| begins(line, word))?;
    let follows = line.get(word.len());
    // `C:\>` is no client, and `s:mail` is no server.
    if !matches!(follows, None | Some(b' ' | b'\t')) {
        return None;
    }
    said(*side, after(line, word.len()))
}

const LOGGED: [(&[u8], Side); 35] = [
    (b" C: ", Side::Client),
    (b" S: ", Side::Server),
    (b" I: ", Side::Client),
    (b" O: ", Side::Server),
    // fetchmail speaks two protocols at once.
    (b"POP3> ", Side::Client),
    (b"POP3< ", Side::Server),
    (b"IMAP> ", Side::Client),
    (b"IMAP< ", Side::Server),
    (b"SMTP> ", Side::Client),
    (b"SMTP< ", Side::Server),
    (b"SMTP>| ", Side::Client),
    (b"SMTP+> ", Side::Client),
    (b"SMTP>.", Side::Client),
    (b"sending: ", Side::Client),
    (b"received: ", Side::Server),
    (b"\tC: ", Side::Client),
    (b"\tS: ", Side::Server),
    (b"SMTP Send: ", Side::Client),
    (b"SMTP Response: ", Side::Server),
    (b"SendData: ", Side::Client),
    (b"CreateNewLineFromSocket: ", Side::Server),
    (b" SEND: ", Side::Client),
    (b" RECV: ", Side::Server),
    (b"CLIENT -> SERVER: ", Side::Client),
    (b"SERVER -> CLIENT: ", Side::Server),
    (b"[tx] ", Side::Client),
    (b"[rx] ", Side::Server),
    (b"<tx> ", Side::Client),
    (b"<rx> ", Side::Server),
    (b"SMTP>> ", Side::Client),
    (b"SMTP<< ", Side::Server),
    (b">>> ", Side::Client),
    (b"<<< ", Side::Server),
    (b"Sending: ", Side::Client),
    (b"Read: ", Side::Server),
];

/// Programs that quote what was said in a field of a line: Stalwart's raw input and output, mox's traces.
const QUOTED: [(&[u8], &[u8], Side); 8] = [
    (b".raw-input)", b"contents = ", Side::Client),
    (b".raw-output)", b"contents = ", Side::Server),
    (b"m=\"RC: ", b"m=", Side::Client),
    (b"m=\"LS: ", b"m=", Side::Server),
    (b"m=\"LC: ", b"m=", Side::Client),
    (b"m=\"RS: ", b"m=", Side::Server),
    (b"m=\"C: ", b"m=", Side::Client),
    (b"m=\"S: ", b"m=", Side::Server),
];

fn quoted(line: &[u8]) -> Option<Found<'_>> {
    let (_, field, side) = QUOTED.iter().find(|(sign, ..)| contains(line, sign))?;
    let at = find(line, field)? + field.len();
    let mut text = unquoted(line.get(at..)?)?;
    if *field == b"m=" {
        // The two letters before the colon say who.
        text.drain(..find(&text, b": ")? + 2);
    }
    let key = [&b"remotePort = "[..], b"cid="].iter().find_map(|name| {
        let rest = line.get(find(line, name)?..)?;
        let end = rest.iter().skip(name.len()).position(|b| !b.is_ascii_alphanumeric());
        rest.get(..end.map_or(rest.len(), |end| name.len() + end).min(40))
    });
    let key = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
    Some(Found { side: *side, secure: false, key, text: Cow::Owned(text) })
}

fn logged(line: &[u8]) -> Option<Found<'_>> {
    if let Some(found) = quoted(line) {
        return Some(found);
    }
    let head = line.get(..240).unwrap_or(line);
    // A mark at the line's very end has lost its space.
    let place = |word: &[u8]| {
        let bare = word.trim_ascii_end();
        find(head, word).or_else(|| head.ends_with(bare).then(|| head.len() - bare.len()))
    };
    let (at, word, side) = LOGGED
        .iter()
        .filter_map(|(word, side)| Some((place(word)?, *word, *side)))
        .min_by_key(|(at, ..)| *at)?;
    let prefix = line.get(..at)?;
    let plain = matches!(
        word,
        b" C: "
            | b" S: "
            | b"\tC: "
            | b"\tS: "
            | b">>> "
            | b"<<< "
            | b" I: "
            | b" O: "
            | b"sending: "
            | b"received: "
    );
    if plain && !prefix.iter().any(u8::is_ascii_digit) && !prefix.trim_ascii_end().ends_with(b"]") {
        return None;
    }
    let mut rest = line.get(at + word.len()..).unwrap_or_default();
    if word == b"SMTP>." {
        // "(EOM)" stands behind it.
        rest = b".";
    } else if contains(prefix, b"[PROTOCOL]") && side == Side::Client {
        // Haraka writes its own state behind a command.
        rest = rest
            .iter()
            .rposition(|&b| b == b' ')
            .filter(|at| begins(&rest[*at..], b" state="))
            .map_or(rest, |at| &rest[..at]);
    }
    let mut found = said(side, rest)?;
    found.key = match word.get(..4) {
        Some(name @ (b"POP3" | b"IMAP" | b"SMTP")) => String::from_utf8_lossy(name).into_owned(),
        _ => pointer(prefix),
    };
    Some(found)
}

/// Thunderbird names each connection by its address in memory.
fn pointer(prefix: &[u8]) -> String {
    let Some(at) = find(prefix, b"0x") else { return String::new() };
    let hex = prefix.get(at..).unwrap_or_default();
    let end = hex.iter().skip(2).position(|b| !b.is_ascii_hexdigit()).map_or(hex.len(), |end| end + 2);
    String::from_utf8_lossy(&hex[..end.min(20)]).into_owned()
}

/// The longest first. Swaks: "~" inside TLS, "*" where the answer was not the one hoped for.
const ARROWS: [(&[u8], Side, bool); 17] = [
    (b">>>", Side::Client, false),
    (b"<<<", Side::Server, false),
    (b"-->", Side::Client, false),
    (b"<--", Side::Server, false),
    (b"==>", Side::Client, false),
    (b"<==", Side::Server, false),
    (b"<~*", Side::Server, true),
    (b"<**", Side::Server, false),
    (b">>", Side::Client, false),
    (b"<<", Side::Server, false),
    (b"->", Side::Client, false),
    (b"<-", Side::Server, false),
    (b"~>", Side::Client, true),
    (b"<~", Side::Server, true),
    (b"=>", Side::Client, false),
    (b">", Side::Client, false),
    (b"<", Side::Server, false),
];

fn arrow(line: &[u8]) -> Option<Found<'_>> {
    let lead = indent(line);
    // Net::Cmd prints its object in front: `Net::SMTP=GLOB(0x55d0c8)>>> EHLO`.
    let glob = line.starts_with(b"Net::").then(|| find(line, b")").map(|at| at + 1)).flatten();
    let (key, start) = match glob {
        Some(at) => (String::from_utf8_lossy(line.get(..at.min(60))?).into_owned(), at),
        None => (String::new(), lead.min(4)),
    };
    let rest = line.get(start..)?;
    if [&b"=== "[..], b"*** ", b"** ", b"{ [", b"} ["].iter().any(|info| line.starts_with(info))
        || line == b"*"
    {
        return said(Side::Aside, after(line, line.iter().take_while(|b| b"=*".contains(b)).count()));
    }
    // curl's "* " is its own word, and IMAP's stands behind an arrow there; where only the client's lines have one, a
    // server's stand as they are.
    if let Some(info) = line.strip_prefix(b"* ") {
        return if is_untagged(info) { None } else { said(Side::Aside, info) };
    }
    let (word, side, secure) = ARROWS.iter().find(|(word, ..)| rest.starts_with(word))?;
    let follows = rest.get(word.len()..)?;
    if !follows.is_empty() && !follows.starts_with(b" ") && !follows.starts_with(b"\t") {
        return None;
    }
    // Swaks pads its arrows to four columns: "<-  220", " -> EHLO".
    let pad = if *word == b"<-" || *word == b"<~" { b"  ".as_slice() } else { b" " };
    let text = follows.strip_prefix(pad).unwrap_or_else(|| after(follows, 0));
    let text = unquoted(text).map_or(Cow::Borrowed(text), Cow::Owned);
    Some(Found { side: *side, secure: *secure, key, text })
}

/// Whether this stands behind the asterisk of an IMAP response (RFC 9051 §7): a number, or a word in capitals.
fn is_untagged(info: &[u8]) -> bool {
    const WORDS: [&[u8]; 20] = [
        b"OK",
        b"NO",
        b"BAD",
        b"BYE",
        b"PREAUTH",
        b"CAPABILITY",
        b"ENABLED",
        b"FLAGS",
        b"LIST",
        b"LSUB",
        b"STATUS",
        b"SEARCH",
        b"ESEARCH",
        b"NAMESPACE",
        b"ID",
        b"QUOTA",
        b"QUOTAROOT",
        b"ACL",
        b"METADATA",
        b"VANISHED",
    ];
    let (first, rest) = word(info);
    number(first).is_some() && rest.first().is_some_and(u8::is_ascii_uppercase) || WORDS.contains(&first)
}

fn python(line: &[u8]) -> Option<Found<'_>> {
    let line = line.trim_ascii_start();
    let quoted = |side, text: &[u8]| {
        let text = Cow::Owned(unquoted(text)?);
        Some(Found { side, secure: false, key: String::new(), text })
    };
    const WORDS: [(&[u8], Side); 9] = [
        (b"send: ", Side::Client),
        (b"reply: ", Side::Server),
        (b"*cmd* ", Side::Client),
        (b"*resp* ", Side::Server),
        (b"*welcome* ", Side::Server),
        (b"> ", Side::Client),
        (b"< ", Side::Server),
        (b"*put* ", Side::Client),
        (b"*get* ", Side::Server),
    ];
    // A second debug level says things twice: poplib's `*put*` repeats `*cmd*`, and smtplib has its own summary.
    if [&b"*put* "[..], b"*get* ", b"*stat* "].iter().any(|word| line.starts_with(word)) {
        return said(Side::Aside, b"");
    }
    // smtplib's second level puts a time in front, imaplib always does.
    let time = line.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b':' | b'.')).count();
    let rest = line.get(time..).unwrap_or_default().trim_ascii_start();
    if let Some((word, side)) = WORDS.iter().find(|(word, _)| rest.starts_with(word)) {
        let text = rest.get(word.len()..).unwrap_or_default();
        let angle = matches!(*word, b"> " | b"< ");
        let found = quoted(*side, text);
        if found.is_some() || !angle {
            // `reply: retcode (250); Msg: …` sums up what was shown.
            return found.or_else(|| said(Side::Aside, b""));
        }
        return (time > 0).then(|| said(*side, text)).flatten();
    }
    let chatter = [&b"connect: "[..], b"data: ", b"reply: "].iter().any(|word| rest.starts_with(word));
    chatter.then(|| said(Side::Aside, b"")).flatten()
}

fn numbered(line: &[u8]) -> Option<Found<'_>> {
    let start = match line.first() {
        Some(b'[') => find(line, b"]")? + 1,
        _ => 0,
    };
    let rest = line.get(start..)?.trim_ascii_start();
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let side = match rest.get(digits)? {
        b'>' => Side::Client,
        b'<' => Side::Server,
        _ => return None,
    };
    (1..=3).contains(&digits).then(|| said(side, after(rest, digits + 1))).flatten()
}

/// `Jan  1 10:00:00 mx postfix/smtpd[123]: < client.example[192.0.2.1]: EHLO client.example`. Named from the
/// daemon's side: what it sends has ">".
fn postfix(line: &[u8]) -> Option<Found<'_>> {
    if !contains(line, b"postfix") {
        return None;
    }
    let at = find(line, b"]: ")?;
    let rest = line.get(at + 3..)?;
    let side = match rest.get(..2)? {
        b"> " => Side::Client,
        b"< " => Side::Server,
        _ => return None,
    };
    let end = find(rest, b"]: ").map(|end| end + 3).or_else(|| find(rest, b"]:25: ").map(|end| end + 6))?;
    let mut found = said(side, rest.get(end..)?)?;
    let from = line.get(..at).unwrap_or_default().iter().rposition(|&b| b == b' ').map_or(0, |p| p + 1);
    found.key = String::from_utf8_lossy(line.get(from..at)?).into_owned();
    Some(found)
}

/// "date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context".
fn exchange(line: &[u8]) -> Option<Found<'_>> {
    let mut columns = line.splitn(8, |&b| b == b',');
    let session = columns.nth(2)?;
    let event = columns.nth(3)?;
    let rest = columns.next()?;
    let side = match event {
        b">" => Side::Client,
        b"<" => Side::Server,
        b"*" | b"+" | b"-" => Side::Aside,
        _ => return None,
    };
    let key = String::from_utf8_lossy(session.get(..session.len().min(40))?).into_owned();
    let (data, context) = column(rest);
    let text = if side == Side::Aside {
        // What it did stands in the last column.
        let (context, _) = column(context);
        let parted = !data.is_empty() && !context.is_empty();
        Cow::Owned([&*data, if parted { b": " } else { b"" }, &*context].concat())
    } else {
        data
    };
    Some(Found { side, secure: false, key, text })
}

/// The first of some columns, and those behind it. One in quotes may hold commas, and quotes twice.
fn column(text: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let Some(mut rest) = text.strip_prefix(b"\"") else {
        let end = text.iter().position(|&b| b == b',').unwrap_or(text.len());
        let (column, rest) = text.split_at(end);
        return (Cow::Borrowed(column), rest.strip_prefix(b",").unwrap_or(rest));
    };
    let mut column = Vec::new();
    while let Some((&byte, behind)) = rest.split_first() {
        match (byte, behind.first()) {
            (b'"', Some(b'"')) => rest = behind.get(1..).unwrap_or_default(),
            (b'"', _) => return (Cow::Owned(column), behind.strip_prefix(b",").unwrap_or(behind)),
            _ => rest = behind,
        }
        column.push(byte);
    }
    (Cow::Owned(column), rest)
}
