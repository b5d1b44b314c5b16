//! What is said inside TLS: a stream that encrypts and decrypts, and records the plain layer of its connection.
//!
//! What this end says is recorded when it leaves, in front of the TLS records that carry it. Where the other end is not
//! ours (a real client in the lab), what it says is recorded as soon as it is decrypted.

use super::{Hears, Lot};
use crate::trace::tap::Tap;
use crate::trace::{Conn, Direction};
use crate::world::clock::Clock;
use crate::world::net::ByteStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsStream;

/// Octets that are encrypted at a time: what one TLS record holds at most (RFC 8446 §5.1).
const PIECE: usize = 1 << 14;

/// Writes down what is said on one end of a connection.
#[derive(Clone)]
pub struct Scribe {
    /// Where.
    pub tap: Tap,
    /// By which clock.
    pub clock: Clock,
    /// Of which connection.
    pub conn: Conn,
    /// Which end this is.
    pub side: Direction,
    /// Whether it writes down the other end's words too.
    pub hears: Hears,
}

impl Scribe {
    fn said(&self, bytes: &[u8]) {
        self.tap.plain(self.clock.now(), self.conn, self.side, bytes);
    }

    fn heard(&self, bytes: &[u8]) {
        let other = if self.side == Direction::Client { Direction::Server } else { Direction::Client };
        self.tap.plain(self.clock.now(), self.conn, other, bytes);
    }
}

/// One end of a connection, inside TLS.
pub struct Plain {
    pub(super) inner: TlsStream<Box<dyn ByteStream>>,
    pub(super) lot: Lot,
    pub(super) scribe: Scribe,
    /// How many of the bytes that will be written next are written down already.
    pub(super) told: usize,
}

impl AsyncRead for Plain {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Plain { inner, lot, scribe, .. } = &mut *self;
        let before = out.filled().len();
        let read = lot.lend(|| Pin::new(inner).poll_read(cx, out));
        if scribe.hears == Hears::Both {
            scribe.heard(out.filled().get(before..).unwrap_or_default());
        }
        match read {
            // A peer that ends the stream without close_notify: many do. Whoever reads lines knows by itself whether
            // something was cut off.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => read,
        }
    }
}

impl AsyncWrite for Plain {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Plain { inner, lot, scribe, told } = &mut *self;
        let piece = bytes.get(..PIECE).unwrap_or(bytes);
        // Written down before it is encrypted, so that the plain words stand in front of the records that carry them. A
        // writer that is held back offers the same bytes again.
        scribe.said(piece.get(*told..).unwrap_or_default());
        *told = piece.len().max(*told);
        let written = lot.lend(|| Pin::new(inner).poll_write(cx, piece));
        if let Poll::Ready(Ok(count)) = &written {
            *told = told.saturating_sub(*count);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Plain { inner, lot, .. } = &mut *self;
        lot.lend(|| Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Plain { inner, lot, .. } = &mut *self;
        lot.lend(|| Pin::new(inner).poll_shutdown(cx))
    }
}
