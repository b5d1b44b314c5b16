//! Holds the README and the book against the program: excerpts, command lines, links, the table of contents.
//!
//! An excerpt is a fenced block right below a comment that says where it comes from:
//!
//! ```text
//! <!-- postroad journey --detail wire | chapter "Where does" | from "MX?" to "remembers" -->
//! ```
//!
//! See `book/excerpt.rs` for the whole of that small language. `POSTROAD_BLESS=1 cargo test --test book` writes
//! stale excerpts anew, and makes links of the RFCs that a page names (`book/rfc.rs`); read the diff before it is
//! committed. The reference and the cookbook are made whole from the catalogue (`book/made.rs`, `book/cookbook.rs`), and
//! the pictures and the pages to step through by the program (`book/pictures.rs`).
#![allow(clippy::print_stderr, reason = "a test that cannot run here says so")]

#[path = "book/chapters.rs"]
mod chapters;
#[path = "book/cookbook.rs"]
mod cookbook;
#[path = "book/excerpt.rs"]
mod excerpt;
#[path = "book/front.rs"]
mod front;
#[path = "book/made.rs"]
mod made;
#[path = "book/page.rs"]
mod page;
#[path = "book/pictures.rs"]
mod pictures;
#[path = "book/rfc.rs"]
mod rfc;
#[path = "book/screen.rs"]
mod screen;
#[path = "book/seen.rs"]
mod seen;
#[path = "book/terms.rs"]
mod terms;
#[path = "book/words.rs"]
mod words;

use excerpt::{Directive, Printed};
use page::{Page, read_all, root};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Output, Stdio};

/// README, the other pages beside it, and every page of the book.
fn pages() -> Vec<Page> {
    let mut all = read_all("", false);
    all.extend(read_all("book/src", true));
    assert!(all.len() > 8, "the pages are where they were");
    all
}

/// The page that has every word.
fn glossary(pages: &[Page]) -> &Page {
    pages.iter().find(|page| page.name == "book/src/glossary.md").expect("the book has a glossary")
}

/// The program as somebody at a plain terminal of 80 columns would see it.
fn command(args: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postroad"));
    for name in ["CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "POSTROAD_BLESS"] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").args(args).current_dir(root());
    command
}

/// What it says.
fn postroad(args: &[String]) -> Output {
    command(args).output().expect("the program can be started")
}

/// What it says to somebody who types these lines.
fn typed(args: &[String], lines: &str) -> Output {
    let mut command = command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("the program can be started");
    let mut keys = running.stdin.take().expect("it reads what is typed");
    keys.write_all(lines.as_bytes()).expect("a few lines, which a pipe holds");
    drop(keys);
    running.wait_with_output().expect("it ends")
}

/// What the source of an excerpt prints, or holds. Each command runs once.
fn printed<'a>(
    memory: &'a mut BTreeMap<Vec<String>, Printed>,
    source: &[String],
) -> Result<&'a Printed, String> {
    if !memory.contains_key(source) {
        let said = |output: Output| Printed {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        };
        let printed = match source {
            [first, args @ ..] if first == "postroad" => said(postroad(args)),
            [first, lines, name, args @ ..] if first == "type" && name == "postroad" => {
                said(typed(args, &lines.replace("\\n", "\n")))
            }
            [first, path] if first == "file" => {
                let out = std::fs::read_to_string(root().join(path)).map_err(|e| format!("{path}: {e}"))?;
                Printed { out, err: String::new(), code: Some(0) }
            }
            _ => {
                return Err(
                    "an excerpt begins with `postroad …`, `type LINES postroad …` or `file PATH`".to_owned()
                );
            }
        };
        memory.insert(source.to_vec(), printed);
    }
    memory.get(source).ok_or_else(|| "it was just put there".to_owned())
}

/// One test, because both change the same files when they are blessed.
#[test]
fn excerpts_are_what_the_program_prints_and_rfcs_are_links() {
    let bless = std::env::var_os("POSTROAD_BLESS").is_some();
    let (mut memory, mut wrong, mut count) = (BTreeMap::new(), String::new(), 0);
    let pages = pages();
    let terms = terms::of(glossary(&pages));
    for page in pages {
        let mut fresh = page.lines.clone();
        // From the last to the first, so that line numbers before a replaced excerpt stay right.
        for block in page.excerpts().into_iter().rev() {
            count += 1;
            let now =
                Directive::parse(&block.comment).and_then(|d| d.select(printed(&mut memory, &d.source)?));
            match now {
                Err(problem) => wrong += &format!("\n{}:{}: {problem}\n", page.name, block.line),
                Ok(now) if now == page.lines[block.body.clone()] => {}
                Ok(now) if bless => {
                    fresh.splice(block.body, now);
                }
                Ok(now) => {
                    let diff = excerpt::diff(&page.lines[block.body.clone()], &now);
                    wrong += &format!("\n{}:{}: stale, {}\n{diff}\n", page.name, block.line, block.comment);
                }
            }
        }
        if page.cites() {
            let inside = page.name.matches('/').count().saturating_sub(2);
            let with_links = match page.name.as_str() {
                "book/src/glossary.md" => terms::anchored(&fresh),
                _ => terms::linked(&fresh, &"../".repeat(inside), &terms),
            };
            let (with_links, _) = rfc::linked(&with_links);
            if !bless && with_links != fresh {
                let diff = excerpt::changes(&fresh, &with_links);
                wrong +=
                    &format!("\n{}: an RFC or a word of the glossary that is no link\n{diff}\n", page.name);
            }
            fresh = with_links;
        }
        if bless && fresh != page.lines {
            std::fs::write(root().join(&page.name), fresh.join("\n") + "\n")
                .expect("the page can be written");
        }
    }
    assert!(
        wrong.is_empty(),
        "{wrong}\n`POSTROAD_BLESS=1 cargo test --test book` writes stale excerpts anew."
    );
    assert!(count >= 20, "only {count} excerpts were found");
}

#[test]
fn program_output_fits_eighty_columns() {
    for page in pages() {
        for block in page.excerpts() {
            if block.comment.starts_with("file ") || block.comment.contains("--json") {
                continue;
            }
            for (offset, line) in page.lines[block.body.clone()].iter().enumerate() {
                let at = block.body.start + offset + 1;
                assert!(line.chars().count() <= 80, "{}:{at}: wider than 80 columns", page.name);
            }
        }
    }
}

#[test]
fn every_command_line_is_one_the_program_takes() {
    let (mut wrong, mut count) = (String::new(), 0);
    // A made page's commands come from the recordings themselves, or were run to make it.
    for page in pages().into_iter().filter(|page| !page.is_made()) {
        for (line, shown) in page.commands() {
            let Some(mut args) = words::arguments(&shown) else { continue };
            count += 1;
            // The catalogue is asked for real; the rest is parsed as far as the help.
            if args.len() < 2 || args[0] != "explain" || args[1] == "-" {
                args.push("--help".to_owned());
            }
            let output = postroad(&args);
            if !output.status.success() {
                let told = String::from_utf8_lossy(&output.stderr);
                wrong += &format!("\n{}:{line}: {shown}\n{told}\n", page.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count >= 20, "only {count} command lines were found");
}

#[test]
fn scenarios_that_are_shown_run() {
    let mut count = 0;
    for page in pages() {
        for block in page.blocks().into_iter().filter(|b| b.comment == "scenario") {
            count += 1;
            let name = format!("postroad-book-{}-{count}.toml", std::process::id());
            let file = std::env::temp_dir().join(name);
            std::fs::write(&file, page.lines[block.body].join("\n")).expect("a temporary file");
            let args = ["journey", "--detail", "wire", "--scenario", &file.to_string_lossy()];
            let output = postroad(&args.map(str::to_owned));
            std::fs::remove_file(&file).expect("it was there");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}:{}: {told}", page.name, block.line);
        }
    }
    assert!(count >= 2, "only {count} scenarios were found");
}

#[test]
fn every_relative_link_leads_somewhere() {
    let pages = pages();
    let mut wrong = String::new();
    for page in &pages {
        for (line, target) in page.links() {
            if let Err(problem) = page.follow(&target, &pages) {
                wrong += &format!("{}:{line}: {target}: {problem}\n", page.name);
            }
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn the_table_of_contents_lists_every_page_of_the_book() {
    let pages = pages();
    let summary = pages.iter().find(|p| p.name == "book/src/SUMMARY.md").expect("the book has a SUMMARY.md");
    let listed: Vec<String> =
        summary.links().into_iter().map(|(_, target)| format!("book/src/{target}")).collect();
    for page in pages.iter().filter(|p| p.name.starts_with("book/") && p.name != summary.name) {
        assert!(listed.contains(&page.name), "SUMMARY.md does not list {}", page.name);
    }
}

#[test]
fn every_chapter_asks_something_and_hides_its_answer() {
    for page in pages() {
        let prose = page.prose();
        let count = |fits: &dyn Fn(&str) -> bool| prose.iter().filter(|(_, line)| fits(line)).count();
        let asks = ["**Check yourself", "**Question "];
        let asks = count(&|line| asks.iter().any(|ask| line.starts_with(ask)));
        let answers = count(&|line| line.starts_with("<details>"));
        let ends = count(&|line| line == "</details>");
        assert!(asks == answers && answers == ends, "{}: {asks} questions, {answers} answers", page.name);
    }
}

#[test]
fn the_glossary_is_in_order_and_knows_every_topic() {
    let pages = pages();
    let terms: Vec<String> =
        glossary(&pages).lines.iter().filter_map(|line| Some(terms::entry(line)?.0.to_lowercase())).collect();
    assert!(terms.len() > 100, "only {} terms", terms.len());
    let letters = |term: &String| {
        let plain: String = term.chars().filter(char::is_ascii_alphanumeric).collect();
        (plain.starts_with(|c: char| c.is_ascii_digit()), plain)
    };
    for pair in terms.windows(2) {
        assert!(letters(&pair[0]) <= letters(&pair[1]), "{} stands before {}", pair[0], pair[1]);
    }
    let topics = postroad::explain::catalogue().entries().iter().filter_map(|e| e.id.strip_prefix("topic."));
    let unknown: Vec<&str> = topics
        .filter(|topic| !terms.iter().any(|term| term.split(", ").any(|t| t.eq_ignore_ascii_case(topic))))
        .collect();
    assert!(unknown.is_empty(), "the glossary does not know {unknown:?}");
}

/// Compare a file with what it should hold; where it is blessed, write it.
fn held(name: &str, wanted: &str) -> Result<(), String> {
    let path = root().join(name);
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    if there == wanted {
        return Ok(());
    }
    if std::env::var_os("POSTROAD_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).map_err(|e| e.to_string())?;
        return std::fs::write(&path, wanted).map_err(|e| format!("{name}: {e}"));
    }
    let at = there.lines().zip(wanted.lines()).position(|(a, b)| a != b);
    let at = at.unwrap_or_else(|| there.lines().count().min(wanted.lines().count()));
    let line = |text: &str| text.lines().nth(at).unwrap_or("(its end)").chars().take(200).collect::<String>();
    Err(format!("\n{name}:{}: stale\n  - {}\n  + {}\n", at + 1, line(&there), line(wanted)))
}

fn words_of(line: &str) -> Result<Vec<String>, String> {
    Ok(words::split(&format!("postroad {line}"))?.into_iter().map(|word| word.text).collect())
}

#[test]
fn pages_that_are_made_from_the_catalogue_are_fresh() {
    let listed = postroad(&["transcripts".to_owned(), "--json".to_owned()]);
    // The journey first, then short recordings before long ones: what is looked for stands near their beginning.
    let mut names: Vec<(bool, u64, String)> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            let entry: serde_json::Value = serde_json::from_str(line).ok()?;
            let name = entry["name"].as_str()?.to_owned();
            Some((name != "journey", entry["steps"].as_u64()?, name))
        })
        .collect();
    names.sort();
    let names: Vec<String> = names.into_iter().map(|(_, _, name)| name).collect();
    let seen = seen::Seen::read(&names);
    assert!(seen.len() > 200, "only {} entries are shown by a recording", seen.len());
    let mut memory = BTreeMap::new();
    let mut source = |source: &[String]| {
        let printed = printed(&mut memory, source)?;
        Ok(Printed { out: printed.out.clone(), err: printed.err.clone(), code: printed.code })
    };
    let mut made = made::reference(&seen, &mut source);
    let mut run = |line: &str| source(&words_of(line)?);
    made.push(cookbook::page(&mut run).unwrap_or_else(|wrong| panic!("{wrong}")));
    let wrong: String = made.iter().filter_map(|page| held(&page.name, &page.text).err()).collect();
    assert!(wrong.is_empty(), "{wrong}\n`POSTROAD_BLESS=1 cargo test --test book` writes them anew.");
}
