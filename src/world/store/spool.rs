//! The queue of an MTA on a disk: what it has taken responsibility for outlives a stop (RFC 5321 §6.1).
//!
//! One file for each message, `ID`, with its envelope as lines, an empty line, and the message's octets. It is written
//! and synced before 250 is said. After an attempt that leaves somebody waiting, `ID.env` has the envelope as it is
//! then; whoever left the queue has no files. A stop between a delivery and its note here delivers twice, never not at
//! all: "it is better to deliver twice" is what RFC 5321 §4.5.4.1 and RFC 1047 come down to.

use super::Unkept;
use super::files::Files;
use super::names::digest;
use crate::base::Instant;
use crate::world::queue::Entry;
use crate::world::wishes::Wishes;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// The first line of a spool file.
const HEAD: &str = "postroad-spool 1";

/// A host's queue on the disk.
pub struct Spool {
    files: Arc<dyn Files>,
    root: PathBuf,
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: String,
}

impl Spool {
    /// Open the queue in a folder: its entries, and files that are none. What a stop has left half written is swept
    /// away: nobody was told of it.
    ///
    /// # Errors
    /// What the file system says.
    pub fn open(files: Arc<dyn Files>, root: PathBuf) -> io::Result<(Self, Vec<Entry>, Vec<Unread>)> {
        files.make_dir(&root)?;
        root.parent().map_or(Ok(()), |above| files.sync_dir(above))?;
        let spool = Spool { files, root };
        let (mut entries, mut unread) = (Vec::new(), Vec::new());
        let names = spool.files.list(&spool.root)?;
        for name in &names {
            let path = spool.root.join(name);
            match name.rsplit_once('.') {
                Some((_, "new")) => drop(spool.files.remove(&path)),
                Some((id, "env")) if names.iter().all(|n| n != id) => drop(spool.files.remove(&path)),
                Some(_) => {}
                None => match spool.read(name)? {
                    Ok(entry) => entries.push(entry),
                    Err(why) => unread.push(Unread { path, why }),
                },
            }
        }
        Ok((spool, entries, unread))
    }

    fn read(&self, id: &str) -> io::Result<Result<Entry, String>> {
        let bytes = self.files.read(&self.root.join(id))?;
        let later = match self.files.read(&self.root.join(format!("{id}.env"))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            other => Some(other?),
        };
        Ok(parse(id, &bytes).and_then(|entry| match later {
            Some(env) => parse(id, &env).map(|now| Entry { message: entry.message, ..now }),
            None => Ok(entry),
        }))
    }

    /// Keep a message; when this returns, a stop cannot lose it.
    ///
    /// # Errors
    /// Why it is not kept: then nothing of it is.
    pub fn put(&self, entry: &Entry) -> Result<(), Unkept> {
        let mut bytes = envelope(entry, entry.message.len()).into_bytes();
        bytes.extend_from_slice(&entry.message);
        self.replace(&entry.id, &bytes).inspect_err(|_| {
            // Where the last sync failed, the file is in place: it must not come back as one that was accepted.
            let _ = self.files.remove(&self.root.join(&entry.id));
        })
    }

    /// Note what an attempt has left: who still waits, and until when.
    ///
    /// # Errors
    /// Why it is not kept: then the envelope is the one before, and somebody may get the message twice.
    pub fn update(&self, entry: &Entry) -> Result<(), Unkept> {
        self.replace(&format!("{}.env", entry.id), envelope(entry, 0).as_bytes())
    }

    /// Forget a message that nobody waits for. It is not synced: at worst it is delivered again.
    ///
    /// # Errors
    /// What the file system says.
    pub fn remove(&self, id: &str) -> Result<(), Unkept> {
        self.files.remove(&self.root.join(id))?;
        match self.files.remove(&self.root.join(format!("{id}.env"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), Unkept> {
        Ok(super::files::replace(self.files.as_ref(), &self.root.join(name), bytes)?)
    }
}

/// The envelope as lines, and the empty line behind them. The sum covers the lines: what was damaged is not guessed at.
fn envelope(entry: &Entry, octets: usize) -> String {
    let mut out = format!("{HEAD}\n");
    let Entry { sender, waiting, wishes, smtputf8, arrived, attempts, next, .. } = entry;
    // Addresses have no line ends: the grammar lets none in. What has one is spelt with a space, and not found.
    let line = |text: &str| text.replace(['\r', '\n'], " ");
    let _ = writeln!(out, "from {}", line(sender));
    for recipient in waiting {
        let _ = writeln!(out, "to {}", line(recipient));
    }
    if *smtputf8 {
        let _ = writeln!(out, "smtputf8");
    }
    if *wishes != Wishes::default() {
        // JSON has no line ends of its own, and every wish can be written down as it.
        let _ = writeln!(out, "wishes {}", serde_json::to_string(wishes).unwrap_or_default());
    }
    let _ = writeln!(out, "arrived {}", arrived.as_micros());
    let _ = writeln!(out, "attempts {attempts}");
    let _ = writeln!(out, "next {}", next.as_micros());
    let _ = writeln!(out, "octets {octets}");
    let sum = digest(out.as_bytes());
    let _ = write!(out, "sum {sum}\n\n");
    out
}

fn parse(id: &str, bytes: &[u8]) -> Result<Entry, String> {
    let end = bytes.windows(2).position(|two| two == b"\n\n").ok_or("it has no end of the envelope")?;
    let (lines, message) = (&bytes[..end + 1], &bytes[end + 2..]);
    let text = std::str::from_utf8(lines).map_err(|_| "its envelope is no UTF-8")?;
    let first = text.lines().next().unwrap_or_default();
    if first != HEAD {
        return Err(format!("its first line is \"{first}\", and this program reads \"{HEAD}\" only"));
    }
    let start = Instant::from_secs(0);
    let mut entry = Entry {
        id: id.to_owned(),
        sender: String::new(),
        waiting: Vec::new(),
        wishes: Wishes::default(),
        message: message.into(),
        smtputf8: false,
        arrived: start,
        attempts: 0,
        next: start,
    };
    let (mut octets, mut whole) = (0, false);
    for (at, line) in text.match_indices('\n').scan(0, |from, (at, _)| {
        let line = (*from, text.get(*from..at)?);
        *from = at + 1;
        Some(line)
    }) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        let number = || value.parse::<i64>().map_err(|_| format!("\"{line}\" has no number"));
        match key {
            "postroad-spool" => {}
            "from" => value.clone_into(&mut entry.sender),
            "wishes" => {
                entry.wishes =
                    serde_json::from_str(value).map_err(|e| format!("\"{line}\" is no JSON: {e}"))?;
            }
            "to" => entry.waiting.push(value.to_owned()),
            "smtputf8" => entry.smtputf8 = true,
            "arrived" => entry.arrived = Instant::from_micros(number()?),
            "attempts" => entry.attempts = u32::try_from(number()?).unwrap_or(u32::MAX),
            "next" => entry.next = Instant::from_micros(number()?),
            "octets" => octets = usize::try_from(number()?).unwrap_or(usize::MAX),
            "sum" => whole = value == digest(&text.as_bytes()[..at]),
            other => {
                return Err(format!("\"{other}\" stands in its envelope, which version 1 does not have"));
            }
        }
    }
    if !whole {
        return Err("its envelope does not fit its sum".to_owned());
    }
    if octets != message.len() {
        return Err(format!("it should have {octets} octets of message, and has {}", message.len()));
    }
    Ok(entry)
}
