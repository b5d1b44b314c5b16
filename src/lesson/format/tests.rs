//! Lessons that are wrong in one thing, and what is said about it.

use super::*;
use std::borrow::Cow;

const FRONT: &str =
    "+++\ntitle = \"T\"\nabout = \"A.\"\nminutes = 5\norder = 1\nscenario = \"journey\"\n+++\n";

fn folder(text: &str) -> Folder {
    let broken = "a = 1\nto = [\"x\"]\nsubject = \"y\"\n";
    let files = [("lesson.md", text), ("broken.toml", broken)];
    let files = files.map(|(name, text)| (name.to_owned(), Cow::Owned(text.as_bytes().to_vec())));
    Folder { name: "x".into(), shown: "lessons/x".into(), files: files.into() }
}

fn with(activity: &str) -> String {
    format!("{FRONT}\nHello.\n\n## One\n\n```activity\n{activity}\n```\n")
}

const CHOICES: &str = "id = \"a\"\ndo = \"answer\"\nkind = \"one\"\nask = \"Q?\"\n[[choice]]\ntext = \"x\"\nright = true\nwhy = \"w\"\n[[choice]]\ntext = \"y\"\nwhy = \"v\"\n";

#[test]
fn a_lesson_is_read() {
    let lesson = Lesson::read(&folder(&with(CHOICES))).expect("it is sound");
    assert_eq!((lesson.front.title.as_str(), lesson.front.minutes), ("T", 5));
    let headings: Vec<&str> = lesson.pages.iter().map(|page| page.heading.as_str()).collect();
    assert_eq!(headings, ["T", "One"]);
    assert_eq!(lesson.activities[0].page, 1);
    assert_eq!(lesson.on_page(1).collect::<Vec<_>>(), [0]);
    assert_eq!(lesson.story_of(&lesson.activities[0]), Some(StoryName::Scenario("journey".into())));
}

/// What is said about an activity with one thing changed, and the text that is pointed at.
fn complaint(from: &str, to: &str) -> (String, String) {
    assert!(CHOICES.contains(from), "{from}");
    let text = with(&CHOICES.replacen(from, to, 1));
    let problems = Lesson::read(&folder(&text)).expect_err(to);
    let problem = &problems[0];
    let pointed = problem.span.clone().map(|span| text[span].to_owned()).unwrap_or_default();
    (format!("{} {}", problem.message, problem.help), pointed)
}

#[test]
fn what_is_wrong_with_an_activity_is_told_with_its_place() {
    for (from, to, words, pointed) in [
        ("do = \"answer\"", "do = \"anwser\"", "did you mean `answer`?", "\"anwser\""),
        ("kind = \"one\"", "kind = \"onee\"", "did you mean `one`?", "\"onee\""),
        ("kind = \"one\"", "", "the key `kind` is missing", "\"answer\""),
        ("ask = \"Q?\"", "ask = \" \"", "what is the student asked", "\" \""),
        ("id = \"a\"", "id = \"A b\"", "small letters", "\"A b\""),
        ("ask = \"Q?\"", "ask = \"Q?\"\nhost = \"x\"", "`host` does not belong to `one`", "\"x\""),
        ("ask = \"Q?\"", "ask = \"Q?\"\nhintz = []", "did you mean `hints`?", "hintz"),
        ("ask = \"Q?\"", "ask = \"Q?\"\nmisconception = 99", "no misconception 99", "misconception"),
        ("right = true\n", "", "exactly one choice is right", "choice"),
        ("why = \"v\"", "", "why? Each of these", ""),
        ("why = \"v\"", "why = \"v\"\nbreak = [\"mx1-down\"]", "only the choices of a `what-if`", ""),
        ("ask = \"Q?\"", "ask = \"Q?", "", ""),
    ] {
        let (said, place) = complaint(from, to);
        assert!(said.contains(words), "{to}: {said}");
        assert!(place.starts_with(pointed), "{to}: {said}: {place}");
    }
}

#[test]
fn the_other_kinds_ask_for_what_they_need() {
    let head = |act: &str| format!("id = \"a\"\nask = \"Q?\"\ndo = \"{act}\"\n");
    for (act, rest, words) in [
        ("watch", "", "what is to be watched?"),
        ("watch", "steps = \"9..4\"", "ends before it begins"),
        ("predict", "", "the key `at` is missing"),
        ("predict", "at = \"smtp\"\nnth = 0", "the first one is 1"),
        ("find", "right = \"smtp\"", "why is that right?"),
        ("explain", "at = \"smtp\"", "what does a good explanation say?"),
        ("type", "protocol = \"http\"", "smtp, pop3 and imap are typed"),
        ("type", "protocol = \"smtp\"\nhost = \"h\"\nmodel = [\"QUIT\"]", "what is to hold in the end?"),
        ("repair", "scenario = \"brokn.toml\"", "did you mean `broken.toml`?"),
        ("repair", "scenario = \"broken.toml\"\nfrom = \"zzz\"", "no such part"),
        (
            "repair",
            "scenario = \"broken.toml\"\nmodel = [{ replace = \"q\", with = \"r\" }]\ngoal = { steps = \"smtp\" }",
            "stands 0 times",
        ),
        ("what-if", "goal = { steps = \"smtp\" }", "between 2 and 9 are needed"),
        ("answer", "kind = \"text\"", "which answers are right?"),
        ("answer", "kind = \"order\"", "there are 0 `[[item]]`"),
        ("answer", "kind = \"match\"", "there are 0 `[[pair]]`"),
    ] {
        let problems = Lesson::read(&folder(&with(&(head(act) + rest)))).expect_err(rest);
        let said: Vec<String> = problems.iter().map(|p| format!("{} {}", p.message, p.help)).collect();
        assert!(said.iter().any(|said| said.contains(words)), "{act} {rest}: {said:?}");
    }
}

#[test]
fn the_front_part_is_read_strictly() {
    for (text, words) in [
        ("# Hello\n".to_owned(), "begins with its front part"),
        (FRONT.replace("title = \"T\"\n", ""), "`title` is missing"),
        (FRONT.replace("minutes = 5", "minutes = 0"), "from 1 to 600 minutes"),
        (FRONT.replace("order = 1", "odrer = 1"), "did you mean `order`?"),
        (FRONT.replace("order = 1", "order = 1\ntranscript = \"x\""), "one story"),
        (FRONT.replace("order = 1", "order = "), ""),
        (FRONT.to_owned() + "<div>x</div>\n", "the only HTML"),
    ] {
        let problems = Lesson::read(&folder(&text)).expect_err(words);
        assert!(format!("{} {}", problems[0].message, problems[0].help).contains(words), "{problems:?}");
    }
    let two = with(CHOICES) + &with(CHOICES)[FRONT.len()..];
    assert!(Lesson::read(&folder(&two)).expect_err("two")[0].message.contains("a second activity `a`"));
    assert!(Lesson::read(&Folder::default()).is_err());
}

#[test]
fn nothing_panics_on_any_text() {
    let whole = with(CHOICES);
    for end in 0..whole.len() {
        let _ = Lesson::read(&folder(&whole[..end]));
    }
}
