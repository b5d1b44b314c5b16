//! Line by line through a text: which session each line belongs to, who says it, what is only wrapped or beside.

use super::bytes::{begins, contains, find, indent, number};
use super::shape::{Marked, Shape, Side};
use super::speech::{Speech, reply_code};
use super::track::Tracker;
use super::{Role, wrap};
use crate::trace::Direction;
use std::collections::BTreeMap;

/// One thing that was said or stands between.
#[derive(Clone, Debug)]
pub struct Turn {
    /// [`Role::Said`], [`Role::Aside`] or [`Role::Noise`].
    pub role: Role,
    /// The lines of the text it was made of; all but the first were wrapped.
    pub numbers: Vec<usize>,
    /// Who said it, or beside whose mark an aside stands.
    pub from: Option<Direction>,
    /// By its form and place only.
    pub guessed: bool,
    /// Inside TLS.
    pub secure: bool,
    /// What was said, without its line end.
    pub text: Vec<u8>,
}

impl Turn {
    /// Something of this side that the text leaves out: a message, a listing.
    fn left_out(from: Direction) -> Self {
        Turn {
            role: Role::Noise,
            numbers: Vec::new(),
            from: Some(from),
            guessed: false,
            secure: false,
            text: Vec::new(),
        }
    }

    /// Whether it stands for what the text leaves out.
    pub fn is_left_out(&self) -> bool {
        self.role == Role::Noise && self.numbers.is_empty()
    }
}

/// One session of the text.
#[derive(Clone, Debug)]
pub struct Session {
    /// What is spoken.
    pub speech: Speech,
    /// The port called, where the text tells it.
    pub port: Option<u16>,
    /// Everything in it, in order.
    pub turns: Vec<Turn>,
}

/// The sessions of a text, in the order in which they begin.
pub fn sessions(shape: Shape, marked: Vec<Marked<'_>>, limit: usize) -> Vec<Session> {
    let mut out = Vec::new();
    for group in groups(marked, limit) {
        // Words about the session do not tell what is spoken, unless nothing is marked at all.
        let words = || group.iter().filter(|m| m.side != Some(Side::Aside));
        let told = Speech::of(words().filter(|m| m.side.is_some()).map(|m| &*m.text));
        let Some(speech) = told.or_else(|| Speech::of(words().map(|m| &*m.text))) else { continue };
        Walk::new(shape, speech, &group).run(group, &mut out);
    }
    out.retain(|session| session.turns.iter().any(|turn| turn.role == Role::Said));
    if out.len() > limit {
        let rest = out.split_off(limit.max(1));
        if let Some(last) = out.last_mut() {
            last.turns.extend(rest.into_iter().flat_map(|session| session.turns));
        }
    }
    out
}

/// Lines of one connection each: by the log's own key, and where a program says that it connects anew.
fn groups(marked: Vec<Marked<'_>>, limit: usize) -> Vec<Vec<Marked<'_>>> {
    let mut groups: Vec<Vec<Marked<'_>>> = Vec::new();
    let mut of_key: BTreeMap<String, usize> = BTreeMap::new();
    let mut key = String::new();
    for line in marked {
        if line.side.is_some() && line.key != key {
            key.clone_from(&line.key);
        }
        let begins_anew =
            line.side != Some(Side::Client) && line.side != Some(Side::Server) && is_connecting(&line.text);
        let known = of_key.get(&key).copied();
        let spoken = known.and_then(|at| groups.get(at)).is_some_and(|group| {
            group
                .iter()
                .any(|m| Speech::ALL.iter().any(|speech| speech.says(m.text.trim_ascii_start()).is_some()))
        });
        let at = match known {
            Some(at) if !(begins_anew && spoken && groups.len() < limit) => at,
            _ => {
                groups.push(Vec::new());
                of_key.insert(key.clone(), groups.len() - 1);
                groups.len() - 1
            }
        };
        if let Some(group) = groups.get_mut(at) {
            group.push(line);
        }
    }
    groups
}

/// Whether a program says that it opens a connection.
fn is_connecting(text: &[u8]) -> bool {
    let text = text.trim_ascii_start();
    [
        &b"Trying "[..],
        b"CONNECTED(",
        b"Connected to smtp",
        b"Connected to imap",
        b"Connected to pop",
        b"Connecting to ",
    ]
    .iter()
    .any(|words| begins(text, words))
}

struct Walk {
    shape: Shape,
    speech: Speech,
    tracker: Tracker,
    /// Marks were taken the wrong way round.
    flipped: bool,
    /// Both sides have marks.
    two_sided: bool,
    /// The client's lines have marks.
    client_marked: bool,
    /// Everything is inside TLS.
    secure: bool,
    port: Option<u16>,
    turns: Vec<Turn>,
    /// Spaces in front of the last line that was no part of a message.
    lead: usize,
    blank_before: bool,
    /// A program's own report, up to its rule (`---`).
    report: bool,
    /// Behind this line a lone dot comes before the next status line (POP3).
    list_follows: bool,
}

impl Walk {
    fn new(shape: Shape, speech: Speech, group: &[Marked<'_>]) -> Self {
        let (mut fits, mut misfits, mut sides) = (0_u32, 0_u32, [false, false]);
        for line in group.iter().take(4000) {
            let side = match line.side {
                Some(Side::Client) => Direction::Client,
                Some(Side::Server) => Direction::Server,
                _ => continue,
            };
            sides[usize::from(side == Direction::Server)] = true;
            // Only a server's lines tell: a list of capabilities looks like commands.
            if speech.says(line.text.trim_ascii_start()) == Some(Direction::Server) {
                *(if side == Direction::Server { &mut fits } else { &mut misfits }) += 1;
            }
        }
        let openssl = |m: &Marked<'_>| {
            m.side.is_none() && (contains(&m.text, b"s_client") || begins(&m.text, b"CONNECTED(0"))
        };
        Walk {
            shape,
            speech,
            tracker: Tracker::new(speech),
            flipped: misfits > fits,
            two_sided: sides == [true, true],
            client_marked: sides[usize::from(misfits > fits)],
            secure: group.iter().take(4000).any(openssl),
            port: group.iter().take(200).find_map(port),
            turns: Vec::new(),
            lead: 0,
            blank_before: false,
            report: false,
            list_follows: false,
        }
    }

    /// By line: whether a lone dot comes behind it before the next status line. Of POP3 without marks.
    fn lists_in(&self, group: &[Marked<'_>]) -> Vec<bool> {
        if self.speech != Speech::Pop3 || self.two_sided {
            return Vec::new();
        }
        let mut list = false;
        let mut out: Vec<bool> = group
            .iter()
            .rev()
            .map(|line| {
                let here = list;
                let text = line.text.trim_ascii();
                list = text == b"." || list && !begins(text, b"+OK") && !begins(text, b"-ERR");
                here
            })
            .collect();
        out.reverse();
        out
    }

    fn run(mut self, group: Vec<Marked<'_>>, out: &mut Vec<Session>) {
        let lists = self.lists_in(&group);
        for (index, line) in group.into_iter().enumerate() {
            self.list_follows = lists.get(index).is_some_and(|list| *list);
            let side = match line.side {
                Some(Side::Client) => Some(Direction::Client),
                Some(Side::Server) => Some(Direction::Server),
                Some(Side::Aside) => {
                    self.beside(&line, None);
                    continue;
                }
                None => None,
            };
            let side = side.map(|side| if self.flipped { other(side) } else { side });
            if self.is_new_greeting(side, &line.text) {
                self.finish(out);
            }
            match side {
                Some(side) => self.marked(side, &line),
                None => self.unmarked(&line),
            }
        }
        self.finish(out);
    }

    /// What was gathered is a session; another may follow on the same marks.
    fn finish(&mut self, out: &mut Vec<Session>) {
        let turns = std::mem::take(&mut self.turns);
        out.push(Session { speech: self.speech, port: self.port, turns });
        self.tracker = Tracker::new(self.speech);
    }

    /// After the goodbye was answered, a greeting begins another session.
    fn is_new_greeting(&self, side: Option<Direction>, text: &[u8]) -> bool {
        let text = text.trim_ascii_start();
        let greets = match self.speech {
            Speech::Smtp => begins(text, b"220"),
            Speech::Pop3 => begins(text, b"+OK"),
            Speech::Imap => begins(text, b"* OK") || begins(text, b"* PREAUTH"),
        };
        greets && side != Some(Direction::Client) && self.tracker.over && self.tracker.is_idle()
    }

    fn marked(&mut self, from: Direction, line: &Marked<'_>) {
        self.blank_before = false;
        let bulk = self.tracker.bulk() == Some(from);
        let mut text: &[u8] = &line.text;
        // "354 End data with <CR><LF>.<CR><LF>" says it of its own.
        text = text.strip_suffix(b"<CR><LF>").filter(|rest| !contains(rest, b"<CR><LF>")).unwrap_or(text);
        if self.shape == Shape::Dump {
            return self.say(line, from, false, text);
        }
        if bulk {
            text = text.get(indent(text).min(self.lead)..).unwrap_or_default();
        } else {
            let (lead, empty) = (indent(text), text.trim_ascii().is_empty());
            if wrap::is_aside(text) && !(self.tracker.is_counted() && self.shape != Shape::Labels) {
                return self.beside(line, Some(from));
            }
            if !empty {
                self.lead = lead;
            }
            text = text.get(lead..).unwrap_or_default();
        }
        // A chunk that the paper only describes is data all the same; a literal that it leaves out is not.
        self.say(line, from, false, text);
    }

    fn say(&mut self, line: &Marked<'_>, from: Direction, guessed: bool, text: &[u8]) {
        if let Some(side) = self.tracker.leaves_out(from, text) {
            self.turns.push(Turn { secure: self.secure || self.tracker.tls, ..Turn::left_out(side) });
        }
        let secure = line.secure || self.secure || self.tracker.tls;
        let text = text.to_vec();
        self.turns.push(Turn {
            role: Role::Said,
            numbers: vec![line.number],
            from: Some(from),
            guessed,
            secure,
            text,
        });
        self.settle();
    }

    /// The newest line is taken into account at once; if it turns out to be wrapped, its rest changes nothing.
    fn settle(&mut self) {
        if let Some(Turn { from: Some(from), text, .. }) = self.turns.last() {
            let unasked = self.tracker.is_idle() && self.tracker.bulk().is_none();
            self.tracker.see(*from, text);
            if unasked && self.list_follows && *from == Direction::Server && begins(text, b"+OK") {
                self.tracker.begin_list();
            }
        }
    }

    fn beside(&mut self, line: &Marked<'_>, from: Option<Direction>) {
        let text = line.text.trim_ascii().to_vec();
        let role = if text.is_empty() { Role::Noise } else { Role::Aside };
        if contains(&text, b"TLS started") || contains(&text, b"SSL connection using") {
            self.secure = true;
        }
        self.turns.push(Turn { role, numbers: vec![line.number], from, guessed: false, secure: false, text });
    }

    fn noise(&mut self, line: &Marked<'_>) {
        let numbers = vec![line.number];
        self.turns.push(Turn {
            role: Role::Noise,
            numbers,
            from: None,
            guessed: false,
            secure: false,
            text: Vec::new(),
        });
    }

    fn unmarked(&mut self, line: &Marked<'_>) {
        let blank = line.text.trim_ascii().is_empty();
        if self.goes_on(&line.text) {
            return self.say(line, Direction::Server, false, line.text.trim_ascii_start());
        }
        if self.shape != Shape::Bare && is_narration(&line.text) {
            return self.beside(line, None);
        }
        let guesses = self.shape == Shape::Bare || !self.two_sided;
        let bulk = self.tracker.bulk();
        let has_room =
            guesses || self.shape == Shape::Arrows && bulk.is_some() && self.tracker.expects() == bulk;
        if has_room {
            self.guess(line, blank);
        } else if blank {
            self.noise(line);
        } else {
            self.between(line);
        }
        self.blank_before = blank;
    }

    /// Whether a line goes on with the server's reply, whose lines before it said that more would come: only the first
    /// is marked by programs that log a reply at once.
    fn goes_on(&self, text: &[u8]) -> bool {
        let last = self.turns.iter().rev().find(|turn| turn.role == Role::Said);
        let open = last.filter(|turn| !turn.guessed && turn.from == Some(Direction::Server));
        let text = text.trim_ascii_start();
        self.speech == Speech::Smtp
            && open.is_some_and(|turn| {
                turn.text.get(3) == Some(&b'-')
                    && reply_code(&turn.text).is_some_and(|code| reply_code(text) == Some(code))
            })
    }

    /// An unmarked line where the ends' lines are marked: an aside, or the rest of a long line.
    fn between(&mut self, line: &Marked<'_>) {
        let last = self.turns.iter_mut().rev().find(|turn| turn.role != Role::Noise);
        let labels = matches!(self.shape, Shape::Labels | Shape::Arrows);
        match last {
            Some(turn) if turn.role == Role::Aside && (wrap::is_open(&turn.text)) && !self.blank_before => {
                wrap::join(&mut turn.text, &line.text);
                turn.numbers.push(line.number);
            }
            _ if wrap::is_unmarked_aside(&line.text) => self.beside(line, None),
            Some(turn) if turn.role == Role::Said && labels && !self.blank_before => {
                wrap::join(&mut turn.text, &line.text);
                turn.numbers.push(line.number);
            }
            _ if labels => self.beside(line, None),
            _ => self.noise(line),
        }
    }

    /// A line without a mark where there are none: by its place, then by its form.
    fn guess(&mut self, line: &Marked<'_>, blank: bool) {
        let begun = self.turns.iter().rev().take(50).any(|turn| turn.role == Role::Said);
        if let Some(from) = self.tracker.expects().filter(|_| !self.is_answer_in_bulk(&line.text)) {
            let text = &line.text;
            let lead = if self.tracker.bulk().is_some() { indent(text).min(self.lead) } else { indent(text) };
            return self.say(line, from, true, text.get(lead..).unwrap_or_default());
        }
        let text = line.text.trim_ascii_start();
        if blank || self.is_report(text) {
            return self.noise(line);
        }
        if self.turns.last().is_some_and(|turn| turn.role == Role::Aside && wrap::is_open(&turn.text)) {
            return self.between(line);
        }
        if let Some(from) = self.speech.says(text).or_else(|| self.odd(text, begun)) {
            self.lead = indent(&line.text);
            return self.say(line, from, true, text);
        }
        if wrap::is_aside(text) || is_chatter(text) || !begun {
            return if begun && wrap::is_aside(text) { self.beside(line, None) } else { self.noise(line) };
        }
        if self.client_marked {
            return self.beside(line, None);
        }
        // What answers everything and is followed by an unknown word: a client's slip of the pen.
        if self.tracker.is_idle() || self.speech == Speech::Imap && indent(&line.text) == self.lead {
            return self.say(line, Direction::Client, true, text);
        }
        self.between(line);
    }

    /// Lines that are of one side only here: a text that begins with the end of a message, DONE after IDLE, the
    /// rest of a response behind a literal.
    fn odd(&self, text: &[u8], begun: bool) -> Option<Direction> {
        let text = text.trim_ascii_end();
        match self.speech {
            Speech::Smtp if text == b"." && !begun => Some(Direction::Client),
            Speech::Imap if text.eq_ignore_ascii_case(b"DONE") && self.tracker.is_idling() => {
                Some(Direction::Client)
            }
            Speech::Imap if text.starts_with(b")") => Some(Direction::Server),
            _ => None,
        }
    }

    /// A tagged reply ends a literal that the text cut short.
    fn is_answer_in_bulk(&self, text: &[u8]) -> bool {
        let tagged = super::speech::tagged(text.trim_ascii_start());
        let announced = self.tracker.is_counted() && self.tracker.bulk() == Some(Direction::Client);
        let goes_on = announced && self.speech == Speech::Imap && (text == b"+" || text.starts_with(b"+ "));
        goes_on || self.tracker.is_counted() && tagged.is_some_and(|(tag, _)| self.tracker.knows_tag(tag))
    }

    /// openssl reports on tickets and keys in the middle of a session, between rules.
    fn is_report(&mut self, text: &[u8]) -> bool {
        if begins(text, b"Post-Handshake New Session Ticket") || begins(text, b"SSL-Session:") {
            self.report = true;
        }
        let within = self.report;
        if text.starts_with(b"---") || begins(text, b"read R BLOCK") {
            self.report = false;
            return true;
        }
        within
    }
}

/// What programs tell between the lines of a session, also where the letter would stand.
fn is_narration(text: &[u8]) -> bool {
    // Ruby's net/smtp; sendmail -v tells what another sendmail tells it with 050; Kerberos and TLS of msmtp.
    let text = text.trim_ascii_start();
    let wrote = text.strip_prefix(b"wrote ").is_some_and(|rest| rest.trim_ascii_end().ends_with(b" bytes"));
    wrote
        || [
            &b"writing message from "[..],
            b"050 ",
            b"TLS session parameters:",
            b"TLS certificate information:",
        ]
        .iter()
        .any(|words| text.starts_with(words))
}

/// A program's own words around a session.
fn is_chatter(text: &[u8]) -> bool {
    const WORDS: [&[u8]; 20] = [
        b"Trying ",
        b"Connected to",
        b"Connecting",
        b"Escape character",
        b"Connection closed",
        b"Connection to",
        b"closed",
        b"DONE",
        b"read R",
        b"depth=",
        b"verify ",
        b"CONNECTED(",
        b"---",
        b"$ ",
        b"# ",
        b"telnet",
        b"openssl",
        b"DEBUG",
        b"Server certificate",
        b"read:errno",
    ];
    WORDS.iter().any(|word| begins(text, word))
}

/// The port in `-connect host:465`, `Trying host:25...`, `smtp://host:587`, `telnet host 25`.
fn port(line: &Marked<'_>) -> Option<u16> {
    let text = line.text.trim_ascii();
    let said = matches!(line.side, Some(Side::Client | Side::Server));
    let words = [&b"-connect "[..], b"telnet ", b"rying to connect to ", b"opening to ", b"onnecting to "];
    let tells = is_connecting(text) || words.iter().any(|words| contains(text, words));
    if said || !tells {
        return None;
    }
    let mail =
        |n: u64| u16::try_from(n).ok().filter(|p| matches!(p, 25 | 110 | 143 | 465 | 587 | 993 | 995 | 2525));
    let start = find(text, b"-connect ").or_else(|| find(text, b"telnet ")).unwrap_or(0);
    let words = text.get(start..)?.split(|b| !b.is_ascii_digit());
    words.filter_map(|digits| mail(number(digits)?)).next_back()
}

fn other(side: Direction) -> Direction {
    match side {
        Direction::Client => Direction::Server,
        Direction::Server => Direction::Client,
    }
}
