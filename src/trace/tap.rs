//! [`Tap`]: where records come from while a world runs, and the only writer of them.
//!
//! The network calls it for bytes, hosts call it for facts. It adds nothing of its own: whoever calls says when.

use super::{CloseHow, Conn, Data, Direction, Fact, Head, Layer, Opened, Record, Transport};
use crate::base::Instant;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Is told of every record as it is written: a live view, a file, a test.
pub type Observer = Box<dyn FnMut(&Record) + Send>;

/// A handle to the transcript that a running world writes. Clones write the same one.
#[derive(Clone)]
pub struct Tap {
    shared: Arc<Mutex<Shared>>,
    /// Nobody is told and nothing is kept: bytes need not even be copied.
    is_silent: bool,
}

/// What is done once so many records are written; it is told when the last of them was.
type Plan = Box<dyn FnOnce(Instant) + Send>;

struct Shared {
    records: Vec<Record>,
    /// Whether records are kept; else they go to the observer, and nowhere else.
    keeps: bool,
    /// How many there were.
    written: usize,
    /// When the last one was.
    last_at: Instant,
    observer: Option<Observer>,
    /// By how many records they wait for; in the order of planning among equals.
    plans: BTreeMap<usize, Vec<Plan>>,
    connections: u32,
    ended: bool,
}

impl Tap {
    /// A tap whose transcript begins with `head`. Where an `observer` is given, it is told of every record too.
    pub fn new(head: Head, observer: Option<Observer>) -> Self {
        Tap::begin(head, observer, true)
    }

    /// A tap for a world that runs for long: records go to the observer, and are kept nowhere. Without an observer
    /// nothing is recorded at all.
    pub fn passing(head: Head, observer: Option<Observer>) -> Self {
        Tap::begin(head, observer, false)
    }

    fn begin(head: Head, observer: Option<Observer>, keeps: bool) -> Self {
        let is_silent = !keeps && observer.is_none();
        let shared = Shared {
            records: Vec::new(),
            keeps,
            written: 0,
            last_at: Instant::default(),
            observer,
            plans: BTreeMap::new(),
            connections: 0,
            ended: false,
        };
        let tap = Tap { shared: Arc::new(Mutex::new(shared)), is_silent };
        tap.write(|_| Record::Head(head));
        tap
    }

    /// A connection begins; gives its number.
    pub fn open(&self, at: Instant, transport: Transport, client: SocketAddr, server: SocketAddr) -> Conn {
        // The number is given and written at once: connections stand in the transcript in the order of their numbers.
        let mut given = Conn(0);
        self.write(|shared| {
            shared.connections += 1;
            given = Conn(shared.connections);
            Record::Open { at, open: Opened { conn: given, transport, client, server } }
        });
        given
    }

    /// Bytes leave one end. No bytes, no record.
    pub fn data(&self, at: Instant, conn: Conn, from: Direction, bytes: &[u8]) {
        self.bytes(at, conn, from, Layer::Wire, bytes);
    }

    /// One end says this inside TLS: the plain layer of bytes that cross the wire encrypted. No bytes, no record.
    pub fn plain(&self, at: Instant, conn: Conn, from: Direction, bytes: &[u8]) {
        self.bytes(at, conn, from, Layer::Plain, bytes);
    }

    fn bytes(&self, at: Instant, conn: Conn, from: Direction, layer: Layer, bytes: &[u8]) {
        if !bytes.is_empty() && !self.is_silent {
            let data = Data { conn, from, layer, bytes: bytes.to_vec() };
            self.write(|_| Record::Data { at, data });
        }
    }

    /// A connection, or one direction of it, ends.
    pub fn close(&self, at: Instant, conn: Conn, from: Direction, how: CloseHow) {
        self.write(|_| Record::Close { at, conn, from, how });
    }

    /// A host states a fact.
    pub fn fact(&self, at: Instant, host: &str, fact: Fact) {
        self.write(|_| Record::Fact { at, host: host.to_owned(), fact });
    }

    /// Write the end record; what comes after it is not recorded.
    pub fn end(&self, at: Instant) {
        self.write(|_| Record::End { at });
        self.lock().ended = true;
    }

    /// How many records there are: grows with everything that happens.
    pub fn len(&self) -> usize {
        self.lock().written
    }

    /// Whether nothing was written, which is never so: the head is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the last thing happened.
    pub fn last_at(&self) -> Instant {
        self.lock().last_at
    }

    /// Do something as soon as `count` records are written: at once where they are. It stands in no lock, and may
    /// record.
    pub fn after(&self, count: usize, plan: impl FnOnce(Instant) + Send + 'static) {
        if self.len() >= count {
            return plan(self.last_at());
        }
        self.lock().plans.entry(count).or_default().push(Box::new(plan));
    }

    /// Take all records out that were kept.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.lock().records)
    }

    fn write(&self, make: impl FnOnce(&mut Shared) -> Record) {
        let mut shared = self.lock();
        let record = make(&mut shared);
        if shared.ended {
            return;
        }
        if let Some(observer) = &mut shared.observer {
            observer(&record);
        }
        shared.last_at = record.at().unwrap_or(shared.last_at);
        shared.written += 1;
        if shared.keeps {
            shared.records.push(record);
        }
        if shared.plans.is_empty() {
            return;
        }
        let written = shared.written;
        let due = shared.plans.remove(&written).unwrap_or_default();
        let at = shared.last_at;
        drop(shared);
        due.into_iter().for_each(|plan| plan(at));
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere must not hide what was recorded before it.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        let text = String::new;
        Head {
            version: 1,
            generator: text(),
            title: text(),
            start: Instant::from_secs(0),
            hosts: Vec::new(),
            scenario: text(),
            seed: 1,
            changes: Vec::new(),
        }
    }

    #[test]
    fn what_passes_is_told_and_counted_and_not_kept() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let tap =
            Tap::passing(head(), Some(Box::new(move |r: &Record| heard.lock().unwrap().push(r.clone()))));
        let ends = ("127.0.0.1:1".parse().unwrap(), "192.0.2.25:587".parse().unwrap());
        let at = Instant::from_secs(7);
        let conn = tap.open(at, Transport::Tcp, ends.0, ends.1);
        tap.data(at, conn, Direction::Client, b"NOOP\r\n");
        assert_eq!((tap.len(), tap.last_at()), (3, at));
        assert_eq!(told.lock().unwrap().len(), 3);
        assert!(tap.take().is_empty());
    }
}
