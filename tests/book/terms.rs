//! Words that the glossary has: where a chapter says one in bold for the first time, that is a link to it. An author
//! writes `**queue**`; blessing the page makes `[**queue**](glossary.md#queue)` of it, and gives each entry of the
//! glossary the place that links lead to.

use super::page::{Page, slug};
use std::collections::{BTreeMap, BTreeSet};

/// Where each word of the glossary stands: the word in lower case, and its anchor.
pub type Terms = BTreeMap<String, String>;

/// A line of the glossary that begins an entry, without its anchor: the words, and all of it.
pub fn entry(line: &str) -> Option<(&str, &str)> {
    let bare = match line.strip_prefix("<a id=\"") {
        Some(rest) => rest.split_once("\"></a>")?.1,
        None => line,
    };
    Some((bare.strip_prefix("**")?.split_once("** · ")?.0, bare))
}

/// The words of the glossary.
pub fn of(glossary: &Page) -> Terms {
    let entries = glossary.lines.iter().filter_map(|line| entry(line));
    let each = |words: &str| words.split(", ").map(str::to_lowercase).collect::<Vec<_>>();
    entries.flat_map(|(words, _)| each(words).into_iter().map(move |word| (word, slug(words)))).collect()
}

/// The glossary with a place for each link.
pub fn anchored(lines: &[String]) -> Vec<String> {
    let with = |line: &String| match entry(line) {
        Some((words, bare)) => format!("<a id=\"{}\"></a>{bare}", slug(words)),
        None => line.clone(),
    };
    lines.iter().map(with).collect()
}

/// A chapter with its links to the glossary, whether it had some or not. `depth` leads to `book/src`.
pub fn linked(lines: &[String], depth: &str, terms: &Terms) -> Vec<String> {
    let (mut said, mut fence, mut out) = (BTreeSet::new(), None, Vec::new());
    for line in lines {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        let is_fence = ticks >= 3 && fence.is_none_or(|open| line.len() == open && ticks == open);
        if is_fence {
            fence = if fence.is_none() { Some(ticks) } else { None };
        }
        let skip = is_fence || fence.is_some() || line.starts_with(['#', '<']);
        out.push(if skip { line.clone() } else { of_line(&plain(line), depth, terms, &mut said) });
    }
    out
}

/// A line without the links that [`linked`] makes.
fn plain(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("[**") {
        out += before;
        let mine = after.split_once("**](").and_then(|(word, tail)| {
            let (target, tail) = tail.split_once(')')?;
            target.contains("glossary.md#").then_some((word, tail))
        });
        match mine {
            Some((word, tail)) => {
                out += &format!("**{word}**");
                rest = tail;
            }
            None => {
                out += "[**";
                rest = after;
            }
        }
    }
    out + rest
}

fn of_line(line: &str, depth: &str, terms: &Terms, said: &mut BTreeSet<String>) -> String {
    let pieces: Vec<&str> = line.split("**").collect();
    let mut out = String::new();
    for (index, piece) in pieces.iter().enumerate() {
        let is_bold = index % 2 == 1 && index + 1 < pieces.len();
        let low = piece.to_lowercase();
        let anchor = terms.get(&low).or_else(|| terms.get(low.strip_suffix('s')?));
        // A bold word inside another link is that link's.
        let is_free = !out.ends_with('[');
        match anchor.filter(|anchor| is_bold && is_free && said.insert((*anchor).clone())) {
            Some(anchor) => out += &format!("[**{piece}**]({depth}glossary.md#{anchor})"),
            None if is_bold => out += &format!("**{piece}**"),
            None if index % 2 == 1 => out += &format!("**{piece}"),
            None => out += piece,
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bold_word_of_a_page_leads_to_the_glossary() {
        let page = |lines: &[&str]| Page {
            name: "book/src/a.md".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let glossary = page(&["# Glossary", "", "**MX** · A record.", "", "**A, AAAA** · Addresses."]);
        let terms = of(&glossary);
        let anchored = anchored(&glossary.lines);
        assert_eq!(anchored[4], "<a id=\"a-aaaa\"></a>**A, AAAA** · Addresses.");
        assert_eq!(super::anchored(&anchored), anchored);
        let text = page(&[
            "# **MX**",
            "an **MX** and **MX**, **aaaa**, **other**, **open",
            "```text",
            "**A**",
            "```",
        ]);
        let once = linked(&text.lines, "../", &terms);
        assert_eq!(
            once[1],
            "an [**MX**](../glossary.md#mx) and **MX**, [**aaaa**](../glossary.md#a-aaaa), **other**, **open"
        );
        assert_eq!((&once[0], &once[3]), (&text.lines[0], &text.lines[3]));
        assert_eq!(linked(&once, "../", &terms), once);
    }
}
