//! The transport behind one small trait: [`Network`]. Nothing else in the program opens a socket.
//!
//! `memory` is the simulated internet: links with latency and bandwidth, tapped. Hosts are told apart by address.
//! `loopback` has the lab's doors: real ports of this machine that lead to hosts of the simulated internet. `through` has
//! the doors of a tap, behind which a real server stands: the one place from which a connection leaves the program.

pub mod loopback;
pub mod memory;
pub mod pipe;
mod strip;
pub mod through;
pub mod tls;

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

/// A future that can be kept in a box.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A stream of bytes both ways, tapped where the network is.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// A stream that the network handed over, with who is at its ends.
pub struct Connection {
    /// The bytes.
    pub stream: Box<dyn ByteStream>,
    /// Its number in the transcript.
    pub conn: crate::trace::Conn,
    /// This end.
    pub local: SocketAddr,
    /// The other end.
    pub peer: SocketAddr,
    /// Whose words this end writes down where there is TLS.
    pub hears: tls::Hears,
    /// Whether that address has more connections open than one may: it is to be told, and turned away.
    pub crowded: bool,
    /// TLS begins with the first byte (RFC 8314 §3): the door, or whoever called it, says so.
    pub implicit: bool,
}

impl Connection {
    /// A connection between two ends that are both ours, in clear to begin with.
    pub fn new(
        stream: Box<dyn ByteStream>,
        conn: crate::trace::Conn,
        local: SocketAddr,
        peer: SocketAddr,
    ) -> Self {
        Connection { stream, conn, local, peer, hears: tls::Hears::Itself, implicit: false, crowded: false }
    }
}

/// Takes connections that others opened to one address and port.
pub type Listener = tokio::sync::mpsc::UnboundedReceiver<Connection>;

/// Answers a datagram: bytes in, bytes out, or silence.
pub type Responder = std::sync::Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What hosts ask of a network.
pub trait Network: Send + Sync {
    /// Open a stream from one of our addresses.
    ///
    /// # Errors
    /// `ConnectionRefused` where nobody listens, `TimedOut` where nobody answers.
    fn connect(&self, from: IpAddr, to: SocketAddr) -> BoxFuture<io::Result<Connection>>;

    /// Take the streams that others open to this address.
    fn listen(&self, at: SocketAddr) -> Listener;

    /// Answer datagrams sent to this address.
    fn respond(&self, at: SocketAddr, responder: Responder);

    /// Send one datagram and wait for the answer.
    ///
    /// # Errors
    /// `TimedOut` where no answer came within `timeout`.
    fn exchange(
        &self,
        from: IpAddr,
        to: SocketAddr,
        datagram: Vec<u8>,
        timeout: Duration,
    ) -> BoxFuture<io::Result<Vec<u8>>>;
}
