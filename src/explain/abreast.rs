//! A story told by two threads: one reads and dissects, the other explains. The same items in the same order.
//!
//! It stands beside [`Story`], for whoever tells a whole recording from a file: dissecting and explaining cost about the
//! same, and neither asks the other anything. What goes from one to the other is bounded in number and in bytes.

use super::story::{Item, Story};
use crate::dissect::{Dissector, Step};
use crate::state::State;
use crate::trace::Record;
use std::borrow::Cow;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Batches that wait to be explained.
const WAITING: usize = 3;
/// Records and Steps of a full batch: so many that handing it over costs nothing beside them.
const FULL: usize = 256;
/// Bytes of Steps in a full batch.
const FULL_BYTES: usize = 128 << 10;
/// Bytes of Steps that are on their way to be explained: beyond it, the other thread is waited for. So large bodies do not
/// gather in the channel.
const MOST_BYTES: usize = 4 << 20;

/// What is told. It goes from hand to hand, and is never kept: boxing an item would cost more than its size does.
#[allow(clippy::large_enum_variant, reason = "see above")]
pub enum Told<'t> {
    /// A record that bears no bytes, before what comes of it.
    Record(&'t Record),
    /// The next item, and what holds then.
    Item(Item, &'t State),
}

/// Some records, dissected.
#[derive(Default)]
struct Batch {
    /// Each record with the number of its Steps; bytes are in those, so that a data record is none here.
    records: Vec<(Option<Record>, usize)>,
    steps: Vec<Step>,
    bytes: usize,
    /// What was left when there were no more records: its Steps belong to none.
    is_last: bool,
}

impl Batch {
    fn is_full(&self) -> bool {
        self.records.len() + self.steps.len() >= FULL || self.bytes >= FULL_BYTES
    }
}

/// Tell all of `records`, whose first is a head; `see` is given everything in order, and may stop it. Gives the story
/// as it is at its end; `None` where the first record is no head, or there is none.
///
/// # Errors
/// What `see` says.
pub fn tell<'r, E>(
    records: impl Iterator<Item = Cow<'r, Record>> + Send,
    see: &mut dyn FnMut(Told<'_>) -> Result<(), E>,
) -> Result<Option<Story>, E> {
    std::thread::scope(|scope| {
        let (full, batches) = sync_channel(WAITING);
        let (used, spare) = channel();
        let reading = scope.spawn(move || dissect(records, &full, &spare));
        // Both ends of the channels go with it: so the other thread stops where this one does.
        let told = explain(batches, used, see);
        match reading.join() {
            Ok(()) => told,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// The same by one thread, for a source that may have to be waited for: what has come is told at once.
///
/// # Errors
/// What `see` says.
pub fn tell_alone<'r, E>(
    records: impl Iterator<Item = Cow<'r, Record>>,
    see: &mut dyn FnMut(Told<'_>) -> Result<(), E>,
) -> Result<Option<Story>, E> {
    let mut telling = Telling { story: None, see };
    let (mut dissector, mut steps) = (Dissector::new(), Vec::new());
    for (index, record) in records.enumerate() {
        let record = dissector.take_to(index, record, &mut steps);
        if !telling.record(record.as_deref(), steps.drain(..))? {
            return Ok(None);
        }
    }
    telling.finish(std::iter::empty())?;
    while dissector.finish_one(&mut steps) {
        telling.finish(steps.drain(..))?;
    }
    Ok(telling.story)
}

/// Records → batches, until there are no more or nobody takes them.
fn dissect<'r>(
    records: impl Iterator<Item = Cow<'r, Record>>,
    full: &SyncSender<Batch>,
    spare: &Receiver<Batch>,
) {
    let mut dissector = Dissector::new();
    let mut filling = Filling { full, spare, batch: Batch::default(), under_way: 0 };
    for (index, record) in records.enumerate() {
        let is_end = matches!(*record, Record::End { .. });
        let first = filling.batch.steps.len();
        let record = match is_end {
            true => Some(record),
            false => dissector.take_to(index, record, &mut filling.batch.steps),
        };
        if !filling.add(record, first) || is_end && !filling.finish(&mut dissector) {
            return;
        }
    }
    // What is left where no record says that it ends.
    if filling.send() {
        filling.batch.is_last = true;
        let _ = filling.finish(&mut dissector) && filling.send();
    }
}

/// A batch that is being filled, and where it goes then.
struct Filling<'c> {
    full: &'c SyncSender<Batch>,
    spare: &'c Receiver<Batch>,
    batch: Batch,
    /// Bytes of Steps that were sent and are not explained yet.
    under_way: usize,
}

impl Filling<'_> {
    /// Add a record that led to the Steps from `first` on. Whether anybody takes more.
    fn add(&mut self, record: Option<Cow<'_, Record>>, first: usize) -> bool {
        let steps = self.batch.steps.get(first..).unwrap_or_default();
        self.batch.bytes += steps.iter().map(|step| step.bytes.len()).sum::<usize>();
        match (record, steps.len()) {
            (None, 0) => return true,
            (record, count) => self.batch.records.push((record.map(Cow::into_owned), count)),
        }
        !self.batch.is_full() || self.send()
    }

    /// Add what still waits, one conversation after the other: all together may be more than fits in memory.
    fn finish(&mut self, dissector: &mut Dissector) -> bool {
        loop {
            let first = self.batch.steps.len();
            if !dissector.finish_one(&mut self.batch.steps) {
                return true;
            }
            if !self.add(None, first) {
                return false;
            }
        }
    }

    /// Send the batch, and go on with one that came back, if any did; where much is under way, one is waited for.
    fn send(&mut self) -> bool {
        let is_last = self.batch.is_last;
        self.under_way += self.batch.bytes;
        if self.full.send(std::mem::take(&mut self.batch)).is_err() {
            return false;
        }
        loop {
            let much = self.under_way > MOST_BYTES;
            let Some(mut back) = (if much { self.spare.recv().ok() } else { self.spare.try_recv().ok() })
            else {
                break;
            };
            self.under_way -= std::mem::take(&mut back.bytes);
            if self.under_way <= MOST_BYTES {
                self.batch = back;
                break;
            }
        }
        self.batch.is_last = is_last;
        true
    }
}

/// Batches → items.
fn explain<E>(
    batches: Receiver<Batch>,
    used: Sender<Batch>,
    see: &mut dyn FnMut(Told<'_>) -> Result<(), E>,
) -> Result<Option<Story>, E> {
    let mut telling = Telling { story: None, see };
    for mut batch in batches {
        let mut steps = batch.steps.drain(..);
        if batch.is_last {
            batch.records.clear();
            telling.finish(steps.by_ref())?;
        }
        for (record, count) in batch.records.drain(..) {
            if !telling.record(record.as_ref(), steps.by_ref().take(count))? {
                return Ok(None);
            }
        }
        drop(steps);
        let _ = used.send(batch);
    }
    Ok(telling.story)
}

/// A story, from its head on, and whom it is told.
struct Telling<'s, E> {
    story: Option<Story>,
    see: &'s mut dyn FnMut(Told<'_>) -> Result<(), E>,
}

impl<E> Telling<'_, E> {
    /// Tell a record with its Steps. Whether there is a story to tell it in.
    fn record(&mut self, record: Option<&Record>, steps: impl Iterator<Item = Step>) -> Result<bool, E> {
        let Telling { story, see } = self;
        if let (None, Some(Record::Head(head))) = (&story, record) {
            *story = Some(Story::new(head));
        }
        let Some(story) = story else { return Ok(false) };
        if let Some(record) = record {
            see(Told::Record(record))?;
        }
        until(see, |tell| story.take(record, steps, tell))?;
        Ok(true)
    }

    fn finish(&mut self, steps: impl Iterator<Item = Step>) -> Result<(), E> {
        let Telling { story: Some(story), see } = self else { return Ok(()) };
        until(see, |tell| story.finish_with(steps, tell))
    }
}

/// Let somebody tell, and tell it on until it is not wanted any more.
fn until<E>(
    see: &mut dyn FnMut(Told<'_>) -> Result<(), E>,
    telling: impl FnOnce(&mut dyn FnMut(Item, &State)),
) -> Result<(), E> {
    let mut seen = Ok(());
    telling(&mut |item, state| {
        if seen.is_ok() {
            seen = see(Told::Item(item, state));
        }
    });
    seen
}

#[cfg(test)]
mod tests {
    use super::super::testing::head;
    use super::*;
    use crate::base::Instant;
    use crate::trace::{CloseHow, Conn, Data, Direction, Layer, Opened, Transport};
    use std::convert::Infallible;

    /// Sessions one inside the other, with lines that are split into several records, so that batches end anywhere.
    fn records(sessions: u32) -> Vec<Record> {
        let mut records = vec![Record::Head(head())];
        for number in 1..=sessions {
            let (conn, at) = (Conn(number), Instant::from_secs(i64::from(number)));
            let client = "192.0.2.10:40000".parse().unwrap();
            let open =
                Opened { conn, transport: Transport::Tcp, client, server: "192.0.2.25:25".parse().unwrap() };
            records.push(Record::Open { at, open });
            let said = [
                (Direction::Server, format!("220 mx{number} ready\r\n")),
                (Direction::Client, "EHLO a".to_owned()),
                (Direction::Client, "\r\nMAIL FROM:<a@example.com>\r\n".to_owned()),
                (Direction::Server, "250 mx\r\n250 ok\r\nwhat is this".to_owned()),
            ];
            for (from, text) in said {
                let data = Data { conn, from, layer: Layer::Wire, bytes: text.into_bytes() };
                records.push(Record::Data { at, data });
            }
            let over = Conn(number.saturating_sub(number % 7));
            for from in [Direction::Client, Direction::Server] {
                records.push(Record::Close { at, conn: over, from, how: CloseHow::Fin });
            }
        }
        records
    }

    #[test]
    fn two_threads_tell_what_one_tells() {
        for sessions in [0, 1, 200] {
            let records = records(sessions);
            let mut story = Story::new(&head());
            let mut want: Vec<Item> =
                records.iter().enumerate().flat_map(|(index, record)| story.push(index, record)).collect();
            want.extend(story.finish());
            for is_alone in [false, true] {
                let (mut got, all) = (Vec::new(), records.iter().map(Cow::Borrowed));
                let mut see = |told: Told<'_>| {
                    if let Told::Item(item, _) = told {
                        got.push(item);
                    }
                    Ok::<_, Infallible>(())
                };
                let told = if is_alone { tell_alone(all, &mut see) } else { tell(all, &mut see) };
                let Ok(Some(other)) = told else { panic!("a head came first") };
                assert!(got == want && other.state() == story.state(), "{sessions} sessions");
            }
        }
    }

    #[test]
    fn whoever_has_seen_enough_stops_both() {
        let mut seen = 0;
        let endless = std::iter::once(Record::Head(head()))
            .chain(std::iter::repeat_with(|| Record::End { at: Instant::default() }));
        let told = tell(endless.map(Cow::Owned), &mut |_| {
            seen += 1;
            if seen < 1000 { Ok(()) } else { Err("enough") }
        });
        assert_eq!((told.err(), seen), (Some("enough"), 1000));
    }

    #[test]
    fn without_a_head_there_is_no_story() {
        let end = Record::End { at: Instant::default() };
        for records in [vec![], vec![end]] {
            let see = &mut |_: Told<'_>| Ok::<_, Infallible>(());
            assert!(matches!(tell(records.iter().map(Cow::Borrowed), see), Ok(None)));
            assert!(matches!(tell_alone(records.into_iter().map(Cow::Owned), see), Ok(None)));
        }
    }
}
