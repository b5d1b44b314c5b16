//! [`CommandError`]: why a command did not do what was asked, in one clear sentence, and what to do about it.

use crate::base::escape;
use std::fmt;
use std::io;
use std::process::ExitCode;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command was asked for in the wrong way: exit code 2.
    Usage,
    /// It was asked for rightly, and could not be done: exit code 1.
    Failure,
    /// Whoever read the output went away: no failure at all.
    BrokenPipe,
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandError {
    /// Whose fault it is.
    pub kind: Kind,
    /// What happened and where, in a sentence without a full stop; or a report of several lines.
    pub message: String,
    /// What to do.
    pub hint: String,
}

impl CommandError {
    /// Asked for in the wrong way.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CommandError { kind: Kind::Usage, message: message.into(), hint: hint.into() }
    }

    /// Could not be done.
    pub fn failure(message: impl Into<String>, hint: impl Into<String>) -> Self {
        CommandError { kind: Kind::Failure, message: message.into(), hint: hint.into() }
    }

    /// A file could not be read or written.
    pub fn file(what: &str, path: &std::path::Path, error: &io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "is the path right, seen from the current directory?",
            io::ErrorKind::PermissionDenied => "you may not do that there; choose another file",
            io::ErrorKind::IsADirectory => "that is a directory; name a file in it",
            _ => "",
        };
        let path = escape::text(&path.display().to_string());
        CommandError::failure(format!("cannot {what} {path}: {}", plain(error)), hint)
    }

    /// Whether the reader of the output went away.
    pub fn is_broken_pipe(&self) -> bool {
        self.kind == Kind::BrokenPipe
    }

    /// What the shell is told.
    pub fn exit_code(&self) -> ExitCode {
        match self.kind {
            Kind::Usage => ExitCode::from(2),
            Kind::Failure => ExitCode::FAILURE,
            Kind::BrokenPipe => ExitCode::SUCCESS,
        }
    }
}

/// The system's words without its number.
fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(at) => text[..at].to_lowercase(),
        None => text,
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        let kind = if error.kind() == io::ErrorKind::BrokenPipe { Kind::BrokenPipe } else { Kind::Failure };
        CommandError {
            kind,
            message: format!("cannot write the output: {}", plain(&error)),
            hint: String::new(),
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A report that begins with its own `error:` (a scenario's) stays as it is.
        let own = self.message.starts_with("error");
        write!(f, "{}{}", if own { "" } else { "error: " }, self.message)?;
        if !self.hint.is_empty() {
            write!(f, "\n hint: {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for CommandError {}
