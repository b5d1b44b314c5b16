//! [`Msg`]: everything that can happen to the terminal view; [`Action`]: what a key asks for; [`Effect`]: what the view
//! asks of the program around it, because it touches no terminal, file or clock itself.

use super::annotate::Draft;
use super::book::Book;
use super::talk::TalkPane;
use crate::trace::{Mark, Record};
use crossterm::event::{KeyEvent, MouseEvent};
use ratatui::crossterm;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Everything that can happen.
pub enum Msg {
    /// A key went down.
    Key(KeyEvent),
    /// The mouse did something.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has so many columns and rows now.
    Resize(u16, u16),
    /// Time went by, in reality.
    Tick(Duration),
    /// A story can be read (it may still grow).
    Opened(Box<Book>),
    /// It cannot: why, in a sentence.
    Failed(String),
    /// The program around the view has something to say: an export is written, a copy is made.
    Told(String),
    /// All records of the first story are there: it can be run again from them.
    Whole(Arc<[Record]>),
    /// The recording was written with a mark more or less: the same story anew, all its records, and what is said.
    Written(Box<Book>, Arc<[Record]>, String),
    /// Somebody types at a server, and nothing else is shown.
    Talk(Box<TalkPane>),
    /// What a key stands for, or a click on its name.
    Do(Action),
}

/// What can be asked for by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table of keys says what each one does")]
pub enum Action {
    Step,
    Back,
    Down,
    Up,
    PageDown,
    PageUp,
    Start,
    End,
    NextChapter,
    LastChapter,
    NextCommand,
    LastCommand,
    NextError,
    LastError,
    NextFinding,
    LastFinding,
    Play,
    Faster,
    Slower,
    GoTo,
    Search,
    SearchOn,
    SearchBack,
    Filter,
    Mark,
    Places,
    Follow,
    Predict,
    WhatIf,
    Branches,
    Faults,
    Talk,
    Twin,
    Focus,
    NextPart,
    LastPart,
    NoteDown,
    NoteUp,
    LineDown,
    LineUp,
    Hex,
    Analogy,
    Reference,
    Tab,
    CopyLine,
    CopyNote,
    Export,
    Annotate,
    Theme,
    Help,
    Close,
    Suspend,
    Redraw,
    Quit,
}

/// What the program around the view has to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Give the terminal back, and stop until the shell says go on.
    Suspend,
    /// Draw everything anew.
    Redraw,
    /// Put this text where the terminal keeps what was copied.
    Copy(String),
    /// Write the story from this Step on to a file; its ending says in what format.
    Export {
        /// Where.
        path: PathBuf,
        /// The first Step.
        from: usize,
        /// What is written, where it is not the story that was opened first.
        records: Option<Arc<[Record]>>,
    },
    /// Write these records to a file, as a transcript.
    Save {
        /// Where.
        path: PathBuf,
        /// What.
        records: Arc<[Record]>,
    },
    /// Write this mark into the recording.
    Annotate(Draft),
    /// Take this mark out of the recording.
    Unmark(Box<Mark>),
    /// Open a second story beside the first: a file, or a recording's name.
    Open(String),
}
