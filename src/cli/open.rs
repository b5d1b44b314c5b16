//! What a command is given to read: a transcript's file, a recording of the built-in library by its name, or `-`.
//!
//! The one door through which recordings come in, so that whatever can be turned into records (a capture, say) is
//! turned into them here, for every command at once.

use super::CommandError;
use super::transcripts::LIBRARY;
use crate::base::escape;
use crate::trace::Transcript;
use crate::trace::file::{Issue, Reader};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A file.
    File(PathBuf),
    /// A recording of the library.
    Library(&'static str),
    /// The standard input.
    Stdin,
}

impl Source {
    /// A file of that name; else a recording of that name; `-` is the standard input.
    ///
    /// # Errors
    /// Where nothing has that name.
    pub fn find(what: &str) -> Result<Source, CommandError> {
        let path = Path::new(what);
        if what == "-" {
            return Ok(Source::Stdin);
        }
        if path.exists() {
            return Ok(Source::File(path.to_owned()));
        }
        if let Some((name, _)) = LIBRARY.iter().find(|(name, _)| *name == what) {
            return Ok(Source::Library(name));
        }
        let shown = escape::text(what);
        let message = format!("there is no file “{shown}”, and no recording of that name in the library");
        let near =
            LIBRARY.iter().map(|(name, _)| *name).find(|name| name.contains(what) || what.contains(name));
        let hint = match near.filter(|_| what.len() > 2) {
            Some(name) => format!("did you mean {name}? `postroad transcripts` lists the library"),
            None => "`postroad transcripts` lists the library; `postroad journey --record FILE` makes a file"
                .into(),
        };
        Err(CommandError::failure(message, hint))
    }

    /// What people call it.
    pub fn name(&self) -> String {
        match self {
            Source::File(path) => escape::text(&path.display().to_string()),
            Source::Library(name) => (*name).to_owned(),
            Source::Stdin => "the standard input".to_owned(),
        }
    }

    /// Its records, one at a time.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub fn records(&self) -> Result<Reader<Box<dyn BufRead>>, CommandError> {
        let mut bytes: Box<dyn BufRead> = match self {
            Source::File(path) => {
                let file = File::open(path).map_err(|error| CommandError::file("read", path, &error))?;
                Box::new(BufReader::with_capacity(BUFFER, file))
            }
            Source::Library(name) => Box::new(library(name)),
            Source::Stdin => Box::new(BufReader::with_capacity(BUFFER, io::stdin())),
        };
        let start = bytes.fill_buf().map_err(|error| self.unreadable(&error))?;
        if is_capture(start) {
            let message = format!("{} is a packet capture, not a transcript", self.name());
            return Err(CommandError::failure(
                message,
                "turn it into a transcript first: postroad import --help",
            ));
        }
        Ok(Reader::new(bytes))
    }

    /// All of it in memory, and what was off in it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn load(&self) -> Result<(Transcript, Vec<Issue>), CommandError> {
        let mut reader = self.records()?;
        let mut records = Vec::new();
        for record in reader.by_ref() {
            records.push(record.map_err(|error| self.broken(&error))?);
        }
        Ok((Transcript { records }, reader.into_issues()))
    }

    /// It is no transcript.
    pub fn broken(&self, error: &crate::trace::file::Error) -> CommandError {
        CommandError::failure(format!("{}: {error}", self.name()), "")
    }

    fn unreadable(&self, error: &io::Error) -> CommandError {
        CommandError::file("read", Path::new(&self.name()), error)
    }
}

/// The bytes of a recording of the library.
pub fn library(name: &str) -> &'static [u8] {
    LIBRARY.iter().find(|(known, _)| *known == name).map_or(&[], |(_, bytes)| bytes)
}

/// Say what was off in what was read: it is told, and everything else is shown.
pub fn tell_issues(source: &Source, issues: &[Issue]) {
    for issue in issues {
        let _ = writeln!(io::stderr(), "note: {}: {issue}", source.name());
    }
}

/// Whether a file begins as captures do: pcap in either byte order, with microseconds or nanoseconds, or pcapng.
fn is_capture(start: &[u8]) -> bool {
    let magic: [u8; 4] = match start.get(..4).and_then(|m| m.try_into().ok()) {
        Some(magic) => magic,
        None => return false,
    };
    let known = [0xa1b2_c3d4_u32, 0xd4c3_b2a1, 0xa1b2_3c4d, 0x4d3c_b2a1, 0x0a0d_0d0a];
    known.contains(&u32::from_be_bytes(magic))
}
