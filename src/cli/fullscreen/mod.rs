//! The terminal view, run: takes the terminal, gives it back however the program ends, and carries what happens (keys,
//! the mouse, signals, a journey that is done) to the view.
//!
//! What the view may not do itself is done here: reading the clock, opening files, copying, writing exports.

mod held;
mod stories;

pub use stories::{Export, Kept, Opener, Service, Tell, book, export};
pub(super) use stories::{export_of, growing, keep, nameless, opener, ready};

use super::CommandError;
use super::open::Source;
use super::runner::Worlds;
use super::talk;
use crate::lesson::Session;
use crate::view::tui::compare::{CompareView, Outcome};
use crate::view::tui::lesson::{Done, Job, LessonView};
use crate::view::tui::theme::Theme;
use crate::view::tui::{self, Effect, Model, Msg, Options};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use held::{Held, give_back, occupy};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use std::collections::VecDeque;
use std::io::{self, IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// Keys that are kept while a lesson's world runs.
const MOST_TYPED: usize = 4096;

/// Whether the full screen can be used: somebody sits before it, and it can do more than print.
pub fn is_possible() -> bool {
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

/// What happens around the view.
enum Happening {
    Terminal(Event),
    Signal(i32),
    View(Msg),
    /// What of a lesson took longer than a frame is done.
    Lesson(Box<Done>),
    /// The terminal says nothing more.
    Gone,
    /// A thread panicked.
    Broken,
}

/// Show a story until the reader leaves. `opener` makes it on a thread of its own, while the screen is there already;
/// `waiting` says what is being done.
///
/// # Errors
/// Where the terminal refuses.
pub fn run(
    waiting: &str,
    opener: Opener,
    filter: Option<&str>,
    service: &Service,
) -> Result<(), CommandError> {
    if let Some(signal) = run_until(waiting, opener, filter, service)? {
        end_by(signal);
    }
    Ok(())
}

/// The same; gives the signal that ended it, where one did, for those who have something to do before they follow it.
///
/// # Errors
/// Where the terminal refuses.
pub fn run_until(
    waiting: &str,
    opener: Opener,
    filter: Option<&str>,
    service: &Service,
) -> Result<Option<i32>, CommandError> {
    let held = Held::take()?;
    let mut troubles = Vec::new();
    let result = watch(waiting, opener, filter, service, &mut troubles);
    drop(held);
    for trouble in troubles {
        let _ = writeln!(io::stderr(), "note: {trouble}");
    }
    result
}

/// Show two stories side by side until the reader leaves.
///
/// # Errors
/// Where the terminal refuses.
pub fn side_by_side(view: &mut CompareView) -> Result<(), CommandError> {
    on_the_screen(|| watch_both(view))
}

/// Show a lesson until the reader leaves.
///
/// # Errors
/// Where the terminal refuses.
pub fn lesson(session: Session) -> Result<(), CommandError> {
    on_the_screen(|| attend(&mut LessonView::new(session)))
}

/// Take the terminal for this, give it back, and follow the signal that ended it, where one did.
fn on_the_screen(show: impl FnOnce() -> Result<Option<i32>, CommandError>) -> Result<(), CommandError> {
    let held = Held::take()?;
    let ended = show();
    drop(held);
    if let Some(signal) = ended? {
        end_by(signal);
    }
    Ok(())
}

/// How a view that has no effects comes to its end.
enum Ended {
    /// The reader left, or nobody sits there any more.
    Left,
    /// A signal that means: end.
    By(i32),
}

/// What every view does with what is neither a key nor the mouse; gives how it ended, where it did.
fn otherwise(happened: Option<Happening>, terminal: &mut Screen) -> Result<Option<Ended>, CommandError> {
    match happened {
        Some(Happening::Signal(signal)) if is_stop(signal) => {
            suspend()?;
            anew(terminal)?;
            Ok(None)
        }
        Some(Happening::Signal(signal)) => Ok(Some(Ended::By(signal))),
        Some(Happening::Gone) => Ok(Some(Ended::Left)),
        Some(Happening::Broken) => Err(broken()),
        _ => Ok(None),
    }
}

/// Until the reader leaves the lesson; gives the signal that ended it, where one did.
fn attend(view: &mut LessonView) -> Result<Option<i32>, CommandError> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let theme = theme();
    let (sender, receiver) = mpsc::channel();
    listen(&sender)?;
    let mut typed = VecDeque::new();
    loop {
        terminal.draw(|screen| view.draw(screen, screen.area(), &theme))?;
        if let Some(job) = view.job() {
            let work = move || Happening::Lesson(Box::new(Job::run(job)));
            thread(&sender, work)?;
        }
        // What was typed while a world ran is heard when it is over.
        let waited = if view.is_busy() { None } else { typed.pop_front() };
        match waited.map(Happening::Terminal).or_else(|| next(&receiver, None)) {
            Some(Happening::Lesson(done)) => view.done(*done),
            Some(Happening::Terminal(Event::Key(key))) if view.is_busy() && is_break(key) => return Ok(None),
            Some(Happening::Terminal(event @ (Event::Key(_) | Event::Paste(_)))) if view.is_busy() => {
                typed.push_back(event);
                typed.truncate(MOST_TYPED);
            }
            Some(Happening::Terminal(Event::Key(key))) if view.key(key) => return Ok(None),
            Some(Happening::Terminal(Event::Paste(text))) => view.paste(&text),
            Some(Happening::Terminal(Event::Mouse(mouse))) => view.mouse(mouse),
            other => match otherwise(other, &mut terminal)? {
                Some(Ended::Left) => return Ok(None),
                Some(Ended::By(signal)) => return Ok(Some(signal)),
                None => {}
            },
        }
    }
}

/// Until the reader leaves; gives the signal that ended it, where one did.
fn watch_both(view: &mut CompareView) -> Result<Option<i32>, CommandError> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let theme = theme();
    let (sender, receiver) = mpsc::channel();
    listen(&sender)?;
    let mut before = now();
    loop {
        terminal.draw(|screen| view.draw(screen, screen.area(), &theme))?;
        let happened = next(&receiver, view.pace());
        let passed = now().saturating_duration_since(before);
        before += passed;
        view.tick(passed);
        match happened {
            Some(Happening::Terminal(Event::Key(key))) if view.key(key) == Outcome::Quit => return Ok(None),
            Some(Happening::Terminal(Event::Mouse(mouse))) => view.mouse(mouse),
            other => match otherwise(other, &mut terminal)? {
                Some(Ended::Left) => return Ok(None),
                Some(Ended::By(signal)) => return Ok(Some(signal)),
                None => {}
            },
        }
    }
}

/// The look for this terminal.
fn theme() -> Theme {
    let set = |name: &str| std::env::var(name).ok();
    Theme::of_terminal(set("NO_COLOR").as_deref(), set("TERM").as_deref(), set("COLORFGBG").as_deref())
}

/// Until the reader leaves; gives the signal that ended it, where one did.
fn watch(
    waiting: &str,
    opener: Opener,
    filter: Option<&str>,
    service: &Service,
    troubles: &mut Vec<String>,
) -> Result<Option<i32>, CommandError> {
    let mut terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
    let size = terminal.size()?;
    let theme = theme();
    let options = Options { theme, colour: theme.has_colour(), exports: service.export.is_some() };
    let mut model = Model::new((size.width, size.height), options, waiting);
    model.filter_first(filter);
    model.forks.runner = Some(Arc::new(Worlds));
    model.forks.desks = Some(Arc::new(talk::desk_at));
    model.forks.switch = service.switch.clone();
    terminal.draw(|screen| tui::draw(&model, screen))?;
    let (sender, receiver) = mpsc::channel();
    listen(&sender)?;
    on_a_thread(&sender, opener)?;
    let ended = live(&mut terminal, &mut model, (&sender, &receiver), service);
    for book in &model.books {
        troubles.extend(book.troubles().iter().map(|trouble| format!("{}: {trouble}", book.name)));
    }
    ended
}

/// The screen, and what it is drawn on.
type Screen = Terminal<CrosstermBackend<io::Stdout>>;

/// Take in what happens, and draw, until the reader leaves; gives the signal that ended it, where one did.
fn live(
    terminal: &mut Screen,
    model: &mut Model,
    (sender, receiver): (&Sender<Happening>, &Receiver<Happening>),
    service: &Service,
) -> Result<Option<i32>, CommandError> {
    let mut before = now();
    loop {
        let happened = next(receiver, model.pace());
        let passed = now().saturating_duration_since(before);
        before += passed;
        let mut effects = tui::update(model, Msg::Tick(passed));
        // What came meanwhile is taken in before anything is drawn.
        for happening in happened.into_iter().chain(std::iter::from_fn(|| receiver.try_recv().ok())) {
            match happening {
                Happening::Terminal(event) => effects.extend(told(model, event)),
                Happening::View(msg) => effects.extend(tui::update(model, msg)),
                Happening::Signal(signal) if is_stop(signal) => effects.push(Effect::Suspend),
                Happening::Signal(signal) => return Ok(Some(signal)),
                Happening::Gone => return Ok(None),
                Happening::Broken => return Err(broken()),
                Happening::Lesson(_) => {}
            }
        }
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(None),
                Effect::Suspend => {
                    suspend()?;
                    // The window may have another size now.
                    let size = terminal.size()?;
                    tui::update(model, Msg::Resize(size.width, size.height));
                    anew(terminal)?;
                    before = now();
                }
                Effect::Redraw => anew(terminal)?,
                Effect::Copy(text) => copy(&text)?,
                // Long stories take their time.
                Effect::Export { path, from, records } => {
                    let (export, secrets) = (service.export.clone(), service.show_secrets);
                    let write = move |_| match (records, export) {
                        (Some(records), _) => {
                            Msg::Told(stories::export(Some(&*records), &path, from, secrets))
                        }
                        (None, Some(export)) => Msg::Told(export(&path, from)),
                        (None, None) => Msg::Told(String::new()),
                    };
                    on_a_thread(sender, Box::new(write))?;
                }
                Effect::Save { path, records } => {
                    on_a_thread(sender, Box::new(move |_| Msg::Told(stories::save(&records, &path))))?;
                }
                Effect::Annotate(_) | Effect::Unmark(_) => {
                    if let Some(keeper) = service.keeper.clone() {
                        on_a_thread(sender, Box::new(move |_| keeper(&effect)))?;
                    }
                }
                Effect::Open(name) => beside(model, sender, &name, service.show_secrets)?,
            }
        }
        terminal.draw(|screen| tui::draw(model, screen))?;
    }
}

/// Draw every cell at the next frame. (`Terminal::clear` would ask the terminal where its cursor is, and wait.)
fn anew(terminal: &mut Screen) -> io::Result<()> {
    let size = terminal.size()?;
    terminal.resize(Rect::new(0, 0, size.width, size.height))
}

/// Open a second story beside the first.
fn beside(model: &mut Model, sender: &Sender<Happening>, name: &str, show_secrets: bool) -> io::Result<()> {
    match Source::find(name) {
        Ok(Source::Stdin) => tui::update(model, Msg::Failed("keys come from there".to_owned())),
        Ok(source) => return on_a_thread(sender, opener(source, show_secrets)),
        Err(error) => tui::update(model, Msg::Failed(error.to_string())),
    };
    Ok(())
}

/// What happens next; nothing, when `pace` has passed.
fn next(receiver: &Receiver<Happening>, pace: Option<Duration>) -> Option<Happening> {
    match pace {
        None => Some(receiver.recv().unwrap_or(Happening::Gone)),
        Some(pace) => match receiver.recv_timeout(pace) {
            Ok(happening) => Some(happening),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Happening::Gone),
        },
    }
}

/// The view is told what the terminal says.
fn told(model: &mut Model, event: Event) -> Vec<Effect> {
    match event {
        Event::Key(key) => tui::update(model, Msg::Key(key)),
        Event::Mouse(mouse) => tui::update(model, Msg::Mouse(mouse)),
        Event::Paste(text) => tui::update(model, Msg::Paste(text)),
        Event::Resize(columns, rows) => tui::update(model, Msg::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost => Vec::new(),
    }
}

/// Threads that listen to the terminal and to signals; they end with the program.
fn listen(sender: &Sender<Happening>) -> io::Result<()> {
    let to = sender.clone();
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        while let Ok(event) = event::read() {
            if to.send(Happening::Terminal(event)).is_err() {
                return;
            }
        }
        let _ = to.send(Happening::Gone);
    })?;
    signals(sender.clone())
}

/// Do this on a thread of its own, and tell the view what came of it.
fn on_a_thread(sender: &Sender<Happening>, opener: Opener) -> io::Result<()> {
    let later = sender.clone();
    let tell: Tell = Box::new(move |msg| {
        let _ = later.send(Happening::View(msg));
    });
    thread(sender, move || Happening::View(opener(tell)))
}

/// Do this on a thread of its own, and tell what came of it.
fn thread(sender: &Sender<Happening>, work: impl FnOnce() -> Happening + Send + 'static) -> io::Result<()> {
    let to = sender.clone();
    let work = move || {
        // A panic has been told by then; nobody is left to wait for what it would have made.
        let made = std::panic::catch_unwind(AssertUnwindSafe(work));
        let _ = to.send(made.unwrap_or(Happening::Broken));
    };
    std::thread::Builder::new().name("story".to_owned()).spawn(work).map(|_| ())
}

#[cfg(unix)]
fn signals(to: Sender<Happening>) -> io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    let mut signals = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP])?;
    let listen = move || {
        for signal in &mut signals {
            if to.send(Happening::Signal(signal)).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listen).map(|_| ())
}

#[cfg(not(unix))]
fn signals(_to: Sender<Happening>) -> io::Result<()> {
    Ok(())
}

fn broken() -> CommandError {
    let what = "the program broke: what is written above says where";
    CommandError::failure(what, "that is a mistake in postroad itself")
}

/// Whether this key breaks off what is under way: ctrl-c, which a terminal of our own does not make a signal of.
fn is_break(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}

/// Whether this signal means: stop until told to go on.
fn is_stop(signal: i32) -> bool {
    #[cfg(unix)]
    return signal == signal_hook::consts::SIGTSTP;
    #[cfg(not(unix))]
    {
        let _ = signal;
        false
    }
}

/// End as this signal ends a program that does nothing about it: whoever sent it sees that it did.
fn end_by(signal: i32) {
    #[cfg(unix)]
    let _ = signal_hook::low_level::emulate_default_handler(signal);
    #[cfg(not(unix))]
    let _ = signal;
}

/// Back to the shell until it says go on.
fn suspend() -> Result<(), CommandError> {
    #[cfg(unix)]
    {
        give_back();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        occupy()?;
    }
    Ok(())
}

/// Ask the terminal to keep this text as what was copied (OSC 52): it works over ssh too.
fn copy(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{}\x07", BASE64.encode(text))?;
    out.flush()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the view moves in real time: what plays, and how long a message stays"
)]
fn now() -> Instant {
    Instant::now()
}
