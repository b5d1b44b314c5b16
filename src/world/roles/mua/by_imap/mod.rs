//! What is wanted of a mail program, done in IMAP (RFC 9051): the mail lies on the server, and the device keeps a cache
//! of what it has seen (RFC 4549): headers for the list, whole messages once they were read.
//!
//! - A cache entry is known by mailbox, UIDVALIDITY and UID. UIDNEXT tells from where on messages are new; flags of the
//!   known ones are asked for anew, and what is not told of any more is gone (RFC 4549 §4).
//! - Lists and looks never set `\Seen`: BODY.PEEK (RFC 9051 §6.4.5). BODYSTRUCTURE tells of attachments, BODY.PEEK\[n\]
//!   fetches one of them.
//! - Commands that do not change what the next one means go out together (RFC 9051 §5.5).
//! - What could be done twice by trying again is looked for first: APPEND knows no double, so the Message-ID is searched.

mod change;
mod read;
mod resync;

pub(super) use change::mark_answered;

use super::line::{Line, Say};
use super::program::{Open as OpenLine, Outcome, Program, Trouble, count, done};
use crate::base::escape;
use crate::proto::Wish;
use crate::proto::imap::client::{Session, SessionEvent};
use crate::proto::imap::response::{Code, Condition, FetchData, ListEntry, Status, Untagged};
use crate::proto::imap::types::{CommandBody, SequenceSet};
use crate::world::scenario::{RoleKind, What};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(300);

/// Octets of the largest message that is taken.
const LARGEST: u64 = 64 << 20;

/// The mailbox that is shown first.
const INBOX: &str = "INBOX";

/// A session that is open.
pub struct Open {
    pub(super) line: Line<Session>,
    capabilities: Vec<String>,
    selected: Option<Selected>,
    /// The mailboxes there are, once LIST was asked.
    folders: Option<Vec<ListEntry>>,
    /// UIDs that this session has marked `\Deleted`: expunged when it ends.
    marked: BTreeSet<u32>,
}

/// The mailbox that is open.
#[derive(Clone, Debug, Default)]
struct Selected {
    mailbox: String,
    exists: u32,
    uidvalidity: u32,
    uidnext: u32,
}

/// What was said to commands that went out together.
#[derive(Default)]
struct Heard {
    told: Vec<Untagged>,
    done: Vec<(String, Condition)>,
}

impl Heard {
    /// The first refusal, in words.
    fn refusal(&self) -> Option<String> {
        let (name, condition) = self.done.iter().find(|(_, c)| c.status != Status::Ok)?;
        Some(format!("{name}: {} {}", condition.status.name(), escape::text(&condition.text)))
    }

    /// Messages by UID, with what was told of each.
    fn fetched(&self) -> impl Iterator<Item = (u32, &[FetchData])> {
        self.told.iter().filter_map(|told| match told {
            Untagged::Fetch { items, .. } => Some((uid_of(items)?, items.as_slice())),
            _ => None,
        })
    }
}

fn uid_of(items: &[FetchData]) -> Option<u32> {
    items.iter().find_map(|item| match item {
        FetchData::Uid(uid) => Some(*uid),
        _ => None,
    })
}

/// Do what is wanted.
pub async fn attempt(program: &mut Program, name: &str, what: &What) -> Result<Outcome, Trouble> {
    match what {
        What::LogIn => log_in(program).await,
        What::LogOut => log_out(program).await,
        What::Check => read::check(program).await,
        What::List => read::list(program).await,
        What::Read { which } => read::read(program, which).await,
        What::ReadTop { which, lines } => read::top(program, which, *lines).await,
        What::ListAttachments { which } => read::list_attachments(program, which).await,
        What::SaveAttachment { which, name } => read::save(program, which, name).await,
        What::Find { text } => read::search(program, text).await,
        What::Sync => read::sync(program).await,
        What::Download => read::download(program).await,
        What::AwaitMail { at_most_s, renew_s, .. } => read::await_mail(program, *at_most_s, *renew_s).await,
        What::MarkRead { which } => change::mark(program, which).await,
        What::Move { which, to } => change::to_folder(program, which, to).await,
        What::Delete { which, for_good, drop } => change::delete(program, which, *for_good, *drop).await,
        What::Undelete => change::undelete(program).await,
        What::Draft(letter) => change::draft(program, name, letter).await,
        What::SendAndKeep(letter) => change::send_and_keep(program, name, letter).await,
        _ => Err(Trouble::Refused(format!("an IMAP client knows no {}", what.name()))),
    }
}

impl Open {
    /// Whether the server said that it can do this.
    fn can(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|c| c == capability)
    }

    /// Say these together, and hear all that is said until the last of them is done.
    async fn ask(&mut self, commands: Vec<CommandBody>) -> Result<Heard, Trouble> {
        self.ask_and(commands, |_| {}).await
    }

    /// The same, with `on` told of all data as it comes: what came before a break counts.
    async fn ask_and(
        &mut self,
        commands: Vec<CommandBody>,
        mut on: impl FnMut(&Untagged),
    ) -> Result<Heard, Trouble> {
        let (mut waiting, mut heard) = (commands.len(), Heard::default());
        self.line.order(Say::Commands(commands));
        while waiting > 0 {
            match self.line.hear().await {
                Some(SessionEvent::Told(told)) => {
                    self.notice(&told);
                    on(&told);
                    heard.told.push(*told);
                }
                Some(SessionEvent::Done { name, condition }) => {
                    waiting -= 1;
                    if let Some(Code::Capability(list)) = &condition.code {
                        self.capabilities.clone_from(list);
                    }
                    heard.done.push((name, condition));
                }
                Some(SessionEvent::Greeted(condition)) => {
                    if let Some(Code::Capability(list)) = condition.code {
                        self.capabilities = list;
                    }
                }
                Some(SessionEvent::Idling) => {}
                Some(SessionEvent::Ended(why)) => return Err(self.lost(why)),
                None => return Err(self.lost(None)),
            }
        }
        Ok(heard)
    }

    /// The same, where a refusal is trouble.
    async fn must(&mut self, commands: Vec<CommandBody>) -> Result<Heard, Trouble> {
        let heard = self.ask(commands).await?;
        match heard.refusal() {
            None => Ok(heard),
            Some(why) => Err(Trouble::Refused(format!("{}: {why}", self.line.server))),
        }
    }

    /// What is told unasked changes what is known of the open mailbox.
    fn notice(&mut self, told: &Untagged) {
        if let Untagged::Capability(list) = told {
            self.capabilities.clone_from(list);
        }
        let Some(selected) = &mut self.selected else { return };
        match told {
            Untagged::Exists(count) => selected.exists = *count,
            Untagged::Expunge(_) => selected.exists = selected.exists.saturating_sub(1),
            Untagged::Condition(Condition { code: Some(Code::UidNext(n)), .. }) => selected.uidnext = *n,
            Untagged::Condition(Condition { code: Some(Code::UidValidity(n)), .. }) => {
                selected.uidvalidity = *n
            }
            _ => {}
        }
    }

    fn lost(&self, why: Option<String>) -> Trouble {
        let why = why.unwrap_or_else(|| "the connection broke off".to_owned());
        Trouble::Lost(format!("{}: {}", self.line.server, escape::text(&why)))
    }
}

/// The session, opened and logged in where it is not.
async fn session(program: &mut Program) -> Result<&mut Open, Trouble> {
    let gone = match &program.open {
        OpenLine::Imap(open) => open.line.is_gone(),
        _ => true,
    };
    if gone {
        program.open = OpenLine::Imap(Box::new(connect(program).await?));
    }
    match &mut program.open {
        OpenLine::Imap(open) => Ok(open),
        _ => Err(Trouble::Lost("there is no connection".to_owned())),
    }
}

/// Call the server and log in. What it can do stands in its greeting and in the answer to LOGIN: nobody asks.
async fn connect(program: &Program) -> Result<Open, Trouble> {
    let mua = &program.mua;
    let (connection, server) = mua.call("_imap._tcp").await.map_err(Trouble::Lost)?;
    let credentials = mua.credentials();
    let session = Session::new(PATIENCE, LARGEST).with_credentials(credentials.clone());
    let line = Line::open(mua, RoleKind::Imap, session, connection, server);
    let mut open =
        Open { line, capabilities: Vec::new(), selected: None, folders: None, marked: BTreeSet::new() };
    secure(&mut open, mua.wish()).await?;
    let login = match credentials {
        Some(own) => CommandBody::Authenticate { mechanism: own.mechanism.name().to_owned(), initial: None },
        None => CommandBody::Login { user: mua.account.clone(), password: mua.password.clone() },
    };
    match open.must(vec![login]).await {
        Ok(_) => Ok(open),
        Err(trouble @ Trouble::Refused(_)) => {
            // It was heard; whether LOGOUT is answered makes no difference.
            let _ = open.ask(vec![CommandBody::Logout]).await;
            Err(trouble)
        }
        Err(trouble) => Err(trouble),
    }
}

/// STARTTLS where it is wanted and offered; what the server can do is asked before it and after (RFC 9051 §6.2.1).
async fn secure(open: &mut Open, wish: Wish) -> Result<(), Trouble> {
    if wish == Wish::Never {
        return Ok(());
    }
    open.ask(vec![CommandBody::Capability]).await?;
    if open.can("STARTTLS") && open.ask(vec![CommandBody::StartTls]).await?.refusal().is_none() {
        open.capabilities.clear();
        open.ask(vec![CommandBody::Capability]).await?;
        return Ok(());
    }
    if wish == Wish::Prefer {
        return Ok(());
    }
    // Whether LOGOUT is answered makes no difference.
    let _ = open.ask(vec![CommandBody::Logout]).await;
    let server = &open.line.server;
    Err(Trouble::Refused(format!("{server} offers no STARTTLS, and nothing is sent in clear")))
}

async fn log_in(program: &mut Program) -> Result<Outcome, Trouble> {
    let open = session(program).await?;
    done(format!("logged in at {}; other devices may be logged in too", open.line.server))
}

/// LOGOUT; what this session marked is expunged before.
async fn log_out(program: &mut Program) -> Result<Outcome, Trouble> {
    let OpenLine::Imap(mut open) = std::mem::take(&mut program.open) else {
        return done("no connection was open");
    };
    if open.line.is_gone() {
        return done("the server had ended the session already; nothing that was marked was removed");
    }
    let marked: Vec<u32> = open.marked.iter().copied().collect();
    let mut commands = Vec::new();
    if !marked.is_empty() {
        commands.push(CommandBody::Expunge { uids: Some(SequenceSet::of(marked.iter().copied())) });
    }
    commands.push(CommandBody::Logout);
    let uidvalidity = open.selected.as_ref().map_or(0, |s| s.uidvalidity);
    open.ask(commands).await?;
    program.disk(|disk, account| {
        for uid in &marked {
            disk.remove(account, &key(INBOX, uidvalidity, *uid));
        }
    });
    match marked.len() {
        0 => done("logged out; nothing was to be removed"),
        n => done(format!("{} expunged, then logged out", count(n, "message"))),
    }
}

/// Open a mailbox, where it is not open. Gives what is known of it.
async fn select(program: &mut Program, mailbox: &str) -> Result<Selected, Trouble> {
    let open = session(program).await?;
    if let Some(selected) = open.selected.as_ref().filter(|s| s.mailbox == mailbox) {
        return Ok(selected.clone());
    }
    open.selected = Some(Selected { mailbox: mailbox.to_owned(), ..Selected::default() });
    let select = CommandBody::Select {
        mailbox: mailbox.to_owned(),
        read_only: false,
        condstore: false,
        qresync: None,
    };
    match open.must(vec![select]).await {
        Ok(_) => Ok(open.selected.clone().unwrap_or_default()),
        Err(trouble) => {
            open.selected = None;
            Err(trouble)
        }
    }
}

/// What a cached message is known by.
fn key(mailbox: &str, uidvalidity: u32, uid: u32) -> String {
    format!("{mailbox} {uidvalidity}.{uid}")
}

/// Mailbox, UIDVALIDITY and UID of a key; `None` for what was never on a server.
fn parse_key(key: &str) -> Option<(&str, u32, u32)> {
    let (mailbox, numbers) = key.rsplit_once(' ')?;
    let (uidvalidity, uid) = numbers.split_once('.')?;
    Some((mailbox, uidvalidity.parse().ok()?, uid.parse().ok()?))
}

/// The UID of a cached message of the inbox.
fn uid_in(key: &str) -> Result<u32, Trouble> {
    parse_key(key)
        .map(|(_, _, uid)| uid)
        .ok_or_else(|| Trouble::Refused(format!("{key} was never on the server")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_whatever_the_mailbox_is_called() {
        assert_eq!(parse_key(&key("Family 2026", 7, 12)), Some(("Family 2026", 7, 12)));
        assert_eq!(parse_key(&key(INBOX, u32::MAX, 1)), Some((INBOX, u32::MAX, 1)));
        assert_eq!(
            (parse_key("1767603600.1"), parse_key("file a.pdf"), parse_key("Sent here")),
            (None, None, None)
        );
    }
}
