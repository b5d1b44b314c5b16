//! From a frame to the IP packet in it: link layers by their offsets, and what may stand between them and IP.
//!
//! The second stop of an import. Link types have the numbers of draft-ietf-opsawg-pcaplinktype. VLAN tags are
//! IEEE 802.1Q, MPLS labels RFC 3032, PPP RFC 1661 and 2516, GRE RFC 2784 and 2890, VXLAN RFC 7348, GENEVE RFC 8926.

/// What stands behind some headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inner<'a> {
    /// An IP packet, version 4 or 6.
    Ip(&'a [u8]),
    /// Whole, and nothing that is carried by IP (ARP, spanning tree, …).
    NotIp,
    /// Too short for its headers.
    Short,
    /// Nothing here knows this link type.
    UnknownLink,
}

/// EtherType of a whole Ethernet frame inside something else (RFC 1701: transparent Ethernet bridging).
const BRIDGED: u16 = 0x6558;
/// Linux: a capture of messages between kernel and programs.
const ARPHRD_NETLINK: u16 = 824;
/// Headers inside headers that are followed.
const DEEPEST: usize = 12;

fn be16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}

fn skip(data: &[u8], len: usize) -> &[u8] {
    data.get(len..).unwrap_or_default()
}

fn short_or(inner: Option<Inner<'_>>) -> Inner<'_> {
    inner.unwrap_or(Inner::Short)
}

/// The IP packet in a frame of this link type.
pub(super) fn ip_in(link: i32, data: &[u8]) -> Inner<'_> {
    short_or(match link {
        1 | 143 => ethernet(data, DEEPEST),
        // BSD loopback: four bytes of address family, in whatever byte order; 109 has 8 more.
        0 | 108 => by_version(skip(data, 4)),
        109 => by_version(skip(data, 12)),
        // Raw IP, by the number that various systems gave it.
        12 | 14 | 101 | 228 | 229 => by_version(data),
        9 | 50 | 51 | 104 | 204 | 205 | 166 => serial(link, data),
        // Frame control and two addresses, then LLC.
        10 => llc(skip(data, 13), DEEPEST),
        100 | 122 | 138 => match link {
            100 => llc(data, DEEPEST),
            122 => llc(skip(data, 16), DEEPEST),
            _ => be16(data, 16).and_then(|kind| by_type(kind, skip(data, 18), DEEPEST)),
        },
        105 => wireless(data),
        127 => be16(data, 2).and_then(|len| wireless(skip(data, usize::from(len.swap_bytes())))),
        113 if be16(data, 2) == Some(ARPHRD_NETLINK) => netlink(data),
        113 => be16(data, 14).and_then(|kind| by_type(kind, skip(data, 16), DEEPEST)),
        276 => be16(data, 0).and_then(|kind| by_type(kind, skip(data, 20), DEEPEST)),
        117 => data.first().and_then(|len| by_version(skip(data, usize::from(*len).next_multiple_of(4)))),
        239 => nflog(data),
        240 | 282 => ethernet(skip(data, 4), DEEPEST),
        _ => return rarer(link, data),
    })
}

/// Link types that few have met: each with the header that its page of the register tells.
fn rarer(link: i32, data: &[u8]) -> Inner<'_> {
    short_or(match link {
        6 => token_ring(data),
        8 => by_version(skip(data, 16)),
        // Classical IP over ATM: with LLC or without.
        19 | 106 if data.starts_with(&[0xaa, 0xaa, 3]) => llc(data, DEEPEST),
        19 | 106 => by_version(data),
        99 => be16(data, 6).and_then(|kind| by_type(kind, skip(data, 44), DEEPEST)),
        107 => frame_relay(data),
        119 | 163 => monitored(data),
        // On a Mac, a frame with a header of its own that names the link type; in files of the Mac's as "user 2".
        258 => return packet_tap(data).unwrap_or(Inner::Short),
        149 => return packet_tap(data).unwrap_or(Inner::UnknownLink),
        178 => juniper(data).and_then(|frame| ethernet(frame, DEEPEST)),
        179 => juniper(data).and_then(|frame| ppp(frame, DEEPEST)),
        181 => juniper(data).and_then(|frame| by_type(be16(frame, 2)?, frame.get(4..)?, DEEPEST)),
        192 => return per_packet(data).unwrap_or(Inner::Short),
        197 => record_format(data),
        226 => by_version(skip(data, 24)),
        // IP over InfiniBand: a route header, then the type.
        242 => be16(data, 40).and_then(|kind| by_type(kind, skip(data, 44), DEEPEST)),
        253 => netlink(data),
        274 => ethernet(skip(data, 8), DEEPEST),
        // A switch's own tag between the addresses and the type.
        281 | 284 => be16(data, 16).and_then(|kind| by_type(kind, skip(data, 18), DEEPEST)),
        285 => be16(data, 20).and_then(|kind| by_type(kind, skip(data, 22), DEEPEST)),
        _ => Some(Inner::UnknownLink),
    })
}

/// IEEE 802.5: the first bit of the source address says that a route follows, whose first byte tells its length.
fn token_ring(data: &[u8]) -> Option<Inner<'_>> {
    let route = if data.get(8)? & 0x80 == 0 { 0 } else { usize::from(data.get(14)? & 0x1f) };
    llc(data.get(14 + route..)?, DEEPEST)
}

/// RFC 2427: an address of two bytes or more (the last has the lowest bit), a control byte, what is carried.
fn frame_relay(data: &[u8]) -> Option<Inner<'_>> {
    let address = data.iter().take(4).position(|byte| byte & 1 == 1)? + 1;
    match data.get(address..)? {
        // Cisco's: a type in place of the control byte.
        [8, 0, rest @ ..] | [0x86, 0xdd, rest @ ..] => by_version(rest),
        [3, 0xcc | 0x8e, rest @ ..] => by_version(rest),
        // SNAP, with or without a byte that pads: an organisation's code of three bytes, then the type.
        [3, 0, 0x80, _, _, _, high, low, rest @ ..] | [3, 0x80, _, _, _, high, low, rest @ ..] => {
            by_type(u16::from_be_bytes([*high, *low]), rest, DEEPEST)
        }
        [_, _, ..] => Some(Inner::NotIp),
        _ => None,
    }
}

/// Prism's header of 144 bytes, or AVS's, which begins with a magic number and tells its length.
fn monitored(data: &[u8]) -> Option<Inner<'_>> {
    let avs = data.starts_with(&[0x80, 0x21, 0x10]);
    wireless(data.get(if avs { usize::from(be16(data, 6)?) } else { 144 }..)?)
}

fn le32(data: &[u8], at: usize) -> Option<usize> {
    let bytes = data.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

/// Its length, then a number, then the link type of what follows.
fn packet_tap(data: &[u8]) -> Option<Inner<'_>> {
    let (len, link) = (le32(data, 0)?, i32::try_from(le32(data, 8)?).ok()?);
    let inner = data.get(len..).filter(|_| (12..=512).contains(&len))?;
    Some(if matches!(link, 149 | 192 | 258) { Inner::UnknownLink } else { ip_in(link, inner) })
}

/// What a Juniper router captured: `MGC`, flags, and with the first flag options behind their length.
fn juniper(data: &[u8]) -> Option<&[u8]> {
    let flags = *data.strip_prefix(b"MGC")?.first()?;
    data.get(if flags & 0x80 == 0 { 4 } else { 6 + usize::from(be16(data, 4)?) }..)
}

/// PPI: version, flags, length, and the link type of what follows.
fn per_packet(data: &[u8]) -> Option<Inner<'_>> {
    let (len, link) = (usize::from(be16(data, 2)?.swap_bytes()), i32::try_from(le32(data, 4)?).ok()?);
    let inner = data.get(len..).filter(|_| len >= 8)?;
    Some(if matches!(link, 149 | 192 | 258) { Inner::UnknownLink } else { ip_in(link, inner) })
}

/// Endace's record format: a header of 16 bytes, more of eight each while the first bit of a type says so.
fn record_format(data: &[u8]) -> Option<Inner<'_>> {
    let kind = *data.get(8)?;
    let (mut at, mut more) = (16, kind & 0x80 != 0);
    while more {
        more = data.get(at)? & 0x80 != 0;
        at += 8;
    }
    let rest = data.get(at..)?;
    match kind & 0x7f {
        // Two bytes of padding stand before Ethernet.
        2 | 11 | 16 | 20 => ethernet(rest.get(2..)?, DEEPEST),
        1 => by_type(be16(rest, 2)?, rest.get(4..)?, DEEPEST),
        22 | 23 => by_version(rest),
        _ => Some(Inner::NotIp),
    }
}

/// PPP and Cisco HDLC.
fn serial(link: i32, data: &[u8]) -> Option<Inner<'_>> {
    match link {
        51 => pppoe(data, DEEPEST),
        104 => be16(data, 2).and_then(|kind| by_type(kind, skip(data, 4), DEEPEST)),
        // One byte of direction before the frame.
        166 | 204 => ppp(skip(data, 1), DEEPEST),
        205 => be16(data, 3).and_then(|kind| by_type(kind, skip(data, 5), DEEPEST)),
        _ => ppp(data, DEEPEST),
    }
}

/// An Ethernet frame: two addresses and a type (or a length, IEEE 802.3).
pub(super) fn ethernet(data: &[u8], deep: usize) -> Option<Inner<'_>> {
    by_type(be16(data, 12)?, skip(data, 14), deep)
}

/// What an EtherType stands for. Below 0x600 it is the length of an LLC frame.
pub(super) fn by_type(kind: u16, data: &[u8], deep: usize) -> Option<Inner<'_>> {
    let deep = deep.checked_sub(1)?;
    match kind {
        0x0800 | 0x86dd => by_version(data),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => by_type(be16(data, 2)?, skip(data, 4), deep),
        0x8847 | 0x8848 => mpls(data, deep),
        0x8864 => pppoe(data, deep),
        0x880b => ppp(data, deep),
        0x8926 => by_type(be16(data, 4)?, skip(data, 6), deep),
        0x88e7 => ethernet(skip(data, 4), deep),
        0x88be => ethernet(skip(data, 8), deep),
        0x22eb => ethernet(skip(data, 12), deep),
        BRIDGED => ethernet(data, deep),
        0x0000..0x0600 => llc(data, deep),
        _ => Some(Inner::NotIp),
    }
}

/// IP, whichever version its first four bits say.
pub(super) fn by_version(data: &[u8]) -> Option<Inner<'_>> {
    match data.first()? >> 4 {
        4 | 6 => Some(Inner::Ip(data)),
        _ => Some(Inner::NotIp),
    }
}

/// IEEE 802.2: with the SNAP extension an EtherType follows (RFC 1042).
fn llc(data: &[u8], deep: usize) -> Option<Inner<'_>> {
    match data {
        [0xaa, 0xaa, 3, _, _, _, high, low, rest @ ..] => {
            by_type(u16::from_be_bytes([*high, *low]), rest, deep.checked_sub(1)?)
        }
        [6, 6, 3, rest @ ..] => by_version(rest),
        [_, _, _, ..] => Some(Inner::NotIp),
        _ => None,
    }
}

/// Labels until the one with the bottom-of-stack bit (RFC 3032 §2.1); a control word stands before Ethernet.
fn mpls(data: &[u8], deep: usize) -> Option<Inner<'_>> {
    let mut rest = data;
    for _ in 0..DEEPEST {
        let bottom = rest.get(2)? & 1 == 1;
        rest = rest.get(4..)?;
        if bottom {
            return match rest.first()? >> 4 {
                4 | 6 => by_version(rest),
                0 => ethernet(skip(rest, 4), deep.checked_sub(1)?),
                _ => Some(Inner::NotIp),
            };
        }
    }
    None
}

fn pppoe(data: &[u8], deep: usize) -> Option<Inner<'_>> {
    ppp(data.get(6..)?, deep)
}

/// PPP, with or without its address and control bytes, with a protocol of one or two bytes (RFC 1661 §6.5, 6.6).
fn ppp(data: &[u8], deep: usize) -> Option<Inner<'_>> {
    // Cisco's HDLC stands where PPP's address and control would: a type follows.
    if let [0x0f | 0x8f, 0, high, low, rest @ ..] = data {
        return by_type(u16::from_be_bytes([*high, *low]), rest, deep.checked_sub(1)?);
    }
    let data = data.strip_prefix(&[0xff, 3]).unwrap_or(data);
    let (protocol, rest) = match data {
        [low, rest @ ..] if low & 1 == 1 => (u16::from(*low), rest),
        [high, low, rest @ ..] => (u16::from_be_bytes([*high, *low]), rest),
        _ => return None,
    };
    match protocol {
        0x0021 | 0x0057 => by_version(rest),
        0x0281 => mpls(rest, deep.checked_sub(1)?),
        _ => Some(Inner::NotIp),
    }
}

/// IEEE 802.11 data frames that are not encrypted.
fn wireless(data: &[u8]) -> Option<Inner<'_>> {
    let &[control, flags, ..] = data else { return None };
    let is_data = control & 0x0c == 0x08 && control & 0x40 == 0;
    if !is_data || flags & 0x40 != 0 {
        return Some(Inner::NotIp);
    }
    let quality = if control & 0x80 != 0 { 2 } else { 0 };
    let fourth_address = if flags & 3 == 3 { 6 } else { 0 };
    let rest = data.get(24 + quality + fourth_address..)?;
    // Some cards pad the header to whole words.
    let padded = quality != 0 && !rest.starts_with(&[0xaa, 0xaa]) && rest.get(2..4) == Some(&[0xaa, 0xaa]);
    llc(if padded { skip(rest, 2) } else { rest }, DEEPEST)
}

/// Linux netfilter log: attributes behind a header of four bytes; number 9 is the packet.
fn nflog(data: &[u8]) -> Option<Inner<'_>> {
    by_version(attribute(data.get(4..)?, 9)?)
}

/// Messages of the firewall to a program, behind a "cooked" header: its log (subsystem 4) and its queue (3), in
/// which the packet is attribute 9 or 10. Others are no traffic.
fn netlink(data: &[u8]) -> Option<Inner<'_>> {
    const NETLINK_NETFILTER: u16 = 12;
    if be16(data, 14)? != NETLINK_NETFILTER {
        return Some(Inner::NotIp);
    }
    // Header of the message: length, type (subsystem in its upper byte), flags, number, port; then four bytes more.
    let (message, subsystem) = (data.get(16..)?, *data.get(21)?);
    let wanted = match subsystem {
        3 => 10,
        4 => 9,
        _ => return Some(Inner::NotIp),
    };
    attribute(message.get(20..)?, wanted).map_or(Some(Inner::NotIp), by_version)
}

/// The value of the first attribute of that number: length and number in the machine's byte order, padded to four.
fn attribute(mut rest: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let &[low, high, kind_low, kind_high, ..] = rest else { return None };
        let len = usize::from(u16::from_le_bytes([low, high]));
        // The upper two bits are flags.
        if u16::from_le_bytes([kind_low, kind_high]) & 0x3fff == wanted {
            return rest.get(4..len);
        }
        rest = rest.get(len.max(4).next_multiple_of(4)..)?;
    }
}

/// What a GRE packet carries (RFC 2784, 2890; version 1 is PPTP's, RFC 2637).
pub(super) fn gre(data: &[u8]) -> Option<Inner<'_>> {
    let &[flags, version, ..] = data else { return None };
    let kind = be16(data, 2)?;
    let has = |bit: u8| usize::from(flags & bit != 0) * 4;
    if version & 7 == 1 {
        let acknowledgment = usize::from(version & 0x80 != 0) * 4;
        return ppp(data.get(8 + has(0x10) + acknowledgment..)?, DEEPEST);
    }
    // Checksum, key and sequence number are there where their bits are set.
    let rest = data.get(4 + has(0x80) + has(0x20) + has(0x10)..)?;
    match kind {
        // ERSPAN without its header where no sequence number is there (type I).
        0x88be if flags & 0x10 == 0 => ethernet(rest, DEEPEST),
        kind => by_type(kind, rest, DEEPEST),
    }
}

/// What a datagram to a tunnel's port carries; `None` where the port is of no tunnel, or it is too short.
pub(super) fn tunnel(port: u16, data: &[u8]) -> Option<Inner<'_>> {
    let found = match port {
        // VXLAN: the I bit says that the header is there.
        4789 | 8472 if data.first()? & 8 != 0 => ethernet(data.get(8..)?, DEEPEST),
        // VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe §3.1): what comes next is named.
        4790 if data.first()? & 8 != 0 => match data.get(3)? {
            1 | 2 => by_version(data.get(8..)?),
            3 => ethernet(data.get(8..)?, DEEPEST),
            _ => None,
        },
        // GENEVE: version 0, options counted in words.
        6081 if data.first()? >> 6 == 0 => {
            let options = usize::from(data.first()? & 0x3f) * 4;
            by_type(be16(data, 2)?, data.get(8 + options..)?, DEEPEST)
        }
        // GTP-U: version 1, a packet of its user.
        2152 if data.first()? >> 5 == 1 && data.get(1)? == &0xff => by_version(behind_gtp(data)?),
        3544 => by_version(behind_teredo(data)?),
        // L2TP (RFC 2661): a session's data, no message of its own.
        1701 if data.first()? & 0x80 == 0 && data.get(1)? & 15 == 2 => ppp(behind_l2tp(data)?, DEEPEST),
        // AYIYA: an identity and a signature, whose lengths stand in front, then IP.
        5072 if data.get(2)? & 15 == 1 && matches!(data.get(3)?, 4 | 41) => {
            let (identity, signature) = (1 << (data.first()? >> 4), usize::from(data.get(1)? >> 4) * 4);
            by_version(data.get(8 + identity + signature..)?)
        }
        _ => return None,
    };
    found.filter(|inner| matches!(inner, Inner::Ip(_)))
}

/// What stands behind a GTP-U header: eight bytes, four more where a flag says so, and extensions, each of which tells
/// its length in words and whether another one follows (3GPP TS 29.281 §5.1, §5.2).
fn behind_gtp(data: &[u8]) -> Option<&[u8]> {
    let flags = data.first()? & 7;
    if flags == 0 {
        return data.get(8..);
    }
    let (mut next, mut rest) = (*data.get(11)?, data.get(12..)?);
    while flags & 4 != 0 && next != 0 {
        let len = usize::from(*rest.first()?) * 4;
        next = *rest.get(..len)?.last()?;
        rest = rest.get(len..)?;
    }
    Some(rest)
}

/// Teredo (RFC 4380 §5.1.1): IPv6 right behind UDP, or behind an authentication and where the packet came from.
fn behind_teredo(data: &[u8]) -> Option<&[u8]> {
    let rest = match data {
        [0, 1, client, value, ..] => data.get(13 + usize::from(*client) + usize::from(*value)..)?,
        _ => data,
    };
    let rest = if rest.starts_with(&[0, 0]) { rest.get(8..)? } else { rest };
    (rest.first()? >> 4 == 6).then_some(rest)
}

/// What stands behind an L2TP header: length, sequence numbers and padding are there where their bits are (RFC 2661 §3.1).
fn behind_l2tp(data: &[u8]) -> Option<&[u8]> {
    let flags = *data.first()?;
    let has = |bit: u8, len: usize| if flags & bit != 0 { len } else { 0 };
    let at = 2 + has(0x40, 2) + 4 + has(8, 4);
    let padding = if flags & 2 != 0 { 2 + usize::from(be16(data, at)?) } else { 0 };
    data.get(at + padding..)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IP: [u8; 20] = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];

    fn framed(header: &[u8]) -> Vec<u8> {
        [header, &IP].concat()
    }

    #[test]
    fn the_packet_is_found_behind_each_link_layer() {
        let addresses = [0; 12];
        let ethernet = [&addresses[..], &[8, 0]].concat();
        let vlan = [&addresses[..], &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 8, 0]].concat();
        let mpls = [&addresses[..], &[0x88, 0x47, 0, 1, 0, 64, 0, 2, 1, 64]].concat();
        let pppoe = [&addresses[..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 22, 0, 0x21]].concat();
        let llc = [&addresses[..], &[0, 28, 0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
        let sll = [&[0; 14][..], &[8, 0]].concat();
        let sll2 = [&[8, 0][..], &[0; 18]].concat();
        let radiotap =
            [&[0, 0, 8, 0, 0, 0, 0, 0, 0x88, 1][..], &[0; 24], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]].concat();
        let cases: [(i32, &[u8]); 14] = [
            (1, &ethernet),
            (1, &vlan),
            (1, &mpls),
            (1, &pppoe),
            (1, &llc),
            (0, &[2, 0, 0, 0]),
            (108, &[0, 0, 0, 2]),
            (101, &[]),
            (9, &[0xff, 3, 0, 0x21]),
            (113, &sll),
            (276, &sll2),
            (127, &radiotap),
            (104, &[0x0f, 0, 8, 0]),
            (239, &[2, 0, 0, 0, 5, 0, 1, 0, 7, 0, 0, 0, 24, 0, 9, 0]),
        ];
        for (link, header) in cases {
            assert_eq!(ip_in(link, &framed(header)), Inner::Ip(&IP), "link type {link}, {header:x?}");
        }
        assert_eq!(ip_in(1, &[&addresses[..], &[8, 6, 0, 1]].concat()), Inner::NotIp, "ARP");
        assert_eq!(ip_in(147, &IP), Inner::UnknownLink);
        assert_eq!(ip_in(1, &[1, 2, 3]), Inner::Short);
    }

    #[test]
    fn tunnels_are_followed() {
        let keyed = framed(&[0x20, 0, 8, 0, 0, 0, 0, 7]);
        assert_eq!(gre(&keyed), Some(Inner::Ip(&IP)));
        let frame = framed(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]);
        assert_eq!(tunnel(4789, &[&[8, 0, 0, 0, 0, 0, 5, 0], &frame[..]].concat()), Some(Inner::Ip(&IP)));
        assert_eq!(
            tunnel(6081, &[&[1, 0, 0x65, 0x58, 0, 0, 0, 0, 9, 9, 9, 9], &frame[..]].concat()),
            Some(Inner::Ip(&IP))
        );
        assert_eq!(tunnel(53, &frame), None);
        // GTP-U with an extension; Teredo behind an authentication and an origin; L2TP with a length; AYIYA.
        let gtp = framed(&[0x34, 0xff, 0, 28, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 0, 0]);
        assert_eq!(tunnel(2152, &gtp), Some(Inner::Ip(&IP)));
        let mut six = IP;
        six[0] = 0x60;
        let teredo = [&[0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0][..], &[0, 0, 1, 2, 3, 4, 5, 6], &six].concat();
        assert_eq!(tunnel(3544, &teredo), Some(Inner::Ip(&six)));
        let l2tp = framed(&[0x40, 2, 0, 30, 0, 1, 0, 1, 0xff, 3, 0, 0x21]);
        assert_eq!(tunnel(1701, &l2tp), Some(Inner::Ip(&IP)));
        let ayiya = [&[0x41, 0x52, 0x11, 4, 0, 0, 0, 0][..], &[7; 16 + 20], &IP].concat();
        assert_eq!(tunnel(5072, &ayiya), Some(Inner::Ip(&IP)));
    }

    #[test]
    fn the_packet_is_found_behind_rarer_link_layers_too() {
        let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        let ethernet = [&[0; 12][..], &[8, 0]].concat();
        let wireless = [&[0x08, 1][..], &[0; 22], &snap].concat();
        let padded = [&[0x88, 1][..], &[0; 24], &[0, 0], &snap].concat();
        let tap = [&[20, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0][..], &[0; 8], &ethernet].concat();
        let cases: [(i32, Vec<u8>); 19] = [
            (6, [&[0; 8][..], &[0x80, 0, 0, 0, 0, 0, 4, 0, 0, 0], &snap].concat()),
            (8, vec![0; 16]),
            (9, vec![0x0f, 0, 8, 0]),
            (19, snap.to_vec()),
            (99, [&[0; 6][..], &[8, 0], &[0; 36]].concat()),
            (105, padded),
            (107, vec![0x18, 0x41, 3, 0xcc]),
            (107, vec![0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0]),
            (119, [&[0; 144][..], &wireless].concat()),
            (163, [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 8][..], &wireless].concat()),
            (149, tap.clone()),
            (258, tap),
            (192, [&[0, 0, 8, 0, 105, 0, 0, 0][..], &wireless].concat()),
            (197, [&[0; 8][..], &[0x82], &[0; 7], &[5; 8], &[0, 0], &ethernet].concat()),
            (226, vec![0; 24]),
            (242, [&[0; 40][..], &[8, 0, 0, 0]].concat()),
            (274, [&[0x55; 8][..], &ethernet].concat()),
            (178, [&b"MGC\x80\0\x03abc"[..], &ethernet].concat()),
            (285, [&[0; 20][..], &[8, 0]].concat()),
        ];
        for (link, header) in cases {
            assert_eq!(ip_in(link, &framed(&header)), Inner::Ip(&IP), "link type {link}, {header:x?}");
        }
        assert_eq!(ip_in(149, &IP), Inner::UnknownLink, "somebody else's");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..20_000 {
            let mut data: Vec<u8> = (0..random.usize(..60)).map(|_| random.u8(..)).collect();
            // Nested tags, so that depth is met.
            if random.bool() {
                data = [&[0; 12][..], &[0x81, 0, 0, 0].repeat(random.usize(..40)), &data].concat();
            }
            for link in 0..300 {
                let _ = ip_in(link, &data);
            }
            let _ = gre(&data);
            for port in [4789, 4790, 6081, 2152, 3544, 1701, 5072] {
                let _ = tunnel(port, &data);
            }
        }
    }
}
