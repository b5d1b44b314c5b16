//! CREATE, DELETE, RENAME, SUBSCRIBE, STATUS, APPEND (RFC 9051 §6.3.4–6.3.8, §6.3.11, §6.3.12).

use super::ask::{Ask, Figures, NewMessage};
use super::run::Then;
use super::{Reply, Server};
use crate::base::Instant;
use crate::proto::imap::phase::Phase;
use crate::proto::imap::types::{AppendMessage, Flag, StatusItem};

impl Server {
    pub(super) fn create(&mut self, mailbox: String, special_use: Vec<String>) {
        const USES: [&str; 7] =
            ["\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash"];
        let special_use = match special_use.as_slice() {
            [] => None,
            [one] if USES[..].iter().any(|u| u.eq_ignore_ascii_case(one)) => Some(one.clone()),
            _ => return self.finish(Reply::no("[USEATTR] One of the uses of RFC 6154, please")),
        };
        self.ask(Ask::Create { mailbox, special_use }, Then::Done("CREATE completed"));
    }

    pub(super) fn delete(&mut self, mailbox: String) {
        self.ask(Ask::Delete { mailbox: mailbox.clone() }, Then::Deleted(mailbox));
    }

    /// Who deletes the mailbox that they have selected has left it; others are told BYE.
    pub(super) fn deleted(&mut self, mailbox: &str) {
        if self.view.as_ref().is_some_and(|v| v.name == mailbox) {
            self.view = None;
            self.phase = Phase::Authenticated;
        }
        self.finish(Reply::ok("DELETE completed"));
    }

    pub(super) fn rename(&mut self, from: String, to: String) {
        self.ask(Ask::Rename { from, to }, Then::Done("RENAME completed"));
    }

    pub(super) fn subscribe(&mut self, mailbox: String, on: bool) {
        let text = if on { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" };
        self.ask(Ask::Subscribe { mailbox, on }, Then::Done(text));
    }

    pub(super) fn status(&mut self, mailbox: String, items: Vec<StatusItem>) {
        self.enabled.condstore |= items.contains(&StatusItem::HighestModSeq);
        self.ask(Ask::Status { mailbox: mailbox.clone() }, Then::Status(mailbox, items));
    }

    /// `* STATUS mailbox (item value …)`
    pub(super) fn tell_status(&mut self, name: &str, items: &[StatusItem], figures: Figures) {
        let value = |item: &StatusItem| match item {
            StatusItem::Messages => figures.messages.to_string(),
            StatusItem::Recent => figures.recent.to_string(),
            StatusItem::UidNext => figures.uidnext.to_string(),
            StatusItem::UidValidity => figures.uidvalidity.to_string(),
            StatusItem::Unseen => figures.unseen.to_string(),
            StatusItem::Deleted => figures.deleted.to_string(),
            StatusItem::Size => figures.size.to_string(),
            StatusItem::HighestModSeq => figures.highest_modseq.to_string(),
            StatusItem::AppendLimit => self.config.size_limit.to_string(),
            // The store gives a UIDVALIDITY to one mailbox of an account only.
            StatusItem::MailboxId => format!("(M{})", figures.uidvalidity),
        };
        let list: Vec<String> = items.iter().map(|item| format!("{} {}", item.name(), value(item))).collect();
        let mut line = b"* STATUS ".to_vec();
        line.extend(self.mailbox_name(name));
        line.extend_from_slice(format!(" ({})\r\n", list.join(" ")).as_bytes());
        self.send(line);
    }

    pub(super) fn append(&mut self, mailbox: String, messages: Vec<AppendMessage>) {
        let fault = messages.iter().find_map(|m| {
            if m.message.is_empty() {
                Some(Reply::no("[CANNOT] A message of no octets is none"))
            } else if m.message.contains(&0) {
                Some(Reply::no("[UNKNOWN-CTE] A message with a NUL octet cannot be kept here"))
            } else if m.message.len() as u64 > self.config.size_limit {
                Some(Reply::no(format!("[TOOBIG] A message may have {} octets", self.config.size_limit)))
            } else {
                None
            }
        });
        if let Some(reply) = fault {
            return self.finish(reply);
        }
        let new = |m: AppendMessage| NewMessage {
            bytes: m.message,
            flags: m.flags.into_iter().filter(|f| !matches!(f, Flag::Recent | Flag::Wildcard)).collect(),
            date: m.date.map(|d| Instant::from_secs(d.unix_seconds())),
        };
        let messages = messages.into_iter().map(new).collect();
        self.ask(Ask::Append { mailbox, messages }, Then::Appended);
    }
}
