//! SCRAM-SHA-256 (RFC 7677, RFC 5802), without channel binding: both sides prove that they know the password, and it
//! crosses no wire. The server keeps keys that were derived from it, and never needs the password itself.
//!
//! ```text
//! SaltedPassword := PBKDF2-HMAC-SHA-256(password, salt, i)
//! StoredKey      := SHA-256(HMAC(SaltedPassword, "Client Key"))      what the server keeps
//! ClientProof    := ClientKey XOR HMAC(StoredKey, AuthMessage)       what the client sends
//! ServerSignature:= HMAC(HMAC(SaltedPassword, "Server Key"), AuthMessage)
//! ```
//! Names and passwords are taken in UTF-8 as they are: their preparation by SASLprep (RFC 4013) is not carried out, so
//! that a name which can be written in two ways is two names.

use super::{decode, encode, equal, hmac_sha256};
use crate::base::Secret;
use ring::{digest, pbkdf2};
use std::fmt;
use std::num::NonZeroU32;

/// How often the password is hashed. RFC 7677 §4: at least 4096.
pub const ITERATIONS: u32 = 4096;
/// More than this, and a client refuses to work for the server.
const MOST_ITERATIONS: u32 = 1_000_000;
/// Longest name or nonce, octets.
const FIELD_LIMIT: usize = 1024;

/// What a server keeps of a password. RFC 5802 §3, §5.1.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    salt: Vec<u8>,
    iterations: u32,
    stored: [u8; 32],
    server: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys(i={})", self.iterations)
    }
}

impl Keys {
    /// Derive them from a password.
    pub fn derive(password: &Secret, salt: &[u8], iterations: u32) -> Self {
        let salted = salted(password, salt, iterations);
        let client = hmac_sha256(&salted, &[b"Client Key"]);
        let server = hmac_sha256(&salted, &[b"Server Key"]);
        Keys { salt: salt.to_vec(), iterations, stored: sha256(&client), server }
    }

    /// Keys that no password fits, for a name that nobody has: the exchange goes on to its end and fails there, so
    /// that a stranger cannot find out names. `noise` must be a secret of the server's.
    pub fn decoy(salt: &[u8], iterations: u32, noise: [u8; 32]) -> Self {
        // A hash of the noise cannot be its own client key's hash but by chance of one in 2^256.
        Keys { salt: salt.to_vec(), iterations, stored: sha256(&noise), server: noise }
    }
}

fn salted(password: &Secret, salt: &[u8], iterations: u32) -> [u8; 32] {
    let rounds = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
    let mut out = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, password.expose().as_bytes(), &mut out);
    out
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let hash = digest::digest(&digest::SHA256, bytes);
    out.iter_mut().zip(hash.as_ref()).for_each(|(to, from)| *to = *from);
    out
}

fn xor(a: &[u8; 32], b: &[u8]) -> [u8; 32] {
    let mut out = *a;
    out.iter_mut().zip(b).for_each(|(to, with)| *to ^= with);
    out
}

/// Why a message is no SCRAM message, or asks for what is not offered: in words for the reply.
pub type Wrong = &'static str;

/// `client-first-message`, read. RFC 5802 §7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// Up to and with its second comma: `n,,`.
    gs2: String,
    /// Whom to act as; empty: the same as `user`.
    pub authzid: String,
    /// Who.
    pub user: String,
    nonce: String,
    bare: String,
}

impl ClientFirst {
    /// Read it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(message: &[u8]) -> Result<ClientFirst, Wrong> {
        const FORM: Wrong = "SCRAM begins n,,n=user,r=nonce (RFC 5802 7)";
        let text = std::str::from_utf8(message).map_err(|_| FORM)?;
        let (flag, rest) = text.split_once(',').ok_or(FORM)?;
        let (authzid, bare) = rest.split_once(',').ok_or(FORM)?;
        match flag {
            "n" | "y" => {}
            _ if flag.starts_with("p=") => return Err("channel binding is not offered here"),
            _ => return Err(FORM),
        }
        let authzid = match authzid.strip_prefix("a=") {
            Some(name) => unescape(name).ok_or(FORM)?,
            None if authzid.is_empty() => String::new(),
            None => return Err(FORM),
        };
        // "reserved-mext" must make the exchange fail: RFC 5802 §5.1, m.
        let (user, rest) = bare.strip_prefix("n=").and_then(|r| r.split_once(',')).ok_or(FORM)?;
        let nonce = rest.split(',').next().and_then(|r| r.strip_prefix("r=")).ok_or(FORM)?;
        let user = unescape(user).filter(|u| !u.is_empty()).ok_or(FORM)?;
        let gs2 = text.get(..text.len() - bare.len()).unwrap_or_default().to_owned();
        let (nonce, bare) = (printable(nonce).ok_or(FORM)?.to_owned(), bare.to_owned());
        Ok(ClientFirst { gs2, authzid, user, nonce, bare })
    }
}

/// A server that has answered the client's first message, and waits for the second.
#[derive(Clone, Debug)]
pub struct Server {
    first: ClientFirst,
    nonce: String,
    said: String,
    keys: Keys,
}

impl Server {
    /// Give `server-first-message`, and wait for the proof.
    pub fn answer(first: ClientFirst, own_nonce: &str, keys: Keys) -> (Server, String) {
        let nonce = format!("{}{own_nonce}", first.nonce);
        let said = format!("r={nonce},s={},i={}", encode(&keys.salt), keys.iterations);
        (Server { first, nonce, said: said.clone(), keys }, said)
    }

    /// Whose login it is.
    pub fn first(&self) -> &ClientFirst {
        &self.first
    }

    /// Check `client-final-message`: `Some` with `server-final-message` where the proof is right, `None` where it is not.
    ///
    /// # Errors
    /// What is wrong with the message.
    pub fn check(&self, message: &[u8]) -> Result<Option<String>, Wrong> {
        const FORM: Wrong = "SCRAM goes on c=biws,r=nonce,p=proof (RFC 5802 7)";
        let text = std::str::from_utf8(message).map_err(|_| FORM)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(FORM)?;
        let proof = decode(proof.as_bytes()).filter(|p| p.len() == 32).ok_or(FORM)?;
        let mut fields = without_proof.split(',');
        let binding = fields.next().and_then(|f| f.strip_prefix("c=")).ok_or(FORM)?;
        let nonce = fields.next().and_then(|f| f.strip_prefix("r=")).ok_or(FORM)?;
        if decode(binding.as_bytes()).ok_or(FORM)? != self.first.gs2.as_bytes() {
            return Err("c= is not what the first message began with");
        }
        if !equal(nonce.as_bytes(), self.nonce.as_bytes()) {
            return Err("r= is not the nonce of this exchange");
        }
        let signed = [self.first.bare.as_bytes(), b",", self.said.as_bytes(), b",", without_proof.as_bytes()];
        let signature = hmac_sha256(&self.keys.stored, &signed);
        let client_key = xor(&signature, &proof);
        let right = equal(&sha256(&client_key), &self.keys.stored);
        Ok(right.then(|| format!("v={}", encode(&hmac_sha256(&self.keys.server, &signed)))))
    }
}

/// A client that has sent its first message, then its second.
#[derive(Clone, Debug)]
pub struct Client {
    nonce: String,
    bare: String,
    /// What the server must say to show that it knows the password too.
    expected: Option<[u8; 32]>,
}

/// `n,,`: no channel binding, acting as oneself. RFC 5802 §7.
const GS2: &str = "n,,";

impl Client {
    /// Give `client-first-message`, and wait for the server's.
    pub fn begin(user: &str, nonce: &str) -> (Client, String) {
        let bare = format!("n={},r={nonce}", escape(user));
        let said = format!("{GS2}{bare}");
        (Client { nonce: nonce.to_owned(), bare, expected: None }, said)
    }

    /// Read `server-first-message`; gives `client-final-message` with the proof.
    ///
    /// # Errors
    /// Why this server is not answered.
    pub fn prove(&mut self, password: &Secret, message: &[u8]) -> Result<String, Wrong> {
        const FORM: Wrong = "the server's first SCRAM message is not r=…,s=…,i=…";
        let text = std::str::from_utf8(message).map_err(|_| FORM)?;
        let mut fields = text.split(',');
        let mut field = |name: &str| fields.next().and_then(|f| f.strip_prefix(name)).ok_or(FORM);
        let (nonce, salt, iterations) = (field("r=")?, field("s=")?, field("i=")?);
        // "the client MUST verify that the initial part of the nonce used in subsequent messages is the same" (§5.1).
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err("the server's nonce does not go on from the client's");
        }
        let salt = decode(salt.as_bytes()).filter(|s| !s.is_empty()).ok_or(FORM)?;
        let iterations: u32 = iterations.parse().map_err(|_| FORM)?;
        if !(ITERATIONS..=MOST_ITERATIONS).contains(&iterations) {
            return Err("the server's iteration count is below 4096 or above a million (RFC 7677 4)");
        }
        let salted = salted(password, &salt, iterations);
        let client = hmac_sha256(&salted, &[b"Client Key"]);
        let without_proof = format!("c={},r={nonce}", encode(GS2.as_bytes()));
        let signed = [self.bare.as_bytes(), b",", message, b",", without_proof.as_bytes()];
        let proof = xor(&client, &hmac_sha256(&sha256(&client), &signed));
        self.expected = Some(hmac_sha256(&hmac_sha256(&salted, &[b"Server Key"]), &signed));
        Ok(format!("{without_proof},p={}", encode(&proof)))
    }

    /// Read `server-final-message`: the server has shown that it knows the password too.
    ///
    /// # Errors
    /// Why it has not.
    pub fn check(&self, message: &[u8]) -> Result<(), Wrong> {
        if message.starts_with(b"e=") {
            return Err("the server says that the exchange failed (e=)");
        }
        let field = message.strip_prefix(b"v=").and_then(|v| v.split(|b| *b == b',').next());
        let signature = field.and_then(decode).ok_or("the server's last SCRAM message is not v=signature")?;
        match self.expected {
            Some(expected) if equal(&expected, &signature) => Ok(()),
            _ => Err(
                "the server's signature is wrong: it does not know the password, and is not to be trusted",
            ),
        }
    }
}

/// `saslname`: a comma as `=2C`, an equals sign as `=3D`. RFC 5802 §5.1, n.
fn escape(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// "If the server receives a username that contains '=' not followed by either '2C' or '3D', then the server MUST fail
/// the authentication." RFC 5802 §5.1.
fn unescape(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut out = parts.next()?.to_owned();
    for part in parts {
        let (sign, rest) = match part.get(..2)? {
            "2C" => (',', part.get(2..)?),
            "3D" => ('=', part.get(2..)?),
            _ => return None,
        };
        out.push(sign);
        out.push_str(rest);
    }
    (out.len() <= FIELD_LIMIT && !out.contains('\0')).then_some(out)
}

/// `printable = %x21-2B / %x2D-7E`, at least one.
fn printable(nonce: &str) -> Option<&str> {
    let sound = nonce.bytes().all(|b| matches!(b, 0x21..=0x2b | 0x2d..=0x7e));
    (sound && !nonce.is_empty() && nonce.len() <= FIELD_LIMIT).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // RFC 7677 §3.
    const C1: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const S1: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const C2: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                      p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const S2: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn pencil() -> (Server, String) {
        let salt = decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").expect("base64");
        let keys = Keys::derive(&Secret::new("pencil"), &salt, 4096);
        let first = ClientFirst::read(C1.as_bytes()).expect("reads");
        Server::answer(first, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", keys)
    }

    #[test]
    fn the_rfcs_example_comes_out_on_both_sides() {
        let (mut client, said) = Client::begin("user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(said, C1);
        let (server, said) = pencil();
        assert_eq!((said.as_str(), server.first().user.as_str()), (S1, "user"));
        assert_eq!(client.prove(&Secret::new("pencil"), S1.as_bytes()).as_deref(), Ok(C2));
        assert_eq!(server.check(C2.as_bytes()), Ok(Some(S2.to_owned())));
        assert_eq!(client.check(S2.as_bytes()), Ok(()));
    }

    #[test]
    fn a_wrong_password_a_false_server_and_a_replay_fail() {
        let (server, _) = pencil();
        let (mut client, _) = Client::begin("user", "rOprNGfwEbeRWgbNEkqO");
        let proof = client.prove(&Secret::new("pen"), S1.as_bytes()).expect("a message");
        assert_eq!(server.check(proof.as_bytes()), Ok(None), "the wrong password");
        assert!(client.check(S2.as_bytes()).is_err(), "a server that knows another password");
        assert!(client.check(b"e=other-error").is_err());
        assert!(client.check(b"").is_err());
        let (other, _) = Server::answer(server.first.clone(), "other", server.keys.clone());
        assert!(other.check(C2.as_bytes()).is_err(), "what was overheard is of no use with another nonce");
        let decoy = Keys::decoy(b"salt", ITERATIONS, [3; 32]);
        let (nobody, said) = Server::answer(server.first.clone(), "x", decoy);
        let (mut client, _) = Client::begin("user", "rOprNGfwEbeRWgbNEkqO");
        let proof = client.prove(&Secret::new("pencil"), said.as_bytes()).expect("a message");
        assert_eq!(nobody.check(proof.as_bytes()), Ok(None), "a name that nobody has");
    }

    #[test]
    fn what_is_malformed_is_told() {
        for wrong in [
            "",
            "n",
            "n,,",
            "n,,n=,r=x",
            "n,,n=u",
            "n,,m=x,n=u,r=x",
            "n,,n=a=b,r=x",
            "x,,n=u,r=x",
            "p=tls-unique,,n=u,r=x",
            "n,b=u,n=u,r=x",
            "n,,n=u,r=",
            "n,,n=u,r=\u{7f}",
        ] {
            assert!(ClientFirst::read(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        let (server, _) = pencil();
        for wrong in ["", "c=biws", "c=eSws,r=x,p=", &C2.replace("biws", "eSws"), &C2.replace("c=biws,", "")]
        {
            assert!(server.check(wrong.as_bytes()).is_err(), "{wrong:?}");
        }
        let (mut client, _) = Client::begin("user", "abc");
        for wrong in [
            "",
            "r=abc,s=QQ==,i=4096",
            "r=xabc,s=QQ==,i=4096",
            "r=abcd,s=,i=4096",
            "r=abcd,s=QQ==,i=1",
            "r=abcd,s=QQ==,i=4294967295",
            "r=abcd,s=QQ==",
            "m=x,r=abcd,s=QQ==,i=4096",
        ] {
            assert!(client.prove(&Secret::new("p"), wrong.as_bytes()).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn names_with_commas_and_equals_signs_cross_whole() {
        let (_, said) = Client::begin("a=b,c", "x");
        assert_eq!(said, "n,,n=a=3Db=2Cc,r=x");
        let first = ClientFirst::read(b"y,a=boss,n=a=3Db=2Cc,r=x,ext=1").expect("reads");
        assert_eq!((first.user.as_str(), first.authzid.as_str()), ("a=b,c", "boss"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), text in "[nrscpvia=,x0-9]{0,40}") {
            let (server, _) = pencil();
            let (mut client, _) = Client::begin("user", "n");
            for message in [bytes.as_slice(), text.as_bytes()] {
                let _ = (ClientFirst::read(message), server.check(message), client.check(message));
                // An iteration count within limits is honest work, and not of interest here.
                if !message.windows(2).any(|w| w == b"i=") {
                    let _ = client.prove(&Secret::new("p"), message);
                }
            }
        }
    }
}
