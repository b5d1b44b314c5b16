//! The exported page, opened in a browser: stepping, finding, reading aloud, paper, no script, hostile content.
//!
//! The checks are scripts in `tests/html/`, which drive Chromium by playwright-core. Both npm packages are installed
//! below `target/`, in the versions that `tests/html/package-lock.json` pins. Without node, npm or Chromium a test
//! says its name and why, and passes; with `POSTROAD_REQUIRE_ALL=1` it fails.

use postroad::base::Instant;
use postroad::explain::{Item, Story};
use postroad::trace::file::Transcript;
use postroad::trace::{
    CloseHow, Conn, Data, Direction, Fact, Head, HostInfo, Layer, Mark, Opened, Record, Transport,
};
use postroad::view::html::{self, Options};
use postroad::view::plain::{self, Plain};
use postroad::view::{Cast, Closing, Renderer, Tally};
use std::borrow::Cow;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the checks' packages are, and which browser; or why not.
fn tools() -> Result<(PathBuf, PathBuf), String> {
    let browser = std::env::var_os("POSTROAD_CHROMIUM").map_or("/usr/bin/chromium".into(), PathBuf::from);
    if !browser.exists() {
        return Err(format!("no browser at {} (POSTROAD_CHROMIUM names another)", browser.display()));
    }
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("html-tests");
    let lock = Path::new(ROOT).join("tests/html/package-lock.json");
    let wanted = std::fs::read(&lock).map_err(|error| format!("{}: {error}", lock.display()))?;
    if std::fs::read(home.join("package-lock.json")).is_ok_and(|there| there == wanted) {
        return Ok((home, browser));
    }
    // Installed aside and moved into place: tests of one run may come here at the same time.
    let aside = home.with_extension(std::process::id().to_string());
    let said = |error: std::io::Error| error.to_string();
    std::fs::create_dir_all(&aside).map_err(said)?;
    for name in ["package.json", "package-lock.json"] {
        std::fs::copy(Path::new(ROOT).join("tests/html").join(name), aside.join(name)).map_err(said)?;
    }
    let npm = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(&aside)
        .output()
        .map_err(|error| format!("npm does not run: {error}"))?;
    if !npm.status.success() {
        return Err(format!("npm ci failed: {}", String::from_utf8_lossy(&npm.stderr)));
    }
    let _ = std::fs::remove_dir_all(home.with_extension("old"));
    if !home.join("package-lock.json").exists() || std::fs::rename(&home, home.with_extension("old")).is_ok()
    {
        // Where another test was quicker, its packages are as good.
        let _ = std::fs::rename(&aside, &home);
    }
    let _ = std::fs::remove_dir_all(&aside);
    Ok((home, browser))
}

/// Run one of the scripts, or say why not.
fn run(test: &str, script: &str, args: &[&Path]) {
    let (home, browser) = match tools() {
        Ok(tools) => tools,
        Err(why) => {
            assert!(std::env::var("POSTROAD_REQUIRE_ALL").as_deref() != Ok("1"), "{test}: {why}");
            let _ = writeln!(std::io::stderr(), "skipped {test}: {why}");
            return;
        }
    };
    let output = Command::new("node")
        .arg(Path::new(ROOT).join("tests/html").join(script))
        .args(args)
        .env("POSTROAD_HTML_TESTS", &home)
        .env("POSTROAD_CHROMIUM", &browser)
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        Ok(output) => panic!("{script}:\n{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => panic!("node does not run: {error}"),
    }
}

/// A file of this test's own.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn page(name: &str, records: &[Record]) -> PathBuf {
    let mut out = Vec::new();
    html::write(records, &Options::default(), &mut out).unwrap();
    file(name, &out)
}

fn recording(name: &str) -> Vec<Record> {
    let bytes = std::fs::read(format!("{ROOT}/transcripts/{name}.jsonl")).unwrap();
    Transcript::read(&bytes[..]).unwrap().0.records
}

fn items(records: &[Record]) -> Vec<Item> {
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let mut story = Story::new(head);
    let mut items: Vec<Item> = records.iter().enumerate().flat_map(|(i, r)| story.push(i, r)).collect();
    items.extend(story.finish());
    items
}

/// Everything that is said of these records.
fn texts(records: &[Record]) -> Vec<String> {
    let mut out = Vec::new();
    for item in items(records) {
        match item {
            Item::Chapter(chapter) => out.extend([chapter.title, chapter.intro]),
            // That a mailbox stood there before the story began is told by the state alone.
            Item::Fact { fact: Fact::MailboxCreated { .. }, .. } => {}
            Item::Fact { text, .. } => out.push(text),
            Item::Outcome(outcome) => out.push(outcome.text),
            Item::Mark(mark) => out.push(mark.text),
            Item::Step(step, note) => {
                // A capital may stand in front of what begins a sentence on the page.
                let rest = |text: &str| text.chars().skip(1).collect::<String>();
                out.push(rest(&note.summary));
                let more = [note.detail, note.why, note.next, note.post_office, note.mistake];
                out.extend(more.map(Cow::into_owned));
                out.extend(note.source.into_owned());
                out.extend(note.parts.iter().map(|part| rest(&part.text)));
                out.extend(note.findings.into_iter().map(|(_, text)| text));
                if step.secrets.is_empty() && !matches!(step.protocol.name(), "dns" | "tcp" | "tls") {
                    let lines = String::from_utf8_lossy(&step.bytes);
                    out.extend(lines.lines().map(|line| line.replace('\t', "␉")));
                }
            }
        }
    }
    out.retain(|text| !text.trim().is_empty());
    out
}

#[test]
fn it_is_stepped_by_keys_and_buttons_and_links() {
    let path = page("stepping.html", &recording("journey"));
    run("it_is_stepped_by_keys_and_buttons_and_links", "stepping.mjs", &[&path]);
}

#[test]
fn it_is_searched_and_filtered() {
    let path = page("finding.html", &recording("journey"));
    run("it_is_searched_and_filtered", "finding.mjs", &[&path]);
}

#[test]
fn everybody_can_read_it() {
    let journey = page("access.html", &recording("journey"));
    let hostile = page("access-hostile.html", &hostile());
    run("everybody_can_read_it", "access.mjs", &[&journey, &hostile]);
}

/// The journey with what an instructor wrote at step 14, RCPT TO:<bob@example.net>, which came in one record with two others.
fn annotated() -> Vec<Record> {
    let mut records = recording("journey");
    let steps = items(&records);
    let rcpt = steps.iter().find_map(|item| match item {
        Item::Step(step, _) if step.number == 14 => Some(step.clone()),
        _ => None,
    });
    let rcpt = rcpt.expect("the journey has a fourteenth step");
    let mark = |kind: &str, text: &str, (from, to): (u64, u64), quote: &str| Mark {
        kind: kind.to_owned(),
        text: text.to_owned(),
        conn: Some(rcpt.conn),
        from: Some(rcpt.from),
        range: Some((rcpt.range.start + from, rcpt.range.start + to)),
        quote: Some(quote.to_owned()),
        ..Mark::default()
    };
    let whole = (0, rcpt.bytes.len() as u64);
    let line = "RCPT TO:<bob@example.net>␍␊";
    let question = Mark {
        answer: "The next server".to_owned(),
        wrong: vec!["Bob".to_owned()],
        ..mark("question", "Who reads this line?", whole, line)
    };
    let lost = mark("comment", "Where am I?", (9, 12), "ann");
    let behind = [mark("highlight", "", (9, 24), "bob@example.net"), question, lost];
    records.splice(rcpt.record + 1..=rcpt.record, behind.map(Record::Mark));
    records.insert(rcpt.record, Record::Mark(mark("chapter", "The envelope", whole, line)));
    records
}

#[test]
fn what_an_instructor_wrote_stands_out() {
    let path = page("marks.html", &annotated());
    run("what_an_instructor_wrote_stands_out", "marks.mjs", &[&path]);
}

#[test]
fn without_its_script_and_on_paper_it_is_a_whole_document() {
    let records = recording("mx1-down");
    let path = page("document.html", &records);
    let said = file("document.json", &serde_json::to_vec(&texts(&records)).unwrap());
    run("without_its_script_and_on_paper_it_is_a_whole_document", "document.mjs", &[&path, &said]);
}

/// Each tries to break out of where it stands, and to hide.
const SCRIPTS: [&str; 6] = [
    "<script>globalThis.pwned=1</script>",
    "</script><script>pwned=2</script>",
    "<img src=x onerror=pwned=3>",
    "\"><svg onload=pwned=4>",
    "'onmouseover='pwned=5",
    "</style><iframe src=javascript:pwned=6>",
];
/// A terminal escape, a backspace, a bidi override, a zero-width space; and how they must read.
const TRICKS: (&str, &str) = ("\x1b[31m\x08\u{202E}gpj\u{200B}", "␛[31m\\u{8}\\u{202E}gpj\\u{200B}");

/// A recording in which everything that can be named is named to break out.
#[expect(clippy::too_many_lines, reason = "one dialogue, read from top to bottom")]
fn hostile() -> Vec<Record> {
    let [banner, name, subject, title, filename, comment] = SCRIPTS.map(|s| format!("{s}{}", TRICKS.0));
    let at = Instant::from_secs(1);
    let host = |name: &str, address: &str, role: &str| HostInfo {
        name: name.to_owned(),
        addresses: vec![address.parse().unwrap()],
        roles: vec![role.to_owned()],
    };
    let head = Head {
        version: 1,
        generator: title.clone(),
        title: banner.clone(),
        start: at,
        hosts: vec![host(&name, "192.0.2.10", "mua"), host(&subject, "192.0.2.25", &filename)],
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    };
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:40000".parse().unwrap(),
        server: "192.0.2.25:25".parse().unwrap(),
    };
    let say = |from, text: &str| {
        let bytes = format!("{text}\r\n").into_bytes();
        Record::Data { at, data: Data { conn: Conn(1), from, layer: Layer::Wire, bytes } }
    };
    let (c, s) = (Direction::Client, Direction::Server);
    let letter = format!(
        "Subject: {subject}\r\nContent-Disposition: attachment; filename=\"{filename}\"\r\nX: \r\n\r\n{banner}\r\n."
    );
    let fact = |fact| Record::Fact { at, host: name.clone(), fact };
    let mut records = vec![Record::Head(head), Record::Open { at, open }];
    records.extend([
        say(s, &format!("220 {banner}")),
        say(c, &format!("EHLO {name}")),
        say(s, &format!("250-{title}\r\n250 {comment}")),
        say(c, &format!("MAIL FROM:<{title}>")),
        say(s, &format!("250 {filename}")),
        say(c, &format!("RCPT TO:<{comment}>")),
        say(s, &format!("550 5.1.1 {subject}")),
        say(c, "RCPT TO:<bob@example.net>"),
        say(s, "250 ok"),
        say(c, "DATA"),
        say(s, "354 go on"),
        say(c, &letter),
        fact(Fact::Queued {
            id: filename.clone(),
            sender: title.clone(),
            recipients: vec![comment.clone()],
            size: 1,
        }),
        fact(Fact::Delivered {
            account: title.clone(),
            mailbox: banner.clone(),
            uid: 1,
            size: 1,
            flags: vec![subject.clone()],
            id: None,
        }),
        fact(Fact::ClientCopyKept {
            account: title.clone(),
            key: comment.clone(),
            size: 1,
            subject: subject.clone(),
            part: title.clone(),
            folder: title.clone(),
        }),
        say(s, &format!("250 {title}")),
        say(c, &format!("{filename} {banner}")),
        say(s, "500 what?"),
    ]);
    records.push(Record::Mark(Mark {
        kind: comment.clone(),
        text: comment,
        conn: Some(Conn(1)),
        from: Some(s),
        range: Some((0, 4)),
        ..Mark::default()
    }));
    records.push(Record::End { at });
    records
}

/// How each payload must read: with its tags as text, its tricks as pictures.
fn as_read() -> Vec<String> {
    SCRIPTS.iter().map(|script| format!("{script}{}", TRICKS.1)).collect()
}

#[test]
fn hostile_content_does_not_run_and_does_not_hide() {
    let records = hostile();
    let path = page("hostile.html", &records);
    let said = file("hostile.json", &serde_json::to_vec(&as_read()).unwrap());
    run("hostile_content_does_not_run_and_does_not_hide", "hostile.mjs", &[&path, &said]);
}

#[test]
fn hostile_content_does_not_hide_in_the_plain_view() {
    let records = hostile();
    let options =
        plain::Options { detail: plain::Detail::Full, width: 1000, colour: false, show_secrets: false };
    let (mut view, cast, mut tally) = (Plain::new(Vec::new(), options), Cast::of(&records), Tally::default());
    view.begin(&cast).unwrap();
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let mut story = Story::new(head);
    for (index, record) in records.iter().enumerate() {
        for item in story.push(index, record) {
            tally.see(&item, cast.start);
            view.item(&cast, &item).unwrap();
        }
    }
    view.end(&cast, &tally, &Closing { state: story.state(), real: None, next: &[] }).unwrap();
    let told = String::from_utf8(view.into_inner()).unwrap();
    let steering = told.chars().find(|c| *c != '\n' && !postroad::base::escape::is_printable(*c));
    assert_eq!(steering, None, "{told}");
    for text in as_read() {
        assert!(told.contains(&text), "{text}\n{told}");
    }
}

/// A session of so many NOOPs, with one word hidden in it.
fn long(noops: usize) -> Vec<Record> {
    let mut records = recording("journey");
    records.truncate(1);
    let at = Instant::from_secs(1_767_603_600);
    let open = Opened {
        conn: Conn(1),
        transport: Transport::Tcp,
        client: "192.0.2.10:40000".parse().unwrap(),
        server: "192.0.2.25:25".parse().unwrap(),
    };
    records.push(Record::Open { at, open });
    let mut say = |from, text: String| {
        let data = Data { conn: Conn(1), from, layer: Layer::Wire, bytes: text.into_bytes() };
        records.push(Record::Data { at, data });
    };
    say(Direction::Server, "220 mail.example.com\r\n".to_owned());
    for n in 0..noops {
        let needle = if n == noops / 3 { " needle" } else { "" };
        say(Direction::Client, "NOOP\r\n".to_owned());
        say(Direction::Server, format!("250 2.0.0 ok {n}{needle}\r\n"));
    }
    let close = CloseHow::Fin;
    records.push(Record::Close { at, conn: Conn(1), from: Direction::Client, how: close });
    records.push(Record::End { at });
    records
}

#[test]
fn a_long_recording_stays_usable() {
    let (half, whole) = (long(2_500), long(5_000));
    let steps = items(&whole).iter().filter(|item| matches!(item, Item::Step(..))).count();
    let (half, whole) = (page("long-half.html", &half), page("long.html", &whole));
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&whole) < 2 * size(&half) + 10_000, "the size grows with the recording");
    let count = steps.to_string();
    run("a_long_recording_stays_usable", "long.mjs", &[&whole, Path::new(&count)]);
}

#[test]
fn a_journey_is_a_small_file() {
    for name in ["journey", "mx1-down", "greylist", "unknown-user"] {
        let size = std::fs::metadata(page(&format!("size-{name}.html"), &recording(name))).unwrap().len();
        assert!(size < 400_000, "{name}: {size} bytes");
    }
}
