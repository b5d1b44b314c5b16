//! The client's operations: each is one command, and what its success brings about stands in the machine.

use super::ClientConfig;
use crate::proto::imap::response::Address;
use crate::proto::imap::types::{CommandBody, FetchItem, Flag, ListCommand, Section, SequenceSet, StoreOp};
use std::time::Duration;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// CAPABILITY
    Capability,
    /// STARTTLS. The client puts it into its script by itself, as its wish and the server's offers go.
    StartTls,
    /// LOGIN, with the configured user and password.
    Login,
    /// LIST "" "*"
    List,
    /// SELECT the configured mailbox.
    Select,
    /// UID FETCH 1:* of what a list of messages shows; then [`Op::Fetch`] and [`Op::MarkSeen`] for each one that is
    /// not known. Left out where the mailbox is empty.
    Overview,
    /// UID FETCH of one whole message.
    Fetch(u32),
    /// UID STORE +FLAGS (\Seen)
    MarkSeen(u32),
    /// IDLE until the number of messages changes, at most this long: "re-issue it at least every 29 minutes"
    /// (RFC 2177 §3).
    Idle {
        /// At most.
        most: Duration,
    },
    /// Any other command; its end is told as [`super::ClientEvent::Done`], whatever it is.
    Command(Box<CommandBody>),
    /// LOGOUT, and the end.
    Logout,
}

impl Op {
    /// The command for it.
    pub(super) fn command(&self, config: &ClientConfig) -> CommandBody {
        match self {
            Op::Capability => CommandBody::Capability,
            Op::StartTls => CommandBody::StartTls,
            Op::Login => CommandBody::Login { user: config.user.clone(), password: config.password.clone() },
            Op::List => {
                CommandBody::List(ListCommand { patterns: vec!["*".to_owned()], ..ListCommand::default() })
            }
            Op::Select => CommandBody::Select {
                mailbox: config.mailbox.clone(),
                read_only: false,
                condstore: false,
                qresync: None,
            },
            Op::Overview => CommandBody::Fetch {
                uid: true,
                set: SequenceSet::range(1, None),
                items: vec![
                    FetchItem::Uid,
                    FetchItem::Flags,
                    FetchItem::Envelope,
                    FetchItem::BodyStructure,
                    FetchItem::Rfc822Size,
                    FetchItem::InternalDate,
                ],
                changed_since: None,
                vanished: false,
            },
            Op::Fetch(uid) => CommandBody::Fetch {
                uid: true,
                set: SequenceSet::one(*uid),
                items: vec![FetchItem::Section {
                    peek: config.peek,
                    section: Section::default(),
                    partial: None,
                }],
                changed_since: None,
                vanished: false,
            },
            Op::MarkSeen(uid) => CommandBody::Store {
                uid: true,
                set: SequenceSet::one(*uid),
                op: StoreOp::Add,
                silent: false,
                flags: vec![Flag::Seen],
                unchanged_since: None,
            },
            Op::Idle { .. } => CommandBody::Idle,
            Op::Command(body) => (**body).clone(),
            Op::Logout => CommandBody::Logout,
        }
    }
}

/// An address as people write it.
pub(super) fn address(address: &Address) -> String {
    match (&address.mailbox, &address.host) {
        (Some(local), Some(domain)) => format!("{local}@{domain}"),
        (Some(local), None) => local.clone(),
        _ => String::new(),
    }
}
