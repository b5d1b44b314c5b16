//! Two stories side by side, as labelled text: a [`Sheet`] of rows, which `plain`, `json`, `html` and the terminal view
//! render.
//!
//! Where it stands on the road: behind `compare`, beside `page`. Here untrusted text is escaped and secrets are hidden,
//! once. Every line of a cell is a Step of its transcript, every figure was counted there.

pub mod growth;
pub mod html;
pub mod json;
mod lines;
pub mod plain;

use super::clock;
use super::page::{Label, prose};
use crate::compare::holdings::Stock;
use crate::compare::{Comparison, Holdings, Intention, Paired, Pairing, Reading, Row};
use crate::dissect::{Protocol, Traffic};
use crate::explain::catalogue;
use lines::Lines;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns.
    pub width: usize,
    /// Whether colours are used.
    pub colour: bool,
    /// Whether passwords are shown.
    pub show_secrets: bool,
    /// Lines of a cell at most; what is left out is counted.
    pub most: usize,
}

/// A comparison, ready to be shown.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// The story's title.
    pub title: String,
    /// What each side is called: `POP3`, `IMAP`, or its title.
    pub sides: [String; 2],
    /// How rows are aligned, in a sentence.
    pub aligned: String,
    /// The rows.
    pub rows: Vec<SheetRow>,
    /// What everything cost, for each side.
    pub total: [Cost; 2],
    /// Of it, what served no row.
    pub elsewhere: [Cost; 2],
    /// What is left in the end, for each side.
    pub end: [Vec<String>; 2],
    /// What to make of it: a heading and a paragraph each, with who says so.
    pub verdict: Vec<Remark>,
}

/// A remark of the closing table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remark {
    /// `A slow line`.
    pub title: String,
    /// What follows.
    pub text: String,
    /// Who says so.
    pub source: Vec<String>,
}

/// What somebody wants, and what each side does about it.
#[derive(Clone, Debug, Default)]
pub struct SheetRow {
    /// From 1.
    pub number: usize,
    /// As the script names it; the verb, where conversations are compared.
    pub key: String,
    /// A few words.
    pub title: String,
    /// A sentence: who wants what, and why.
    pub about: String,
    /// What each side does.
    pub cells: [Option<Cell>; 2],
    /// In what the two differ, where conversations are compared.
    pub differs: Vec<&'static str>,
}

/// What one side does.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// The lines on its wires, in order.
    pub lines: Vec<CellLine>,
    /// What it cost.
    pub cost: Cost,
    /// Whether it was achieved, where that was stated.
    pub ok: Option<bool>,
    /// What came of it.
    pub outcome: String,
    /// What the client did where its protocol cannot do what was wanted.
    pub instead: String,
    /// What this protocol does here, or what clients do in its place.
    pub remark: String,
    /// What everybody holds after it.
    pub after: Vec<String>,
}

/// A row of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellLine {
    /// Who speaks, or what it is.
    pub label: Label,
    /// `▶`, `◀` or nothing.
    pub mark: &'static str,
    /// Escaped.
    pub text: String,
    /// The Step it shows, where it shows one.
    pub step: Option<usize>,
}

/// What something cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// What crossed the wires.
    pub traffic: Traffic,
    /// Virtual time.
    pub time: Duration,
}

impl Cost {
    /// `2 trips · 92 B up, 41 kB down · 120 ms`; empty where nothing was sent.
    pub fn words(&self) -> String {
        let Traffic { round_trips, bytes_up, bytes_down, .. } = self.traffic;
        if self.traffic.steps == 0 {
            return "nothing on the wire".to_owned();
        }
        let trips = clock::count(round_trips, "round trip");
        let (up, down) = (octets(bytes_up), octets(bytes_down));
        format!("{trips} · {up} up, {down} down · {}", clock::short(self.time))
    }
}

/// Octets in at most three digits and a unit: `92 B`, `1.1 kB`, `41 kB`, `2.3 MB`.
pub fn octets(n: u64) -> String {
    let unit = [(1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")].into_iter().find(|(u, _)| n >= *u);
    match unit {
        None => format!("{n} B"),
        Some((unit, name)) if n / unit < 10 => format!("{}.{} {name}", n / unit, n % unit * 10 / unit),
        Some((unit, name)) => format!("{} {name}", n / unit),
    }
}

/// The sheet of two stories that are aligned by what people wanted.
pub fn by_intent(comparison: &Comparison, options: &Options) -> Sheet {
    let sides = [side_name(comparison, 0), side_name(comparison, 1)];
    let rows = comparison.rows.iter().enumerate();
    let mut sheet = Sheet {
        title: prose(&comparison.sides[0].title),
        aligned: "Each row is one wish of one person, on the same device, in both stories.".to_owned(),
        rows: rows.map(|(at, row)| intent_row(comparison, &sides, at + 1, row, options)).collect(),
        // A story waits for days between two wishes: its length says nothing.
        total: comparison.sides.each_ref().map(|r| Cost { traffic: r.total, time: Duration::ZERO }),
        elsewhere: comparison.sides.each_ref().map(|r| Cost { traffic: r.elsewhere, time: Duration::ZERO }),
        end: comparison.sides.each_ref().map(|r| held(&r.end, None)),
        verdict: Vec::new(),
        sides,
    };
    if sheet.sides == ["POP3", "IMAP"] {
        sheet.verdict = verdict();
    }
    sheet
}

/// The sheet of any two transcripts, aligned by conversation.
pub fn by_conversation(pairing: &Pairing, options: &Options) -> Sheet {
    let named = |at: usize| match prose(&pairing.sides[at].title) {
        title if title.is_empty() || pairing.sides[0].title == pairing.sides[1].title => {
            ["the first", "the second"][at].to_owned()
        }
        title => title,
    };
    let (all, differ) = pairing.differing();
    let mut rows = Vec::new();
    for paired in &pairing.conversations {
        conversation_rows(pairing, paired, options, &mut rows);
    }
    Sheet {
        title: format!("{} and {}", named(0), named(1)),
        sides: [named(0), named(1)],
        aligned: format!(
            "Aligned by conversation, order and kind: {} stand side by side, and {differ} of them differ.",
            clock::count(all as u64, "exchange")
        ),
        rows,
        total: pairing.sides.each_ref().map(whole),
        elsewhere: [Cost::default(); 2],
        end: pairing.sides.each_ref().map(|r| held(&r.end, None)),
        verdict: Vec::new(),
    }
}

fn whole(reading: &Reading) -> Cost {
    Cost { traffic: reading.total, time: reading.last.since(reading.start) }
}

/// The protocols by which a side's devices reach their mailbox: `POP3`, `IMAP`; else its title.
fn side_name(comparison: &Comparison, side: usize) -> String {
    let reading = &comparison.sides[side];
    let spoken: BTreeSet<Protocol> = reading.conversations.iter().map(|c| c.protocol).collect();
    match (spoken.contains(&Protocol::Pop3), spoken.contains(&Protocol::Imap)) {
        (true, false) => "POP3".to_owned(),
        (false, true) => "IMAP".to_owned(),
        _ => format!("{} ({})", ["left", "right"][side], prose(&reading.title)),
    }
}

fn intent_row(
    comparison: &Comparison,
    names: &[String; 2],
    number: usize,
    row: &Row,
    options: &Options,
) -> SheetRow {
    let known = catalogue().get(&format!("intent.{}", row.intent));
    let sides = [0, 1].map(|side| comparison.intentions(row, side));
    let first = sides.iter().flatten().next();
    let title =
        known.map_or_else(|| first.map(|i| prose(&i.detail)).unwrap_or_default(), |e| e.title.clone());
    let devices: BTreeSet<String> = sides.iter().flatten().map(|i| prose(short(&i.host))).collect();
    let devices = devices.into_iter().collect::<Vec<_>>().join(", ");
    let cell = |side: usize| {
        let part = if names[side] == "POP3" { "pop3" } else { "imap" };
        let remark = known.and_then(|e| e.parts.get(part)).cloned().unwrap_or_default();
        let cell = intents_cell(&comparison.sides[side], &sides[side], options)?;
        Some(Cell { remark, ..cell })
    };
    SheetRow {
        number,
        key: prose(&row.intent),
        title,
        about: known.map_or_else(String::new, |e| format!("{devices}: {}", e.summary)),
        cells: [cell(0), cell(1)],
        differs: Vec::new(),
    }
}

/// What one side does for a wish. Where that is several acts, each has its heading and its outcome among the lines.
fn intents_cell(reading: &Reading, served: &[&Intention], options: &Options) -> Option<Cell> {
    let (first, last) = (served.first()?, served.last()?);
    let mut lines = Lines::new(options);
    let mut cost = Cost::default();
    for intention in served {
        if served.len() > 1 {
            lines.aside(
                Label::Host,
                "",
                format!("{} · {}", prose(short(&intention.host)), prose(&intention.detail)),
            );
        }
        lines.exchanges(&intention.exchanges);
        if served.len() > 1 {
            let failed = intention.ok == Some(false);
            let (label, mark) = if failed { (Label::Refusal, "✗") } else { (Label::Intent, "☞") };
            lines.aside(label, mark, prose(&intention.outcome));
            if !intention.instead.is_empty() {
                lines.aside(Label::Intent, "↪", format!("instead: {}", prose(&intention.instead)));
            }
        }
        cost.traffic.add(&intention.traffic);
        cost.time += reading.took(intention);
    }
    let alone = served.len() == 1;
    let told = |text: &str| if alone { prose(text) } else { String::new() };
    Some(Cell {
        lines: lines.done(),
        cost,
        ok: if served.iter().any(|i| i.ok == Some(false)) { Some(false) } else { last.ok },
        outcome: told(&first.outcome),
        instead: told(&first.instead),
        remark: String::new(),
        after: held(&last.after, Some(&last.host)),
    })
}

fn conversation_rows(pairing: &Pairing, paired: &Paired, options: &Options, rows: &mut Vec<SheetRow>) {
    let conversation = |side: usize| pairing.sides[side].conversations.get(paired.at[side]?);
    let title = [0, 1].into_iter().find_map(conversation).map_or_else(String::new, |c| {
        format!("{}: {} → {}", c.protocol.name().to_uppercase(), prose(short(&c.client)), prose(&c.server))
    });
    for (place, row) in paired.rows.iter().enumerate() {
        let cell = |side: usize| {
            let exchange = conversation(side)?.exchanges.get(row.at[side]?)?;
            Some(Cell { lines: Lines::new(options).told(std::slice::from_ref(exchange)), ..Cell::default() })
        };
        let cells = [cell(0), cell(1)];
        let verb = [0, 1]
            .into_iter()
            .find_map(|s| conversation(s)?.exchanges.get(row.at[s]?))
            .map(|e| prose(&e.verb));
        rows.push(SheetRow {
            number: rows.len() + 1,
            key: verb.unwrap_or_default(),
            title: if place == 0 { title.clone() } else { String::new() },
            about: String::new(),
            cells,
            differs: row.differs.iter().map(|d| d.words()).collect(),
        });
    }
}

/// What server and devices hold, a line each; of several accounts that of whoever acts on `host` stands alone.
fn held(holdings: &Holdings, host: Option<&str>) -> Vec<String> {
    let mine: BTreeSet<&String> = match host {
        Some(host) => holdings.devices.get(host).into_iter().flat_map(|a| a.keys()).collect(),
        None => BTreeSet::new(),
    };
    let concerns = |account: &String| mine.is_empty() || mine.contains(account);
    let holds = |mailboxes: &BTreeMap<String, Stock>| mailboxes.values().any(|stock| stock.messages > 0);
    let is_kept = |account: &String| holdings.devices.values().any(|kept| kept.contains_key(account));
    let mut out = Vec::new();
    for (account, mailboxes) in holdings.server.iter().filter(|(account, _)| concerns(account)) {
        // People who have nothing, and fetch nothing, are not part of this story.
        if !(holds(mailboxes) || is_kept(account)) {
            continue;
        }
        let used = mailboxes.iter().filter(|(name, stock)| stock.messages > 0 || *name == "INBOX");
        let stocks: Vec<String> = used.map(|(name, s)| format!("{} {}", prose(name), stock(s))).collect();
        let lock = if holdings.locks.contains_key(account) { ", locked" } else { "" };
        out.push(format!("server, {}: {}{lock}", prose(account), stocks.join("; ")));
    }
    for (device, accounts) in &holdings.devices {
        for (_, kept) in accounts.iter().filter(|(account, _)| concerns(account)) {
            out.push(format!("{}: {}", prose(short(device)), stock(kept)));
        }
    }
    out
}

/// `3 (2 \Seen), 41 kB`.
fn stock(stock: &Stock) -> String {
    let mut said: Vec<String> = stock.flags.iter().map(|(flag, n)| format!("{n} {}", prose(flag))).collect();
    if stock.doubles > 0 {
        said.push(format!("{} twice", stock.doubles));
    }
    let said = if said.is_empty() { String::new() } else { format!(" ({})", said.join(", ")) };
    let size = if stock.messages == 0 { String::new() } else { format!(", {}", octets(stock.octets)) };
    format!("{}{said}{size}", stock.messages)
}

/// `bob-phone` of `bob-phone.example.net`; an address stays whole.
fn short(host: &str) -> &str {
    if host.parse::<std::net::IpAddr>().is_ok() { host } else { host.split('.').next().unwrap_or(host) }
}

/// When which protocol is the better choice: `choice.*` of the catalogue, in its order.
fn verdict() -> Vec<Remark> {
    let entries = catalogue().entries().iter().filter(|e| e.id.starts_with("choice."));
    entries
        .map(|e| Remark {
            title: e.title.clone(),
            text: format!("{}. {}", e.summary, e.detail),
            source: e.source.clone(),
        })
        .collect()
}
