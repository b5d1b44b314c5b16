//! The table of commands of the linear view: words and letters to an [`Act`]; the help is made from it too, so that it
//! cannot say anything else than what happens.

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of commands says what each one does")]
pub enum Act {
    Next,
    Back,
    Row,
    RowBack,
    Page,
    PageBack,
    Play,
    Start,
    End,
    Chapter,
    ChapterBack,
    Command,
    CommandBack,
    Error,
    ErrorBack,
    Finding,
    FindingBack,
    Go,
    Find,
    Again,
    AgainBack,
    Filter,
    Follow,
    Mark,
    Marks,
    Line,
    Note,
    Part,
    PartBack,
    Hex,
    PostOffice,
    Reference,
    State,
    Predict,
    Score,
    WhatIf,
    Branches,
    Branch,
    GiveUp,
    Talk,
    Export,
    Help,
    Quit,
}

/// One command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What it asks for.
    pub act: Act,
    /// The words; the first is the one that help shows.
    pub words: &'static [&'static str],
    /// Single letters and signs, as they are: the keys of the full screen where they are free.
    pub letters: &'static [&'static str],
    /// What stands behind it, for the help; empty for nothing.
    pub takes: &'static str,
    /// What it does.
    pub what: &'static str,
    /// The actions of the full screen's table of keys that it stands for, by name.
    pub serves: &'static [&'static str],
}

macro_rules! commands {
    ($($act:ident [$($word:literal),+] [$($letter:literal),*] $takes:literal $what:literal [$($serves:literal),*])+) => {
        /// Every command there is.
        pub static COMMANDS: &[Command] = &[$(Command {
            act: Act::$act,
            words: &[$($word),+],
            letters: &[$($letter),*],
            takes: $takes,
            what: $what,
            serves: &[$($serves),*],
        }),+];
    };
}

commands! {
    Next ["next"] ["n", "l", ">"] "" "the next line on a wire; an empty line does the same" ["Step"]
    Back ["back"] ["b", "h", "<"] "" "the line before" ["Back"]
    Row ["row"] ["j"] "" "the next row, be it a line, a statement of a host or a chapter" ["Down"]
    RowBack ["row back"] ["k"] "" "the row before" ["Up"]
    Page ["page"] [] "" "the next ten lines" ["PageDown"]
    PageBack ["page back"] [] "" "ten lines back" ["PageUp"]
    Play ["play"] [] "" "everything to the end of this chapter" ["Play"]
    Start ["start"] ["g"] "" "the first line" ["Start"]
    End ["end"] ["G"] "" "the last line" ["End"]
    Chapter ["chapter"] ["]", "L"] "" "the next chapter" ["NextChapter"]
    ChapterBack ["chapter back"] ["[", "H"] "" "the chapter before" ["LastChapter"]
    Command ["command"] ["c"] "" "the next command of a client" ["NextCommand"]
    CommandBack ["command back"] ["C"] "" "the command before" ["LastCommand"]
    Error ["error", "refusal"] ["e"] "" "the next refusal, or connection that fails" ["NextError"]
    ErrorBack ["error back", "refusal back"] ["E"] "" "the refusal before" ["LastError"]
    Finding ["finding"] ["d"] "" "the next line with something odd in it" ["NextFinding"]
    FindingBack ["finding back"] ["D"] "" "the finding before" ["LastFinding"]
    Go ["go", "go to", "step"] [":"] "N" "to the step of that number; a number alone does the same" ["GoTo"]
    Find ["find"] ["/"] "TEXT" "the next line or note with that text" ["Search"]
    Again ["again", "find again"] ["a"] "" "find the same text again" ["SearchOn"]
    AgainBack ["again back", "find back"] ["N"] "" "find it again, backwards" ["SearchBack"]
    Filter ["filter"] ["f"] "EXPR" "only what a filter lets pass, as in: filter smtp and code 5xx; alone it lets all pass" ["Filter", "Close"]
    Follow ["follow"] ["m"] "" "only the road of the message in this line; once more lets all pass" ["Follow"]
    Mark ["mark"] ["M"] "" "put a mark at this line, or take it away" ["Mark"]
    Marks ["marks", "chapters", "places"] ["'"] "" "chapters and marks, with the steps to go to" ["Places"]
    Line ["line"] ["y"] "" "this line once more, whole" ["CopyLine"]
    Note ["note"] ["Y"] "" "everything that is known about this line" ["CopyNote", "NoteDown", "NoteUp", "LineDown", "LineUp"]
    Part ["part"] ["."] "" "the next part of this line, and what it means" ["NextPart"]
    PartBack ["part back"] [","] "" "the part before" ["LastPart"]
    Hex ["hex"] ["x"] "" "the bytes of this line, in hexadecimal" ["Hex"]
    PostOffice ["post office"] ["o"] "" "what would happen in a post office" ["Analogy"]
    Reference ["reference", "source"] ["r"] "" "who says so: RFC and section" ["Reference"]
    State ["state"] ["s"] "" "what holds after this line: connections, queues, mailboxes" ["Tab"]
    Predict ["predict"] ["p"] "" "say what the next line will be" ["Predict"]
    Score ["score"] [] "" "how your answers were" []
    WhatIf ["what if"] ["w"] "N" "what could be otherwise at this line; with its number, the story is told so" ["WhatIf"]
    Branches ["branches"] [] "" "the story as it was and what was made of it" ["Branches"]
    Branch ["branch"] [] "N" "go to the branch of that number" []
    GiveUp ["give up"] [] "N" "give a branch up: that one, or this" []
    Talk ["talk"] ["t"] "" "how to type at this server yourself" ["Talk"]
    Export ["export"] ["X"] "FILE" "write the story from here on to a file" ["Export"]
    Help ["help"] ["?"] "" "these commands" ["Help"]
    Quit ["quit", "exit"] ["q"] "" "leave" ["Quit"]
}

/// Actions of the full screen that have no counterpart here, by name: they are about the screen itself. Annotating by
/// words has a command of its own, `postroad annotate FILE --at STEP`.
pub const OF_THE_SCREEN: [&str; 9] =
    ["Annotate", "Faults", "Faster", "Slower", "Twin", "Focus", "Theme", "Suspend", "Redraw"];

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'t> {
    /// A command, and what stands behind it.
    Do(Act, &'t str),
    /// It may be one of these.
    Several(Vec<&'static str>),
    /// No command.
    Unknown,
}

/// Read a line. A command may be cut short as long as it can be only one.
pub fn parse(line: &str) -> Parsed<'_> {
    let line = line.trim();
    if line.is_empty() {
        return Parsed::Do(Act::Next, "");
    }
    if line.bytes().all(|b| b.is_ascii_digit()) {
        return Parsed::Do(Act::Go, line);
    }
    for command in COMMANDS {
        if command.letters.contains(&line) {
            return Parsed::Do(command.act, "");
        }
        // `/text` and `:12` need no space.
        let sign = command.letters.iter().find(|l| matches!(**l, "/" | ":"));
        if let Some(rest) = sign.and_then(|sign| line.strip_prefix(*sign)) {
            return Parsed::Do(command.act, rest.trim());
        }
    }
    worded(line)
}

/// A command in words: the longest name that the line begins with; else the only one that begins as the line does.
fn worded(line: &str) -> Parsed<'_> {
    let named = COMMANDS.iter().flat_map(|command| command.words.iter().map(move |word| (command, *word)));
    let whole = named
        .clone()
        .filter_map(|(command, word)| Some((command, word, rest_of(line, word)?)))
        .filter(|(command, _, rest)| rest.is_empty() || !command.takes.is_empty())
        .max_by_key(|(_, word, _)| word.len());
    if let Some((command, _, rest)) = whole {
        return Parsed::Do(command.act, rest);
    }
    let (first, rest) = line.split_once(' ').map_or((line, ""), |(first, rest)| (first, rest.trim()));
    let typed = line.to_lowercase();
    let mut several: Vec<(&Command, &'static str, &str)> = Vec::new();
    for (command, word) in named {
        // A command that only turns another one back is not what is meant by its beginning.
        let turned = word.ends_with(" back") && !typed.contains(' ');
        let cut = word.starts_with(&typed) && !turned;
        let with = !rest.is_empty() && !command.takes.is_empty() && word.starts_with(&first.to_lowercase());
        if (cut || with) && !several.iter().any(|(known, ..)| known.act == command.act) {
            several.push((command, word, if cut { "" } else { rest }));
        }
    }
    match several.as_slice() {
        [(command, _, rest)] => Parsed::Do(command.act, rest),
        [] => Parsed::Unknown,
        many => Parsed::Several(many.iter().map(|(_, word, _)| *word).collect()),
    }
}

/// What stands behind these words, where the line begins with them, in whatever case.
fn rest_of<'t>(line: &'t str, words: &str) -> Option<&'t str> {
    let (head, rest) = line.split_at_checked(words.len())?;
    let ends = rest.is_empty() || rest.starts_with(' ');
    (head.eq_ignore_ascii_case(words) && ends).then(|| rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::tui::keys::BINDINGS;
    use std::collections::BTreeSet;

    #[test]
    fn no_word_and_no_letter_means_two_things() {
        let mut seen = BTreeSet::new();
        for name in COMMANDS.iter().flat_map(|c| c.words.iter().chain(c.letters)) {
            assert!(seen.insert(*name), "{name} stands twice in the table");
        }
    }

    #[test]
    fn words_may_be_cut_short_and_letters_are_exact() {
        for (line, act, rest) in [
            ("", Act::Next, ""),
            ("n", Act::Next, ""),
            ("NEXT", Act::Next, ""),
            ("ne", Act::Next, ""),
            ("14", Act::Go, "14"),
            ("go 14", Act::Go, "14"),
            (":14", Act::Go, "14"),
            ("go to 14", Act::Go, "14"),
            ("/greylist", Act::Find, "greylist"),
            ("find  in the inbox", Act::Find, "in the inbox"),
            ("find back", Act::AgainBack, ""),
            ("chapter back", Act::ChapterBack, ""),
            ("post", Act::PostOffice, ""),
            ("post office", Act::PostOffice, ""),
            ("filter not dns", Act::Filter, "not dns"),
            ("fil not dns", Act::Filter, "not dns"),
            ("E", Act::ErrorBack, ""),
            ("mark", Act::Mark, ""),
        ] {
            assert_eq!(parse(line), Parsed::Do(act, rest), "{line}");
        }
        assert_eq!(parse("fi"), Parsed::Several(vec!["finding", "find", "find again", "filter"]));
        assert_eq!(parse("sesame"), Parsed::Unknown);
        assert_eq!(parse("é"), Parsed::Unknown);
    }

    /// What can be done on the full screen can be done here; what cannot is about the screen itself.
    #[test]
    fn the_full_screen_does_nothing_that_cannot_be_done_here() {
        let served: BTreeSet<&str> = COMMANDS.iter().flat_map(|c| c.serves.iter().copied()).collect();
        let keys: BTreeSet<String> = BINDINGS.iter().map(|b| format!("{:?}", b.action)).collect();
        for action in &keys {
            let known = served.contains(action.as_str()) || OF_THE_SCREEN.contains(&action.as_str());
            assert!(
                known,
                "the full screen has {action}: give it a command, or say that it is of the screen"
            );
        }
        let not_yet = ["Predict", "WhatIf"];
        for action in served.iter().chain(&OF_THE_SCREEN) {
            let known = keys.contains(*action) || not_yet.contains(action);
            assert!(known, "{action} is no action of the full screen");
        }
    }
}
