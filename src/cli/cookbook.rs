//! The cookbook's cases as `postroad explain` prints them: one or two in full, more of them as a list.

use crate::explain::cookbook::{self, Case};

/// More cases than this are listed, not told.
const TOLD: usize = 2;

/// What the cookbook knows about a query, as lines of text; nothing where it knows nothing.
pub fn page(query: &str, width: usize) -> Vec<String> {
    let cases = cookbook::fitting(query);
    if cases.is_empty() {
        return Vec::new();
    }
    let mut out = vec!["In practice".to_owned()];
    if cases.len() > TOLD {
        for case in &cases {
            out.extend(lines_of(&format!("  {}: ", case.title), &case.symptom, width, "    "));
        }
        out.push(String::new());
        let hint = "Give the whole line, with its second code and its words, and the one that fits is told.";
        out.extend(lines_of("  ", hint, width, "  "));
        return out;
    }
    for case in cases {
        out.push(String::new());
        out.extend(told(case, width));
    }
    out
}

/// A text behind a label, and its further lines behind an indent.
fn lines_of(label: &str, text: &str, width: usize, indent: &str) -> Vec<String> {
    let options = textwrap::Options::new(width.max(30)).initial_indent(label).subsequent_indent(indent);
    textwrap::wrap(text, options).into_iter().map(String::from).collect()
}

/// One case in full.
fn told(case: &Case, width: usize) -> Vec<String> {
    let mut out = vec![format!("  {}", case.title)];
    let mut block = |label: &str, text: &str| {
        let indent = " ".repeat(label.chars().count());
        out.extend(lines_of(label, text, width, &indent));
    };
    block("  you see    ", &case.symptom);
    block("  it means   ", &case.means);
    block("  who says   ", &case.said_by);
    for (number, step) in case.do_this.iter().enumerate() {
        let label = if number == 0 { "what to do" } else { "" };
        block(&format!("  {label:<11}{}. ", number + 1), step);
    }
    // A command is copied: it is not broken.
    out.push(format!("  see it     postroad {}", case.see));
    out.extend(lines_of("  source     ", &case.source.join(", "), width, "             "));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_case_is_told_and_many_are_listed() {
        let one = page("550 5.7.1 relay denied", 72).join("\n");
        assert!(one.contains("what to do 1. ") && one.contains("  see it     postroad "), "{one}");
        let many = page("550", 72);
        assert!(many.len() > 5 && !many.iter().any(|line| line.contains("what to do")), "{many:#?}");
        assert!(page("MAILBOX", 72).is_empty());
        for case in cookbook::cases() {
            let told = told(case, 72);
            let wide = told.iter().find(|line| line.chars().count() > 72 && !line.contains("see it"));
            assert_eq!(wide, None);
        }
    }
}
