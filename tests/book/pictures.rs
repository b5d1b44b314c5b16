//! The files of the book that the program writes: ladders, screens, and the page to step through.

use super::{held, postroad, screen, typed};

/// Where a file comes from.
enum Source {
    /// What the program prints, given these words.
    Printed(&'static [&'static str]),
    /// The ladder of a session that somebody types: the words that call the server, and the lines.
    Typed(&'static [&'static str], &'static str),
    /// The full screen: a story, columns and rows, and the keys that were pressed (`⏎` is Enter).
    Screen(&'static str, (u16, u16), &'static str, &'static str),
}

use Source::{Printed, Screen, Typed};

/// A ladder of a recording of the library: what of it is shown.
macro_rules! ladder {
    ($recording:literal, $filter:literal) => {
        Printed(&["export", $recording, "--format", "svg", "--filter", $filter])
    };
}

/// The session of the chapter on typing by hand; its excerpts type the same lines.
const BY_HAND: &str = "EHLO me.example.org\nRCPT TO:<bob@example.net>\nMAIL FROM:<me@example.org>\n\
                       RCPT TO:<someone@example.edu>\nRCPT TO:<bob@example.net>\nDATA\n\
                       Subject: By hand\n\nHello Bob\n.\nQUIT\n";

/// Each file, by its path below `book/src`.
const FILES: [(&str, Source); 26] = [
    ("player/journey.html", Printed(&["export", "journey", "--format", "html"])),
    ("player/spoofed-caught.html", Printed(&["export", "spoofed-caught", "--format", "html"])),
    ("pictures/reading.svg", Printed(&["export", "journey", "--format", "svg", "--steps", "7..9"])),
    ("pictures/lookup.svg", ladder!("journey", "dns and chapter \"own?\"")),
    ("pictures/submission.svg", ladder!("journey", "smtp and chapter \"hands the letter in\"")),
    ("pictures/routing.svg", ladder!("journey", "dns and chapter \"Where does\"")),
    ("pictures/relay.svg", ladder!("journey", "smtp and chapter \"next hop\"")),
    ("pictures/pop3.svg", ladder!("journey", "pop3")),
    ("pictures/imap.svg", ladder!("journey", "imap")),
    ("pictures/mx1-down.svg", ladder!("mx1-down", "chapter \"next hop\"")),
    ("pictures/greylist.svg", ladder!("greylist", "smtp and chapter \"next hop\"")),
    (
        "pictures/unknown-user.svg",
        ladder!(
            "unknown-user",
            "step 30..42 and (smtp or text \"gives\" or text \"writes the notice\" or text \"delivered\")"
        ),
    ),
    (
        "pictures/maildrop-lock.svg",
        ladder!("maildrop-lock", "chapter \"by POP3\" and not dns and not text \"remembers\""),
    ),
    ("pictures/in-step.svg", ladder!("in-step", "imap and step 121..163 and not text \"PERMANENTFLAGS\"")),
    (
        "pictures/spoofed.svg",
        ladder!("spoofed-caught", "(smtp or verb TXT or (fact and step 5..)) and not text \"remembers\""),
    ),
    (
        "pictures/signed.svg",
        ladder!(
            "signed",
            "chapter \"asks who sent\" and (smtp or verb TXT or fact) and not text \"remembers\""
        ),
    ),
    (
        "pictures/forwarded.svg",
        ladder!(
            "forwarded",
            "(chapter \"next hop: mx1\" or chapter \"asks who sent\") and (smtp or text \"SPF fail\" or text \
             \"DKIM pass\" or text \"DMARC pass\")"
        ),
    ),
    ("pictures/starttls.svg", ladder!("journey-starttls", "chapter \"hands the letter in\"")),
    ("pictures/implicit.svg", ladder!("journey-implicit", "chapter \"hands the letter in\"")),
    ("pictures/lab.svg", ladder!("real-swaks", "smtp and chapter \"hands a letter in\"")),
    ("pictures/by-hand.svg", Typed(&["talk", "smtp"], BY_HAND)),
    ("pictures/screen.svg", Screen("journey", (100, 30), "14⏎", "The full screen")),
    ("pictures/screen-first.svg", Screen("journey", (80, 24), "", "The first screen")),
    ("pictures/screen-predict.svg", Screen("journey", (80, 24), "13⏎p12", "A guess")),
    ("pictures/screen-letter.svg", Screen("journey", (100, 30), "19⏎", "A letter")),
    ("pictures/screen-reference.svg", Screen("journey", (100, 30), "13⏎r", "The reference")),
];

/// What a file should hold.
fn wanted(source: &Source) -> String {
    let words = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
    let said = |args: &[String], lines: &str| {
        let output = if lines.is_empty() { postroad(args) } else { typed(args, lines) };
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    match source {
        Printed(args) => said(&words(args), ""),
        Typed(args, lines) => {
            let folder = tempfile::tempdir().expect("a folder for the recording");
            let file = folder.path().join("typed.jsonl").to_string_lossy().into_owned();
            let mut talk = words(args);
            talk.extend(["--record".to_owned(), file.clone()]);
            said(&talk, lines);
            said(&["export".to_owned(), file, "--format".to_owned(), "svg".to_owned()], "")
        }
        Screen(story, size, keys, title) => screen::picture(story, *size, keys, title),
    }
}

#[test]
fn pictures_and_pages_to_step_through_are_what_the_program_writes() {
    let check = |(name, source): &(&str, Source)| held(&format!("book/src/{name}"), &wanted(source)).err();
    let wrong: String = FILES.iter().filter_map(check).collect();
    assert!(wrong.is_empty(), "{wrong}\n`POSTROAD_BLESS=1 cargo test --test book` writes them anew.");
}

#[test]
fn every_picture_is_one_that_is_made() {
    for folder in ["pictures", "player"] {
        for file in std::fs::read_dir(super::root().join("book/src").join(folder)).expect("the folder") {
            let name = format!("{folder}/{}", file.expect("a file").file_name().to_string_lossy());
            assert!(FILES.iter().any(|(made, _)| *made == name), "nothing makes book/src/{name}");
        }
    }
}
