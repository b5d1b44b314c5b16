//! The comment above an excerpt, and what it selects.
//!
//! ```text
//! SOURCE                         all that it prints
//! SOURCE | STAGE | STAGE         each stage narrows what the one before it left
//!
//! SOURCE   postroad ARGUMENTS…   what the program prints, 80 columns wide, without colour
//!          type LINES postroad … what it prints to somebody who types these lines (`\n` between them)
//!          file PATH             what a file of this project holds
//! STAGE    SELECTION + SELECTION several pieces, with a line `…` between them
//!          error                 what a command that fails says on the standard error
//! SELECTION
//!   chapter 2                    a chapter, by its number
//!   chapter "the letter"         … or by words of its title
//!   step "RCPT TO"               the first step or fact that has these words, with what belongs to it
//!   steps 12..19                 by the numbers in the margin
//!   line "RCPT TO"               the first line that has these words
//!   lines 1..9                   by line
//!   from "RCPT TO" to "250"      from the first line that has these words to the next that has those
//!   from "RCPT TO" until "DATA"  … to the line before that
//!   from "RCPT TO"               … to the end
//! ```
//!
//! Words are quoted as in a shell. Blank lines around a selection and blanks at the end of a line do not count.

use crate::words::{Word, split};
use std::ops::Range;

/// What a source prints.
pub struct Printed {
    /// On the standard output.
    pub out: String,
    /// On the standard error.
    pub err: String,
    /// How it ends.
    pub code: Option<i32>,
}

/// Where an excerpt comes from.
pub struct Directive {
    /// `postroad` and its arguments, or `file` and a path.
    pub source: Vec<String>,
    stages: Vec<Vec<Word>>,
}

impl Directive {
    pub fn parse(comment: &str) -> Result<Self, String> {
        let words = split(comment)?;
        let mut stages = words.split(|w| w.is_bare("|")).map(<[Word]>::to_vec);
        let source = stages.next().unwrap_or_default().into_iter().map(|w| w.text).collect();
        Ok(Self { source, stages: stages.collect() })
    }

    /// The lines that are meant.
    pub fn select(&self, printed: &Printed) -> Result<Vec<String>, String> {
        let (stages, text, codes) = match self.stages.split_first() {
            Some((first, rest)) if matches!(first.as_slice(), [w] if w.is_bare("error")) => {
                (rest, &printed.err, 1..=2)
            }
            _ => (self.stages.as_slice(), &printed.out, 0..=0),
        };
        if !printed.code.is_some_and(|code| codes.contains(&code)) {
            return Err(format!("it ended with {:?}: {}", printed.code, printed.err));
        }
        let mut lines: Vec<String> = text.lines().map(|l| l.trim_end().to_owned()).collect();
        let elision = match self.source.as_slice() {
            [file, path] if file == "file" => {
                if path.ends_with(".toml") {
                    "# …"
                } else {
                    "…"
                }
            }
            _ => "      …",
        };
        for stage in stages {
            lines = narrow(&lines, stage, elision)?;
        }
        let range = trimmed(&lines, 0..lines.len());
        if range.is_empty() { Err("it selects nothing".to_owned()) } else { Ok(lines[range].to_vec()) }
    }
}

/// One stage: its selections, with `elision` between those that something was left out between.
fn narrow(lines: &[String], stage: &[Word], elision: &str) -> Result<Vec<String>, String> {
    let (mut out, mut end): (Vec<String>, usize) = (Vec::new(), 0);
    for selection in stage.split(|w| w.is_bare("+")) {
        let words: Vec<&str> = selection.iter().map(|w| w.text.as_str()).collect();
        let range = trimmed(lines, range(lines, &words)?);
        if range.start < end {
            return Err(format!("“{}” stands before what is selected in front of it", words.join(" ")));
        }
        if !out.is_empty() {
            match lines.get(end..range.start) {
                Some([]) => {}
                Some(blank) if blank.iter().all(String::is_empty) => out.push(String::new()),
                _ => out.push(elision.to_owned()),
            }
        }
        end = range.end;
        out.extend_from_slice(lines.get(range).ok_or("it ends before it begins")?);
    }
    Ok(out)
}

/// One selection.
fn range(lines: &[String], words: &[&str]) -> Result<Range<usize>, String> {
    Ok(match words {
        ["chapter", which] => chapter(lines, which)?,
        ["step", words] => step(lines, words)?,
        ["line", words] => {
            let at = find(lines, 0, words)?;
            at..at + 1
        }
        ["steps", range] => steps(lines, numbers(range)?)?,
        ["lines", range] => {
            let (first, last) = numbers(range)?;
            first.saturating_sub(1)..last.min(lines.len())
        }
        ["from", start] => find(lines, 0, start)?..lines.len(),
        ["from", start, "to", end] => {
            let start = find(lines, 0, start)?;
            start..find(lines, start + 1, end)? + 1
        }
        ["from", start, "until", end] => {
            let start = find(lines, 0, start)?;
            start..find(lines, start + 1, end)?
        }
        other => return Err(format!("“{}” is no selection", other.join(" "))),
    })
}

/// `12..19`, or `12`.
fn numbers(range: &str) -> Result<(usize, usize), String> {
    let (first, last) = range.split_once("..").unwrap_or((range, range));
    let number = |s: &str| s.parse::<usize>().map_err(|_| format!("“{range}” is no range such as 12..19"));
    Ok((number(first)?, number(last)?))
}

fn find(lines: &[String], after: usize, words: &str) -> Result<usize, String> {
    let found = lines.iter().skip(after).position(|line| line.contains(words));
    found.map(|i| i + after).ok_or_else(|| format!("no line has “{words}” there"))
}

/// A chapter from its rule to the next one.
fn chapter(lines: &[String], which: &str) -> Result<Range<usize>, String> {
    let title = |line: &str| line.strip_prefix("── ").map(str::to_owned);
    let meant = |title: &str| match which.parse::<u32>() {
        Ok(number) => title.starts_with(&format!("{number} ·")),
        Err(_) => title.contains(which),
    };
    let start = lines
        .iter()
        .position(|line| title(line).is_some_and(|t| meant(&t)))
        .ok_or_else(|| format!("no chapter is “{which}”"))?;
    let end = lines.iter().skip(start + 1).position(|line| title(line).is_some());
    Ok(start..end.map_or(lines.len(), |i| i + start + 1))
}

/// Steps by number: `  12  00:00.061  ◀ S  …`, with everything below up to the step after them.
fn steps(lines: &[String], (first, last): (usize, usize)) -> Result<Range<usize>, String> {
    let number = |line: &str| -> Option<usize> {
        let (number, rest) = line.trim_start().split_once("  ")?;
        rest.starts_with(|c: char| c.is_ascii_digit()).then(|| number.parse().ok()).flatten()
    };
    let at = |step| lines.iter().position(|l| number(l) == Some(step));
    let start = at(first).ok_or_else(|| format!("there is no step {first}"))?;
    at(last).ok_or_else(|| format!("there is no step {last}"))?;
    let over = |l: &String| number(l).is_some_and(|n| n > last) || l.starts_with("── ");
    let end = lines.iter().skip(start).position(over);
    Ok(start..end.map_or(lines.len(), |i| i + start))
}

/// The step or fact that has these words: from the line with its time to the next such line, road or chapter.
fn step(lines: &[String], words: &str) -> Result<Range<usize>, String> {
    let timed = |line: &String| {
        let mut words = line.split_whitespace().take(2);
        line.starts_with(' ') && words.any(|w| w.contains(':') && w.starts_with(|c: char| c.is_ascii_digit()))
    };
    let other = |line: &String| {
        line.starts_with("── ") || line.contains("· · ·") || line.contains(" ·── ") || line.contains(" ├── ")
    };
    let found = find(lines, 0, words)?;
    let start = lines[..=found].iter().rposition(timed).ok_or_else(|| format!("“{words}” is in no step"))?;
    let end = lines.iter().skip(start + 1).position(|line| timed(line) || other(line));
    Ok(start..end.map_or(lines.len(), |i| i + start + 1))
}

/// A range without the blank lines around it.
fn trimmed(lines: &[String], range: Range<usize>) -> Range<usize> {
    let within = lines.get(range.clone()).unwrap_or_default();
    let start = within.iter().position(|l| !l.is_empty()).unwrap_or(within.len());
    let end = within.iter().rposition(|l| !l.is_empty()).map_or(start, |i| i + 1);
    range.start + start..range.start + end
}

/// Lines that left (-) and that came (+), by the longest common subsequence.
pub fn diff(old: &[String], new: &[String]) -> String {
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < old.len() || j < new.len() {
        let (sign, line) = if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
            (' ', &new[j - 1])
        } else if j >= new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', &old[i - 1])
        } else {
            j += 1;
            ('+', &new[j - 1])
        };
        out += &format!("  {sign} {line}\n");
    }
    out
}

/// The same, without what stayed.
pub fn changes(old: &[String], new: &[String]) -> String {
    let all = diff(old, new);
    all.lines().filter(|line| !line.starts_with("    ")).map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: &str = "\
a title

── 1 · One ────
   1  00:00.000  ▶ C  EHLO a
                  ╰─  hello
   2  00:00.020  ◀ S  250 b

── 2 · Two ────
   3  00:00.040  ▶ C  QUIT  
      00:00.040  ●    a fact
";

    fn select(stages: &str) -> Result<String, String> {
        let printed = Printed { out: TOLD.to_owned(), err: "error: no\n".to_owned(), code: Some(0) };
        Directive::parse(&format!("postroad journey{stages}"))?.select(&printed).map(|l| l.join("\n"))
    }

    #[test]
    fn selections_select() {
        assert_eq!(select(" | chapter 1 | lines 1..2"), select(" | from One to EHLO"));
        assert_eq!(
            select(" | steps 3").as_deref(),
            Ok("   3  00:00.040  ▶ C  QUIT\n      00:00.040  ●    a fact")
        );
        assert_eq!(select(" | step hello"), select(" | lines 4..5"));
        assert_eq!(select(" | step 'a fact'"), select(" | line 'a fact'"));
        assert_eq!(select(" | steps 1..2"), select(" | chapter One | from EHLO"));
        assert_eq!(select(" | from 'EHLO a' until hello").as_deref(), Ok("   1  00:00.000  ▶ C  EHLO a"));
        assert_eq!(
            select(" | lines 1 + from \"a fact\"").as_deref(),
            Ok("a title\n      …\n      00:00.040  ●    a fact")
        );
        assert_eq!(select(" | steps 1 + steps 2"), select(" | steps 1..2"));
        assert_eq!(select(" | steps 2 + chapter 2"), select(" | from 250"));
        assert_eq!(select("").map(|all| all.lines().count()), Ok(10));
    }

    #[test]
    fn what_is_not_there_is_said() {
        for (stages, told) in [
            (" | chapter 3", "no chapter is “3”"),
            (" | from QUIT to EHLO", "no line has “EHLO” there"),
            (" | steps 9..10", "no step 9"),
            (" | some lines", "“some lines” is no selection"),
            (" | line QUIT + line EHLO", "“line EHLO” stands before"),
            (" | error", "it ended with Some(0)"),
            (" | from 'a", "quote"),
        ] {
            let error = select(stages).expect_err(stages);
            assert!(error.contains(told), "{stages}: {error}");
        }
    }

    #[test]
    fn a_diff_shows_what_left_and_what_came() {
        let lines = |s: &str| s.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(diff(&lines("a b c"), &lines("a x c")), "    a\n  - b\n  + x\n    c\n");
    }
}
