//! The one driver of every machine, over any stream: the journey's in memory, the lab's on real sockets.
//!
//! It follows the contract in `proto`: hand over what arrived, drain, wait. It applies the scenario's changes
//! between machine and stream, so that the machine believes it sent its own line.

use super::change::Edits;
use super::clock::Clock;
use super::net::ByteStream;
use super::net::tls::Wire;
use crate::base::Instant;
use crate::proto::{Machine, Output};
use std::future::Future;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a peer may leave what we say unread: as long as the patience of RFC 5321 §4.5.3.2 with a block of data
/// (three minutes) and then some.
const UNREAD: Duration = Duration::from_secs(300);

/// Whether to go on after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Tear the connection down at once, without a word.
    Drop,
}

/// Owns a machine's policy: is told its events, and answers what it asks.
pub trait Owner<M: Machine>: Send {
    /// An event; where it asks, answer it on the machine now.
    fn on_event(&mut self, machine: &mut M, event: M::Event) -> impl Future<Output = Flow> + Send;

    /// Completes when the owner has something to tell the machine unasked (IDLE: the mailbox changed).
    fn news(&mut self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Called when [`Owner::news`] has completed: tell the machine.
    fn tell(&mut self, machine: &mut M) {
        let _ = machine;
    }
}

/// Run `machine` over `stream` until it closes, the peer resets, or the owner drops it.
///
/// # Errors
/// What the stream says: a reset or a broken pipe; or why there is no TLS.
pub async fn drive<M, O>(
    machine: &mut M,
    stream: &mut Wire,
    clock: Clock,
    owner: &mut O,
    edits: &mut Edits,
) -> io::Result<()>
where
    M: Machine + Send,
    M::Event: Send,
    O: Owner<M>,
{
    if stream.begins_with_tls() {
        stream.secure().await?;
    }
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut peer_ended = false;
    loop {
        let wake_at = match drain(machine, stream, clock, owner, edits).await? {
            Drained::Closed => {
                stream.shutdown().await?;
                return Ok(());
            }
            Drained::Dropped => return Ok(()),
            Drained::Waiting(wake_at) => wake_at,
        };
        if peer_ended {
            stream.shutdown().await?;
            return Ok(());
        }
        tokio::select! {
            biased;
            // A machine that waits for its owner leaves the peer's bytes where they are, and so holds the peer back.
            read = stream.read(&mut buffer), if machine.wants_input() => match read {
                Ok(0) => {
                    peer_ended = true;
                    machine.closed(clock.now());
                }
                Ok(count) => machine.receive(&buffer[..count], clock.now()),
                Err(error) => {
                    machine.closed(clock.now());
                    // Let the machine say its last words to its owner; nobody hears the wire any more.
                    let _ = drain(machine, stream, clock, owner, edits).await;
                    return Err(error);
                }
            },
            () = sleep_until(clock, wake_at) => {}
            () = owner.news() => owner.tell(machine),
        }
    }
}

enum Drained {
    Closed,
    Dropped,
    Waiting(Option<Instant>),
}

async fn drain<M, O>(
    machine: &mut M,
    stream: &mut Wire,
    clock: Clock,
    owner: &mut O,
    edits: &mut Edits,
) -> io::Result<Drained>
where
    M: Machine + Send,
    M::Event: Send,
    O: Owner<M>,
{
    loop {
        match machine.poll(clock.now()) {
            Output::Send(bytes) => {
                let edited = edits.apply(bytes);
                let bytes = stream.on_the_way(edited.bytes);
                write(stream, &bytes).await?;
                if edited.cut {
                    return Ok(Drained::Dropped);
                }
            }
            Output::Event(event) => {
                if owner.on_event(machine, event).await == Flow::Drop {
                    return Ok(Drained::Dropped);
                }
            }
            // Nothing of the peer's waits here: what was read was handed over, and the machine has forgotten it.
            Output::StartTls => {
                stream.secure().await?;
                machine.secured(clock.now());
            }
            Output::Close => return Ok(Drained::Closed),
            Output::WakeAt(at) => return Ok(Drained::Waiting(Some(at))),
            Output::Idle => return Ok(Drained::Waiting(None)),
        }
    }
}

/// Write all of it, as fast as the peer reads; one that takes nothing at all for [`UNREAD`] is given up.
async fn write(stream: &mut dyn ByteStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = tokio::time::timeout(UNREAD, stream.write(bytes)).await;
        let count = written.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        bytes = bytes.get(count..).unwrap_or_default();
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
    }
    // TLS may hold back what a slow peer has no room for yet.
    tokio::time::timeout(UNREAD, stream.flush())
        .await
        .map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

async fn sleep_until(clock: Clock, at: Option<Instant>) {
    match at {
        Some(at) => clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Instant;
    use crate::trace::tap::Tap;
    use crate::trace::{Head, Transport};
    use crate::world::net::pipe::{self, LinkManner};

    /// Asks its owner something for each byte, and wants nothing before it is answered.
    #[derive(Default)]
    struct Asker {
        held: usize,
        most: usize,
        asked: bool,
    }

    impl Machine for Asker {
        type Event = ();

        fn receive(&mut self, bytes: &[u8], _: Instant) {
            self.held += bytes.len();
            self.most = self.most.max(self.held);
        }

        fn closed(&mut self, _: Instant) {}

        fn wants_input(&self) -> bool {
            !self.asked
        }

        fn poll(&mut self, _: Instant) -> Output<()> {
            if self.asked || self.held == 0 {
                return Output::Idle;
            }
            self.asked = true;
            Output::Event(())
        }
    }

    /// Answers every second, not at once.
    struct Slow;

    impl Owner<Asker> for Slow {
        async fn on_event(&mut self, _: &mut Asker, (): ()) -> Flow {
            Flow::Continue
        }

        async fn news(&mut self) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }

        fn tell(&mut self, machine: &mut Asker) {
            (machine.held, machine.asked) = (0, false);
        }
    }

    fn head() -> Head {
        let (start, text) = (Instant::from_secs(0), String::new());
        Head {
            version: 1,
            generator: text.clone(),
            title: text.clone(),
            start,
            hosts: Vec::new(),
            scenario: text,
            seed: 1,
            changes: Vec::new(),
        }
    }

    #[test]
    fn a_machine_that_waits_is_given_nothing_and_its_peer_is_held_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.expect("a runtime").block_on(async {
            let (clock, tap) = (Clock::starting_at(Instant::from_secs(0)), Tap::new(head(), None));
            let ends = ("192.0.2.1:1".parse().expect("one"), "192.0.2.2:2".parse().expect("two"));
            let conn = tap.open(clock.now(), Transport::Tcp, ends.0, ends.1);
            let manner = LinkManner { latency: Duration::from_millis(1), kbit: 0 };
            let (mut client, server) = pipe::pair(&tap, clock, conn, manner);
            let mut server = Wire::clear(Box::new(server));
            let flood = tokio::spawn(async move { client.write_all(&vec![0; 4 << 20]).await });
            let mut machine = Asker::default();
            let (mut owner, mut edits) = (Slow, Edits::default());
            let driving = drive(&mut machine, &mut server, clock, &mut owner, &mut edits);
            let _ = tokio::time::timeout(Duration::from_secs(30), driving).await;
            assert!(machine.most <= 16 * 1024, "one piece at a time, but it held {}", machine.most);
            assert!(!flood.is_finished(), "the peer waits for the window");
        });
    }
}
