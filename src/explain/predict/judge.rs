//! Hearing an answer: one of the choices, or a line, a verb or a code that was typed.
//!
//! Typed answers are judged leniently: case, white space, brackets and a tag do not matter, a verb or a code alone
//! is enough, and what was right of a line is said.

use super::said::{is_enhanced, is_tag, plainly, signature};
use super::{Choice, Question};
use crate::base::escape;
use crate::dissect::{Kind, Protocol};
use crate::explain::Misconception;

/// How an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what comes.
    Right,
    /// Something in it is right: of a reply the class of its code, of a command what it is about.
    Partly,
    /// It is not what comes.
    Wrong,
}

/// What is said to an answer, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it was.
    pub verdict: Verdict,
    /// Which choice it was, where it was one.
    pub choice: Option<usize>,
    /// What was right and what was not: one short sentence.
    pub heading: String,
    /// Why: after a right answer what the line means, after a wrong one why it does not come.
    pub because: String,
    /// Who says so.
    pub source: Vec<String>,
    /// The misconception that a wrong answer rests on.
    pub misconception: Option<&'static Misconception>,
}

/// Characters of a typed answer that are read.
const LONGEST: usize = 1000;

impl Question {
    /// The answer that is right.
    pub fn answer(&self) -> &Choice {
        // Its place is made together with the choices; the first stands in where there is none.
        &self.choices[self.right.min(self.choices.len().saturating_sub(1))]
    }

    /// Hear one of the choices, counted from 0; `None` where there is none of that number.
    pub fn choose(&self, at: usize) -> Option<Answer> {
        let choice = self.choices.get(at)?;
        let right = at == self.right;
        Some(Answer {
            verdict: if right { Verdict::Right } else { Verdict::Wrong },
            choice: Some(at),
            heading: if right { "Right." } else { "No, that is not what comes." }.to_owned(),
            because: choice.because.clone(),
            source: choice.source.clone(),
            misconception: choice.misconception,
        })
    }

    /// Hear a typed answer; `None` where nothing was typed.
    pub fn typed(&self, text: &str) -> Option<Answer> {
        let text: String = escape::text(text.trim()).chars().take(LONGEST).collect();
        let typed = plainly(&text);
        if typed.is_empty() {
            return None;
        }
        let (verdict, heading) = self.held_against(&text, &typed);
        let others = || self.choices.iter().enumerate().filter(|(at, _)| *at != self.right);
        let whole = others().find(|(_, choice)| plainly(&choice.text) == typed);
        if verdict == Verdict::Right {
            let right = self.choose(self.right)?;
            // A verb alone is enough, whatever stands for it among the choices.
            let whole = whole.filter(|_| typed != self.truth.verb.to_lowercase());
            return Some(match whole {
                None => Answer { heading, ..right },
                // What counts of it is right, and yet to the letter it is a line that does not come.
                Some((at, _)) => {
                    let heading = "Partly: it begins right, and goes on as another line.".to_owned();
                    Answer { verdict: Verdict::Partly, heading, ..self.choose(at)? }
                }
            });
        }
        let misled = whole.or_else(|| others().find(|(_, choice)| self.is_same(choice, &text, &typed)));
        // Of a command that is known to be wrong nothing is right.
        let is_command = matches!(self.truth.kind, Kind::Command | Kind::Continuation);
        Some(match misled {
            Some((at, _)) if is_command => self.choose(at)?,
            Some((at, _)) => Answer { verdict, heading, ..self.choose(at)? },
            None => Answer {
                verdict,
                choice: None,
                heading,
                because: String::new(),
                source: Vec::new(),
                misconception: None,
            },
        })
    }

    /// Whether what was typed is short for this wrong choice: its verb, or its code.
    fn is_same(&self, choice: &Choice, text: &str, typed: &str) -> bool {
        if !choice.is_wire {
            return false;
        }
        let from_server = choice.signature.starts_with("S ");
        let mut words = typed.split(' ');
        let code = words.next().filter(|code| code.len() == 3 && code.bytes().all(|b| b.is_ascii_digit()));
        // A code without its enhanced code stands for the first choice that has it.
        let code = code.filter(|_| from_server && !words.next().is_some_and(is_enhanced));
        signature(self.protocol, from_server, text) == choice.signature
            || code.is_some_and(|code| choice.text.starts_with(code))
    }

    fn held_against(&self, text: &str, typed: &str) -> (Verdict, String) {
        if self.truth.accept.iter().any(|word| word == typed) || typed == plainly(&self.truth.line) {
            return (Verdict::Right, "Right.".to_owned());
        }
        match self.truth.kind {
            Kind::Reply | Kind::Greeting | Kind::Untagged => self.reply(typed),
            Kind::Command | Kind::Continuation => self.command(text, typed),
            Kind::Query | Kind::Answer => self.lookup(typed),
            Kind::Open | Kind::Close => self.line(typed),
            _ => (Verdict::Wrong, no()),
        }
    }

    /// A reply is right when its code is; the words behind it are the server's own.
    fn reply(&self, typed: &str) -> (Verdict, String) {
        let mut words: Vec<&str> = typed.split(' ').collect();
        match self.protocol {
            Protocol::Smtp => smtp(&self.truth.code, &words),
            Protocol::Pop3 => {
                let first = words.first().map_or("", |word| word.trim_start_matches(['+', '-']));
                let want = if self.truth.code.starts_with('+') { "ok" } else { "err" };
                let said = status(&self.truth.code);
                let own = self.truth.code.split(' ').nth(1).unwrap_or_default().to_lowercase();
                let code = words.get(1).filter(|word| word.starts_with('['));
                match (first == want, code) {
                    (true, Some(code)) if code.trim_matches(['[', ']']) != own => (
                        Verdict::Partly,
                        format!("Partly: {said} is right, but not with that code in brackets."),
                    ),
                    (true, _) => (Verdict::Right, format!("Right: {said}.")),
                    _ => (Verdict::Wrong, no()),
                }
            }
            _ => {
                if words.first().is_some_and(|word| *word == "*" || (words.len() > 1 && is_tag(word))) {
                    words.remove(0);
                }
                self.imap(&words)
            }
        }
    }

    /// IMAP: `OK`, `EXISTS`, `1 EXISTS`, `FETCH`; whether it was tagged does not matter.
    fn imap(&self, words: &[&str]) -> (Verdict, String) {
        let want = if self.truth.kind == Kind::Untagged { &self.truth.verb } else { &self.truth.code };
        let want = want.split(' ').next().unwrap_or_default().to_lowercase();
        let code = self.truth.code.split(' ').nth(1).unwrap_or_default().to_lowercase();
        let inside = |word: &str| word.trim_matches(['[', ']']) == code && !code.is_empty();
        let number = |word: &&&str| word.bytes().all(|b| b.is_ascii_digit());
        let right = words.iter().find(|word| !number(word)).is_some_and(|word| *word == want || inside(word));
        if !right {
            return (Verdict::Wrong, no());
        }
        let told = words.iter().find(number).copied();
        let line = plainly(&self.truth.line);
        let is = line.split(' ').find(|word| number(&word));
        match (told, is, self.truth.kind) {
            (Some(told), Some(is), Kind::Untagged) if told != is => {
                let heading =
                    format!("Right that it is {}; the number is {is}, not {told}.", want.to_uppercase());
                (Verdict::Right, heading)
            }
            _ => (Verdict::Right, format!("Right: {}.", want.to_uppercase())),
        }
    }

    /// A command is right when its verb is; what was typed behind it is compared and told.
    fn command(&self, text: &str, typed: &str) -> (Verdict, String) {
        let untagged = |line: &str| match line.split_once(' ') {
            Some((tag, rest)) if self.protocol == Protocol::Imap && is_tag(tag) => rest.to_owned(),
            _ => line.to_owned(),
        };
        let (line, typed) = (untagged(&plainly(&self.truth.line)), untagged(typed));
        let verb = self.truth.verb.to_lowercase();
        let Some(rest) =
            typed.strip_prefix(verb.as_str()).filter(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
        else {
            return self.abbreviated(&line, &typed, text);
        };
        let want = line.strip_prefix(verb.as_str()).unwrap_or(&line).replace(": ", ":");
        let rest = rest.replace(": ", ":");
        match rest.trim() {
            "" | "to" | "from" | "to:" | "from:" => (Verdict::Right, format!("Right: {}.", self.truth.verb)),
            rest if want.trim() == rest => (Verdict::Right, "Right, to the letter.".to_owned()),
            rest if want.trim().starts_with(rest) => (Verdict::Right, format!("Right: {}.", self.truth.verb)),
            _ => {
                let heading =
                    format!("{} is right; what stands behind it is another thing.", self.truth.verb);
                (Verdict::Right, heading)
            }
        }
    }

    /// The beginning of the verb, or what the command is about without its verb.
    fn abbreviated(&self, line: &str, typed: &str, text: &str) -> (Verdict, String) {
        let verb = self.truth.verb.to_lowercase();
        let words = || verb.split(' ').chain(line.split(' '));
        if typed.chars().count() >= 2 && verb.starts_with(typed) {
            return (Verdict::Right, format!("Right: {}.", self.truth.verb));
        }
        let about = typed.split(' ').any(|word| word.chars().count() > 2 && words().any(|w| w == word));
        if about {
            let heading = format!("Partly: “{text}” has something of it, but the verb is another.");
            return (Verdict::Partly, heading);
        }
        (Verdict::Wrong, no())
    }

    /// A question to the DNS, or its answer: the type is enough, or the code where it says no.
    fn lookup(&self, typed: &str) -> (Verdict, String) {
        let typed = typed.trim_end_matches('?');
        let line = plainly(&self.truth.line);
        let has = |want: &str| typed.split(' ').any(|word| word == want);
        let said_no = !matches!(self.truth.code.as_str(), "" | "NOERROR");
        let of_type = has(&self.truth.verb.to_lowercase());
        let told = typed.split(' ').all(|word| line.split([' ', ';', '?', ':']).any(|w| w == word));
        match self.truth.kind {
            Kind::Answer if said_no && (has(&self.truth.code.to_lowercase()) || (told && !of_type)) => {
                (Verdict::Right, format!("Right: {}.", self.truth.code))
            }
            Kind::Answer if said_no => (Verdict::Wrong, no()),
            _ if told => (Verdict::Right, "Right.".to_owned()),
            _ if of_type => {
                (Verdict::Right, format!("Right: {}. The rest is another thing.", self.truth.verb))
            }
            _ => (Verdict::Wrong, no()),
        }
    }

    /// What is no line: one of its own words that tells it from the others is enough, as in `25` or `mx1.example.net`.
    fn line(&self, typed: &str) -> (Verdict, String) {
        let line = plainly(&self.answer().sentence());
        let told = typed
            .split(' ')
            .all(|word| line.split([' ', ',']).any(|w| w == word.trim_end_matches(['.', ','])));
        let only = |choice: &Choice| {
            let other = plainly(&choice.sentence());
            !typed.split(' ').all(|word| other.split([' ', ',']).any(|w| w == word))
        };
        let others = self.choices.iter().enumerate().filter(|(at, _)| *at != self.right);
        match told && others.into_iter().all(|(_, choice)| only(choice)) {
            true => (Verdict::Right, "Right.".to_owned()),
            false if told => (Verdict::Partly, "Partly: that fits more than one answer.".to_owned()),
            false => (Verdict::Wrong, no()),
        }
    }
}

fn no() -> String {
    "No, that is not what comes.".to_owned()
}

fn status(code: &str) -> &str {
    code.split(' ').next().unwrap_or_default()
}

/// SMTP: the code counts; an enhanced code that was typed with it is told.
fn smtp(want: &str, words: &[&str]) -> (Verdict, String) {
    let code = status(want);
    let typed: String = words.first().map_or("", |word| word).chars().take(3).collect();
    let enhanced = words.get(1).filter(|word| is_enhanced(word));
    let own = want.split(' ').nth(1).unwrap_or_default();
    if typed == code {
        return match enhanced {
            Some(enhanced) if *enhanced != own && !own.is_empty() => {
                (Verdict::Partly, format!("Partly: {code} is right, but not with {enhanced} behind it."))
            }
            _ => (Verdict::Right, format!("Right: {code}.")),
        };
    }
    let class = |code: &str| code.chars().next().filter(char::is_ascii_digit);
    // `2`, `2xx` and `250` for `235` are of the right class.
    match class(&typed).filter(|first| Some(*first) == class(code)) {
        Some(first) => {
            let means = match first {
                '2' => "a yes",
                '3' => "a “go on”",
                '4' => "a “not now”",
                _ => "a no",
            };
            (Verdict::Partly, format!("Partly: it is {means}, but with another code."))
        }
        None => (Verdict::Wrong, no()),
    }
}
