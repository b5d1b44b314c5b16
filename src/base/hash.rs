//! A quick hash for tables of our own keys; it stands below everything, as all of `base` does.
//!
//! The standard hash costs more than the look-up that it serves where a table is asked once per packet. This one folds
//! 128-bit products, and starts from a number drawn for each table, so that no capture can be made to collide. No
//! order of anything that is written depends on it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// Digits of the golden ratio: odd, and with no pattern.
const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Makes hashers that start from a number of their own.
#[derive(Clone, Copy, Debug)]
pub struct Quick(u64);

impl Default for Quick {
    fn default() -> Self {
        Quick(RandomState::new().hash_one(FACTOR))
    }
}

impl BuildHasher for Quick {
    type Hasher = Folding;

    fn build_hasher(&self) -> Folding {
        Folding(self.0)
    }
}

/// See [`Quick`].
#[derive(Clone, Copy, Debug)]
pub struct Folding(u64);

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.write_u64(u64::from_le_bytes(*chunk));
        }
        if !rest.is_empty() {
            self.write_u64(rest.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
        }
        self.write_u64(bytes.len() as u64);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number).wrapping_mul(u128::from(FACTOR));
        self.0 = (product as u64 ^ (product >> 64) as u64).rotate_left(23);
    }

    fn write_u128(&mut self, number: u128) {
        self.write_u64(number as u64);
        self.write_u64((number >> 64) as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn write_isize(&mut self, number: isize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn neighbours_are_far_apart() {
        let quick = Quick::default();
        let hashes: Vec<u64> = (0..1000_u128).map(|n| quick.hash_one(n << 16)).collect();
        let low: HashSet<u64> = hashes.iter().map(|hash| hash % 4096).collect();
        let high: HashSet<u64> = hashes.iter().map(|hash| hash >> 52).collect();
        assert!(low.len() > 700 && high.len() > 700, "{} {}", low.len(), high.len());
    }

    #[test]
    fn each_table_has_its_own() {
        assert_ne!(Quick::default().hash_one(1), Quick::default().hash_one(1));
        let quick = Quick::default();
        assert_eq!(quick.hash_one("one"), quick.hash_one("one"));
        assert_ne!(quick.hash_one(b"\0"), quick.hash_one(b"\0\0"));
    }
}
