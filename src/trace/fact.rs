//! [`Fact`]: something a host states that no wire shows. A closed enum: what the stores did, not what they think.
//!
//! Facts are complete: folding them (see `state`) rebuilds every queue, mailbox and client's copy.

use super::Conn;
use crate::base::Rule;
use serde::{Deserialize, Serialize};

/// What a host states. Addresses are written without angle brackets; the null reverse-path is the empty string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "kebab-case")]
pub enum Fact {
    /// A person sets out to do something; Steps until the matching end serve it.
    IntentBegins {
        /// Who, as in `Alice`.
        who: String,
        /// What, as in `send` or `fetch-pop3`; see the scenario's script.
        intent: String,
        /// In words, as in "Alice presses Send".
        detail: String,
    },
    /// The intention is done, or was given up.
    IntentEnds {
        /// Who.
        who: String,
        /// What.
        intent: String,
        /// Whether it was achieved.
        ok: bool,
        /// In words.
        detail: String,
        /// Where the protocol cannot do what was wanted, and `ok` is false: what the client did in its place.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        instead: String,
    },
    /// A message was taken into the queue: this host is now responsible for it.
    Queued {
        /// Queue id, as it stands in Received.
        id: String,
        /// The envelope's reverse-path; empty for `<>`.
        sender: String,
        /// The envelope's forward-paths.
        recipients: Vec<String>,
        /// Octets.
        size: u64,
    },
    /// Recipients of a queued message will be tried again.
    RetryAt {
        /// Queue id.
        id: String,
        /// Which recipients.
        recipients: Vec<String>,
        /// When: microseconds since the Unix epoch.
        at: i64,
        /// Which attempt failed, from 1.
        attempt: u32,
        /// Why, as the next host or the resolver said it.
        reason: String,
    },
    /// The next host took responsibility for these recipients; they leave this queue.
    Relayed {
        /// Queue id.
        id: String,
        /// Which recipients.
        recipients: Vec<String>,
        /// The host that took it.
        to: String,
        /// Its reply, as in `250 2.0.0 Ok: queued as 3F`.
        reply: String,
    },
    /// Delivery to these recipients failed for good; they leave this queue.
    Failed {
        /// Queue id.
        id: String,
        /// Which recipients.
        recipients: Vec<String>,
        /// Enhanced status code, as in `5.1.1`.
        status: String,
        /// Why.
        reason: String,
    },
    /// A delivery status notification was written about a queued message, and was itself queued.
    Bounced {
        /// Queue id of the message that it is about.
        id: String,
        /// Queue id of the notification.
        notification: String,
        /// To whom it goes: the envelope sender.
        to: String,
        /// The worst that it tells: empty for a failure, else `delayed`, `relayed` or `delivered`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        action: String,
    },
    /// A message left the queue: nobody of its recipients waits any more.
    Dequeued {
        /// Queue id.
        id: String,
    },
    /// A message was stored in a mailbox.
    Delivered {
        /// Whose, as in `bob@example.net`.
        account: String,
        /// Which mailbox, as in `INBOX`.
        mailbox: String,
        /// Its UID there.
        uid: u32,
        /// Octets stored.
        size: u64,
        /// Its flags at birth.
        flags: Vec<String>,
        /// From the queue entry of this id, where it came by mail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// A message has these flags now.
    FlagsSet {
        /// Whose.
        account: String,
        /// Which mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
        /// All its flags now, sorted.
        flags: Vec<String>,
    },
    /// A message was removed from a mailbox for good.
    Removed {
        /// Whose.
        account: String,
        /// Which mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
    },
    /// A mailbox was made.
    MailboxCreated {
        /// Whose.
        account: String,
        /// Its name.
        mailbox: String,
        /// Its UIDVALIDITY.
        uidvalidity: u32,
    },
    /// A mailbox was deleted, with what was in it.
    MailboxDeleted {
        /// Whose.
        account: String,
        /// Its name.
        mailbox: String,
    },
    /// A mailbox was renamed.
    MailboxRenamed {
        /// Whose.
        account: String,
        /// Its old name.
        from: String,
        /// Its new name.
        to: String,
    },
    /// A POP3 session took the exclusive lock on a maildrop.
    MaildropLocked {
        /// Whose.
        account: String,
    },
    /// The lock was given back.
    MaildropUnlocked {
        /// Whose.
        account: String,
        /// Whether deletions were carried out (QUIT in TRANSACTION: the UPDATE state).
        updated: bool,
    },
    /// A client keeps a copy of a message on its own disk.
    ClientCopyKept {
        /// Whose mail.
        account: String,
        /// What the client knows it by, as in `inbox uid 7` or a UIDL.
        key: String,
        /// Octets kept.
        size: u64,
        /// The Subject, so that people know it again.
        subject: String,
        /// How much of the message: empty for all of it, `header` for what a list shows, `lines` for its header and
        /// first lines, `file` for an attachment that was saved.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        part: String,
        /// In which folder the client shows it; empty: its inbox.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        folder: String,
    },
    /// A client's copy has these flags now: what it was told (IMAP), or what it alone knows (POP3).
    ClientFlagsSet {
        /// Whose mail.
        account: String,
        /// What the client knows it by.
        key: String,
        /// All its flags now, sorted.
        flags: Vec<String>,
    },
    /// A client filed its copy in a folder of its own, which no server knows.
    ClientFiled {
        /// Whose mail.
        account: String,
        /// What the client knows it by.
        key: String,
        /// Which folder; empty: its inbox.
        folder: String,
    },
    /// A POP3 client's list of the unique-ids that it has fetched (RFC 1939 §7, UIDL) has so many entries now.
    ClientIdsKnown {
        /// Whose mail.
        account: String,
        /// How many.
        ids: u64,
    },
    /// An IMAP client noted how far it knows a mailbox (RFC 4549 §3).
    ClientMailboxKnown {
        /// Whose mail.
        account: String,
        /// Which mailbox.
        mailbox: String,
        /// The UIDVALIDITY under which its cached UIDs hold.
        uidvalidity: u32,
        /// The UID from which on messages are new to it.
        uidnext: u32,
    },
    /// A client's disk lost everything that it kept for an account.
    ClientStoreLost {
        /// Whose mail.
        account: String,
    },
    /// A client let its copy go.
    ClientCopyRemoved {
        /// Whose mail.
        account: String,
        /// What the client knew it by.
        key: String,
    },
    /// A resolver keeps an answer.
    ResolverCached {
        /// The name asked for.
        name: String,
        /// The type asked for, as in `MX`.
        rtype: String,
        /// What was learnt, in words: `10 mx1.example.net.`, `NXDOMAIN`, `no data`.
        answer: String,
        /// Until when: microseconds since the Unix epoch.
        until: i64,
    },
    /// A resolver answered from its cache: no query crossed a wire.
    ResolverHit {
        /// The name asked for.
        name: String,
        /// The type asked for.
        rtype: String,
    },
    /// A client has done a TLS handshake, or given it up. The certificate crosses the wire encrypted (RFC 8446 §4.4.2), so
    /// what the client thought of it stands nowhere else.
    Tls {
        /// On which connection.
        conn: Conn,
        /// The name that the certificate must be for.
        server: String,
        /// The version agreed on, as in `TLS 1.3`; empty: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        version: String,
        /// The cipher suite agreed on, as in `TLS_AES_256_GCM_SHA384`; empty: none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cipher: String,
        /// What was wrong with the certificate, or with the handshake; empty: nothing.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        wrong: String,
        /// Whether the client goes on: a strict one does not where something is wrong.
        goes_on: bool,
    },
    /// A host applied one rule of a check of who sent a message.
    RuleApplied {
        /// Which check: `spf`, `dkim`, `arc`, `dmarc`.
        check: String,
        /// The rule: what stood there, what was asked, what came of it.
        rule: Rule,
    },
    /// What came of a check of who sent a message, once all its rules were applied.
    SenderChecked {
        /// Which check.
        check: String,
        /// The domain that it is about; empty where there is none.
        domain: String,
        /// The result, as in `pass`, `softfail`, `permerror`.
        result: String,
    },
    /// What a host does with a message that failed its sender's policy.
    SenderJudged {
        /// `accept`, `junk` or `reject`.
        decision: String,
        /// Why.
        why: String,
    },
    /// A host signed a message in the name of a domain.
    Signed {
        /// Which field: `DKIM-Signature` or `ARC-Seal`.
        field: String,
        /// The domain.
        domain: String,
        /// Which of its keys.
        selector: String,
        /// How, as in `rsa-sha256`.
        algorithm: String,
    },
    /// A queued message was sent on to other addresses, as a new entry of the queue.
    Forwarded {
        /// Its queue id.
        id: String,
        /// The recipient whose mail goes on.
        recipient: String,
        /// The queue id of what goes on.
        onward: String,
        /// To whom.
        to: Vec<String>,
        /// The envelope's reverse-path from here on; empty for `<>`.
        sender: String,
    },
    /// A service of a host stops answering (a fault of the scenario).
    ServiceDown {
        /// Which: `smtp`, `submission`, `pop3`, `imap`, `dns`, or `all`.
        service: String,
    },
    /// It answers again.
    ServiceUp {
        /// Which.
        service: String,
    },
    /// Somebody has switched a fault on while a lab runs.
    FaultBegins {
        /// Its kind, as in a scenario: `reply`, `down`.
        fault: String,
        /// What goes wrong from here on, in words.
        detail: String,
    },
    /// It is switched off, or its time is over.
    FaultEnds {
        /// Its kind.
        fault: String,
        /// What went wrong, in words.
        detail: String,
    },
    /// A file of faults cannot be used; those that hold go on.
    FaultsRefused {
        /// The file, and the line, as in `faults.toml:7`.
        place: String,
        /// What is wrong with it.
        why: String,
    },
}
