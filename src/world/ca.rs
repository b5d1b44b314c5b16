//! [`Ca`]: a certification authority of our own, which vouches for the names of a small internet's hosts.
//!
//! In the simulated internet its keys come from the scenario's seed: the same certificates in every run, and secret
//! from nobody. For real sockets [`Ca::open_or_make`] draws from the operating system, once, and keeps the key in a
//! folder, where only its owner may read it: whoever trusts that authority trusts whoever has this file.

use crate::base::{Instant, random};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SerialNumber,
};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// The file that clients are told to trust.
pub const CERTIFICATE_FILE: &str = "ca.pem";
/// The file that nobody else may read.
pub const KEY_FILE: &str = "ca-key.pem";

const DAY: Duration = Duration::from_secs(86_400);

/// Why there is no authority, or no certificate.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// Keys or certificates could not be made.
    #[error("no certificate could be made: {0}")]
    Make(#[from] rcgen::Error),
    /// A file could not be read or written.
    #[error("cannot {what} {}: {why}", path.display())]
    File {
        /// `read`, `write`.
        what: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// A file holds no certificate.
    #[error("{} holds no certificate in PEM", path.display())]
    Empty {
        /// Which.
        path: PathBuf,
    },
    /// A file does not hold what it should.
    #[error("{} holds no {expected}: delete {CERTIFICATE_FILE} and {KEY_FILE} there to have new ones made", path.display())]
    Broken {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        expected: &'static str,
    },
}

/// A certification authority.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
    /// Where keys of its certificates come from; `None`: the operating system.
    seed: Option<u64>,
}

/// A certificate's key and chain, as a server shows it.
#[derive(Debug)]
pub struct Identity {
    /// The certificate.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its key.
    pub key: PrivateKeyDer<'static>,
}

/// What a certificate is to say.
#[derive(Clone, Debug)]
pub struct Order {
    /// The names and addresses that it is for; the first one gives it its name.
    pub names: Vec<String>,
    /// From when on it is valid.
    pub from: Instant,
    /// Until when.
    pub until: Instant,
}

impl Order {
    /// A certificate for these names that is some weeks old now, and good for some more: ninety days in all, as the
    /// usual free ones.
    pub fn current(names: Vec<String>, now: Instant) -> Self {
        Order { names, from: before(now, 30), until: now + 60 * DAY }
    }

    /// One that was good until a month ago.
    pub fn expired(names: Vec<String>, now: Instant) -> Self {
        Order { names, from: before(now, 120), until: before(now, 30) }
    }
}

/// So many days before a moment.
fn before(now: Instant, days: u32) -> Instant {
    let micros = i64::from(days) * 86_400 * 1_000_000;
    Instant::from_micros(now.as_micros().saturating_sub(micros))
}

impl Ca {
    /// The authority of a simulated internet: the same one for the same seed and start.
    ///
    /// # Errors
    /// Where a certificate cannot be made.
    pub fn seeded(seed: u64, now: Instant) -> Result<Self, CaError> {
        Ca::made(seeded_key(seed, "authority")?, Some(seed), now)
    }

    /// A new authority, from the operating system's randomness, that is nowhere kept.
    ///
    /// # Errors
    /// Where a certificate cannot be made.
    pub fn fresh(now: Instant) -> Result<Self, CaError> {
        // ECDSA on P-256, which every client knows; Ed25519 certificates are still refused by some.
        Ca::made(KeyPair::generate()?, None, now)
    }

    fn made(key: KeyPair, seed: Option<u64>, now: Instant) -> Result<Self, CaError> {
        let mut params = authority(&key);
        valid(&mut params, before(now, 365), now + 3650 * DAY);
        params.serial_number = seed.map(|seed| serial(seed, "authority"));
        let certificate = params.self_signed(&key)?;
        let (der, pem) = (certificate.der().clone(), certificate.pem());
        Ok(Ca { issuer: Issuer::new(params, key), certificate: der, pem, seed })
    }

    /// The authority whose files lie in `folder`; where there are none, a fresh one is made and kept there. Says
    /// whether it is new.
    ///
    /// # Errors
    /// Where files cannot be read or written, or do not hold what they should.
    pub fn open_or_make(folder: &Path, now: Instant) -> Result<(Self, bool), CaError> {
        let (certificate, key) = (folder.join(CERTIFICATE_FILE), folder.join(KEY_FILE));
        if certificate.exists() && key.exists() {
            return Ok((Ca::open(&certificate, &key)?, false));
        }
        let ca = Ca::fresh(now)?;
        let cannot = |what, path: &Path| {
            let path = path.to_owned();
            move |why| CaError::File { what, path, why }
        };
        std::fs::create_dir_all(folder).map_err(cannot("make", folder))?;
        write_secret(&key, &ca.issuer.key().serialize_pem()).map_err(cannot("write", &key))?;
        std::fs::write(&certificate, &ca.pem).map_err(cannot("write", &certificate))?;
        Ok((ca, true))
    }

    fn open(certificate: &Path, key: &Path) -> Result<Self, CaError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|why| CaError::File {
                what: "read",
                path: path.to_owned(),
                why,
            })
        };
        let broken = |path: &Path, expected| CaError::Broken { path: path.to_owned(), expected };
        let pem = read(certificate)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| broken(certificate, "certificate in PEM"))?;
        let pair = KeyPair::from_pem(&read(key)?).map_err(|_| broken(key, "private key in PEM"))?;
        let public = pair.public_key_raw().to_vec();
        // The certificate belongs to the key where it holds its public half.
        if !der.windows(public.len()).any(|window| window == public) {
            return Err(broken(key, "key of that certificate"));
        }
        Ok(Ca { issuer: Issuer::new(authority(&pair), pair), certificate: der, pem, seed: None })
    }

    /// Its own certificate, which clients must trust.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same as PEM, for files and for people.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate with a key of its own.
    ///
    /// # Errors
    /// Where a name is none, or the certificate cannot be made.
    pub fn issue(&self, order: &Order) -> Result<Identity, CaError> {
        let mut params = CertificateParams::new(order.names.clone())?;
        let first = order.names.first().map_or("", String::as_str);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, first);
        valid(&mut params, order.from, order.until);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = match self.seed {
            Some(seed) => {
                params.serial_number = Some(serial(seed, first));
                seeded_key(seed, first)?
            }
            None => KeyPair::generate()?,
        };
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        Ok(Identity { chain: vec![certificate.der().clone()], key: key.into() })
    }
}

/// The certificates in a file, as PEM: those whom somebody trusts.
///
/// # Errors
/// Where the file cannot be read, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CaError> {
    let file = |why| CaError::File { what: "read", path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(file)?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok).collect();
    if found.is_empty() {
        return Err(CaError::Empty { path: path.to_owned() });
    }
    Ok(found)
}

/// What an authority with this key says of itself: its name holds a piece of the key, so that two of them are told
/// apart where both are trusted.
fn authority(key: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    let mark: String = key.public_key_raw().iter().rev().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("postroad throw-away authority {mark}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// An Ed25519 key that is the same for the same seed and name. Its signatures need no randomness (RFC 8032).
fn seeded_key(seed: u64, name: &str) -> Result<KeyPair, rcgen::Error> {
    // PKCS #8 of an Ed25519 key: this prefix, then the 32 octets (RFC 8410 §7).
    let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let mut secret = [0; 32];
    random::stream(seed, name, "tls", "key").fill(&mut secret);
    der.extend(secret);
    let key: PrivateKeyDer<'_> = PrivatePkcs8KeyDer::from(der).into();
    KeyPair::try_from(&key)
}

/// A positive serial number (RFC 5280 §4.1.2.2).
fn serial(seed: u64, name: &str) -> SerialNumber {
    let mut bytes = [0; 16];
    random::stream(seed, name, "tls", "serial").fill(&mut bytes);
    let [first, ..] = &mut bytes;
    *first = *first & 0x3f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn valid(params: &mut CertificateParams, from: Instant, until: Instant) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let date = |at: Instant| epoch + Duration::from_secs(u64::try_from(at.as_secs()).unwrap_or_default());
    (params.not_before, params.not_after) = (date(from), date(until));
}

#[cfg(unix)]
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was there already keeps its mode when it is opened.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(not(unix))]
fn write_secret(path: &Path, text: &str) -> io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_secs(1_767_603_600);

    fn names() -> Vec<String> {
        vec!["mail.example.com".to_owned(), "127.0.0.1".to_owned()]
    }

    #[test]
    fn one_seed_gives_one_authority_and_one_certificate() {
        let make = |seed| {
            let ca = Ca::seeded(seed, NOW).expect("an authority");
            let identity = ca.issue(&Order::current(names(), NOW)).expect("a certificate");
            (ca.certificate().clone(), identity.chain, identity.key.secret_der().to_vec())
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }

    #[test]
    fn an_authority_in_a_folder_is_made_once_and_its_key_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("ca");
        let (first, new) = Ca::open_or_make(&place, NOW).expect("made");
        assert!(new);
        let (second, new) = Ca::open_or_make(&place, NOW).expect("opened");
        assert!(!new);
        assert_eq!(first.certificate(), second.certificate());
        second.issue(&Order::current(names(), NOW)).expect("it goes on vouching");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(place.join(KEY_FILE)).expect("the key").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        let other = Ca::fresh(NOW).expect("another");
        std::fs::write(place.join(CERTIFICATE_FILE), other.pem()).expect("swapped");
        let error = Ca::open_or_make(&place, NOW).err().expect("they do not belong together").to_string();
        assert!(error.contains("ca-key.pem holds no key of that certificate"), "{error}");
    }
}
