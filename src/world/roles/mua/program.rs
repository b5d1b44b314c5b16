//! A mail program on a device, from one act of its person to the next: what is wanted is done in whichever protocol it
//! uses, and a connection that broke off is opened again once.

use super::disk::{self, Copy, Disk, Part, Shelf};
use super::{Client, answer, by_imap, by_pop3};
use crate::world::compose::bare_address;
use crate::world::scenario::{Access, Leave, Letter, Manner, What};

/// How something that was wanted came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done; how, in words.
    Done(String),
    /// The protocol cannot do it, and what the client did in its place.
    Instead {
        /// Why not.
        cannot: String,
        /// What was done.
        instead: String,
    },
}

/// Done, with these words.
pub fn done(words: impl Into<String>) -> Result<Outcome, Trouble> {
    Ok(Outcome::Done(words.into()))
}

/// Not possible here, and what was done in its place.
pub fn instead(cannot: impl Into<String>, instead: impl Into<String>) -> Result<Outcome, Trouble> {
    Ok(Outcome::Instead { cannot: cannot.into(), instead: instead.into() })
}

/// Why it did not come out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The connection broke off, or could not be opened: worth another try.
    Lost(String),
    /// The server, or the client itself, says no.
    Refused(String),
}

impl Trouble {
    /// In words.
    pub fn into_words(self) -> String {
        match self {
            Trouble::Lost(why) | Trouble::Refused(why) => why,
        }
    }
}

/// The connection that is open, if one is.
#[derive(Default)]
pub enum Open {
    /// None.
    #[default]
    Nothing,
    /// To a POP3 server.
    Pop3(Box<by_pop3::Open>),
    /// To an IMAP server.
    Imap(Box<by_imap::Open>),
}

/// A mail program.
pub struct Program {
    /// Whose, and where.
    pub mua: Client,
    /// How it is set.
    pub manner: Manner,
    /// The connection that is open.
    pub open: Open,
    /// Whether what is being done was begun before, on a connection that broke off.
    pub again: bool,
    /// The message of our own that is being put somewhere: after a break it must be the same one.
    pub outbox: Option<Vec<u8>>,
    /// The message that is being changed, by its key: after a break it must be the same one.
    pub hand: Option<(String, Copy)>,
}

impl Program {
    /// A program that was just started.
    pub fn new(mua: Client, manner: Manner) -> Self {
        Program { mua, manner, open: Open::Nothing, again: false, outbox: None, hand: None }
    }

    /// Do what is wanted. Where the connection breaks off on the way, it is opened again, and the same is tried once
    /// more: everything here can be done twice without harm.
    pub async fn carry_out(&mut self, name: &str, what: &What) -> Result<Outcome, String> {
        (self.again, self.hand) = (false, None);
        let mut outcome = self.attempt(name, what).await;
        if let Err(Trouble::Lost(_)) = outcome
            && !matches!(what, What::LogOut)
        {
            self.hang_up().await;
            self.again = true;
            outcome = self.attempt(name, what).await;
        }
        if let Err(Trouble::Lost(_)) = outcome {
            self.hang_up().await;
        }
        outcome.map_err(Trouble::into_words)
    }

    async fn attempt(&mut self, name: &str, what: &What) -> Result<Outcome, Trouble> {
        match what {
            What::ReadOffline { which } => return self.read_offline(which),
            What::LoseDisk => {
                self.hang_up().await;
                self.disk(|disk, account| disk.lose(account));
                return done("the disk is dead, and with it all that lay on it alone");
            }
            What::LoseNotes => return self.lose_notes(),
            What::Settings { leave } => return self.set(leave),
            What::Reply { which, body, all } => return self.reply(name, which, body, *all).await,
            _ => {}
        }
        self.by_protocol(name, what).await
    }

    async fn by_protocol(&mut self, name: &str, what: &What) -> Result<Outcome, Trouble> {
        match self.manner.access {
            Access::Pop3 => by_pop3::attempt(self, name, what).await,
            Access::Imap => by_imap::attempt(self, name, what).await,
        }
    }

    /// Read a message, write the answer, send it, and note that it was answered. After a break what was sent is not
    /// sent again.
    async fn reply(&mut self, name: &str, which: &str, body: &str, all: bool) -> Result<Outcome, Trouble> {
        let sent = self.again && self.outbox.is_some();
        self.by_protocol(name, &What::Read { which: which.to_owned() }).await?;
        let (key, copy) = self.find(which)?;
        let letter = answer::letter(&copy.bytes, &self.mua.account, body, all).ok_or_else(|| {
            Trouble::Refused(format!("“{}” names nobody to whom an answer could go", copy.subject))
        })?;
        if !sent {
            let message = self.write(name, &letter);
            let words = super::send::send_written(&self.mua, name, &letter, message.clone()).await;
            words.map_err(Trouble::Refused)?;
            self.outbox = Some(message);
        }
        match self.manner.access {
            Access::Imap => by_imap::mark_answered(self, which).await?,
            Access::Pop3 => {
                let flags = [copy.flags, vec!["\\Answered".to_owned()]].concat();
                self.disk(|disk, account| disk.flag(account, &key, flags));
            }
        }
        self.outbox = None;
        let to: Vec<&str> = letter.to.iter().chain(&letter.cc).map(|a| bare_address(a)).collect();
        done(format!(
            "“{}” is sent to {}; In-Reply-To names the letter that it answers",
            letter.subject,
            to.join(", ")
        ))
    }

    /// End the connection without a word, if one is open.
    pub async fn hang_up(&mut self) {
        match std::mem::take(&mut self.open) {
            Open::Nothing => {}
            Open::Pop3(open) => open.line.tear().await,
            Open::Imap(open) => open.line.tear().await,
        }
    }

    /// Look at, or change, what is kept on the device's disk.
    pub fn disk<T>(&self, act: impl FnOnce(&mut Disk, &str) -> T) -> T {
        self.mua.world.with_disk(&self.mua.device, |disk| act(disk, &self.mua.account))
    }

    /// What is kept on the device's disk.
    pub fn shelf<T>(&self, look: impl FnOnce(&Shelf) -> T) -> T {
        self.disk(|disk, account| disk.with_shelf(account, look))
    }

    /// The message of a folder that is meant: its key, and what is kept of it.
    pub fn pick(&self, which: &str, folder: &str) -> Option<(String, Copy)> {
        self.shelf(|shelf| {
            let of_folder = |(_, c): &(&String, &Copy)| c.folder == folder && c.part != Part::File;
            let messages = shelf.copies.iter().filter(of_folder);
            let there = messages.clone().filter(|(_, c)| !c.has("\\Deleted"));
            let named = |(_, c): &(&String, &Copy)| c.subject.to_lowercase().contains(&which.to_lowercase());
            let found = match which {
                "newest" => there.max_by_key(|(_, c)| c.order),
                "oldest" => there.min_by_key(|(_, c)| c.order),
                "largest" => there.max_by_key(|(_, c)| (c.whole, c.order)),
                // What is marked as deleted is meant only where nothing else has that name.
                _ => messages.filter(named).max_by_key(|(_, c)| (!c.has("\\Deleted"), c.order)),
            };
            found.map(|(key, copy)| (key.clone(), copy.clone()))
        })
    }

    /// The message that is meant, or why there is none.
    ///
    /// # Errors
    /// Where no message fits.
    pub fn find(&self, which: &str) -> Result<(String, Copy), Trouble> {
        self.pick(which, disk::INBOX)
            .ok_or_else(|| Trouble::Refused(format!("no message in the inbox is “{which}”")))
    }

    fn read_offline(&self, which: &str) -> Result<Outcome, Trouble> {
        let (_, copy) = self.find(which)?;
        match copy.part {
            Part::Whole => done(format!(
                "“{}” is read from the device's own disk: not one byte crosses a wire",
                copy.subject
            )),
            _ => Err(Trouble::Refused(format!(
                "of “{}” the device has only what the list shows, and there is no connection",
                copy.subject
            ))),
        }
    }

    fn lose_notes(&self) -> Result<Outcome, Trouble> {
        let ids = self.disk(Disk::lose_notes);
        match self.manner.access {
            Access::Pop3 => {
                done(format!("the list of {ids} unique-ids is lost; the messages are still there"))
            }
            Access::Imap => done("the notes of what is known are lost; the messages are still there"),
        }
    }

    fn set(&mut self, leave: &str) -> Result<Outcome, Trouble> {
        if let Some(leave) = Leave::parse(leave) {
            self.manner.leave = leave;
        }
        match self.manner.access {
            Access::Pop3 => done(match self.manner.leave {
                Leave::No => "from now on nothing stays on the server once it was fetched".to_owned(),
                Leave::Days(days) => {
                    format!("from now on fetched messages stay on the server for {days} days")
                }
                Leave::Always => "from now on everything stays on the server".to_owned(),
            }),
            Access::Imap => instead(
                "an IMAP client has no such setting",
                "mail lies on the server until somebody deletes it, as before",
            ),
        }
    }

    /// The message of a letter as it would be sent now.
    pub fn write(&self, name: &str, letter: &Letter) -> Vec<u8> {
        super::send::written(&self.mua, name, letter)
    }
}

/// So many of something: `1 message`, `3 messages`.
pub fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What a list shows of a message that is here whole: sender, subject, octets.
pub fn whole(bytes: Vec<u8>) -> Copy {
    let (subject, from) = super::heading(&bytes);
    let size = bytes.len() as u64;
    Copy { part: Part::Whole, bytes: bytes.into(), size, whole: size, subject, from, ..Copy::default() }
}

/// The attachments of a message that is here whole: as a reader of MIME finds them.
pub fn attachments_of(message: &[u8]) -> Vec<(disk::Attachment, Vec<u8>)> {
    use mail_parser::MimeHeaders;
    let Some(parsed) = mail_parser::MessageParser::default().parse(message) else { return Vec::new() };
    let one = |part: &mail_parser::MessagePart<'_>| {
        let kind = part
            .content_type()
            .map_or_else(String::new, |c| format!("{}/{}", c.ctype(), c.subtype().unwrap_or_default()));
        let attachment = disk::Attachment {
            section: Vec::new(),
            name: part.attachment_name().unwrap_or("unnamed").to_owned(),
            media_type: kind.to_lowercase(),
            octets: u64::from(part.raw_end_offset().saturating_sub(part.raw_body_offset())),
            encoding: String::new(),
        };
        (attachment, part.contents().to_vec())
    };
    parsed.attachments().map(one).collect()
}

/// The attachment of that name, or the first one where the name is empty.
pub fn choose<'a, T>(all: &'a [T], name: &str, named: impl Fn(&T) -> &str) -> Option<&'a T> {
    all.iter().find(|one| name.is_empty() || named(one).eq_ignore_ascii_case(name))
}

/// Attachments in words.
pub fn in_words(all: &[disk::Attachment]) -> String {
    if all.is_empty() {
        return "no attachment".to_owned();
    }
    let one = |a: &disk::Attachment| format!("{} ({}, {} octets)", a.name, a.media_type, a.octets);
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}
