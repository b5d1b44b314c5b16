//! The pane in which somebody types at a server, on the whole screen: its orders are run, and what came of them told.

use super::{Happening, Held, anew, end_by, is_stop, listen, next, suspend, theme};
use crate::cli::CommandError;
use crate::cli::runner::Worlds;
use crate::trace::Record;
use crate::view::runner::{News, Runner, Running};
use crate::view::tui::talk::{Outcome, TalkPane};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use std::io;
use std::sync::mpsc;
use std::time::Duration;

/// How often a run is looked at: it takes some milliseconds.
const LOOK: Duration = Duration::from_millis(5);

/// Keeps a session; says what became of it.
pub type Keep<'k> = &'k dyn Fn(&[Record]) -> Result<String, String>;

/// Type until the student leaves. `keep` saves the session when that is asked for.
///
/// # Errors
/// Where the terminal refuses.
pub fn type_at(pane: &mut TalkPane, keep: Keep<'_>) -> Result<(), CommandError> {
    let held = Held::take()?;
    let result = live(pane, keep);
    drop(held);
    if let Some(signal) = result? {
        end_by(signal);
    }
    Ok(())
}

/// Until the student leaves; gives the signal that ended it, where one did.
fn live(pane: &mut TalkPane, keep: Keep<'_>) -> Result<Option<i32>, CommandError> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let theme = theme();
    let (sender, receiver) = mpsc::channel();
    listen(&sender)?;
    let mut run = Some((Worlds.start(pane.talk().order()), Vec::new()));
    loop {
        terminal.draw(|screen| pane.draw(screen, screen.area(), &theme))?;
        let happened = next(&receiver, run.is_some().then_some(LOOK));
        look(&mut run, pane);
        let outcome = match happened {
            Some(Happening::Terminal(Event::Key(key))) if is(key, 'c') => return Ok(None),
            Some(Happening::Terminal(Event::Key(key))) if is(key, 'z') => {
                suspend()?;
                anew(&mut terminal)?;
                Outcome::Stay
            }
            Some(Happening::Terminal(Event::Key(key))) => pane.update(key),
            Some(Happening::Terminal(Event::Paste(text))) => {
                pane.paste(&text);
                Outcome::Stay
            }
            Some(Happening::Signal(signal)) if is_stop(signal) => {
                suspend()?;
                anew(&mut terminal)?;
                Outcome::Stay
            }
            Some(Happening::Signal(signal)) => return Ok(Some(signal)),
            Some(Happening::Gone | Happening::Broken) => return Ok(None),
            _ => Outcome::Stay,
        };
        match outcome {
            Outcome::Stay => {}
            Outcome::Run(order) => run = Some((Worlds.start(*order), Vec::new())),
            Outcome::Save => pane.tell(keep(pane.talk().records())),
            Outcome::Leave => return Ok(None),
        }
    }
}

/// Take in what a run has told; it is let go when it is over.
fn look(run: &mut Option<(Running, Vec<Record>)>, pane: &mut TalkPane) {
    while let Some((running, records)) = run {
        match running.poll() {
            None => return,
            Some(News::Records(more)) => records.extend(more),
            Some(News::Done) => {
                pane.told(std::mem::take(records));
                *run = None;
            }
            Some(News::Failed(why)) => {
                pane.failed(&why);
                *run = None;
            }
        }
    }
}

fn is(key: KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}
