//! [`Held`]: the terminal while it is ours: taken, and given back as it was, however the program ends.

use crate::cli::CommandError;
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the terminal is ours.
static OCCUPIED: AtomicBool = AtomicBool::new(false);

/// The terminal, as long as it is ours; given back when this is dropped, and before a panic is told.
pub struct Held;

impl Held {
    /// Take it.
    ///
    /// # Errors
    /// Where it refuses.
    pub fn take() -> Result<Self, CommandError> {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
        let held = Held;
        occupy()?;
        Ok(held)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        give_back();
    }
}

/// Take the terminal: keys one by one, a screen of our own, no cursor, the mouse.
pub fn occupy() -> io::Result<()> {
    OCCUPIED.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, cursor::Hide)
}

/// Give it back as it was; a second time does nothing.
pub fn give_back() {
    if OCCUPIED.swap(false, Ordering::SeqCst) {
        let _ = execute!(
            io::stdout(),
            DisableBracketedPaste,
            DisableMouseCapture,
            LeaveAlternateScreen,
            cursor::Show
        );
        let _ = disable_raw_mode();
    }
}
