//! TLS on any stream: [`Wire`] is what the driver holds, in clear until [`Wire::secure`] has done the handshake.
//!
//! The same code serves the simulated internet (seeded, byte for byte the same in every run) and real sockets (the
//! operating system's randomness): what differs is the provider in the configuration, and the [`Lot`].

mod plain;
pub mod seeded;
mod verify;

pub use plain::Scribe;
pub use seeded::Lot;

use super::ByteStream;
use crate::world::clock::Clock;
use plain::Plain;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::rustls::client::{Resumption, WebPkiServerVerifier};
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::time_provider::TimeProvider;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use verify::{Judge, Verdict};

/// How long a handshake may take. RFC 5321 §4.5.3.2 gives a greeting five minutes; a handshake is no slower.
const HANDSHAKE: Duration = Duration::from_secs(300);

/// Whose words an end writes down as the plain layer of its connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hears {
    /// Its own: the other end is ours too, and writes down what it says.
    #[default]
    Itself,
    /// Both ends': the other one is a stranger's program.
    Both,
}

/// How a handshake came out, as the client sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// The protocol's version, as in `TLS 1.3`; empty where there was no agreement.
    pub version: String,
    /// The cipher suite, as in `TLS_AES_256_GCM_SHA384`; empty where there was no agreement.
    pub cipher: String,
    /// What was wrong with the certificate, or with the handshake; empty: nothing.
    pub wrong: String,
    /// Whether the client goes on.
    pub goes_on: bool,
}

/// Told how a handshake came out.
pub type Report = Box<dyn FnOnce(&Handshake) + Send + Sync>;

/// Gives what a server needs for its part, once the handshake begins.
pub type Certificate = Box<dyn FnOnce() -> io::Result<Arc<ServerConfig>> + Send + Sync>;

/// One end's part in a handshake.
pub struct Party {
    /// Which part it plays.
    pub part: Part,
    /// Who writes down what is said inside.
    pub scribe: Scribe,
    /// Where its random numbers come from.
    pub lot: Lot,
}

/// Which part an end plays.
pub enum Part {
    /// It shows its certificate: whichever it has when the handshake begins.
    Server(Certificate),
    /// It calls a name, and judges the certificate.
    Client(Box<Caller>),
}

/// A client's part.
pub struct Caller {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verdict: Arc<Verdict>,
    report: Report,
}

/// The story's time as rustls asks for it.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let micros = u64::try_from(self.0.now().as_micros()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_micros(micros)))
    }
}

/// What a server needs for its part: TLS 1.2 and 1.3, no client certificates, no tickets.
///
/// # Errors
/// Where key and certificate do not belong together.
pub fn server_config(
    provider: Arc<CryptoProvider>,
    clock: Clock,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let builder = ServerConfig::builder_with_details(provider, Arc::new(Time(clock)));
    let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key)?;
    // A mail session is resumed by nobody here, and a ticket would be one more record for a reader to wonder about.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

impl Caller {
    /// A client that calls `name` and trusts `roots`. Where it is not `strict`, it goes on with any certificate.
    ///
    /// # Errors
    /// Where `name` is no host's name or address, or none of the roots is a certificate.
    pub fn new(
        provider: Arc<CryptoProvider>,
        clock: Clock,
        roots: &[CertificateDer<'static>],
        name: &str,
        strict: bool,
        report: Report,
    ) -> Result<Self, io::Error> {
        let bare = name.trim_end_matches('.').trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(io::Error::other)?;
        let mut trusted = RootCertStore::empty();
        // Among those that a system trusts there is now and then one that nobody can read; it vouches for nothing.
        trusted.add_parsable_certificates(roots.iter().cloned());
        let rules = WebPkiServerVerifier::builder_with_provider(Arc::new(trusted), provider.clone()).build();
        let rules = rules.map_err(io::Error::other)?;
        let verdict = Arc::new(Verdict::default());
        let judge = Judge { rules, strict, verdict: verdict.clone() };
        let builder = ClientConfig::builder_with_details(provider, Arc::new(Time(clock)));
        let builder = builder.with_safe_default_protocol_versions().map_err(io::Error::other)?;
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(Arc::new(judge)).with_no_client_auth();
        config.resumption = Resumption::disabled();
        Ok(Caller { config: Arc::new(config), name, verdict, report })
    }
}

/// A connection as the driver holds it: in clear, until the handshake was done.
pub struct Wire {
    stream: Box<dyn ByteStream>,
    party: Option<Box<Party>>,
    /// The handshake comes before everything else (RFC 8314 §3).
    at_once: bool,
    /// Somebody on the way takes the offer of TLS out of what is said in clear.
    stripped: bool,
}

impl Wire {
    /// A connection on which there is never TLS.
    pub fn clear(stream: Box<dyn ByteStream>) -> Self {
        Wire { stream, party: None, at_once: false, stripped: false }
    }

    /// A connection on which there will be TLS: at once, or when the machine asks.
    pub fn with_tls(stream: Box<dyn ByteStream>, party: Party, at_once: bool) -> Self {
        Wire { stream, party: Some(Box::new(party)), at_once, stripped: false }
    }

    /// The same, with somebody on the way who takes the offer of TLS away.
    #[must_use]
    pub fn stripped(mut self, stripped: bool) -> Self {
        self.stripped = stripped;
        self
    }

    /// What leaves this end when the machine says `bytes` in clear.
    pub fn on_the_way(&self, bytes: Vec<u8>) -> Vec<u8> {
        // Once TLS is there the party is spent: whoever sits on the way sees nothing any more.
        if self.stripped && self.party.is_some() { super::strip::strip(bytes) } else { bytes }
    }

    /// Whether the handshake is due before anything is said.
    pub fn begins_with_tls(&self) -> bool {
        self.at_once && self.party.is_some()
    }

    /// Do the handshake: from here on all bytes go through TLS, and the plain layer is recorded.
    ///
    /// # Errors
    /// Where the two do not agree, or a strict client does not trust the certificate; the connection is over then.
    pub async fn secure(&mut self) -> io::Result<()> {
        let Some(party) = self.party.take() else {
            return Err(io::Error::other("TLS was asked for where there is none"));
        };
        let Party { part, scribe, mut lot } = *party;
        let stream = std::mem::replace(&mut self.stream, Box::new(tokio::io::empty()));
        let (result, report) = match part {
            Part::Server(certificate) => {
                let config = certificate()?;
                let accept = lot.lend(|| TlsAcceptor::from(config).accept(stream)).into_fallible();
                let done = shake(&mut lot, accept).await;
                (done.map(TlsStream::Server), None)
            }
            Part::Client(caller) => {
                let Caller { config, name, verdict, report } = *caller;
                let connect = lot.lend(|| TlsConnector::from(config).connect(name, stream)).into_fallible();
                let done = shake(&mut lot, connect).await;
                (done.map(TlsStream::Client), Some((verdict, report)))
            }
        };
        if let Some((verdict, report)) = report {
            report(&told(&result, verdict.take()));
        }
        match result {
            Ok(inner) => {
                self.stream = Box::new(Plain { inner, lot, scribe, told: 0 });
                Ok(())
            }
            Err((error, stream)) => {
                // The alert is out; the connection ends in good order.
                if let Some(stream) = stream {
                    self.stream = stream;
                    self.stream.shutdown().await?;
                }
                Err(io::Error::new(error.kind(), format!("TLS failed: {}", words(&error))))
            }
        }
    }
}

/// Drive a handshake with these numbers at hand.
async fn shake<S, F>(lot: &mut Lot, handshake: F) -> Result<S, (io::Error, Option<Box<dyn ByteStream>>)>
where
    F: Future<Output = Result<S, (io::Error, Box<dyn ByteStream>)>> + Unpin,
{
    let mut handshake = handshake;
    let lent = std::future::poll_fn(|cx| lot.lend(|| Pin::new(&mut handshake).poll(cx)));
    match tokio::time::timeout(HANDSHAKE, lent).await {
        Ok(done) => done.map_err(|(error, stream)| (error, Some(stream))),
        Err(_) => Err((io::ErrorKind::TimedOut.into(), None)),
    }
}

/// A handshake's outcome for whoever wants to know.
fn told<T>(
    result: &Result<TlsStream<Box<dyn ByteStream>>, (io::Error, T)>,
    verdict: Option<String>,
) -> Handshake {
    let wrong = verdict.unwrap_or_default();
    match result {
        Ok(stream) => {
            let (_, state) = stream.get_ref();
            let version = match state.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS",
            };
            let suite = state.negotiated_cipher_suite().map(|suite| suite.suite());
            let cipher = suite.and_then(|suite| suite.as_str()).unwrap_or_default().replace("TLS13_", "TLS_");
            Handshake { version: version.to_owned(), cipher, wrong, goes_on: true }
        }
        Err((error, _)) => {
            let wrong = if wrong.is_empty() { words(error) } else { wrong };
            Handshake { wrong, ..Handshake::default() }
        }
    }
}

/// What went wrong, in words for people.
fn words(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match (inner, error.kind()) {
        (Some(rustls::Error::InvalidCertificate(_)), _) => {
            "the client does not trust the certificate".to_owned()
        }
        (Some(rustls::Error::AlertReceived(alert)), _) => format!("the other end sent the alert {alert:?}"),
        (Some(rustls::Error::InvalidMessage(_)), _) => "what came is no TLS".to_owned(),
        (Some(other), _) => other.to_string(),
        (None, io::ErrorKind::TimedOut) => "the handshake took too long".to_owned(),
        (None, io::ErrorKind::UnexpectedEof) => "the other end went away during the handshake".to_owned(),
        (None, _) => error.to_string(),
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_read(cx, out)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_shutdown(cx)
    }
}
