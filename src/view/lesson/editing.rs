//! [`Editing`]: a text that is changed line by line, by words: for the dialogue in plain sentences.

/// Lines of a text that is edited, at most.
const MOST: usize = 5000;

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Editing {
    lines: Vec<String>,
    past: Vec<Vec<String>>,
}

impl Editing {
    /// A text to be edited.
    pub fn new(text: &str) -> Self {
        Editing { lines: text.lines().map(str::to_owned).collect(), past: Vec::new() }
    }

    /// The text as it is now.
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// Its lines, numbered.
    pub fn told(&self) -> Vec<String> {
        self.lines.iter().enumerate().map(|(at, line)| format!("{}: {line}", at + 1)).collect()
    }

    /// Do what a line says: `change 3 TEXT`, `insert 3 TEXT` (before it), `delete 3`, `undo`. Gives what was done.
    ///
    /// # Errors
    /// It is none of these, or there is no such line.
    pub fn hear(&mut self, line: &str) -> Result<String, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        if word == "undo" {
            let before = self.past.pop().ok_or("Nothing was changed yet.")?;
            self.lines = before;
            return Ok("The last change is taken back.".to_owned());
        }
        if !matches!(word, "change" | "insert" | "delete") {
            return Err(HOW.to_owned());
        }
        let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
        let last = self.lines.len() + usize::from(word == "insert");
        let at = number.parse::<usize>().ok().filter(|n| (1..=last).contains(n));
        let at = at.ok_or_else(|| format!("Which line? There are {}.", self.lines.len()))? - 1;
        if word == "insert" && self.lines.len() >= MOST {
            return Err(format!("There are {MOST} lines at most."));
        }
        self.past.push(self.lines.clone());
        match word {
            "change" => {
                if let Some(line) = self.lines.get_mut(at) {
                    text.clone_into(line);
                }
            }
            "insert" => self.lines.insert(at, text.to_owned()),
            _ => {
                self.lines.remove(at);
            }
        }
        Ok(match self.lines.get(at).filter(|_| word != "delete") {
            Some(line) => format!("Line {} is now: {line}", at + 1),
            None => format!("Line {} is deleted.", at + 1),
        })
    }
}

/// How to edit.
pub const HOW: &str = "Say change, insert or delete with a line's number, as in: change 2 text. Then say run, show, undo, hint or stop.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_changed_by_words() {
        let mut editing = Editing::new("a\nb\n");
        assert_eq!(editing.hear("change 2 new text").as_deref(), Ok("Line 2 is now: new text"));
        assert!(editing.hear("insert 3 end").is_ok() && editing.hear("delete 1").is_ok());
        assert_eq!(editing.text(), "new text\nend\n");
        assert_eq!(editing.told(), ["1: new text", "2: end"]);
        assert!(editing.hear("undo").is_ok());
        assert_eq!(editing.text(), "a\nnew text\nend\n");
        for wrong in ["change 9 x", "delete", "insert 9 x", "delete 0", "what"] {
            assert!(editing.hear(wrong).is_err(), "{wrong}");
        }
    }
}
