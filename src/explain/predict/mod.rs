//! Predict: before a line is shown, what will it be? [`ask`] makes the question: the line that comes, among plausible
//! ones that do not.
//!
//! A wrong answer is made from a rule of the catalogue (`rules`) with the values of this moment ([`place`]); where
//! it rests on a misconception it names it, and it always says why it is wrong here. [`judge`] hears an answer that
//! was chosen or typed, [`score`] keeps count. Same transcript, row and seed: same question, in the same order.

mod judge;
mod place;
mod rules;
mod said;
mod score;
#[cfg(test)]
mod tests;

pub use judge::{Answer, Verdict};
pub use place::Moment;
pub use score::Score;

use super::index::RowKinds;
use super::template::Vars;
use super::{Item, Misconception, Note, StoryIndex, misconception};
use crate::base::{Word, escape, random};
use crate::dissect::{Kind, Meaning, Protocol, Step};
use crate::state::State;
use crate::trace::{CloseHow, Direction};
use place::Place;
use rules::{Who, Wrong, rules};
use std::net::IpAddr;
use std::time::Duration;

/// Wrong answers beside the right one, at most.
const MOST_WRONG: usize = 3;
/// Rows that are looked back over for what was said on the same connection.
const BEHIND: usize = 256;

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Who speaks or acts; empty where it is something that happens.
    pub who: String,
    /// The line, or what is done. Escaped, without secrets.
    pub text: String,
    /// Whether `text` is a line of a wire, rather than words of ours.
    pub is_wire: bool,
    /// The misconception that it rests on.
    pub misconception: Option<&'static Misconception>,
    /// Why it is wrong here; for the right one, what the line means.
    pub because: String,
    /// Who says so.
    pub source: Vec<String>,
    signature: String,
    /// Its rule says that it may have the right one's signature, because it differs in something else.
    differs: bool,
}

impl Choice {
    /// `mail.example.com: 250 2.1.5 Recipient OK`, `mail.example.com calls mx1.example.net on port 25`, or what happens.
    pub fn sentence(&self) -> String {
        match (self.who.is_empty(), self.is_wire) {
            (true, _) => self.text.clone(),
            (false, true) => format!("{}: {}", self.who, self.text),
            (false, false) => format!("{} {}", self.who, self.text),
        }
    }
}

/// What is asked before a Step is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The number of the Step that it is about.
    pub number: usize,
    /// What that speaks.
    pub protocol: Protocol,
    /// Between whom, as in `alice-laptop and mail.example.com, port 587`; empty where that is the question.
    pub setting: String,
    /// How much later it happens than what was shown last.
    pub gap: Duration,
    /// What was said last on this connection, and by whom: `mail.example.com: 220 ready`.
    pub last: Option<String>,
    /// The question.
    pub asks: String,
    /// Three or four answers, in the order in which they are shown.
    pub choices: Vec<Choice>,
    /// Which of them is right.
    pub right: usize,
    truth: Truth,
}

/// What a typed answer is held against.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Truth {
    kind: Kind,
    from_server: bool,
    /// The first line whole.
    line: String,
    verb: Word,
    code: Word,
    /// Other words that name it.
    accept: Vec<String>,
}

/// The question about the Step in `row` of a story; `None` where there is no Step, or nobody could know it (bytes in
/// TLS, bytes that are missing). `host` says what the host of an address is called.
pub fn at(
    index: &mut StoryIndex,
    row: usize,
    host: &dyn Fn(IpAddr) -> String,
    seed: u64,
) -> Option<Question> {
    let item = index.rows(row..row + 1).pop()?;
    let Item::Step(step, note) = item else { return None };
    let before = index.rows(row.saturating_sub(BEHIND)..row);
    // The chapter's head may stand right above the line: then it begins with it.
    let chapter = index.next(row, RowKinds::CHAPTER, true).and_then(|at| index.rows(at..at + 1).pop());
    let chapter = match chapter {
        Some(Item::Chapter(chapter)) => chapter.id,
        _ => String::new(),
    };
    let state = if row == 0 { State::default() } else { index.state_after(row - 1) };
    let opens = index.opens();
    let moment = Moment { before: &before, chapter: &chapter, state: &state, step: &step, opens, host };
    ask(&moment, &note, seed)
}

/// The question about the Step that comes; its note explains the right answer. See [`at`].
pub fn ask(moment: &Moment<'_>, note: &Note, seed: u64) -> Option<Question> {
    let step = moment.step;
    let place = Place::of(moment);
    let right = right(&place, step, note)?;
    let mut random = random::stream(seed, "", "predict", &step.number.to_string());
    let mut choices = wrong(&place, step, &right, &mut random);
    let key = place.key();
    let prompt = rules().prompt.iter().find(|prompt| rules::fits(&prompt.at, key));
    let asks = prompt.map_or("What comes next?", |prompt| prompt.asks.as_str());
    let speaker = if step.from == Direction::Server { place.var("server") } else { place.var("client") };
    let mut vars = place.vars().clone();
    vars.set("speaker", speaker);
    let truth = Truth {
        kind: step.kind,
        from_server: step.from == Direction::Server,
        line: truth_line(step, &right),
        verb: step.verb.clone(),
        code: if step.kind == Kind::Close { key.code.into() } else { step.code.clone() },
        accept: prompt.map(|prompt| prompt.accept.clone()).unwrap_or_default(),
    };
    let at = random.usize(0..=choices.len());
    choices.insert(at, right);
    Some(Question {
        number: step.number,
        protocol: step.protocol,
        setting: setting(&vars, step),
        gap: place.last_at().map_or(Duration::ZERO, |last| step.at.since(last)),
        last: last_words(&place),
        asks: vars.fill(asks).into_owned(),
        choices,
        right: at,
        truth,
    })
}

/// Where it happens; not told before a call, since whom it reaches is the question.
fn setting(vars: &Vars, step: &Step) -> String {
    match (step.kind, vars.get("client"), vars.get("server"), vars.get("port")) {
        (Kind::Open, ..) => String::new(),
        (_, Some(client), Some(server), Some(port)) => format!("{client} and {server}, port {port}"),
        _ => String::new(),
    }
}

/// What was said last on the connection, and by whom.
fn last_words(place: &Place<'_>) -> Option<String> {
    let last = place.last_here()?;
    let who = if last.from == Direction::Server { place.var("server") } else { place.var("client") };
    let port = place.var("port").parse().unwrap_or_default();
    let text = said::of(last, place.var("server"), port)?;
    let colon = if is_wire(last) { ":" } else { "" };
    Some(format!("{who}{colon} {text}"))
}

/// Whether a Step is said in words of the wire, rather than ours.
fn is_wire(step: &Step) -> bool {
    !matches!(step.kind, Kind::Open | Kind::Close | Kind::Data)
}

/// The line as it stands on the wire, for a typed answer.
fn truth_line(step: &Step, right: &Choice) -> String {
    match step.kind {
        Kind::Command | Kind::Continuation | Kind::Reply | Kind::Greeting | Kind::Untagged => {
            said::first_line(step)
        }
        _ => right.text.clone(),
    }
}

/// The answer that is right.
fn right(place: &Place<'_>, step: &Step, note: &Note) -> Option<Choice> {
    let port = place.var("port").parse().unwrap_or_default();
    let text = said::of(step, place.var("server"), port)?;
    let from_server = step.from == Direction::Server;
    let who = match &step.meaning {
        Meaning::Close(CloseHow::Timeout) => "",
        Meaning::Close(CloseHow::Refused) => place.var("server"),
        _ if from_server => place.var("server"),
        _ => place.var("client"),
    };
    let mut because = sentence(&escape::text(&note.summary));
    if !note.detail.is_empty() {
        because = format!("{because} {}", escape::text(&note.detail));
    }
    let is_wire = is_wire(step);
    let signature = if is_wire { said::signature(step.protocol, from_server, &text) } else { text.clone() };
    Some(Choice {
        who: who.to_owned(),
        text,
        is_wire,
        misconception: None,
        because,
        source: note.source.iter().map(|source| escape::text(source)).collect(),
        signature,
        differs: false,
    })
}

/// With a full stop, and a capital in front where no name stands there.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let is_name = text.split(' ').next().is_some_and(|first| first.contains(['.', '@', '-', '_', '“']));
    let text = match chars.next() {
        Some(first) if !is_name => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    };
    if text.is_empty() || text.ends_with('.') { text } else { text + "." }
}

/// The wrong answers: those that rest on a misconception first, then what else is plausible, the most particular
/// rules before the general ones.
fn wrong(place: &Place<'_>, step: &Step, right: &Choice, random: &mut fastrand::Rng) -> Vec<Choice> {
    let admitted: Vec<&Wrong> = rules().wrong.iter().filter(|wrong| place.admits(wrong)).collect();
    let general = |wrong: &Wrong| {
        let anywhere = wrong.port.is_empty() && wrong.after.is_empty() && wrong.with.is_empty();
        anywhere && (wrong.at.contains('*') || wrong.at.split(' ').count() < 3)
    };
    let mut groups: [Vec<&Wrong>; 3] = Default::default();
    for wrong in admitted {
        let group = match (wrong.misconception, general(wrong)) {
            (Some(_), _) => 0,
            (None, false) => 1,
            (None, true) => 2,
        };
        groups[group].push(wrong);
    }
    let mut chosen: Vec<Choice> = Vec::new();
    for mut group in groups {
        random.shuffle(&mut group);
        for wrong in group {
            if chosen.len() == MOST_WRONG {
                break;
            }
            let Some(choice) = choice(place, step, wrong) else { continue };
            let is_right = choice.signature == right.signature && choice.who == right.who && !choice.differs;
            let told = |other: &Choice| other.who == choice.who && alike(&other.text, &choice.text);
            if !is_right && !told(right) && !chosen.iter().any(told) {
                chosen.push(choice);
            }
        }
    }
    random.shuffle(&mut chosen);
    chosen
}

/// Whether a reader would take one for the other.
fn alike(one: &str, other: &str) -> bool {
    said::plainly(one) == said::plainly(other)
}

/// A rule with the values of this moment; `None` where one is not known.
fn choice(place: &Place<'_>, step: &Step, wrong: &Wrong) -> Option<Choice> {
    let text = place.fill(&wrong.line)?;
    let because = place.fill(&wrong.because)?;
    let misconception = wrong.misconception.and_then(misconception);
    let from_server = matches!(wrong.who, Who::Server | Who::ServerDoes);
    let is_wire = matches!(wrong.who, Who::Client | Who::Server);
    let who = match wrong.who {
        Who::Client | Who::ClientDoes => place.var("client"),
        Who::Server | Who::ServerDoes => place.var("server"),
        Who::Event => "",
    };
    let own = || misconception.map(|row| row.source.clone()).unwrap_or_default();
    let source = if wrong.source.is_empty() { own() } else { wrong.source.clone() };
    let signature = if is_wire { said::signature(step.protocol, from_server, &text) } else { text.clone() };
    let who = who.to_owned();
    Some(Choice { who, text, is_wire, misconception, because, source, signature, differs: wrong.same })
}
