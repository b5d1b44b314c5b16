//! [`Forks`]: the story told again with something changed: which branches there are, which are being run, which is shown.
//!
//! A run is on a thread of its own (see `view::runner`); what it has written is taken in as time goes by.

use super::book::Book;
use super::branches::{self, Branches};
use super::faults::Switch;
use super::model::Model;
use super::overlay::{Asked, Overlay, Prompt};
use super::reading::Reading;
use super::talk::{self, TalkPane};
use super::walk;
use super::whatif::WhatIf;
use crate::dissect::Protocol;
use crate::explain::StoryIndex;
use crate::trace::{Change, Head, Opened, Record};
use crate::view::fork::{Moment, Tree};
use crate::view::runner::{News, Order, Runner, Running};
use crate::view::talk::{Desk, Talk};
use std::sync::Arc;

/// What can be run again, and what is being run.
#[derive(Default)]
pub struct Forks {
    /// Runs stories again; none: nothing can be.
    pub runner: Option<Arc<dyn Runner>>,
    /// Gives somebody a desk from which to call a server.
    pub desks: Option<Desks>,
    /// Switches faults of a lab on and off, where there is one.
    pub switch: Option<Switch>,
    /// The branches, the story as it was first; none until all of it is there.
    pub tree: Option<Tree>,
    /// Whether what a person writes into the story as it was is kept.
    pub takes_notes: bool,
    /// Why there can be no branches.
    why: String,
    /// By branch: the run, and what it has written.
    runs: Vec<(usize, Running, Vec<Record>)>,
    /// What was typed at a server, being run.
    typed: Option<(Running, Vec<Record>)>,
    /// The talk, while the name of its file is asked for.
    aside: Option<Box<TalkPane>>,
}

/// Gives a desk from which to call the server of this connection in the story of this head, when so many records are
/// written; or says why there is none.
pub type Desks = Arc<dyn Fn(&Head, Protocol, &Opened, u64) -> Result<Desk, String> + Send + Sync>;

impl Forks {
    /// Whether something is being run.
    pub fn is_running(&self) -> bool {
        !self.runs.is_empty() || self.typed.is_some()
    }

    /// All records of the story are there.
    pub fn whole(&mut self, records: Arc<[Record]>) {
        let Some(Record::Head(head)) = records.first() else { return };
        match Order::of(head) {
            Ok(order) => self.tree = Some(Tree::new("as it was", order.changes, Arc::clone(&records))),
            Err(why) => self.why = why,
        }
    }

    /// The story as it was is written anew: only marks came or went, so its branches stay.
    pub fn rewritten(&mut self, records: Arc<[Record]>) {
        match &mut self.tree {
            Some(tree) => tree.told(0, records),
            None => self.whole(records),
        }
    }

    /// The records of the branch that is shown, where it is not the story as it was.
    pub fn shown(&self, branch: Option<usize>) -> Option<Arc<[Record]>> {
        self.tree.as_ref()?.records(branch.filter(|id| *id != 0)?)
    }

    /// Take in what was written; gives the branches that are told to their end, and why others are not.
    fn take(&mut self) -> Vec<(usize, Result<(), String>)> {
        let Some(tree) = &mut self.tree else { return Vec::new() };
        let mut over = Vec::new();
        self.runs.retain_mut(|(id, running, records)| {
            while let Some(news) = running.poll() {
                match news {
                    News::Records(more) => records.extend(more),
                    News::Done => {
                        tree.told(*id, std::mem::take(records).into());
                        over.push((*id, Ok(())));
                        return false;
                    }
                    News::Failed(why) => {
                        tree.failed(*id, why.clone());
                        over.push((*id, Err(why)));
                        return false;
                    }
                }
            }
            true
        });
        over
    }
}

/// Ask what could be otherwise at the step that the reader is in.
pub fn what_if(model: &mut Model) {
    let number = walk::step_here(model);
    let branch = model.book().and_then(|book| book.branch);
    let moment = match (&model.forks.runner, &model.forks.tree) {
        (None, _) => Err("nothing can be run again from here".to_owned()),
        (_, None) if model.forks.why.is_empty() => {
            Err("the story is not at its end yet; then it can be told again otherwise".to_owned())
        }
        (_, None) => Err(model.forks.why.clone()),
        (Some(_), Some(tree)) => match tree.records(branch.unwrap_or(tree.current().id)) {
            Some(records) => Moment::at(&records, number),
            None => Err("this branch is not told to its end yet".to_owned()),
        },
    };
    let secrets = model.book().is_some_and(Book::shows_secrets);
    match moment {
        Ok(moment) => model.overlay = Some(Overlay::WhatIf(Box::new(WhatIf::new(moment, secrets)))),
        Err(why) => model.say(why),
    }
}

/// Somebody wants to type at the server of this line.
pub fn talk(model: &mut Model) {
    let number = walk::step_here(model);
    let branch = model.book().and_then(|book| book.branch);
    let records =
        model.forks.tree.as_ref().and_then(|tree| tree.records(branch.unwrap_or(tree.current().id)));
    let (Some(records), Some(desks)) = (records, model.forks.desks.clone()) else {
        let why =
            if model.forks.why.is_empty() { "the story is not at its end yet" } else { &model.forks.why };
        let why = why.to_owned();
        return model.say(why);
    };
    let desk = Moment::at(&records, number).and_then(|moment| {
        let open = moment.open.as_ref().ok_or("nobody is called here")?;
        let protocol = match (moment.step.protocol, open.server.port()) {
            (known @ (Protocol::Smtp | Protocol::Pop3 | Protocol::Imap), _) => known,
            (_, 25 | 587) => Protocol::Smtp,
            (_, 110) => Protocol::Pop3,
            (_, 143) => Protocol::Imap,
            _ => return Err("stand on a line of SMTP, POP3 or IMAP: t types at its server".to_owned()),
        };
        let desk = desks(&moment.head, protocol, open, moment.told)?;
        Ok((Order { head: moment.head, changes: moment.changes }, desk))
    });
    let secrets = model.book().is_some_and(Book::shows_secrets);
    match desk {
        Ok((base, desk)) => begin_talk(model, Box::new(TalkPane::new(Talk::new(base, desk), secrets))),
        Err(why) => model.say(why),
    }
}

/// Show this talk, and have the call made.
pub fn begin_talk(model: &mut Model, pane: Box<TalkPane>) {
    run_typed(model, pane.talk().order());
    model.playing = None;
    model.overlay = Some(Overlay::Talk(pane));
}

fn run_typed(model: &mut Model, order: Order) {
    model.forks.typed = model.forks.runner.as_ref().map(|runner| (runner.start(order), Vec::new()));
}

/// Do what the talk asks for; gives whether the program is left with it.
pub fn settle_talk(model: &mut Model, outcome: talk::Outcome) -> bool {
    match outcome {
        talk::Outcome::Stay => {}
        talk::Outcome::Run(order) => run_typed(model, *order),
        talk::Outcome::Save => {
            if let Some(Overlay::Talk(pane)) = model.overlay.take() {
                model.forks.aside = Some(pane);
                model.overlay = Some(Overlay::Prompt(Prompt::new(Asked::SaveTalk, "talk.jsonl")));
            }
        }
        talk::Outcome::Leave => {
            model.overlay = None;
            // Dropping a run ends it.
            model.forks.typed = None;
            return model.books.is_empty();
        }
    }
    false
}

/// What was typed at a server, as a transcript; the talk goes on.
pub fn talked(model: &mut Model) -> Option<Arc<[Record]>> {
    let pane = model.forks.aside.take()?;
    let records = pane.talk().records().into();
    model.overlay = Some(Overlay::Talk(pane));
    Some(records)
}

/// Take in what came of what was typed.
fn take_typed(model: &mut Model) {
    let Some((mut running, mut records)) = model.forks.typed.take() else { return };
    let pane = match &mut model.overlay {
        Some(Overlay::Talk(pane)) => Some(pane),
        _ => model.forks.aside.as_mut(),
    };
    loop {
        match (running.poll(), &pane) {
            (None, _) => break,
            (Some(News::Records(more)), _) => records.extend(more),
            (Some(_), None) => return,
            (Some(News::Done), Some(_)) => {
                if let Some(pane) = pane {
                    pane.told(records);
                }
                return;
            }
            (Some(News::Failed(why)), Some(_)) => {
                if let Some(pane) = pane {
                    pane.failed(&why);
                }
                return;
            }
        }
    }
    model.forks.typed = Some((running, records));
}

/// Run the story again with these changes.
pub fn fork(model: &mut Model, name: &str, changes: Vec<Change>) {
    let branch = model.book().and_then(|book| book.branch);
    let forks = &mut model.forks;
    let (Some(runner), Some(tree)) = (&forks.runner, &mut forks.tree) else { return };
    let parent = branch.unwrap_or(tree.current().id);
    let head = tree.records(parent).and_then(|records| match records.first() {
        Some(Record::Head(head)) => Some(head.clone()),
        _ => None,
    });
    let Some(head) = head else { return };
    match tree.grow(parent, name, changes.clone()) {
        Ok(id) => {
            let running = runner.start(Order { head, changes });
            forks.runs.push((id, running, Vec::new()));
            model.say(format!("telling it again: {name}"));
        }
        Err(why) => model.say(why),
    }
}

/// Take in what runs have written; a branch that is told, and still wanted, is shown.
pub fn take(model: &mut Model) {
    take_typed(model);
    for (id, end) in model.forks.take() {
        let wanted = model.forks.tree.as_ref().is_some_and(|tree| tree.current().id == id);
        match end {
            Ok(()) if wanted => show(model, id),
            Ok(()) => model.say("a branch is told to its end; W lists them"),
            Err(why) => model.say(why),
        }
    }
}

/// The book of a branch.
fn book(model: &Model, id: usize) -> Option<Book> {
    let tree = model.forks.tree.as_ref()?;
    let records = tree.records(id)?;
    let Some(Record::Head(head)) = records.first() else { return None };
    let secrets = model.book().is_some_and(Book::shows_secrets);
    let index = StoryIndex::of_records(Arc::clone(&records));
    let mut book = Book::new(tree.get(id).map_or("", |branch| branch.name.as_str()), head, index, secrets);
    book.branch = Some(id);
    book.takes_notes = id == 0 && model.forks.takes_notes;
    Some(book)
}

/// The row where a branch parts from what it was forked from; else the row where the reader is.
fn parts_at(model: &Model, id: usize, book: &Book) -> usize {
    let branch = model.forks.tree.as_ref().and_then(|tree| tree.get(id));
    let step = branch.and_then(|branch| branch.parting.as_ref()).and_then(|parting| parting.step);
    let here = model.reading().map_or(0, |reading| reading.row);
    step.and_then(|step| book.row_of_step(step)).unwrap_or(here).min(book.len().saturating_sub(1))
}

/// Look at a branch, where it parts.
fn show(model: &mut Model, id: usize) {
    let Some(book) = book(model, id) else { return };
    let row = parts_at(model, id, &book);
    let (name, step) = (book.name.clone(), book.branch);
    model.books = vec![book];
    model.readings = vec![Reading { row, top: row.saturating_sub(3), ..Reading::of(0) }];
    model.focus = 0;
    model.forget();
    if step != Some(0) {
        model.say(format!("what if: {name} · here it parts · W lists branches"));
    }
}

/// List the branches.
pub fn list(model: &mut Model) {
    match &model.forks.tree {
        Some(tree) if tree.len() > 1 => model.overlay = Some(Overlay::Branches(Branches::new(tree))),
        _ => model.say("there are no branches yet: w asks what if"),
    }
}

/// Do what was asked for among the branches.
pub fn settle(model: &mut Model, outcome: branches::Outcome) {
    match outcome {
        branches::Outcome::Stay => {}
        branches::Outcome::Leave => model.overlay = None,
        branches::Outcome::Switch(id) => {
            model.overlay = None;
            if model.forks.tree.as_mut().is_some_and(|tree| tree.switch(id)) {
                show(model, id);
            }
        }
        branches::Outcome::Diff(parent, id) => {
            model.overlay = None;
            beside(model, parent, id);
        }
        branches::Outcome::Save(id) => {
            model.overlay = Some(Overlay::Prompt(Prompt::new(Asked::Save(id), "branch.jsonl")));
        }
        branches::Outcome::GiveUp(id) => {
            let Some(tree) = &mut model.forks.tree else { return };
            let gone = tree.give_up(id);
            let current = tree.current().id;
            // Dropping a run ends it.
            model.forks.runs.retain(|(id, ..)| !gone.contains(id));
            let shown = model.books.iter().any(|book| book.branch.is_some_and(|id| gone.contains(&id)));
            if shown {
                show(model, current);
            }
        }
    }
}

/// Two branches side by side, where they part.
fn beside(model: &mut Model, parent: usize, id: usize) {
    let (Some(left), Some(right)) = (book(model, parent), book(model, id)) else { return };
    let row = parts_at(model, id, &right);
    let top = row.saturating_sub(3);
    let rows = [row.min(left.len().saturating_sub(1)), row];
    model.books = vec![left, right];
    model.readings = [0, 1].map(|pane| Reading { row: rows[pane], top, ..Reading::of(pane) }).into();
    model.focus = 1;
    model.forget();
}
