//! What IMAP's notes say only here: why the list of capabilities is asked for, what a FETCH is after, and whether a
//! line with a star answers anything (RFC 9051 §5.2, §5.5, §7).

use super::context::Extra;
use super::template::Vars;
use crate::base::Word;
use crate::dissect::imap::{FetchMeaning, ImapCode, ImapMeaning};
use crate::dissect::{Kind, Meaning, Step, Verdict};
use std::collections::VecDeque;

/// Commands without a reply that are remembered; more are forgotten from the oldest.
const MAX_PENDING: usize = 1000;

/// What the client knows of the server's capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    /// The beginning of the connection was not seen.
    #[default]
    Unseen,
    /// They were told.
    Told,
    /// The greeting did not tell them.
    NotByGreeting,
    /// A login has changed them, and the reply to it did not tell the new ones.
    NotByLogin,
    /// TLS has begun, and what was told before does not hold (RFC 9051 §6.2.1).
    NotInTls,
}

/// What is kept of one IMAP session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    capabilities: Known,
    /// Tags and verbs of commands that wait for their replies.
    pending: VecDeque<(String, Word)>,
}

impl Session {
    fn waits_for(&self, verbs: &[&str]) -> bool {
        self.pending.iter().any(|(_, verb)| verbs.contains(&verb.trim_start_matches("UID ")))
    }
}

/// Take the Step in, and say what it means in this session.
pub(super) fn context(session: &mut Session, step: &Step, vars: &mut Vars, extra: &mut Extra) {
    let Meaning::Imap(meaning) = &step.meaning else { return };
    match step.kind {
        Kind::Command => command(session, step, meaning, extra),
        Kind::Greeting => {
            let told =
                matches!(meaning, ImapMeaning::Greeting { capabilities, .. } if !capabilities.is_empty());
            session.capabilities = if told { Known::Told } else { Known::NotByGreeting };
        }
        Kind::Untagged => untagged(session, step, meaning, vars, extra),
        Kind::Reply => reply(session, step, meaning),
        _ => {}
    }
}

fn command(session: &mut Session, step: &Step, meaning: &ImapMeaning, extra: &mut Extra) {
    match step.verb.as_str() {
        "CAPABILITY" => extra.because(
            match session.capabilities {
                Known::Unseen => "capability-unseen",
                Known::Told => "capability-told",
                Known::NotByGreeting => "capability-not-by-greeting",
                Known::NotByLogin => "capability-not-by-login",
                Known::NotInTls => "capability-not-in-tls",
            },
            &Vars::default(),
        ),
        "FETCH" | "UID FETCH" => {
            if let ImapMeaning::FetchCommand { uid, set, .. } = meaning {
                extra.because(why_fetch(&step.bytes, *uid, set), &Vars::default());
            }
        }
        _ => {}
    }
    if session.pending.len() >= MAX_PENDING {
        session.pending.pop_front();
    }
    session.pending.push_back((tag(&step.bytes), step.verb.clone()));
}

/// The first word of a line.
fn tag(line: &[u8]) -> String {
    let word = line.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    String::from_utf8_lossy(word.get(..64).unwrap_or(word)).into_owned()
}

/// What a FETCH is after, by what it names: the letter itself, what has changed, or everything from some message on.
fn why_fetch(line: &[u8], uid: bool, set: &str) -> &'static str {
    let line = line.to_ascii_uppercase();
    let names = |what: &[u8]| line.windows(what.len()).any(|w| w == what);
    let opens_at_one = set.starts_with("1:");
    if names(b"CHANGEDSINCE") {
        "fetch-changes"
    } else if names(b"BODY[HEADER") || names(b"BODY.PEEK[HEADER") || names(b"RFC822.HEADER") {
        "fetch-header"
    } else if names(b"BODY[") || names(b"BODY.PEEK[") || names(b"RFC822 ") || names(b"BINARY") {
        "fetch-letter"
    } else if set.ends_with(":*") && opens_at_one {
        "fetch-all"
    } else if set.ends_with(":*") && uid {
        "fetch-rest"
    } else {
        "fetch-some"
    }
}

fn untagged(session: &mut Session, step: &Step, meaning: &ImapMeaning, vars: &mut Vars, extra: &mut Extra) {
    match meaning {
        ImapMeaning::Capability(_) => session.capabilities = Known::Told,
        ImapMeaning::Fetch(fetch) => fetched(session, fetch, vars, extra),
        ImapMeaning::Exists(count) if session.waits_for(&["SELECT", "EXAMINE"]) => {
            vars.count("count", u64::from(*count));
            extra.instead("imap.untagged.EXISTS.opened");
        }
        ImapMeaning::Condition { .. } if step.code.starts_with("BYE") => {
            let asked = session.waits_for(&["LOGOUT"]);
            extra.instead(if asked { "imap.untagged.BYE.logout" } else { "imap.untagged.BYE.unasked" });
        }
        _ => {}
    }
}

/// What a FETCH response holds, and whether anybody asked for it.
fn fetched(session: &Session, fetch: &FetchMeaning, vars: &mut Vars, extra: &mut Extra) {
    vars.count("number", u64::from(fetch.seq));
    let more = fetch.size.is_some() || fetch.subject.is_some() || fetch.parts.is_some();
    let only_flags = fetch.flags.is_some() && !more && fetch.sections.is_empty();
    if fetch.whole {
        extra.instead("imap.untagged.FETCH.letter");
    } else if !fetch.sections.is_empty() {
        extra.instead("imap.untagged.FETCH.section");
    } else if only_flags {
        extra.instead("imap.untagged.FETCH.flags");
    }
    let key = if session.waits_for(&["STORE"]) {
        "fetch-after-store"
    } else if session.waits_for(&["FETCH"]) {
        if only_flags { "fetch-flags-asked" } else { "fetch-asked" }
    } else {
        "fetch-unasked"
    };
    extra.say(key, vars);
}

fn reply(session: &mut Session, step: &Step, meaning: &ImapMeaning) {
    let ImapMeaning::Tagged { tag, verb, code, .. } = meaning else { return };
    session.pending.retain(|(waiting, _)| waiting != tag);
    if step.verdict != Some(Verdict::Positive) {
        return;
    }
    match (verb.as_str(), code) {
        (_, Some(ImapCode::Capability(_))) => session.capabilities = Known::Told,
        ("LOGIN" | "AUTHENTICATE", _) => session.capabilities = Known::NotByLogin,
        ("STARTTLS", _) => session.capabilities = Known::NotInTls,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{dialogue, opened};
    use super::super::{Explainer, Note};
    use crate::dissect::imap::ImapReader;

    fn notes(lines: &[&str]) -> Vec<Note> {
        let mut explainer = Explainer::default();
        explainer.observe(&opened(143));
        dialogue(&mut ImapReader::default(), lines).iter().map(|step| explainer.note(step)).collect()
    }

    #[test]
    fn capability_is_asked_for_a_reason_that_holds() {
        let told = notes(&["S: * OK [CAPABILITY IMAP4rev1] hi", "C: a CAPABILITY"]);
        assert!(told[1].why.contains("told the list already"), "{}", told[1].why);
        let untold = notes(&["S: * OK hi", "C: a CAPABILITY"]);
        assert!(untold[1].why.contains("did not tell"), "{}", untold[1].why);
        let login = notes(&["S: * OK hi", "C: a LOGIN b c", "S: a OK done", "C: b CAPABILITY"]);
        assert!(login[3].why.contains("login"), "{}", login[3].why);
    }

    #[test]
    fn each_fetch_is_after_something_else() {
        let why = |line: &str| notes(&[line]).swap_remove(0).why;
        assert!(why("C: a UID FETCH 1:* (UID FLAGS)").contains("every message"));
        assert!(why("C: a UID FETCH 7:* (UID FLAGS)").contains("rest"));
        assert!(why("C: a UID FETCH 7 BODY.PEEK[]").contains("letter itself"));
        assert!(why("C: a FETCH 7 (FLAGS)").contains("these messages"));
    }

    #[test]
    fn flags_are_told_for_different_reasons() {
        let asked = notes(&["C: a UID STORE 1 +FLAGS (\\Seen)", "S: * 1 FETCH (UID 1 FLAGS (\\Seen))"]);
        assert_eq!(asked[1].id, "imap.untagged.FETCH.flags");
        assert!(asked[1].detail.contains("STORE") && asked[1].mistake.is_empty(), "{:?}", asked[1]);
        let unasked = notes(&["C: a NOOP", "S: * 1 FETCH (FLAGS (\\Seen))"]);
        assert!(unasked[1].detail.contains("Nobody asked"), "{:?}", unasked[1]);
    }

    #[test]
    fn a_goodbye_is_no_surprise_after_logout() {
        let found = notes(&["S: * OK hi", "C: a LOGOUT", "S: * BYE see you", "S: a OK done"]);
        assert_eq!(found[2].id, "imap.untagged.BYE.logout");
        assert_eq!(
            notes(&["S: * OK hi", "C: a NOOP", "S: * BYE too long silent"])[2].id,
            "imap.untagged.BYE.unasked"
        );
    }

    #[test]
    fn how_many_there_are_is_no_news_when_a_mailbox_is_opened() {
        let found = notes(&["C: a SELECT INBOX", "S: * 3 EXISTS"]);
        assert!(found[1].summary.contains('3') && found[1].post_office.is_empty(), "{:?}", found[1]);
        assert_eq!(notes(&["C: a NOOP", "S: * 3 EXISTS"])[1].id, "imap.untagged.EXISTS");
    }
}
