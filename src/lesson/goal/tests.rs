//! Goals held against shipped recordings.

use super::super::entry::Places;
use super::super::outcome::Outcome;
use super::super::problem::Source;
use super::*;
use crate::trace::Transcript;
use std::sync::Arc;

fn outcome(name: &str) -> Outcome {
    let path = format!("{}/transcripts/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let (transcript, _) = Transcript::read(std::fs::read(path).unwrap().as_slice()).unwrap();
    Outcome::of(transcript.records.into())
}

/// The goal of a TOML text, or what is wrong with it.
fn goal(toml: &str) -> Result<Goal, String> {
    #[derive(Deserialize)]
    struct File {
        goal: Condition,
    }
    let text = format!("goal = {toml}\n");
    let source = Arc::new(Source { name: "x".into(), text: text.clone() });
    let file: File = toml::from_str(&text).map_err(|error| error.to_string())?;
    let places = Places::read(&source, 0..text.len(), &text).map_err(|problem| problem.message)?;
    let mut problems = Vec::new();
    let read =
        file.goal.read(&[At::Key("goal")], &mut Complaints { places: &places, problems: &mut problems });
    match (read, problems.first()) {
        (Some(goal), None) => Ok(goal),
        (_, Some(problem)) => {
            Err(format!("{} {} @{:?}", problem.message, problem.help, &text[problem.span.clone().unwrap()]))
        }
        (None, None) => Err("nothing was read".to_owned()),
    }
}

#[track_caller]
fn holds(outcome: &Outcome, toml: &str) {
    let goal = goal(toml).unwrap_or_else(|why| panic!("{toml}: {why}"));
    goal.holds(outcome).unwrap_or_else(|missing| panic!("{toml}: {missing}"));
}

#[track_caller]
fn misses(outcome: &Outcome, toml: &str, words: &str) {
    let goal = goal(toml).unwrap_or_else(|why| panic!("{toml}: {why}"));
    let missing = goal.holds(outcome).expect_err(toml);
    assert!(missing.contains(words), "{toml}: {missing}");
}

#[test]
fn mailboxes_are_asked_for_messages_and_how_they_came() {
    let journey = outcome("journey-imap");
    holds(&journey, r#"{ mailbox = "bob@example.net", subject = "which train" }"#);
    holds(
        &journey,
        r#"{ mailbox = "bob@example.net", from = "alice", to = "bob", text = "subject: which" }"#,
    );
    holds(&journey, r#"{ mailbox = "bob@example.net", sender = "alice@example.com" }"#);
    // The letter came by two sessions: one with a login, one without.
    holds(
        &journey,
        r#"{ mailbox = "bob@example.net", came = { port = 587, auth = true, from = "alice-laptop" } }"#,
    );
    holds(
        &journey,
        r#"{ mailbox = "bob@example.net", came = { port = 25, auth = false, to = "mx1.example.net" } }"#,
    );
    misses(
        &journey,
        r#"{ mailbox = "bob@example.net", came = { port = 25, auth = true } }"#,
        "but it came another way",
    );
    misses(&journey, r#"{ mailbox = "bob@example.net", subject = "Coffee" }"#, "its subject is another one");
    misses(&journey, r#"{ mailbox = "dave@example.net" }"#, "Still missing: a message in the INBOX of dave");
    misses(&journey, r#"{ mailbox = "bob@example.net", exactly = 2 }"#, "exactly 2, and there are 1");
    misses(&journey, r#"{ mailbox = "bob@example.net", no-text = "TRAIN" }"#, "should not be there");
}

#[test]
fn a_report_has_the_empty_sender_and_queues_are_empty_in_the_end() {
    let unknown = outcome("unknown-user");
    holds(&unknown, r#"{ fact = "bounced", with = { to = "alice@example.com" } }"#);
    holds(&unknown, r#"{ mailbox = "alice@example.com", sender = "" }"#);
    holds(&unknown, r#"{ queue = "mail.example.com", exactly = 0 }"#);
    misses(&unknown, r#"{ fact = "delivered", host = "mx1.example.net" }"#, "the statement `delivered`");
    misses(&unknown, r#"{ fact = "failed", with = { recipients = "carol" } }"#, "recipients");
    holds(&unknown, r#"{ fact = "failed", with = { status = "5.1.1", recipients = "@example.net" } }"#);
}

#[test]
fn a_report_that_never_crossed_smtp_is_read_where_it_is_fetched() {
    // Alice's own server wrote the report and kept it for her; her client fetches it.
    let told = outcome("unknown-user");
    let asked = r#"{ mailbox = "alice@example.com", sender = "", text = "Final-Recipient" }"#;
    let missing = goal(asked).unwrap().holds(&told).err();
    let fetched = told.items.iter().any(|item| {
        matches!(item, crate::explain::Item::Step(step, _)
            if matches!(step.protocol, crate::dissect::Protocol::Imap | crate::dissect::Protocol::Pop3)
                && String::from_utf8_lossy(&step.bytes).contains("Final-Recipient"))
    });
    match missing {
        None => assert!(fetched),
        Some(missing) => assert!(!fetched && missing.contains("is not known"), "{missing}"),
    }
}

#[test]
fn refused_calls_and_what_an_answer_of_the_dns_says_are_found() {
    let down = outcome("mx1-down");
    holds(&down, r#"{ connection = "smtp", to = "mx1.example.net", port = 25, at-least = 1 }"#);
    holds(
        &down,
        r#"{ connection = "smtp", to = "mx1.example.net", port = 25, with = "text \"refused\"", at-least = 0 }"#,
    );
    let journey = outcome("journey");
    // A port stands on the wire as two octets.
    holds(&journey, r#"{ steps = "dns and from server and verb SRV and text \"587\"" }"#);
    holds(&journey, r#"{ steps = "dns and from server and text \"10 mx1.example.net\"" }"#);
}

#[test]
fn steps_orders_and_connections_are_asked_for() {
    let journey = outcome("journey");
    holds(
        &journey,
        r#"{ order = ["smtp and verb EHLO and from client", "verb MAIL and from client", "verb DATA"] }"#,
    );
    misses(
        &journey,
        r#"{ order = ["smtp and verb MAIL and from client", "smtp and verb EHLO and from client"] }"#,
        "in this order",
    );
    holds(&journey, r#"{ steps = "smtp and code 550", exactly = 0 }"#);
    holds(
        &journey,
        r#"{ connection = "smtp", port = 25, auth = false, without = "verb AUTH", at-least = 1 }"#,
    );
    holds(&journey, r#"{ connection = "smtp", auth = true, with = "verb AUTH", exactly = 1 }"#);
    misses(&journey, r#"{ connection = "tls" }"#, "connection of TLS");
    misses(&journey, r#"{ steps = "smtp", typed = true }"#, "typed by you");
    let pop3 = outcome("journey-pop3");
    holds(&pop3, r#"{ device = "bob-laptop.example.net", subject = "the boat" }"#);
    misses(&pop3, r#"{ device = "bob-phone.example.net" }"#, "on bob-phone");
}

#[test]
fn conditions_are_joined_and_say_their_own_words() {
    let journey = outcome("journey");
    let bob = r#"{ mailbox = "bob@example.net", at-least = 0 }"#;
    let none = r#"{ mailbox = "dave@example.net", say = "Dave has nothing." }"#;
    holds(&journey, &format!("{{ any = [{none}, {bob}] }}"));
    misses(&journey, &format!("{{ all = [{bob}, {none}] }}"), "Dave has nothing.");
    holds(&journey, &format!("{{ not = {none} }}"));
    misses(&journey, &format!("{{ not = {bob} }}"), "There should not be");
    misses(&journey, &format!("{{ any = [{none}, {none}] }}"), "One of these is needed. Dave has nothing.");
}

#[test]
fn what_makes_no_condition_is_told_with_its_place() {
    for (toml, words) in [
        (r#"{ subject = "x" }"#, "does not say what it is about"),
        (r#"{ mailbox = "x", steps = "smtp" }"#, "about one thing"),
        (r#"{ steps = "smtp", subject = "x" }"#, "`subject` does not belong to `steps`"),
        (r#"{ steps = "smtp and verbb RCPT" }"#, "no filter"),
        (r#"{ all = [{ steps = "code" }] }"#, "no filter"),
        (r#"{ connection = "http" }"#, "no protocol"),
        (r#"{ fact = "bonced" }"#, "did you mean `bounced`?"),
        (r#"{ fact = "bounced", with = "x" }"#, "table of its fields"),
        (r#"{ any = [] }"#, "no condition in this list"),
        (r#"{ mailbx = "x" }"#, "unknown field"),
    ] {
        let why = goal(toml).expect_err(toml);
        assert!(why.contains(words), "{toml}: {why}");
    }
    // The place is the word that is wrong.
    assert!(goal(r#"{ steps = "smtp and verbb RCPT" }"#).expect_err("is none").contains("@\"verbb\""));
}

#[test]
fn nesting_is_bounded() {
    let deep = "{ not = ".repeat(40) + r#"{ steps = "smtp" }"# + &" }".repeat(40);
    assert!(goal(&deep).is_err());
}

#[test]
fn every_kind_of_fact_can_be_asked_for() {
    let kinds = fact_kinds();
    assert!(kinds.len() > 20 && kinds.contains(&"maildrop-unlocked".to_owned()), "{kinds:?}");
}
