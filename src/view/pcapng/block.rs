//! The blocks of a pcapng file: how a frame, a name and a comment are written down for tshark and Wireshark.
//!
//! Where it stands on the road: the last step of the `pcapng` view. The format is the IETF draft "PCAP Capture
//! File Format (pcapng)" (draft-ietf-opsawg-pcapng): every block is its type, its length, its body padded to
//! four bytes, and its length again. Everything is written little-endian.

use crate::base::Instant;
use std::io::{self, Write};
use std::net::IpAddr;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const ENHANCED_PACKET: u32 = 6;

/// Option codes: the end of options and a comment mean the same in every block.
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SECTION_USER_APPLICATION: u16 = 4;
const INTERFACE_NAME: u16 = 2;
const INTERFACE_RESOLUTION: u16 = 9;

/// LINKTYPE_ETHERNET of the registry of link types.
const ETHERNET: u16 = 1;
/// A name resolution record for an IPv4 and for an IPv6 address.
const RECORD_IPV4: u16 = 1;
const RECORD_IPV6: u16 = 2;

/// Longest comment, in bytes: an option's length has 16 bits, and nobody reads more.
pub const LONGEST_COMMENT: usize = 8 << 10;
/// Longest name, in bytes, as in the DNS (RFC 1035 §2.3.4), with room for what escaping adds.
const LONGEST_NAME: usize = 1024;

/// Writes blocks onto `out`.
pub struct Blocks<W> {
    out: W,
    /// A block's body while it is made; kept, so that a packet costs no allocation.
    body: Vec<u8>,
}

impl<W: Write> Blocks<W> {
    /// Onto `out`, which should be buffered.
    pub fn new(out: W) -> Self {
        Blocks { out, body: Vec::new() }
    }

    /// What a file begins with: the section, with a comment for its reader, and its one interface.
    pub fn begin(&mut self, comment: &str) -> io::Result<()> {
        self.body.extend_from_slice(&0x1A2B_3C4D_u32.to_le_bytes());
        self.body.extend_from_slice(&1_u16.to_le_bytes());
        self.body.extend_from_slice(&0_u16.to_le_bytes());
        // The section's length is not known beforehand: -1 says so.
        self.body.extend_from_slice(&(-1_i64).to_le_bytes());
        self.text(COMMENT, comment);
        self.text(SECTION_USER_APPLICATION, concat!("postroad ", env!("CARGO_PKG_VERSION")));
        self.option(END_OF_OPTIONS, &[]);
        self.block(SECTION_HEADER)?;
        self.body.extend_from_slice(&ETHERNET.to_le_bytes());
        self.body.extend_from_slice(&0_u16.to_le_bytes());
        // No limit on the length of a frame.
        self.body.extend_from_slice(&0_u32.to_le_bytes());
        self.text(INTERFACE_NAME, "postroad");
        // Time stamps count microseconds.
        self.option(INTERFACE_RESOLUTION, &[6]);
        self.option(END_OF_OPTIONS, &[]);
        self.block(INTERFACE_DESCRIPTION)
    }

    /// Which name belongs to which address.
    pub fn names<'n>(&mut self, names: impl IntoIterator<Item = (IpAddr, &'n str)>) -> io::Result<()> {
        let mut any = false;
        for (address, name) in names {
            let name: String = name.chars().filter(|c| *c != '\0').collect();
            let name = cut(&name, LONGEST_NAME);
            if name.is_empty() {
                continue;
            }
            let (kind, octets) = match address {
                IpAddr::V4(v4) => (RECORD_IPV4, v4.octets().to_vec()),
                IpAddr::V6(v6) => (RECORD_IPV6, v6.octets().to_vec()),
            };
            let value = [&octets, name.as_bytes(), b"\0"].concat();
            self.option(kind, &value);
            any = true;
        }
        if !any {
            return Ok(());
        }
        // The record that ends the records, then no options.
        self.option(0, &[]);
        self.block(NAME_RESOLUTION)
    }

    /// A frame as it was seen at a moment, with what is to be said about it.
    pub fn packet(&mut self, at: Instant, frame: &[u8], comments: &[String]) -> io::Result<()> {
        // Before 1970 there is no time in this format.
        let micros = u64::try_from(at.as_micros()).unwrap_or(0);
        let len = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        self.body.extend_from_slice(&0_u32.to_le_bytes());
        self.body.extend_from_slice(&((micros >> 32) as u32).to_le_bytes());
        self.body.extend_from_slice(&(micros as u32).to_le_bytes());
        self.body.extend_from_slice(&len.to_le_bytes());
        self.body.extend_from_slice(&len.to_le_bytes());
        self.body.extend_from_slice(frame);
        self.pad();
        for comment in comments {
            self.text(COMMENT, comment);
        }
        if !comments.is_empty() {
            self.option(END_OF_OPTIONS, &[]);
        }
        self.block(ENHANCED_PACKET)
    }

    /// Hand on what is buffered.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn text(&mut self, code: u16, text: &str) {
        self.option(code, cut(text, LONGEST_COMMENT).as_bytes());
    }

    /// An option, or a record, which is built the same way; at most 65 535 bytes.
    fn option(&mut self, code: u16, value: &[u8]) {
        let len = u16::try_from(value.len()).unwrap_or(u16::MAX);
        self.body.extend_from_slice(&code.to_le_bytes());
        self.body.extend_from_slice(&len.to_le_bytes());
        self.body.extend_from_slice(value.get(..usize::from(len)).unwrap_or(value));
        self.pad();
    }

    fn pad(&mut self) {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
    }

    fn block(&mut self, kind: u32) -> io::Result<()> {
        let len = u32::try_from(self.body.len() + 12).map_err(|_| io::ErrorKind::InvalidData)?;
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&self.body)?;
        self.out.write_all(&len.to_le_bytes())?;
        self.body.clear();
        Ok(())
    }
}

/// The beginning of a text in at most so many bytes, with `…` where something is missing.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most.saturating_sub(3)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_says_its_length_twice_and_is_padded_to_four_bytes() {
        let mut blocks = Blocks::new(Vec::new());
        blocks.begin("a comment").expect("memory");
        let names = [("192.0.2.1".parse().expect("an address"), "mx1.example.net\0x")];
        blocks.names(names).expect("memory");
        blocks.packet(Instant::from_micros(-5), b"12345", &["é".repeat(9000)]).expect("memory");
        let mut rest = &blocks.out[..];
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let word = |at: usize| u32::from_le_bytes(rest[at..at + 4].try_into().expect("four bytes"));
            let len = word(4) as usize;
            assert_eq!(len % 4, 0);
            assert_eq!(word(len - 4) as usize, len);
            kinds.push(word(0));
            rest = &rest[len..];
        }
        assert_eq!(kinds, [SECTION_HEADER, INTERFACE_DESCRIPTION, NAME_RESOLUTION, ENHANCED_PACKET]);
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("ééé", 6), "ééé");
        assert_eq!(cut("éééé", 7), "éé…");
        assert_eq!(cut("é", 0), "…");
    }
}
