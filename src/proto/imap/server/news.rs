//! What others did to the selected mailbox, told between commands and in IDLE (RFC 9051 §5.2, §7.4, §7.5).

use super::ask::{Answer, Ask};
use super::run::Then;
use super::{Server, Wait};
use crate::proto::imap::types::{Flag, SequenceSet};

impl Server {
    /// Ask what is new, then go on; at once where no mailbox is selected.
    pub(super) fn ask_news(&mut self, then: Then) {
        match &self.view {
            Some(view) => {
                let (uidvalidity, since, claim) = (view.uidvalidity, view.modseq, !view.read_only);
                self.ask(Ask::Changes { uidvalidity, since, claim }, then);
            }
            None => {
                self.wait = Wait::Nothing;
                if !matches!(then, Then::IdleNews) {
                    self.resume(then, Answer::Done);
                }
            }
        }
    }

    /// Tell what is new. False when the mailbox is no more, and the connection with it.
    pub(super) fn take_news(&mut self, answer: Answer, expunge: bool) -> bool {
        let news = match (answer, &self.view) {
            (Answer::Changes(news), Some(_)) => news,
            (Answer::Refused(_), Some(_)) => {
                // What the client knows is void; RFC 2180 §3.3 lets the server end the connection.
                self.bye("The selected mailbox was deleted, closing");
                return false;
            }
            _ => return true,
        };
        let Some(view) = &mut self.view else { return true };
        let told = view.take(news, expunge);
        let (exists, recent) = (view.exists(), view.recent());
        if self.enabled.qresync && !told.expunged.is_empty() {
            let mut uids: Vec<u32> = told.expunged.iter().map(|(_, uid)| *uid).collect();
            uids.sort_unstable();
            self.untagged(&format!("VANISHED {}", SequenceSet::of(uids)));
        } else {
            let lines: String =
                told.expunged.iter().map(|(number, _)| format!("* {number} EXPUNGE\r\n")).collect();
            self.send_text(lines);
        }
        if told.arrived {
            self.untagged(&format!("{exists} EXISTS"));
            self.tell_recent(recent);
        }
        if told.keywords {
            self.tell_flags();
        }
        for index in told.changed {
            self.tell_message_flags(index, false);
        }
        true
    }

    pub(super) fn send_text(&mut self, text: String) {
        if !text.is_empty() {
            self.send(text.into_bytes());
        }
    }

    /// RECENT belongs to IMAP4rev1; rev2 has none.
    pub(super) fn tell_recent(&mut self, recent: usize) {
        if !self.enabled.rev2 {
            self.untagged(&format!("{recent} RECENT"));
        }
    }

    /// `FLAGS (…)`: what flags messages here can have.
    pub(super) fn tell_flags(&mut self) {
        if let Some(view) = &self.view {
            let line = format!("FLAGS ({})", all_flags(&view.keywords));
            self.untagged(&line);
        }
    }

    pub(super) fn tell_highest_modseq(&mut self) {
        if let Some(view) = &self.view {
            let line = format!("OK [HIGHESTMODSEQ {}] Modification sequences are kept", view.modseq);
            self.untagged(&line);
        }
    }

    /// `n FETCH (FLAGS (…))`, with UID after a UID command, with MODSEQ where it is switched on.
    pub(super) fn tell_message_flags(&mut self, index: usize, modseq_only: bool) {
        let Some(message) = self.view.as_ref().and_then(|view| view.messages.get(index)) else { return };
        let mut items = Vec::new();
        // "If the server chooses to send unsolicited FETCH responses, they MUST include UID FETCH item." (RFC 9051 §7.5.2)
        if self.verb.starts_with("UID ") || self.enabled.qresync || self.enabled.rev2 {
            items.push(format!("UID {}", message.meta.uid));
        }
        if self.enabled.condstore {
            items.push(format!("MODSEQ ({})", message.meta.modseq));
        }
        if !modseq_only {
            items.push(format!("FLAGS ({})", self.flag_list(&message.meta.flags, message.recent)));
        }
        let line = format!("{} FETCH ({})", index + 1, items.join(" "));
        self.untagged(&line);
    }

    /// Flags with spaces between; \Recent is rev1's.
    pub(super) fn flag_list(&self, flags: &[Flag], recent: bool) -> String {
        let mut names: Vec<&str> = flags.iter().map(Flag::name).collect();
        if recent && !self.enabled.rev2 {
            names.push("\\Recent");
        }
        names.join(" ")
    }
}

/// The system flags, then the keywords of the mailbox.
pub(super) fn all_flags(keywords: &[String]) -> String {
    let mut flags = String::from("\\Answered \\Flagged \\Deleted \\Seen \\Draft");
    for keyword in keywords {
        flags.push(' ');
        flags.push_str(keyword);
    }
    flags
}
