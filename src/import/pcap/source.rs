//! [`Source`]: a capture file → frames, one at a time: pcap and pcapng, by pcap-parser.
//!
//! The first stop of an import. pcap: draft-ietf-opsawg-pcap; pcapng: draft-ietf-opsawg-pcapng. Memory holds one
//! buffer, which grows to the largest packet.

use crate::base::Instant;
use crate::import::Error;
use pcap_parser::pcapng::{InterfaceDescriptionBlock, NameRecordType, NameResolutionBlock};
use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, LegacyPcapReader, PcapBlockOwned, PcapError, PcapNGReader};
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::IpAddr;

/// Bytes that are read at once.
const BUFFER: usize = 256 << 10;
/// The largest block that is believed; what claims to be larger is damage. tshark's bound for a packet is 256 KiB,
/// but blocks of secrets and names may be larger.
const LARGEST_BLOCK: usize = 16 << 20;
/// Interfaces of a section that are remembered, and names of hosts.
const MOST_INTERFACES: usize = 4096;

/// A frame as it was captured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// When.
    pub at: Instant,
    /// The number of its link type (LINKTYPE_…).
    pub link: i32,
    /// What was captured of it.
    pub data: &'a [u8],
    /// Whether it was longer than what was captured.
    pub cut: bool,
}

/// Why a file gives no more frames, where it is not simply its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It ends inside a packet.
    Truncated {
        /// Where the packet begins, in bytes from the start (of the unpacked capture).
        at: u64,
    },
    /// What stands there is no packet.
    Damaged {
        /// Where, in bytes from the start (of the unpacked capture).
        at: u64,
    },
    /// It could not be read any further.
    Unreadable {
        /// Where, in bytes from the start (of the unpacked capture).
        at: u64,
        /// What the system said.
        why: String,
    },
}

/// How an interface's packets are to be read (pcapng §4.2).
#[derive(Clone, Copy, Debug)]
struct Interface {
    link: i32,
    /// Ticks in a second.
    resolution: u64,
    /// Seconds that are added.
    offset: i64,
    snaplen: u32,
}

/// Reads frames. See [`Source::read`].
pub(super) struct Source {
    reader: Box<dyn PcapReaderIterator + Send>,
    failed: Failed,
    interfaces: Vec<Interface>,
    /// Fractions of a second are nanoseconds (pcap).
    nanoseconds: bool,
    last: Instant,
    capacity: usize,
    /// Who is called what (pcapng's name resolution blocks).
    pub names: BTreeMap<IpAddr, String>,
}

/// Keeps what the system said, which pcap-parser does not; asks again where it was only interrupted.
struct Kept<R> {
    from: R,
    failed: Failed,
}

type Failed = std::sync::Arc<std::sync::Mutex<Option<String>>>;

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        // A pipe gives little at a time: fill the buffer, so that the first look sees the whole first block.
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.from.read(rest) {
                Ok(0) => break,
                Ok(len) => filled += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let mut failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    *failed = Some(error.to_string());
                    break;
                }
            }
        }
        Ok(filled)
    }
}

impl Source {
    /// A source at the beginning of a file that begins like this.
    pub fn new(begins: &[u8], from: impl Read + Send + 'static) -> Result<Self, Error> {
        let failed = Failed::default();
        let from = Kept { from, failed: failed.clone() };
        let reader: Result<Box<dyn PcapReaderIterator + Send>, _> = match super::sniff(begins) {
            Some(super::Format::Pcapng) => PcapNGReader::new(BUFFER, from).map(|r| Box::new(r) as _),
            Some(super::Format::Pcap) => LegacyPcapReader::new(BUFFER, from).map(|r| Box::new(r) as _),
            None => return Err(Error::Unrecognised { begins: begins.to_vec() }),
        };
        let reader = reader.map_err(|_| match begins.len() {
            len if len < 24 => Error::TooShort { len },
            _ => Error::BrokenHeader,
        })?;
        Ok(Source {
            reader,
            failed,
            interfaces: Vec::new(),
            nanoseconds: false,
            last: Instant::default(),
            capacity: BUFFER,
            names: BTreeMap::new(),
        })
    }

    /// The next frame, given to `sink`. `Ok(false)`: there is none, the file is at its end.
    pub fn read(&mut self, mut sink: impl FnMut(Frame<'_>)) -> Result<bool, Broken> {
        loop {
            let Source { reader, interfaces, nanoseconds, last, names, .. } = self;
            let wanted = match reader.next() {
                Ok((len, block)) => {
                    let mut about = About { interfaces, nanoseconds, last, names };
                    let frame = about.block(&block);
                    let found = frame.is_some();
                    if let Some(frame) = frame {
                        about.last.clone_from(&frame.at);
                        sink(frame);
                    }
                    reader.consume(len);
                    if found {
                        return Ok(true);
                    }
                    continue;
                }
                Err(PcapError::Eof) => return self.end(),
                Err(PcapError::Incomplete(_)) => 0,
                Err(PcapError::BufferTooSmall) => self.capacity.saturating_mul(2),
                Err(PcapError::UnexpectedEof) => {
                    self.end()?;
                    return Err(Broken::Truncated { at: self.reader.consumed() as u64 });
                }
                Err(_) => return Err(Broken::Damaged { at: self.reader.consumed() as u64 }),
            };
            self.refill(wanted)?;
        }
    }

    fn refill(&mut self, grow_to: usize) -> Result<(), Broken> {
        let at = self.reader.consumed() as u64;
        if grow_to > LARGEST_BLOCK {
            return Err(Broken::Damaged { at });
        }
        if grow_to > self.capacity {
            self.capacity = grow_to;
            self.reader.grow(grow_to);
        }
        let refilled = self.reader.refill();
        refilled.map_err(|_| Broken::Damaged { at })
    }

    /// The end that was met: of the file, or of what could be read of it.
    fn end(&mut self) -> Result<bool, Broken> {
        let failed = self.failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match failed {
            Some(why) => Err(Broken::Unreadable { at: self.reader.consumed() as u64, why }),
            None => Ok(false),
        }
    }
}

/// What blocks change beside giving frames.
struct About<'s> {
    interfaces: &'s mut Vec<Interface>,
    nanoseconds: &'s mut bool,
    last: &'s mut Instant,
    names: &'s mut BTreeMap<IpAddr, String>,
}

impl About<'_> {
    fn block<'a>(&mut self, block: &'a PcapBlockOwned<'a>) -> Option<Frame<'a>> {
        match block {
            PcapBlockOwned::LegacyHeader(header) => {
                *self.nanoseconds = header.is_nanosecond_precision();
                // The upper bits say whether a checksum follows each frame (draft-ietf-opsawg-pcap §4).
                let link = header.network.0 & 0xffff;
                let snaplen = header.snaplen;
                *self.interfaces = vec![Interface { link, resolution: 1_000_000, offset: 0, snaplen }];
                None
            }
            PcapBlockOwned::Legacy(packet) => {
                let scale = if *self.nanoseconds { 1000 } else { 1 };
                let micros = i64::from(packet.ts_usec) / scale;
                let at = Instant::from_micros(i64::from(packet.ts_sec) * 1_000_000 + micros);
                let link = self.interfaces.first()?.link;
                Some(Frame { at, link, data: packet.data, cut: packet.caplen < packet.origlen })
            }
            PcapBlockOwned::NG(block) => self.pcapng(block),
        }
    }

    fn pcapng<'a>(&mut self, block: &'a Block<'a>) -> Option<Frame<'a>> {
        match block {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(block) if self.interfaces.len() < MOST_INTERFACES => {
                self.interfaces.push(interface(block));
            }
            Block::EnhancedPacket(packet) => {
                let interface = self.interfaces.get(packet.if_id as usize)?;
                let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                let at = moment(ticks, interface);
                let (link, data) = (interface.link, packet.packet_data());
                return Some(Frame { at, link, data, cut: packet.caplen < packet.origlen });
            }
            Block::SimplePacket(packet) => {
                // "the Simple Packet Block does not contain a timestamp" (pcapng §4.4): the last one is the best guess.
                let interface = self.interfaces.first()?;
                let most = match interface.snaplen {
                    0 => u32::MAX,
                    snaplen => snaplen,
                };
                let len = packet.origlen.min(most) as usize;
                let data = packet.packet_data();
                let data = data.get(..len).unwrap_or(data);
                let cut = data.len() < packet.origlen as usize;
                return Some(Frame { at: *self.last, link: interface.link, data, cut });
            }
            Block::NameResolution(block) => self.learn(block),
            _ => {}
        }
        None
    }

    fn learn(&mut self, block: &NameResolutionBlock<'_>) {
        for record in &block.nr {
            let (address, rest): (IpAddr, &[u8]) = match record.record_type {
                NameRecordType::Ipv4 => match record.record_value.split_first_chunk::<4>() {
                    Some((address, rest)) => ((*address).into(), rest),
                    None => continue,
                },
                NameRecordType::Ipv6 => match record.record_value.split_first_chunk::<16>() {
                    Some((address, rest)) => ((*address).into(), rest),
                    None => continue,
                },
                _ => continue,
            };
            let name = rest.split(|&byte| byte == 0).next().unwrap_or_default();
            if self.names.len() < MOST_INTERFACES && !name.is_empty() {
                self.names.entry(address).or_insert_with(|| crate::base::escape::line(name));
            }
        }
    }
}

fn interface(block: &InterfaceDescriptionBlock<'_>) -> Interface {
    // pcap-parser knows no powers of two: "If the Most Significant Bit is one, the remaining bits indicate the
    // resolution as negative power of 2" (pcapng §4.2, if_tsresol).
    let exponent = u32::from(block.if_tsresol & 0x7f);
    let base: u64 = if block.if_tsresol & 0x80 == 0 { 10 } else { 2 };
    let resolution = base.checked_pow(exponent).unwrap_or(1_000_000);
    Interface { link: block.linktype.0, resolution, offset: block.if_tsoffset, snaplen: block.snaplen }
}

fn moment(ticks: u64, interface: &Interface) -> Instant {
    let resolution = u128::from(interface.resolution.max(1));
    let micros = u128::from(ticks) * 1_000_000 / resolution;
    let micros = i64::try_from(micros).unwrap_or(i64::MAX);
    Instant::from_micros(micros.saturating_add(interface.offset.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A pcap in the given byte order, with the frames `abc` and `de` of link type 101.
    fn pcap(big: bool, nanoseconds: bool) -> Vec<u8> {
        let four = |n: u32| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let two = |n: u16| if big { n.to_be_bytes() } else { n.to_le_bytes() };
        let magic = if nanoseconds { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
        let mut out =
            [&four(magic)[..], &two(2), &two(4), &four(0), &four(0), &four(65_535), &four(101)].concat();
        for (fraction, data, whole) in [(5_000, &b"abc"[..], 3), (6_000, b"de", 9)] {
            let len = four(u32::try_from(data.len()).unwrap());
            out.extend([&four(7)[..], &four(fraction), &len, &four(whole), data].concat());
        }
        out
    }

    /// When, its bytes, and whether it was cut.
    type Read = (i64, Vec<u8>, bool);

    fn frames(bytes: &[u8]) -> (Vec<Read>, Option<Broken>) {
        let mut source = match Source::new(&bytes[..bytes.len().min(64)], Cursor::new(bytes.to_vec())) {
            Ok(source) => source,
            Err(error) => panic!("{error}"),
        };
        let mut out = Vec::new();
        loop {
            match source.read(|frame| out.push((frame.at.as_micros(), frame.data.to_vec(), frame.cut))) {
                Ok(true) => {}
                Ok(false) => return (out, None),
                Err(broken) => return (out, Some(broken)),
            }
        }
    }

    #[test]
    fn both_byte_orders_and_both_resolutions_are_read() {
        for (big, nanoseconds, micros) in [(true, false, 5000), (false, false, 5000), (false, true, 5)] {
            let (read, broken) = frames(&pcap(big, nanoseconds));
            assert_eq!(broken, None);
            assert_eq!(read[0], (7_000_000 + micros, b"abc".to_vec(), false));
            assert!(read[1].2, "it was longer than what was captured");
        }
    }

    #[test]
    fn a_file_that_breaks_off_gives_all_that_is_whole() {
        let whole = pcap(false, false);
        for cut in 24..whole.len() {
            let (read, broken) = frames(&whole[..cut]);
            assert_eq!(read.len(), usize::from(cut >= 24 + 19), "at {cut}");
            let whole_frames = [24, 24 + 19].contains(&cut);
            assert_eq!(broken.is_none(), whole_frames, "at {cut}: {broken:?}");
        }
    }

    #[test]
    fn a_block_that_claims_to_be_huge_is_damage_and_is_not_waited_for() {
        let mut bytes = pcap(false, false);
        bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        let (read, broken) = frames(&bytes);
        assert!(read.is_empty());
        assert!(matches!(broken, Some(Broken::Damaged { .. } | Broken::Truncated { .. })), "{broken:?}");
    }

    #[test]
    fn what_is_no_capture_or_no_whole_header_says_so() {
        let read = |bytes: &[u8]| Source::new(bytes, Cursor::new(bytes.to_vec())).err();
        assert!(matches!(read(b"GET / HTTP/1.1"), Some(Error::Unrecognised { .. })));
        assert!(matches!(read(&pcap(false, false)[..20]), Some(Error::TooShort { len: 20 })));
    }

    #[test]
    fn pcapng_tells_its_resolution_and_its_names() {
        let block = |kind: u32, body: &[u8]| {
            let len = u32::try_from(12 + body.len()).unwrap().to_le_bytes();
            [&kind.to_le_bytes()[..], &len, body, &len].concat()
        };
        let section =
            [&0x1a2b_3c4d_u32.to_le_bytes()[..], &1u16.to_le_bytes(), &0u16.to_le_bytes(), &[0xff; 8]]
                .concat();
        // if_tsresol (option 9) 0x83: eighths of a second.
        let interface =
            [&101u16.to_le_bytes()[..], &[0; 6], &[9, 0, 1, 0, 0x83, 0, 0, 0, 0, 0, 0, 0]].concat();
        let names = [&[1, 0, 9, 0, 192, 0, 2, 1][..], b"mail\0", &[0; 3], &[0; 4]].concat();
        let packet =
            [&[0; 8][..], &12u32.to_le_bytes(), &3u32.to_le_bytes(), &3u32.to_le_bytes(), b"abc\0"].concat();
        let bytes = [block(0x0a0d_0d0a, &section), block(1, &interface), block(4, &names), block(6, &packet)]
            .concat();
        let (read, broken) = frames(&bytes);
        assert_eq!((read, broken), (vec![(1_500_000, b"abc".to_vec(), false)], None));
    }
}
