//! RDATA: what a record says, by type (RFC 1035 §3.3 and §3.4, RFC 2782, RFC 3596, RFC 6891).

use super::name;
use crate::base::{Finding, Part, Span, escape};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A: an IPv4 address.
    A(Ipv4Addr),
    /// AAAA: an IPv6 address.
    Aaaa(Ipv6Addr),
    /// NS, CNAME or PTR: a name.
    Name(String),
    /// MX.
    Mx {
        /// Lower ones are tried first.
        preference: u16,
        /// The host that takes the mail; `.` for none (RFC 7505).
        exchange: String,
    },
    /// TXT: its character strings.
    Txt(Vec<Vec<u8>>),
    /// SRV.
    Srv {
        /// Lower ones are tried first.
        priority: u16,
        /// A heavier one is chosen more often among equals.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.` for none.
        target: String,
    },
    /// SOA.
    Soa {
        /// The primary server.
        mname: String,
        /// The mailbox of who is responsible, its `@` written as a dot.
        rname: String,
        /// SERIAL, REFRESH, RETRY, EXPIRE, MINIMUM.
        numbers: [u32; 5],
    },
    /// OPT: codes and lengths of its options.
    Opt(Vec<(u16, usize)>),
    /// A type that is not read here.
    Opaque(Vec<u8>),
    /// Bytes that are not what the type asks for.
    Malformed,
}

impl fmt::Display for Data {
    /// As in a zone file, on one line and free of control characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Data::A(address) => address.fmt(f),
            Data::Aaaa(address) => address.fmt(f),
            Data::Name(name) => f.write_str(name),
            Data::Mx { preference, exchange } => write!(f, "{preference} {exchange}"),
            Data::Txt(strings) => {
                for (i, string) in strings.iter().enumerate() {
                    let gap = if i > 0 { " " } else { "" };
                    write!(f, "{gap}\"{}\"", escape::line(string))?;
                }
                Ok(())
            }
            Data::Srv { priority, weight, port, target } => write!(f, "{priority} {weight} {port} {target}"),
            Data::Soa { mname, rname, numbers: [serial, refresh, retry, expire, minimum] } => {
                write!(f, "{mname} {rname} {serial} {refresh} {retry} {expire} {minimum}")
            }
            Data::Opt(options) => write!(f, "{} options", options.len()),
            Data::Opaque(bytes) => write!(f, "{} octets", bytes.len()),
            Data::Malformed => f.write_str("malformed"),
        }
    }
}

/// Reads the fields of one record's RDATA, in order.
struct Fields<'a> {
    message: &'a [u8],
    at: usize,
    end: usize,
    parts: Vec<Part>,
}

/// Read RDATA at `at..end` of `message`: its value, its parts, and what is off. `end` is within the message.
pub(super) fn read(message: &[u8], at: usize, end: usize, rtype: u16) -> (Data, Vec<Part>, Vec<Finding>) {
    let mut fields = Fields { message, at, end, parts: Vec::new() };
    let data = fields.read(rtype);
    let mut findings = Vec::new();
    let data = data.unwrap_or_else(|finding| {
        findings.push(finding);
        Data::Malformed
    });
    if findings.is_empty() && fields.at != end {
        let detail = format!("the data of {} ends before RDLENGTH says", super::type_name(rtype));
        findings.push(Finding::error("dns-rdlength", Span::new(fields.at, end), detail));
    }
    (data, fields.parts, findings)
}

impl<'a> Fields<'a> {
    fn read(&mut self, rtype: u16) -> Result<Data, Finding> {
        Ok(match rtype {
            1 => Data::A(Ipv4Addr::from(self.array::<4>("address")?)),
            28 => Data::Aaaa(Ipv6Addr::from(self.array::<16>("address")?)),
            2 => Data::Name(self.name("nsdname")?),
            5 => Data::Name(self.name("cname")?),
            12 => Data::Name(self.name("ptrdname")?),
            15 => Data::Mx { preference: self.u16("preference")?, exchange: self.name("exchange")? },
            16 => self.text()?,
            33 => Data::Srv {
                priority: self.u16("priority")?,
                weight: self.u16("weight")?,
                port: self.u16("port")?,
                target: self.name("target")?,
            },
            6 => Data::Soa {
                mname: self.name("mname")?,
                rname: self.name("rname")?,
                numbers: [
                    self.u32("serial")?,
                    self.u32("refresh")?,
                    self.u32("retry")?,
                    self.u32("expire")?,
                    self.u32("minimum")?,
                ],
            },
            41 => self.options()?,
            _ => {
                let bytes = self.message.get(self.at..self.end).unwrap_or_default().to_vec();
                self.at = self.end;
                Data::Opaque(bytes)
            }
        })
    }

    /// The next `count` bytes, and where they stand.
    fn take(&mut self, count: usize, name: &'static str) -> Result<(&'a [u8], Span), Finding> {
        let span = Span::new(self.at, self.at + count);
        match self.message.get(span.start..span.end).filter(|_| span.end <= self.end) {
            Some(bytes) => {
                self.at = span.end;
                Ok((bytes, span))
            }
            None => {
                let detail =
                    format!("{name} takes {count} octets, and RDLENGTH leaves {}", self.end - self.at);
                Err(Finding::error("dns-rdlength", Span::new(self.at, self.end), detail))
            }
        }
    }

    fn array<const N: usize>(&mut self, name: &'static str) -> Result<[u8; N], Finding> {
        let (bytes, span) = self.take(N, name)?;
        self.parts.push(Part::leaf(name, span));
        Ok(bytes.try_into().unwrap_or([0; N]))
    }

    fn u16(&mut self, name: &'static str) -> Result<u16, Finding> {
        Ok(u16::from_be_bytes(self.array(name)?))
    }

    fn u32(&mut self, name: &'static str) -> Result<u32, Finding> {
        Ok(u32::from_be_bytes(self.array(name)?))
    }

    fn name(&mut self, field: &'static str) -> Result<String, Finding> {
        let read = name::read(self.message, self.at, self.end, field)?;
        self.at = read.part.span.end;
        self.parts.push(read.part);
        Ok(read.text)
    }

    /// "One or more <character-string>s": a length octet and as many octets (RFC 1035 §3.3.14, §3.3).
    fn text(&mut self) -> Result<Data, Finding> {
        let mut strings = Vec::new();
        while self.at < self.end || strings.is_empty() {
            let start = self.at;
            let (length, _) = self.take(1, "character-string")?;
            let length = length.first().copied().map_or(0, usize::from);
            let (bytes, span) = self.take(length, "character-string")?;
            self.parts.push(Part::leaf("character-string", Span::new(start, span.end)));
            strings.push(bytes.to_vec());
        }
        Ok(Data::Txt(strings))
    }

    /// "{attribute,value} pairs": a code, a length and as many octets (RFC 6891 §6.1.2).
    fn options(&mut self) -> Result<Data, Finding> {
        let mut options = Vec::new();
        while self.at < self.end {
            let start = self.at;
            let (head, _) = self.take(4, "option")?;
            let number = |i: usize| {
                u16::from_be_bytes([head.get(i).copied().unwrap_or(0), head.get(i + 1).copied().unwrap_or(0)])
            };
            let (code, length) = (number(0), usize::from(number(2)));
            let (_, span) = self.take(length, "option")?;
            self.parts.push(Part::leaf("option", Span::new(start, span.end)));
            options.push((code, length));
        }
        Ok(Data::Opt(options))
    }
}
