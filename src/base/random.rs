//! Seeded randomness, drawn per (seed, host, role, purpose).
//!
//! Each purpose has a stream of its own, so that a fork of a journey disturbs no other number in it.

/// The generator for one purpose of one role on one host. Same arguments, same numbers, on every platform.
pub fn stream(seed: u64, host: &str, role: &str, purpose: &str) -> fastrand::Rng {
    // FNV-1a over the labels, with a separator no label holds, so that ("ab","c") and ("a","bc") differ.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    for label in [host, role, purpose] {
        for byte in label.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fastrand::Rng::with_seed(hash)
}

#[cfg(test)]
mod tests {
    use super::stream;

    #[test]
    fn a_purpose_has_its_own_numbers_and_the_same_ones_every_time() {
        let draw = |role: &str| stream(1, "mail.example.com", role, "queue id").u64(..);
        assert_eq!(draw("mta"), draw("mta"));
        assert_ne!(draw("mta"), draw("imap"));
    }
}
