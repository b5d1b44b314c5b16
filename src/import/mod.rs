//! What others recorded or wrote down → Records and readings: captures, pasted sessions, mail logs, messages, and our
//! own transcripts by the same door.
//!
//! It stands at the head of the road, beside `world`: what it gives is told by the same dissect, explain and view.
//! [`open`] and [`open_path`] tell by the first bytes whether a file is a capture or one of our own transcripts, gzip
//! included, and give its Records one at a time.

pub mod logs;
pub mod message;
pub mod pcap;
pub mod text;

use crate::base::escape;
use crate::trace::{Record, file};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;

/// Bytes that tell what a file is.
const LOOK: usize = 64;

/// Why nothing can be read from a file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be opened or read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// Nothing is in it.
    #[error("it is empty: a capture begins with a header of 24 bytes, a transcript with a head")]
    Empty,
    /// It ends inside its header.
    #[error("it ends after {len} bytes, inside the header of a capture: was it copied whole?")]
    TooShort {
        /// How many bytes there are.
        len: usize,
    },
    /// It begins as a capture, and its header makes no sense.
    #[error("it begins as a capture does, and its header is broken: was it copied as text, or cut short?")]
    BrokenHeader,
    /// It is nothing that is known here.
    #[error(
        "it is neither a capture (pcap, pcapng, or one of them in gzip) nor a transcript: it begins with {}",
        shown(.begins)
    )]
    Unrecognised {
        /// Its first bytes.
        begins: Vec<u8>,
    },
    /// It begins as a transcript, and is none.
    #[error("{0}")]
    Transcript(#[from] file::Error),
}

fn shown(begins: &[u8]) -> String {
    let begins = begins.get(..16).unwrap_or(begins);
    if begins.iter().all(|b| b.is_ascii_graphic() || b.is_ascii_whitespace()) {
        return format!("\u{201c}{}\u{201d}", escape::line(begins));
    }
    let bytes: Vec<String> = begins.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("the bytes {}", bytes.join(" "))
}

/// Records of a file, whatever it was.
pub enum Records {
    /// A capture.
    Capture(Box<pcap::Importer>),
    /// A transcript.
    Transcript {
        /// Its lines.
        reader: Box<file::Reader<Box<dyn io::BufRead + Send>>>,
        /// The first Record, read to see whether it is one.
        first: Option<Box<Record>>,
        /// Why reading ended before the file did.
        failed: Option<String>,
    },
}

impl Records {
    /// What was off, a sentence each; after the last Record, all of it.
    pub fn troubles(&self) -> Vec<String> {
        match self {
            Records::Capture(importer) => importer.summary().troubles(),
            Records::Transcript { reader, failed, .. } => {
                reader.issues().iter().map(ToString::to_string).chain(failed.clone()).collect()
            }
        }
    }
}

impl Iterator for Records {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        match self {
            Records::Capture(importer) => importer.next(),
            Records::Transcript { reader, first, failed } => {
                if let Some(first) = first.take() {
                    return Some(*first);
                }
                match reader.next()? {
                    Ok(record) => Some(record),
                    Err(error) => {
                        *failed = Some(error.to_string());
                        None
                    }
                }
            }
        }
    }
}

/// The Records of a file.
///
/// # Errors
/// Where it cannot be opened, or is neither a capture nor a transcript.
pub fn open_path(path: &Path) -> Result<Records, Error> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    open(File::open(path)?, &name)
}

/// The Records of what `from` gives; `title` names it in the head of a capture.
///
/// # Errors
/// Where it is neither a capture nor a transcript, alone or in gzip.
pub fn open(from: impl Read + Send + 'static, title: &str) -> Result<Records, Error> {
    let (begins, from) = look(Box::new(from))?;
    if !begins.starts_with(&[0x1f, 0x8b]) {
        return known(&begins, from, title);
    }
    let (begins, from) = look(Box::new(MultiGzDecoder::new(from)))?;
    known(&begins, from, title)
}

type Source = Box<dyn Read + Send>;

/// The first bytes, and a source that begins with them.
fn look(mut from: Source) -> Result<(Vec<u8>, Source), Error> {
    let begins = first_bytes(&mut from, LOOK)?;
    Ok((begins.clone(), Box::new(Cursor::new(begins).chain(from))))
}

/// As many bytes as there are, up to `len`.
fn first_bytes(from: &mut impl Read, len: usize) -> Result<Vec<u8>, Error> {
    let mut begins = Vec::with_capacity(len);
    from.by_ref().take(len as u64).read_to_end(&mut begins)?;
    if begins.is_empty() { Err(Error::Empty) } else { Ok(begins) }
}

fn known(begins: &[u8], from: Source, title: &str) -> Result<Records, Error> {
    if pcap::sniff(begins).is_some() {
        return Ok(Records::Capture(Box::new(pcap::Importer::new(from)?.titled(title))));
    }
    if !begins.trim_ascii_start().starts_with(b"{") {
        return Err(Error::Unrecognised { begins: begins.to_vec() });
    }
    let mut reader = file::Reader::new(Box::new(BufReader::new(from)) as Box<dyn io::BufRead + Send>);
    let first = reader.next().transpose()?.map(Box::new);
    Ok(Records::Transcript { reader: Box::new(reader), first, failed: None })
}
