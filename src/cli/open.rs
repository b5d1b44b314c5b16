//! What a command is given to read: a transcript or a capture, a recording of the built-in library by its name, or `-`.
//!
//! The one door through which recordings come in, for every command at once: what is in a file is told by `import`, so
//! a capture can be replayed as a transcript is.

use super::CommandError;
use super::transcripts::LIBRARY;
use crate::base::escape;
use crate::import::{self, Records};
use crate::trace::{Record, Transcript};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Octets of data of a recording that is kept whole.
pub const MOST_BYTES: usize = 64 << 20;
/// Records of one: each costs some 200 octets beside its data.
pub const MOST_RECORDS: usize = 1_000_000;

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

    /// Its records, one at a time: of a transcript or of a capture, compressed or not.
    ///
    /// # Errors
    /// Where it cannot be opened, or is neither.
    pub fn records(&self) -> Result<Records, CommandError> {
        let opened = match self {
            Source::File(path) => {
                // A folder opens as a file does, and is found out only when it is read.
                let is_folder = path.is_dir().then(|| io::Error::from(io::ErrorKind::IsADirectory));
                match is_folder {
                    Some(error) => return Err(CommandError::file("read", path, &error)),
                    None => import::open_path(path),
                }
            }
            Source::Library(name) => import::open(library(name), name),
            Source::Stdin => import::open(io::stdin(), "the standard input"),
        };
        opened.map_err(|error| match error {
            import::Error::Io(error) => CommandError::file("read", Path::new(&self.name()), &error),
            error => {
                let hint = what_reads(&error);
                CommandError::failure(format!("{}: {error}", self.name()), hint)
            }
        })
    }

    /// All of it in memory, and what was off in it, a sentence each.
    ///
    /// # Errors
    /// Where it cannot be read, or is larger than [`MOST_BYTES`] and [`MOST_RECORDS`].
    pub fn load(&self) -> Result<(Transcript, Vec<String>), CommandError> {
        self.load_within(MOST_BYTES, MOST_RECORDS)
    }

    /// The same, where no more than so many octets of data in so many records are wanted.
    ///
    /// # Errors
    /// Where it cannot be read, or is larger.
    pub fn load_within(&self, bytes: usize, most: usize) -> Result<(Transcript, Vec<String>), CommandError> {
        let mut from = self.records()?;
        let (mut records, mut held) = (Vec::new(), 0);
        for record in from.by_ref() {
            held += if let Record::Data { data, .. } = &record { data.bytes.len() } else { 0 };
            records.push(record);
            if held > bytes || records.len() > most {
                return Err(self.too_large(bytes, most));
            }
        }
        Ok((Transcript { records }, from.troubles()))
    }

    fn too_large(&self, bytes: usize, most: usize) -> CommandError {
        let message = format!(
            "{} is larger than what this keeps in memory: {} MB that were said, in {most} records",
            self.name(),
            bytes >> 20
        );
        let hint = "replay, import and export --format text, json or markdown take recordings of any size; \
                    `tcpdump -r BIG -w SMALL 'port 25 and host NAME'` makes a capture smaller";
        CommandError::failure(message, hint)
    }

    /// Whether it is a file that holds a transcript as it is written: one that can be written anew in its place.
    pub fn is_plain_transcript(&self) -> bool {
        let Source::File(path) = self else { return false };
        let mut first = [0; 1];
        File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"{"
    }
}

/// What to do with a file that is no recording.
pub fn what_reads(error: &import::Error) -> &'static str {
    match error {
        import::Error::Unrecognised { .. } => {
            "`postroad explain FILE` reads pasted sessions, mail logs and messages; tcpdump -w FILE writes a capture, \
             `postroad journey --record FILE` a transcript"
        }
        import::Error::TooShort { .. } | import::Error::BrokenHeader => {
            "capture it again, or copy it in binary mode; `capinfos FILE` says what it holds"
        }
        _ => "",
    }
}

/// A file that is read cannot be written at the same time.
///
/// # Errors
/// Where both are the same file.
pub fn not_itself(from: &Path, to: &Path) -> Result<(), CommandError> {
    let same = match (from.canonicalize(), to.canonicalize()) {
        (Ok(from), Ok(to)) => from == to,
        _ => false,
    };
    if same {
        let hint = "name another file for what is written, as in -o session.jsonl";
        return Err(CommandError::usage("the output would overwrite the file that is read", hint));
    }
    Ok(())
}

/// The bytes of a recording of the library.
pub fn library(name: &str) -> &'static [u8] {
    LIBRARY.iter().find(|(known, _)| *known == name).map_or(&[], |(_, bytes)| bytes)
}

/// Say what was off in what was read: it is told, and everything else is shown.
pub fn tell_troubles(source: &Source, troubles: &[String]) {
    for trouble in troubles {
        let _ = writeln!(io::stderr(), "note: {}: {trouble}", source.name());
    }
}
