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
}

/// What is done once so many records are written; it is told when the last of them was.
type Plan = Box<dyn FnOnce(Instant) + Send>;

struct Shared {
    records: Vec<Record>,
    observer: Option<Observer>,
    /// By how many records they wait for; in the order of planning among equals.
    plans: BTreeMap<usize, Vec<Plan>>,
    connections: u32,
    ended: bool,
}

impl Tap {
    /// A tap whose transcript begins with `head`. Where an `observer` is given, it is told of every record too.
    pub fn new(head: Head, observer: Option<Observer>) -> Self {
        let shared =
            Shared { records: Vec::new(), observer, plans: BTreeMap::new(), connections: 0, ended: false };
        let tap = Tap { shared: Arc::new(Mutex::new(shared)) };
        tap.write(Record::Head(head));
        tap
    }

    /// A connection begins; gives its number.
    pub fn open(&self, at: Instant, transport: Transport, client: SocketAddr, server: SocketAddr) -> Conn {
        let conn = {
            let mut shared = self.lock();
            shared.connections += 1;
            Conn(shared.connections)
        };
        self.write(Record::Open { at, open: Opened { conn, transport, client, server } });
        conn
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
        if !bytes.is_empty() {
            let data = Data { conn, from, layer, bytes: bytes.to_vec() };
            self.write(Record::Data { at, data });
        }
    }

    /// A connection, or one direction of it, ends.
    pub fn close(&self, at: Instant, conn: Conn, from: Direction, how: CloseHow) {
        self.write(Record::Close { at, conn, from, how });
    }

    /// A host states a fact.
    pub fn fact(&self, at: Instant, host: &str, fact: Fact) {
        self.write(Record::Fact { at, host: host.to_owned(), fact });
    }

    /// Write the end record; what comes after it is not recorded.
    pub fn end(&self, at: Instant) {
        self.write(Record::End { at });
        self.lock().ended = true;
    }

    /// How many records there are: grows with everything that happens.
    pub fn len(&self) -> usize {
        self.lock().records.len()
    }

    /// Whether nothing was written, which is never so: the head is.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the last thing happened.
    pub fn last_at(&self) -> Instant {
        self.lock().records.iter().rev().find_map(Record::at).unwrap_or_default()
    }

    /// Do something as soon as `count` records are written: at once where they are. It stands in no lock, and may
    /// record.
    pub fn after(&self, count: usize, plan: impl FnOnce(Instant) + Send + 'static) {
        if self.len() >= count {
            return plan(self.last_at());
        }
        self.lock().plans.entry(count).or_default().push(Box::new(plan));
    }

    /// Take all records out.
    pub fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.lock().records)
    }

    fn write(&self, record: Record) {
        let mut shared = self.lock();
        if shared.ended {
            return;
        }
        if let Some(observer) = &mut shared.observer {
            observer(&record);
        }
        let at = record.at();
        shared.records.push(record);
        if shared.plans.is_empty() {
            return;
        }
        let written = shared.records.len();
        let due = shared.plans.remove(&written).unwrap_or_default();
        drop(shared);
        let at = at.unwrap_or_else(|| self.last_at());
        due.into_iter().for_each(|plan| plan(at));
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere must not hide what was recorded before it.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
