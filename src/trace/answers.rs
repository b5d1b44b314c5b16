//! The answers file, format version 1: what one person has written about a recording or in a lesson, and how it
//! compares with what the instructor wrote.
//!
//! JSON, one object: `format` (`postroad-answers`), `version` (1), `author`, `title` (of what it is about), `marks` (as
//! in a transcript: comments and highlights with their anchors), `answers` (`question`, an id, and `text`). Unknown
//! members are left alone. What somebody explained is compared by place, never by wording: that is for a person to
//! read. Which questions are right is compared by answer.

use super::Mark;
use serde::{Deserialize, Serialize};

/// What tells these files from others.
pub const FORMAT: &str = "postroad-answers";
/// The version that is written.
pub const VERSION: u32 = 1;

/// What one person has written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// [`FORMAT`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// Who; empty where nobody said.
    #[serde(default)]
    pub author: String,
    /// The title of the recording or lesson that it is about.
    #[serde(default)]
    pub title: String,
    /// Comments and highlights.
    #[serde(default)]
    pub marks: Vec<Mark>,
    /// Answers to questions.
    #[serde(default)]
    pub answers: Vec<Answer>,
}

/// An answer to a question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The question's id: of a question mark, or `lesson/activity`.
    pub question: String,
    /// What was answered.
    pub text: String,
}

/// Why a file cannot be read as answers.
#[derive(Debug, thiserror::Error)]
pub enum AnswersError {
    /// It is no JSON, or not of this shape.
    #[error("this is no answers file: {0}")]
    Shape(#[from] serde_json::Error),
    /// Some other program's JSON.
    #[error("this is no answers file: its \"format\" is not \"{FORMAT}\"")]
    Format,
    /// Of a version that is not known.
    #[error("this answers file has version {0}; this program knows version {VERSION}")]
    Version(u32),
}

impl Answers {
    /// What these marks say: comments and highlights as they are, answers by their question.
    pub fn of<'m>(title: &str, author: &str, marks: impl IntoIterator<Item = &'m Mark>) -> Self {
        let (mut kept, mut answers) = (Vec::new(), Vec::new());
        for mark in marks {
            match mark.kind.as_str() {
                "answer" => answers.push(Answer { question: mark.to.clone(), text: mark.text.clone() }),
                "comment" | "highlight" => kept.push(mark.clone()),
                _ => {}
            }
        }
        let (format, author, title) = (FORMAT.to_owned(), author.to_owned(), title.to_owned());
        Answers { format, version: VERSION, author, title, marks: kept, answers }
    }

    /// Read a file.
    ///
    /// # Errors
    /// Where it is no answers file, or of a version that is not known.
    pub fn read(bytes: &[u8]) -> Result<Self, AnswersError> {
        #[derive(Deserialize)]
        struct Any {
            #[serde(default)]
            format: String,
            #[serde(default)]
            version: u32,
        }
        let any: Any = serde_json::from_slice(bytes)?;
        if any.format != FORMAT {
            return Err(AnswersError::Format);
        }
        if any.version != VERSION {
            return Err(AnswersError::Version(any.version));
        }
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The file's text.
    pub fn to_json(&self) -> String {
        // Every value has a JSON form, so this cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}

/// How one of the instructor's lines was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The instructor's comment.
    pub model: &'a Mark,
    /// What was written about the same bytes; `None`: nothing.
    pub given: Option<&'a str>,
}

/// How a question was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// The question.
    pub model: &'a Mark,
    /// What was answered.
    pub given: Option<&'a str>,
    /// What to make of it.
    pub verdict: Verdict,
}

/// What to make of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the right one.
    Right,
    /// It is one of the wrong ones, or none that was offered.
    Wrong,
    /// There is no answer.
    Unanswered,
    /// Free text in other words than the instructor's: somebody has to read it.
    Unread,
}

/// How one person's answers compare with the instructor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grade<'a> {
    /// Each line that the instructor explains.
    pub lines: Vec<Line<'a>>,
    /// Each question.
    pub questions: Vec<Question<'a>>,
    /// Lines explained that the instructor says nothing about.
    pub further: Vec<&'a Mark>,
}

impl<'a> Grade<'a> {
    /// Compare. What was handed out with the recording, and came back, is nobody's own work and does not count.
    pub fn of(model: &'a [Mark], answers: &'a Answers) -> Self {
        let own: Vec<&Mark> =
            answers.marks.iter().filter(|m| !m.text.trim().is_empty() && !model.contains(m)).collect();
        let explained = |mark: &&Mark| matches!(mark.kind.as_str(), "comment") && mark.range.is_some();
        let lines: Vec<Line> = model
            .iter()
            .filter(explained)
            .map(|model| {
                let given = own.iter().find(|mark| overlap(mark, model)).map(|mark| mark.text.as_str());
                Line { model, given }
            })
            .collect();
        let questions = model.iter().filter(|mark| mark.kind == "question").map(|model| {
            let given = answers.answers.iter().rev().find(|a| !model.id.is_empty() && a.question == model.id);
            let given = given.map(|answer| answer.text.as_str()).filter(|text| !text.trim().is_empty());
            Question { model, given, verdict: judge(model, given) }
        });
        let further = own.iter().filter(|mark| !lines.iter().any(|line| overlap(mark, line.model)));
        Grade { questions: questions.collect(), further: further.copied().collect(), lines }
    }

    /// How many lines were explained.
    pub fn explained(&self) -> usize {
        self.lines.iter().filter(|line| line.given.is_some()).count()
    }

    /// How many questions have a verdict.
    pub fn with(&self, verdict: Verdict) -> usize {
        self.questions.iter().filter(|question| question.verdict == verdict).count()
    }
}

/// The choices that a question offers, in an order that does not tell the right one.
pub fn choices(question: &Mark) -> Vec<&str> {
    if question.wrong.is_empty() {
        return Vec::new();
    }
    let mut choices: Vec<&str> =
        question.wrong.iter().chain([&question.answer]).map(String::as_str).collect();
    choices.sort_unstable();
    choices.dedup();
    choices
}

/// A free answer that reads as the instructor's is right; in other words it may still be, so nobody calls it wrong.
fn judge(model: &Mark, given: Option<&str>) -> Verdict {
    let Some(given) = given else { return Verdict::Unanswered };
    let choices = choices(model);
    let letter = match given.trim().trim_matches(['(', ')', '.']).as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => {
            choices.get(usize::from(letter.to_ascii_lowercase() - b'a')).copied()
        }
        _ => None,
    };
    let is_choice = choices.iter().any(|choice| normal(choice) == normal(given));
    let meant = letter.filter(|_| !is_choice).unwrap_or(given);
    match (normal(meant) == normal(&model.answer), choices.is_empty()) {
        (true, _) if !model.answer.trim().is_empty() => Verdict::Right,
        (_, true) => Verdict::Unread,
        _ => Verdict::Wrong,
    }
}

/// Words that differ in case, white space or a full stop are the same answer.
fn normal(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ").trim_end_matches('.').to_owned()
}

/// Whether two marks are about the same bytes. Places without bytes are the same where they stand at the same byte.
fn overlap(a: &Mark, b: &Mark) -> bool {
    let side = |mark: &Mark| (mark.conn, mark.from, mark.layer);
    let (Some((a0, a1)), Some((b0, b1))) = (a.range, b.range) else { return false };
    side(a) == side(b) && a.conn.is_some() && (a0 < b1 && b0 < a1 || (a0, a1) == (b0, b1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Conn, Direction};

    fn mark(kind: &str, range: (u64, u64), text: &str) -> Mark {
        let (conn, from) = (Some(Conn(1)), Some(Direction::Client));
        Mark { kind: kind.into(), text: text.into(), conn, from, range: Some(range), ..Mark::default() }
    }

    fn question(id: &str, answer: &str, wrong: &[&str]) -> Mark {
        let wrong = wrong.iter().map(|w| (*w).to_owned()).collect();
        Mark { id: id.into(), answer: answer.into(), wrong, ..mark("question", (0, 4), "Why?") }
    }

    #[test]
    fn lines_are_compared_by_place_and_what_was_handed_out_does_not_count() {
        let model = [mark("comment", (0, 10), "who we are"), mark("comment", (10, 20), "the envelope")];
        let own = [
            model[0].clone(),
            mark("comment", (15, 17), "where it goes"),
            mark("highlight", (40, 50), "and this"),
            mark("comment", (0, 10), "  "),
        ];
        let answers = Answers::of("t", "Ann", &own);
        let grade = Grade::of(&model, &answers);
        let given: Vec<_> = grade.lines.iter().map(|line| line.given).collect();
        assert_eq!(given, [None, Some("where it goes")]);
        assert_eq!((grade.explained(), grade.further.len()), (1, 1));
    }

    #[test]
    fn answers_are_right_wrong_missing_or_to_be_read() {
        let model = [
            question("q1", "The envelope.", &["The header", "The body"]),
            question("q2", "250", &[]),
            question("q3", "yes", &["no"]),
        ];
        let judged = |texts: [&str; 3]| {
            let answers = ["q1", "q2", "q3"].into_iter().zip(texts);
            let answers = answers.map(|(q, text)| Answer { question: q.into(), text: text.into() }).collect();
            let answers = Answers { answers, ..Answers::of("t", "Ann", []) };
            Grade::of(&model, &answers).questions.iter().map(|q| q.verdict).collect::<Vec<_>>()
        };
        use Verdict::{Right, Unanswered, Unread, Wrong};
        assert_eq!(choices(&model[0]), ["The body", "The envelope.", "The header"]);
        assert_eq!(judged(["the  ENVELOPE", "250", ""]), [Right, Right, Unanswered]);
        assert_eq!(judged(["b", "two hundred and fifty", "no"]), [Right, Unread, Wrong]);
        assert_eq!(judged(["c)", "550", "perhaps"]), [Wrong, Unread, Wrong]);
    }

    #[test]
    fn a_file_is_read_back_and_others_are_refused() {
        let answers = Answers::of("t", "Ann", &[mark("comment", (0, 1), "x"), question("q", "a", &[])]);
        assert_eq!(answers.marks.len(), 1, "questions are not a student's");
        assert_eq!(Answers::read(answers.to_json().as_bytes()).expect("reads"), answers);
        let refused = |text: &str| Answers::read(text.as_bytes()).expect_err("is none").to_string();
        assert!(refused("{}").contains("format"));
        assert!(refused("[").contains("no answers file"));
        assert!(refused(r#"{"format":"postroad-answers","version":9}"#).contains("version 9"));
    }
}
