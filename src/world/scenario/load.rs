//! TOML text → [`Scenario`], with errors that point into the file; and the effective scenario back to TOML.
//!
//! Three readers look at the text: toml's parser (syntax), serde (keys and types), and [`check`] (sense). What
//! they find ends in one [`LoadError`], which shows the lines it is about.

use super::check::{self, Complaint, Key};
use super::terms::nearest;
use super::{
    Access, Account, Act, Fault, Host, Link, MailClient, Person, Preloaded, QueueSpec, Redirect, Scenario,
    SenderPolicy, ServerMailbox, Tls, Zone, presets,
};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// One thing that is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in a sentence without a full stop.
    pub message: String,
    /// Bytes of the file that it is about, where it is about some.
    pub span: Option<Range<usize>>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A scenario that does not load. `Display` is [`LoadError::render`] without colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The file's name, as it was given.
    pub file: String,
    /// The file's text, to show the lines.
    text: String,
    /// What is wrong: at least one.
    pub problems: Vec<Problem>,
}

impl LoadError {
    fn new(file: &str, text: &str, problems: Vec<Problem>) -> Self {
        LoadError { file: file.to_owned(), text: text.to_owned(), problems }
    }

    /// No built-in scenario has this name.
    pub(super) fn unknown_builtin(name: &str) -> Self {
        let problem = Problem {
            message: format!("there is no built-in scenario `{}`", name.escape_debug()),
            span: None,
            help: Some(choose(name, presets::all_names())),
        };
        LoadError::new("", "", vec![problem])
    }

    /// The problems as a compiler would show them, with the lines of the file.
    pub fn render(&self, colour: bool) -> String {
        let mut report = Vec::new();
        for problem in &self.problems {
            let mut group = Group::with_title(Level::ERROR.primary_title(problem.message.as_str()));
            match self.place(problem) {
                Some(span) => {
                    let snippet = Snippet::source(self.text.as_str()).path(self.file.as_str());
                    group = group.element(snippet.annotation(AnnotationKind::Primary.span(span)));
                }
                None if !self.file.is_empty() => {
                    group = group.element(annotate_snippets::Origin::path(self.file.as_str()));
                }
                None => {}
            }
            if let Some(help) = &problem.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            report.push(group);
        }
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&report)
    }

    /// File and line of the first problem, as in `faults.toml:7`, and what it is, as one line.
    pub fn first(&self) -> (String, String) {
        let Some(problem) = self.problems.first() else { return (self.file.clone(), String::new()) };
        let lines = |span: Range<usize>| self.text[..span.start].matches('\n').count() + 1;
        let place = match self.place(problem).map(lines) {
            Some(line) => format!("{}:{line}", self.file),
            None => self.file.clone(),
        };
        let help = problem.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        (place, format!("{}{help}", problem.message))
    }

    /// The problem's span, if it lies inside the text on character boundaries.
    fn place(&self, problem: &Problem) -> Option<Range<usize>> {
        problem.span.clone().filter(|span| self.text.get(span.clone()).is_some())
    }
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for LoadError {}

/// A file that changes a built-in scenario instead of writing one anew.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Preset {
    /// Which built-in scenario it changes.
    pub extends: String,
    /// Replaces the title.
    pub title: Option<String>,
    /// Replaces the text.
    pub about: Option<String>,
    /// Replaces the start.
    pub start: Option<String>,
    /// Replaces the seed.
    pub seed: Option<u64>,
    /// Replace all acts.
    #[serde(rename = "act")]
    pub acts: Option<Vec<Act>>,
    /// Are added; one whose name is there already takes its place.
    #[serde(rename = "host", default)]
    pub hosts: Vec<Host>,
    /// Are added; one between the same two hosts takes the other's place.
    #[serde(rename = "link", default)]
    pub links: Vec<Link>,
    /// Are added; the records of one whose origin is there already are added to it.
    #[serde(rename = "zone", default)]
    pub zones: Vec<Zone>,
    /// Are added; one of the same domain takes the other's place.
    #[serde(rename = "sender-policy", default)]
    pub sender_policies: Vec<SenderPolicy>,
    /// Are added; one whose address is there already takes its place.
    #[serde(rename = "redirect", default)]
    pub redirects: Vec<Redirect>,
    /// Are added; one whose address is there already takes its place.
    #[serde(rename = "account", default)]
    pub accounts: Vec<Account>,
    /// Are added; one whose name is there already takes its place.
    #[serde(rename = "person", default)]
    pub people: Vec<Person>,
    /// Replaces how queues deal with what cannot be delivered yet.
    pub queue: Option<QueueSpec>,
    /// Replaces by which protocol every mail client reaches its mailbox.
    pub access: Option<Access>,
    /// Replaces what servers do with TLS.
    pub tls: Option<Tls>,
    /// Are added.
    #[serde(rename = "mailbox", default)]
    pub mailboxes: Vec<ServerMailbox>,
    /// Are added.
    #[serde(rename = "message", default)]
    pub messages: Vec<Preloaded>,
    /// Are added; one whose device is there already takes its place.
    #[serde(rename = "client", default)]
    pub clients: Vec<MailClient>,
    /// Are added.
    #[serde(rename = "fault", default)]
    pub faults: Vec<Fault>,
}

/// A file of faults.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnlyFaults {
    #[serde(rename = "fault", default)]
    faults: Vec<Fault>,
}

impl Preset {
    /// Put its parts onto a scenario. Gives where in the scenario each element of its lists stands now.
    fn put_onto(self, scenario: &mut Scenario) -> Places {
        let mut places = Places::new();
        let mut note = |key: &'static str, at: usize| places.entry(key).or_default().push(at);
        let Preset { title, about, start, seed, acts, hosts, links, zones, people, faults, .. } = self;
        let (access, mailboxes, messages, clients) =
            (self.access, self.mailboxes, self.messages, self.clients);
        scenario.access = access.or(scenario.access);
        scenario.queue = self.queue.or(scenario.queue.take());
        scenario.tls = self.tls.unwrap_or(scenario.tls);
        scenario.title = title.unwrap_or(std::mem::take(&mut scenario.title));
        scenario.about = about.unwrap_or(std::mem::take(&mut scenario.about));
        scenario.start = start.unwrap_or(std::mem::take(&mut scenario.start));
        scenario.seed = seed.unwrap_or(scenario.seed);
        if let Some(acts) = acts {
            (0..acts.len()).for_each(|at| note("act", at));
            scenario.acts = acts;
        }
        for host in hosts {
            note("host", put(&mut scenario.hosts, host, |a, b| a.name.eq_ignore_ascii_case(&b.name)));
        }
        for link in links {
            note("link", put(&mut scenario.links, link, Link::joins_the_same));
        }
        for zone in zones {
            match scenario.zones.iter_mut().find(|known| known.origin.eq_ignore_ascii_case(&zone.origin)) {
                Some(known) => known.records.extend(zone.records),
                None => note("zone", put(&mut scenario.zones, zone, |_, _| false)),
            }
        }
        for policy in self.sender_policies {
            let same = |a: &SenderPolicy, b: &SenderPolicy| a.domain.eq_ignore_ascii_case(&b.domain);
            note("sender-policy", put(&mut scenario.sender_policies, policy, same));
        }
        for redirect in self.redirects {
            let same = |a: &Redirect, b: &Redirect| a.address.eq_ignore_ascii_case(&b.address);
            note("redirect", put(&mut scenario.redirects, redirect, same));
        }
        for account in self.accounts {
            let same = |a: &Account, b: &Account| a.address.eq_ignore_ascii_case(&b.address);
            note("account", put(&mut scenario.accounts, account, same));
        }
        for person in people {
            note("person", put(&mut scenario.people, person, |a, b| a.name == b.name));
        }
        for mailbox in mailboxes {
            note("mailbox", put(&mut scenario.mailboxes, mailbox, |_, _| false));
        }
        for message in messages {
            note("message", put(&mut scenario.messages, message, |_, _| false));
        }
        for client in clients {
            let same = |a: &MailClient, b: &MailClient| a.device.eq_ignore_ascii_case(&b.device);
            note("client", put(&mut scenario.clients, client, same));
        }
        for fault in faults {
            note("fault", put(&mut scenario.faults, fault, |_, _| false));
        }
        places
    }
}

/// For each list of a preset: where its elements stand in the effective scenario.
type Places = BTreeMap<&'static str, Vec<usize>>;

/// Put an element in the place of the same one, or behind all others; gives its place.
fn put<T>(list: &mut Vec<T>, element: T, same: impl Fn(&T, &T) -> bool) -> usize {
    let at = list.iter().position(|known| same(known, &element)).unwrap_or(list.len());
    match list.get_mut(at) {
        Some(known) => *known = element,
        None => list.push(element),
    }
    at
}

impl Scenario {
    /// Read a scenario, or a preset that extends one. `file_name` is only shown in errors.
    ///
    /// The scenario that comes back makes sense: every name that it mentions is one of its own.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Scenario, LoadError> {
        let table = syntax(text, file_name)?;
        if table.keys().any(|key| key.get_ref() == "extends") {
            return extend(read_preset(text, file_name)?, text, file_name);
        }
        let scenario: Scenario = typed(text, file_name, &table)?;
        let complaints = check::check(&scenario);
        reject(complaints, &table, text, file_name)?;
        Ok(scenario)
    }

    /// Read a file that holds nothing but faults for this scenario: `[[fault]]` tables. They make sense in it.
    ///
    /// # Errors
    /// Where it does not hold such tables, or they do not fit.
    pub fn read_faults(&self, text: &str, file_name: &str) -> Result<Vec<Fault>, LoadError> {
        let table = syntax(text, file_name)?;
        let read: OnlyFaults = typed(text, file_name, &table)?;
        let whole = Scenario { faults: read.faults, ..self.clone() };
        let places = Places::from([("fault", (0..whole.faults.len()).collect())]);
        reject(rebase(check::check(&whole), &places), &table, text, file_name)?;
        Ok(whole.faults)
    }

    /// The whole scenario as TOML: it loads back equal.
    pub fn to_toml(&self) -> String {
        // Every value has a TOML form, so this cannot fail; a comment would be seen if it ever did.
        toml::to_string_pretty(self).unwrap_or_else(|error| format!("# {error}\n"))
    }
}

/// Read a preset, without asking whether it fits.
pub(super) fn read_preset(text: &str, file_name: &str) -> Result<Preset, LoadError> {
    let table = syntax(text, file_name)?;
    typed(text, file_name, &table)
}

/// Check `broken`, whose faults from number `before` on came from the preset `text`.
pub(super) fn check_appended(
    broken: &Scenario,
    before: usize,
    text: &str,
    file: &str,
) -> Result<(), LoadError> {
    let table = syntax(text, file)?;
    let places = Places::from([("fault", (before..broken.faults.len()).collect())]);
    reject(rebase(check::check(broken), &places), &table, text, file)
}

/// The scenario that a preset makes of the one it extends.
fn extend(preset: Preset, text: &str, file_name: &str) -> Result<Scenario, LoadError> {
    let table = syntax(text, file_name)?;
    let Some(base_text) = presets::builtin(&preset.extends) else {
        let problem = Problem {
            message: format!("there is no built-in scenario `{}` to extend", preset.extends.escape_debug()),
            span: find(&table, &[Key::Name("extends")]),
            help: Some(choose(&preset.extends, presets::all_names())),
        };
        return Err(LoadError::new(file_name, text, vec![problem]));
    };
    // A built-in may extend another one; each extends one that stands before it, or the journey: no loop.
    let mut scenario = Scenario::from_toml(base_text, &presets::file_name(&preset.extends))?;
    let places = preset.put_onto(&mut scenario);
    reject(rebase(check::check(&scenario), &places), &table, text, file_name)?;
    Ok(scenario)
}

/// Complaints about elements of the effective scenario, by their number in the preset's file. What does not stand in
/// that file has no place in it.
fn rebase(mut complaints: Vec<Complaint>, places: &Places) -> Vec<Complaint> {
    for complaint in &mut complaints {
        if let [Key::Name(list), Key::At(number), ..] = complaint.path.as_mut_slice() {
            let at = places.get(list).and_then(|own| own.iter().position(|place| place == number));
            match at {
                Some(at) => *number = at,
                None => complaint.path.clear(),
            }
        }
    }
    complaints
}

/// toml's parser: is it TOML at all?
fn syntax<'a>(text: &'a str, file: &str) -> Result<DeTable<'a>, LoadError> {
    match DeTable::parse(text) {
        Ok(table) => Ok(table.into_inner()),
        Err(error) => {
            let message = format!("this is not TOML: {}", error.message());
            Err(LoadError::new(file, text, vec![Problem { message, span: error.span(), help: None }]))
        }
    }
}

/// serde: are the keys and types right?
fn typed<T: for<'a> Deserialize<'a>>(text: &str, file: &str, table: &DeTable<'_>) -> Result<T, LoadError> {
    let faults = fault_problems(table);
    if !faults.is_empty() {
        return Err(LoadError::new(file, text, faults));
    }
    toml::from_str(text).map_err(|error| {
        let (message, help) = reword(error.message());
        LoadError::new(file, text, vec![Problem { message, span: error.span(), help }])
    })
}

/// Each `[[fault]]` by itself: because its `kind` decides its keys, serde loses their places, and they are found
/// again here.
fn fault_problems(table: &DeTable<'_>) -> Vec<Problem> {
    let Some(DeValue::Array(faults)) = entry(table, "fault").map(|(_, value)| value.get_ref()) else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for fault in faults {
        let source = toml::de::ValueDeserializer::from(fault.clone());
        let Err(error) = Fault::deserialize(source) else { continue };
        let (message, help) = reword(error.message());
        let inner = fault.get_ref().as_table();
        let span = match (inner, quoted(error.message())) {
            (Some(inner), Some(word)) if error.message().starts_with("unknown field") => {
                entry(inner, word).map(|(key, _)| key)
            }
            (Some(inner), _) if error.message().starts_with("unknown variant") => {
                entry(inner, "kind").map(|(_, value)| value.span())
            }
            _ => None,
        };
        problems.push(Problem { message, span: Some(span.unwrap_or_else(|| fault.span())), help });
    }
    problems
}

/// serde's message in our words, with a hint from the names that it lists.
fn reword(message: &str) -> (String, Option<String>) {
    let names =
        |list: &str| -> Vec<String> { list.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    for (prefix, what) in [("unknown field `", "key"), ("unknown variant `", "value")] {
        let Some((word, expected)) = message.strip_prefix(prefix).and_then(|rest| rest.split_once('`'))
        else {
            continue;
        };
        let known = names(expected);
        let help = match known.is_empty() {
            true => None,
            false => Some(choose(word, known.iter().map(String::as_str))),
        };
        return (format!("unknown {what} `{}`", word.escape_debug()), help);
    }
    match message.strip_prefix("missing field ") {
        Some(field) => (format!("the key {field} is missing"), None),
        None => (message.to_owned(), None),
    }
}

/// The first word in backquotes.
fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

/// `did you mean …?`, or the whole choice where nothing is near.
pub(super) fn choose<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if let Some(near) = nearest(word, candidates.iter().copied()) {
        return format!("did you mean `{near}`?");
    }
    match candidates.as_slice() {
        [] => "there is none".to_owned(),
        [one] => format!("there is only `{one}`"),
        many => format!("there are: `{}`", many.join("`, `")),
    }
}

/// Complaints with their places in the file, as an error if there are any.
fn reject(complaints: Vec<Complaint>, table: &DeTable<'_>, text: &str, file: &str) -> Result<(), LoadError> {
    if complaints.is_empty() {
        return Ok(());
    }
    let locate = |complaint: Complaint| Problem {
        span: find(table, &complaint.path).map(|span| narrow(text, span, complaint.within)),
        message: complaint.message,
        help: complaint.help,
    };
    Err(LoadError::new(file, text, complaints.into_iter().map(locate).collect()))
}

/// Key (its span) and value of a name in a table.
fn entry<'a, 'i>(
    table: &'a DeTable<'i>,
    name: &str,
) -> Option<(Range<usize>, &'a toml::Spanned<DeValue<'i>>)> {
    table.iter().find(|(key, _)| key.get_ref() == name).map(|(key, value)| (key.span(), value))
}

/// The place of a path; where its end is not in the file (a default), the place of what should hold it.
fn find(table: &DeTable<'_>, path: &[Key]) -> Option<Range<usize>> {
    let (Some(Key::Name(first)), rest) = (path.first(), path.get(1..).unwrap_or_default()) else {
        return None;
    };
    let mut value = entry(table, first)?.1;
    for key in rest {
        let inner = match (key, value.get_ref()) {
            (Key::Name(name), DeValue::Table(table)) => entry(table, name).map(|(_, value)| value),
            (Key::At(index), DeValue::Array(array)) => array.get(*index),
            _ => None,
        };
        match inner {
            Some(inner) => value = inner,
            None => break,
        }
    }
    Some(value.span())
}

/// The part of a string that is meant, where the string is written on one line and without escapes.
fn narrow(text: &str, span: Range<usize>, within: Option<Range<usize>>) -> Range<usize> {
    let Some(within) = within else { return span };
    let raw = text.get(span.clone()).unwrap_or_default();
    let is_plain = (raw.starts_with('"') || raw.starts_with('\''))
        && !raw.starts_with("\"\"\"")
        && !raw.starts_with("'''")
        && !(raw.starts_with('"') && raw.contains('\\'));
    let (start, end) = (span.start + 1 + within.start, span.start + 1 + within.end);
    if is_plain && end < span.end { start..end } else { span }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The journey with one text replaced: what the loader says about it, and the bytes that it points at.
    fn broken(from: &str, to: &str) -> (String, String, String) {
        let journey = presets::builtin("journey").expect("is there");
        assert!(journey.contains(from), "{from}");
        complaint(&journey.replacen(from, to, 1))
    }

    fn complaint(text: &str) -> (String, String, String) {
        let error = Scenario::from_toml(text, "mine.toml").expect_err("does not load");
        let first = &error.problems[0];
        let pointed = first.span.clone().map(|span| text[span].to_owned()).unwrap_or_default();
        (first.message.clone(), pointed, first.help.clone().unwrap_or_default())
    }

    /// What is replaced in the journey and by what; then the message, the bytes it points at, and part of the help.
    const MISTAKES: [[&str; 5]; 16] = [
        [
            "title = \"Alice writes to Bob\"",
            "titel = \"x\"",
            "unknown key `titel`",
            "titel",
            "did you mean `title`?",
        ],
        ["\ntitle = ", "\ntitle = = ", "this is not TOML", "=", ""],
        ["seed = 1", "seed = \"one\"", "invalid type: string \"one\", expected u64", "\"one\"", ""],
        [
            "2026-01-05T09:00:00Z",
            "2026-13-05",
            "`2026-13-05` is not a moment in UTC",
            "\"2026-13-05\"",
            "2026-01-05T09",
        ],
        [
            "roles = [\"dns\"]",
            "roles = [\"dnss\"]",
            "unknown value `dnss`",
            "\"dnss\"",
            "did you mean `dns`?",
        ],
        ["\"192.0.2.53\"", "\"192.0.2\"", "invalid IP address syntax", "\"192.0.2\"", ""],
        [
            "\"192.0.2.53\"",
            "\"192.0.2.25\"",
            "another host has the address 192.0.2.25 already",
            "\"192.0.2.25\"",
            "",
        ],
        [
            "\"@ MX 20 mx2.example.net.\"",
            "\"@ MX 2o mx2.example.net.\"",
            "`2o` is not a number from 0 to 65535",
            "2o",
            "a record is",
        ],
        [
            "host = \"mx1.example.net\"",
            "host = \"mx1.exmaple.net\"",
            "this scenario has no host `mx1.exmaple.net`",
            "\"mx1.exmaple.net\"",
            "did you mean `mx1.example.net`?",
        ],
        [
            "address = \"bob@example.net\"",
            "address = \"bob@exampel.net\"",
            "no host takes mail for `exampel.net`",
            "\"bob@exampel.net\"",
            "did you mean `example.net`?",
        ],
        [
            "devices = [\"alice-laptop.example.com\"]",
            "devices = []",
            "`Alice` has no device",
            "[]",
            "role `mua`",
        ],
        ["when = \"mail\"", "when = \"soon\"", "`soon` is no moment of a story", "\"soon\"", "+5s"],
        [
            "who = \"Alice\"",
            "who = \"Alcie\"",
            "this scenario has no person `Alcie`",
            "\"Alcie\"",
            "did you mean `Alice`?",
        ],
        [
            "Bob <bob@example.net>",
            "Bob bob@example.net>",
            "`Bob bob@example.net>` is no address",
            "\"Bob bob@example.net>\"",
            "write",
        ],
        [
            "subject = \"Tea",
            "subject = \"Tea\\r\\nBcc: eve",
            "this must be one line without control characters",
            "",
            "",
        ],
        [
            "between = [\"bob-phone.example.net\"",
            "between = [\"bob-fone.example.net\"",
            "this scenario has no host `bob-fone.example.net`",
            "\"bob-fone.example.net\"",
            "did you mean `bob-phone",
        ],
    ];

    #[test]
    fn each_mistake_is_named_with_its_place_and_a_hint() {
        for [from, to, message, pointed, help] in MISTAKES {
            let (m, p, h) = broken(from, to);
            assert!(m.starts_with(message), "{to}: {m}");
            assert!(pointed.is_empty() || p == pointed, "{to}: points at {p:?}");
            assert!(h.contains(help), "{to}: {h}");
        }
    }

    #[test]
    fn faults_are_checked_key_by_key() {
        let with = |fault: &str| complaint(&format!("extends = \"journey\"\n[[fault]]\n{fault}\n"));
        let (message, pointed, help) = with("kind = \"greylst\"\nhost = \"mx1.example.net\"");
        assert_eq!((message.as_str(), pointed.as_str()), ("unknown value `greylst`", "\"greylst\""));
        assert_eq!(help, "did you mean `greylist`?");
        let (message, pointed, help) = with("kind = \"down\"\nhost = \"mx1.example.net\"\nuntil = 5");
        assert_eq!((message.as_str(), pointed.as_str()), ("unknown key `until`", "until"));
        assert!(help.contains("until-s"), "{help}");
        let (message, ..) = with("kind = \"greylist\"\nhost = \"mx1.example.net\"");
        assert_eq!(message, "the key `delay-s` is missing");
        let (message, pointed, _) = with("kind = \"down\"\nhost = \"mx2.example.net\"\nservice = \"imap\"");
        assert_eq!(message, "`mx2.example.net` does not have the role `imap`");
        assert_eq!(pointed, "\"imap\"");
        let (message, pointed, _) =
            with("kind = \"add-record\"\nzone = \"example.net\"\nrecord = \"@ MX 10\"");
        assert_eq!((message.as_str(), pointed.as_str()), ("the mail host's name is missing", ""));
        let (message, ..) = with("kind = \"remove-records\"\nname = \"example.nte\"\nrtype = \"MX\"");
        assert_eq!(message, "no zone has MX records of `example.nte`");
    }

    #[test]
    fn a_preset_extends_a_built_in_scenario() {
        let text = "extends = \"journey\"\ntitle = \"Mine\"\nseed = 7\nact = []\n";
        let scenario = Scenario::from_toml(text, "mine.toml").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!((scenario.title.as_str(), scenario.seed, scenario.acts.len()), ("Mine", 7, 0));
        let (message, pointed, help) = complaint("extends = \"jorney\"");
        assert_eq!(message, "there is no built-in scenario `jorney` to extend");
        assert_eq!((pointed.as_str(), help.as_str()), ("\"jorney\"", "did you mean `journey`?"));
        let (message, ..) = complaint("extends = \"journey\"\n[network]\nlatency-ms = 1");
        assert_eq!(message, "unknown key `network`");
        let host = "[[host]]\nname = \"x.example.org\"\naddresses = [\"192.0.2.77\"]\nroles = []";
        let (message, pointed, _) = complaint(&format!("extends = \"journey\"\n{host}"));
        assert_eq!((message.as_str(), pointed.as_str()), ("a host without a role does nothing", "[]"));
        let (message, pointed, _) = complaint(
            "extends = \"journey\"\n[[host]]\nname = \"mx1.example.net\"\naddresses = [\"192.0.2.77\"]\nroles = [\"mta\"]",
        );
        assert!(message.contains("does not take mail for") && pointed.is_empty(), "{message} {pointed}");
    }

    #[test]
    fn errors_show_the_line() {
        let text =
            "extends = \"journey\"\n\n[[fault]]\nkind = \"mailbox-full\"\naccount = \"bbo@example.net\"\n";
        let shown = Scenario::from_toml(text, "mine.toml").expect_err("no bbo").to_string();
        let want = "\
error: this scenario has no account `bbo@example.net`
 --> mine.toml:5:11
  |
5 | account = \"bbo@example.net\"
  |           ^^^^^^^^^^^^^^^^^
  |
  = help: did you mean `bob@example.net`?";
        assert_eq!(shown, want);
    }

    #[test]
    fn any_scenario_prints_and_loads_back() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.seed = u64::MAX;
        scenario.about = "'''\n\"\"\" \\ \u{1f} é\r\n\ttail ".to_owned();
        if let super::super::What::Send(letter) = &mut scenario.acts[0].what {
            letter.body = "\r\nline\\\n'''\"\"\"\"\n.\n".to_owned();
            letter.attachments = vec![super::super::Attachment {
                name: "a.txt".to_owned(),
                media_type: "text/plain".to_owned(),
                base64: "aGk=".to_owned(),
                octets: 0,
            }];
        }
        let again = Scenario::from_toml(&scenario.to_toml(), "printed").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again, scenario);
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 24, failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_damage_makes_it_panic(at in 0_usize..9000, cut in 0_usize..40, put in "[ -~\n]{0,6}") {
            let mut text = presets::builtin("journey").unwrap_or_default().to_owned();
            let start = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((start + cut).min(text.len())).max(start);
            text.replace_range(start..end, &put);
            if let Err(error) = Scenario::from_toml(&text, "damaged.toml") {
                assert!(!error.render(true).is_empty());
            }
        }
    }
}
