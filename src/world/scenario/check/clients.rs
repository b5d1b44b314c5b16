//! Do mail programs, mailboxes and messages from the start, and what is wanted of them, make sense?

use super::super::clients::{Leave, parse_age};
use super::super::{RoleKind, What};
use super::{Checker, Key, place};

/// Messages of one `[[message]]` at most: as many as a mail client here will handle.
const MOST: u32 = 100_000;

/// Octets of text that one `[[message]]` may be given: as much as made-up attachments.
const LARGEST: u64 = 64 << 20;

impl Checker<'_> {
    pub(super) fn mailboxes(&mut self) {
        let scenario = self.scenario;
        for (i, mailbox) in scenario.mailboxes.iter().enumerate() {
            self.account(place!["mailbox", i, "account"], &mailbox.account);
            self.mailbox_name(place!["mailbox", i, "name"], &mailbox.name);
            if !mailbox.special_use.is_empty() && !mailbox.special_use.starts_with('\\') {
                let help = Some("write it as `\\Sent`, `\\Drafts`, `\\Trash` (RFC 6154)".to_owned());
                let message = format!("`{}` is no special use", mailbox.special_use.escape_debug());
                self.complain(place!["mailbox", i, "use"], message, help);
            }
            self.flag(place!["mailbox", i, "use"], &mailbox.special_use);
        }
    }

    fn mailbox_name(&mut self, place: Vec<Key>, name: &str) {
        let level = |level: &str| !matches!(level, "" | "." | "..");
        if name.is_empty() || !name.split('/').all(level) || name.chars().any(char::is_control) {
            let help = Some("a name has levels set apart by `/`: `Family/2026`".to_owned());
            self.complain(place, format!("`{}` is no mailbox name", name.escape_debug()), help);
        }
    }

    pub(super) fn messages(&mut self) {
        let scenario = self.scenario;
        for (i, message) in scenario.messages.iter().enumerate() {
            self.account(place!["message", i, "account"], &message.account);
            let known = message.mailbox.eq_ignore_ascii_case("INBOX")
                || scenario
                    .mailboxes
                    .iter()
                    .any(|m| m.account.eq_ignore_ascii_case(&message.account) && m.name == message.mailbox);
            if !known {
                let help = Some("make it by a [[mailbox]]".to_owned());
                let text = format!("{} has no mailbox `{}`", message.account, message.mailbox.escape_debug());
                self.complain(place!["message", i, "mailbox"], text, help);
            }
            if parse_age(&message.age).is_none() {
                let help = Some("write `5m` (also s, h, d)".to_owned());
                let text = format!("`{}` is no time", message.age.escape_debug());
                self.complain(place!["message", i, "age"], text, help);
            }
            for (j, flag) in message.flags.iter().enumerate() {
                self.flag(place!["message", i, "flags", j], flag);
            }
            if message.count == 0 || message.count > MOST {
                self.complain(place!["message", i, "count"], format!("there may be 1 to {MOST}"), None);
            }
            if message.octets > LARGEST {
                let text = format!("a text may have at most {LARGEST} octets");
                self.complain(place!["message", i, "octets"], text, None);
            }
            self.letter(place!["message", i, "letter"], &message.letter);
        }
    }

    pub(super) fn clients(&mut self) {
        let scenario = self.scenario;
        for (i, client) in scenario.clients.iter().enumerate() {
            if let Some(host) = self.host(place!["client", i, "device"], &client.device)
                && !host.roles.contains(&RoleKind::Mua)
            {
                let help = Some("a device is a host with the role `mua`".to_owned());
                let message = format!("`{}` has no mail client", client.device);
                self.complain(place!["client", i, "device"], message, help);
            }
            self.leave(place!["client", i, "leave"], &client.leave);
        }
    }

    fn leave(&mut self, place: Vec<Key>, text: &str) {
        if Leave::parse(text).is_none() {
            let help = Some("write `no`, `always`, or days as in `14d`".to_owned());
            self.complain(place, format!("`{}` is no time to leave mail", text.escape_debug()), help);
        }
    }

    /// Acts that say what is wanted of a mail program.
    pub(super) fn wanted(&mut self, i: usize, what: &What) {
        let name = what.name();
        let at = |key: &'static str| place!["act", i, "do", name, key];
        match what {
            What::Read { which }
            | What::ReadTop { which, .. }
            | What::ListAttachments { which }
            | What::MarkRead { which }
            | What::Delete { which, .. }
            | What::ReadOffline { which }
            | What::Reply { which, .. } => self.which(at("which"), which),
            What::Elsewhere { text } => {
                self.one_line(at("text"), text);
                if text.trim().is_empty() {
                    self.complain(at("text"), "this says what happens, in a sentence", None);
                }
            }
            What::SaveAttachment { which, name } => {
                self.which(at("which"), which);
                self.one_line(at("name"), name);
            }
            What::Move { which, to } => {
                self.which(at("which"), which);
                self.mailbox_name(at("to"), to);
            }
            What::Find { text } => self.which(at("text"), text),
            What::AwaitMail { poll_s, renew_s, .. } => {
                for (key, seconds) in [("poll-s", *poll_s), ("renew-s", *renew_s)] {
                    if seconds == 0 {
                        self.complain(at(key), "this must be a second at least", None);
                    }
                }
            }
            What::Settings { leave } => self.leave(at("leave"), leave),
            _ => {}
        }
    }

    fn which(&mut self, place: Vec<Key>, text: &str) {
        self.one_line(place.clone(), text);
        if text.trim().is_empty() {
            let help = Some("write `newest`, `oldest`, `largest`, or words of the subject".to_owned());
            self.complain(place, "this names no message", help);
        }
    }
}
