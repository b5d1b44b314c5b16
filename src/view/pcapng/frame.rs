//! Frames: payload in TCP or UDP, in IPv4 or IPv6, in Ethernet, with the checksums that a receiver would want.
//!
//! Where it stands on the road: inside the `pcapng` view, under the conversation. A transcript knows addresses,
//! ports and bytes; the rest of a frame is made up here, always in the same way. RFC 9293 §3.1 (TCP), RFC 768
//! (UDP), RFC 791 §3.1 (IPv4), RFC 8200 §3 and §8.1 (IPv6 and its pseudo-header).

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Payload of a full segment: Ethernet's 1500 bytes without the headers of IP and TCP.
pub const MSS_IPV4: usize = 1460;
/// The same for IPv6, whose header is 20 bytes longer.
pub const MSS_IPV6: usize = 1440;
/// Payload of the largest datagram that IPv4 can carry: 65 535 - 20 - 8 (RFC 768, RFC 791).
pub const LARGEST_DATAGRAM: usize = 65_507;

/// The control bits of a TCP header (RFC 9293 §3.1).
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push: hand it to the program at once.
    pub const PSH: u8 = 0x08;
    /// The acknowledgment number counts.
    pub const ACK: u8 = 0x10;
}

const TCP: u8 = 6;
const UDP: u8 = 17;
/// Hops that a packet may take; nobody counts them down here.
const HOPS: u8 = 64;
/// Each end takes 65 535 << 8 bytes at once: enough for any letter that a server here would take.
const WINDOW: u16 = 65_535;
const WINDOW_SHIFT: u8 = 8;

/// What a TCP header says besides its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number of the first byte.
    pub seq: u32,
    /// Acknowledgment number; counts where [`flag::ACK`] is set.
    pub ack: u32,
    /// Control bits.
    pub flags: u8,
}

/// From where to where; both of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The sender.
    pub from: SocketAddr,
    /// The receiver.
    pub to: SocketAddr,
}

impl Path {
    /// Between these two. Where one speaks IPv4 and the other IPv6, the former's address is written as
    /// `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2).
    pub fn new(from: SocketAddr, to: SocketAddr) -> Self {
        if from.is_ipv4() == to.is_ipv4() {
            return Path { from, to };
        }
        let mapped = |address: SocketAddr| match address.ip() {
            IpAddr::V4(v4) => SocketAddr::new(IpAddr::V6(v4.to_ipv6_mapped()), address.port()),
            IpAddr::V6(_) => address,
        };
        Path { from: mapped(from), to: mapped(to) }
    }

    /// The way back.
    pub fn back(self) -> Self {
        Path { from: self.to, to: self.from }
    }

    /// Payload of a full TCP segment on it.
    pub fn mss(self) -> usize {
        if self.from.is_ipv4() { MSS_IPV4 } else { MSS_IPV6 }
    }

    /// A frame with a TCP segment; `id` numbers the packets of IPv4.
    pub fn tcp(self, id: u16, segment: Segment, payload: &[u8]) -> Vec<u8> {
        let mut options = Vec::new();
        if segment.flags & flag::SYN != 0 {
            let mss = u16::try_from(self.mss()).unwrap_or(536).to_be_bytes();
            // Maximum segment size, no-operation, window scale (RFC 9293 §3.2, RFC 7323 §2.2).
            options.extend_from_slice(&[2, 4, mss[0], mss[1], 1, 3, 3, WINDOW_SHIFT]);
        }
        let offset = u8::try_from(5 + options.len() / 4).unwrap_or(5) << 4;
        let mut out = Vec::with_capacity(20 + options.len() + payload.len());
        out.extend_from_slice(&self.from.port().to_be_bytes());
        out.extend_from_slice(&self.to.port().to_be_bytes());
        out.extend_from_slice(&segment.seq.to_be_bytes());
        out.extend_from_slice(&segment.ack.to_be_bytes());
        out.extend_from_slice(&[offset, segment.flags]);
        out.extend_from_slice(&WINDOW.to_be_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&options);
        out.extend_from_slice(payload);
        self.wrap(id, TCP, 16, out)
    }

    /// A frame with a datagram of at most [`LARGEST_DATAGRAM`] bytes.
    pub fn udp(self, id: u16, payload: &[u8]) -> Vec<u8> {
        let payload = payload.get(..LARGEST_DATAGRAM).unwrap_or(payload);
        let mut out = Vec::with_capacity(8 + payload.len());
        out.extend_from_slice(&self.from.port().to_be_bytes());
        out.extend_from_slice(&self.to.port().to_be_bytes());
        out.extend_from_slice(&len16(8 + payload.len()));
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(payload);
        self.wrap(id, UDP, 6, out)
    }

    /// Put the checksum at `place` into a TCP segment or a datagram, and IP and Ethernet around it.
    fn wrap(self, id: u16, protocol: u8, place: usize, mut inner: Vec<u8>) -> Vec<u8> {
        let sum = match self.checksum(protocol, &inner) {
            // RFC 768: "If the computed checksum is zero, it is transmitted as all ones".
            0 if protocol == UDP => 0xFFFF,
            sum => sum,
        };
        if let Some(field) = inner.get_mut(place..place + 2) {
            field.copy_from_slice(&sum.to_be_bytes());
        }
        let mut out = Vec::with_capacity(54 + inner.len());
        out.extend_from_slice(&hardware(self.to.ip()));
        out.extend_from_slice(&hardware(self.from.ip()));
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                out.extend_from_slice(&[0x08, 0x00]);
                let mut header = vec![0x45, 0];
                header.extend_from_slice(&len16(20 + inner.len()));
                header.extend_from_slice(&id.to_be_bytes());
                // Don't fragment; then the place of the header's checksum.
                header.extend_from_slice(&[0x40, 0, HOPS, protocol, 0, 0]);
                header.extend_from_slice(&from.octets());
                header.extend_from_slice(&to.octets());
                let sum = (!folded(words(&header))).to_be_bytes();
                header.splice(10..12, sum);
                out.extend_from_slice(&header);
            }
            (from, to) => {
                out.extend_from_slice(&[0x86, 0xDD, 0x60, 0, 0, 0]);
                out.extend_from_slice(&len16(inner.len()));
                out.extend_from_slice(&[protocol, HOPS]);
                out.extend_from_slice(&v6(from).octets());
                out.extend_from_slice(&v6(to).octets());
            }
        }
        out.extend_from_slice(&inner);
        out
    }

    /// Over the pseudo-header and the segment, whose own checksum is still zero.
    fn checksum(self, protocol: u8, inner: &[u8]) -> u16 {
        let address = |ip: IpAddr| match ip {
            IpAddr::V4(v4) => words(&v4.octets()),
            IpAddr::V6(v6) => words(&v6.octets()),
        };
        let len = inner.len() as u64;
        let pseudo = address(self.from.ip()) + address(self.to.ip()) + u64::from(protocol) + len;
        !folded(pseudo + words(inner))
    }
}

/// The hardware address of an IP address: locally administered, so that it is nobody's.
fn hardware(ip: IpAddr) -> [u8; 6] {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, d] = v4.octets();
            [0x02, 0, a, b, c, d]
        }
        IpAddr::V6(v6) => {
            let o = v6.octets();
            // The site's part tells hosts of one number apart.
            [0x02, 0x60, o[5] ^ o[7], o[13], o[14], o[15]]
        }
    }
}

fn v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

fn len16(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

/// The sum of 16-bit words, an odd byte at the end padded with zero (RFC 1071 §1).
fn words(bytes: &[u8]) -> u64 {
    let mut pairs = bytes.chunks_exact(2);
    let sum: u64 = pairs.by_ref().map(|p| u64::from(u16::from_be_bytes([p[0], p[1]]))).sum();
    sum + pairs.remainder().first().map_or(0, |last| u64::from(*last) << 8)
}

/// Carries added back in until 16 bits are left.
fn folded(mut sum: u64) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_of_rfc_1071() {
        // RFC 1071 §3: 0001 f203 f4f5 f6f7 gives ddf2.
        assert_eq!(folded(words(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
        assert_eq!(words(&[1, 2, 3]), 0x0102 + 0x0300);
    }

    /// What a receiver does: summed with its checksum in place, everything gives all ones.
    #[test]
    fn a_receiver_finds_the_checksums_right() {
        let pairs = [
            ("192.0.2.1:1025", "192.0.2.2:25"),
            ("[2001:db8::1]:1025", "[2001:db8::2]:25"),
            ("192.0.2.1:1025", "[2001:db8::2]:25"),
        ];
        for (from, to) in pairs {
            let path = Path::new(from.parse().expect("an address"), to.parse().expect("an address"));
            for payload in [&b""[..], b"odd", b"even"] {
                let segment = Segment { seq: 1, ack: 2, flags: flag::SYN | flag::ACK };
                for (protocol, frame) in [(TCP, path.tcp(7, segment, payload)), (UDP, path.udp(7, payload))] {
                    let start = 14 + if path.from.is_ipv4() { 20 } else { 40 };
                    if path.from.is_ipv4() {
                        assert_eq!(folded(words(&frame[14..34])), 0xFFFF);
                    }
                    // The complement of a sum of all ones.
                    assert_eq!(path.checksum(protocol, &frame[start..]), 0, "{from} {to} {protocol}");
                    assert!(frame.ends_with(payload));
                }
            }
        }
    }
}
