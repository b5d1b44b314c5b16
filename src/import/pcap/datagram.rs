//! Datagrams: which of them are DNS, and who asked whom (RFC 1035 §4.1).
//!
//! On port 53 every datagram counts. On other ports the header and the first question must look like DNS: that keeps
//! out voice, games and QUIC, and finds a resolver on a port of its own.

/// Octets of a DNS message's header.
const HEADER: usize = 12;
/// Ports on which something of the same form, and no DNS, is spoken: NetBIOS, multicast DNS, LLMNR.
const RELATIVES: [u16; 3] = [137, 5353, 5355];

/// Whether a datagram between these ports is DNS.
pub(super) fn is_dns(from: u16, to: u16, bytes: &[u8]) -> bool {
    if from == 53 || to == 53 {
        return true;
    }
    if RELATIVES.iter().any(|port| [from, to].contains(port)) {
        return false;
    }
    looks_like_dns(bytes)
}

/// QR: whether it is an answer.
pub(super) fn is_answer(bytes: &[u8]) -> bool {
    bytes.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

fn looks_like_dns(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return false };
    let [_, _, flags, more, questions @ ..] = header;
    let count =
        |at: usize| questions.get(at..at + 2).map_or(0, |c| usize::from(c[0]) << 8 | usize::from(c[1]));
    let (opcode, zero, rcode) = (flags >> 3 & 15, more & 0x40, more & 15);
    // One question; records enough for the bytes that are there, each at least 11 octets.
    let records = count(2) + count(4) + count(6);
    let plausible = matches!(opcode, 0 | 4 | 5) && zero == 0 && rcode <= 10 && count(0) == 1;
    if !plausible || records * 11 > rest.len() || (flags & 0x80 == 0 && opcode == 0 && count(2) > 0) {
        return false;
    }
    let Some(behind) = behind_name(rest) else { return false };
    // QTYPE is small, QCLASS is IN, CH, HS or ANY.
    let [0, kind, high, class, ..] = *behind else { return false };
    let classes = high == 0 && matches!(class, 1 | 3 | 4 | 255);
    kind != 0 && classes && (records > 0 || behind.len() == 4)
}

/// What stands behind a name of plain labels.
fn behind_name(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    for _ in 0..128 {
        let (&len, behind) = rest.split_first()?;
        match len {
            0 => return Some(behind),
            1..=63 => {
                let label = behind.get(..usize::from(len))?;
                if !label.iter().all(|b| b.is_ascii_graphic()) {
                    return None;
                }
                rest = behind.get(usize::from(len)..)?;
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07example\x03net\0\0\x0f\0\x01";

    #[test]
    fn dns_is_told_by_its_port_or_its_form() {
        assert!(is_dns(40_000, 53, b"whatever"));
        assert!(is_dns(40_000, 8053, QUERY));
        assert!(!is_dns(5353, 5353, QUERY), "multicast DNS");
        assert!(!is_dns(40_000, 8053, &QUERY[..20]), "cut short");
        assert!(!is_dns(40_000, 443, &[0x40; 60]));
        assert!(!is_answer(QUERY));
        let mut random = fastrand::Rng::with_seed(5);
        let noise = (0..20_000).filter(|_| {
            let bytes: Vec<u8> = (0..random.usize(..80)).map(|_| random.u8(..)).collect();
            looks_like_dns(&bytes)
        });
        assert_eq!(noise.count(), 0);
    }
}
