//! Pages of the book that are made from the catalogue: the reference and the cookbook.
//!
//! Every entry of the catalogue stands on exactly one page; [`PAGES`] says on which, and how.

use super::front::{self, Front, Run};
use super::seen::Seen;
use postroad::explain::template::Vars;
use postroad::explain::{Entry, catalogue, misconceptions};

/// What a made page begins with: whoever wants to change it is told where.
pub const MARK: &str =
    "<!-- Made from src/explain/catalogue; POSTROAD_BLESS=1 cargo test --test book writes it. -->";

/// A made page: its path below the project's folder, and its text.
pub struct Made {
    pub name: String,
    pub text: String,
}

/// How entries are set.
#[derive(Clone, Copy)]
enum Set {
    /// A heading of its own, with everything that is known.
    Full,
    /// A point of a list.
    Short,
}

/// A part of a page: its heading, a sentence, how it is set, and which ids belong to it.
type Section = (&'static str, &'static str, Set, fn(&Entry) -> bool);

/// A page: file, title, what it holds, what it begins with, which entries (by the beginnings of their ids), sections in order. What fits no
/// section goes to the last one.
struct Plan {
    file: &'static str,
    title: &'static str,
    intro: &'static str,
    front: &'static Front,
    holds: &'static [&'static str],
    sections: &'static [Section],
}

fn named(entry: &Entry, after: &str) -> bool {
    entry.id.contains(after)
}

/// `smtp.RCPT`: a verb alone.
fn is_verb(entry: &Entry) -> bool {
    let rest = entry.id.split_once('.').map_or("", |(_, rest)| rest);
    !entry.syntax.is_empty() && rest.chars().all(|c| c.is_ascii_uppercase() || c == ' ')
}

/// `smtp.550`: a code alone.
fn is_code(entry: &Entry) -> bool {
    entry.id.split_once('.').is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// `smtp.RCPT.550`: a verb and what is answered to it.
fn is_answer(entry: &Entry) -> bool {
    entry.id.matches('.').count() > 1
}

fn any(_: &Entry) -> bool {
    true
}

const PAGES: [Plan; 11] = [
    Plan {
        file: "smtp",
        title: "SMTP: every verb, code and extension",
        intro: "SMTP carries mail, at each hop. The client says a verb, the server answers with a code of three digits.",
        front: &front::SMTP,
        holds: &["smtp."],
        sections: &[
            ("Verbs", "What a client may say.", Set::Full, is_verb),
            ("Reply codes", "2: done. 3: go on. 4: not now. 5: no.", Set::Short, is_code),
            (
                "Enhanced status codes",
                "A second code behind the first. Its first number is the class (2 done, 4 later, 5 no), written X here; \
                 the others say what it is about.",
                Set::Short,
                |e| named(e, ".enhanced."),
            ),
            ("Extensions", "What a server lists in its answer to EHLO.", Set::Full, |e| named(e, ".ehlo.")),
            (
                "Answers, by verb",
                "The same codes, where they say something more about one verb.",
                Set::Short,
                is_answer,
            ),
            ("Other lines", "What is no verb and no answer.", Set::Short, any),
        ],
    },
    Plan {
        file: "pop3",
        title: "POP3: every verb, answer and capability",
        intro: "POP3 takes mail home. Answers begin with +OK or -ERR, and some have a code in brackets.",
        front: &front::POP3,
        holds: &["pop3."],
        sections: &[
            ("Verbs", "What a client may say.", Set::Full, is_verb),
            ("Capabilities", "What a server lists in its answer to CAPA.", Set::Full, |e| {
                named(e, ".capability.")
            }),
            ("Answers, by verb", "What is answered, and what it means there.", Set::Short, is_answer),
            ("Answers and other lines", "What fits every verb, or none.", Set::Short, any),
        ],
    },
    Plan {
        file: "imap",
        title: "IMAP: every verb, response and capability",
        intro: "IMAP works with mail where it lies. The client tags its commands; a line with a star comes unasked.",
        front: &front::IMAP,
        holds: &["imap."],
        sections: &[
            ("Verbs", "What a client may say, behind its tag.", Set::Full, is_verb),
            ("Responses without a tag", "What a server says beside its answers.", Set::Short, |e| {
                named(e, ".untagged.")
            }),
            ("Capabilities", "What a server lists in CAPABILITY.", Set::Short, |e| named(e, ".capability.")),
            ("Answers, by verb", "OK: done. NO: not done. BAD: not understood.", Set::Short, is_answer),
            ("Answers and other lines", "What fits every verb, or none.", Set::Short, any),
        ],
    },
    Plan {
        file: "dns",
        title: "The DNS: record types and ways of saying no",
        intro: "The DNS is asked for a name and a type of record. It answers with records, or says why there are none.",
        front: &front::DNS,
        holds: &["dns."],
        sections: &[
            ("Questions, by record type", "", Set::Full, |e| named(e, ".query")),
            ("Answers, by record type", "", Set::Full, |e| named(e, ".answer")),
            ("Ways of saying no", "", Set::Full, any),
        ],
    },
    Plan {
        file: "ports",
        title: "Ports and connections",
        intro: "A port says which service of a host is meant. A connection opens, and ends in one of several ways.",
        front: &front::PORTS,
        holds: &["tcp.", "gap."],
        sections: &[
            ("Ports", "", Set::Full, |e| e.id.starts_with("tcp.open")),
            ("How a connection ends", "", Set::Short, |e| e.id.starts_with("tcp.close")),
            ("What a recording lacks", "", Set::Short, any),
        ],
    },
    Plan {
        file: "tls",
        title: "TLS: what is seen of a handshake",
        intro: "TLS encrypts one hop. What is said before the keys are there can be read.",
        front: &front::TLS,
        holds: &["tls."],
        sections: &[("Messages", "", Set::Full, any)],
    },
    Plan {
        file: "header-fields",
        title: "Header fields of a letter",
        intro: "The header is part of the letter. No server decides by it where the letter goes.",
        front: &front::FIELDS,
        holds: &["message."],
        sections: &[("Fields", "", Set::Full, any)],
    },
    Plan {
        file: "findings",
        title: "What can be off in a line",
        intro: "Each is found in the bytes, shown at its place, and told with its name.",
        front: &front::FINDINGS,
        holds: &["finding."],
        sections: &[("Findings", "", Set::Short, any)],
    },
    Plan {
        file: "facts",
        title: "What hosts state",
        intro: "What no wire shows: a host states it in the recording. A view marks it with ●.",
        front: &front::FACTS,
        holds: &["fact.", "outcome."],
        sections: &[
            (
                "What came of a connection",
                "One line where an SMTP connection ends and something was refused; in a lab, also where all was taken. \
                 It is no fact: it is worked out from the lines. A view marks it with ✓, ✗ (not delivered) or ↻ (not \
                 yet), and facts that say the same too.",
                Set::Short,
                |e| e.id.starts_with("outcome."),
            ),
            ("Facts", "", Set::Short, any),
        ],
    },
    Plan {
        file: "intents",
        title: "What people want of their mail",
        intro: "The wishes by which POP3 and IMAP are compared, and when which of the two is the better choice.",
        front: &front::INTENTS,
        holds: &["intent.", "choice."],
        sections: &[
            ("Wishes", "", Set::Short, |e| e.id.starts_with("intent.")),
            ("Which of the two", "", Set::Short, any),
        ],
    },
    Plan {
        file: "topics",
        title: "Words and ideas",
        intro: "What people look up before they read a session.",
        front: &front::TOPICS,
        holds: &["topic.", "unknown.", "unparsed"],
        sections: &[("Words", "", Set::Full, any)],
    },
];

/// Every page of the reference that is made from the catalogue.
pub fn reference(seen: &Seen, run: Run<'_>) -> Vec<Made> {
    let mut left: Vec<&Entry> = catalogue().entries().iter().filter(|e| !e.id.ends_with("generic")).collect();
    let mut made: Vec<Made> = PAGES.iter().map(|plan| page(plan, &mut left, seen, run)).collect();
    let left: Vec<_> = left.into_iter().map(|entry| &entry.id).collect();
    assert!(left.is_empty(), "no page of the reference holds {left:?}: give them one in tests/book/made.rs");
    made.push(beliefs(run));
    made
}

fn page(plan: &Plan, left: &mut Vec<&Entry>, seen: &Seen, run: Run<'_>) -> Made {
    let (mine, others) = left.iter().partition(|e| plan.holds.iter().any(|start| e.id.starts_with(start)));
    *left = others;
    let mut mine: Vec<&Entry> = mine;
    let mut text = format!("{MARK}\n\n# {}\n\n{}\n", plan.title, plan.intro);
    text += "\n`postroad explain` tells the same for one word.\n";
    text += &plan.front.told("../", run);
    for (title, intro, set, fits) in plan.sections {
        let (here, rest): (Vec<&Entry>, Vec<&Entry>) = mine.into_iter().partition(|entry| fits(entry));
        mine = rest;
        if here.is_empty() {
            continue;
        }
        text += &format!("\n## {title}\n");
        if !intro.is_empty() {
            text += &format!("\n{intro}\n");
        }
        match set {
            Set::Full => here.iter().for_each(|entry| text += &full(entry, seen)),
            Set::Short => {
                text.push('\n');
                here.iter().for_each(|entry| text += &short(entry, seen));
            }
        }
    }
    Made { name: format!("book/src/reference/{}.md", plan.file), text }
}

/// An entry with everything that is known.
fn full(entry: &Entry, seen: &Seen) -> String {
    let mut out = format!("\n### {}\n\n{}\n", said(&entry.title), sentences(entry));
    if !entry.syntax.is_empty() {
        // A span of code: what is no text of a person's is not escaped.
        out += &format!("\n`{}`\n", entry.syntax);
    }
    out.push('\n');
    let points = [
        ("Why now", &entry.why),
        ("Next", &entry.next),
        ("In the post office", &entry.post_office),
        ("What people get wrong", &entry.mistake),
    ];
    for (name, text) in points.into_iter().filter(|(_, text)| !text.is_empty()) {
        out += &format!("- **{name}:** {}\n", said(text));
    }
    if let Some(command) = seen.command(&entry.id) {
        out += &format!("- **To be seen in:** `{command}`\n");
    }
    out + &format!("- **Source:** {}\n", sources(&entry.source))
}

/// An entry as a point of a list.
fn short(entry: &Entry, seen: &Seen) -> String {
    let mistake = if entry.mistake.is_empty() { String::new() } else { format!(" {}", said(&entry.mistake)) };
    let shown = seen.command(&entry.id).map(|command| format!(" · `{command}`")).unwrap_or_default();
    let sources = sources(&entry.source);
    format!("- **{}.** {}{mistake} {sources}{shown}\n", said(&entry.title), sentences(entry))
}

/// Its summary as a sentence, and its detail.
fn sentences(entry: &Entry) -> String {
    let mut summary = said(&entry.summary);
    if let Some(first) = summary.get(..1).map(str::to_uppercase) {
        summary.replace_range(..1, &first);
    }
    let stop = if summary.ends_with(['.', '?', '…', ':']) { "" } else { "." };
    let detail = said(&entry.detail);
    format!("{summary}{stop} {detail}").trim_end().to_owned()
}

/// What people say, and what is so.
fn beliefs(run: Run<'_>) -> Made {
    let mut text = format!("{MARK}\n\n# What people say, and what is so\n\n");
    text += "What people often believe of e-mail. Notes, questions and lessons name these rows by number.\n";
    text += &front::BELIEFS.told("../", run);
    for row in misconceptions() {
        text += &format!("\n## {} · {}\n\n", row.number, said(&row.name));
        text += &format!("*“{}.”*\n\n{}\n\n", said(&row.people_say), said(&row.truth));
        text += &format!("{}\n", sources(&row.source));
    }
    Made { name: "book/src/reference/beliefs.md".to_owned(), text }
}

/// Text of the catalogue as Markdown that shows exactly that text; spans of code stay as they are.
pub fn said(text: &str) -> String {
    let filled = Vars::default().fill(text);
    let mut out = String::new();
    for (index, piece) in filled.split('`').enumerate() {
        if index % 2 == 1 {
            out += &format!("`{piece}`");
            continue;
        }
        for c in piece.chars() {
            match c {
                '<' => out += "&lt;",
                '>' => out += "&gt;",
                '*' | '_' | '[' | ']' | '\\' | '|' | '#' => out.extend(['\\', c]),
                other => out.push(other),
            }
        }
    }
    out
}

/// Sources with links to where they can be read.
pub fn sources(sources: &[String]) -> String {
    sources.iter().map(|source| linked(source)).collect::<Vec<_>>().join(", ")
}

fn linked(source: &str) -> String {
    let link = if let Some(rest) = source.strip_prefix("RFC ") {
        let number: String = rest.chars().take_while(char::is_ascii_digit).collect();
        let place = match rest.split_once('§') {
            Some((_, section)) if section.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                format!("#appendix-{section}")
            }
            Some((_, section)) => format!("#section-{section}"),
            None => String::new(),
        };
        format!("https://www.rfc-editor.org/rfc/rfc{number}{place}")
    } else if source.starts_with("CVE-") {
        format!("https://www.cve.org/CVERecord?id={source}")
    } else if source.starts_with("IANA SMTP Enhanced") {
        "https://www.iana.org/assignments/smtp-enhanced-status-codes".to_owned()
    } else {
        return said(source);
    };
    format!("[{}]({link})", said(source))
}

#[test]
fn a_source_is_a_link_to_its_section() {
    assert_eq!(
        linked("RFC 5321 §4.1.1.3"),
        "[RFC 5321 §4.1.1.3](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.1.3)"
    );
    assert!(linked("RFC 3501 §A").ends_with("rfc3501#appendix-A)"));
    assert!(linked("RFC 2782, “Usage rules”").ends_with("/rfc2782)"));
    assert_eq!(said("a <b> *c* `d*`"), "a &lt;b&gt; \\*c\\* `d*`");
}
