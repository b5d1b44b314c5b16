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
