//! The parts of lines as entries, so that the reference finds `reverse-path`, `BODYSTRUCTURE` and `\Seen` too.

use super::catalogue::catalogue;
use super::{Entry, template};
use std::sync::LazyLock;

/// One entry for each part of which the catalogue says what it means, and for each value with words of its own. Their
/// ids are `part.smtp.reverse-path` and `part.imap.fetch-att=BODYSTRUCTURE`.
pub fn parts() -> &'static [Entry] {
    static PARTS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        let entry = |(protocol, name, value, text): (&str, &str, Option<&str>, &str)| {
            let place = if protocol.is_empty() { name.to_owned() } else { format!("{protocol}.{name}") };
            let whole = value.map_or_else(|| place.clone(), |value| format!("{place}={value}"));
            Entry {
                id: format!("part.{whole}"),
                title: match value {
                    Some(value) => format!("{value}: a {name} of {}", spoken(protocol)),
                    None => format!("{name}: a part of {}", spoken(protocol)),
                },
                summary: template::Vars::default().fill(text).into_owned(),
                ..Entry::default()
            }
        };
        catalogue().part_texts().into_iter().map(entry).collect()
    });
    &PARTS
}

fn spoken(protocol: &str) -> String {
    match protocol {
        "" => "a line".to_owned(),
        "dns" => "a message of the DNS".to_owned(),
        "tls" => "a TLS record".to_owned(),
        other => format!("{}'s lines", other.to_ascii_uppercase()),
    }
}

/// The name of a part's entry, and its value where it is about one: `fetch-att` and `BODYSTRUCTURE`.
pub fn part_name(id: &str) -> Option<(&str, Option<&str>)> {
    let place = id.strip_prefix("part.")?;
    let (place, value) = place.split_once('=').map_or((place, None), |(place, value)| (place, Some(value)));
    Some((place.split_once('.').map_or(place, |(_, name)| name), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_an_entry_in_a_fixed_order() {
        let ids: Vec<&str> = parts().iter().map(|e| e.id.as_str()).collect();
        assert!(
            ids.contains(&"part.smtp.reverse-path") && ids.contains(&"part.imap.fetch-att=BODYSTRUCTURE")
        );
        assert!(ids.is_sorted() && ids.len() > 300, "{}", ids.len());
        assert_eq!(
            part_name("part.imap.fetch-att=BODYSTRUCTURE"),
            Some(("fetch-att", Some("BODYSTRUCTURE")))
        );
        assert_eq!(part_name("part.crlf"), Some(("crlf", None)));
        assert!(parts().iter().all(|e| template::placeholders(&e.summary).is_empty()));
    }
}
