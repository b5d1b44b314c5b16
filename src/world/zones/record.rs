//! One line of a zone → one record: `mx1 300 MX 10 mx2.example.net.` (the master file format, RFC 1035 §5.1).
//!
//! Of that format this is what fits on a line: owner, TTL and class optional, type, data. Errors say where in the
//! line they are.

use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record};
use std::ops::Range;

/// The types that a zone's line may have.
pub const TYPES: [&str; 9] = ["A", "AAAA", "MX", "TXT", "PTR", "CNAME", "SRV", "SOA", "NS"];

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// In a sentence without a full stop.
    pub message: String,
    /// Where in the line.
    pub span: Range<usize>,
}

/// A field of the line and its place.
struct Field<'a> {
    text: &'a str,
    at: Range<usize>,
}

/// Read one line of the zone `origin`, whose records live `ttl` seconds where they say nothing else.
pub fn parse(line: &str, origin: &Name, ttl: u32) -> Result<Record, RecordError> {
    let fields = split(line)?;
    let mut rest = Rest { fields: fields.into_iter(), end: line.len(), origin };
    let owner = rest.name("the owner's name")?;
    if !origin.zone_of(&owner) {
        let message = format!("`{owner}` is not in the zone `{origin}`");
        return Err(RecordError { message, span: 0..line.find(char::is_whitespace).unwrap_or(line.len()) });
    }
    let mut ttl = ttl;
    let mut kind = rest.field("a type")?;
    if let Ok(own) = kind.text.parse::<u32>() {
        (ttl, kind) = (own, rest.field("a type")?);
    }
    if kind.text.eq_ignore_ascii_case("IN") {
        kind = rest.field("a type")?;
    }
    let data = rest.data(&kind)?;
    if let Some(extra) = rest.fields.next() {
        let message = format!("nothing more is expected after the data of {}", kind.text);
        return Err(RecordError { message, span: extra.at });
    }
    Ok(Record::from_rdata(owner, ttl, data))
}

/// Fields between white space; a quoted one may hold white space, and keeps its quotes.
fn split(line: &str) -> Result<Vec<Field<'_>>, RecordError> {
    let mut fields = Vec::new();
    let mut start = None;
    let mut quote = None;
    for (i, c) in line.char_indices() {
        match c {
            '"' if quote.is_some() => quote = None,
            '"' => {
                quote = Some(i);
                start = start.or(Some(i));
            }
            c if c.is_whitespace() && quote.is_none() => {
                fields.extend(start.take().map(|s| Field { text: &line[s..i], at: s..i }));
            }
            _ => start = start.or(Some(i)),
        }
    }
    if let Some(open) = quote {
        return Err(RecordError { message: "this quote is never closed".to_owned(), span: open..line.len() });
    }
    fields.extend(start.map(|s| Field { text: &line[s..], at: s..line.len() }));
    Ok(fields)
}

/// The fields that are still to be read.
struct Rest<'a, 'o> {
    fields: std::vec::IntoIter<Field<'a>>,
    end: usize,
    origin: &'o Name,
}

impl<'a> Rest<'a, '_> {
    fn field(&mut self, what: &str) -> Result<Field<'a>, RecordError> {
        self.fields
            .next()
            .ok_or_else(|| RecordError { message: format!("{what} is missing"), span: self.end..self.end })
    }

    /// A name; `@` is the origin, and without a dot at its end it is below the origin.
    fn name(&mut self, what: &str) -> Result<Name, RecordError> {
        let field = self.field(what)?;
        let name = match field.text {
            "@" => Ok(self.origin.clone()),
            // `from_ascii` keeps the case, as RFC 1035 §2.3.3 asks; `Name::parse` would not.
            text => Name::from_ascii(text).and_then(|name| match name.is_fqdn() {
                true => Ok(name),
                false => name.append_domain(self.origin),
            }),
        };
        name.map_err(|_| RecordError {
            message: format!("`{}` is no domain name", field.text.escape_debug()),
            span: field.at,
        })
    }

    fn parsed<T: std::str::FromStr>(&mut self, what: &str) -> Result<T, RecordError> {
        let field = self.field(what)?;
        field.text.parse().map_err(|_| RecordError {
            message: format!("`{}` is not {what}", field.text.escape_debug()),
            span: field.at,
        })
    }

    fn data(&mut self, kind: &Field<'_>) -> Result<RData, RecordError> {
        const U16: &str = "a number from 0 to 65535";
        const SECONDS: &str = "a number of seconds";
        Ok(match kind.text.to_ascii_uppercase().as_str() {
            "A" => RData::A(A(self.parsed("an IPv4 address")?)),
            "AAAA" => RData::AAAA(AAAA(self.parsed("an IPv6 address")?)),
            "NS" => RData::NS(NS(self.name("the name server's name")?)),
            "CNAME" => RData::CNAME(CNAME(self.name("the canonical name")?)),
            "PTR" => RData::PTR(PTR(self.name("a name")?)),
            "MX" => RData::MX(MX::new(self.parsed(U16)?, self.name("the mail host's name")?)),
            "SRV" => {
                let (priority, weight, port) = (self.parsed(U16)?, self.parsed(U16)?, self.parsed(U16)?);
                RData::SRV(SRV::new(priority, weight, port, self.name("the host's name")?))
            }
            "SOA" => RData::SOA(SOA::new(
                self.name("the primary server's name")?,
                self.name("the mailbox of who is responsible")?,
                self.parsed("a serial number")?,
                self.parsed(SECONDS)?,
                self.parsed(SECONDS)?,
                self.parsed(SECONDS)?,
                self.parsed(SECONDS)?,
            )),
            "TXT" => self.text()?,
            _ => {
                let message = format!("`{}` is no type known here", kind.text.escape_debug());
                return Err(RecordError { message, span: kind.at.clone() });
            }
        })
    }

    /// One or more character strings of at most 255 octets (RFC 1035 §3.3).
    fn text(&mut self) -> Result<RData, RecordError> {
        let mut strings = vec![self.field("a text")?];
        strings.extend(self.fields.by_ref());
        for string in &strings {
            if unquote(string.text).len() > 255 {
                let message = "a string of TXT holds at most 255 octets: write it as several".to_owned();
                return Err(RecordError { message, span: string.at.clone() });
            }
        }
        Ok(RData::TXT(TXT::new(strings.iter().map(|s| unquote(s.text).to_owned()).collect())))
    }
}

fn unquote(text: &str) -> &str {
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Name {
        Name::from_ascii("example.net.").expect("a name")
    }

    #[test]
    fn lines_of_every_type() {
        for (line, printed) in [
            ("@ MX 10 mx1", "example.net. 3600 IN MX 10 mx1.example.net."),
            ("mx1 300 A 203.0.113.25", "mx1.example.net. 300 IN A 203.0.113.25"),
            ("mx1 60 IN AAAA 2001:db8::1", "mx1.example.net. 60 IN AAAA 2001:db8::1"),
            ("@ mx 0 .", "example.net. 3600 IN MX 0 ."),
            (
                "_imap._tcp SRV 0 1 143 mx1.example.net.",
                "_imap._tcp.example.net. 3600 IN SRV 0 1 143 mx1.example.net.",
            ),
            ("www CNAME Host", "www.example.net. 3600 IN CNAME Host.example.net."),
            ("@ TXT \"v=spf1 mx -all\" more", "example.net. 3600 IN TXT v=spf1 mx -allmore"),
            (
                "@ SOA ns hostmaster 1 2 3 4 5",
                "example.net. 3600 IN SOA ns.example.net. hostmaster.example.net. 1 2 3 4 5",
            ),
            ("@ NS ns.example.org.", "example.net. 3600 IN NS ns.example.org."),
        ] {
            let record = parse(line, &origin(), 3600).unwrap_or_else(|e| panic!("{line}: {e:?}"));
            assert_eq!(record.to_string().replace('"', ""), printed);
        }
    }

    #[test]
    fn errors_point_at_the_field() {
        for (line, message, pointed) in [
            ("mx1 A 203.0.113", "`203.0.113` is not an IPv4 address", "203.0.113"),
            ("@ MX ten mx1", "`ten` is not a number from 0 to 65535", "ten"),
            ("@ MX 10", "the mail host's name is missing", ""),
            ("@ XM 10 mx1", "`XM` is no type known here", "XM"),
            ("@ A 192.0.2.1 x", "nothing more is expected after the data of A", "x"),
            (
                "a.example.com. A 192.0.2.1",
                "`a.example.com.` is not in the zone `example.net.`",
                "a.example.com.",
            ),
            ("@ TXT \"v=spf1", "this quote is never closed", "\"v=spf1"),
            ("", "the owner's name is missing", ""),
        ] {
            let error = parse(line, &origin(), 3600).expect_err(line);
            assert_eq!((error.message.as_str(), &line[error.span]), (message, pointed));
        }
    }
}
