//! A source file cut into words: enough of Rust's lexical rules to find paths, functions and test code.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src`.
pub struct Source {
    /// Its path from the project's root, with `/`.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The text with comments, strings and characters blanked out; lines stay where they are.
    code: String,
}

/// A word of the code: an identifier, `::`, or one other character.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    pub text: &'a str,
    /// From 1.
    pub line: usize,
    /// Whether it stands in an item behind `#[cfg(test)]`.
    pub test: bool,
}

/// A function with a body.
pub struct Function {
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// Lines of its body that hold code, without those of its braces (as clippy counts).
    pub lines: usize,
    /// Whether an attribute above it expects it to be long.
    pub excused: bool,
}

/// All files of `src`, in order.
pub fn all() -> Vec<Source> {
    let root =
        PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into()));
    let mut found = Vec::new();
    collect(&root, &root.join("src"), &mut found);
    assert!(found.len() > 10, "the sources are here");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name =
                path.strip_prefix(root).expect("it lies in the project").to_string_lossy().replace('\\', "/");
            found.push(Source::new(&name, &fs::read_to_string(&path).expect("sources are UTF-8")));
        }
    }
}

impl Source {
    pub fn new(name: &str, text: &str) -> Self {
        Source { name: name.to_owned(), text: text.to_owned(), code: blank(text) }
    }

    /// Its folder of `src`; `None` for `lib.rs` and `main.rs`.
    pub fn folder(&self) -> Option<&str> {
        self.name.strip_prefix("src/")?.split_once('/').map(|(folder, _)| folder)
    }

    /// Whether the whole file is test code, by its name.
    pub fn is_test(&self) -> bool {
        ["/tests.rs", "/testing.rs"].iter().any(|end| self.name.ends_with(end))
            || self.name.contains("/tests/")
    }

    pub fn words(&self) -> Vec<Word<'_>> {
        let mut words = Vec::new();
        for (index, line) in self.code.lines().enumerate() {
            let mut rest = line.trim_start();
            while let Some(first) = rest.chars().next() {
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                let len = if is_word(first) {
                    rest.find(|c| !is_word(c)).unwrap_or(rest.len())
                } else if rest.starts_with("::") {
                    2
                } else {
                    first.len_utf8()
                };
                let (text, later) = rest.split_at(len);
                words.push(Word { text, line: index + 1, test: false });
                rest = later.trim_start();
            }
        }
        mark_tests(&mut words);
        words
    }

    /// All paths that begin at the crate's root, with their lines; groups are written out.
    pub fn crate_paths(&self) -> Vec<(usize, Vec<&str>)> {
        let words = self.words();
        let mut paths = Vec::new();
        let mut modules: Vec<usize> = Vec::new();
        let mut depth = 0;
        for (at, word) in words.iter().enumerate() {
            let next = |by: usize| words.get(at + by).map_or("", |word| word.text);
            match word.text {
                "mod" if next(2) == "{" => modules.push(depth),
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    modules.retain(|opened| *opened < depth);
                }
                "crate" if next(1) == "::" => tree(&words, at + 2, Vec::new(), &mut paths),
                "super" if at.checked_sub(1).is_none_or(|before| words[before].text != "::") => {
                    let ups = (0..)
                        .step_by(2)
                        .take_while(|by| next(*by) == "super" && next(by + 1) == "::")
                        .count();
                    if ups == self.module_depth() + modules.len() {
                        tree(&words, at + 2 * ups, Vec::new(), &mut paths);
                    }
                }
                _ => {}
            }
        }
        paths
    }

    /// How many modules the file's own path has: `src/a/b.rs` and `src/a/b/mod.rs` have two.
    fn module_depth(&self) -> usize {
        self.name.trim_start_matches("src/").trim_end_matches("/mod.rs").split('/').count()
    }

    pub fn functions(&self) -> Vec<Function> {
        let words = self.words();
        let lines: Vec<&str> = self.code.lines().collect();
        let mut functions = Vec::new();
        for (at, word) in words.iter().enumerate() {
            let Some(name) = words.get(at + 1).filter(|name| word.text == "fn" && name.text != "(") else {
                continue;
            };
            if word.test || self.is_test() {
                continue;
            }
            // A body, or a `;` outside brackets: a function without one.
            let mut nested = 0;
            let open = (at..words.len()).find(|&i| {
                nested += i32::from(matches!(words[i].text, "(" | "["));
                nested -= i32::from(matches!(words[i].text, ")" | "]"));
                nested == 0 && matches!(words[i].text, "{" | ";")
            });
            let Some(open) = open.filter(|&open| words[open].text == "{") else { continue };
            let last = words[closing(&words, open)].line;
            let first = words[open].line;
            let body = lines.get(first..last.saturating_sub(1)).unwrap_or_default();
            let count = body.iter().filter(|line| !line.trim().is_empty()).count();
            let lines = if first == last { 1 } else { count };
            let excused = self.excuses(word.line);
            functions.push(Function { name: name.text.to_owned(), line: word.line, lines, excused });
        }
        functions
    }

    /// Whether the attributes above a line expect a long function.
    fn excuses(&self, line: usize) -> bool {
        let above = self.text.lines().take(line.saturating_sub(1)).collect::<Vec<_>>();
        above
            .iter()
            .rev()
            .take_while(|line| !line.trim().is_empty() && !line.trim_end().ends_with(['}', ';']))
            .any(|line| line.contains("too_many_lines"))
    }
}

/// Mark what stands behind `#[cfg(test)]`: up to the end of that item.
fn mark_tests(words: &mut [Word]) {
    const GATE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    let mut at = 0;
    while at + GATE.len() < words.len() {
        if !GATE.iter().zip(&words[at..]).all(|(gate, word)| *gate == word.text) {
            at += 1;
            continue;
        }
        let body = (at..words.len()).find(|&i| matches!(words[i].text, "{" | ";")).unwrap_or(words.len() - 1);
        let end = if words[body].text == "{" { closing(words, body) } else { body };
        words[at..=end].iter_mut().for_each(|word| word.test = true);
        at = end + 1;
    }
}

/// The index of the brace that closes the one at `open`.
fn closing(words: &[Word], open: usize) -> usize {
    let mut depth = 0;
    for (at, word) in words.iter().enumerate().skip(open) {
        match word.text {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    words.len() - 1
}

/// The paths of a use tree, or of a plain path, that goes on at `at`.
fn tree<'a>(
    words: &[Word<'a>],
    mut at: usize,
    mut path: Vec<&'a str>,
    paths: &mut Vec<(usize, Vec<&'a str>)>,
) {
    let text = |at: usize| words.get(at).map_or("", |word| word.text);
    loop {
        if text(at) == "{" {
            let end = closing(words, at);
            let mut depth = 0;
            for inner in at..end {
                depth += i32::from(text(inner) == "{") - i32::from(text(inner) == "}");
                // Each member of this group begins after its brace or a comma.
                let begins = matches!(text(inner), "{" | ",") && depth == 1;
                if begins && !matches!(text(inner + 1), "}" | ",") {
                    tree(words, inner + 1, path.clone(), paths);
                }
            }
            return;
        }
        path.push(text(at));
        if text(at + 1) != "::"
            || !text(at + 2).starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '{')
        {
            paths.push((words.get(at).map_or(0, |word| word.line), path));
            return;
        }
        at += 2;
    }
}

/// Comments, strings and characters become spaces; line feeds stay.
fn blank(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skipped(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            let inner = &chars[at..end.min(chars.len())];
            out.extend(inner.iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment, string or character that begins at `at` ends; `at` where none begins.
fn skipped(chars: &[char], at: usize) -> usize {
    let is = |at: usize, c: char| chars.get(at) == Some(&c);
    let in_word = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(at + 1, '/') => (at..chars.len()).find(|&i| is(i, '\n')).unwrap_or(chars.len()),
        '/' if is(at + 1, '*') => block_comment(chars, at),
        '"' => string(chars, at),
        'r' if !in_word => raw_string(chars, at + 1).unwrap_or(at),
        'b' if !in_word && is(at + 1, 'r') => raw_string(chars, at + 2).unwrap_or(at),
        '\'' if is(at + 1, '\\') => {
            (at + 3..chars.len()).find(|&i| is(i, '\'')).map_or(chars.len(), |i| i + 1)
        }
        '\'' if is(at + 2, '\'') => at + 3,
        _ => at,
    }
}

fn block_comment(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string(chars: &[char], mut at: usize) -> usize {
    at += 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

/// `at` stands after the `r`; `None` where no raw string begins there.
fn raw_string(chars: &[char], at: usize) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|&&c| c == '#').count();
    chars.get(at + hashes).filter(|&&c| c == '"')?;
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
    };
    let end = (at + hashes + 1..chars.len()).find(|&i| closes(i));
    Some(end.map_or(chars.len(), |end| end + 1 + hashes))
}
