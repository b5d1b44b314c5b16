//! TLS whose bytes are the same in every run: randomness and key exchange drawn from a connection's own seeded numbers.
//!
//! rustls asks its provider for randomness through `&'static` references, so the numbers cannot lie in the provider.
//! They lie with the connection ([`Lot`]), which lends them for as long as it is polled. Nobody else draws from them,
//! and outside of a loan there are none: an attempt to draw then fails, and never falls back on other numbers.
//!
//! This is for the simulated internet only: whoever knows the seed knows the keys.

use crate::base::random;
use std::cell::RefCell;
use tokio_rustls::rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, SecureRandom, SharedSecret, SupportedKxGroup, ring,
};
use tokio_rustls::rustls::{Error, NamedGroup, PeerMisbehaved};
use x25519_dalek::{PublicKey, StaticSecret};

thread_local! {
    /// The numbers of the connection that is being polled on this thread.
    static LENT: RefCell<Option<fastrand::Rng>> = const { RefCell::new(None) };
}

/// Where one end of one connection draws its random numbers.
#[derive(Debug)]
pub struct Lot(Option<fastrand::Rng>);

impl Lot {
    /// The numbers of one end of one connection in a simulated world. Same arguments, same numbers.
    pub fn seeded(seed: u64, host: &str, role: &str, purpose: &str) -> Self {
        Lot(Some(random::stream(seed, host, role, purpose)))
    }

    /// The operating system's numbers: the provider draws them by itself.
    pub fn of_the_system() -> Self {
        Lot(None)
    }

    /// Do this with these numbers at hand.
    pub fn lend<T>(&mut self, act: impl FnOnce() -> T) -> T {
        let Some(own) = self.0.take() else { return act() };
        let before = LENT.replace(Some(own));
        let result = act();
        self.0 = LENT.replace(before);
        result
    }
}

fn draw(into: &mut [u8]) -> Result<(), GetRandomFailed> {
    LENT.with_borrow_mut(|lent| lent.as_mut().map(|rng| rng.fill(into))).ok_or(GetRandomFailed)
}

/// A provider of cryptography that draws from what a connection lends. Everything but randomness is ring's.
pub fn provider() -> CryptoProvider {
    CryptoProvider { secure_random: &Lent, kx_groups: vec![&X25519], ..ring::default_provider() }
}

#[derive(Debug)]
struct Lent;

impl SecureRandom for Lent {
    fn fill(&self, into: &mut [u8]) -> Result<(), GetRandomFailed> {
        draw(into)
    }
}

/// X25519 (RFC 7748) with a secret that is drawn as [`Lent`] draws.
#[derive(Debug)]
struct X25519;

struct Begun {
    secret: StaticSecret,
    public: [u8; 32],
}

impl SupportedKxGroup for X25519 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut bytes = [0; 32];
        draw(&mut bytes)?;
        let secret = StaticSecret::from(bytes);
        let public = PublicKey::from(&secret).to_bytes();
        Ok(Box::new(Begun { secret, public }))
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

impl ActiveKeyExchange for Begun {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let invalid = || Error::from(PeerMisbehaved::InvalidKeyShare);
        let peer: [u8; 32] = peer.try_into().map_err(|_| invalid())?;
        let shared = self.secret.diffie_hellman(&PublicKey::from(peer));
        // "implementations … MUST check whether the computed Diffie-Hellman shared secret is the all-zero value and abort
        // if so" (RFC 8446 §7.4.2).
        if !shared.was_contributory() {
            return Err(invalid());
        }
        Ok(SharedSecret::from(shared.as_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_there_for_as_long_as_they_are_lent_and_go_on_where_they_stopped() {
        let mut bytes = [0; 8];
        assert!(draw(&mut bytes).is_err(), "nothing is lent");
        let mut lot = Lot::seeded(1, "mail.example.com", "tls", "1 server");
        let mut take = |lot: &mut Lot| {
            lot.lend(|| draw(&mut bytes)).expect("lent");
            bytes
        };
        let (first, second) = (take(&mut lot), take(&mut lot));
        assert_ne!(first, second);
        let mut again = Lot::seeded(1, "mail.example.com", "tls", "1 server");
        assert_eq!((take(&mut again), take(&mut again)), (first, second));
        assert!(draw(&mut [0]).is_err(), "and gone afterwards");
    }
}
