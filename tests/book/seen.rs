//! Where the library's recordings show what the catalogue speaks of: for each entry the first recording and Step.

use super::page::root;
use postroad::dissect::{Kind, Protocol, Step};
use postroad::explain::{Item, Story, catalogue, ids};
use postroad::trace::Record;
use postroad::trace::file::Transcript;
use std::collections::BTreeMap;

/// Recording and number of a Step, by the id of an entry.
#[derive(Default)]
pub struct Seen(BTreeMap<String, (String, usize)>);

impl Seen {
    /// Read the recordings, in this order: the simple ones come first.
    pub fn read(names: &[String]) -> Self {
        let mut seen = Self::default();
        for name in names {
            let path = root().join(format!("transcripts/{name}.jsonl"));
            let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let (transcript, _) = Transcript::read(&bytes[..]).expect("a recording of the library");
            let Some(Record::Head(head)) = transcript.records.first() else { panic!("{name} has no head") };
            let mut story = Story::new(head);
            for (index, record) in transcript.records.iter().enumerate() {
                seen.learn(name, story.push(index, record));
            }
            seen.learn(name, story.finish());
        }
        seen
    }

    fn learn(&mut self, name: &str, items: Vec<Item>) {
        for item in items {
            let Item::Step(step, note) = item else { continue };
            let mut shows = vec![note.id.to_string()];
            shows.extend(ids::of(&step, None));
            shows.extend(step.findings.iter().map(|finding| format!("finding.{}", finding.id)));
            shows.extend(inside(&step));
            for id in shows.into_iter().filter(|id| catalogue().get(id).is_some()) {
                self.0.entry(id).or_insert_with(|| (name.to_owned(), step.number));
            }
        }
    }

    /// The command that shows an entry.
    pub fn command(&self, id: &str) -> Option<String> {
        let (name, step) = self.0.get(id)?;
        Some(format!("postroad replay {name} --steps {step}"))
    }

    /// How many entries are shown somewhere.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// Entries about what a line holds: extensions, capabilities, enhanced codes, header fields.
fn inside(step: &Step) -> Vec<String> {
    let text = String::from_utf8_lossy(&step.bytes);
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    match (step.protocol, step.kind, step.verb.as_str()) {
        (Protocol::Smtp, Kind::Reply, verb) => {
            let enhanced = step.code.split_once(' ').and_then(|(_, e)| e.split_once('.'));
            let enhanced = enhanced.map(|(_, rest)| format!("smtp.enhanced.X.{rest}"));
            let lines = text.lines().skip(1).filter(|_| verb == "EHLO");
            let extensions = lines.filter_map(|line| words(line.get(4..)?).first().cloned());
            enhanced.into_iter().chain(extensions.map(|name| format!("smtp.ehlo.{name}"))).collect()
        }
        (Protocol::Pop3, _, "CAPA") => {
            let names = text.lines().filter_map(|line| words(line).first().cloned());
            names.map(|name| format!("pop3.capability.{name}")).collect()
        }
        (Protocol::Imap, Kind::Untagged, "CAPABILITY") => {
            words(&text).into_iter().map(|name| format!("imap.capability.{name}")).collect()
        }
        (_, Kind::Data, _) => {
            let header = text.lines().take_while(|line| !line.is_empty());
            let names = header.filter_map(|line| line.split_once(':').map(|(name, _)| name));
            names.filter_map(|name| catalogue().field(name)).map(|entry| entry.id.clone()).collect()
        }
        _ => Vec::new(),
    }
}
