//! Holds the design against the source: who may import whom, headers, sizes, who may print or open a socket.
//!
//! Plain text is enough for that: comments, strings and characters are blanked out, the rest is cut into words.
//! Each failure names file and line and says what to do.

#[path = "architecture/source.rs"]
mod source;

use source::{Source, Word};

/// What each folder of `src` may import beside `base` and itself.
fn may_import(folder: &str) -> &'static [&'static str] {
    match folder {
        "world" => &["proto", "trace"],
        "import" => &["trace", "proto"],
        "dissect" => &["trace", "proto"],
        "state" => &["trace", "dissect"],
        "explain" => &["trace", "dissect", "state", "proto"],
        "lesson" => &["trace", "dissect", "state", "explain", "world"],
        "view" => &["trace", "dissect", "state", "explain", "lesson"],
        "cli" => &["proto", "trace", "world", "import", "dissect", "state", "explain", "lesson", "view"],
        _ => &[],
    }
}

/// What of proto the observer shares with the machines: syntax, codes and phases; no policy.
const SYNTAX: [&str; 11] = [
    "grammar", "codes", "phase", "line", "framing", "dns", "sasl",
    // The syntax tree, the literal text forms and the end-of-data framing that the grammars stand on.
    "types", "response", "utf7", "data",
];

/// Why `path` (its segments after `crate`) may not be imported by `folder`.
fn against_the_wall(folder: &str, path: &[&str]) -> Option<String> {
    let target = *path.first()?;
    if target == folder || target == "base" || !FOLDERS.contains(&target) {
        return None;
    }
    if !may_import(folder).contains(&target) {
        let allowed = may_import(folder).join(", ");
        return Some(format!(
            "{folder} may import base and [{allowed}], not {target}: move what is shared to the left"
        ));
    }
    let part_of = |parts: &[&str]| path.iter().skip(1).any(|segment| parts.contains(segment));
    let machine = part_of(&["server", "client"]);
    match (folder, target) {
        ("dissect" | "import", "proto") if machine || !part_of(&SYNTAX) => Some(format!(
            "{folder} may import proto's {}, by that name; never a server or a client",
            SYNTAX.join(", ")
        )),
        ("lesson", "world") if !part_of(&["scenario"]) => {
            Some("lesson may import world's scenario only: it runs worlds through its Stage".to_owned())
        }
        ("explain", "proto") if machine || !part_of(&["codes", "phase"]) => Some(
            "explain may import proto's codes and phase only: what else it needs is a Step's meaning"
                .to_owned(),
        ),
        _ => None,
    }
}

const FOLDERS: [&str; 11] =
    ["base", "cli", "dissect", "explain", "import", "lesson", "proto", "state", "trace", "view", "world"];

/// Fails with all that was found, one line each.
fn assert_none(what: &str, found: Vec<String>) {
    assert!(found.is_empty(), "{what}:\n{}\n", found.join("\n"));
}

fn each(check: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
    source::all().iter().flat_map(check).collect()
}

fn wall(source: &Source) -> Vec<String> {
    let Some(folder) = source.folder().filter(|folder| FOLDERS.contains(folder)) else { return Vec::new() };
    let told = |(line, path): &(usize, Vec<&str>)| {
        let why = against_the_wall(folder, path)?;
        Some(format!("{}:{line}: crate::{}: {why}", source.name, path.join("::")))
    };
    source.crate_paths().iter().filter_map(told).collect()
}

#[test]
fn nobody_imports_against_the_road() {
    assert_none("imports against the table in ARCHITECTURE.md", each(wall));
}

#[test]
fn the_wall_is_real() {
    let found = |name: &str, text: &str| wall(&Source::new(name, text)).len();
    assert_eq!(found("src/state/mod.rs", "use crate::{\n base::Span,\n world::{World, net},\n};"), 2);
    assert_eq!(found("src/proto/smtp/mod.rs", "fn f() { let _ = crate::trace::Record::at; }"), 1);
    assert_eq!(found("src/dissect/smtp.rs", "use crate::proto::smtp::server::Server;"), 1);
    assert_eq!(found("src/dissect/smtp.rs", "use crate::proto::smtp::grammar::Command;"), 0);
    assert_eq!(found("src/trace/tap.rs", "use super::super::world::World;"), 1);
    assert_eq!(found("src/trace/file/mod.rs", "mod tests { use super::super::world::World; }"), 0);
    assert_eq!(found("src/trace/file/mod.rs", "mod tests { use super::super::super::world::World; }"), 1);
    assert_eq!(found("src/view/plain.rs", "// crate::world\nconst S: &str = \"crate::world\";"), 0);
    assert_eq!(
        found("src/explain/mod.rs", "pub(crate) fn f() -> String { format!(\"{}\", crate::proto::x()) }"),
        1
    );
}

#[test]
fn every_file_says_what_it_is() {
    let check = |source: &Source| {
        let first = source.text.lines().next().unwrap_or_default();
        let fine = first.strip_prefix("//! ").is_some_and(|rest| rest.len() >= 8);
        let advice = "begin it with `//! ` and a sentence: what it is and where it stands on the road";
        if fine { Vec::new() } else { vec![format!("{}:1: {advice}", source.name)] }
    };
    assert_none("files without a header", each(check));
}

/// Lines before a file's tests.
const LONGEST_FILE: usize = 600;

#[test]
fn files_and_main_are_small() {
    let check = |source: &Source| {
        let lines = source.text.lines().position(|line| line.trim() == "#[cfg(test)]");
        let lines = lines.unwrap_or_else(|| source.text.lines().count());
        let longest = if source.name == "src/main.rs" { 20 } else { LONGEST_FILE };
        let advice = "is there a second room in it? Split it by the RFC's nouns";
        if lines <= longest || source.is_test() {
            return Vec::new();
        }
        vec![format!("{}:{longest}: {lines} lines, at most {longest}: {advice}", source.name)]
    };
    assert_none("files that are too long", each(check));
}

/// Lines of code in a function: no more without an `#[expect]` that says why.
const LONGEST_FUNCTION: usize = 70;
/// Lines of code in 95 of 100 functions.
const USUAL_FUNCTION: usize = 40;

#[test]
fn functions_are_small() {
    let check = |source: &Source| {
        let long = |f: &source::Function| f.lines > LONGEST_FUNCTION && !f.excused;
        let advice = "split it, or say why not in #[expect(clippy::too_many_lines, reason = \"…\")]";
        let told = |f: source::Function| {
            format!("{}:{}: {} has {} lines: {advice}", source.name, f.line, f.name, f.lines)
        };
        source.functions().into_iter().filter(long).map(told).collect()
    };
    assert_none("functions that are too long", each(check));

    let mut all: Vec<(usize, String)> = Vec::new();
    for source in source::all() {
        let named = |f: source::Function| (f.lines, format!("{}:{} {}", source.name, f.line, f.name));
        all.extend(source.functions().into_iter().map(named));
    }
    all.sort();
    let (lines, _) = all.get(all.len() * 95 / 100).cloned().unwrap_or_default();
    let longest: Vec<_> = all.iter().rev().take(10).collect();
    assert!(
        lines <= USUAL_FUNCTION,
        "one in twenty functions has {lines} lines or more: shorten {longest:#?}"
    );
}

#[test]
fn functions_are_measured_as_they_stand() {
    let text = "fn one() { two() }\n\n// fn no() {\n#[expect(clippy::too_many_lines, reason = \"a table\")]\n\
                fn two() -> u8 {\n    // nothing\n\n    let s = \"}\";\n    7\n}\ntrait T { fn three(); }\n";
    let got: Vec<_> = Source::new("src/x.rs", text)
        .functions()
        .into_iter()
        .map(|f| (f.name, f.line, f.lines, f.excused))
        .collect();
    assert_eq!(got, [("one".to_owned(), 1, 1, false), ("two".to_owned(), 5, 2, true)]);
}

#[test]
fn only_the_network_opens_sockets() {
    const SOCKETS: [&str; 6] =
        ["TcpStream", "TcpListener", "TcpSocket", "UdpSocket", "UnixStream", "UnixListener"];
    let check = |source: &Source| {
        if source.name.starts_with("src/world/net/") {
            return Vec::new();
        }
        let words = source.words();
        let tokio_net = |at: usize| {
            let text = |by: usize| words.get(at + by).map_or("", |word: &Word| word.text);
            text(0) == "tokio" && text(1) == "::" && text(2) == "net"
        };
        let advice = "only src/world/net opens sockets: take a stream from it";
        (0..words.len())
            .filter(|&at| SOCKETS.contains(&words[at].text) || tokio_net(at))
            .map(|at| format!("{}:{}: {}: {advice}", source.name, words[at].line, words[at].text))
            .collect()
    };
    assert_none("sockets outside src/world/net", each(check));
}

#[test]
fn the_pure_part_knows_no_runtime() {
    let check = |source: &Source| {
        if !matches!(
            source.folder(),
            Some("base" | "proto" | "trace" | "import" | "dissect" | "state" | "explain" | "view")
        ) {
            return Vec::new();
        }
        let advice = "tokio does not appear below world: a machine is driven, it does not wait";
        let words = source.words();
        let tokio = words.windows(2).filter(|pair| pair[0].text == "tokio" && pair[1].text == "::");
        tokio.map(|pair| format!("{}:{}: {advice}", source.name, pair[0].line)).collect()
    };
    assert_none("a runtime in the pure part", each(check));
}

#[test]
fn only_the_command_line_and_the_plain_view_print() {
    let check = |source: &Source| {
        let prints = ["src/cli/", "src/view/plain"].iter().any(|place| source.name.starts_with(place));
        if prints || source.is_test() {
            return Vec::new();
        }
        let advice = "only cli and view/plain print: give the text back";
        let words = source.words();
        words
            .windows(2)
            .filter(|pair| !pair[0].test)
            .filter(|pair| match pair[0].text {
                "print" | "println" | "eprint" | "eprintln" | "dbg" => pair[1].text == "!",
                "stdout" | "stderr" => pair[1].text == "(",
                _ => false,
            })
            .map(|pair| format!("{}:{}: {}: {advice}", source.name, pair[0].line, pair[0].text))
            .collect()
    };
    assert_none("printing in the wrong place", each(check));
}

#[test]
fn nothing_is_unsafe() {
    let check = |source: &Source| {
        let found = source.words().into_iter().filter(|word| word.text == "unsafe");
        found.map(|word| format!("{}:{}: `unsafe` is forbidden here", source.name, word.line)).collect()
    };
    assert_none("unsafe code", each(check));
}
