//! What holds for any commands: however the bytes are cut, whatever they are, the store and its sessions agree.

use super::*;
use proptest::prelude::*;

/// Commands of every kind, some of them broken.
fn command() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "1",
        "1:*",
        "2,3",
        "*",
        "$",
        "900",
        "INBOX",
        "Archive",
        "a/b",
        "\"\"",
        "%",
        "FLAGS",
        "+FLAGS.SILENT",
        "(\\Deleted)",
        "(\\Seen $x)",
        "BODY[]",
        "BODY.PEEK[1.2.MIME]<1.2>",
        "BODYSTRUCTURE",
        "ENVELOPE",
        "ALL",
        "(UID MODSEQ)",
        "UNSEEN",
        "TEXT body",
        "NOT",
        "OR",
        "RETURN (SAVE)",
        "(CHANGEDSINCE 2)",
        "{3+}\r\nabc",
        "(MESSAGES UNSEEN)",
        "QRESYNC",
        "IMAP4rev2",
        "x\"",
        "BINARY[1]",
        "RFC822",
    ]);
    let verb = prop::sample::select(vec![
        "NOOP",
        "FETCH",
        "UID FETCH",
        "STORE",
        "UID STORE",
        "SEARCH",
        "UID SEARCH",
        "COPY",
        "UID COPY",
        "MOVE",
        "UID MOVE",
        "EXPUNGE",
        "UID EXPUNGE",
        "SELECT",
        "EXAMINE",
        "CLOSE",
        "UNSELECT",
        "CREATE",
        "DELETE",
        "RENAME",
        "LIST",
        "LSUB",
        "STATUS",
        "APPEND",
        "IDLE\r\nDONE",
        "ENABLE",
        "CHECK",
        "SUBSCRIBE",
        "ID NIL",
    ]);
    (verb, prop::collection::vec(word, 0..4))
        .prop_map(|(verb, words)| format!("t {verb} {}\r\n", words.join(" ")).replace(" \r\n", "\r\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_split_gives_the_same_dialogue(
        commands in prop::collection::vec(command(), 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let bytes = commands.concat().into_bytes();
        let whole = Lab::selected().exchange(1, &bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|c| c.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut lab = Lab::selected();
        let mut got = String::new();
        let mut at = 0;
        for cut in cuts.into_iter().chain([bytes.len()]) {
            got.push_str(&lab.exchange(1, &bytes[at..cut]));
            at = cut;
        }
        prop_assert_eq!(got, whole);
    }

    #[test]
    fn nothing_panics_on_noise(bytes in prop::collection::vec(any::<u8>(), 0..300), selected in any::<bool>()) {
        let mut lab = if selected { Lab::selected() } else { Lab::new() };
        lab.open(1);
        lab.exchange(1, &bytes);
        lab.exchange(1, b"\r\nz NOOP\r\n");
    }

    /// A model of the mailbox against what each session was told: after NOOP both must know the same.
    #[test]
    fn sessions_agree_with_the_store(
        turns in prop::collection::vec((1_usize..=3, command()), 0..25),
    ) {
        let mut lab = Lab::selected();
        lab.open(3);
        for n in 2..=3 {
            lab.exchange(n, b"l LOGIN bob@example.net secret\r\ns SELECT INBOX\r\n");
        }
        let mut models = [4_usize; 4];
        for (n, command) in turns {
            // Who changes mailboxes would need a model of its own.
            if ["SELECT", "EXAMINE", "CLOSE", "UNSELECT", "ENABLE"].iter().any(|v| command.contains(v)) {
                continue;
            }
            let said = lab.exchange(n, command.as_bytes());
            follow(&mut models[n], &said)?;
        }
        let inbox = lab.store.messages(BOB, "INBOX").map(|m| m.len()).unwrap_or(0);
        for (n, model) in models.iter_mut().enumerate().skip(1) {
            let said = lab.exchange(n, b"n NOOP\r\nu UID SEARCH ALL\r\n");
            if said.contains("BYE") || said.is_empty() {
                continue;
            }
            follow(model, &said)?;
            prop_assert_eq!(*model, inbox, "session {} was told wrongly", n);
        }
    }
}

/// What a client makes of EXISTS and EXPUNGE: how many messages there are.
fn follow(model: &mut usize, said: &str) -> Result<(), TestCaseError> {
    for line in said.split("\r\n") {
        let mut words = line.split(' ');
        let (star, number, what) = (words.next(), words.next(), words.next());
        let (Some("*"), Some(Ok(number)), Some(what)) = (star, number.map(str::parse::<usize>), what) else {
            continue;
        };
        match what {
            "EXISTS" => {
                prop_assert!(number >= *model, "EXISTS may not shrink: {} after {}", number, *model);
                *model = number;
            }
            "EXPUNGE" => {
                prop_assert!((1..=*model).contains(&number), "EXPUNGE {} of {}", number, *model);
                *model -= 1;
            }
            "FETCH" => prop_assert!((1..=*model).contains(&number), "FETCH {} of {}", number, *model),
            _ => {}
        }
    }
    Ok(())
}
