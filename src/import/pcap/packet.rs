//! [`Decoder`]: a frame → the TCP segment or the datagram in it, through tunnels and fragments, by etherparse.
//!
//! The third stop of an import. Lengths come from the IP header, so that Ethernet's padding is no data; where that
//! says more than was captured, the rest counts as missing.

use super::fragment::{Fragments, Piece, Whole};
use super::link::{self, Inner};
use super::source::Frame;
use crate::base::Instant;
use etherparse::{Ipv6ExtensionSlice, LaxIpv4Slice, LaxIpv6Slice, TcpSlice, UdpSlice};
use std::net::{IpAddr, SocketAddr};

/// IP in IP in IP …: how often.
const DEEPEST: usize = 8;

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment<'a> {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub seq: u32,
    /// Acknowledgment number, where it has one.
    pub ack: Option<u32>,
    pub syn: bool,
    pub fin: bool,
    pub rst: bool,
    pub bytes: &'a [u8],
    /// Bytes behind those that were not captured.
    pub cut: usize,
}

/// What a frame carried.
#[derive(Clone, Copy, Debug)]
pub(super) enum Packet<'a> {
    /// A piece of a stream.
    Tcp(Segment<'a>),
    /// A datagram.
    Udp { from: SocketAddr, to: SocketAddr, bytes: &'a [u8] },
}

/// Frames that carried nothing that an import wants, by why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// No IP: ARP, spanning tree and the like.
    pub not_ip: u64,
    /// IP, but neither TCP nor UDP.
    pub other_protocols: u64,
    /// Datagrams that hold no DNS message.
    pub datagrams: u64,
    /// Headers cut short or broken.
    pub broken: u64,
    /// Frames of a link type that is not known here, and the number of one of them.
    pub unknown_link: u64,
    /// That link type.
    pub link: Option<i32>,
    /// Fragments of packets that never became whole.
    pub fragments: u64,
}

/// Frames in, segments and datagrams out.
#[derive(Debug)]
pub(super) struct Decoder {
    fragments: Fragments,
    pub ignored: Ignored,
}

/// The IP header's say in what follows.
struct Carried<'a> {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: &'a [u8],
    /// Bytes of the payload that were not captured.
    cut: usize,
}

impl Decoder {
    /// A decoder that keeps at most so many bytes of fragments.
    pub fn new(fragments: usize) -> Self {
        Decoder { fragments: Fragments::new(fragments), ignored: Ignored::default() }
    }

    /// Give `sink` what a frame carries.
    pub fn frame(&mut self, frame: Frame<'_>, sink: &mut impl FnMut(Packet<'_>)) {
        let inner = link::ip_in(frame.link, frame.data);
        if inner == Inner::UnknownLink {
            self.ignored.link.get_or_insert(frame.link);
        }
        self.inner(inner, frame.at, DEEPEST, sink);
    }

    /// Packets of which some fragments came, and not all.
    pub fn unfinished(&self) -> u64 {
        self.fragments.given_up + self.fragments.waiting() as u64
    }

    fn inner(&mut self, inner: Inner<'_>, at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        match inner {
            Inner::Ip(packet) => self.ip(packet, at, deep, sink),
            Inner::NotIp => self.ignored.not_ip += 1,
            Inner::Short => self.ignored.broken += 1,
            Inner::UnknownLink => self.ignored.unknown_link += 1,
        }
    }

    fn ip(&mut self, packet: &[u8], at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        match packet.first().map(|first| first >> 4) {
            Some(4) => self.ipv4(packet, at, deep, sink),
            Some(6) => self.ipv6(packet, at, deep, sink),
            _ => self.ignored.broken += 1,
        }
    }

    fn ipv4(&mut self, packet: &[u8], at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        let Ok((ip, _)) = LaxIpv4Slice::from_slice(packet) else {
            self.ignored.broken += 1;
            return;
        };
        let header = ip.header();
        let payload = ip.payload();
        let (from, to) = (header.source_addr(), header.destination_addr());
        let cut =
            if payload.incomplete { usize::from(header.total_len()).saturating_sub(packet.len()) } else { 0 };
        let (protocol, bytes) = (payload.ip_number.0, payload.payload);
        if payload.fragmented {
            let between = (from.to_ipv6_mapped().octets(), to.to_ipv6_mapped().octets());
            let id = u32::from(header.identification());
            let of = Whole { between, v6: false, id, protocol };
            let offset = usize::from(header.fragments_offset().byte_offset());
            let piece = Piece { offset, more: header.more_fragments() || cut > 0, bytes };
            return self.fragment(of, piece, (from.into(), to.into()), at, deep, sink);
        }
        let carried = Carried { from: from.into(), to: to.into(), protocol, payload: bytes, cut };
        self.carried(carried, at, deep, sink);
    }

    fn ipv6(&mut self, packet: &[u8], at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        let Ok((ip, _)) = LaxIpv6Slice::from_slice(packet) else {
            self.ignored.broken += 1;
            return;
        };
        let header = ip.header();
        let payload = ip.payload();
        let (from, to) = (header.source_addr(), header.destination_addr());
        let declared = usize::from(header.payload_length()) + 40;
        let cut = if payload.incomplete { declared.saturating_sub(packet.len()) } else { 0 };
        let (protocol, bytes) = (payload.ip_number.0, payload.payload);
        if payload.fragmented {
            let fragment = ip.extensions().clone().into_iter().find_map(|extension| match extension {
                Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment),
                _ => None,
            });
            if let Some(fragment) = fragment {
                let between = (from.octets(), to.octets());
                let of = Whole { between, v6: true, id: fragment.identification(), protocol };
                let offset = usize::from(fragment.fragment_offset().byte_offset());
                let piece = Piece { offset, more: fragment.more_fragments() || cut > 0, bytes };
                return self.fragment(of, piece, (from.into(), to.into()), at, deep, sink);
            }
        }
        let carried = Carried { from: from.into(), to: to.into(), protocol, payload: bytes, cut };
        self.carried(carried, at, deep, sink);
    }

    fn fragment(
        &mut self,
        of: Whole,
        piece: Piece<'_>,
        (from, to): (IpAddr, IpAddr),
        at: Instant,
        deep: usize,
        sink: &mut impl FnMut(Packet<'_>),
    ) {
        if let Some(whole) = self.fragments.add(of, piece, at) {
            let carried = Carried { from, to, protocol: of.protocol, payload: &whole, cut: 0 };
            self.carried(carried, at, deep, sink);
        }
    }

    fn carried(&mut self, carried: Carried<'_>, at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        let Carried { from, to, protocol, payload, cut } = carried;
        match protocol {
            6 => match TcpSlice::from_slice(payload) {
                Ok(tcp) => sink(Packet::Tcp(Segment {
                    from: SocketAddr::new(from, tcp.source_port()),
                    to: SocketAddr::new(to, tcp.destination_port()),
                    seq: tcp.sequence_number(),
                    ack: tcp.ack().then(|| tcp.acknowledgment_number()),
                    syn: tcp.syn(),
                    fin: tcp.fin(),
                    rst: tcp.rst(),
                    bytes: tcp.payload(),
                    cut,
                })),
                Err(_) => self.ignored.broken += 1,
            },
            17 => self.udp(carried, at, deep, sink),
            4 | 41 => self.deeper(link::by_version(payload), at, deep, sink),
            47 => self.deeper(link::gre(payload), at, deep, sink),
            // EtherIP (RFC 3378): two bytes, then a frame; MPLS in IP (RFC 4023).
            97 => {
                self.deeper(payload.get(2..).and_then(|rest| link::ethernet(rest, DEEPEST)), at, deep, sink)
            }
            137 => self.deeper(link::by_type(0x8847, payload, DEEPEST), at, deep, sink),
            _ => self.ignored.other_protocols += 1,
        }
    }

    fn udp(&mut self, carried: Carried<'_>, at: Instant, deep: usize, sink: &mut impl FnMut(Packet<'_>)) {
        let Carried { from, to, payload, .. } = carried;
        let Ok(udp) = UdpSlice::from_slice_lax(payload) else {
            self.ignored.broken += 1;
            return;
        };
        let (source, destination, bytes) = (udp.source_port(), udp.destination_port(), udp.payload());
        match link::tunnel(destination, bytes).or_else(|| link::tunnel(source, bytes)) {
            Some(inner) => self.deeper(Some(inner), at, deep, sink),
            None => sink(Packet::Udp {
                from: SocketAddr::new(from, source),
                to: SocketAddr::new(to, destination),
                bytes,
            }),
        }
    }

    fn deeper(
        &mut self,
        inner: Option<Inner<'_>>,
        at: Instant,
        deep: usize,
        sink: &mut impl FnMut(Packet<'_>),
    ) {
        match (inner, deep.checked_sub(1)) {
            (Some(inner), Some(deep)) => self.inner(inner, at, deep, sink),
            _ => self.ignored.broken += 1,
        }
    }
}
