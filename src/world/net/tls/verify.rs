//! Whether a server's certificate is what it should be, and why not: the judgement of a client, kept for its owner.
//!
//! The rules are RFC 5280's and RFC 9525's, as webpki reads them. A strict client goes away where they are broken; an
//! opportunistic one goes on, because the alternative would be no encryption at all (RFC 7435 §3).

use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

/// Judges certificates, and remembers the last judgement.
#[derive(Debug)]
pub(super) struct Judge {
    pub rules: Arc<WebPkiServerVerifier>,
    /// Whether a bad certificate ends the connection.
    pub strict: bool,
    pub verdict: Arc<Verdict>,
}

/// What was found wrong with a certificate, in words; `None` before one was seen, empty where it is right.
#[derive(Debug, Default)]
pub(super) struct Verdict(Mutex<Option<String>>);

impl Verdict {
    fn set(&self, why: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.rules.verify_server_cert(certificate, between, name, ocsp, now);
        self.verdict.set(verified.as_ref().err().map(why).unwrap_or_default());
        match verified {
            Err(_) if !self.strict => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.rules.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}

/// What is wrong, in a sentence without a full stop.
fn why(error: &Error) -> String {
    let Error::InvalidCertificate(error) = error else { return error.to_string() };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the certificate is not valid yet".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            // As webpki writes them: `DnsName("old.example.net")`.
            let names: Vec<&str> = presented.iter().filter_map(|name| name.split('"').nth(1)).collect();
            format!("the certificate is for {}, not for {}", names.join(", "), expected.to_str())
        }
        CertificateError::NotValidForName => "the certificate is for another name".to_owned(),
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the certificate was issued by nobody whom this client trusts".to_owned()
        }
        other => format!("the certificate is not valid: {other:?}"),
    }
}
