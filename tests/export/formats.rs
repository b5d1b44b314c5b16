//! What the short session looks like in each format, and what must hold of it whatever the story.

use super::*;
use postroad::dissect::tls::TlsMeaning;
use postroad::dissect::{Meaning, Step};
use pulldown_cmark::{Event, Tag};

/// The story that the plain view's tests tell too, by hand: its words do not change when a note's do.
fn by_hand<V: Renderer>(mut view: V) -> V {
    telling::tell(&mut view, &telling::session());
    view
}

#[test]
fn as_a_mermaid_diagram() {
    let options = mermaid::Options { detail: true, show_secrets: false };
    insta::assert_snapshot!(string(by_hand(Mermaid::new(Vec::new(), options)).into_inner()));
}

#[test]
fn as_a_ladder() {
    let options = svg::Options { detail: true, show_secrets: false };
    insta::assert_snapshot!(string(by_hand(Svg::new(Vec::new(), options)).into_inner()));
}

#[test]
fn as_a_document() {
    let options = markdown::Options { detail: true, show_secrets: false };
    insta::assert_snapshot!(string(by_hand(Markdown::new(Vec::new(), options)).into_inner()));
}

#[test]
fn as_a_recording_of_a_terminal() {
    let cast = by_hand(Asciicast::new(Vec::new(), asciicast::Options::default()));
    insta::assert_snapshot!(string(cast.into_inner()));
}

/// Packets, times, numbers and who is told of which Step; the words are the catalogue's.
#[test]
fn as_a_capture() {
    insta::assert_snapshot!(capture::listing(&to_pcapng(&session(), false, false)));
}

/// The same story gives the same file, and a password is in none of them.
#[test]
fn a_password_is_in_no_format() {
    let secret = |text: &[u8]| {
        [&b"c2VzYW1l"[..], b"sesame", b"AHNlc2FtZQ"].iter().any(|s| text.windows(s.len()).any(|w| w == *s))
    };
    let records = session();
    for told in [
        to_mermaid(&records, true),
        to_svg(&records, true),
        to_markdown(&records, true),
        to_cast(&records),
        to_text(&records),
        to_json(&records),
    ] {
        assert!(!secret(told.as_bytes()), "{told}");
    }
    assert!(!secret(&to_pcapng(&records, false, true)));
    assert!(secret(&to_pcapng(&records, true, true)), "asked for, it is there");
    assert_eq!(to_pcapng(&records, false, true), to_pcapng(&session(), false, true));
}

/// Whether this Step only carries, encrypted, what another one says in plain words.
fn is_carrier(step: &Step) -> bool {
    matches!(step.meaning, Meaning::Tls(TlsMeaning::Carrier))
}

/// Every Step of every shipped transcript has its arrow and its place in the document. What was said inside TLS is drawn
/// once, in its plain words.
#[test]
fn every_step_is_drawn() {
    for (name, records) in shipped() {
        let mut dissector = postroad::dissect::Dissector::new();
        let all: Vec<Step> = records.iter().enumerate().flat_map(|(i, r)| dissector.push(i, r)).collect();
        let carriers = all.iter().filter(|step| is_carrier(step)).count();
        let inside = all.iter().any(|step| step.layer == Layer::Plain);
        assert_eq!(carriers > 0, inside, "{name}");
        let steps = all.len() - carriers;
        let diagram = to_mermaid(&records, false);
        let arrows = diagram.lines().filter(|l| l.contains(" · ") && !l.contains("Note over")).count();
        assert_eq!(arrows, steps, "{name}");
        assert_eq!(to_svg(&records, false).matches("class=\"number\"").count(), steps, "{name}");
        let document = to_markdown(&records, false);
        let told = |document: &str| document.lines().filter(|l| l.starts_with("- **")).count();
        assert_eq!(told(&document), steps, "{name}");
        assert_eq!(told(&to_markdown(&records, true)), all.len(), "{name}: in detail the carriers too");
        // Bob's whole day with his mail is more than a diagram holds; whoever exports it is told so.
        let is_long = name.starts_with("compare-");
        assert!(is_long || diagram.len() < mermaid::USUAL_LIMIT, "{name}: {}", diagram.len());
    }
}

/// The picture is well-formed, says in words what it shows, and asks nobody for anything.
#[test]
fn the_ladder_stands_alone() {
    for (name, records) in shipped() {
        let text = to_svg(&records, true);
        check_svg(&text);
        assert!(text.contains("role=\"img\"") && text.contains("prefers-color-scheme: dark"), "{name}");
        assert!(!asks_somebody(&text), "{name}");
    }
}

/// Whether an address stands where a program would follow it: in a tag or in the style. A story about the web may have
/// one in its words.
fn asks_somebody(text: &str) -> bool {
    let document = roxmltree::Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let follows = |text: &str| ["http", "//", "url(", "@import"].iter().any(|call| text.contains(call));
    document.descendants().filter(roxmltree::Node::is_element).any(|node| {
        let style = node.tag_name().name() == "style" && node.text().is_some_and(follows);
        style || node.attributes().any(|attribute| follows(attribute.value()))
    })
}

/// Well-formed, of our elements only, nothing that runs or fetches.
pub fn check_svg(text: &str) {
    let document = roxmltree::Document::parse(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    let known = ["svg", "title", "desc", "style", "rect", "text", "g", "line", "path"];
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        assert!(known.contains(&node.tag_name().name()), "{:?}", node.tag_name());
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(!name.starts_with("on") && name != "href" && name != "style", "{name}");
        }
    }
    let root = document.root_element();
    let title = root.first_element_child().expect("a title comes first");
    assert_eq!(title.tag_name().name(), "title");
    assert!(title.text().is_some_and(|t| !t.is_empty()));
}

/// CommonMark finds headings, lists and fences in it, and nothing that was not meant.
#[test]
fn the_document_is_a_document() {
    for (name, records) in shipped() {
        for detail in [false, true] {
            let text = to_markdown(&records, detail);
            let tags = check_markdown(&text);
            assert!(tags.contains(&"heading") && tags.contains(&"item"), "{name}");
            // Where nothing crosses a wire, there are no lines to quote.
            assert_eq!(tags.contains(&"code"), crosses(&records), "{name}");
        }
    }
}

/// What a CommonMark reader, and one with every extension, makes of it: no HTML, no link, no image.
pub fn check_markdown(text: &str) -> Vec<&'static str> {
    let mut out = Vec::new();
    for options in [pulldown_cmark::Options::empty(), pulldown_cmark::Options::all()] {
        for event in pulldown_cmark::Parser::new_ext(text, options) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => panic!("HTML: {html:?} in {text}"),
                Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::Table(_)) => {
                    panic!("{event:?} in {text}")
                }
                Event::Start(Tag::Heading { .. }) => out.push("heading"),
                Event::Start(Tag::Item) => out.push("item"),
                Event::Start(Tag::CodeBlock(pulldown_cmark::CodeBlockKind::Fenced(_))) => out.push("code"),
                Event::Start(Tag::CodeBlock(_)) => panic!("an indented block in {text}"),
                _ => {}
            }
        }
    }
    out
}

/// Each event is a time, `o` and a text; time only grows, no wait is long, and only colours steer the terminal.
#[test]
fn the_recording_keeps_to_the_format() {
    for (name, records) in shipped() {
        let length = check_cast(&to_cast(&records));
        // A greylisted letter waits for a quarter of an hour; nobody who watches does.
        let least = if crosses(&records) { 10.0 } else { 5.0 };
        assert!((least..400.0).contains(&length), "{name}: {length} s");
    }
}

/// Whether a byte of this story crosses a wire.
fn crosses(records: &[Record]) -> bool {
    records.iter().any(|record| matches!(record, Record::Data { .. }))
}

/// Its length in seconds.
pub fn check_cast(text: &str) -> f64 {
    let mut lines = text.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().expect("a head")).expect("JSON");
    assert_eq!(head["version"], 2);
    assert!(head["width"].as_u64().is_some_and(|w| w > 0) && head["height"].as_u64().is_some_and(|h| h > 0));
    let mut last = 0.0;
    for line in lines {
        let (at, kind, said): (f64, String, String) = serde_json::from_str(line).expect("an event");
        assert!(at >= last && at - last <= 2.000_001 && kind == "o", "{line}");
        let tame = said.replace("\r\n", "");
        assert!(tame.chars().all(postroad::base::escape::is_printable), "{line}");
        last = at;
    }
    last
}

/// What is on the screen at the end is what the plain view prints.
#[test]
fn the_recording_says_what_the_text_says() {
    for (_, records) in shipped() {
        let cast = to_cast(&records);
        let said: String = cast
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str::<(f64, String, String)>(line).expect("an event").2)
            .collect();
        assert_eq!(said.replace("\r\n", "\n"), to_text(&records));
    }
}
