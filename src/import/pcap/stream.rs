//! [`Side`]: one direction of a TCP connection: segments in, bytes in order out (RFC 9293 §3.4).
//!
//! The fourth stop of an import. What came first stays, as most receivers do it. What is missing is waited for until
//! the other end is seen to have it: then the recording missed it, and a gap is told.
//!
//! Offsets count the bytes of the stream from 0 and do not wrap; sequence numbers do.

use super::packet::Segment;
use crate::base::Instant;
use crate::trace::Missing;
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// How long after the other end acknowledged bytes they may still turn up. What was acknowledged has arrived, so it is
/// either in the capture out of order, or not in it at all. Captures swap packets where several queues of a network card
/// are read one after the other: by microseconds, and by some milliseconds where interrupts are gathered. 50 ms is ten
/// times that, and below what a person sees as a pause. It is less than TCP's shortest retransmission timeout in use
/// (200 ms; RFC 6298 §2.4 says a second): a retransmission fills no such hole, for its sender has the acknowledgment.
const PATIENCE: Duration = Duration::from_millis(50);
/// The same in packets of the connection: on a fast link 50 ms are thousands of packets, which all would have to wait.
/// A queue of a card hands over some packets of one connection at a time; three out of order are what TCP itself takes
/// for reordering (RFC 5681 §3.2), and twice that and two more are for both directions.
const PATIENT_PACKETS: u8 = 8;
/// Segments that are kept until it is known where the stream begins.
const MOST_EARLY: usize = 16;
/// RFC 7323 §2.3: the largest window is 2^30; what is further ahead is damage.
const WINDOW: i64 = 1 << 30;
/// How far a first segment may lie behind what the other end acknowledged, and yet be the beginning.
const NEAR: i32 = 1 << 16;
/// What a held segment costs beside its bytes.
const OVERHEAD: usize = 96;

/// What a side gives, in the order of its stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// The next bytes.
    Data(&'a [u8]),
    /// So many bytes are missing here.
    Gap(u64, Missing),
    /// FIN: it has no more to send.
    End,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Base {
    /// Nothing tells.
    #[default]
    Unknown,
    /// Sequence number of the first byte, as the other end's acknowledgment suggests.
    Guessed(u32),
    /// The same, by SYN.
    Known(u32),
}

/// A segment that came before it was known where the stream begins.
#[derive(Debug)]
struct Early {
    seq: u32,
    fin: bool,
    bytes: Box<[u8]>,
    cut: usize,
}

/// One direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Side {
    base: Base,
    /// Offset of the next byte that is to be given.
    next: u64,
    /// Offset after the last byte, once FIN came.
    fin: Option<u64>,
    /// Offset up to which the other end has everything.
    acked: u64,
    /// Segments behind a hole; they do not overlap.
    held: BTreeMap<u64, Box<[u8]>>,
    /// What those cost.
    cost: usize,
    early: Vec<Early>,
    /// Since when, and for how many packets, the other end has had what is missing.
    missed: Option<(Instant, u8)>,
    /// The last stretch that was not captured although its packet was.
    cut: Range<u64>,
    /// Whether any segment came.
    pub seen: bool,
    /// Whether `End` was given.
    pub ended: bool,
    /// Bytes that came twice.
    pub repeated: u64,
}

impl Side {
    /// Whether a SYN that names `first` as the first byte's sequence number can be this stream's own.
    pub fn can_begin_at(&self, first: u32) -> bool {
        match self.base {
            Base::Unknown => true,
            Base::Known(known) => known == first,
            Base::Guessed(known) => {
                known == first || self.next == 0 && known.wrapping_sub(first) < NEAR as u32
            }
        }
    }

    /// Whether a segment has bytes that were not given yet.
    pub fn is_ahead(&self, segment: &Segment<'_>) -> bool {
        let end = self.offset(segment.seq) + segment.bytes.len() as i64;
        !segment.bytes.is_empty() && end > self.next.cast_signed()
    }

    /// What the held segments cost.
    pub fn cost(&self) -> usize {
        self.cost
    }

    /// SYN (or an acknowledgment of it) said where the stream begins.
    pub fn begins_at(&mut self, first: u32, sink: &mut dyn FnMut(Event<'_>)) {
        if self.next > 0 || matches!(self.base, Base::Known(_)) {
            return;
        }
        self.base = Base::Known(first);
        self.replay(sink);
    }

    /// The other end says that it has everything before `ack`.
    pub fn acknowledged(&mut self, ack: u32, sink: &mut dyn FnMut(Event<'_>)) {
        if self.base == Base::Unknown {
            let first = self
                .early
                .iter()
                .map(|early| early.seq)
                .min_by_key(|seq| seq.wrapping_sub(ack).cast_signed());
            self.base = Base::Guessed(match first {
                Some(first) if (-NEAR..0).contains(&ack.wrapping_sub(first).cast_signed()) => ack,
                Some(first) => first,
                None => ack,
            });
            self.replay(sink);
        }
        let offset = self.offset(ack);
        if offset > self.acked.cast_signed() && offset - self.next.cast_signed() <= WINDOW {
            self.acked = offset.cast_unsigned();
        }
    }

    /// Take a segment; gives what becomes contiguous by it.
    pub fn segment(&mut self, segment: &Segment<'_>, sink: &mut dyn FnMut(Event<'_>)) {
        self.seen = true;
        // SYN takes the place of a byte.
        let seq = segment.seq.wrapping_add(u32::from(segment.syn));
        let nothing = segment.bytes.is_empty() && segment.cut == 0;
        if nothing && !segment.fin {
            return;
        }
        if self.base == Base::Unknown {
            let (bytes, cut) = (segment.bytes.into(), segment.cut);
            self.early.push(Early { seq, fin: segment.fin, bytes, cut });
            if self.early.len() >= MOST_EARLY {
                self.begin_anyhow(sink);
            }
            return;
        }
        self.place(seq, segment.fin, segment.bytes, segment.cut, sink);
    }

    /// A packet of the connection went by: is it time to call something lost? `now_or_never` where nothing of this
    /// side is ever captured.
    pub fn judge(&mut self, at: Instant, now_or_never: bool, sink: &mut dyn FnMut(Event<'_>)) {
        if self.acked <= self.next || self.ended {
            self.missed = None;
            return;
        }
        let (since, packets) = self.missed.get_or_insert((at, 0));
        *packets = packets.saturating_add(1);
        if *packets < PATIENT_PACKETS && at.since(*since) < PATIENCE && !now_or_never {
            return;
        }
        self.missed = None;
        let acked = self.acked;
        self.skip_hole(Missing::Lost, acked, sink);
    }

    /// Whether the other end has more of this side than was captured, and it is not yet called lost. A single byte may be
    /// a FIN.
    pub fn is_missed(&self) -> bool {
        self.missed.is_some() && !self.ended && (self.acked > self.next + 1 || !self.held.is_empty())
    }

    /// Too much waits behind a hole: it is filled no more.
    pub fn give_up_hole(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.skip_hole(Missing::LetGo, u64::MAX, sink);
    }

    /// Nothing more comes: what waits is given, with gaps for what is missing.
    pub fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.begin_anyhow(sink);
        while !self.held.is_empty() {
            self.skip_hole(Missing::Lost, u64::MAX, sink);
        }
        if !self.ended {
            self.skip_hole(Missing::Lost, u64::MAX, sink);
        }
    }

    /// Offset of a sequence number, the one nearest to what comes next.
    fn offset(&self, seq: u32) -> i64 {
        let (Base::Known(first) | Base::Guessed(first)) = self.base else { return 0 };
        // The low half of the offset is what the sequence number counts.
        let expected = first.wrapping_add(self.next as u32);
        self.next.cast_signed() + i64::from(seq.wrapping_sub(expected).cast_signed())
    }

    /// Nobody will tell where the stream begins: at the first byte that came.
    fn begin_anyhow(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        let Some(some) = self.early.first().map(|early| early.seq) else { return };
        let first =
            self.early.iter().map(|early| early.seq).min_by_key(|seq| seq.wrapping_sub(some).cast_signed());
        self.base = Base::Guessed(first.unwrap_or(some));
        self.replay(sink);
    }

    fn replay(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        for early in std::mem::take(&mut self.early) {
            self.place(early.seq, early.fin, &early.bytes, early.cut, sink);
        }
    }

    fn place(&mut self, seq: u32, fin: bool, bytes: &[u8], cut: usize, sink: &mut dyn FnMut(Event<'_>)) {
        let mut offset = self.offset(seq);
        if let (Base::Guessed(first), true, true) = (self.base, offset < 0, self.next == 0)
            && -offset <= i64::from(NEAR)
        {
            // The acknowledgment came before what it acknowledged: the stream begins earlier.
            let by = offset.unsigned_abs();
            self.base = Base::Guessed(first.wrapping_add_signed(offset as i32));
            self.acked += by;
            self.held = std::mem::take(&mut self.held).into_iter().map(|(at, b)| (at + by, b)).collect();
            self.fin = self.fin.map(|fin| fin + by);
            self.cut = self.cut.start + by..self.cut.end + by;
            offset = 0;
        }
        let next = self.next.cast_signed();
        if offset - next > WINDOW || self.ended {
            return;
        }
        let end = offset + bytes.len() as i64;
        let whole_end = end + cut as i64;
        if cut > 0 && whole_end > next {
            self.cut = end.max(next).cast_unsigned()..whole_end.cast_unsigned();
        }
        if fin {
            self.fin.get_or_insert(whole_end.max(next).cast_unsigned());
        }
        // What was given already is not given again.
        let old = usize::try_from((next - offset).clamp(0, bytes.len() as i64)).unwrap_or(0);
        self.repeated += old as u64;
        let fresh = bytes.get(old..).unwrap_or_default();
        let start = offset.max(next).cast_unsigned();
        match self.fin {
            Some(fin) => {
                let room = usize::try_from(fin.saturating_sub(start)).unwrap_or(usize::MAX);
                self.put(start, fresh.get(..room).unwrap_or(fresh), sink);
            }
            None => self.put(start, fresh, sink),
        }
        self.maybe_end(sink);
    }

    /// Bytes at `start`, which is not before `next`.
    fn put(&mut self, start: u64, bytes: &[u8], sink: &mut dyn FnMut(Event<'_>)) {
        if start == self.next && self.held.is_empty() {
            if !bytes.is_empty() {
                self.next += bytes.len() as u64;
                sink(Event::Data(bytes));
            }
            return;
        }
        self.hold(start, bytes);
        self.drain(sink);
    }

    /// Keep bytes that are ahead, where nothing is kept yet.
    fn hold(&mut self, start: u64, bytes: &[u8]) {
        let end = start + bytes.len() as u64;
        let mut at = start;
        let before = self.held.range(..start).next_back().map(|(offset, held)| offset + held.len() as u64);
        at = at.max(before.unwrap_or(0));
        while at < end {
            let (until, resume) = match self.held.range(at..end).next() {
                Some((&offset, held)) => (offset, offset + held.len() as u64),
                None => (end, end),
            };
            let piece = bytes.get((at - start) as usize..(until - start) as usize).unwrap_or_default();
            if !piece.is_empty() {
                self.cost += piece.len() + OVERHEAD;
                self.held.insert(at, piece.into());
            }
            at = resume;
        }
    }

    /// Give what is contiguous now.
    fn drain(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        while let Some(entry) = self.held.first_entry().filter(|entry| *entry.key() <= self.next) {
            let (offset, bytes) = entry.remove_entry();
            self.cost = self.cost.saturating_sub(bytes.len() + OVERHEAD);
            let old = usize::try_from(self.next - offset).unwrap_or(usize::MAX);
            if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                self.next += fresh.len() as u64;
                sink(Event::Data(fresh));
            }
        }
    }

    fn maybe_end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        if self.fin == Some(self.next) && !self.ended {
            self.ended = true;
            sink(Event::End);
        }
    }

    /// Go on behind the hole: to the first held segment, else to where the other end has everything; not beyond `most`.
    fn skip_hole(&mut self, why: Missing, most: u64, sink: &mut dyn FnMut(Event<'_>)) {
        let first_held = self.held.first_key_value().map(|(offset, _)| *offset);
        let to = match (first_held, self.fin) {
            (Some(offset), _) => offset,
            (None, Some(fin)) => fin,
            // FIN is acknowledged as if it were a byte: a single one may be a FIN that was missed.
            (None, None) if self.acked > self.next + 1 => self.acked,
            (None, None) => return,
        };
        let to = to.min(most);
        if to > self.next {
            let why = if self.cut.contains(&self.next) { Missing::Cut } else { why };
            sink(Event::Gap(to - self.next, why));
            self.next = to;
        }
        self.drain(sink);
        self.maybe_end(sink);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    /// What a side gives: its bytes, with `[n why]` for gaps and `$` for the end.
    #[derive(Default)]
    struct Watched {
        side: Side,
        told: String,
    }

    fn tell(told: &mut String, event: Event<'_>) {
        match event {
            Event::Data(bytes) => told.push_str(&String::from_utf8_lossy(bytes)),
            Event::Gap(len, why) => told.push_str(&format!("[{len} {why:?}]")),
            Event::End => told.push('$'),
        }
    }

    impl Watched {
        fn begun(first: u32) -> Self {
            let mut watched = Watched::default();
            watched.side.begins_at(first, &mut |_| {});
            watched
        }

        fn segment(&mut self, seq: u32, bytes: &[u8], fin: bool, cut: usize) -> &mut Self {
            let end = SocketAddr::from(([192, 0, 2, 1], 1));
            let segment =
                Segment { from: end, to: end, seq, ack: None, syn: false, fin, rst: false, bytes, cut };
            let Watched { side, told } = self;
            side.segment(&segment, &mut |event| tell(told, event));
            self
        }

        fn says(&mut self, seq: u32, text: &str) -> &mut Self {
            self.segment(seq, text.as_bytes(), false, 0)
        }

        fn acked(&mut self, ack: u32) -> &mut Self {
            let Watched { side, told } = self;
            side.acknowledged(ack, &mut |event| tell(told, event));
            self
        }

        fn judged(&mut self, millis: i64) -> &mut Self {
            let Watched { side, told } = self;
            side.judge(Instant::from_micros(millis * 1000), false, &mut |event| tell(told, event));
            self
        }

        fn finished(&mut self) -> &str {
            let Watched { side, told } = self;
            side.finish(&mut |event| tell(told, event));
            assert_eq!(side.cost(), 0, "nothing is kept");
            told
        }
    }

    #[test]
    fn order_is_restored_across_the_end_of_the_sequence_numbers() {
        let first = u32::MAX - 3;
        let mut side = Watched::begun(first);
        side.says(first.wrapping_add(6), "ghi").says(first.wrapping_add(3), "def").says(first, "abc");
        assert_eq!(side.finished(), "abcdefghi");
    }

    #[test]
    fn what_came_first_stays_where_bytes_come_twice() {
        let mut side = Watched::begun(100);
        side.says(100, "abcd").says(100, "abcd").says(102, "cdef").says(104, "XYgh");
        assert_eq!(side.finished(), "abcdefgh");
        assert_eq!(side.side.repeated, 8);
    }

    #[test]
    fn what_is_held_behind_a_hole_is_not_replaced_by_what_overlaps_it() {
        let mut side = Watched::begun(0);
        side.says(4, "EF").says(8, "IJ").says(2, "cdefghijkl").says(0, "ab");
        assert_eq!(side.finished(), "abcdEFghIJkl");
    }

    #[test]
    fn a_retransmission_may_hold_more_than_what_is_sent_again() {
        let mut side = Watched::begun(0);
        side.says(0, "ab").says(0, "abcdef").says(3, "defgh");
        assert_eq!(side.finished(), "abcdefgh");
    }

    #[test]
    fn a_hole_is_waited_for_until_the_other_end_has_had_it_for_long_enough() {
        let mut side = Watched::begun(0);
        side.says(0, "ab").says(6, "gh").judged(0).judged(1000);
        assert_eq!(side.told, "ab", "nobody has acknowledged it");
        side.acked(8).judged(1000).judged(1049);
        assert_eq!(side.told, "ab", "it may still turn up");
        side.judged(1050);
        assert_eq!(side.told, "ab[4 Lost]gh");
        // So does a number of packets.
        let mut side = Watched::begun(0);
        side.says(6, "gh").acked(8);
        for _ in 0..PATIENT_PACKETS {
            assert_eq!(side.told, "");
            side.judged(0);
        }
        assert_eq!(side.told, "[6 Lost]gh");
    }

    #[test]
    fn a_segment_that_comes_late_fills_its_hole() {
        let mut side = Watched::begun(0);
        side.says(3, "def").acked(6).judged(0).judged(10).says(0, "abc");
        assert_eq!(side.finished(), "abcdef");
        side.says(0, "zzz");
        assert_eq!(side.finished(), "abcdef", "and too late is too late");
    }

    #[test]
    fn fin_ends_the_stream_and_nothing_follows() {
        let mut side = Watched::begun(0);
        side.segment(3, b"def", true, 0).says(6, "ghi").says(0, "abc");
        assert_eq!(side.finished(), "abcdef$");
    }

    #[test]
    fn a_packet_that_was_captured_in_part_leaves_a_gap_of_its_own() {
        let mut side = Watched::begun(0);
        side.segment(0, b"ab", false, 3).says(5, "fg").acked(7).judged(0).judged(60);
        assert_eq!(side.finished(), "ab[3 Cut]fg");
    }

    #[test]
    fn without_a_syn_the_stream_begins_where_the_first_acknowledgment_says() {
        let mut side = Watched::default();
        side.says(1005, "fgh").acked(1000).says(1000, "abcde");
        assert_eq!(side.finished(), "abcdefgh");
        // Nobody acknowledges: at the earliest byte that came.
        let mut side = Watched::default();
        side.says(1003, "def").says(1000, "abc");
        assert_eq!(side.finished(), "abcdef");
    }

    #[test]
    fn of_a_side_that_was_not_captured_the_gaps_are_told() {
        let mut side = Watched::begun(0);
        side.acked(500).judged(0).judged(50);
        assert_eq!(side.finished(), "[500 Lost]");
    }

    #[test]
    fn early_segments_and_damage_are_kept_within_bounds() {
        let mut side = Watched::default();
        for at in 0..u32::try_from(MOST_EARLY).unwrap() {
            side.says(at * 2, "xy");
        }
        assert_eq!(side.told.len(), 2 * MOST_EARLY, "the beginning is not waited for without end");
        side.says(1 << 31, "far");
        assert_eq!(side.finished().len(), 2 * MOST_EARLY, "what is further ahead than any window is damage");
        let mut side = Watched::begun(0);
        side.says(10, "0123456789");
        let cost = side.side.cost();
        side.says(10, "0123456789");
        assert_eq!((cost, side.side.cost()), (10 + OVERHEAD, 10 + OVERHEAD));
    }
}
