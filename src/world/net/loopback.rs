//! The lab's doors: real ports of this machine, each of which leads to one address and port of the simulated internet.
//!
//! A door is bound first ([`bind`]), so that a busy port is known before anything else happens, and opened later
//! ([`Doors::open`]). Bytes are recorded here, where they cross the socket, as between the program's real address and the
//! host's own: what a reader of the transcript sees is the small internet, with one more client in it.

use super::Connection;
use super::memory::MemoryNet;
use super::tls::Hears;
use crate::trace::tap::Tap;
use crate::trace::{CloseHow, Conn, Direction, Transport};
use crate::world::clock::Clock;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;

/// How long a client that was told goodbye may take to end its side.
const GOODBYE: Duration = Duration::from_secs(2);
/// How much it may still say meanwhile.
const MOST_AFTER: usize = 64 << 10;
/// How long to wait where the system has no socket left for one more connection.
const OUT_OF_SOCKETS: Duration = Duration::from_millis(50);
/// How often another free port is tried, where the one of the first address is taken on the second.
const TRIES: usize = 20;
/// The largest datagram.
const DATAGRAM: usize = 64 << 10;

/// A door: a port of this machine, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// What people call it: `submission of example.com`.
    pub name: String,
    /// The port; 0: any that is free.
    pub port: u16,
    /// The host's address and port.
    pub to: SocketAddr,
    /// Whether datagrams are answered too.
    pub datagrams: bool,
}

/// A door whose port is taken.
#[derive(Debug)]
pub struct Bound {
    /// The door, with the port that it has.
    pub door: Door,
    streams: Vec<std::net::TcpListener>,
    datagrams: Vec<std::net::UdpSocket>,
}

impl Bound {
    /// The port that it has.
    pub fn port(&self) -> u16 {
        self.door.port
    }

    /// What takes its calls.
    pub(super) fn into_listeners(self) -> Vec<std::net::TcpListener> {
        self.streams
    }

    /// The addresses that it listens on.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.streams.iter().filter_map(|listener| listener.local_addr().ok())
    }
}

/// Why a door cannot be had.
#[derive(Debug, thiserror::Error)]
#[error("port {} on {} for {name}: {error}", at.port(), at.ip())]
pub struct BindError {
    /// Where.
    pub at: SocketAddr,
    /// Which door.
    pub name: String,
    /// What the system says.
    pub error: io::Error,
}

/// Take a door's port on each of these addresses.
///
/// # Errors
/// Where one of them refuses.
pub fn bind(door: Door, on: &[IpAddr]) -> Result<Bound, BindError> {
    let mut tries = if door.port == 0 { TRIES } else { 1 };
    loop {
        match bind_once(door.clone(), on) {
            // The second address has its own programs: what is free on one may be taken on the other.
            Err(refused) if refused.error.kind() == io::ErrorKind::AddrInUse && tries > 1 => tries -= 1,
            result => return result,
        }
    }
}

fn bind_once(mut door: Door, on: &[IpAddr]) -> Result<Bound, BindError> {
    let (mut streams, mut datagrams) = (Vec::new(), Vec::new());
    for address in on {
        let at = SocketAddr::new(*address, door.port);
        let mut take = || -> io::Result<()> {
            let stream = std::net::TcpListener::bind(at)?;
            stream.set_nonblocking(true)?;
            let at = stream.local_addr()?;
            door.port = at.port();
            streams.push(stream);
            if door.datagrams {
                let socket = std::net::UdpSocket::bind(at)?;
                socket.set_nonblocking(true)?;
                datagrams.push(socket);
            }
            Ok(())
        };
        take().map_err(|error| BindError { at, name: door.name.clone(), error })?;
    }
    Ok(Bound { door, streams, datagrams })
}

/// Whether this machine has the address at all.
pub fn has(address: IpAddr) -> bool {
    std::net::UdpSocket::bind(SocketAddr::new(address, 0)).is_ok()
}

/// What every door needs of the world.
#[derive(Clone)]
pub struct Doors {
    /// The simulated internet.
    pub net: MemoryNet,
    /// Where bytes are recorded.
    pub tap: Tap,
    /// The time.
    pub clock: Clock,
    /// Who is here.
    pub visitors: Arc<Visitors>,
}

impl Doors {
    /// Open a door. Call inside the runtime.
    ///
    /// # Errors
    /// Where the runtime does not take a socket.
    pub fn open(&self, bound: Bound) -> io::Result<()> {
        for listener in bound.streams {
            let listener = TcpListener::from_std(listener)?;
            tokio::spawn(self.clone().take_calls(listener, bound.door.to));
        }
        for socket in bound.datagrams {
            let socket = UdpSocket::from_std(socket)?;
            tokio::spawn(self.clone().take_datagrams(socket, bound.door.to));
        }
        Ok(())
    }

    async fn take_calls(self, listener: TcpListener, to: SocketAddr) {
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => self.let_in(stream, peer, to),
                // Somebody who was gone before we came, or no socket left: neither ends the service.
                Err(_) => tokio::time::sleep(OUT_OF_SOCKETS).await,
            }
        }
    }

    fn let_in(&self, stream: TcpStream, peer: SocketAddr, to: SocketAddr) {
        // Lines are short, and who asks waits for the answer.
        let _ = stream.set_nodelay(true);
        let conn = self.tap.open(self.clock.now(), Transport::Tcp, peer, to);
        let (visit, crowded) = self.visitors.enter(peer.ip());
        let stream = Caller::visiting(stream, &self.tap, self.clock, conn, visit);
        let mut connection = Connection::new(Box::new(stream), conn, to, peer);
        (connection.crowded, connection.hears) = (crowded, Hears::Both);
        // Where the service is down, the connection is dropped, and so reset.
        let _ = self.net.hand_over(connection);
    }

    async fn take_datagrams(self, socket: UdpSocket, to: SocketAddr) {
        let mut buffer = vec![0; DATAGRAM];
        loop {
            let Ok((count, peer)) = socket.recv_from(&mut buffer).await else {
                tokio::time::sleep(OUT_OF_SOCKETS).await;
                continue;
            };
            let datagram = &buffer[..count];
            let conn = self.tap.open(self.clock.now(), Transport::Udp, peer, to);
            self.tap.data(self.clock.now(), conn, Direction::Client, datagram);
            if let Some(answer) = self.net.answer(to, datagram) {
                self.tap.data(self.clock.now(), conn, Direction::Server, &answer);
                let _ = socket.send_to(&answer, peer).await;
            }
        }
    }
}

/// Who has come by the doors and is still here, by address.
pub struct Visitors {
    here: Mutex<BTreeMap<IpAddr, usize>>,
    /// Connections that one address may have.
    most: usize,
    gone: Notify,
}

/// One visitor's stay.
pub(super) struct Visit {
    visitors: Arc<Visitors>,
    address: IpAddr,
}

impl Visitors {
    /// Nobody yet; one address may have so many connections.
    pub fn new(most: usize) -> Self {
        Visitors { here: Mutex::default(), most, gone: Notify::new() }
    }

    /// How many connections are open.
    pub fn count(&self) -> usize {
        self.lock().values().sum()
    }

    /// Wait until nobody is here.
    pub async fn all_gone(&self) {
        loop {
            let gone = self.gone.notified();
            if self.count() == 0 {
                return;
            }
            gone.await;
        }
    }

    /// Somebody comes; says whether there are too many of them now.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> (Visit, bool) {
        let mut here = self.lock();
        let count = here.entry(address).or_default();
        *count += 1;
        (Visit { visitors: self.clone(), address }, *count > self.most)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut here = self.visitors.lock();
        if let Some(count) = here.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                here.remove(&self.address);
            }
        }
        drop(here);
        self.visitors.gone.notify_waiters();
    }
}

/// A real connection, as the host that is called sees it; tapped.
pub(super) struct Caller {
    stream: Option<TcpStream>,
    tap: Tap,
    clock: Clock,
    conn: Conn,
    client_ended: bool,
    shut: bool,
    visit: Option<Visit>,
}

impl Caller {
    /// Somebody who has come in.
    pub(super) fn visiting(stream: TcpStream, tap: &Tap, clock: Clock, conn: Conn, visit: Visit) -> Self {
        let (stream, visit, tap) = (Some(stream), Some(visit), tap.clone());
        Caller { stream, tap, clock, conn, client_ended: false, shut: false, visit }
    }

    fn end(&self, from: Direction, how: CloseHow) {
        self.tap.close(self.clock.now(), self.conn, from, how);
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// The client broke the connection off: nobody hears us any more.
    fn broken(&mut self) {
        if !self.client_ended {
            self.client_ended = true;
            self.shut = true;
            self.end(Direction::Client, CloseHow::Reset);
        }
    }
}

impl AsyncRead for Caller {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = out.filled().len();
        let read = std::task::ready!(self.stream()?.poll_read(cx, out));
        let new = out.filled().get(before..).unwrap_or_default();
        match &read {
            Ok(()) if new.is_empty() => {
                if !std::mem::replace(&mut self.client_ended, true) {
                    self.end(Direction::Client, CloseHow::Fin);
                }
            }
            Ok(()) => self.tap.data(self.clock.now(), self.conn, Direction::Client, new),
            Err(_) => self.broken(),
        }
        Poll::Ready(read)
    }
}

impl AsyncWrite for Caller {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = std::task::ready!(self.stream()?.poll_write(cx, bytes));
        match &written {
            Ok(count) => {
                let sent = bytes.get(..*count).unwrap_or_default();
                self.tap.data(self.clock.now(), self.conn, Direction::Server, sent);
            }
            Err(_) => self.broken(),
        }
        Poll::Ready(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let done = std::task::ready!(self.stream()?.poll_shutdown(cx));
        if !std::mem::replace(&mut self.shut, true) {
            self.end(Direction::Server, CloseHow::Fin);
        }
        Poll::Ready(done)
    }
}

/// Who is told goodbye is given time to read it: a socket that is closed with unread bytes in it resets the connection, and
/// what was said last is lost on the way. Who is not told is reset.
impl Drop for Caller {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if !self.shut {
            self.end(Direction::Server, CloseHow::Reset);
            let _ = stream.set_zero_linger();
            return;
        }
        if self.client_ended {
            return;
        }
        let (tap, clock, conn, visit) = (self.tap.clone(), self.clock, self.conn, self.visit.take());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let how = hear_out(stream).await;
                tap.close(clock.now(), conn, Direction::Client, how);
                drop(visit);
            });
        }
    }
}

/// Read on, and forget, until the client ends its side, or for as long as is decent.
async fn hear_out(mut stream: TcpStream) -> CloseHow {
    let hear = async {
        let (mut buffer, mut heard) = ([0; 1024], 0);
        while heard < MOST_AFTER {
            match stream.read(&mut buffer).await {
                Ok(0) => return CloseHow::Fin,
                Ok(count) => heard += count,
                Err(_) => return CloseHow::Reset,
            }
        }
        CloseHow::Reset
    };
    tokio::time::timeout(GOODBYE, hear).await.unwrap_or(CloseHow::Timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(port: u16) -> Door {
        let to = "192.0.2.25:587".parse().expect("an address");
        Door { name: "submission of example.com".to_owned(), port, to, datagrams: false }
    }

    #[test]
    fn a_busy_port_is_named() {
        let here = [IpAddr::from([127, 0, 0, 1])];
        let first = bind(door(0), &here).expect("any port");
        assert_ne!(first.door.port, 0);
        let refused = bind(door(first.door.port), &here).expect_err("it is taken");
        assert_eq!(refused.error.kind(), io::ErrorKind::AddrInUse);
        assert_eq!(refused.at.port(), first.door.port);
    }

    #[test]
    fn one_address_may_have_so_many_connections() {
        let visitors = Arc::new(Visitors::new(2));
        let (here, there) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let stays: Vec<(Visit, bool)> = (0..3).map(|_| visitors.enter(here)).collect();
        assert_eq!(stays.iter().map(|(_, crowded)| *crowded).collect::<Vec<_>>(), [false, false, true]);
        assert!(!visitors.enter(there).1, "another address has its own count");
        drop(stays);
        assert_eq!(visitors.count(), 0);
        assert!(!visitors.enter(here).1);
    }
}
