//! How what happens on real ports is told: the options that `lab` and `tap` share, and the telling itself, on the full
//! screen or in lines, while a world runs on a thread of its own.

use super::chaos::Desk;
use super::stop;
use super::told::{self, Feed, Lines, Listener, Out, Packets, Recorder, Traces};
use crate::cli::args::Detail;
use crate::cli::fullscreen::{self, Service};
use crate::cli::{CommandError, screen};
use crate::explain::StoryIndex;
use crate::trace::Record;
use crate::trace::tap::Observer;
use crate::view::plain::Options;
use crate::world::RunError;
use crate::world::live::Closer;
use clap::ValueHint;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;

/// What the command line says about the telling.
#[derive(Debug, clap::Args)]
pub struct Telling {
    /// Tell what happens as lines.
    #[arg(long, help_heading = "The telling")]
    pub plain: bool,
    /// Tell nothing of what happens; together with --record it is only written down.
    #[arg(long, help_heading = "The telling", conflicts_with_all = ["plain", "detail", "width"])]
    pub quiet: bool,
    /// How much is told. [default: brief]
    #[arg(long, value_name = "HOW", help_heading = "The telling")]
    pub detail: Option<Detail>,
    /// Keep a transcript as it grows: every byte, passwords too.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub record: Option<PathBuf>,
    /// Write a capture as it grows, for Wireshark: what crosses the sockets and what goes from host to host.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub pcapng: Option<PathBuf>,
    /// Write an OpenTelemetry trace of each message as it is done, one JSON object a line (OTLP), for a collector.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "The telling")]
    pub otlp: Option<PathBuf>,
    /// Show passwords in what is told.
    #[arg(long, help_heading = "The telling")]
    pub show_secrets: bool,
    /// Columns, 32 to 1000. [default: the terminal's, else 80]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(32..=1000),
          help_heading = "The telling")]
    pub width: Option<u16>,
}

/// What is written to files.
#[derive(Default)]
pub struct Writers {
    recorder: Option<Recorder>,
    packets: Option<Packets>,
    traces: Option<Traces>,
}

impl Writers {
    fn boxed(self) -> Vec<Box<dyn Listener>> {
        let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
        listeners.extend(self.recorder.map(|recorder| Box::new(recorder) as Box<dyn Listener>));
        listeners.extend(self.packets.map(|packets| Box::new(packets) as Box<dyn Listener>));
        listeners.extend(self.traces.map(|traces| Box::new(traces) as Box<dyn Listener>));
        listeners
    }
}

/// A world that runs on a thread of its own.
pub type Running = JoinHandle<Result<(), RunError>>;

impl Telling {
    /// The files that were asked for, made.
    ///
    /// # Errors
    /// Where one cannot be.
    pub fn writers(&self) -> Result<Writers, CommandError> {
        Ok(Writers {
            recorder: self.record.as_deref().map(Recorder::new).transpose()?,
            packets: self.pcapng.as_deref().map(|path| Packets::new(path, self.show_secrets)).transpose()?,
            traces: self.otlp.as_deref().map(Traces::new).transpose()?,
        })
    }

    /// Whether it is watched on the full screen: somebody sits before a terminal, and asked for nothing that only text has.
    pub fn is_walked(&self) -> bool {
        let told = self.plain || self.quiet || self.detail.is_some() || self.width.is_some();
        !told && fullscreen::is_possible()
    }

    /// Run a world and tell what happens until it is closed. `board` is shown first, `closed` is said at the end. `desk`
    /// is where faults are switched, where they can be.
    ///
    /// # Errors
    /// Where it cannot run, or what is told cannot be written.
    pub fn play(
        &self,
        (board, closed): (&str, &str),
        writers: Writers,
        desk: Option<Arc<Desk>>,
        begin: impl FnOnce(Option<Observer>, &Closer) -> Result<Running, CommandError>,
    ) -> Result<(), CommandError> {
        if self.is_walked() {
            return self.walk(board, writers, desk, begin);
        }
        let closer = Closer::default();
        stop::on_signals(closer.clone())?;
        let mut out = Out::standard();
        out.write_all(board.as_bytes())?;
        out.flush()?;
        let mut listeners = writers.boxed();
        if !self.quiet {
            let options = Options {
                detail: self.detail.unwrap_or_default().into(),
                width: screen::width(self.width.map(usize::from)),
                colour: screen::colour(),
                show_secrets: self.show_secrets,
            };
            listeners.push(Box::new(Lines::new(out.clone(), options)));
            if let Some(desk) = desk {
                desk.hear_keys()?;
            }
        }
        operate(listeners, &closer, begin)?;
        writeln!(out, "\n{closed}")?;
        Ok(out.flush()?)
    }

    /// Run it while it is watched on the full screen; who leaves closes it.
    fn walk(
        &self,
        board: &str,
        writers: Writers,
        desk: Option<Arc<Desk>>,
        begin: impl FnOnce(Option<Observer>, &Closer) -> Result<Running, CommandError>,
    ) -> Result<(), CommandError> {
        let closer = Closer::default();
        let (observer, records) = told::channel();
        let (index, feeder) = StoryIndex::growing_in(fullscreen::nameless()?);
        let tell = move || {
            let mut listeners = writers.boxed();
            listeners.push(Box::new(Feed(feeder)));
            told::tell(&records, &mut listeners)
        };
        let told = std::thread::Builder::new().name("told".to_owned()).spawn(tell)?;
        let world = begin(Some(observer), &closer)?;
        let secrets = self.show_secrets;
        let opener: fullscreen::Opener = Box::new(move |_| fullscreen::ready("", index, secrets));
        let switch = desk.map(Desk::switch_of);
        let service = Service { export: None, keeper: None, switch, show_secrets: secrets };
        let watched = fullscreen::run_until(board, opener, None, &service);
        closer.close();
        end(world)?;
        // A record that could not be written is told when the screen is gone.
        told.join().map_err(|_| broken())??;
        watched.map(|_| ())
    }
}

/// Run it and tell what happens, until it is closed.
fn operate(
    mut listeners: Vec<Box<dyn Listener>>,
    closer: &Closer,
    begin: impl FnOnce(Option<Observer>, &Closer) -> Result<Running, CommandError>,
) -> Result<(), CommandError> {
    let (observer, records) = told::channel();
    // Where nobody listens, nothing is recorded: that is fastest.
    let observer = (!listeners.is_empty()).then_some(observer);
    let world = begin(observer, closer)?;
    let told = told::tell(&records, &mut listeners);
    if told.is_err() {
        closer.close();
    }
    drop::<Receiver<Record>>(records);
    end(world)?;
    told
}

/// Run this on a thread of its own.
///
/// # Errors
/// Where the system gives none.
pub fn on_a_thread(
    run: impl FnOnce() -> Result<(), RunError> + Send + 'static,
) -> Result<Running, CommandError> {
    Ok(std::thread::Builder::new().name("world".to_owned()).spawn(run)?)
}

/// Wait until it has ended.
fn end(world: Running) -> Result<(), CommandError> {
    let ran = world.join().map_err(|_| broken())?;
    ran.map_err(|error| CommandError::failure(format!("it cannot run: {error}"), ""))
}

fn broken() -> CommandError {
    let what = "the program broke down: what is written above says where";
    CommandError::failure(what, "that is a mistake in postroad itself")
}
