//! The command line's letter put into a scenario: who writes, to whom, what, and how it is fetched.
//!
//! Whoever is named gets what they need to take part: a recipient whose account is nobody's in the scenario
//! becomes a person with a laptop, so that the letter is fetched too.

use super::CommandError;
use super::args::{Fetch, Journey};
use crate::base::escape;
use crate::world::scenario::{
    Account, Act, Attachment, Host, Letter, Person, RoleKind, Scenario, What, terms,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The largest file that is taken along: 32 MiB, above what any server of the journey accepts.
const LARGEST: u64 = 32 << 20;
/// Seconds between readers who are added.
const BETWEEN: u32 = 10;
/// `198.51.100.0/24` is for documentation (RFC 5737 §3); laptops that are added stand from here on.
const FIRST_LAPTOP: u8 = 100;

/// Put what was asked for into the scenario.
pub fn apply(scenario: &mut Scenario, args: &Journey) -> Result<(), CommandError> {
    if let Some(seed) = args.seed {
        scenario.seed = seed;
    }
    if let Some(tls) = args.tls {
        scenario.tls = tls.into();
    }
    if is_rewritten(args) {
        let at = scenario.acts.iter().position(|act| matches!(act.what, What::Send(_))).ok_or_else(|| {
            let hint = "leave out --from, --to, --subject, --body and --attach, or choose another scenario";
            CommandError::usage("nobody in this scenario writes a letter, so there is none to change", hint)
        })?;
        if let Some(from) = &args.from {
            sender(scenario, at, from)?;
        }
        recipients(scenario, at, args)?;
        content(scenario, at, args)?;
    }
    if let Some(fetch) = args.fetch {
        fetched(scenario, fetch);
    }
    Ok(())
}

fn is_rewritten(args: &Journey) -> bool {
    let text =
        args.from.is_some() || args.subject.is_some() || args.body.is_some() || args.body_file.is_some();
    text || !(args.to.is_empty() && args.cc.is_empty() && args.bcc.is_empty() && args.attach.is_empty())
}

fn letter(scenario: &mut Scenario, at: usize) -> Option<&mut Letter> {
    match scenario.acts.get_mut(at).map(|act| &mut act.what) {
        Some(What::Send(letter)) => Some(letter),
        _ => None,
    }
}

/// Local part and domain of an address, or what is wrong with it.
fn parsed<'a>(option: &str, address: &'a str) -> Result<(&'a str, &'a str), CommandError> {
    terms::address(address.trim()).ok_or_else(|| {
        let message = format!("{option} {} is not an e-mail address", quoted(address));
        CommandError::usage(message, "write it as bob@example.net, or as 'Bob <bob@example.net>'")
    })
}

/// What is known, with what was probably meant in front.
fn hint(word: &str, known: &[&str], what: &str) -> String {
    let meant = terms::nearest(word, known.iter().copied());
    let meant = meant.map_or(String::new(), |near| format!("did you mean {near}? "));
    format!("{meant}{what}: {}", known.join(", "))
}

fn quoted(text: &str) -> String {
    format!("“{}”", escape::text(text))
}

/// Somebody else writes: one who has an account.
fn sender(scenario: &mut Scenario, at: usize, from: &str) -> Result<(), CommandError> {
    let (local, domain) = parsed("--from", from)?;
    let address = format!("{local}@{domain}");
    let Some(account) = account_of(scenario, &address).cloned() else {
        let known: Vec<&str> = scenario.accounts.iter().map(|a| a.address.as_str()).collect();
        let message =
            format!("--from {} has no account here, so no server would take the letter", quoted(&address));
        return Err(CommandError::usage(message, hint(&address, &known, "accounts")));
    };
    if !hands_in(scenario, &account) {
        let writers = scenario.accounts.iter().filter(|a| hands_in(scenario, a));
        let writers: Vec<&str> = writers.map(|a| a.address.as_str()).collect();
        let message =
            format!("--from {}: no server here takes letters from people at {domain}", quoted(&address));
        return Err(CommandError::usage(message, format!("who can write: {}", writers.join(", "))));
    }
    let who = person_of(scenario, &account);
    if let Some(act) = scenario.acts.get_mut(at) {
        act.who = who;
        act.device = String::new();
    }
    if let Some(letter) = letter(scenario, at) {
        letter.from = from.trim().to_owned();
    }
    Ok(())
}

/// Whether the DNS tells the account's client where to hand letters in (RFC 6186 §3).
fn hands_in(scenario: &Scenario, account: &Account) -> bool {
    let domain = account.address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let own = scenario.zones.iter().filter(|z| z.origin.trim_end_matches('.').eq_ignore_ascii_case(domain));
    own.flat_map(|z| &z.records).any(|record| record.trim_start().starts_with("_submission"))
}

/// Other recipients: they are checked, put on the letter, and made able to fetch it.
fn recipients(scenario: &mut Scenario, at: usize, args: &Journey) -> Result<(), CommandError> {
    let mut accounts: Vec<Account> = Vec::new();
    for (option, given) in [("--to", &args.to), ("--cc", &args.cc), ("--bcc", &args.bcc)] {
        for address in given {
            let (local, domain) = parsed(option, address)?;
            served(scenario, option, domain)?;
            accounts.extend(account_of(scenario, &format!("{local}@{domain}")).cloned());
        }
    }
    let Some(letter) = letter(scenario, at) else { return Ok(()) };
    if !args.to.is_empty() {
        *letter = Letter { to: trimmed(&args.to), cc: Vec::new(), bcc: Vec::new(), ..letter.clone() };
    }
    letter.cc.extend(trimmed(&args.cc));
    letter.bcc.extend(trimmed(&args.bcc));
    let mut readers: Vec<String> = Vec::new();
    let is_plain = args.breaks.is_empty() && args.scenario.is_none();
    let mut later = BETWEEN;
    for account in &accounts {
        let who = person_of(scenario, account);
        if !scenario.acts.iter().any(|act| act.who == who && is_fetch(&act.what)) {
            // One after the other, so that each story can be read from its beginning to its end. Where something
            // goes wrong nobody knows when the letter will come.
            let when = if is_plain && accounts.len() > 1 { format!("+{later}s") } else { "mail".to_owned() };
            later += BETWEEN;
            let fetch = |when, what| Act {
                who: who.clone(),
                device: String::new(),
                when,
                password: Default::default(),
                intent: String::new(),
                detail: String::new(),
                what,
            };
            scenario.acts.push(fetch(when, What::fetch_imap()));
            scenario.acts.push(fetch("mail".to_owned(), What::FetchPop3 { keep: false }));
        }
        readers.push(who);
    }
    if !args.to.is_empty() {
        let writer = scenario.acts.get(at).map(|act| act.who.clone()).unwrap_or_default();
        // Whoever waits for a letter that nobody writes any more has no part in this story.
        scenario.acts.retain(|a| a.when != "mail" || a.who == writer || readers.contains(&a.who));
        scenario.title = format!("{writer} writes to {}", named(&readers, &args.to));
        scenario.about = String::new();
    }
    Ok(())
}

/// `Bob and Carol`; addresses where nobody is known by a name.
fn named(readers: &[String], to: &[String]) -> String {
    let mut names: Vec<&str> = readers.iter().map(String::as_str).collect();
    if names.is_empty() {
        names = to.iter().map(|a| a.trim()).collect();
    }
    names.dedup();
    match names.as_slice() {
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, rest @ ..] => format!("{one} and {} others", rest.len()),
        [] => String::new(),
    }
}

fn trimmed(addresses: &[String]) -> Vec<String> {
    addresses.iter().map(|a| a.trim().to_owned()).collect()
}

fn is_fetch(what: &What) -> bool {
    matches!(what, What::FetchPop3 { .. } | What::FetchImap { .. })
}

/// A domain must be known to some zone: there is no other internet here.
fn served(scenario: &Scenario, option: &str, domain: &str) -> Result<(), CommandError> {
    let lower = domain.to_ascii_lowercase();
    let knows =
        |origin: &str| lower == origin || lower.strip_suffix(origin).is_some_and(|l| l.ends_with('.'));
    let origins: Vec<&str> = scenario.zones.iter().map(|z| z.origin.trim_end_matches('.')).collect();
    if domain.starts_with('[') || origins.iter().any(|o| knows(&o.to_ascii_lowercase())) {
        return Ok(());
    }
    let message = format!("{option}: no server of this small internet knows the domain {}", quoted(domain));
    let hint = format!("{}; to see NXDOMAIN use --break nxdomain", hint(domain, &origins, "known"));
    Err(CommandError::usage(message, hint))
}

fn account_of<'s>(scenario: &'s Scenario, address: &str) -> Option<&'s Account> {
    let is = |known: &String| known.eq_ignore_ascii_case(address);
    scenario.accounts.iter().find(|a| is(&a.address) || a.aliases.iter().any(is))
}

/// The name of the person whose account this is; one is added, with a laptop, where it was nobody's.
fn person_of(scenario: &mut Scenario, account: &Account) -> String {
    if let Some(person) = scenario.people.iter().find(|p| p.account.eq_ignore_ascii_case(&account.address)) {
        return person.name.clone();
    }
    let (local, domain) = account.address.rsplit_once('@').unwrap_or((&account.address, ""));
    let label: String = local.chars().filter(char::is_ascii_alphanumeric).take(40).collect::<String>();
    let label = if label.is_empty() { "guest".to_owned() } else { label.to_ascii_lowercase() };
    let name = unique(&capital(&label), |n| scenario.people.iter().any(|p| p.name == n));
    let laptop = unique(&format!("{label}-laptop"), |l| {
        scenario.hosts.iter().any(|h| h.name == format!("{l}.{domain}"))
    });
    let free = |n: &u8| {
        let address = IpAddr::V4(Ipv4Addr::new(198, 51, 100, *n));
        !scenario.hosts.iter().any(|h| h.addresses.contains(&address))
    };
    let last = (FIRST_LAPTOP..=254).find(free).unwrap_or(254);
    let address = Ipv4Addr::new(198, 51, 100, last);
    let device = format!("{laptop}.{domain}");
    scenario.hosts.push(Host {
        name: device.clone(),
        addresses: vec![IpAddr::V4(address)],
        roles: vec![RoleKind::Mua],
        domains: Vec::new(),
        size_limit: 10_485_760,
        smtp_without: Vec::new(),
        imap_without: Vec::new(),
        tls: None,
        sign: Vec::new(),
        verify: false,
        trust_arc: Vec::new(),
        resolver: String::new(),
    });
    if let Some(zone) = scenario.zones.iter_mut().find(|z| z.origin.eq_ignore_ascii_case(domain)) {
        zone.records.push(format!("{laptop} A {address}"));
    }
    scenario.people.push(Person {
        name: name.clone(),
        account: account.address.clone(),
        devices: vec![device],
        access: None,
    });
    name
}

/// The name, with a number where it is taken.
fn unique(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (2..1000).map(|n| format!("{name}{n}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|n| !taken(n)).unwrap_or_else(|| name.to_owned())
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().into_iter().flat_map(char::to_uppercase).chain(chars).collect()
}

/// Subject, text and files.
fn content(scenario: &mut Scenario, at: usize, args: &Journey) -> Result<(), CommandError> {
    let mut body = args.body.clone();
    if let Some(path) = &args.body_file {
        body = Some(text_of(path)?);
    }
    let attachments = args.attach.iter().map(|path| attachment(path)).collect::<Result<Vec<_>, _>>()?;
    let Some(letter) = letter(scenario, at) else { return Ok(()) };
    if let Some(subject) = &args.subject {
        if subject.chars().any(char::is_control) {
            let hint = "leave out line breaks and other control characters";
            return Err(CommandError::usage("a subject stands on one line", hint));
        }
        letter.subject.clone_from(subject);
    }
    if let Some(mut body) = body {
        if !body.ends_with('\n') {
            body.push('\n');
        }
        letter.body = body;
    }
    letter.attachments.extend(attachments);
    Ok(())
}

/// The text of a file, or of the standard input.
fn text_of(path: &Path) -> Result<String, CommandError> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(LARGEST).read_to_end(&mut bytes);
        read.map_err(|error| CommandError::file("read", Path::new("the standard input"), &error))?;
        bytes
    } else {
        bytes_of(path)?
    };
    String::from_utf8(bytes).map_err(|_| {
        let path = escape::text(&path.display().to_string());
        CommandError::failure(format!("{path} is not text in UTF-8"), "send it along with --attach")
    })
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, CommandError> {
    let read = || -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().map_err(|error| CommandError::file("read", path, &error))?;
    if bytes.len() as u64 > LARGEST {
        let path = escape::text(&path.display().to_string());
        let hint = "the servers of the journey take letters of 10 MiB at most";
        return Err(CommandError::failure(format!("{path} is larger than 32 MiB"), hint));
    }
    Ok(bytes)
}

/// A file that goes with the letter.
fn attachment(path: &Path) -> Result<Attachment, CommandError> {
    let bytes = bytes_of(path)?;
    let name = path.file_name().map_or("attachment".to_owned(), |n| escape::text(&n.to_string_lossy()));
    Ok(Attachment {
        media_type: media_type(path, &bytes).to_owned(),
        name,
        base64: STANDARD.encode(bytes),
        octets: 0,
    })
}

/// A media type guessed from the name; without a known one, from whether it is text.
fn media_type(path: &Path, bytes: &[u8]) -> &'static str {
    let extension = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "txt" | "md" | "log" => "text/plain",
        "htm" | "html" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        "json" => "application/json",
        "xml" => "application/xml",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        "gz" => "application/gzip",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        "mp4" => "video/mp4",
        "eml" => "message/rfc822",
        _ if !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok() => "text/plain",
        _ => "application/octet-stream",
    }
}

/// Readers (who write nothing themselves) fetch by this and not by the other.
fn fetched(scenario: &mut Scenario, fetch: Fetch) {
    let writers: Vec<String> =
        scenario.acts.iter().filter(|a| matches!(a.what, What::Send(_))).map(|a| a.who.clone()).collect();
    let people: Vec<Person> =
        scenario.people.iter().filter(|p| !writers.contains(&p.name)).cloned().collect();
    for person in people {
        let by = |scenario: &Scenario, wanted: fn(&What) -> bool| {
            scenario.acts.iter().position(|a| a.who == person.name && wanted(&a.what))
        };
        let (pop3, imap) = (by(scenario, is_pop3), by(scenario, is_imap));
        let Some(first) = pop3.into_iter().chain(imap).min() else { continue };
        let mut missing = scenario.acts[first].clone();
        missing.device = person.devices.iter().find(|d| **d != missing.device).cloned().unwrap_or_default();
        if fetch != Fetch::Imap && pop3.is_none() {
            missing.what = What::FetchPop3 { keep: false };
            scenario.acts.push(missing);
        } else if fetch != Fetch::Pop3 && imap.is_none() {
            missing.what = What::fetch_imap();
            // Before POP3 takes the letter away.
            scenario.acts.insert(first, missing);
        }
        let unwanted: fn(&What) -> bool = match fetch {
            Fetch::Pop3 => is_imap,
            Fetch::Imap => is_pop3,
            Fetch::Both => |_| false,
        };
        scenario.acts.retain(|a| a.who != person.name || !unwanted(&a.what));
    }
}

fn is_pop3(what: &What) -> bool {
    matches!(what, What::FetchPop3 { .. })
}

fn is_imap(what: &What) -> bool {
    matches!(what, What::FetchImap { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journey() -> Scenario {
        Scenario::builtin("journey").expect("the journey loads")
    }

    fn applied(args: Journey) -> Result<Scenario, CommandError> {
        let mut scenario = journey();
        apply(&mut scenario, &args)?;
        // What comes out is a scenario that loads again.
        let again = Scenario::from_toml(&scenario.to_toml(), "applied").unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again, scenario);
        Ok(scenario)
    }

    fn fetches(scenario: &Scenario, who: &str) -> Vec<&'static str> {
        let acts = scenario.acts.iter().filter(|a| a.who == who);
        acts.filter_map(|a| match a.what {
            What::FetchPop3 { .. } => Some("pop3"),
            What::FetchImap { .. } => Some("imap"),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_letter_within_one_domain_gets_a_reader_with_a_laptop() {
        let args = Journey { to: vec!["Carol <carol@example.com>".into()], ..Journey::default() };
        let scenario = applied(args).expect("is right");
        assert_eq!(scenario.title, "Alice writes to Carol");
        assert_eq!(fetches(&scenario, "Carol"), ["imap", "pop3"]);
        assert!(fetches(&scenario, "Bob").is_empty(), "nobody writes to Bob");
        assert!(scenario.hosts.iter().any(|h| h.name == "carol-laptop.example.com"));
    }

    #[test]
    fn an_unknown_user_is_a_letter_and_an_unknown_domain_is_a_mistake() {
        let args = |to: &str| Journey { to: vec![to.into()], ..Journey::default() };
        assert_eq!(
            applied(args("nobody@example.net")).expect("bounces").title,
            "Alice writes to nobody@example.net"
        );
        let error = applied(args("bob@example.invalid")).expect_err("no such domain");
        assert!(
            error.hint.contains("example.com, example.net") && error.hint.contains("--break nxdomain"),
            "{error}"
        );
        assert!(applied(args("bob")).expect_err("no address").message.contains("“bob”"));
        assert!(applied(args("a\u{1b}@b")).expect_err("no address").message.contains('␛'));
    }

    #[test]
    fn the_letter_is_fetched_as_asked() {
        let by = |fetch| {
            let scenario = applied(Journey { fetch: Some(fetch), ..Journey::default() }).expect("is right");
            assert_eq!(fetches(&scenario, "Alice"), ["imap"], "the writer's own mail is not meant");
            fetches(&scenario, "Bob")
        };
        assert_eq!(by(Fetch::Pop3), ["pop3"]);
        assert_eq!(by(Fetch::Imap), ["imap"]);
        assert_eq!(by(Fetch::Both), ["imap", "pop3"]);
    }

    #[test]
    fn who_writes_has_an_account() {
        let from = |from: &str| applied(Journey { from: Some(from.into()), ..Journey::default() });
        let scenario = from("carol@example.com").expect("has an account");
        assert_eq!(scenario.acts[0].who, "Carol");
        assert!(from("mallory@example.com").expect_err("has none").hint.contains("alice@example.com"));
        assert_eq!(from("bob@example.net").expect("has one too").acts[0].who, "Bob");
        let mut scenario = Scenario::builtin("journey").expect("it loads");
        for host in scenario.hosts.iter_mut().filter(|h| h.name == "mx1.example.net") {
            host.roles.retain(|role| *role != RoleKind::Submission);
        }
        scenario.zones.iter_mut().for_each(|z| z.records.retain(|r| !r.contains("587 mx1.example.net")));
        let bob = Journey { from: Some("bob@example.net".into()), ..Journey::default() };
        let error = apply(&mut scenario, &bob).expect_err("his domain only receives");
        assert!(error.message.contains("example.net") && error.hint.contains("carol@example.com"), "{error}");
    }

    #[test]
    fn what_was_meant_is_asked() {
        let to = |to: &str| applied(Journey { to: vec![to.into()], ..Journey::default() });
        assert!(to("bob@exmaple.net").expect_err("a slip").hint.starts_with("did you mean example.net? "));
        let from = applied(Journey { from: Some("carl@example.com".into()), ..Journey::default() });
        assert!(from.expect_err("a slip").hint.starts_with("did you mean carol@example.com? "));
    }

    #[test]
    fn several_readers_read_one_after_the_other() {
        let args = Journey {
            to: vec!["bob@example.net".into()],
            cc: vec!["carol@example.com".into()],
            bcc: vec!["dave@example.net".into()],
            ..Journey::default()
        };
        let scenario = applied(args).expect("is right");
        let first = |who: &str| scenario.acts.iter().find(|a| a.who == who).map(|a| a.when.as_str());
        assert_eq!((first("Bob"), first("Carol"), first("Dave")), (Some("mail"), Some("+10s"), Some("+20s")));
    }

    #[test]
    fn a_type_is_guessed() {
        assert_eq!(media_type(Path::new("a.PDF"), b""), "application/pdf");
        assert_eq!(media_type(Path::new("README"), b"text"), "text/plain");
        assert_eq!(media_type(Path::new("x"), &[0, 159]), "application/octet-stream");
    }
}
