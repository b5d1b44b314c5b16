//! LIST and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9; RFC 5258, 5819, 6154).

use super::ask::{Ask, Figures, Folder};
use super::pattern::matches;
use super::run::Then;
use super::{Reply, Server};
use crate::proto::imap::grammar::Dialect;
use crate::proto::imap::mime::write;
use crate::proto::imap::types::{ListCommand, ListReturn, StatusItem};
use crate::proto::imap::utf7;
use std::collections::BTreeSet;

/// The selection options known here (RFC 9051 §6.3.9.1, RFC 6154 §3). There are no remote mailboxes.
const SELECTION: [&str; 4] = ["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"];

/// The return options known here (RFC 9051 §6.3.9.2, RFC 6154 §2). STATUS is read as one of its own.
const RETURN: [&str; 3] = ["SUBSCRIBED", "CHILDREN", "SPECIAL-USE"];

/// A LIST on its way.
#[derive(Debug)]
pub(super) struct ListJob {
    lsub: bool,
    patterns: Vec<String>,
    selection: Vec<String>,
    extended: bool,
    returns: Vec<String>,
    status: Option<Vec<StatusItem>>,
    /// Mailboxes whose STATUS is still to be told, last first.
    pending: Vec<String>,
}

impl ListJob {
    fn selects(&self, name: &str) -> bool {
        self.selection.iter().any(|s| s == name)
    }

    fn matches(&self, name: &str) -> bool {
        self.patterns.iter().any(|p| matches(p, name))
    }
}

impl Server {
    pub(super) fn list(&mut self, command: ListCommand) {
        // "An empty ("" string) mailbox name argument is a special request to return the hierarchy delimiter and the
        // root name of the name given in the reference."
        if !command.extended && command.patterns.iter().all(String::is_empty) {
            self.untagged("LIST (\\Noselect) \"/\" \"\"");
            return self.finish(Reply::ok("LIST completed"));
        }
        let mut job = ListJob {
            lsub: false,
            patterns: command.patterns.iter().map(|p| format!("{}{p}", command.reference)).collect(),
            selection: command.selection,
            extended: command.extended,
            returns: Vec::new(),
            status: None,
            pending: Vec::new(),
        };
        // "A server MUST respond to options it does not recognize with a BAD response." (RFC 9051 §6.3.9)
        let unknown =
            job.selection.iter().map(String::as_str).find(|s| !SELECTION.contains(s)).or_else(|| {
                command.returns.iter().find_map(|r| match r {
                    ListReturn::Option(name) if !RETURN.contains(&name.as_str()) => Some(name.as_str()),
                    _ => None,
                })
            });
        if let Some(unknown) = unknown {
            let shown: String = unknown.chars().take(40).collect();
            return self.finish(Reply::bad(format!("LIST option {shown} is not known here")));
        }
        // "the RECURSIVEMATCH option MUST NOT occur as the only selection option" (RFC 9051 §6.3.9.1).
        let alone = |s: &String| matches!(s.as_str(), "RECURSIVEMATCH" | "REMOTE");
        if job.selects("RECURSIVEMATCH") && job.selection.iter().all(alone) {
            return self.finish(Reply::bad("RECURSIVEMATCH needs another selection option"));
        }
        for option in command.returns {
            match option {
                ListReturn::Option(name) => job.returns.push(name),
                ListReturn::Status(items) => job.status = Some(items),
            }
        }
        self.ask(Ask::Folders, Then::Folders(job));
    }

    pub(super) fn lsub(&mut self, reference: &str, pattern: &str) {
        let job = ListJob {
            lsub: true,
            patterns: vec![format!("{reference}{pattern}")],
            selection: Vec::new(),
            extended: false,
            returns: Vec::new(),
            status: None,
            pending: Vec::new(),
        };
        self.ask(Ask::Folders, Then::Folders(job));
    }

    pub(super) fn listed(&mut self, mut job: ListJob, folders: Vec<Folder>) {
        // Every level above a subscribed name.
        let above: BTreeSet<&str> = folders
            .iter()
            .filter(|f| f.subscribed)
            .flat_map(|f| f.name.match_indices('/').map(|(at, _)| &f.name[..at]))
            .collect();
        let mut status = Vec::new();
        for folder in folders.iter().filter(|f| job.matches(&f.name)) {
            let child_subscribed = above.contains(folder.name.as_str());
            if job.lsub {
                // With `%`, a level above a subscribed name shows as \Noselect (RFC 3501 §6.3.9).
                if folder.subscribed && folder.exists {
                    self.tell_folder(b"LSUB", &[], &folder.name, b"");
                } else if folder.subscribed || child_subscribed && job.patterns[0].contains('%') {
                    self.tell_folder(b"LSUB", &["\\Noselect"], &folder.name, b"");
                }
                continue;
            }
            let recursive = job.selects("RECURSIVEMATCH") && child_subscribed;
            let wanted = (folder.subscribed || recursive || !job.selects("SUBSCRIBED"))
                && (folder.special_use.is_some() || !job.selects("SPECIAL-USE"))
                && (folder.exists || folder.has_children || job.selects("SUBSCRIBED"));
            if !wanted {
                continue;
            }
            let tail: &[u8] = if recursive { b" (\"CHILDINFO\" (\"SUBSCRIBED\"))" } else { b"" };
            let attributes = self.attributes(&job, folder);
            self.tell_folder(b"LIST", &attributes, &folder.name, tail);
            if folder.exists {
                status.push(folder.name.clone());
            }
        }
        if job.status.is_some() {
            status.reverse();
            job.pending = status;
        }
        self.next_list_status(job);
    }

    fn attributes<'a>(&self, job: &ListJob, folder: &'a Folder) -> Vec<&'a str> {
        let mut attributes = Vec::new();
        if !folder.exists {
            attributes.push(if job.extended || self.enabled.rev2 { "\\NonExistent" } else { "\\Noselect" });
        }
        attributes.push(if folder.has_children { "\\HasChildren" } else { "\\HasNoChildren" });
        let says_subscribed = job.selects("SUBSCRIBED") || job.returns.iter().any(|r| r == "SUBSCRIBED");
        if folder.subscribed && says_subscribed {
            attributes.push("\\Subscribed");
        }
        attributes.extend(folder.special_use.as_deref());
        attributes
    }

    fn next_list_status(&mut self, mut job: ListJob) {
        match job.pending.pop() {
            Some(name) => self.ask(Ask::Status { mailbox: name.clone() }, Then::ListStatus(job, name)),
            None => {
                let text = format!("{} completed", self.verb);
                self.finish(Reply::ok(text));
            }
        }
    }

    pub(super) fn list_status(&mut self, job: ListJob, name: &str, figures: Figures) {
        if let Some(items) = &job.status {
            self.tell_status(name, items, figures);
        }
        self.next_list_status(job);
    }

    /// `* LIST (attributes) "/" name`
    pub(super) fn tell_folder(&mut self, word: &[u8], attributes: &[&str], name: &str, tail: &[u8]) {
        let mut line = b"* ".to_vec();
        line.extend_from_slice(word);
        line.extend_from_slice(format!(" ({}) \"/\" ", attributes.join(" ")).as_bytes());
        line.extend(self.mailbox_name(name));
        line.extend_from_slice(tail);
        line.extend_from_slice(b"\r\n");
        self.send(line);
    }

    /// A mailbox name as this connection writes it: quoted unless it is an atom.
    pub(super) fn mailbox_name(&self, name: &str) -> Vec<u8> {
        let wire = match self.dialect() {
            Dialect::Rev1 => utf7::encode(name),
            Dialect::Rev2 => name.to_owned(),
        };
        let mut out = Vec::new();
        if !wire.is_empty() && wire.bytes().all(|b| b.is_ascii_alphanumeric() || b"&-+,./_=".contains(&b)) {
            out.extend_from_slice(wire.as_bytes());
        } else if self.dialect() == Dialect::Rev2 && !wire.bytes().any(|b| b"\0\r\n\"\\".contains(&b)) {
            // UTF-8 may stand in quoted strings here (RFC 9051 §4.3).
            out.extend_from_slice(format!("\"{wire}\"").as_bytes());
        } else {
            write::string(&mut out, wire.as_bytes());
        }
        out
    }
}
