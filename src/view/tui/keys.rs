//! The table of keys: from a key to an [`Action`]; the line of keys and the help are made from it too, so that they
//! cannot say anything else than what happens.

use super::msg::Action;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key, as it is pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// Which.
    pub code: KeyCode,
    /// With what held down. Shift is left out for characters: it is in the character.
    pub with: KeyModifiers,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Binding {
    /// What it asks for.
    pub action: Action,
    /// The keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// In a word or two, for the line of keys.
    pub word: &'static str,
    /// In a sentence, for the help.
    pub what: &'static str,
    /// Where it stands in the help.
    pub group: Group,
}

/// The help's headings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Along the road.
    Walk,
    /// Far along it.
    Jump,
    /// Saying and changing something.
    Try,
    /// Looking for something.
    Find,
    /// One line.
    Line,
    /// Taking something along.
    Take,
    /// The view itself.
    View,
}

impl Group {
    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Walk => "Walk",
            Group::Jump => "Jump",
            Group::Try => "Try",
            Group::Find => "Find",
            Group::Line => "This line",
            Group::Take => "Take along",
            Group::View => "The view",
        }
    }
}

const fn plain(code: KeyCode) -> Key {
    Key { code, with: KeyModifiers::NONE }
}

const fn ch(c: char) -> Key {
    plain(KeyCode::Char(c))
}

const fn shift(code: KeyCode) -> Key {
    Key { code, with: KeyModifiers::SHIFT }
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), with: KeyModifiers::CONTROL }
}

macro_rules! bindings {
    ($($group:ident { $($action:ident [$($key:expr),+] $word:literal $what:literal)+ })+) => {
        /// Every key there is.
        pub static BINDINGS: &[Binding] = &[$($(Binding {
            action: Action::$action,
            keys: &[$($key),+],
            word: $word,
            what: $what,
            group: Group::$group,
        }),+),+];
    };
}

use KeyCode::{BackTab, Down, End, Enter, Esc, Home, Left, PageDown, PageUp, Right, Up};

bindings! {
    Walk {
        Step [plain(Right), ch('l'), plain(Enter)] "step" "one step on: the next line on a wire"
        Back [plain(Left), ch('h')] "back" "one step back"
        Down [plain(Down), ch('j')] "row on" "the next row: what hosts state and people wrote too"
        Up [plain(Up), ch('k')] "row back" "the row before"
        Play [ch(' ')] "play" "let it run, or hold it"
        Faster [ch('+'), ch('=')] "faster" "play faster"
        Slower [ch('-')] "slower" "play slower"
    }
    Jump {
        NextChapter [shift(Right), ch(']'), ch('L')] "chapter" "the next chapter"
        LastChapter [shift(Left), ch('['), ch('H')] "chapter back" "the beginning of this chapter, then the one before"
        NextCommand [ch('c')] "command" "the next command of a client"
        LastCommand [ch('C')] "command back" "the command before"
        NextError [ch('e')] "refusal" "the next refusal, or connection that fails"
        LastError [ch('E')] "refusal back" "the refusal before"
        NextFinding [ch('d')] "finding" "the next line with something odd in it"
        LastFinding [ch('D')] "finding back" "the finding before"
        PageDown [plain(PageDown), ctrl('f')] "page" "a page on"
        PageUp [plain(PageUp), ctrl('b')] "page back" "a page back"
        Start [plain(Home), ch('g')] "start" "to the start"
        End [plain(End), ch('G')] "end" "to the end"
        GoTo [ch(':')] "go to" "go to a step by its number (digits begin it too)"
    }
    Try {
        Predict [ch('p')] "predict" "say what the next line will be, before it is shown"
        WhatIf [ch('w')] "what if" "change this line, or the world, and tell the story again"
        Talk [ch('t')] "talk" "type at this server yourself, from this moment on"
        Faults [ch('F')] "faults" "in a lab: let something go wrong while it runs, or go right again"
        Branches [ch('W')] "branches" "the stories that were told again: look at them, compare, save, give up"
    }
    Find {
        Search [ch('/')] "find" "find words in lines, facts, marks and chapters"
        SearchOn [ch('n')] "next" "find it again"
        SearchBack [ch('N')] "find back" "find it again, backwards"
        Filter [ch('f')] "filter" "show only what a filter lets pass, as in: smtp and code 5xx"
        Follow [ch('m')] "follow" "follow one message across every hop"
        Mark [ch('b')] "mark" "put a mark here, or take it away"
        Places [ch('\'')] "places" "chapters and marks, to go to"
    }
    Line {
        NextPart [ch('.'), ch('>')] "part" "the next part of this line"
        LastPart [ch(','), ch('<')] "part back" "the part before"
        NoteDown [ch('J')] "scroll" "scroll what is said about it"
        NoteUp [ch('K')] "scroll back" "scroll that back"
        LineDown [ctrl('d')] "scroll" "scroll its bytes"
        LineUp [ctrl('u')] "scroll back" "scroll them back"
        Hex [ch('x')] "hex" "its bytes, in hexadecimal"
        Analogy [ch('o')] "post office" "what would happen in a post office"
        Reference [ch('r')] "reference" "what the reference says about it, with its RFC"
    }
    Take {
        CopyLine [ch('y')] "copy" "copy the line"
        CopyNote [ch('Y')] "copy note" "copy the note"
        Export [ch('X')] "export" "write the story from here on to a file"
        Annotate [ch('A')] "annotate" "write at this step into the recording, or take away what stands there"
    }
    View {
        Tab [plain(KeyCode::Tab), plain(BackTab)] "state" "turn from the note to what holds after this step, and back"
        Twin [ch('v')] "two panes" "two places side by side, or one again"
        Focus [ctrl('w'), ch('z')] "other pane" "go to the other pane"
        Theme [ch('T')] "colours" "dark, light, or without colours"
        Help [ch('?'), plain(KeyCode::F(1))] "keys" "all keys"
        Close [plain(Esc)] "close" "close what is open, clear the filter"
        Redraw [ctrl('l')] "redraw" "draw the screen anew"
        Suspend [ctrl('z')] "suspend" "back to the shell; fg comes back"
        Quit [ch('q'), ctrl('c')] "quit" "leave"
    }
}

/// What a key asks for.
pub fn action(event: KeyEvent) -> Option<Action> {
    let mut with = event.modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
    if matches!(event.code, KeyCode::Char(_) | BackTab) {
        with.remove(KeyModifiers::SHIFT);
    }
    let key = Key { code: event.code, with };
    BINDINGS.iter().find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

/// The row of an action.
pub fn binding(action: Action) -> Option<&'static Binding> {
    BINDINGS.iter().find(|binding| binding.action == action)
}

/// The key that is shown for an action.
pub fn name(action: Action) -> String {
    binding(action).and_then(|binding| binding.keys.first()).map_or_else(String::new, |key| key.name())
}

impl Key {
    /// As people write it: `→`, `⇧→`, `^W`, `space`.
    pub fn name(self) -> String {
        let code = match self.code {
            Right => "→".to_owned(),
            Left => "←".to_owned(),
            Up => "↑".to_owned(),
            Down => "↓".to_owned(),
            Home => "home".to_owned(),
            End => "end".to_owned(),
            PageUp => "pgup".to_owned(),
            PageDown => "pgdn".to_owned(),
            Enter => "enter".to_owned(),
            Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            BackTab => "⇧tab".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) if self.with.contains(KeyModifiers::CONTROL) => c.to_uppercase().to_string(),
            KeyCode::Char(c) => c.to_string(),
            _ => String::new(),
        };
        let before = if self.with.contains(KeyModifiers::CONTROL) {
            "^"
        } else if self.with.contains(KeyModifiers::SHIFT) {
            "⇧"
        } else {
            ""
        };
        format!("{before}{code}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_means_two_things() {
        let mut seen = BTreeSet::new();
        for key in BINDINGS.iter().flat_map(|binding| binding.keys) {
            assert!(seen.insert(key.name()), "{} stands twice in the table", key.name());
            assert!(!key.name().is_empty(), "{key:?} has no name");
        }
    }

    #[test]
    fn shift_is_in_the_character() {
        let typed = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::SHIFT);
        assert_eq!(action(typed), Some(Action::Help));
        assert_eq!(action(KeyEvent::new(Right, KeyModifiers::SHIFT)), Some(Action::NextChapter));
        assert_eq!(action(KeyEvent::new(Right, KeyModifiers::ALT)), None);
        assert_eq!(action(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Action::Quit));
    }
}
