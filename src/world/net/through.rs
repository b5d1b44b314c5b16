//! A tap between a real client and a real server: what one says is passed on to the other, and written down.
//!
//! Bytes are recorded where they cross the client's socket, as at the lab's doors, so a transcript shows what the client sent
//! and saw. Nothing is changed: not a byte, not the end of a stream, not its breaking off. Only where TLS is to be
//! opened ([`Terminate`]) there are two TLS connections in place of one: the client's, with a certificate of our own
//! authority, and ours to the server. Then what is said inside is written down too.
//!
//! This is the one place from which a connection leaves the program: to the server that the person named.

use super::ByteStream;
use super::loopback::{Bound, Caller, Visitors};
use super::tls::{self, Handshake, Hears, Lot, Part, Party, Report, Scribe, Wire};
use crate::trace::tap::{Observer, Tap};
use crate::trace::{CloseHow, Conn, Direction, Fact, Head, HostInfo, Transport};
use crate::world::clock::Clock;
use crate::world::live::Closer;
use crate::world::run::RunError;
use crate::world::secure::Realm;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio_rustls::rustls::pki_types::CertificateDer;

/// How long the server may take to answer a call. RFC 5321 §4.5.3.2 has nothing for TCP; systems give up later.
const CALL: Duration = Duration::from_secs(30);
/// How long the first look at whether it answers may take.
const LOOK: Duration = Duration::from_secs(5);
/// How long those who talk have to hear that the tap closes.
const GRACE: Duration = Duration::from_secs(3);
/// How long to wait where the system has no socket left for one more connection.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// Octets that are taken at once.
const PIECE: usize = 16 << 10;
/// The name under which the tap itself states facts.
const NAME: &str = "tap";

/// The server behind a tap: a name or an address, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// As it was given: `mail.example.com`, `192.0.2.25`, `::1`.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Upstream {
    /// Its addresses, asked of the system. It may take a while.
    ///
    /// # Errors
    /// Where the system finds none.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        if found.is_empty() { Err(io::Error::other("the name has no address")) } else { Ok(found) }
    }

    /// Whether it answers a call now. Nothing is said.
    ///
    /// # Errors
    /// Why it does not.
    pub fn answers(&self) -> io::Result<()> {
        let mut last = None;
        for address in self.addresses()? {
            match std::net::TcpStream::connect_timeout(&address, LOOK) {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }
}

/// A door, and the server that stands behind it.
pub struct Pair {
    /// The door, its port taken.
    pub bound: Bound,
    /// The server.
    pub upstream: Upstream,
    /// Whether TLS begins with the first byte there (RFC 8314 §3). Counts only where TLS is opened.
    pub implicit: bool,
}

/// How TLS is opened.
pub struct Terminate {
    /// Gives the certificate that clients see.
    pub realm: Realm,
    /// Whom we trust to vouch for the server.
    pub roots: Vec<CertificateDer<'static>>,
    /// Whether we go away where its certificate is not right.
    pub strict: bool,
}

/// A tap that is to be opened.
pub struct Through {
    /// What it is called above the story.
    pub title: String,
    /// Its doors.
    pub pairs: Vec<Pair>,
    /// Connections at once; more wait in front of the doors.
    pub connections: usize,
    /// How TLS is opened; `None`: it is passed on, and nobody reads it.
    pub terminate: Option<Terminate>,
}

/// What every connection needs.
struct Shared {
    tap: Tap,
    clock: Clock,
    visitors: Arc<Visitors>,
    room: Arc<Semaphore>,
    closer: Closer,
    terminate: Option<Terminate>,
}

/// Run a tap until `closer` closes it. The `observer` is told of every record, on the thread that everything runs on.
///
/// # Errors
/// Where the operating system gives no runtime, or does not take a socket.
pub fn run(through: Through, observer: Option<Observer>, closer: &Closer) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let Through { title, pairs, connections, terminate } = through;
    runtime.block_on(async {
        let clock = Clock::live();
        let tap = Tap::passing(head(title, &pairs, clock), observer);
        let visitors = Arc::new(Visitors::new(usize::MAX));
        let room = Arc::new(Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)));
        let shared = Arc::new(Shared {
            tap: tap.clone(),
            clock,
            visitors: visitors.clone(),
            room,
            closer: closer.clone(),
            terminate,
        });
        let mut doors = tokio::task::JoinSet::new();
        for pair in pairs {
            let (upstream, implicit) = (Arc::new(pair.upstream), pair.implicit);
            for listener in pair.bound.into_listeners() {
                let listener = TcpListener::from_std(listener)?;
                doors.spawn(shared.clone().take_calls(listener, upstream.clone(), implicit));
            }
        }
        closer.closed().await;
        // Nobody comes in any more; those who are here hear of it themselves.
        doors.abort_all();
        let _ = tokio::time::timeout(GRACE, visitors.all_gone()).await;
        tap.end(clock.now());
        Ok::<(), RunError>(())
    })
}

fn head(title: String, pairs: &[Pair], clock: Clock) -> Head {
    let mut hosts = vec![HostInfo { name: NAME.to_owned(), addresses: Vec::new(), roles: Vec::new() }];
    for Pair { upstream, .. } in pairs {
        let found = upstream.addresses().unwrap_or_default();
        // On this machine the client has the same address: then it stands for itself.
        let far: Vec<IpAddr> = found.iter().map(SocketAddr::ip).filter(|ip| !ip.is_loopback()).collect();
        if !far.is_empty() && hosts.iter().all(|host| host.name != upstream.host) {
            hosts.push(HostInfo { name: upstream.host.clone(), addresses: far, roles: Vec::new() });
        }
    }
    Head {
        version: 1,
        generator: concat!("postroad ", env!("CARGO_PKG_VERSION"), " ").to_owned()
            + crate::trace::record::LIVE,
        title,
        start: clock.start(),
        hosts,
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    }
}

impl Shared {
    async fn take_calls(self: Arc<Self>, listener: TcpListener, upstream: Arc<Upstream>, implicit: bool) {
        loop {
            // Who is one too many waits in the system's own queue.
            let Ok(place) = self.room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    let (shared, upstream) = (self.clone(), upstream.clone());
                    tokio::spawn(async move {
                        shared.carry(stream, peer, &upstream, implicit).await;
                        drop(place);
                    });
                }
                Err(_) => tokio::time::sleep(OUT_OF_SOCKETS).await,
            }
        }
    }

    /// One connection, from its beginning to its end.
    async fn carry(&self, stream: TcpStream, peer: SocketAddr, upstream: &Upstream, implicit: bool) {
        // Lines are short, and who asks waits for the answer.
        let _ = stream.set_nodelay(true);
        let called = tokio::select! {
            biased;
            () = self.closer.closed() => return,
            called = call(upstream) => called,
        };
        let (server, at) = match called {
            Ok(called) => called,
            Err((at, error)) => return self.unreachable(stream, peer, at, &error),
        };
        let _ = server.set_nodelay(true);
        let conn = self.tap.open(self.clock.now(), Transport::Tcp, peer, at);
        let (visit, _) = self.visitors.enter(peer.ip());
        let client = Caller::visiting(stream, &self.tap, self.clock, conn, visit);
        match &self.terminate {
            None => {
                let (mut client, mut server) = (client, server);
                // How it ended is recorded. What the client breaks off is broken off for the server too.
                if self.both_ways(&mut client, &mut server).await.is_err() {
                    let _ = server.set_zero_linger();
                }
            }
            Some(terminate) => {
                let _ = self.opened(terminate, client, server, (conn, upstream, implicit)).await;
            }
        }
    }

    /// The server could not be called: the client is told as TCP tells it.
    fn unreachable(&self, stream: TcpStream, peer: SocketAddr, at: SocketAddr, error: &io::Error) {
        let conn = self.tap.open(self.clock.now(), Transport::Tcp, peer, at);
        let how = match error.kind() {
            io::ErrorKind::ConnectionRefused => CloseHow::Refused,
            io::ErrorKind::ConnectionReset => CloseHow::Reset,
            _ => CloseHow::Timeout,
        };
        self.tap.close(self.clock.now(), conn, Direction::Server, how);
        let _ = stream.set_zero_linger();
    }

    /// Pass on what both say, until both have ended or one breaks off; where the tap closes, both are told.
    async fn both_ways<A, B>(&self, client: &mut A, server: &mut B) -> io::Result<()>
    where
        A: AsyncRead + AsyncWrite + Unpin,
        B: AsyncRead + AsyncWrite + Unpin,
    {
        let passed = tokio::select! {
            biased;
            () = self.closer.closed() => None,
            passed = copy_bidirectional(client, server) => Some(passed),
        };
        match passed {
            // What one broke off is broken off on the other side too, by letting go of both.
            Some(passed) => passed.map(|_| ()),
            None => {
                let _ = server.shutdown().await;
                client.shutdown().await
            }
        }
    }

    /// Pass on what both say in clear, and open TLS where it begins.
    async fn opened(
        &self,
        terminate: &Terminate,
        mut client: Caller,
        mut server: TcpStream,
        (conn, upstream, implicit): (Conn, &Upstream, bool),
    ) -> io::Result<()> {
        let hello = if implicit {
            Vec::new()
        } else {
            let in_clear = tokio::select! {
                biased;
                () = self.closer.closed() => None,
                ended = in_clear(&mut client, &mut server) => Some(ended),
            };
            match in_clear {
                Some(Ok(Some(hello))) => hello,
                Some(Ok(None)) => return Ok(()),
                Some(Err(error)) => {
                    let _ = server.set_zero_linger();
                    return Err(error);
                }
                None => {
                    let _ = server.shutdown().await;
                    return client.shutdown().await;
                }
            }
        };
        // First the server: where it is not the one that was meant, the client says nothing more.
        let caller = self.caller(terminate, conn, upstream)?;
        let scribe = |tap, hears| Scribe { tap, clock: self.clock, conn, side: Direction::Server, hears };
        let nobody = Tap::passing(head(String::new(), &[], self.clock), None);
        let party = Party {
            part: Part::Client(Box::new(caller)),
            scribe: Scribe { side: Direction::Client, ..scribe(nobody, Hears::Itself) },
            lot: Lot::of_the_system(),
        };
        let mut server = Wire::with_tls(Box::new(server), party, true);
        server.secure().await?;
        let config = terminate.realm.server(self.clock, &upstream.host, None)?;
        let party = Party {
            part: Part::Server(Box::new(move || Ok(config))),
            scribe: scribe(self.tap.clone(), Hears::Both),
            lot: Lot::of_the_system(),
        };
        let client: Box<dyn ByteStream> = Box::new(Ahead { first: hello, inner: client });
        let mut client = Wire::with_tls(client, party, true);
        client.secure().await?;
        self.both_ways(&mut client, &mut server).await
    }

    /// Our own part towards the server; how it came out is stated.
    fn caller(&self, terminate: &Terminate, conn: Conn, upstream: &Upstream) -> io::Result<tls::Caller> {
        let (tap, clock, server) = (self.tap.clone(), self.clock, upstream.host.clone());
        let report: Report = Box::new(move |handshake: &Handshake| {
            let Handshake { version, cipher, wrong, goes_on } = handshake.clone();
            tap.fact(clock.now(), NAME, Fact::Tls { conn, server, version, cipher, wrong, goes_on });
        });
        let Terminate { realm, roots, strict } = terminate;
        realm.caller_trusting(self.clock, &upstream.host, roots, *strict, report)
    }
}

/// Call the server: one of its addresses after the other.
async fn call(upstream: &Upstream) -> Result<(TcpStream, SocketAddr), (SocketAddr, io::Error)> {
    let nowhere = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), upstream.port);
    let found = tokio::net::lookup_host((upstream.host.as_str(), upstream.port)).await;
    let mut last = (nowhere, io::Error::from(io::ErrorKind::NotFound));
    for at in found.map_err(|error| (nowhere, error))? {
        match tokio::time::timeout(CALL, TcpStream::connect(at)).await {
            Ok(Ok(stream)) => return Ok((stream, at)),
            Ok(Err(error)) => last = (at, error),
            Err(_) => last = (at, io::ErrorKind::TimedOut.into()),
        }
    }
    Err(last)
}

/// Pass on what is said in clear. Gives the first bytes of TLS where the client begins it; nothing where both have ended.
async fn in_clear(client: &mut Caller, server: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = server.split();
    let (answered, answer) = (AtomicBool::new(true), Notify::new());
    let up = async {
        let (mut buffer, mut watch) = (vec![0; PIECE], Watch::default());
        loop {
            let count = from_client.read(&mut buffer).await?;
            if count == 0 {
                to_server.shutdown().await?;
                return Ok::<Option<Vec<u8>>, io::Error>(None);
            }
            let piece = buffer.get(..count).unwrap_or_default();
            let (clear, hello) = watch.divide(piece);
            if watch.asked && !clear.is_empty() {
                answered.store(false, Ordering::Relaxed);
            }
            to_server.write_all(clear).await?;
            if let Some(hello) = hello {
                // One that is in a hurry has not waited for the answer; the handshake does.
                while !answered.load(Ordering::Relaxed) {
                    answer.notified().await;
                }
                return Ok(Some(hello.to_vec()));
            }
        }
    };
    let down = async {
        let mut buffer = vec![0; PIECE];
        loop {
            let count = from_server.read(&mut buffer).await?;
            if count == 0 {
                return to_client.shutdown().await;
            }
            to_client.write_all(buffer.get(..count).unwrap_or_default()).await?;
            answered.store(true, Ordering::Relaxed);
            answer.notify_one();
        }
    };
    let (mut up, mut down) = (pin!(up), pin!(down));
    let mut server_ended = false;
    loop {
        tokio::select! {
            biased;
            ended = &mut up => match ended? {
                Some(hello) => return Ok(Some(hello)),
                None if server_ended => return Ok(None),
                None => return down.await.map(|()| None),
            },
            ended = &mut down, if !server_ended => {
                ended?;
                server_ended = true;
            }
        }
    }
}

/// Watches a client's stream for the request for TLS, and for what can only be its answer: the first bytes of a handshake
/// (RFC 8446 §5.1: a record begins with its type, 22, and with 3). A line of a letter that says STARTTLS is followed by none.
#[derive(Default)]
struct Watch {
    /// The end of the stream so far, behind the last line's end.
    line: Vec<u8>,
    /// The last line asked for TLS, and nothing has come behind it.
    asked: bool,
}

/// Octets of a line that asks for TLS: a tag of IMAP, a space, the word.
const ASKING: usize = 200;

impl Watch {
    /// What of this piece is said in clear, and the beginning of TLS where it comes.
    fn divide<'p>(&mut self, piece: &'p [u8]) -> (&'p [u8], Option<&'p [u8]>) {
        let mut at = 0;
        while let Some(rest) = piece.get(at..).filter(|rest| !rest.is_empty()) {
            if self.asked && self.line.is_empty() && rest.first() == Some(&22) {
                return (piece.get(..at).unwrap_or_default(), Some(rest));
            }
            let end = rest.iter().position(|byte| *byte == b'\n');
            let line = rest.get(..end.map_or(rest.len(), |end| end + 1)).unwrap_or_default();
            let room = (ASKING + 1).saturating_sub(self.line.len());
            self.line.extend(line.iter().take(room));
            self.asked = false;
            if end.is_some() {
                self.asked = asks(&self.line);
                self.line.clear();
            }
            at += line.len();
        }
        (piece, None)
    }
}

/// Whether a line asks for TLS: `STARTTLS`, `a1 STARTTLS`, `STLS` (RFC 3207, RFC 9051 §6.2.1, RFC 2595 §4).
fn asks(line: &[u8]) -> bool {
    let words: Vec<&[u8]> =
        line.trim_ascii().split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect();
    let last = words.last().copied().unwrap_or_default();
    line.len() <= ASKING
        && words.len() <= 2
        && (last.eq_ignore_ascii_case(b"STARTTLS") || last.eq_ignore_ascii_case(b"STLS"))
}

/// A stream of which some bytes were read already.
struct Ahead<S> {
    first: Vec<u8>,
    inner: S,
}

impl<S: AsyncRead + Unpin> AsyncRead for Ahead<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.inner).poll_read(cx, out);
        }
        let count = self.first.len().min(out.remaining());
        let taken: Vec<u8> = self.first.drain(..count).collect();
        out.put_slice(&taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Ahead<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where TLS begins in these pieces: the number of the piece and the place in it.
    fn begins(pieces: &[&[u8]]) -> Option<(usize, usize)> {
        let mut watch = Watch::default();
        pieces.iter().enumerate().find_map(|(number, piece)| {
            let (clear, hello) = watch.divide(piece);
            hello.map(|hello| {
                assert_eq!([clear, hello].concat(), *piece, "nothing is lost");
                (number, clear.len())
            })
        })
    }

    #[test]
    fn tls_begins_behind_a_line_that_asks_for_it_however_the_stream_is_cut() {
        for ask in ["STARTTLS\r\n", "starttls \n", "a7 STARTTLS\r\n", "STLS\r\n"] {
            let ask = ask.as_bytes();
            assert_eq!(begins(&[b"EHLO x\r\n", ask, b"\x16\x03\x01"]), Some((2, 0)));
            let whole = [b"EHLO x\r\n", ask, b"\x16\x03\x01"].concat();
            assert_eq!(begins(&[&whole]), Some((0, 8 + ask.len())));
            let single: Vec<&[u8]> = whole.chunks(1).collect();
            assert_eq!(begins(&single), Some((8 + ask.len(), 0)));
        }
    }

    #[test]
    fn what_only_speaks_of_tls_does_not_begin_it() {
        for pieces in [
            [&b"DATA\r\n"[..], b"STARTTLS\r\n", b"is a word of RFC 3207\r\n"],
            [b"please say STARTTLS\r\n", b"\x16\x03\x01", b""],
            [b"STARTTLS\r\n", b"x\x16\x03", b"\r\n"],
            [b"STARTTLS\r\n", b"\r\n", b"\x16\x03\x01"],
            [b"\x16\x03\x01", b"", b""],
        ] {
            assert_eq!(begins(&pieces), None, "{pieces:?}");
        }
        let long = [vec![b'x'; 10_000], b" STARTTLS\r\n\x16\x03".to_vec()].concat();
        assert_eq!(begins(&[&long]), None);
        let mut watch = Watch::default();
        watch.divide(&vec![b'x'; 1 << 20]);
        assert!(watch.line.len() <= ASKING + 1, "nothing grows");
    }

    #[test]
    fn a_server_is_named_as_people_write_it() {
        let upstream = |host: &str| Upstream { host: host.to_owned(), port: 25 }.to_string();
        assert_eq!(
            (upstream("mx.example.net"), upstream("::1")),
            ("mx.example.net:25".into(), "[::1]:25".into())
        );
    }
}
