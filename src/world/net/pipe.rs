//! One direction of a simulated stream: bytes that arrive after the link's latency, at the link's bandwidth.
//!
//! The writer's end is the tap: bytes are recorded when they leave. Time is tokio's, so a paused clock jumps.

use crate::trace::tap::Tap;
use crate::trace::{CloseHow, Conn, Direction};
use crate::world::clock::Clock;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

/// How many bytes may be under way in one direction: a TCP window, so that a slow reader holds the writer back.
const WINDOW: usize = 256 * 1024;

/// A link's manner, in one direction.
#[derive(Clone, Copy, Debug)]
pub struct LinkManner {
    /// Time from one end to the other.
    pub latency: Duration,
    /// Kilobits a second; 0 is unlimited.
    pub kbit: u32,
}

#[derive(Default)]
struct Flow {
    /// Bytes under way, with the moment each chunk arrives; in order.
    chunks: VecDeque<(Instant, VecDeque<u8>)>,
    under_way: usize,
    /// When the link has sent all that was given to it.
    busy_until: Option<Instant>,
    /// When the reader learns that the writer has ended, and how.
    ended: Option<(Instant, CloseHow)>,
    reader_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

type Shared = Arc<Mutex<Flow>>;

fn lock(flow: &Shared) -> MutexGuard<'_, Flow> {
    flow.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One end of a simulated stream.
pub struct End {
    incoming: Shared,
    outgoing: Shared,
    timer: Option<Pin<Box<Sleep>>>,
    tap: Tap,
    clock: Clock,
    conn: Conn,
    side: Direction,
    manner: LinkManner,
    shut: bool,
}

/// The two ends of a new stream: the client's and the server's.
pub fn pair(tap: &Tap, clock: Clock, conn: Conn, manner: LinkManner) -> (End, End) {
    let (up, down) = (Shared::default(), Shared::default());
    let end = |incoming: &Shared, outgoing: &Shared, side| End {
        incoming: incoming.clone(),
        outgoing: outgoing.clone(),
        timer: None,
        tap: tap.clone(),
        clock,
        conn,
        side,
        manner,
        shut: false,
    };
    (end(&down, &up, Direction::Client), end(&up, &down, Direction::Server))
}

impl Flow {
    /// Put a chunk on the link: it arrives when the link is free, plus the time it takes, plus the latency.
    fn send(&mut self, bytes: &[u8], manner: LinkManner) {
        let now = Instant::now();
        let free = self.busy_until.map_or(now, |busy| busy.max(now));
        let sent = match manner.kbit {
            0 => free,
            kbit => free + Duration::from_micros(bytes.len() as u64 * 8000 / u64::from(kbit)),
        };
        self.busy_until = Some(sent);
        self.under_way += bytes.len();
        self.chunks.push_back((sent + manner.latency, bytes.iter().copied().collect()));
        wake(&mut self.reader);
    }

    fn end(&mut self, how: CloseHow, manner: LinkManner) {
        let now = Instant::now();
        let after = self.busy_until.map_or(now, |busy| busy.max(now));
        self.ended = Some((after + manner.latency, how));
        wake(&mut self.reader);
    }

    /// Move what has arrived into `out`; says whether anything was there.
    fn receive(&mut self, now: Instant, out: &mut ReadBuf<'_>) -> bool {
        let before = out.filled().len();
        while let Some((arrives, chunk)) = self.chunks.front_mut() {
            if *arrives > now || out.remaining() == 0 {
                break;
            }
            let count = chunk.len().min(out.remaining());
            let taken: Vec<u8> = chunk.drain(..count).collect();
            out.put_slice(&taken);
            self.under_way -= count;
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        if out.filled().len() > before {
            wake(&mut self.writer);
        }
        out.filled().len() > before
    }

    /// When there will be something to read.
    fn next_arrival(&self) -> Option<Instant> {
        self.chunks.front().map(|c| c.0).or(self.ended.map(|e| e.0))
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let wait = {
                let mut flow = lock(&self.incoming);
                let now = Instant::now();
                if flow.receive(now, out) {
                    return Poll::Ready(Ok(()));
                }
                match (flow.chunks.is_empty(), flow.ended) {
                    (true, Some((at, how))) if at <= now => {
                        return Poll::Ready(match how {
                            CloseHow::Fin => Ok(()),
                            _ => Err(io::ErrorKind::ConnectionReset.into()),
                        });
                    }
                    _ => {}
                }
                flow.reader = Some(cx.waker().clone());
                flow.next_arrival()
            };
            let Some(at) = wait else { return Poll::Pending };
            let mut timer = Box::pin(sleep_until(at));
            let waited = timer.as_mut().poll(cx);
            self.timer = Some(timer);
            if waited.is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for End {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut flow = lock(&self.outgoing);
        if self.shut || flow.reader_gone {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = WINDOW - flow.under_way.min(WINDOW);
        if room == 0 {
            flow.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = bytes.len().min(room);
        self.tap.data(self.clock.now(), self.conn, self.side, &bytes[..count]);
        flow.send(&bytes[..count], self.manner);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish(CloseHow::Fin);
        Poll::Ready(Ok(()))
    }
}

impl End {
    fn finish(&mut self, how: CloseHow) {
        if !self.shut {
            self.shut = true;
            let mut flow = lock(&self.outgoing);
            if flow.reader_gone && how != CloseHow::Fin {
                return; // The other end tore it down already, and that is recorded.
            }
            self.tap.close(self.clock.now(), self.conn, self.side, how);
            flow.end(how, self.manner);
        }
    }
}

/// Dropping an end without shutting it down first tears the connection down.
impl Drop for End {
    fn drop(&mut self) {
        self.finish(CloseHow::Reset);
        let mut flow = lock(&self.incoming);
        flow.reader_gone = true;
        wake(&mut flow.writer);
    }
}
