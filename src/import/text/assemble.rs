//! Sessions → Records, and where each line of the text went.

use super::speech::reply_code;
use super::walk::{Session, Turn};
use super::{Limits, Line, Pasted, Role, Shape, Speech, bytes, octets};
use crate::base::{Instant, escape};
use crate::trace::{
    Conn, Data, Direction, Gap, Head, HostInfo, Layer, Mark, Missing, Opened, Record, Transport,
};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Addresses for documentation (RFC 5737 §3): nobody's.
const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));
/// The text tells no time: everything happens at once.
const AT: Instant = Instant::from_secs(0);

/// The transcript of these sessions.
pub fn pasted(shape: Shape, sessions: Vec<Session>, count: usize, cut: bool, limits: Limits) -> Pasted {
    let speech = sessions.first().map_or(Speech::Smtp, |session| session.speech);
    let mut out =
        Assembly { records: vec![Record::Head(head(&sessions))], lines: Vec::new(), marks: limits.marks };
    for (index, session) in sessions.into_iter().enumerate() {
        out.session(Conn(u32::try_from(index + 1).unwrap_or(u32::MAX)), session);
    }
    if cut {
        out.marks = out.marks.max(1);
        out.mark(
            "aside",
            "the text is too long: what follows here was left out".to_owned(),
            None,
            None,
            None,
        );
    }
    out.records.push(Record::End { at: AT });
    let mut lines = out.lines;
    lines.sort_by_key(|line| line.number);
    Pasted { shape, speech, records: out.records, lines: filled(lines, count) }
}

/// Lines that went nowhere are noise.
fn filled(lines: Vec<Line>, count: usize) -> Vec<Line> {
    let mut out = Vec::with_capacity(count);
    let mut next = 1;
    for line in lines {
        out.extend((next..line.number).map(nothing));
        next = line.number + 1;
        out.push(line);
    }
    out.extend((next..=count).map(nothing));
    out
}

fn nothing(number: usize) -> Line {
    let (role, layer) = (Role::Noise, Layer::Wire);
    Line { number, role, from: None, guessed: false, conn: None, layer, range: 0..0 }
}

fn host(name: &str, addresses: Vec<IpAddr>) -> HostInfo {
    HostInfo { name: name.to_owned(), addresses, roles: Vec::new() }
}

fn head(sessions: &[Session]) -> Head {
    let title = match sessions {
        [one] => format!("A pasted {} session", one.speech.name()),
        many => format!("{} pasted sessions", many.len()),
    };
    Head {
        version: 1,
        generator: concat!("postroad ", env!("CARGO_PKG_VERSION")).to_owned(),
        title,
        start: AT,
        // The unspecified address: a client of whose call the beginning is not in the text.
        hosts: vec![host("client", vec![CLIENT, Ipv4Addr::UNSPECIFIED.into()]), host("server", vec![SERVER])],
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    }
}

struct Assembly {
    records: Vec<Record>,
    lines: Vec<Line>,
    /// How many more marks there may be.
    marks: usize,
}

impl Assembly {
    fn session(&mut self, conn: Conn, mut session: Session) {
        if session.port.is_some_and(|port| is_implicit_tls(fitting(session.speech, port))) {
            // What is readable was inside.
            session.turns.iter_mut().for_each(|turn| turn.secure = true);
        }
        let repairs = octets::repair(&mut session);
        let said = || session.turns.iter().filter(|turn| turn.role == Role::Said);
        let client = match said().next() {
            // Whoever begins in the middle was called from nobody knows where.
            Some(first) if !is_greeting(session.speech, first) || asked_for(&session) => {
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))
            }
            _ => SocketAddr::new(CLIENT, 49152),
        };
        let secure = said().next().is_some_and(|turn| turn.secure);
        let port = session.port.unwrap_or_else(|| session.speech.port(secure && session.port.is_none()));
        let server = SocketAddr::new(SERVER, fitting(session.speech, port));
        self.records
            .push(Record::Open { at: AT, open: Opened { conn, transport: Transport::Tcp, client, server } });
        if asked_for(&session) {
            // The commands are not in the text.
            let layer = layer_of(secure);
            let gap = Gap { conn, from: Direction::Client, layer, len: None, why: Missing::Before };
            self.records.push(Record::Gap { at: AT, gap });
        }
        let all_guessed = said().all(|turn| turn.guessed);
        let guessed_side = guessed_side(&session).filter(|_| !all_guessed);
        if let Some(side) = guessed_side {
            let (who, other) = names(side);
            let text = format!(
                "only the {other}'s lines are marked: what else has the form of the {who}'s was given to it"
            );
            self.mark("guess", text, Some(conn), None, None);
        }
        if all_guessed {
            let text = "nothing in the text tells who speaks: each line was given to the client or the server by its form";
            self.mark("guess", text.to_owned(), Some(conn), None, None);
        }
        let mut sent = [[0_u64; 2]; 2];
        for (index, turn) in session.turns.into_iter().enumerate() {
            if let Some(note) = repairs.get(&index) {
                self.mark(
                    "repair",
                    note.clone(),
                    Some(conn),
                    turn.from.map(|from| (from, Layer::Wire, None)),
                    None,
                );
            }
            match (turn.role, turn.from) {
                (Role::Said, Some(from)) => {
                    let layer = layer_of(turn.secure);
                    let sent = &mut sent[usize::from(turn.secure)][usize::from(from == Direction::Server)];
                    let told = all_guessed || guessed_side == Some(from);
                    self.said(conn, turn, from, layer, sent, told);
                }
                (_, Some(from)) if turn.is_left_out() => {
                    let gap = Gap { conn, from, layer: layer_of(turn.secure), len: None, why: Missing::Lost };
                    self.records.push(Record::Gap { at: AT, gap });
                }
                _ => self.beside(conn, turn),
            }
        }
    }

    fn said(&mut self, conn: Conn, turn: Turn, from: Direction, layer: Layer, sent: &mut u64, told: bool) {
        let mut bytes = turn.text;
        bytes.extend_from_slice(b"\r\n");
        let range = *sent..*sent + bytes.len() as u64;
        *sent = range.end;
        for (index, number) in turn.numbers.into_iter().enumerate() {
            let role = if index == 0 { Role::Said } else { Role::Wrapped };
            let (from, conn, range) = (Some(from), Some(conn), range.clone());
            self.lines.push(Line { number, role, from, guessed: turn.guessed, conn, layer, range });
        }
        if turn.guessed && !told {
            let (who, _) = names(from);
            let text = format!("no mark tells who says this; by its form and place it is the {who}");
            let shown = bytes.get(..bytes.len().min(80)).unwrap_or_default();
            self.mark(
                "guess",
                text,
                Some(conn),
                Some((from, layer, Some((range.start, range.end)))),
                Some(escape::line(shown)),
            );
        }
        self.records.push(Record::Data { at: AT, data: Data { conn, from, layer, bytes } });
    }

    fn beside(&mut self, conn: Conn, turn: Turn) {
        let (conn, layer) = (Some(conn), Layer::Wire);
        for number in &turn.numbers {
            let (from, role) = (turn.from, turn.role);
            self.lines.push(Line { number: *number, role, from, guessed: false, conn, layer, range: 0..0 });
        }
        if turn.role == Role::Aside {
            let text = bytes::shown(&turn.text);
            self.mark("aside", text, conn, None, None);
        }
    }

    fn mark(&mut self, kind: &str, text: String, conn: Option<Conn>, place: Place, quote: Option<String>) {
        if self.marks == 0 {
            return;
        }
        self.marks -= 1;
        let (from, layer, range) =
            place.map_or((None, Layer::Wire, None), |(from, layer, range)| (Some(from), layer, range));
        self.records.push(Record::Mark(Mark {
            kind: kind.to_owned(),
            text,
            conn,
            from,
            layer,
            range,
            quote,
            ..Mark::default()
        }));
    }
}

/// Where it was said: inside TLS, or on the wire.
fn layer_of(secure: bool) -> Layer {
    if secure { Layer::Plain } else { Layer::Wire }
}

/// Which side's stream, of which layer, and where in it.
type Place = Option<(Direction, Layer, Option<(u64, u64)>)>;

/// Whether a session can begin with this.
/// This side's name, and the other's.
fn names(side: Direction) -> (&'static str, &'static str) {
    if side == Direction::Client { ("client", "server") } else { ("server", "client") }
}

/// The side of which every line was guessed, where no line of the other was.
fn guessed_side(session: &Session) -> Option<Direction> {
    let of = |side| {
        let said =
            session.turns.iter().filter(move |turn| turn.role == Role::Said && turn.from == Some(side));
        said.fold((0, 0), |(all, guessed), turn| (all + 1, guessed + usize::from(turn.guessed)))
    };
    match (of(Direction::Client), of(Direction::Server)) {
        ((_, 0), (all, guessed)) if all == guessed && all > 0 => Some(Direction::Server),
        ((all, guessed), (_, 0)) if all == guessed && all > 0 => Some(Direction::Client),
        _ => None,
    }
}

/// Whether a POP3 server answers here what is not in the text: a list stands behind its first line.
fn asked_for(session: &Session) -> bool {
    let mut said = session.turns.iter().filter(|turn| turn.role == Role::Said);
    let status = |turn: &Turn| turn.text.starts_with(b"+OK") || turn.text.starts_with(b"-ERR");
    session.speech == Speech::Pop3
        && said.clone().all(|turn| turn.from == Some(Direction::Server))
        && said.next().is_some_and(status)
        && said.next().is_some_and(|second| !status(second))
}

fn is_implicit_tls(port: u16) -> bool {
    matches!(port, 465 | 993 | 995)
}

/// Whether a server begins so.
fn is_greeting(speech: Speech, turn: &Turn) -> bool {
    let text = turn.text.as_slice();
    let greets = match speech {
        Speech::Smtp => matches!(reply_code(text), Some(220 | 421 | 554)),
        Speech::Pop3 => text.starts_with(b"+OK") || text.starts_with(b"-ERR"),
        Speech::Imap => {
            ["* OK", "* PREAUTH", "* BYE"].iter().any(|word| bytes::begins(text, word.as_bytes()))
        }
    };
    turn.from == Some(Direction::Server) && greets
}

/// A port that the text names, unless another protocol lives there.
fn fitting(speech: Speech, port: u16) -> u16 {
    let fits = match speech {
        Speech::Smtp => matches!(port, 25 | 465 | 587 | 2525),
        Speech::Pop3 => matches!(port, 110 | 995),
        Speech::Imap => matches!(port, 143 | 993),
    };
    if fits { port } else { speech.port(false) }
}
