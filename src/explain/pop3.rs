//! What POP3's notes say only here: why a command was refused, where the command itself tells it (RFC 1939 §3).
//!
//! "-ERR" comes without a reason that a program could read. Whether the command had its arguments, and whether it
//! belongs into the state that the session was in, tells more than any guess.

use super::context::Extra;
use crate::dissect::pop3::{Asked, Phase, Pop3Meaning};
use crate::dissect::{Kind, Meaning, Step};
use crate::proto::pop3::phase;

/// What is kept of one POP3 session.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Where it stands by the replies so far, where that is known.
    phase: Option<Phase>,
}

/// Take the Step in, and say what it means in this session.
pub(super) fn context(session: &mut Session, step: &Step, extra: &mut Extra) {
    match &step.meaning {
        Meaning::Pop3(Pop3Meaning::Greeting { ok: true, .. }) => session.phase = Some(Phase::Authorization),
        Meaning::Pop3(Pop3Meaning::Reply { ok, answers, phase, .. }) => {
            if *ok == Some(false) && step.code == "-ERR" && step.kind == Kind::Reply {
                refused(session.phase, answers.as_ref(), extra);
            }
            session.phase = *phase;
        }
        _ => {}
    }
}

/// A refusal whose reason is the command itself.
fn refused(phase: Option<Phase>, answers: Option<&Asked>, extra: &mut Extra) {
    match (answers, phase) {
        (None, _) => {}
        (Some(Asked::Unknown), _) => extra.instead("pop3.-ERR.unknown-command"),
        (Some(asked), Some(phase)) if !phase::is_legal(phase, asked.verb()) => {
            extra.instead(format!("pop3.-ERR.{}", out_of_place(phase)));
        }
        (Some(Asked::Invalid { .. }), _) => extra.instead("pop3.-ERR.arguments"),
        _ => {}
    }
}

fn out_of_place(phase: Phase) -> &'static str {
    match phase {
        Phase::Authorization | Phase::NameGiven => "before-login",
        Phase::Transaction | Phase::Update | Phase::Ended => "after-login",
    }
}

#[cfg(test)]
mod tests {
    use super::super::Explainer;
    use super::super::testing::dialogue;
    use crate::dissect::pop3::Pop3Reader;

    fn ids(lines: &[&str]) -> Vec<String> {
        let mut explainer = Explainer::default();
        let steps = dialogue(&mut Pop3Reader::default(), lines);
        // The Steps are of no connection that was seen to open; keep one for them.
        explainer.observe(&super::super::testing::opened(110));
        steps.iter().map(|step| explainer.note(step).id.into_owned()).collect()
    }

    #[test]
    fn a_refusal_names_what_is_wrong_with_the_command() {
        let found = ids(&[
            "S: +OK ready",
            "C: STAT",
            "S: -ERR log in first",
            "C: USER bob",
            "S: +OK",
            "C: PASS sesame",
            "S: -ERR no",
            "C: USER bob",
            "S: +OK",
            "C: PASS sesame",
            "S: +OK",
            "C: NOOP x",
            "S: -ERR",
            "C: LIST x",
            "S: -ERR",
            "C: TOP 1",
            "S: -ERR",
            "C: PASS sesame",
            "S: -ERR",
            "C: RETR 7",
            "S: -ERR no such message",
            "C: XYZZY",
            "S: -ERR",
        ]);
        let refusals: Vec<&str> = found.iter().map(String::as_str).filter(|id| id.contains("-ERR")).collect();
        assert_eq!(
            refusals,
            [
                "pop3.-ERR.before-login",
                "pop3.PASS.-ERR",
                "pop3.-ERR.arguments",
                "pop3.-ERR.arguments",
                "pop3.-ERR.arguments",
                "pop3.-ERR.after-login",
                "pop3.RETR.-ERR",
                "pop3.-ERR.unknown-command",
            ]
        );
    }

    #[test]
    fn an_empty_line_is_no_unknown_command() {
        assert_eq!(ids(&["S: +OK", "C: ", "S: -ERR"])[1], "pop3.empty-line");
    }
}
