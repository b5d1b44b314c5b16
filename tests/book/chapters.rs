//! The book as a whole, without mdBook: what each chapter has, and that nothing is left over or leads nowhere.

use super::page::{Page, root};
use super::{pages, rfc};
use std::collections::BTreeSet;

/// What a chapter of the book has.
const PARTS: [&str; 4] = ["picture", "excerpt", "question", "RFC"];

/// Chapters that lack something, and why they may.
const LACKS: [(&str, &[&str], &str); 14] = [
    ("glossary.md", &["picture", "excerpt", "question"], "a list of words; each has its chapter"),
    ("inside.md", &["picture"], "its picture is drawn in letters: the road of the data"),
    ("teaching/index.md", &["question", "RFC"], "a plan; the questions are those of the exam"),
    ("teaching/45-minutes.md", &["question"], "a plan; the questions are those of the exam"),
    ("teaching/90-minutes.md", &["question"], "a plan; the questions are those of the exam"),
    (
        "teaching/grading.md",
        &["picture", "excerpt", "question", "RFC"],
        "commands on files that a class makes",
    ),
    ("teaching/semester.md", &["picture", "excerpt", "question"], "a table of weeks, each with its lessons"),
    ("reference/scenario.md", &["picture"], "a format: its examples are files"),
    ("reference/lesson.md", &["picture", "RFC"], "a format: its examples are files"),
    ("reference/transcript.md", &["picture"], "a format: its examples are lines of JSON"),
    ("reference/json.md", &["picture", "RFC"], "a format: its examples are lines of JSON"),
    ("reference/otlp.md", &["picture", "excerpt", "RFC"], "a format of long lines, and none of the IETF's"),
    ("reference/data.md", &["picture", "excerpt"], "a format: folders and files that real programs make"),
    ("reference/conformance.md", &["picture", "excerpt", "question"], "a table that other tests write"),
];

fn chapters(pages: &[Page]) -> Vec<&Page> {
    let of_the_book = |page: &&Page| page.name.starts_with("book/src/") && !page.name.ends_with("SUMMARY.md");
    pages.iter().filter(of_the_book).collect()
}

fn has(page: &Page, part: &str) -> bool {
    let prose = page.prose();
    match part {
        "picture" => !page.pictures().is_empty(),
        // The cookbook's blocks are made together with the page.
        "excerpt" => !page.excerpts().is_empty() || (page.is_made() && !page.blocks().is_empty()),
        "question" => {
            prose.iter().any(|(_, l)| l.starts_with("**Check yourself") || l.starts_with("**Question "))
        }
        _ => page.lines.iter().any(|line| line.contains("https://www.rfc-editor.org/rfc/rfc")),
    }
}

#[test]
fn every_chapter_has_its_picture_excerpt_questions_and_sources() {
    let (pages, mut wrong) = (pages(), String::new());
    let chapters = chapters(&pages);
    for page in &chapters {
        let name = page.name.trim_start_matches("book/src/");
        let lacks =
            LACKS.iter().find(|(lacking, ..)| *lacking == name).map_or(&[][..], |(_, parts, _)| parts);
        for part in PARTS {
            match (has(page, part), lacks.contains(&part)) {
                (false, false) => wrong += &format!("\n{name} has no {part}"),
                (true, true) => wrong += &format!("\n{name} has a {part}: LACKS need not excuse it"),
                _ => {}
            }
        }
    }
    for (name, ..) in LACKS {
        assert!(chapters.iter().any(|page| page.name.ends_with(name)), "LACKS excuses {name}: there is none");
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_picture_is_there_and_says_in_words_what_it_shows() {
    let (pages, mut wrong, mut count) = (pages(), String::new(), 0);
    for page in &pages {
        for (line, target, words) in page.pictures() {
            count += 1;
            if words.split_whitespace().count() < 3 {
                wrong += &format!("{}:{line}: {target}: “{words}” tells nobody what is seen\n", page.name);
            }
            if let Err(problem) = page.follow(&target, &pages) {
                wrong += &format!("{}:{line}: {target}: {problem}\n", page.name);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(count > 20, "only {count} pictures were found");
}

/// A ladder is wider than a telephone: in its own box it is moved sideways, and the page is not.
#[test]
fn every_picture_of_the_book_has_its_box() {
    for page in chapters(&pages()) {
        for (line, target, _) in page.pictures().into_iter().filter(|(_, target, _)| target.ends_with(".svg"))
        {
            let above = line.checked_sub(3).and_then(|at| page.lines.get(at)).map(String::as_str);
            let boxes = [Some("<div class=\"ladder\">"), Some("<div class=\"screen\">")];
            assert!(boxes.contains(&above), "{}:{line}: {target} stands in no box", page.name);
        }
    }
}

#[test]
fn nothing_in_the_book_is_left_over() {
    let pages = pages();
    let mut used = BTreeSet::new();
    for page in &pages {
        let targets = page.links().into_iter().map(|(_, target)| target);
        used.extend(targets.filter(|t| !t.contains("://")).filter_map(|target| page.beside(&target).ok()));
    }
    let mut folders = vec!["book/src".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder of the book").flatten() {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                folders.push(name);
            } else if !name.ends_with(".md") {
                assert!(used.contains(&name), "no page shows {name}");
            }
        }
    }
}

#[test]
fn the_table_of_contents_names_each_page_once_and_by_its_own_title() {
    let pages = pages();
    let summary = pages.iter().find(|p| p.name == "book/src/SUMMARY.md").expect("the book has a SUMMARY.md");
    let mut named = BTreeSet::new();
    for (line, target) in summary.links() {
        assert!(named.insert(target.clone()), "SUMMARY.md:{line} names {target} a second time");
        let page = pages.iter().find(|p| p.name == format!("book/src/{target}"));
        let page = page.unwrap_or_else(|| panic!("SUMMARY.md:{line}: there is no {target}"));
        let titles = page.prose().iter().filter(|(_, line)| line.starts_with("# ")).count();
        assert_eq!(titles, 1, "{} has one title", page.name);
    }
}

/// mdBook reads `{{#…}}` as an order to itself, and says nothing in the page where it cannot follow it.
#[test]
fn no_page_orders_mdbook_to_include_what_is_not_there() {
    for page in pages() {
        for (at, line) in page.lines.iter().enumerate() {
            for order in line.split("{{#").skip(1).filter_map(|rest| rest.split_once("}}")) {
                let (_, file) = order.0.split_once(' ').unwrap_or(("", ""));
                let file = page.beside(file.split(':').next().unwrap_or_default());
                let is_there = file.is_ok_and(|file| root().join(file).is_file());
                assert!(is_there, "{}:{}: {{{{#{}}}}} includes no file", page.name, at + 1, order.0);
            }
        }
    }
}

/// Each section that the book cites of an RFC in the corpus is one that this RFC has.
#[test]
fn every_section_that_the_book_cites_exists() {
    let Some(corpus) = std::env::var_os("POSTROAD_CORPUS") else {
        if std::env::var_os("POSTROAD_REQUIRE_ALL").is_some() {
            panic!("POSTROAD_CORPUS is needed");
        }
        eprintln!("skipped: every_section_that_the_book_cites_exists needs POSTROAD_CORPUS");
        return;
    };
    let folder = std::path::Path::new(&corpus).join("rfc/full");
    let (mut wrong, mut count) = (BTreeSet::new(), 0);
    for page in pages().iter().filter(|page| page.cites()) {
        for cited in rfc::linked(&page.lines).1 {
            let Ok(text) = std::fs::read_to_string(folder.join(format!("rfc{}.txt", cited.number))) else {
                continue;
            };
            count += 1;
            let ends = |rest: &str| {
                let after = rest.strip_prefix('.').unwrap_or(rest);
                (rest.starts_with('.') || rest.starts_with(' '))
                    && !after.starts_with(|c: char| c.is_ascii_digit())
            };
            let head = |line: &str| {
                line.strip_prefix("Appendix ").unwrap_or(line).strip_prefix(cited.first()).is_some_and(ends)
            };
            if !cited.section.is_empty() && !text.lines().any(head) {
                wrong.insert(format!("{}: RFC {} §{}", page.name, cited.number, cited.section));
            }
        }
    }
    assert!(wrong.is_empty(), "no such sections: {wrong:#?}");
    assert!(count > 100, "only {count} citations were found");
}
