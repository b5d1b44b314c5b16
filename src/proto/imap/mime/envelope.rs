//! ENVELOPE (RFC 9051 §7.5.2): the header's well-known fields in a fixed order.
//!
//! `envelope = "(" env-date SP env-subject SP env-from SP env-sender SP env-reply-to SP env-to SP env-cc SP env-bcc SP
//! env-in-reply-to SP env-message-id ")"`

use super::address::{Address, parse_list};
use super::header::{fields, unfold};
use super::write::nstring;

/// The envelope of a message, read from its header and written as IMAP writes it.
pub fn envelope(header: &[u8]) -> Vec<u8> {
    let found = Found::in_header(header);
    let mut out = vec![b'('];
    nstring(&mut out, found.date.as_deref());
    out.push(b' ');
    nstring(&mut out, found.subject.as_deref());
    for list in [
        &found.from,
        // "If the Sender or Reply-To lines are absent … or are present but empty, the server sets the corresponding
        // member of the envelope to be the same value as the from member".
        found.or_from(&found.sender),
        found.or_from(&found.reply_to),
        &found.to,
        &found.cc,
        &found.bcc,
    ] {
        out.push(b' ');
        addresses(&mut out, list);
    }
    out.push(b' ');
    nstring(&mut out, found.in_reply_to.as_deref());
    out.push(b' ');
    nstring(&mut out, found.message_id.as_deref());
    out.push(b')');
    out
}

#[derive(Default)]
struct Found {
    date: Option<Vec<u8>>,
    subject: Option<Vec<u8>>,
    from: Vec<Address>,
    sender: Vec<Address>,
    reply_to: Vec<Address>,
    to: Vec<Address>,
    cc: Vec<Address>,
    bcc: Vec<Address>,
    in_reply_to: Option<Vec<u8>>,
    message_id: Option<Vec<u8>>,
}

impl Found {
    fn in_header(header: &[u8]) -> Self {
        let mut found = Found::default();
        for field in fields(header) {
            let (name, value) = field.trimmed(header);
            let text = |slot: &mut Option<Vec<u8>>| {
                slot.get_or_insert_with(|| unfold(value));
            };
            match name.to_ascii_lowercase().as_slice() {
                b"date" => text(&mut found.date),
                b"subject" => text(&mut found.subject),
                b"from" => found.from.extend(parse_list(value)),
                b"sender" => found.sender.extend(parse_list(value)),
                b"reply-to" => found.reply_to.extend(parse_list(value)),
                b"to" => found.to.extend(parse_list(value)),
                b"cc" => found.cc.extend(parse_list(value)),
                b"bcc" => found.bcc.extend(parse_list(value)),
                b"in-reply-to" => text(&mut found.in_reply_to),
                b"message-id" => text(&mut found.message_id),
                _ => {}
            }
        }
        found
    }

    fn or_from<'a>(&'a self, list: &'a Vec<Address>) -> &'a Vec<Address> {
        if list.is_empty() { &self.from } else { list }
    }
}

/// `"(" 1*address ")" / nil`
fn addresses(out: &mut Vec<u8>, list: &[Address]) {
    if list.is_empty() {
        return out.extend_from_slice(b"NIL");
    }
    out.push(b'(');
    for address in list {
        for (open, part) in
            [(b'(', &address.name), (b' ', &address.adl), (b' ', &address.mailbox), (b' ', &address.host)]
        {
            out.push(open);
            nstring(out, part.as_deref());
        }
        out.push(b')');
    }
    out.push(b')');
}
