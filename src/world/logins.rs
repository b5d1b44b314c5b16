//! Logging in, on both sides: what servers check and keep, and what both draw for it.
//!
//! Everything that must not be foretold is drawn per (seed, host, role, purpose), so that one seed gives one transcript.
//! A world on real sockets must be given a seed that nobody knows.

use super::hosts::{Host, World};
use super::scenario::{LogIn, RoleKind};
use crate::base::Secret;
use crate::proto::sasl::scram::ITERATIONS;
use crate::proto::sasl::{Credentials, Keys, Mechanism, Nonces, Proof};

impl World {
    /// The account, if the proof is right and its mailboxes are kept at `host`.
    pub fn prove(&self, host: &Host, user: &str, proof: &Proof) -> Option<String> {
        self.with_mailboxes(host, |mailboxes| mailboxes.prove(user, proof)).filter(|a| !self.is_gone(a))
    }

    /// What `host` keeps of a user's password for SCRAM. For a name that nobody has: keys that no password fits, with
    /// a salt that is the same each time, so that a stranger cannot tell the two apart.
    pub fn scram_keys(&self, host: &Host, user: &str) -> Keys {
        let name = user.to_ascii_lowercase();
        let password = self.with_mailboxes(host, |mailboxes| mailboxes.password(user));
        let salt = host.secret("sasl", &format!("salt of {name}"));
        let salt = &salt[..16];
        match password.filter(|password| !password.expose().is_empty()) {
            Some(password) => host.scram_keys(&name, || Keys::derive(&password, salt, ITERATIONS)),
            None => Keys::decoy(salt, ITERATIONS, host.secret("sasl", &format!("nobody is {name}"))),
        }
    }

    /// Where one session of a server takes its challenges from.
    pub fn nonces(&self, host: &Host, role: RoleKind) -> Nonces {
        Nonces::new(host.draw(role.name(), "sasl nonces"))
    }

    /// The timestamp of a POP3 greeting, for APOP: `<digits.seconds@host>`, different for each session. RFC 1939 §7.
    pub fn apop_banner(&self, host: &Host) -> String {
        let drawn = host.draw(RoleKind::Pop3.name(), "apop");
        let number = drawn[..4].iter().fold(0_u32, |n, b| n << 8 | u32::from(*b));
        format!("<{number}.{}@{}>", self.clock.now().as_secs(), host.spec.name)
    }

    /// How a mail program on `device` logs in with a mechanism of SASL, where its scenario names one.
    pub fn credentials(&self, device: &Host, account: &str, password: &Secret) -> Option<Credentials> {
        let mechanism = match self.scenario.log_in(account, &device.spec.name)? {
            LogIn::Plain => Mechanism::Plain,
            LogIn::Login => Mechanism::Login,
            LogIn::CramMd5 => Mechanism::CramMd5,
            LogIn::ScramSha256 => Mechanism::ScramSha256,
            LogIn::Apop => return None,
        };
        let mut nonces = Nonces::new(device.draw(RoleKind::Mua.name(), "sasl nonce"));
        let (user, password) = (account.to_owned(), password.clone());
        Some(Credentials { mechanism, user, password, nonce: nonces.nonce() })
    }

    /// Whether a mail program on `device` logs in by APOP, where it uses POP3.
    pub fn wants_apop(&self, device: &Host, account: &str) -> bool {
        self.scenario.log_in(account, &device.spec.name) == Some(LogIn::Apop)
    }
}
