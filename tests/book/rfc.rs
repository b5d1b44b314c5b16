//! What a page says of an RFC is a link to that section. An author writes `RFC 5321 §2.3.1, §7.2` as plain text;
//! blessing the page makes links of it, with their targets at the page's end, out of the reader's way:
//!
//! ```text
//! [RFC 5321 §2.3.1], [§7.2][RFC 5321 §7.2]
//!
//! [RFC 5321 §2.3.1]: https://www.rfc-editor.org/rfc/rfc5321#section-2.3.1
//! ```

use std::collections::BTreeSet;

/// An RFC, and a section of it as it is written, as in `5` or `3.1–3.3`; empty for the whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cited {
    pub number: u32,
    pub section: String,
}

impl Cited {
    fn label(&self) -> String {
        let Self { number, section } = self;
        if section.is_empty() { format!("RFC {number}") } else { format!("RFC {number} §{section}") }
    }

    /// The section that is pointed at: of several the first.
    pub fn first(&self) -> &str {
        self.section.split('–').next().unwrap_or_default()
    }

    fn target(&self) -> String {
        let (number, first) = (self.number, self.first());
        let kind = if first.starts_with(|c: char| c.is_ascii_digit()) { "section" } else { "appendix" };
        let place = if first.is_empty() { String::new() } else { format!("#{kind}-{first}") };
        format!("https://www.rfc-editor.org/rfc/rfc{number}{place}")
    }
}

/// The page with links, whether it had some or not, and what it cites.
pub fn linked(lines: &[String]) -> (Vec<String>, BTreeSet<Cited>) {
    let mut body: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !is_target(line)).collect();
    while body.last().is_some_and(|line| line.is_empty()) {
        body.pop();
    }
    let (mut out, mut cited) = (String::new(), BTreeSet::new());
    let mut prose = String::new();
    let mut fence = None;
    let mut flush = |prose: &mut String, out: &mut String| {
        out.push_str(&of_prose(&plain(prose), &mut cited));
        prose.clear();
    };
    for line in body {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        let is_fence = ticks >= 3 && fence.is_none_or(|open| line.len() == open && ticks == open);
        if is_fence {
            fence = if fence.is_none() { Some(ticks) } else { None };
        }
        // Blocks, comments and headings are as they are: a heading's words make its anchor.
        if is_fence || fence.is_some() || line.starts_with("<!--") || line.starts_with('#') {
            flush(&mut prose, &mut out);
            out += line;
            out.push('\n');
        } else {
            prose += line;
            prose.push('\n');
        }
    }
    flush(&mut prose, &mut out);
    if !cited.is_empty() {
        out.push('\n');
        for cited in &cited {
            out += &format!("[{}]: {}\n", cited.label(), cited.target());
        }
    }
    (out.lines().map(str::to_owned).collect(), cited)
}

/// A line at the end that says where a link goes.
fn is_target(line: &str) -> bool {
    line.starts_with("[RFC ") && line.contains("]: https://www.rfc-editor.org/rfc/rfc")
}

/// The text without the links that [`linked`] makes.
fn plain(text: &str) -> String {
    let (mut out, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('[') {
        out += &rest[..at];
        rest = &rest[at..];
        let inner = rest[1..].split([']', '[']).next().unwrap_or_default();
        let after = rest[1 + inner.len()..].strip_prefix(']');
        let (mine, after) = match after {
            Some(after)
                if ["RFC ", "RFC\n"].iter().any(|rfc| inner.starts_with(rfc)) && !after.starts_with('(') =>
            {
                (true, after)
            }
            Some(after) if inner.starts_with('§') && after.starts_with("[RFC ") => {
                (true, after.split_once(']').map_or("", |(_, after)| after))
            }
            _ => (false, &rest[1..]),
        };
        if mine {
            out += inner
        } else {
            out.push('[')
        }
        rest = after;
    }
    out + rest
}

/// Prose with its citations as links. What stands in a span of code, or in the words of another link, is left.
fn of_prose(text: &str, cited: &mut BTreeSet<Cited>) -> String {
    let (mut out, mut rest, mut is_code, mut depth) = (String::new(), text, false, 0_usize);
    while let Some(c) = rest.chars().next() {
        match c {
            '\n' if out.ends_with('\n') => (is_code, depth) = (false, 0),
            '`' => is_code = !is_code,
            '[' if !is_code => depth += 1,
            ']' if !is_code => depth = depth.saturating_sub(1),
            _ => {}
        }
        let begins = !out.ends_with(|c: char| c.is_alphanumeric());
        if !is_code
            && depth == 0
            && begins
            && let Some((link, after)) = citation(rest, cited)
        {
            out += &link;
            rest = after;
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// `RFC 5321`, then perhaps sections: the links, and what follows.
fn citation<'a>(text: &'a str, cited: &mut BTreeSet<Cited>) -> Option<(String, &'a str)> {
    let (space, rest) = blank(text.strip_prefix("RFC")?)?;
    let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, mut rest) = rest.split_at(digits);
    let number: u32 = number.parse().ok()?;
    let mut words = format!("RFC{space}{number}");
    let Some((gap, (section, after))) = blank(rest).and_then(|(gap, r)| Some((gap, section_at(r)?))) else {
        cited.insert(Cited { number, section: String::new() });
        return Some((format!("[{words}]"), rest));
    };
    words += &format!("{gap}§{section}");
    cited.insert(Cited { number, section: section.to_owned() });
    let mut out = format!("[{words}]");
    rest = after;
    // `, §7.2` and ` and §7.2` are of the same RFC.
    loop {
        let next = [",", " and"].iter().find_map(|joint| {
            let (gap, r) = blank(rest.strip_prefix(joint)?)?;
            let (section, after) = section_at(r)?;
            Some((format!("{joint}{gap}"), section, after))
        });
        let Some((joint, section, after)) = next else { return Some((out, rest)) };
        let one = Cited { number, section: section.to_owned() };
        out += &format!("{joint}[§{section}][{}]", one.label());
        cited.insert(one);
        rest = after;
    }
}

/// One blank, or the end of a line with what the next begins with.
fn blank(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix([' ', '\n'])?;
    let rest = if text.starts_with('\n') { rest.trim_start_matches([' ', '>']) } else { rest };
    Some((&text[..text.len() - rest.len()], rest))
}

/// `§7.2`, `§3.1–3.3` or `§A.1`: the section, and what follows.
fn section_at(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('§')?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '–')).unwrap_or(rest.len());
    let section = rest[..end].trim_end_matches(['.', '–']);
    (!section.is_empty()).then(|| (section, &rest[section.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn citations_become_links_and_stay_so() {
        let page = "# RFC 9051 §1\n\nIt does (RFC 5321 §2.3.1,\n§7.2). See RFC 1939 §5–6 and §7, RFC\n6647; `RFC 1 §1`.\n\n\
                    ```text\nRFC 2 §2\n```\n\n[RFC 3464 §2](https://example.org)\n";
        let (once, cited) = linked(&lines(page));
        let text = once.join("\n");
        assert!(text.contains("([RFC 5321 §2.3.1],\n[§7.2][RFC 5321 §7.2])."), "{text}");
        assert!(
            text.contains("See [RFC 1939 §5–6] and [§7][RFC 1939 §7], [RFC\n6647]; `RFC 1 §1`."),
            "{text}"
        );
        assert!(
            text.contains("\n[RFC 1939 §5–6]: https://www.rfc-editor.org/rfc/rfc1939#section-5\n"),
            "{text}"
        );
        assert!(text.starts_with("# RFC 9051 §1\n") && text.contains("\nRFC 2 §2\n"), "{text}");
        assert!(text.contains("\n[RFC 3464 §2](https://example.org)\n"), "{text}");
        assert_eq!(cited.len(), 5);
        assert_eq!(linked(&once).0, once, "a page with links stays as it is");
    }

    #[test]
    fn a_citation_that_goes_takes_its_target_along() {
        let (with, _) = linked(&lines("A (RFC 1939 §A, RFC 2177).\n"));
        assert!(with.last().is_some_and(|l| l == "[RFC 2177]: https://www.rfc-editor.org/rfc/rfc2177"));
        let without: Vec<String> = with.iter().map(|l| l.replace(", [RFC 2177]", "")).collect();
        let (now, cited) = linked(&without);
        assert_eq!((now.len(), cited.len()), (3, 1));
        assert!(now[2].ends_with("rfc1939#appendix-A"));
    }
}
