//! What holds for every page, without a browser; `tests/html.rs` opens it in one.

use super::*;
use crate::base::Shelf;
use crate::trace::file::Transcript;
use crate::view::wire::HIDDEN;

fn recording(name: &str) -> Vec<Record> {
    let path = format!("{}/transcripts/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    Transcript::read(&std::fs::read(path).unwrap()[..]).unwrap().0.records
}

fn page(records: &[Record]) -> String {
    let mut out = Vec::new();
    write(records, &Options::default(), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The texts between `open` and `close`, in order.
fn between<'a>(html: &'a str, open: &str, close: &str) -> Vec<&'a str> {
    html.split(open).skip(1).filter_map(|rest| rest.split(close).next()).collect()
}

#[test]
fn the_policy_names_the_very_style_and_script_that_stand_in_the_page() {
    let html = page(&recording("journey"));
    let [policy] = between(&html, "Content-Security-Policy\" content=\"", "\"")[..] else {
        panic!("one policy")
    };
    let [style] = between(&html, "<style>", "</style>")[..] else { panic!("one style sheet") };
    let [script] = between(&html, "<script>", "</script>")[..] else { panic!("one script") };
    let want = format!(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    );
    assert_eq!(policy, want);
    // FIPS 180-4's own example, so that the hash is a SHA-256.
    assert_eq!(hash("abc"), "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    let html = page(&recording("mx1-down"));
    let links: Vec<&str> =
        between(&html, " href=\"", "\"").into_iter().filter(|to| !to.starts_with('#')).collect();
    assert!(links.is_empty(), "{links:?}");
    for way in [" src=", "url(http", "@import", "<link", "<img", "fetch(", "innerHTML ="] {
        assert!(!html.contains(way), "{way}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for name in ["journey", "mx1-down", "unknown-user"] {
        let html = page(&recording(name));
        for to in between(&html, " href=\"#", "\"") {
            assert_eq!(html.matches(&format!(" id=\"{to}\"")).count(), 1, "{name}: #{to}");
        }
    }
}

#[test]
fn passwords_are_shown_only_when_asked_for() {
    let records = recording("journey");
    let mut dissector = crate::dissect::Dissector::new();
    let steps: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
    let secrets: Vec<String> = steps
        .iter()
        .flat_map(|step| {
            step.secrets.iter().map(|span| String::from_utf8_lossy(span.of(&step.bytes)).into_owned())
        })
        .collect();
    assert!(secrets.len() >= 3 && secrets.iter().all(|secret| secret.len() > 3), "{secrets:?}");
    let html = page(&records);
    assert!(secrets.iter().all(|secret| !html.contains(secret.as_str())));
    let mut out = Vec::new();
    write(&records, &Options { show_secrets: true }, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert!(secrets.iter().all(|secret| shown.contains(secret.as_str())) && !shown.contains(HIDDEN));
}

#[test]
fn the_same_records_give_the_same_page() {
    let records = recording("greylist");
    assert!(page(&records) == page(&records));
}

#[test]
fn text_is_escaped_once() {
    let html = page(&recording("journey"));
    assert!(html.contains("FROM:&lt;alice@example.com&gt;"));
    for twice in ["&amp;lt;", "&amp;gt;", "&amp;quot;", "&amp;amp;", "&amp;#"] {
        assert!(!html.contains(twice), "{twice}");
    }
}

/// Folding the changes gives what the State holds at the end: the page leaves nothing of it out.
#[test]
fn the_changes_add_up_to_the_state() {
    for name in ["journey", "mailbox-full", "unknown-user", "greylist"] {
        let records = recording(name);
        let html = page(&records);
        let mut held: BTreeMap<&str, &str> = BTreeMap::new();
        for change in between(&html, "<li data-k=\"", "</li>") {
            let (key, rest) = change.split_once('"').unwrap();
            if rest.contains(" data-gone") {
                held.remove(key)
            } else {
                held.insert(key, rest)
            };
        }
        let Some(Record::Head(head)) = records.first() else { panic!("no head") };
        let mut story = Story::new(head);
        for (index, record) in records.iter().enumerate() {
            story.push(index, record);
        }
        story.finish();
        let state = story.state();
        let count =
            |group: &str| held.values().filter(|rest| rest.contains(&format!("data-g=\"{group}\""))).count();
        let mailboxes: usize = state.mailboxes.values().flatten().map(|(_, m)| 1 + m.messages.len()).sum();
        assert_eq!(count("mailbox"), mailboxes + state.locks.len(), "{name}");
        assert_eq!(count("queue"), state.queues.values().map(Shelf::len).sum::<usize>(), "{name}");
        assert_eq!(count("conn"), state.connections.len(), "{name}");
        assert_eq!(count("cache"), state.caches.values().map(Shelf::len).sum::<usize>(), "{name}");
        let copies = state.clients.values().flat_map(|of| of.values()).map(Shelf::len).sum::<usize>();
        assert_eq!(count("copy"), copies, "{name}");
        assert_eq!(count("intent"), state.intents.len(), "{name}");
        for flags in state.mailboxes.values().flat_map(|of| of.values()).flat_map(|m| m.messages.values()) {
            assert!(
                held.values().any(|rest| rest.contains(&flags.flags.join(" "))),
                "{name}: {:?}",
                flags.flags
            );
        }
    }
}

#[test]
fn a_mark_stands_at_the_step_that_it_points_to() {
    let mut records = recording("journey");
    let ehlo = records.iter().find_map(|record| match record {
        Record::Data { data, .. } if data.bytes.starts_with(b"EHLO") => Some(data.conn),
        _ => None,
    });
    let mark = Mark {
        kind: "question".to_owned(),
        text: "Who speaks <here>?".to_owned(),
        conn: ehlo,
        from: Some(crate::trace::Direction::Client),
        range: Some((0, 4)),
        ..Mark::default()
    };
    let lost = Mark { range: Some((99_999, 99_999)), text: "Where am I?".to_owned(), ..mark.clone() };
    records.extend([Record::Mark(mark), Record::Mark(lost)]);
    let html = page(&records);
    assert!(html.contains("Where am I? (its place is not in this recording)"));
    let steps = between(&html, "<li class=\"step", "</li>\n<li class=\"step");
    let marked: Vec<_> =
        between(&html, "id=\"step-", "id=\"step-").into_iter().filter(|s| s.contains("Who speaks")).collect();
    assert!(!steps.is_empty());
    assert!(marked.len() == 1 && marked[0].contains("<b>EHLO</b>"), "{marked:?}");
    assert!(marked[0].contains("Who speaks &lt;here&gt;?"));
}

#[test]
fn a_highlight_is_on_its_bytes_and_only_where_they_are() {
    let mut records = recording("journey");
    let from = Some(crate::trace::Direction::Client);
    let conn = records.iter().find_map(|record| match record {
        Record::Data { data, .. } if data.bytes.starts_with(b"EHLO") => Some(data.conn),
        _ => None,
    });
    let mark = |range, quote: &str| {
        let quote = Some(quote.to_owned());
        Record::Mark(Mark {
            kind: "highlight".to_owned(),
            conn,
            from,
            range: Some(range),
            quote,
            ..Mark::default()
        })
    };
    // Over two parts of the line; and one whose words are not there any longer.
    records.extend([mark((2, 10), "LO alice"), mark((0, 4), "HELO")]);
    let html = page(&records);
    let marked = between(&html, "<mark>", "</mark>");
    let words: Vec<String> = marked
        .iter()
        .map(|inside| {
            inside.split('<').map(|tag| tag.split_once('>').map_or(tag, |(_, text)| text)).collect()
        })
        .collect();
    assert_eq!(words, ["LO alice"], "{marked:?}");
    assert!(html.contains("“HELO” (its place is not in this recording)"));
}

#[test]
fn without_a_head_there_is_no_page() {
    let error = write(&[], &Options::default(), &mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("head"), "{error}");
}

#[test]
fn a_head_alone_is_a_page() {
    let records = recording("journey");
    let html = page(&records[..1]);
    assert!(html.contains("Where is it now?"));
}

/// Who hands mail on stands left of who takes it, and who reads it stands right of the mailbox.
#[test]
fn the_road_runs_from_left_to_right() {
    let records = recording("mx1-down");
    let Some(Record::Head(head)) = records.first() else { panic!("no head") };
    let road = Road::of(&records, head, &Cast::of(&records));
    let x =
        |name: &str| road.stops.iter().find(|stop| stop.name.starts_with(name)).map(|stop| stop.x).unwrap();
    assert!(x("alice-laptop") < x("mail.") && x("mail.") < x("mx2.") && x("mx2.") < x("bob-phone"));
    let mut places: Vec<_> = road.stops.iter().map(|stop| (stop.x, stop.y)).collect();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places.len(), road.stops.len(), "no stop stands on another");
}
