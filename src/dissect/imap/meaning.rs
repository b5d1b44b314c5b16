//! What an IMAP Step means: the values that state and notes need, in plain serialisable types.

use crate::base::Word;
use crate::proto::imap::response::{
    BodyStructure, Code, Condition, ESearch, FetchData, ListEntry, Status, Untagged,
};
use crate::proto::imap::types::{Command, CommandBody, Flag, StoreOp};
use crate::proto::sasl::Watch;
use serde::Serialize;

/// What an IMAP Step means. Client's words first, then the server's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImapMeaning {
    /// A command of which no more needs to be known than its name (the Step's verb).
    Command {
        /// Its tag.
        tag: String,
    },
    /// LOGIN
    Login {
        /// Its tag.
        tag: String,
        /// Who.
        user: String,
    },
    /// AUTHENTICATE
    Authenticate {
        /// Its tag.
        tag: String,
        /// As in `PLAIN`.
        mechanism: String,
        /// Who, where the initial response tells it.
        user: Option<String>,
    },
    /// One line of a SASL exchange from the client.
    SaslResponse {
        /// As in `PLAIN`.
        mechanism: String,
        /// Who, where this line tells it.
        user: Option<String>,
        /// `*`: the client gives up.
        cancelled: bool,
    },
    /// ENABLE
    Enable {
        /// Its tag.
        tag: String,
        /// Which, in upper case.
        capabilities: Vec<String>,
    },
    /// SELECT, EXAMINE
    Select {
        /// Its tag.
        tag: String,
        /// Which mailbox.
        mailbox: String,
        /// EXAMINE
        read_only: bool,
    },
    /// CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE, STATUS: the verb says which.
    Mailbox {
        /// Its tag.
        tag: String,
        /// Which mailbox.
        mailbox: String,
    },
    /// RENAME
    Rename {
        /// Its tag.
        tag: String,
        /// Old name.
        from: String,
        /// New name.
        to: String,
    },
    /// LIST, LSUB
    List {
        /// Its tag.
        tag: String,
        /// Reference name.
        reference: String,
        /// Patterns.
        patterns: Vec<String>,
    },
    /// APPEND
    Append {
        /// Its tag.
        tag: String,
        /// Which mailbox.
        mailbox: String,
        /// Of each message: its octets (0 while its literal has not come) and flags.
        messages: Vec<(u64, Vec<Flag>)>,
    },
    /// SEARCH
    Search {
        /// Its tag.
        tag: String,
        /// UID SEARCH
        uid: bool,
    },
    /// FETCH
    FetchCommand {
        /// Its tag.
        tag: String,
        /// UID FETCH
        uid: bool,
        /// Which messages, as in `1:*`.
        set: String,
        /// Whether it sets `\Seen`: BODY[…], RFC822, RFC822.TEXT, BINARY[…].
        sets_seen: bool,
    },
    /// STORE
    Store {
        /// Its tag.
        tag: String,
        /// UID STORE
        uid: bool,
        /// Which messages.
        set: String,
        /// Set, add or remove.
        op: StoreOp,
        /// Which flags.
        flags: Vec<Flag>,
        /// No answer wanted.
        silent: bool,
    },
    /// COPY, MOVE
    Copy {
        /// Its tag.
        tag: String,
        /// With UID.
        uid: bool,
        /// Which messages.
        set: String,
        /// Where to.
        mailbox: String,
    },
    /// UID EXPUNGE; EXPUNGE is a plain command.
    UidExpunge {
        /// Its tag.
        tag: String,
        /// Which UIDs.
        set: String,
    },
    /// DONE: the end of IDLE.
    Done,
    /// The rest of a command whose literal was waited for. `of` is the whole command's meaning once it is complete.
    Rest {
        /// Its tag.
        tag: String,
        /// What the command means, now that all of it is there.
        of: Option<Box<ImapMeaning>>,
    },
    /// A command that does not follow the grammar, or is not known.
    NotUnderstood {
        /// Its tag.
        tag: String,
        /// Why.
        reason: String,
    },

    /// The server's first words.
    Greeting {
        /// OK, PREAUTH or BYE.
        status: Status,
        /// Where it tells them.
        capabilities: Vec<String>,
    },
    /// `+`
    Continue {
        /// What stands behind it.
        text: String,
    },
    /// The end of a command.
    Tagged {
        /// Its tag.
        tag: String,
        /// How it ended.
        status: Status,
        /// The command's verb; empty where no command had that tag.
        verb: Word,
        /// The response code.
        code: Option<ImapCode>,
        /// For people.
        text: String,
    },
    /// OK, NO, BAD, BYE without a tag.
    Condition {
        /// Which.
        status: Status,
        /// The response code.
        code: Option<ImapCode>,
        /// For people.
        text: String,
    },
    /// CAPABILITY
    Capability(Vec<String>),
    /// ENABLED
    Enabled(Vec<String>),
    /// LIST
    ListEntry(ListEntry),
    /// LSUB
    LsubEntry(ListEntry),
    /// STATUS
    Status {
        /// Of which mailbox.
        mailbox: String,
        /// Items and values.
        items: Vec<(String, String)>,
    },
    /// SEARCH, ESEARCH
    Found {
        /// How many numbers (COUNT where told).
        count: u64,
        /// The numbers, as on the wire: `2 5 6`, `2,10:11`.
        numbers: String,
    },
    /// FLAGS
    Flags(Vec<Flag>),
    /// EXISTS
    Exists(u32),
    /// RECENT
    Recent(u32),
    /// EXPUNGE
    Expunge(u32),
    /// VANISHED
    Vanished {
        /// `(EARLIER)`
        earlier: bool,
        /// Which UIDs.
        uids: String,
    },
    /// FETCH
    Fetch(Box<FetchMeaning>),
    /// Other untagged data: NAMESPACE, ID, what is not known.
    Data,
}

/// What a FETCH response tells of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FetchMeaning {
    /// Its sequence number.
    pub seq: u32,
    /// Its UID, where told.
    pub uid: Option<u32>,
    /// Its flags, where told.
    pub flags: Option<Vec<Flag>>,
    /// Its octets, where told.
    pub size: Option<u64>,
    /// Its subject, where an envelope told one; as on the wire.
    pub subject: Option<String>,
    /// Its MIME parts, where told: how many leaves.
    pub parts: Option<usize>,
    /// Octets of sections given, in order.
    pub sections: Vec<u64>,
    /// Its modification sequence, where told.
    pub modseq: Option<u64>,
    /// Whether the whole message was given (`BODY[]`).
    pub whole: bool,
}

/// A response code with its values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImapCode {
    /// CAPABILITY
    Capability(Vec<String>),
    /// PERMANENTFLAGS
    PermanentFlags(Vec<Flag>),
    /// UIDNEXT
    UidNext(u32),
    /// UIDVALIDITY
    UidValidity(u32),
    /// UNSEEN
    Unseen(u32),
    /// APPENDUID: UIDVALIDITY and UIDs.
    AppendUid(u32, String),
    /// COPYUID: UIDVALIDITY, UIDs of the originals, UIDs of the copies.
    CopyUid(u32, String, String),
    /// HIGHESTMODSEQ
    HighestModSeq(u64),
    /// MODIFIED
    Modified(String),
    /// Any other: its name.
    Other(String),
}

impl From<&Code> for ImapCode {
    fn from(code: &Code) -> ImapCode {
        match code {
            Code::Capability(list) => ImapCode::Capability(list.clone()),
            Code::PermanentFlags(flags) => ImapCode::PermanentFlags(flags.clone()),
            Code::UidNext(n) => ImapCode::UidNext(*n),
            Code::UidValidity(n) => ImapCode::UidValidity(*n),
            Code::Unseen(n) => ImapCode::Unseen(*n),
            Code::AppendUid { uidvalidity, uids } => ImapCode::AppendUid(*uidvalidity, uids.to_string()),
            Code::CopyUid { uidvalidity, from, to } => {
                ImapCode::CopyUid(*uidvalidity, from.to_string(), to.to_string())
            }
            Code::HighestModSeq(n) => ImapCode::HighestModSeq(*n),
            Code::Modified(set) => ImapCode::Modified(set.to_string()),
            Code::Other { name, .. } => ImapCode::Other(name.clone()),
        }
    }
}

/// The meaning of a whole command.
pub(super) fn of_command(command: &Command) -> ImapMeaning {
    let tag = command.tag.clone();
    match command.body.clone() {
        CommandBody::Login { user, .. } => ImapMeaning::Login { tag, user },
        CommandBody::Authenticate { mechanism, initial } => {
            let user = initial.and_then(|text| user_of(&mechanism, text.expose().as_bytes()));
            ImapMeaning::Authenticate { tag, mechanism, user }
        }
        CommandBody::Enable { capabilities } => ImapMeaning::Enable { tag, capabilities },
        CommandBody::Select { mailbox, read_only, .. } => ImapMeaning::Select { tag, mailbox, read_only },
        CommandBody::Create { mailbox, .. }
        | CommandBody::Delete { mailbox }
        | CommandBody::Subscribe { mailbox }
        | CommandBody::Unsubscribe { mailbox }
        | CommandBody::Status { mailbox, .. } => ImapMeaning::Mailbox { tag, mailbox },
        CommandBody::Rename { from, to } => ImapMeaning::Rename { tag, from, to },
        CommandBody::List(list) => {
            ImapMeaning::List { tag, reference: list.reference, patterns: list.patterns }
        }
        CommandBody::Lsub { reference, pattern } => {
            ImapMeaning::List { tag, reference, patterns: vec![pattern] }
        }
        CommandBody::Append { mailbox, messages } => {
            let messages = messages.into_iter().map(|m| (m.message.len() as u64, m.flags)).collect();
            ImapMeaning::Append { tag, mailbox, messages }
        }
        body => of_message_command(tag, body),
    }
}

/// The meaning of a whole command of which large literals were left out: these sizes stand where `{0}` does.
pub(super) fn of_whole(command: &Command, left_out: &[u64]) -> ImapMeaning {
    let mut meaning = of_command(command);
    if let ImapMeaning::Append { messages, .. } = &mut meaning {
        let empty = messages.iter_mut().filter(|(size, _)| *size == 0);
        for ((size, _), left_out) in empty.zip(left_out) {
            *size = *left_out;
        }
    }
    meaning
}

fn of_message_command(tag: String, body: CommandBody) -> ImapMeaning {
    use crate::proto::imap::types::FetchItem::{Binary, Rfc822, Rfc822Text, Section};
    match body {
        CommandBody::Search { uid, .. } => ImapMeaning::Search { tag, uid },
        CommandBody::Fetch { uid, set, items, .. } => {
            let sets_seen = items.iter().any(|item| {
                matches!(item, Rfc822 | Rfc822Text | Section { peek: false, .. } | Binary { peek: false, .. })
            });
            ImapMeaning::FetchCommand { tag, uid, set: set.to_string(), sets_seen }
        }
        CommandBody::Store { uid, set, op, silent, flags, .. } => {
            ImapMeaning::Store { tag, uid, set: set.to_string(), op, flags, silent }
        }
        CommandBody::Copy { uid, set, mailbox } | CommandBody::Move { uid, set, mailbox } => {
            ImapMeaning::Copy { tag, uid, set: set.to_string(), mailbox }
        }
        CommandBody::Expunge { uids: Some(set) } => ImapMeaning::UidExpunge { tag, set: set.to_string() },
        CommandBody::Unknown { .. } => {
            ImapMeaning::NotUnderstood { tag, reason: "a command that is not known".to_owned() }
        }
        CommandBody::Malformed { reason, .. } => ImapMeaning::NotUnderstood { tag, reason },
        _ => ImapMeaning::Command { tag },
    }
}

/// Who authenticates, where the initial response tells it.
fn user_of(mechanism: &str, initial: &[u8]) -> Option<String> {
    Watch::begin(mechanism).response(initial, 0)?.user
}

/// The meaning of a status response without a tag.
pub(super) fn of_condition(condition: &Condition) -> ImapMeaning {
    ImapMeaning::Condition {
        status: condition.status,
        code: condition.code.as_ref().map(ImapCode::from),
        text: condition.text.clone(),
    }
}

/// The meaning of untagged data.
pub(super) fn of_untagged(data: Untagged) -> ImapMeaning {
    match data {
        Untagged::Condition(condition) => of_condition(&condition),
        Untagged::Capability(list) => ImapMeaning::Capability(list),
        Untagged::Enabled(list) => ImapMeaning::Enabled(list),
        Untagged::List(entry) => ImapMeaning::ListEntry(entry),
        Untagged::Lsub(entry) => ImapMeaning::LsubEntry(entry),
        Untagged::Status { mailbox, items } => ImapMeaning::Status { mailbox, items },
        Untagged::Search { numbers, .. } => {
            let text = numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
            ImapMeaning::Found { count: numbers.len() as u64, numbers: text }
        }
        Untagged::ESearch(found) => of_esearch(&found),
        Untagged::Flags(flags) => ImapMeaning::Flags(flags),
        Untagged::Exists(n) => ImapMeaning::Exists(n),
        Untagged::Recent(n) => ImapMeaning::Recent(n),
        Untagged::Expunge(n) => ImapMeaning::Expunge(n),
        Untagged::Vanished { earlier, uids } => ImapMeaning::Vanished { earlier, uids: uids.to_string() },
        Untagged::Fetch { seq, items } => ImapMeaning::Fetch(Box::new(of_fetch(seq, items))),
        Untagged::Namespace(_) | Untagged::Id(_) | Untagged::Unknown { .. } => ImapMeaning::Data,
    }
}

fn of_esearch(found: &ESearch) -> ImapMeaning {
    let numbers = found.all.as_ref().map(ToString::to_string).unwrap_or_default();
    let of_set = found.all.as_ref().map(|set| {
        let ranges = set.normalized(u32::MAX).into_iter();
        ranges.map(|(low, high)| u64::from(high - low) + 1).sum()
    });
    ImapMeaning::Found { count: found.count.map(u64::from).or(of_set).unwrap_or(0), numbers }
}

fn of_fetch(seq: u32, items: Vec<FetchData>) -> FetchMeaning {
    let mut fetch = FetchMeaning { seq, ..FetchMeaning::default() };
    for item in items {
        match item {
            FetchData::Uid(uid) => fetch.uid = Some(uid),
            FetchData::Flags(flags) => fetch.flags = Some(flags),
            FetchData::Size(size) => fetch.size = Some(size),
            FetchData::ModSeq(modseq) => fetch.modseq = Some(modseq),
            FetchData::Envelope(envelope) => fetch.subject = envelope.subject,
            FetchData::Structure { body, .. } => fetch.parts = Some(leaves(&body)),
            FetchData::Section { section, origin, data } => {
                fetch.whole |= section.part.is_empty() && section.text.is_none() && origin.is_none();
                fetch.sections.push(data.map_or(0, |octets| octets.len() as u64));
            }
            FetchData::Binary { data, .. } => {
                fetch.sections.push(data.map_or(0, |octets| octets.len() as u64));
            }
            FetchData::InternalDate(_) | FetchData::Other { .. } => {}
        }
    }
    fetch
}

fn leaves(body: &BodyStructure) -> usize {
    match body {
        BodyStructure::Single(part) => part.message.as_ref().map_or(1, |(_, inner)| leaves(inner)),
        BodyStructure::Multi { parts, .. } => parts.iter().map(leaves).sum(),
    }
}
