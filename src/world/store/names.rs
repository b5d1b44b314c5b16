//! From names of mailboxes and accounts to names of files, and back, so that no name can leave its folder.
//!
//! Levels are parted by `.`, each written in modified UTF-7 (RFC 3501 §5.1.3), as Maildir++ has it. What a file system
//! or Maildir++ cannot hold in a name (`.`, `\`, `:`, a space in front, …) goes into its base64 too, as Courier
//! writes `&AC4-` for a `.`. A name too long for a file, or one that differs from another only by case, gets a
//! shorter one made of its hash, and a file beside or inside says its full name.

use crate::proto::imap::utf7;
use crate::world::mailboxes::DELIMITER;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Longest file name that is made: file systems take 255 octets, and an ending must still fit.
const LONGEST: usize = 200;

/// What a hashed name begins with. No other name has a `~`.
const HASHED: &str = "postroad~";

/// What cannot stand in a file's name on every system, or means something there.
const UNSAFE: &str = "./\\:*?\"<>|~%";

/// The first octets of a SHA-256 in hexadecimal: to tell contents and long names apart.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(12).fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn level(level: &str) -> String {
    let at_an_end = level.starts_with(' ') || level.ends_with(' ');
    utf7::encode_folder(level, |c| !(UNSAFE.contains(c) || (c == ' ' && at_an_end)))
}

/// The file name of a mailbox, without the dot that Maildir++ puts in front. `taken` are names in use, in lower case.
pub fn of_mailbox(name: &str, taken: &BTreeSet<String>) -> String {
    let plain = name.split(DELIMITER).map(level).collect::<Vec<_>>().join(".");
    let free = |file: &str| !taken.contains(&file.to_ascii_lowercase());
    if plain.len() <= LONGEST && free(&plain) {
        return plain;
    }
    let mut hashed = format!("{HASHED}{}", digest(name.as_bytes()));
    while !free(&hashed) {
        hashed.push('x');
    }
    hashed
}

/// Whether the full name must be looked up, because the file name does not hold it.
pub fn is_hashed(file: &str) -> bool {
    file.starts_with(HASHED)
}

/// The mailbox name that a file name spells; `None` where it spells none.
pub fn to_mailbox(file: &str) -> Option<String> {
    let levels: Result<Vec<String>, _> = file.split('.').map(|l| utf7::decode_folder(l.as_bytes())).collect();
    let levels = levels.ok()?;
    let fine = |level: &String| !level.is_empty() && !level.contains(DELIMITER);
    levels.iter().all(fine).then(|| levels.join(&DELIMITER.to_string()))
}

/// The folder name of an account: its address in lower case; what is not a letter, a digit or one of `@._+=-` as
/// `%` and two hexadecimal digits.
pub fn of_account(address: &str) -> String {
    let mut out = String::new();
    for (at, byte) in address.to_ascii_lowercase().bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'@' | b'_' | b'+' | b'=' | b'-' => out.push(char::from(byte)),
            b'.' if at > 0 => out.push('.'),
            other => drop(write!(out, "%{other:02X}")),
        }
    }
    if out.len() > LONGEST {
        format!("{HASHED}{}", digest(address.to_ascii_lowercase().as_bytes()))
    } else {
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> String {
        of_mailbox(name, &BTreeSet::new())
    }

    #[test]
    fn names_read_as_other_programs_write_them() {
        for (name, spelt) in [
            ("Sent", "Sent"),
            ("Lists/Rust", "Lists.Rust"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("Tom & Jerry", "Tom &- Jerry"),
            ("v1.2", "v1&AC4-2"),
        ] {
            assert_eq!(file(name), spelt);
            assert_eq!(to_mailbox(spelt).as_deref(), Some(name));
        }
    }

    #[test]
    fn no_name_leaves_its_folder_or_clashes() {
        let long = "x".repeat(900);
        for name in
            ["../../etc", "..", ".", ".hidden", "a\\..\\b", "C:", "a\0b", " padded ", "~", &long, "日/本"]
        {
            let spelt = file(name);
            assert!(!spelt.starts_with('.') || name.starts_with("../"), "{spelt}");
            assert!(spelt.len() <= LONGEST && !spelt.contains(['/', '\\', '\0', ':', '%']), "{spelt}");
            assert!(spelt.split('.').all(|part| !part.is_empty() || name.contains("//")), "{spelt}");
        }
        let taken = BTreeSet::from(["sent".to_owned()]);
        assert!(is_hashed(&of_mailbox("SENT", &taken)));
        assert_eq!(of_account("Bob@Example.NET"), "bob@example.net");
        assert_eq!(of_account("\"../x\"@example.net"), "%22..%2Fx%22@example.net");
        assert_eq!(of_account(".x"), "%2Ex");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn every_name_comes_back(name in "[^/\u{0}-\u{1f}\u{7f}]{1,12}(/[^/\u{0}-\u{1f}\u{7f}]{1,12}){0,2}") {
            let spelt = file(&name);
            proptest::prop_assert!(is_hashed(&spelt) || to_mailbox(&spelt) == Some(name));
        }
    }
}
