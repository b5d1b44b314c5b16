//! The answer to a message, as a mail program prepares it (RFC 5322 §3.6.2, §3.6.4): to whom it goes, its Subject, and
//! the thread that it belongs to. Pure: the message that is answered, and what the person wrote, become a letter.

use crate::world::compose::bare_address;
use crate::world::scenario::Letter;
use mail_parser::{Address, HeaderValue, Message, MessageParser};

/// The letter that answers `message`, from the owner of `own`; `None` where the message names nobody to answer to.
///
/// "When a message is a reply …, the mailboxes of the authors of the original message (the mailboxes in the "From:"
/// field) or mailboxes specified in the "Reply-To:" field (if it exists) MAY appear in the "To:" field"; for `all`,
/// "the recipients of the original message … MAY appear in the "Cc:" field" (RFC 5322 §3.6.3).
pub fn letter(message: &[u8], own: &str, body: &str, all: bool) -> Option<Letter> {
    let parsed = MessageParser::default().parse_headers(message)?;
    let first = |one: Option<&Address<'_>>| one.map(addresses).filter(|list| !list.is_empty());
    let to = first(parsed.reply_to()).or_else(|| first(parsed.from()))?;
    let mut cc = Vec::new();
    if all {
        let others = [parsed.to(), parsed.cc()].into_iter().flatten().flat_map(addresses);
        for other in others {
            let is = |one: &str| bare_address(one).eq_ignore_ascii_case(bare_address(&other));
            if !is(own) && !to.iter().chain(&cc).any(|one: &String| is(one)) {
                cc.push(other);
            }
        }
    }
    let in_reply_to = parsed.message_id().map(bracketed).unwrap_or_default();
    Some(Letter {
        to,
        cc,
        subject: subject(parsed.subject().unwrap_or_default()),
        body: body.to_owned(),
        references: thread(&parsed, &in_reply_to),
        in_reply_to,
        ..Letter::default()
    })
}

/// "When used in a reply, the field body MAY start with the string "Re: "" – once (RFC 5322 §3.6.5).
fn subject(of: &str) -> String {
    match of.get(..3) {
        Some(start) if start.eq_ignore_ascii_case("re:") => of.to_owned(),
        _ => format!("Re: {of}").trim_end().to_owned(),
    }
}

/// The parent's References (or its In-Reply-To where that is one id), and then the parent (RFC 5322 §3.6.4).
fn thread(parent: &Message<'_>, id: &str) -> Vec<String> {
    let mut ids = ids(parent.references());
    if ids.is_empty() {
        let answered = self::ids(parent.in_reply_to());
        ids = if answered.len() == 1 { answered } else { Vec::new() };
    }
    if !id.is_empty() {
        ids.push(id.to_owned());
    }
    ids
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(one) => vec![bracketed(one)],
        HeaderValue::TextList(all) => all.iter().map(|one| bracketed(one)).collect(),
        _ => Vec::new(),
    }
}

fn bracketed(id: &str) -> String {
    format!("<{}>", id.trim_matches(['<', '>']))
}

fn addresses(list: &Address<'_>) -> Vec<String> {
    let one = |a: &mail_parser::Addr<'_>| {
        let address = a.address()?;
        Some(match a.name() {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        })
    };
    list.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LETTER: &[u8] =
        b"From: Alice <alice@example.com>\r\nTo: Bob <bob@example.net>, dave@example.net\r\n\
        Cc: Carol <carol@example.com>\r\nSubject: Tea?\r\nMessage-ID: <2@example.com>\r\n\
        References: <0@example.com> <1@example.com>\r\n\r\nAt four?\r\n";

    #[test]
    fn an_answer_goes_to_the_author_and_names_the_thread() {
        let answer = letter(LETTER, "bob@example.net", "Yes.", false).expect("somebody to answer");
        assert_eq!(answer.to, ["Alice <alice@example.com>"]);
        assert!(answer.cc.is_empty());
        assert_eq!((answer.subject.as_str(), answer.in_reply_to.as_str()), ("Re: Tea?", "<2@example.com>"));
        assert_eq!(answer.references, ["<0@example.com>", "<1@example.com>", "<2@example.com>"]);
    }

    #[test]
    fn an_answer_to_all_leaves_out_oneself_and_says_re_once() {
        let text = String::from_utf8_lossy(LETTER).replace("Subject: Tea?", "Subject: RE: Tea?");
        let answer = letter(text.as_bytes(), "bob@example.net", "Yes.", true).expect("somebody to answer");
        assert_eq!(answer.cc, ["dave@example.net", "Carol <carol@example.com>"]);
        assert_eq!(answer.subject, "RE: Tea?");
    }

    #[test]
    fn reply_to_goes_before_from_and_nobody_is_nobody() {
        let text = format!("Reply-To: desk@example.com\r\n{}", String::from_utf8_lossy(LETTER));
        let answer = letter(text.as_bytes(), "bob@example.net", "Yes.", false).expect("somebody to answer");
        assert_eq!(answer.to, ["desk@example.com"]);
        assert_eq!(letter(b"Subject: x\r\n\r\n", "bob@example.net", "", false), None);
    }
}
