//! A page of Markdown: its excerpts, command lines, links and headings. Only what these pages use is read.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One file.
pub struct Page {
    /// Its path below the project's folder, with `/`.
    pub name: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A fenced block.
pub struct Block {
    /// The comment above it; empty where there is none.
    pub comment: String,
    /// The line of its opening fence, from 1.
    pub line: usize,
    /// What stands between the fences, as indices of lines.
    pub body: Range<usize>,
}

/// All `.md` files of a folder, in order; `deep` with those of its folders.
pub fn read_all(folder: &str, deep: bool) -> Vec<Page> {
    let mut names: Vec<_> = std::fs::read_dir(root().join(folder))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .collect();
    names.sort();
    let mut pages = Vec::new();
    for (name, path) in names {
        let name = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if deep && path.is_dir() {
            pages.extend(read_all(&name, true));
        } else if name.ends_with(".md") {
            let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
            pages.push(Page { name, lines: text.lines().map(str::to_owned).collect() });
        }
    }
    pages
}

impl Page {
    /// Every fenced block.
    pub fn blocks(&self) -> Vec<Block> {
        let (mut blocks, mut at) = (Vec::new(), 0);
        while let Some(line) = self.lines.get(at) {
            let ticks = line.chars().take_while(|c| *c == '`').count();
            if ticks >= 3 {
                let fence = "`".repeat(ticks);
                let end = self.lines.iter().skip(at + 1).position(|l| *l == fence);
                let end =
                    end.map_or_else(|| panic!("{}:{}: an open fence", self.name, at + 1), |i| i + at + 1);
                let above = at.checked_sub(1).and_then(|i| self.lines.get(i));
                let comment = above.and_then(|l| l.strip_prefix("<!-- ")?.strip_suffix(" -->"));
                let comment = comment.unwrap_or_default().to_owned();
                blocks.push(Block { comment, line: at + 1, body: at + 1..end });
                at = end;
            }
            at += 1;
        }
        blocks
    }

    /// Fenced blocks that say where they come from.
    pub fn excerpts(&self) -> Vec<Block> {
        self.blocks().into_iter().filter(|b| !matches!(b.comment.as_str(), "" | "scenario")).collect()
    }

    /// Lines outside of fenced blocks, each with its number.
    pub fn prose(&self) -> Vec<(usize, &str)> {
        let blocks = self.blocks();
        let fenced = |i: usize| blocks.iter().any(|b| (b.body.start - 1..=b.body.end).contains(&i));
        let lines = self.lines.iter().enumerate().filter(|(i, _)| !fenced(*i));
        lines.map(|(i, line)| (i + 1, line.as_str())).collect()
    }

    /// What may be command lines: spans of code in the prose, lines of blocks that are no excerpts, and the
    /// commands of excerpts.
    pub fn commands(&self) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        for (number, line) in self.prose() {
            out.extend(line.split('`').skip(1).step_by(2).map(|code| (number, code.to_owned())));
        }
        for block in self.blocks().into_iter().filter(|b| b.comment.is_empty()) {
            out.extend(block.body.map(|i| (i + 1, self.lines[i].trim().to_owned())));
        }
        out
    }

    /// Targets of links, with their line.
    pub fn links(&self) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        for (number, line) in self.prose() {
            let plain: String = line.split('`').step_by(2).collect();
            for rest in plain.split("](").skip(1) {
                if let Some((target, _)) = rest.split_once(')') {
                    out.push((number, target.to_owned()));
                }
            }
            for rest in plain.split(" src=\"").skip(1) {
                out.extend(rest.split_once('"').map(|(target, _)| (number, target.to_owned())));
            }
        }
        out
    }

    /// Whether a link leads somewhere. A page of the book links only within the book: it is also read as a site.
    pub fn follow(&self, target: &str, pages: &[Self]) -> Result<(), String> {
        if target.starts_with("https://") || target.starts_with("http://") {
            return Ok(());
        }
        let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
        let name = if path.is_empty() { self.name.clone() } else { self.beside(path)? };
        if !root().join(&name).exists() {
            return Err(format!("there is no {name}"));
        }
        if self.name.starts_with("book/src/") && !name.starts_with("book/src/") {
            return Err(
                "the book is read without the rest of the project, so it links within itself".to_owned()
            );
        }
        let there = pages.iter().find(|p| p.name == name);
        if !anchor.is_empty() && !there.is_some_and(|p| p.anchors().iter().any(|a| a == anchor)) {
            return Err(format!("{name} has no heading for #{anchor}"));
        }
        Ok(())
    }

    /// A path from here, as one below the project's folder.
    pub fn beside(&self, path: &str) -> Result<String, String> {
        let joined = Path::new(&self.name).parent().unwrap_or(Path::new("")).join(path);
        let mut parts: Vec<String> = Vec::new();
        for part in joined.components() {
            match part {
                Component::ParentDir => drop(parts.pop().ok_or("it leads out of the project")?),
                Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
                _ => {}
            }
        }
        Ok(parts.join("/"))
    }

    /// Pictures and frames, each with its line and the words for those who do not see it.
    pub fn pictures(&self) -> Vec<(usize, String, String)> {
        let between = |text: &str, start: &str, end: char| {
            Some(text.split_once(start)?.1.split_once(end)?.0.to_owned())
        };
        let mut out = Vec::new();
        for (number, line) in self.prose() {
            for rest in line.split("![").skip(1) {
                let target = between(rest, "](", ')').unwrap_or_default();
                out.push((number, target, rest.split(']').next().unwrap_or_default().to_owned()));
            }
            for (tag, said) in [("<img", " alt=\""), ("<iframe", " title=\"")] {
                for rest in line.split(tag).skip(1) {
                    let target = between(rest, " src=\"", '"').unwrap_or_default();
                    out.push((number, target, between(rest, said, '"').unwrap_or_default()));
                }
            }
        }
        out
    }

    /// The anchors of its headings, as GitHub and mdBook make them: the second of the same words ends in `-1`.
    pub fn anchors(&self) -> Vec<String> {
        let headings = self.prose().into_iter().filter(|(_, line)| line.starts_with('#'));
        let mut out: Vec<String> = Vec::new();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for (_, line) in headings {
            let slug = slug(line.trim_start_matches('#').trim());
            let count = seen.entry(slug.clone()).or_default();
            out.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
            *count += 1;
        }
        for (_, line) in self.prose() {
            let ids = line.split("<a id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
            out.extend(ids.map(|(id, _)| id.to_owned()));
        }
        out
    }

    /// Whether it is a page of the book that people write: there each RFC that is named is a link.
    pub fn cites(&self) -> bool {
        let made = |line: &String| line.starts_with("<!-- Written by tests/");
        self.name.starts_with("book/src/") && !self.is_made() && !self.lines.iter().any(made)
    }

    /// Whether a test makes it from the catalogue.
    pub fn is_made(&self) -> bool {
        self.lines.first().is_some_and(|line| line == crate::made::MARK)
    }
}

/// The anchor of a heading, as GitHub and mdBook make it.
pub fn slug(title: &str) -> String {
    // What a page escapes is no part of the anchor.
    let title = title.replace("&lt;", "").replace("&gt;", "");
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}
