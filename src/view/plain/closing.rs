//! The closing block, which is what stands on the screen when all has scrolled by: what happened, where the letter is
//! now, what it took, and what to try next.

use super::Plain;
use super::layout::wrap;
use crate::base::Instant;
use crate::view::page::Label;
use crate::view::tally::Place;
use crate::view::{Cast, Closing, Tally, clock};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;
use unicode_width::UnicodeWidthStr;

/// So many places are named one by one.
const PLACES: usize = 12;
/// So many messages of one mailbox are named one by one.
const MESSAGES: usize = 4;

/// What one account has in the end.
#[derive(Default)]
struct Holding<'p> {
    /// Mailbox, host, UID, flags.
    mailboxes: Vec<(&'p str, &'p str, u32, &'p [String])>,
    /// Device and subject.
    copies: Vec<(&'p str, &'p str)>,
}

impl<W: Write> Plain<W> {
    pub(super) fn closing(&mut self, tally: &Tally, closing: &Closing<'_>, cast: &Cast) -> io::Result<()> {
        self.contents()?;
        self.rule("Where is it now?")?;
        let places = tally.places(closing.state);
        let mut said = failures(&places, cast.start);
        said.extend(holdings(&places, tally, cast));
        if said.is_empty() {
            said.push(("·", "nowhere: no host keeps a message".to_owned()));
        }
        for (mark, text) in said.iter().take(PLACES) {
            let label = if *mark == "✗" { Label::Refusal } else { Label::Fact };
            self.bullet((label, mark), &[(Label::Note, text.clone())], " ")?;
        }
        if said.len() > PLACES {
            let more = format!("and {} more places", clock::grouped((said.len() - PLACES) as u64));
            self.bullet((Label::Dim, "·"), &[(Label::Dim, more)], " ")?;
        }
        self.space()?;
        self.figures(tally, closing)?;
        if !closing.next.is_empty() {
            self.space()?;
            let next: Vec<(Label, String)> =
                closing.next.iter().map(|n| (Label::Command, n.clone())).collect();
            self.bullet((Label::Key, "next"), &next, " · ")?;
        }
        Ok(())
    }

    /// The chapters in a list, and the road that the letter took.
    fn contents(&mut self) -> io::Result<()> {
        let chapters = std::mem::take(&mut self.chapters);
        if chapters.len() < 2 {
            return Ok(());
        }
        self.rule("What happened")?;
        for (number, title, began) in &chapters {
            let began = began.map_or(String::new(), clock::elapsed);
            self.ink.put(Label::Time, &format!("{number:>4}  {began:>9}  "))?;
            for (i, row) in wrap(title, self.layout.width - 17).iter().enumerate() {
                if i > 0 {
                    self.end_row()?;
                    self.ink.blanks(17)?;
                }
                self.ink.put(Label::Note, row)?;
            }
            self.end_row()?;
        }
        self.space()
    }

    /// What it took.
    fn figures(&mut self, tally: &Tally, closing: &Closing<'_>) -> io::Result<()> {
        let road = road(&self.road);
        if !road.is_empty() {
            let steps: Vec<(Label, String)> = road.into_iter().map(|r| (Label::Note, r)).collect();
            self.bullet((Label::Key, "road"), &steps, " ")?;
        }
        let counts: Vec<(Label, String)> = counts(tally).into_iter().map(|c| (Label::Note, c)).collect();
        if !counts.is_empty() {
            self.bullet((Label::Key, "wire"), &counts, " · ")?;
        }
        let mut times =
            format!("{} of virtual time", clock::short(Duration::from_micros(tally.virtual_micros)));
        if let Some(real) = closing.real {
            times += &format!(", {} of yours", clock::short(real));
        }
        self.bullet((Label::Key, "time"), &[(Label::Note, times)], " ")
    }

    /// Pieces in rows, none broken unless it has to be, set in behind a mark.
    fn bullet(&mut self, mark: (Label, &str), pieces: &[(Label, String)], between: &str) -> io::Result<()> {
        let lead = if mark.1.is_empty() { 3 } else { 4 + mark.1.width() };
        let room = self.layout.width - lead;
        self.ink.blanks(3)?;
        self.ink.put(mark.0, mark.1)?;
        self.ink.blanks(lead - 3 - mark.1.width())?;
        let mut used = 0;
        for (i, (label, piece)) in pieces.iter().enumerate() {
            let rows = wrap(piece, room);
            let first = rows.first().map_or(0, |r| r.width());
            if i > 0 && used + between.width() + first > room {
                self.end_row()?;
                self.ink.blanks(lead)?;
                used = 0;
            } else if i > 0 {
                self.ink.put(Label::Dim, between)?;
                used += between.width();
            }
            for (j, row) in rows.iter().enumerate() {
                if j > 0 {
                    self.end_row()?;
                    self.ink.blanks(lead)?;
                    used = 0;
                }
                self.ink.put(*label, row)?;
                used += row.width();
            }
        }
        self.end_row()
    }
}

/// What was given up, and what still waits.
fn failures(places: &[Place], start: Instant) -> Vec<(&'static str, String)> {
    let mark = |place: &Place| match place {
        Place::Failed { .. } => Some("✗"),
        Place::Queue { .. } => Some("…"),
        Place::Mailbox { .. } | Place::Client { .. } => None,
    };
    places.iter().filter_map(|p| mark(p).map(|m| (m, p.words(start)))).collect()
}

/// For each account a sentence: `Bob has “Tea”: in the INBOX on mx1.example.net (UID 1, \Seen), copy on bob-phone`.
fn holdings(places: &[Place], tally: &Tally, cast: &Cast) -> Vec<(&'static str, String)> {
    let mut all: BTreeMap<&str, Holding<'_>> = BTreeMap::new();
    for place in places {
        match place {
            Place::Mailbox { account, mailbox, host, uid, flags } => {
                all.entry(account).or_default().mailboxes.push((mailbox, host, *uid, flags));
            }
            Place::Client { host, account, subject } => {
                all.entry(account).or_default().copies.push((host, subject));
            }
            _ => {}
        }
    }
    all.into_iter().map(|(account, holding)| ("✉", holding.words(account, tally, cast))).collect()
}

impl Holding<'_> {
    fn words(&self, account: &str, tally: &Tally, cast: &Cast) -> String {
        let owner = self.copies.iter().find_map(|(host, _)| tally.person(host));
        let mut subjects: Vec<String> =
            self.copies.iter().filter(|(_, s)| !s.is_empty()).map(|(_, s)| format!("“{s}”")).collect();
        subjects.sort();
        subjects.dedup();
        let what = if subjects.is_empty() { "mail".to_owned() } else { list(&subjects) };
        let mut places = self.in_mailboxes();
        let mut devices: Vec<&str> = self.copies.iter().map(|(host, _)| cast.called(host)).collect();
        devices.dedup();
        let devices: Vec<String> = devices.into_iter().map(str::to_owned).collect();
        match devices.len() {
            0 => {}
            1 => places.push(format!("a copy on {}", list(&devices))),
            _ => places.push(format!("copies on {}", list(&devices))),
        }
        let mut text = format!("{} has {what}: {}", owner.unwrap_or(account), places.join(", and "));
        if let Some((server, true)) = tally.home(account)
            && self.mailboxes.is_empty()
        {
            text += &format!(". Nothing is left on {server}: POP3 fetched it, and deleted it there at QUIT.");
            let follow: Vec<String> = self
                .copies
                .iter()
                .filter(|(host, _)| tally.follows(host))
                .map(|(host, _)| cast.called(host).to_owned())
                .collect();
            if !follow.is_empty() {
                let verb = if follow.len() == 1 {
                    "does not know that yet, and shows its"
                } else {
                    "do not know that yet, and show their"
                };
                text += &format!(" {} {verb} copy until the next look at the server.", list(&follow));
            }
        }
        text
    }

    fn in_mailboxes(&self) -> Vec<String> {
        if self.mailboxes.len() > MESSAGES {
            let boxes = clock::count(self.mailboxes.len() as u64, "message");
            return vec![format!("{boxes} on the server")];
        }
        let one = |(mailbox, host, uid, flags): &(&str, &str, u32, &[String])| {
            let flags: String = flags.iter().map(|f| format!(", {f}")).collect();
            let on = if host.is_empty() { String::new() } else { format!(" on {host}") };
            format!("in the {mailbox}{on} (UID {uid}{flags})")
        };
        self.mailboxes.iter().map(one).collect()
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// `alice-laptop ──587──▶ mail.example.com ──25──▶ mx1.example.net`: in pieces; a hop that does not begin where the
/// last one ended begins a road of its own.
fn road(hops: &[(String, u16, String)]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut end: Option<&str> = None;
    for (client, port, server) in hops {
        if end != Some(client.as_str()) {
            if let Some(last) = out.last_mut() {
                last.push(',');
            }
            out.push(client.clone());
        }
        out.push(format!("──{port}──▶ {server}"));
        end = Some(server);
    }
    out
}

/// `2 hops`, `4 connections`, …: what there was any of.
fn counts(tally: &Tally) -> Vec<String> {
    let counted = [
        (tally.hops, "hop"),
        (tally.traffic.connections, "connection"),
        (tally.traffic.queries, "DNS question"),
        (tally.traffic.commands, "command"),
    ];
    let mut out: Vec<String> =
        counted.into_iter().filter(|(n, _)| *n > 0).map(|(n, noun)| clock::count(n, noun)).collect();
    if tally.traffic.round_trips > 0 {
        out.push(format!(
            "{} (a client waits for an answer)",
            clock::count(tally.traffic.round_trips, "round trip")
        ));
    }
    if tally.traffic.bytes > 0 {
        let (up, down) = (clock::grouped(tally.traffic.bytes_up), clock::grouped(tally.traffic.bytes_down));
        out.push(format!(
            "{} ({up} from clients, {down} from servers)",
            clock::count(tally.traffic.bytes, "byte")
        ));
    }
    out
}
