//! What people often believe of e-mail, and what is so: the table that notes, questions and lessons name by number.
//!
//! The rows are data (`catalogue/misconceptions.toml`), as every other fact that is taught.

use serde::Deserialize;
use std::sync::LazyLock;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Misconception {
    /// What [`super::Entry::misconception`] calls it by, from 1.
    pub number: u8,
    /// A few words to call it by, as in `the highest MX wins`.
    pub name: String,
    /// What people say: a sentence without its full stop.
    pub people_say: String,
    /// What is so: a sentence or three.
    pub truth: String,
    /// Who says so: `RFC 5321 §5.1`. At least one.
    pub source: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    misconception: Vec<Misconception>,
}

static TABLE: LazyLock<Vec<Misconception>> = LazyLock::new(|| {
    // A file that cannot be read leaves the table empty, never a panic; a test holds that it can.
    let file: File = toml::from_str(include_str!("catalogue/misconceptions.toml")).unwrap_or_default();
    file.misconception
});

/// All of them, by number.
pub fn misconceptions() -> &'static [Misconception] {
    &TABLE
}

/// The one of this number.
pub fn misconception(number: u8) -> Option<&'static Misconception> {
    TABLE.iter().find(|row| row.number == number)
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    #[test]
    fn every_row_is_there_in_order() {
        let numbers: Vec<u8> = misconceptions().iter().map(|row| row.number).collect();
        assert_eq!(numbers, (1..=32).collect::<Vec<u8>>());
        assert!(misconception(33).is_none());
        assert_eq!(misconception(6).map(|row| row.name.as_str()), Some("the highest MX wins"));
    }

    #[test]
    fn every_row_is_short_and_plain_and_says_who_says_so() {
        for row in misconceptions() {
            let n = row.number;
            assert!(!row.source.is_empty(), "{n}");
            for source in &row.source {
                assert!(source.starts_with("RFC ") && source.contains(" §"), "{n}: {source}");
            }
            assert!(row.name.chars().count() <= 30, "{n}: {}", row.name);
            assert!(!row.people_say.ends_with('.') && row.truth.ends_with('.'), "{n}");
            for text in [&row.name, &row.people_say, &row.truth] {
                assert!(!text.is_empty() && text.trim() == text, "{n}");
                assert!(!text.to_lowercase().contains("simply") && !text.contains('!'), "{n}: {text}");
            }
        }
    }

    #[test]
    fn every_number_that_a_note_names_is_a_row() {
        for entry in catalogue().entries() {
            let Some(number) = entry.misconception else { continue };
            assert!(misconception(number).is_some(), "{}: {number}", entry.id);
        }
    }
}
