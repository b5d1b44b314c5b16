//! [`Scenario`]: a world and what its people do in it, as a TOML file.
//!
//! The default journey and every preset are such files (`lessons/scenarios/`). The whole effective scenario is
//! written into the transcript's head, so that replay, fork and check need nothing but the transcript.

pub mod check;
pub mod clients;
pub mod load;
pub mod presets;
pub mod queue;
pub mod sender;
pub mod terms;
pub mod what;

pub use clients::{Access, Leave, LinkSpec, LogIn, MailClient, Manner, Preloaded, ServerMailbox};
pub use load::LoadError;
pub use presets::{builtin, builtin_names, story_names};
pub use queue::{NotifyOn, QueueSpec};
pub use sender::{DkimKey, KeyAlgorithm, Redirect, SenderPolicy};
pub use terms::When;
pub use what::What;

use crate::base::Secret;
use crate::proto::smtp::envelope::Ret;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// A world and what its people do in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// A line for people: `Alice writes to Bob`.
    pub title: String,
    /// A few sentences on what this journey shows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// When it begins, RFC 3339 in UTC: `2026-01-05T09:00:00Z`.
    pub start: String,
    /// Seed of all randomness.
    #[serde(default = "one")]
    pub seed: u64,
    /// By which protocol every mail client of this run reaches its mailbox, whatever people and clients say themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// What the servers of this run do with TLS where a `[[host]]` says nothing else.
    #[serde(default, skip_serializing_if = "Tls::is_none")]
    pub tls: Tls,
    /// The links' manner where a `[[link]]` says nothing else.
    #[serde(default)]
    pub network: Network,
    /// How queues deal with what cannot be delivered yet, where that is not the usual.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueSpec>,
    /// The machines.
    #[serde(rename = "host", default)]
    pub hosts: Vec<Host>,
    /// Links that differ from `network`.
    #[serde(rename = "link", default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// The zones that the DNS hosts serve.
    #[serde(rename = "zone", default)]
    pub zones: Vec<Zone>,
    /// What domains publish about who may send as them.
    #[serde(rename = "sender-policy", default, skip_serializing_if = "Vec::is_empty")]
    pub sender_policies: Vec<SenderPolicy>,
    /// Addresses whose mail goes on to others.
    #[serde(rename = "redirect", default, skip_serializing_if = "Vec::is_empty")]
    pub redirects: Vec<Redirect>,
    /// Whose mail is kept where.
    #[serde(rename = "account", default)]
    pub accounts: Vec<Account>,
    /// Mailboxes that accounts have from the start, besides INBOX.
    #[serde(rename = "mailbox", default, skip_serializing_if = "Vec::is_empty")]
    pub mailboxes: Vec<ServerMailbox>,
    /// Messages that lie in mailboxes from the start.
    #[serde(rename = "message", default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Preloaded>,
    /// Who acts.
    #[serde(rename = "person", default)]
    pub people: Vec<Person>,
    /// How the mail programs on people's devices are set.
    #[serde(rename = "client", default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<MailClient>,
    /// What they do, in order, each person for themself.
    #[serde(rename = "act", default)]
    pub acts: Vec<Act>,
    /// What goes wrong.
    #[serde(rename = "fault", default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

fn one() -> u64 {
    1
}

/// What a host's servers do with TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// Nothing: all of it is in clear.
    #[default]
    None,
    /// Connections begin in clear, and clients ask for TLS: STARTTLS on 587, 25 and 143, STLS on 110. Without TLS no
    /// password is taken.
    Starttls,
    /// People's mail programs are served inside TLS from the first byte on: 465, 995, 993 (RFC 8314 §3). The ports for
    /// STARTTLS are open too; on 25, between servers, there is no other way.
    Implicit,
}

impl Tls {
    /// Its name in TOML and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Tls::None => "none",
            Tls::Starttls => "starttls",
            Tls::Implicit => "implicit",
        }
    }

    fn is_none(&self) -> bool {
        *self == Tls::None
    }
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flaw {
    /// It was good until a month ago.
    Expired,
    /// It is for another name.
    WrongName,
    /// It was issued by an authority that nobody here trusts.
    UnknownIssuer,
}

/// How links behave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Network {
    /// One-way latency in whole milliseconds.
    pub latency_ms: u32,
    /// Kilobits a second; 0 is unlimited.
    pub bandwidth_kbit: u32,
}

impl Default for Network {
    fn default() -> Self {
        Network { latency_ms: 20, bandwidth_kbit: 0 }
    }
}

/// What a host does on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleKind {
    /// A person's mail client.
    Mua,
    /// Takes mail from its own users (587; needs AUTH).
    Submission,
    /// Takes mail for its domains on 25, and relays what its users send.
    Mta,
    /// Serves zones, and resolves for everybody.
    Dns,
    /// Gives access to maildrops (110).
    Pop3,
    /// Gives access to mailboxes (143).
    Imap,
}

impl RoleKind {
    /// Its name in TOML, transcripts and faults.
    pub fn name(self) -> &'static str {
        match self {
            RoleKind::Mua => "mua",
            RoleKind::Submission => "submission",
            RoleKind::Mta => "mta",
            RoleKind::Dns => "dns",
            RoleKind::Pop3 => "pop3",
            RoleKind::Imap => "imap",
        }
    }
}

/// A machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Host {
    /// Its full name: `mx1.example.net`.
    pub name: String,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// What it does.
    pub roles: Vec<RoleKind>,
    /// The domains it takes mail for. It delivers locally where it also holds the domain's accounts; otherwise
    /// (a backup MX) it queues and relays to better MXs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// The largest message it takes, octets (announced by SIZE).
    #[serde(default = "ten_mib")]
    pub size_limit: u64,
    /// Keywords that its SMTP servers do not offer, as in `DSN`: older ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub smtp_without: Vec<String>,
    /// Capabilities that its IMAP server does not offer, as in `MOVE`: an older one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imap_without: Vec<String>,
    /// What its servers do with TLS, where that differs from the other hosts'.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Where it asks its DNS questions: a host's name. Empty: the first host with the `dns` role.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resolver: String,
    /// The domains in whose name it signs what their users hand in (DKIM), each with the key of its `[[sender-policy]]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign: Vec<String>,
    /// Whether it checks who sent what comes in on port 25: SPF, DKIM, ARC and DMARC.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub verify: bool,
    /// The domains whose ARC seals it believes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trust_arc: Vec<String>,
}

fn ten_mib() -> u64 {
    10_485_760
}

/// A link that differs from the network's manner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Link {
    /// Its two ends: host names.
    pub between: [String; 2],
    /// One-way latency in whole milliseconds.
    pub latency_ms: u32,
    /// Kilobits a second; 0 is unlimited.
    #[serde(default)]
    pub bandwidth_kbit: u32,
}

impl Link {
    /// Whether both join the same two hosts, in whichever order they name them.
    fn joins_the_same(a: &Link, b: &Link) -> bool {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let ([a1, a2], [b1, b2]) = (&a.between, &b.between);
        (same(a1, b1) && same(a2, b2)) || (same(a1, b2) && same(a2, b1))
    }
}

/// A zone: an origin and its records, each as in a zone file: `"@ MX 10 mx1.example.net."`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Zone {
    /// The zone's name: `example.net`.
    pub origin: String,
    /// Seconds that answers may be kept.
    #[serde(default = "hour")]
    pub ttl: u32,
    /// Owner (relative to the origin, or `@`), type and data.
    pub records: Vec<String>,
}

fn hour() -> u32 {
    3600
}

/// Whose mail is kept where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Account {
    /// `bob@example.net`: the address and the login name.
    pub address: String,
    /// The password.
    pub password: Secret,
    /// The host that keeps the mailboxes.
    pub host: String,
    /// By which mechanism its clients log in, where a `[[client]]` says nothing else: `plain`, `login`, `cram-md5`,
    /// `scram-sha-256`, or `apop` for POP3. Absent: AUTH PLAIN in SMTP, USER and PASS in POP3, LOGIN in IMAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<LogIn>,
    /// Octets it may hold; 0 is unlimited.
    #[serde(default)]
    pub quota: u64,
    /// Other addresses delivered here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
}

/// Somebody who acts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Person {
    /// `Bob`.
    pub name: String,
    /// The account.
    pub account: String,
    /// Hosts with the `mua` role, the first one for sending.
    pub devices: Vec<String>,
    /// By which protocol their mail clients reach the mailbox, where a `[[client]]` says nothing else; IMAP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}

/// One thing a person does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Act {
    /// Whose.
    pub who: String,
    /// On which device; empty: the first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// When: `+5s` after the story's start; `mail`: when a message lies in their INBOX, at once if one does already;
    /// empty: at once after their last act. See [`When`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
    /// The password that they type in place of the account's; empty: the right one.
    #[serde(default, skip_serializing_if = "is_unset")]
    pub password: Secret,
    /// What this is called where it is stated as an intent; empty: the name of what is done, as in `log-in`. Several
    /// acts in a row may share one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub intent: String,
    /// The same in words, in place of those that the program has for it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// What.
    #[serde(rename = "do")]
    pub what: What,
}

fn is_unset(password: &Secret) -> bool {
    password.expose().is_empty()
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A message as its writer sees it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Letter {
    /// `Alice <alice@example.com>`; empty: the person's account.
    pub from: String,
    /// Recipients in To.
    pub to: Vec<String>,
    /// Recipients in Cc.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<String>,
    /// Recipients that no other one sees.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text.
    pub body: String,
    /// When its writer wants to be told what became of it (NOTIFY, RFC 3461 §4.1); empty: nothing is asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<NotifyOn>,
    /// How much of it a report of failure is to return (RET, RFC 3461 §4.3): `full` or `headers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ret: Option<Ret>,
    /// The writer's own mark, which reports repeat (ENVID, RFC 3461 §4.4); empty: none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub envid: String,
    /// The Message-ID of the message that this one answers, with its angle brackets; empty: it answers none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub in_reply_to: String,
    /// The Message-IDs of the thread before it, oldest first (RFC 5322 §3.6.4).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
    /// Files that go with it.
    #[serde(rename = "attachment", skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file that goes with a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Attachment {
    /// Its name for the reader.
    pub name: String,
    /// Its media type: `text/plain`.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Its bytes, base64.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub base64: String,
    /// So many octets of made-up content in place of `base64`; 0: none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub octets: u64,
}

/// Something that goes wrong. One table serves presets, scenarios, what-if and the lab.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case")]
pub enum Fault {
    /// A host, or one service of it, does not answer.
    #[serde(rename_all = "kebab-case")]
    Down {
        /// Which host.
        host: String,
        /// Which role of it; empty: all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        service: String,
        /// `refused` (a reset at once) or `silent` (no answer at all).
        #[serde(default = "refused")]
        how: String,
        /// Seconds after the start when it begins.
        #[serde(default)]
        from_s: u64,
        /// Seconds after the start when it ends; 0: never.
        #[serde(default)]
        until_s: u64,
    },
    /// Records are missing from a zone.
    RemoveRecords {
        /// The owner's full name.
        name: String,
        /// `MX`, `A`, …; empty: all, and everything below the name, so that it does not exist (RFC 8020).
        #[serde(default, skip_serializing_if = "String::is_empty")]
        rtype: String,
    },
    /// A record is added to a zone, as in `@ MX 0 .`.
    AddRecord {
        /// The zone's origin.
        zone: String,
        /// The record as in a zone file.
        record: String,
    },
    /// The DNS fails for a name: `servfail`, or `silent`.
    #[serde(rename_all = "kebab-case")]
    Dns {
        /// The name and everything below it; empty: all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// `servfail` or `silent`.
        how: String,
        /// Seconds after the start when it begins.
        #[serde(default)]
        from_s: u64,
        /// Seconds after the start when it ends; 0: never.
        #[serde(default)]
        until_s: u64,
    },
    /// An account does not exist.
    NoAccount {
        /// Its address.
        account: String,
    },
    /// An account has no room left.
    MailboxFull {
        /// Its address.
        account: String,
    },
    /// A host asks unknown senders to come back later (RFC 6647).
    #[serde(rename_all = "kebab-case")]
    Greylist {
        /// Which host.
        host: String,
        /// For how many seconds a first attempt is put off.
        delay_s: u64,
    },
    /// A server answers a verb with this reply, whatever is right.
    Reply {
        /// Which host.
        host: String,
        /// Which role of it.
        service: String,
        /// Which verb, as in `RCPT`; `CONNECT` is the greeting, `.` the end of DATA.
        verb: String,
        /// The reply line, as in `451 4.3.0 Try again later`.
        reply: String,
        /// How many times; 0: always.
        #[serde(default)]
        times: u32,
    },
    /// Somebody on the way to a service takes its offer of TLS out of what is said in clear (RFC 3207 §6).
    StarttlsStripped {
        /// Which host.
        host: String,
        /// Which role of it; empty: all.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        service: String,
    },
    /// A host shows a certificate that is not right.
    Certificate {
        /// Which host.
        host: String,
        /// `expired`, `wrong-name`, or `unknown-issuer`.
        how: Flaw,
    },
    /// A server drops the connection when it hears a verb.
    Drop {
        /// Which host.
        host: String,
        /// Which role of it.
        service: String,
        /// Which verb.
        verb: String,
        /// How many times; 0: always.
        #[serde(default)]
        times: u32,
    },
    /// A server thinks for a while before it answers a verb.
    Delay {
        /// Which host.
        host: String,
        /// Which role of it.
        service: String,
        /// Which verb, as for `reply`; empty: every one.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        verb: String,
        /// How long, milliseconds.
        ms: u32,
        /// How many times; 0: always.
        #[serde(default)]
        times: u32,
    },
    /// A server takes so many messages a minute; the others are put off at MAIL.
    Rate {
        /// Which host.
        host: String,
        /// Which role of it: `submission` or `mta`.
        service: String,
        /// How many a minute.
        messages: u32,
        /// What the others are told.
        #[serde(default = "too_many")]
        reply: String,
    },
}

fn too_many() -> String {
    "450 4.7.1 Too many messages in this minute, try again later".to_owned()
}

fn refused() -> String {
    "refused".to_owned()
}
