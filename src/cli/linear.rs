//! `--plain --interactive`: runs the linear view: a line in, a few sentences out, on any terminal or pipe.

use super::runner::Worlds;
use super::{CommandError, fullscreen};
use crate::base::escape;
use crate::trace::Record;
use crate::view::lesson::Class;
use crate::view::linear::{Export, Heard, Linear};
use crate::view::tui::Msg;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

/// Characters of a line that are read.
const LONGEST: usize = 4096;

/// The view of these records; `name` is what people call them.
///
/// # Errors
/// Where the records have no head.
pub fn view(name: &str, records: Arc<[Record]>, show_secrets: bool) -> Result<Linear, CommandError> {
    let seed = match records.first() {
        Some(Record::Head(head)) => head.seed,
        _ => 0,
    };
    match fullscreen::book(name, &records, show_secrets) {
        Msg::Opened(mut book) => {
            book.wait();
            let again = Arc::clone(&records);
            let write =
                move |path: &Path, from: usize| fullscreen::export(Some(&*records), path, from, show_secrets);
            let export: Export = Box::new(write);
            Ok(Linear::new(*book, seed, Some(export)).with_runner(Box::new(Worlds), again))
        }
        Msg::Failed(why) => Err(CommandError::failure(why, "")),
        _ => Err(CommandError::failure("the story cannot be read", "")),
    }
}

/// What answers lines.
trait Dialogue {
    fn prompt(&self) -> &str;
    fn hear(&mut self, line: &str) -> Heard;
    fn farewell(&self) -> Vec<String>;
}

impl Dialogue for Linear {
    fn prompt(&self) -> &str {
        Linear::prompt(self)
    }

    fn hear(&mut self, line: &str) -> Heard {
        Linear::hear(self, line)
    }

    fn farewell(&self) -> Vec<String> {
        Linear::farewell(self)
    }
}

impl Dialogue for Class {
    fn prompt(&self) -> &str {
        Class::prompt(self)
    }

    fn hear(&mut self, line: &str) -> Heard {
        Class::hear(self, line)
    }

    fn farewell(&self) -> Vec<String> {
        Class::farewell(self)
    }
}

/// Answer lines until the reader leaves, or says nothing more.
///
/// # Errors
/// Where nothing can be read or written.
pub fn run(mut view: Linear, filter: Option<&str>) -> Result<(), CommandError> {
    let mut lines = view.begin();
    lines.extend(filter.map(|text| view.begin_with_filter(text)).unwrap_or_default());
    hold(view, lines)
}

/// The same for a lesson.
///
/// # Errors
/// As [`run`].
pub fn class(mut class: Class) -> Result<(), CommandError> {
    let lines = class.begin();
    hold(class, lines)
}

fn hold(mut view: impl Dialogue, mut lines: Vec<String>) -> Result<(), CommandError> {
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    // What comes by a pipe is not seen as it is typed: it is said again, so that the dialogue can be read.
    let is_typed = input.is_terminal();
    loop {
        for line in &lines {
            writeln!(out, "{line}")?;
        }
        write!(out, "{}", view.prompt())?;
        out.flush()?;
        let Some(line) = read(&mut input)? else {
            writeln!(out)?;
            for line in view.farewell() {
                writeln!(out, "{line}")?;
            }
            return Ok(());
        };
        if !is_typed {
            writeln!(out, "{}", escape::text(&line))?;
        }
        let heard = view.hear(&line);
        if heard.leave {
            for line in &heard.lines {
                writeln!(out, "{line}")?;
            }
            return Ok(());
        }
        lines = heard.lines;
    }
}

/// The next line without its end; `None` where there is none. What is too long is cut, what is no text is replaced.
fn read(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    let mut some = false;
    loop {
        let buffer = match input.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            break;
        }
        some = true;
        let end = buffer.iter().position(|b| *b == b'\n');
        let take = end.unwrap_or(buffer.len());
        let room = LONGEST.saturating_sub(bytes.len());
        bytes.extend_from_slice(&buffer[..take.min(room)]);
        let used = end.map_or(take, |end| end + 1);
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    Ok(some.then(|| text.trim_end_matches('\r').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_whatever_is_in_them() {
        let mut input: &[u8] = b"next\r\n\n\xff\x00\nlast";
        let mut lines = Vec::new();
        while let Some(line) = read(&mut input).unwrap() {
            lines.push(line);
        }
        assert_eq!(lines, ["next", "", "\u{FFFD}\0", "last"]);
        let long = vec![b'x'; 100_000];
        assert_eq!(read(&mut long.as_slice()).unwrap().map(|line| line.len()), Some(LONGEST));
    }
}
