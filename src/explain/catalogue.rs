//! The catalogue of notes: TOML data, embedded, read once.
//!
//! Every fact that a note states lives in `catalogue/*.toml`, with who says so: a new RFC is one change there.
//! A file holds `[[note]]` tables ([`Entry`]), `[parts]` (what a part of a line means, in general), `[sentences]`
//! (what a note adds where the context calls for it) and `[[chapter]]` tables ([`ChapterEntry`]). Texts may hold
//! the placeholders of [`super::template`].

use super::Entry;
use crate::base::hash::Quick;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The files, in the order in which the reference lists them.
const FILES: [(&str, &str); 21] = [
    ("tcp.toml", include_str!("catalogue/tcp.toml")),
    ("tls.toml", include_str!("catalogue/tls.toml")),
    ("dns.toml", include_str!("catalogue/dns.toml")),
    ("smtp.toml", include_str!("catalogue/smtp.toml")),
    ("smtp-replies.toml", include_str!("catalogue/smtp-replies.toml")),
    ("smtp-extensions.toml", include_str!("catalogue/smtp-extensions.toml")),
    ("enhanced.toml", include_str!("catalogue/enhanced.toml")),
    ("message.toml", include_str!("catalogue/message.toml")),
    ("pop3.toml", include_str!("catalogue/pop3.toml")),
    ("imap.toml", include_str!("catalogue/imap.toml")),
    ("imap-replies.toml", include_str!("catalogue/imap-replies.toml")),
    ("imap-untagged.toml", include_str!("catalogue/imap-untagged.toml")),
    ("imap-capabilities.toml", include_str!("catalogue/imap-capabilities.toml")),
    ("imap-parts.toml", include_str!("catalogue/imap-parts.toml")),
    ("findings.toml", include_str!("catalogue/findings.toml")),
    ("facts.toml", include_str!("catalogue/facts.toml")),
    ("outcomes.toml", include_str!("catalogue/outcomes.toml")),
    ("policy.toml", include_str!("catalogue/policy.toml")),
    ("intents.toml", include_str!("catalogue/intents.toml")),
    ("topics.toml", include_str!("catalogue/topics.toml")),
    ("chapters.toml", include_str!("catalogue/chapters.toml")),
];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let mut catalogue = Catalogue::default();
    for (_, text) in FILES {
        // A file that cannot be read leaves a gap, never a panic; a test holds that every one can.
        catalogue.add(toml::from_str(text).unwrap_or_default());
    }
    catalogue
});

/// The catalogue that is part of the program.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

/// A stage of the road, as it stands in a TOML file under `[[chapter]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ChapterEntry {
    /// `submission`, `routing`, `relay`, …
    pub id: String,
    /// Its title where the person is known: `{person}'s client hands the letter in`.
    pub title: String,
    /// Its title where only hosts are known; empty: as `title`.
    #[serde(default)]
    pub title_without_person: String,
    /// A sentence or two that set the scene.
    pub intro: String,
    /// The counterpart in the post office.
    #[serde(default)]
    pub post_office: String,
    /// Who says so.
    pub source: Vec<String>,
}

/// One file of the catalogue.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    note: Vec<Entry>,
    #[serde(default)]
    parts: BTreeMap<String, String>,
    #[serde(default)]
    sentences: BTreeMap<String, String>,
    #[serde(default)]
    chapter: Vec<ChapterEntry>,
}

/// What is looked up many times for each Step.
type Table<T> = std::collections::HashMap<String, T, Quick>;

/// All entries, to be looked up by id.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    entries: Vec<Entry>,
    by_id: Table<usize>,
    /// The entries `message.FIELD`, by the field's name in lower case.
    fields: Table<usize>,
    /// The entries `PROTOCOL.capability.NAME`, by protocol and the name in lower case.
    capabilities: Table<Table<usize>>,
    /// By protocol (empty: any) and name.
    parts: Table<Table<PartTexts>>,
    sentences: Table<String>,
    chapters: BTreeMap<String, ChapterEntry>,
}

/// What a part of one name means: in general, and where it has a certain value (in upper case).
#[derive(Clone, Debug, Default)]
struct PartTexts {
    general: Option<String>,
    by_value: Table<String>,
}

/// Longer values than this have no text of their own, so that they need not be looked up.
const LONGEST_PART_VALUE: usize = 64;

/// What is said about parts of one name, found once: see [`Catalogue::part`].
#[derive(Clone, Copy, Debug)]
pub struct KnownPart<'c> {
    own: Option<&'c PartTexts>,
    any: Option<&'c str>,
    /// Entries by what they announce in lower case, where it is a capability.
    capabilities: Option<&'c Table<usize>>,
    entries: &'c [Entry],
}

impl<'c> KnownPart<'c> {
    /// Whether it matters what the part holds.
    pub fn asks_for_value(&self) -> bool {
        self.capabilities.is_some() || self.own.is_some_and(|texts| !texts.by_value.is_empty())
    }

    /// What is said about a part that holds `value`.
    pub fn text(&self, value: &str) -> Option<&'c str> {
        self.by_value(value)
            .or_else(|| self.capability(value))
            .or_else(|| self.own?.general.as_deref())
            .or(self.any)
    }

    fn by_value(&self, value: &str) -> Option<&'c str> {
        let texts = self.own.filter(|texts| !texts.by_value.is_empty())?;
        let mut upper = [0; LONGEST_PART_VALUE];
        let upper = copied(value, &mut upper)?;
        upper.make_ascii_uppercase();
        texts.by_value.get(&*upper).map(String::as_str)
    }

    /// What `AUTH=PLAIN` or `APPENDLIMIT=10485760` says: the whole word first, then what stands before the `=`.
    fn capability(&self, value: &str) -> Option<&'c str> {
        let capabilities = self.capabilities?;
        let mut lower = [0; LONGEST_PART_VALUE];
        let lower = copied(value, &mut lower)?;
        lower.make_ascii_lowercase();
        let before = lower.split('=').next().unwrap_or_default();
        let at = capabilities.get(&*lower).or_else(|| capabilities.get(before))?;
        self.entries.get(*at).map(|entry| entry.summary.as_str())
    }
}

/// A copy in a place of its own, where it fits: what is looked up needs no memory.
fn copied<'b>(value: &str, buffer: &'b mut [u8]) -> Option<&'b mut str> {
    let place = buffer.get_mut(..value.len())?;
    place.copy_from_slice(value.as_bytes());
    std::str::from_utf8_mut(place).ok()
}

impl Catalogue {
    fn add(&mut self, file: File) {
        for entry in file.note {
            self.by_id.entry(entry.id.clone()).or_insert(self.entries.len());
            if let Some(field) = entry.id.strip_prefix("message.") {
                self.fields.entry(field.to_ascii_lowercase()).or_insert(self.entries.len());
            }
            if let Some((protocol, name)) = entry.id.split_once(".capability.") {
                let of_protocol = self.capabilities.entry(protocol.to_owned()).or_default();
                of_protocol.entry(name.to_ascii_lowercase()).or_insert(self.entries.len());
            }
            self.entries.push(entry);
        }
        for (key, text) in file.parts {
            self.add_part(&key, text);
        }
        self.sentences.extend(file.sentences);
        self.chapters.extend(file.chapter.into_iter().map(|c| (c.id.clone(), c)));
    }

    /// A key is `protocol.name=VALUE`, `protocol.name` or `name`; a value may hold dots of its own.
    fn add_part(&mut self, key: &str, text: String) {
        let (place, value) = key.split_once('=').map_or((key, None), |(place, value)| (place, Some(value)));
        let (protocol, name) = place.split_once('.').unwrap_or(("", place));
        let texts = self.parts.entry(protocol.to_owned()).or_default().entry(name.to_owned()).or_default();
        match value {
            Some(value) => drop(texts.by_value.insert(value.to_owned(), text)),
            None => texts.general = Some(text),
        }
    }

    /// What is said about a header field, in whatever case it is written.
    pub fn field(&self, name: &str) -> Option<&Entry> {
        let mut lower = [0; LONGEST_KEY];
        let lower = copied(name, &mut lower)?;
        lower.make_ascii_lowercase();
        self.entries.get(*self.fields.get(&*lower)?)
    }

    /// The entry of exactly this id.
    pub fn get(&self, id: &str) -> Option<&Entry> {
        self.entries.get(*self.by_id.get(id)?)
    }

    /// The entry of the first of these ids that there is; see [`super::ids`].
    pub fn first<S: AsRef<str>>(&self, ids: &[S]) -> Option<&Entry> {
        ids.iter().find_map(|id| self.get(id.as_ref()))
    }

    /// The entry whose id is made of these pieces, one after the other.
    pub fn joined(&self, pieces: &[&str]) -> Option<&Entry> {
        with_joined(pieces, |id| self.get(id))
    }

    /// Every entry, in the order of the files.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Every source that is named: `RFC 5321 §4.1.1.3`.
    pub fn sources(&self) -> impl Iterator<Item = &str> {
        let entries = self.entries.iter().flat_map(|e| &e.source);
        entries.chain(self.chapters.values().flat_map(|c| &c.source)).map(String::as_str)
    }

    /// What a part means in general: looked for as `protocol.name=VALUE` (the value in upper case), then as
    /// `protocol.name`, then as `name`. A capability that has no such text is told by its own entry.
    pub fn part(&self, protocol: &str, name: &str, value: &str) -> Option<&str> {
        self.known_part(protocol, name).text(value)
    }

    /// Everything that is said about parts of that name.
    pub fn known_part(&self, protocol: &str, name: &str) -> KnownPart<'_> {
        let texts = |protocol: &str| self.parts.get(protocol)?.get(name);
        let is_capability = matches!(name, "capability" | "capa-tag");
        KnownPart {
            own: texts(protocol),
            any: texts("").and_then(|texts| texts.general.as_deref()),
            capabilities: self.capabilities.get(protocol).filter(|_| is_capability),
            entries: &self.entries,
        }
    }

    /// Every text about a part, sorted: its protocol (empty: any), its name, its value where it has one, the text.
    pub fn part_texts(&self) -> Vec<(&str, &str, Option<&str>, &str)> {
        let mut all = Vec::new();
        for (protocol, names) in &self.parts {
            for (name, texts) in names {
                let general = texts.general.iter().map(|text| (None, text));
                let by_value = texts.by_value.iter().map(|(value, text)| (Some(value.as_str()), text));
                for (value, text) in general.chain(by_value) {
                    all.push((protocol.as_str(), name.as_str(), value, text.as_str()));
                }
            }
        }
        all.sort_by_cached_key(|(protocol, name, value, _)| {
            let place = if protocol.is_empty() { (*name).to_owned() } else { format!("{protocol}.{name}") };
            value.map_or(place.clone(), |value| format!("{place}={value}"))
        });
        all
    }

    /// A sentence that a note adds where the context calls for it; empty where there is none of that key.
    pub fn sentence(&self, key: &str) -> &str {
        self.sentences.get(key).map_or("", String::as_str)
    }

    /// The same, where the key is made of these pieces.
    pub fn sentence_joined(&self, pieces: &[&str]) -> &str {
        with_joined(pieces, |key| self.sentences.get(key)).map_or("", String::as_str)
    }

    /// A stage of the road.
    pub fn chapter(&self, id: &str) -> Option<&ChapterEntry> {
        self.chapters.get(id)
    }
}

/// Octets of the longest key that is made of pieces: what is longer stands in no catalogue.
const LONGEST_KEY: usize = 96;

/// Look for a key that is made of pieces, without giving it memory of its own.
fn with_joined<T>(pieces: &[&str], look: impl FnOnce(&str) -> Option<T>) -> Option<T> {
    let mut key = [0; LONGEST_KEY];
    let mut len = 0;
    for piece in pieces {
        key.get_mut(len..len + piece.len())?.copy_from_slice(piece.as_bytes());
        len += piece.len();
    }
    look(std::str::from_utf8(key.get(..len)?).ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::template;
    use super::*;

    fn texts(entry: &Entry) -> Vec<&str> {
        let mut texts = vec![
            &*entry.title,
            &*entry.summary,
            &*entry.detail,
            &*entry.why,
            &*entry.next,
            &*entry.post_office,
            &*entry.mistake,
        ];
        texts.extend(entry.parts.values().map(String::as_str));
        texts
    }

    #[test]
    fn every_file_can_be_read_and_ids_are_unique() {
        for (name, text) in FILES {
            if let Err(error) = toml::from_str::<File>(text) {
                panic!("{name}: {error}");
            }
        }
        let catalogue = catalogue();
        assert_eq!(catalogue.by_id.len(), catalogue.entries.len(), "{:?}", doubles(catalogue));
    }

    fn doubles(catalogue: &Catalogue) -> Vec<&str> {
        let seen = |(i, e): &(usize, &Entry)| catalogue.by_id.get(&e.id) != Some(i);
        catalogue.entries.iter().enumerate().filter(seen).map(|(_, e)| e.id.as_str()).collect()
    }

    /// `RFC 5321 §4.1.1.3`, `RFC 5321` alone never; other standards by their name and a place or year.
    fn is_citation(source: &str) -> bool {
        let Some(rest) = source.strip_prefix("RFC ") else {
            return ["IANA ", "CVE-", "WHATWG "].iter().any(|p| source.starts_with(p));
        };
        // A section without a number is named by its title: `RFC 2782, “Usage rules”`.
        if let Some((number, title)) = rest.split_once(", “") {
            return number.bytes().all(|b| b.is_ascii_digit()) && title.ends_with('”') && title.len() > 5;
        }
        let Some((number, section)) = rest.split_once(" §") else { return false };
        !number.is_empty()
            && number.bytes().all(|b| b.is_ascii_digit())
            && section.starts_with(|c: char| c.is_ascii_alphanumeric())
    }

    #[test]
    fn every_note_says_who_says_so() {
        for entry in catalogue().entries() {
            assert!(!entry.source.is_empty(), "{}", entry.id);
            for source in &entry.source {
                assert!(is_citation(source), "{}: {source}", entry.id);
            }
        }
        for chapter in catalogue().chapters.values() {
            assert!(
                chapter.source.iter().all(|s| is_citation(s)) && !chapter.source.is_empty(),
                "{}",
                chapter.id
            );
        }
    }

    #[test]
    fn notes_are_short_and_plain() {
        for entry in catalogue().entries() {
            let id = &entry.id;
            assert!(!entry.title.is_empty() && !entry.summary.is_empty(), "{id}");
            assert!(entry.summary.chars().count() <= 90, "{id}: {}", entry.summary.chars().count());
            assert!(
                !entry.summary.ends_with('.') || entry.summary.ends_with("<CRLF>.<CRLF>"),
                "{id}: full stop"
            );
            assert_eq!(
                entry.misconception.is_some(),
                entry.misconception.is_some_and(|n| (1..=32).contains(&n))
            );
            assert!(
                entry.misconception.is_none() || !entry.mistake.is_empty(),
                "{id}: misconception unnamed"
            );
            for text in texts(entry) {
                assert!(!text.to_lowercase().contains("simply") && !text.contains('!'), "{id}: {text}");
                assert!(!text.contains("  ") && text.trim() == text, "{id}: spaces in {text:?}");
            }
        }
    }

    #[test]
    fn every_placeholder_is_known() {
        let catalogue = catalogue();
        let entries = catalogue.entries.iter().flat_map(|e| texts(e).into_iter().map(|t| (e.id.as_str(), t)));
        let chapters = catalogue.chapters.values().flat_map(|c| {
            [&c.title, &c.title_without_person, &c.intro, &c.post_office].map(|t| (c.id.as_str(), t.as_str()))
        });
        let parts = catalogue.parts.values().flatten().flat_map(|(name, texts)| {
            texts.general.iter().chain(texts.by_value.values()).map(move |t| (name.as_str(), t.as_str()))
        });
        let sentences = catalogue.sentences.iter().map(|(key, t)| (key.as_str(), t.as_str()));
        for (id, text) in entries.chain(chapters).chain(parts).chain(sentences) {
            for name in template::placeholders(text) {
                assert!(template::default_of(name).is_some(), "{id}: {{{name}}} is not a placeholder");
            }
        }
    }

    #[test]
    fn every_misconception_that_smtp_and_dns_can_show_has_its_note() {
        let named: std::collections::BTreeSet<u8> =
            catalogue().entries().iter().filter_map(|e| e.misconception).collect();
        for n in [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 22, 23, 24, 25, 28, 29, 30] {
            assert!(named.contains(&n), "misconception {n} is named by no note");
        }
    }

    #[test]
    fn a_capability_is_told_by_its_entry_whatever_its_value() {
        let part = |value| catalogue().part("imap", "capability", value).unwrap_or_default();
        assert!(part("APPENDLIMIT=10485760").contains("largest message"), "{}", part("APPENDLIMIT=1"));
        assert_eq!(part("AUTH=PLAIN"), catalogue().get("imap.capability.AUTH=PLAIN").unwrap().summary);
        assert!(part("SORT=DISPLAY").contains("names that are shown"));
        assert!(part("X-NEW").contains("ignores"));
        assert_eq!(
            catalogue().part("pop3", "capa-tag", "stls"),
            catalogue().part("pop3", "capa-tag", "STLS")
        );
    }

    #[test]
    fn no_entry_speaks_of_a_whole_class_of_codes() {
        for entry in catalogue().entries() {
            assert!(!entry.id.contains("yz"), "{}: a class is no note of its own", entry.id);
        }
    }
}
