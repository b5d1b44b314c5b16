//! What a page of the reference begins with: a picture, an excerpt, and a question with its answer folded away.

use super::excerpt::{Directive, Printed};
use super::made::sources;

/// The beginning of a page.
pub struct Front {
    /// The picture's file, what it shows in words, and a sentence below it.
    pub picture: (&'static str, &'static str, &'static str),
    /// A sentence that leads over to the excerpt, and where the excerpt comes from.
    pub excerpt: (&'static str, &'static str),
    pub ask: &'static str,
    pub answer: &'static str,
    pub source: &'static [&'static str],
}

/// Gives what the program prints for a source of an excerpt.
pub type Run<'a> = &'a mut dyn FnMut(&[String]) -> Result<Printed, String>;

impl Front {
    /// As Markdown; `depth` leads from the page to `book/src`.
    pub fn told(&self, depth: &str, run: Run<'_>) -> String {
        let (file, alt, below) = self.picture;
        let frame = if file.starts_with("screen") { "screen" } else { "ladder" };
        let mut out = format!(
            "\n<div class=\"{frame}\">\n\n![{alt}]({depth}pictures/{file}.svg)\n\n</div>\n\n{below}\n"
        );
        let (lead, comment) = self.excerpt;
        let lines = Directive::parse(comment)
            .and_then(|directive| directive.select(&run(&directive.source)?))
            .unwrap_or_else(|wrong| panic!("{comment}: {wrong}"));
        out += &format!("\n{lead}\n\n<!-- {comment} -->\n```text\n{}\n```\n", lines.join("\n"));
        out + &question(self.ask, self.answer, self.source)
    }
}

/// A question, and its answer folded away.
pub fn question(ask: &str, answer: &str, source: &[&str]) -> String {
    let source: Vec<String> = source.iter().map(|source| (*source).to_owned()).collect();
    format!(
        "\n**Check yourself:** {ask}\n\n<details>\n<summary>Answer</summary>\n\n{answer} ({})\n\n</details>\n",
        sources(&source)
    )
}

pub const SMTP: Front = Front {
    picture: (
        "submission",
        "Ladder diagram: a client hands a letter to its server by SMTP, from the greeting to QUIT",
        "One whole session: a greeting, a hello, a login, the envelope, the letter, a goodbye.",
    ),
    excerpt: (
        "The middle of it, as `postroad journey` tells it: three verbs, and the answer to each.",
        "postroad journey --detail wire | chapter \"hands the letter in\" | from \"C  MAIL FROM\" to \"354\"",
    ),
    ask: "a client says `MAIL`, `RCPT`, `RCPT` and `DATA`. The second `RCPT` gets `550`. Is there still a letter to send?",
    answer: "Yes, for the first recipient. Each `RCPT` has a reply of its own, and the letter goes to those that were accepted.",
    source: &["RFC 5321 §3.3"],
};

pub const POP3: Front = Front {
    picture: (
        "pop3",
        "Ladder diagram: a laptop fetches a letter by POP3, marks it with DELE and ends with QUIT",
        "One whole session: a login, a look, a letter fetched, a mark set, a goodbye that removes it.",
    ),
    excerpt: (
        "How many messages are there, and what are they called? From `postroad journey --fetch pop3`:",
        "postroad journey --fetch pop3 --detail wire | chapter \"by POP3\" | from \"C  STAT\" until \"C  LIST\"",
    ),
    ask: "`RETR` has brought a message home. Is it still on the server?",
    answer: "Yes. `DELE` marks a message, and only `QUIT` removes what is marked. A client that says neither leaves it there.",
    source: &["RFC 1939 §5", "RFC 1939 §6"],
};

pub const IMAP: Front = Front {
    picture: (
        "imap",
        "Ladder diagram: a phone logs in by IMAP, opens INBOX, fetches a letter and marks it as seen",
        "One whole session: the client's lines begin with a tag, and the server's data with a star.",
    ),
    excerpt: (
        "A mailbox is opened, and the server tells about it. From `postroad journey --fetch imap`:",
        "postroad journey --fetch imap --detail wire | chapter \"by IMAP\" | from \"C  a4\" to \"a4 OK\"",
    ),
    ask: "five messages lie in a mailbox, and the third is expunged. The message behind it had the number 4. What is its \
          number now, and what its UID?",
    answer: "Its number is 3: what stands behind a removed message moves up. Its UID is what it always was.",
    source: &["RFC 9051 §2.3.1", "RFC 9051 §7.5.1"],
};

pub const DNS: Front = Front {
    picture: (
        "routing",
        "Ladder diagram: a mail server asks the name server for the MX of example.net, then for addresses",
        "Three questions of a mail server, with their answers.",
    ),
    excerpt: (
        "Which hosts take the mail of a domain? From `postroad journey`:",
        "postroad journey | chapter \"Where does\" | from \"C  example.net MX?\" until \"remembers\"",
    ),
    ask: "one name server says that a domain does not exist. Another says that the domain has no MX record. What becomes of \
          the letter in each case?",
    answer: "In the first it comes back at once. In the second the domain counts as its own mail host, and the letter goes \
             to the domain's own address.",
    source: &["RFC 5321 §5.1", "RFC 2308 §2"],
};

pub const PORTS: Front = Front {
    picture: (
        "mx1-down",
        "Ladder diagram: two calls to mx1.example.net are refused, and a third, to mx2.example.net, is taken",
        "Two calls that nobody takes, and one that is taken.",
    ),
    excerpt: (
        "How a connection begins and ends. From `postroad journey`:",
        "postroad journey | chapter \"hands the letter in\" | step \"┌──\" + step \"└──\"",
    ),
    ask: "a mail server hands a letter on to the server of another domain. Which port does it call: 25, 465 or 587?",
    answer: "25. The other two are for users, who log in; what is said there is called submission.",
    source: &["RFC 5321 §4.5.4.2", "RFC 6409 §3.1", "RFC 8314 §3.3"],
};

pub const TLS: Front = Front {
    picture: (
        "starttls",
        "Ladder diagram: a session in clear, STARTTLS, the handshake, and the same session again inside TLS",
        "A session begins in clear and turns into TLS. Lines with a wall, `║`, were said inside it.",
    ),
    excerpt: (
        "What can be read of the handshake. From `postroad journey --tls starttls`:",
        "postroad journey --tls starttls | step \"ClientHello\" + step \"ServerHello\"",
    ),
    ask: "somebody watches the wire of a session in TLS 1.3. Does the watcher see the server's certificate?",
    answer: "No. The certificate comes after ServerHello, and from there on the handshake is encrypted. The name that the \
             client asked for stands in ClientHello, in clear.",
    source: &["RFC 8446 §2", "RFC 8446 §4.4.2", "RFC 6066 §3"],
};

pub const FIELDS: Front = Front {
    picture: (
        "screen-letter",
        "The full screen at the step that carries the letter: its fields, and what each of them is",
        "The letter on the full screen: at its step, each field is said in words.",
    ),
    excerpt: (
        "The top of the same letter, as Bob gets it. From `postroad journey --fetch pop3`:",
        "postroad journey --fetch pop3 --detail wire | chapter \"by POP3\" | from \"Return-Path\" to \"Subject\"",
    ),
    ask: "which of these fields did Alice's program write, and which were added on the road?",
    answer: "`Return-Path` and both `Received` were added by servers, the newest on top. The rest came from Alice's program.",
    source: &["RFC 5321 §4.4", "RFC 5322 §3.6"],
};

pub const FINDINGS: Front = Front {
    picture: (
        "by-hand",
        "Ladder diagram of a session typed by hand: a RCPT before MAIL is marked as out of order, and refused",
        "A session that somebody types. The line that is off is marked.",
    ),
    excerpt: (
        "The same line as text, with its mark, `⚠`:",
        "type \"EHLO me.example.org\\nRCPT TO:<bob@example.net>\\nQUIT\\n\" postroad talk smtp | from \"C  RCPT\" until \"hint:\"",
    ),
    ask: "a client sends a line that ends in LF alone. The program marks it. Must the server refuse it?",
    answer: "A finding says what stands in the bytes. What comes of it is the server's own act, in the next line. It must not \
             take LF alone for the end of a line; this one refuses.",
    source: &["RFC 5321 §2.3.8", "RFC 5321 §4.1.1.4"],
};

pub const FACTS: Front = Front {
    picture: (
        "mx1-down",
        "Ladder diagram: between the arrows stand boxes in which a host says that a letter is queued, or waits",
        "The boxes are facts: each stands on the line of the host that states it.",
    ),
    excerpt: (
        "One of them as text. No wire shows that a letter waits. From `postroad journey --break mx1-down`:",
        "postroad journey --break mx1-down --detail wire | step \"waits at mx2\"",
    ),
    ask: "somebody records a real server's traffic, and nothing else. Which of these lines will be missing?",
    answer: "All that begin with `●`. A capture holds what crossed the wire: that a letter was queued must then be read from \
             the server's `250`, which promises it.",
    source: &["RFC 5321 §4.2.5", "RFC 5321 §6.1"],
};

pub const INTENTS: Front = Front {
    picture: (
        "in-step",
        "Ladder diagram: a phone sets a flag by IMAP, and a laptop is told of it",
        "What one device does is there for the other: Bob reads on his phone, and his laptop looks again.",
    ),
    excerpt: (
        "One wish, granted twice. From `postroad compare`:",
        "postroad compare --plain --width 80 | chapter \"Mark as read\" | from \"POP3\" until \"●\" + from \"IMAP\" until \"●\"",
    ),
    ask: "which of the two does Bob need if he reads on two devices, and why?",
    answer: "IMAP. Flags and folders are kept on the server, so that each device sees the same. POP3 has none of them.",
    source: &["RFC 9051 §2.3.2", "RFC 1939 §1"],
};

pub const TOPICS: Front = Front {
    picture: (
        "screen-reference",
        "The full screen with the reference opened beside a line: the entry's words and its sources",
        "On the full screen, `r` opens the reference at the line where you are.",
    ),
    excerpt: (
        "The same without a story: ask for a word.",
        "postroad explain envelope | from \"The envelope\" until \"More about\"",
    ),
    ask: "which of these words is the name of a program that a person sees: MUA, MSA, MTA or MDA?",
    answer: "MUA, the mail user agent: what reads and writes letters for a person. The others are servers, or parts of one.",
    source: &["RFC 5598 §4"],
};

pub const BELIEFS: Front = Front {
    picture: (
        "screen-predict",
        "The full screen after a wrong guess: the program says which belief is behind it, and what is so",
        "On the full screen, `p` asks what comes next. The wrong answers come from this page.",
    ),
    excerpt: (
        "The line that most of these beliefs are about. From `postroad journey`:",
        "postroad journey | chapter \"hands the letter in\" | step \"C  RCPT\"",
    ),
    ask: "before you read on: does the line `To:` in a letter decide who gets it?",
    answer: "No. The envelope decides, which is what `RCPT TO` says. The header is for the reader.",
    source: &["RFC 5321 §7.2"],
};
