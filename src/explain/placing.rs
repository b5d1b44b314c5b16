//! [`Placing`]: a person's marks told at the Step that they are about, and known before it is told.
//!
//! In a transcript a mark stands behind the record in which its Step ends, and a chapter before it. One record may hold
//! several Steps (a client that pipelines), so what comes of a record waits until the marks behind it are read, and each
//! of them is put next to its own Step. Where a story is told as it happens, nothing waits: [`Placing`] is for recordings.

use super::Item;
use crate::dissect::{Kind, Step};
use crate::trace::{Mark, Record};

/// Items that wait at most: a record of more Steps than that is told without waiting.
const MOST: usize = 16_384;

/// Items that wait for the marks that are about them.
#[derive(Debug, Default)]
pub struct Placing {
    held: Vec<Item>,
}

impl Placing {
    /// This record comes now: gives what need not wait any longer. A mark is part of what came before it.
    pub fn before(&mut self, record: &Record) -> Vec<Item> {
        if matches!(record, Record::Mark(_)) && self.held.len() < MOST {
            return Vec::new();
        }
        let mut ready = placed(std::mem::take(&mut self.held));
        // A chapter that stands before the record of its Step goes on with what comes of that.
        while let Some(item) = ready.pop_if(|item| chapter(item).is_some()) {
            self.held.insert(0, item);
        }
        ready
    }

    /// What came of the record.
    pub fn take(&mut self, items: impl IntoIterator<Item = Item>) {
        self.held.extend(items);
    }

    /// Nothing more comes.
    pub fn finish(&mut self) -> Vec<Item> {
        placed(std::mem::take(&mut self.held))
    }
}

/// The mark of a chapter that begins at a place.
fn chapter(item: &Item) -> Option<&Mark> {
    match item {
        Item::Mark(mark) if mark.kind == "chapter" && mark.range.is_some() => Some(mark),
        _ => None,
    }
}

/// Each mark next to its Step, where that is among the items; else where it was.
fn placed(items: Vec<Item>) -> Vec<Item> {
    let is_mark = |item: &Item| matches!(item, Item::Mark(mark) if mark.range.is_some());
    let steps = items.iter().filter(|item| matches!(item, Item::Step(..))).count();
    if steps == 0 || !items.iter().any(is_mark) {
        return items;
    }
    // For each place in the list: what goes before it, and what goes behind.
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); items.len()];
    let mut behind = before.clone();
    let mut moved = vec![false; items.len()];
    for (from, item) in items.iter().enumerate() {
        let Item::Mark(mark) = item else { continue };
        let is_its = |item: &Item| matches!(item, Item::Step(step, _) if is_about(mark, step));
        let Some(to) = items.iter().position(is_its) else { continue };
        let list = if mark.kind == "chapter" { &mut before } else { &mut behind };
        list[to].push(from);
        moved[from] = true;
    }
    let mut items: Vec<Option<Item>> = items.into_iter().map(Some).collect();
    let mut out = Vec::with_capacity(items.len());
    for (at, (front, back)) in before.iter().zip(&behind).enumerate() {
        out.extend(front.iter().filter_map(|from| items[*from].take()));
        if !moved[at] {
            out.extend(items[at].take());
        }
        out.extend(back.iter().filter_map(|from| items[*from].take()));
    }
    out
}

/// Whether a mark begins in a Step. What has no bytes (a connection opens, or closes) is meant by an empty range.
pub fn is_about(mark: &Mark, step: &Step) -> bool {
    let Some((start, end)) = mark.range else { return false };
    let side = Some(step.conn) == mark.conn && Some(step.from) == mark.from && step.layer == mark.layer;
    let without_bytes = matches!(step.kind, Kind::Open | Kind::Close);
    match start == end && mark.quote.is_none() {
        true => side && without_bytes && step.range.start == start,
        false => side && !without_bytes && step.range.contains(&start),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Story;
    use super::super::testing::head;
    use super::*;
    use crate::base::Instant;
    use crate::trace::{Conn, Data, Direction, Layer, Opened, Transport};

    const LINES: [&str; 3] = ["MAIL FROM:<a@example.com>\r\n", "RCPT TO:<b@example.net>\r\n", "DATA\r\n"];

    fn mark(kind: &str, line: usize) -> Record {
        let start: usize = LINES.iter().take(line).map(|line| line.len()).sum();
        Record::Mark(Mark {
            kind: kind.to_owned(),
            conn: Some(Conn(1)),
            from: Some(Direction::Client),
            range: Some((start as u64, (start + LINES[line].len()) as u64)),
            ..Mark::default()
        })
    }

    /// A story in which three commands come in one record, as it is told: verbs, and kinds of marks.
    fn told(before: &[Record], behind: &[Record]) -> Vec<String> {
        let at = Instant::from_secs(1);
        let open = Opened {
            conn: Conn(1),
            transport: Transport::Tcp,
            client: "192.0.2.10:40000".parse().unwrap(),
            server: "192.0.2.25:25".parse().unwrap(),
        };
        let bytes = LINES.concat().into_bytes();
        let data = Data { conn: Conn(1), from: Direction::Client, layer: Layer::Wire, bytes };
        let mut records = vec![Record::Head(head()), Record::Open { at, open }];
        records.extend_from_slice(before);
        records.push(Record::Data { at, data });
        records.extend_from_slice(behind);
        records.push(Record::End { at });
        let (mut story, mut placing, mut items) = (Story::new(&head()), Placing::default(), Vec::new());
        for (index, record) in records.iter().enumerate() {
            items.extend(placing.before(record));
            placing.take(story.push(index, record));
        }
        items.extend(placing.finish());
        let word = |item: &Item| match item {
            Item::Step(step, _) if step.kind != Kind::Open => Some(step.verb.to_string()),
            Item::Mark(mark) => Some(format!("({})", mark.kind)),
            _ => None,
        };
        items.iter().filter_map(word).collect()
    }

    #[test]
    fn each_mark_is_told_at_its_own_step_of_several_in_one_record() {
        let behind = [mark("comment", 1), mark("question", 1), mark("pause", 2), mark("comment", 0)];
        let expected =
            ["MAIL", "(comment)", "RCPT", "(comment)", "(question)", "DATA", "(pause)"].map(str::to_owned);
        assert_eq!(told(&[], &behind), expected);
    }

    #[test]
    fn a_chapter_begins_right_before_its_step() {
        let expected = ["MAIL", "(chapter)", "RCPT", "(comment)", "DATA"].map(str::to_owned);
        assert_eq!(told(&[mark("chapter", 1)], &[mark("comment", 1)]), expected);
        assert_eq!(
            told(&[mark("chapter", 0)], &[]),
            ["(chapter)", "MAIL", "RCPT", "DATA"].map(str::to_owned)
        );
    }

    #[test]
    fn a_mark_whose_step_is_not_there_stays_where_it_was() {
        let lost = |kind: &str| {
            let Record::Mark(mark) = mark(kind, 1) else { unreachable!() };
            Record::Mark(Mark { conn: Some(Conn(9)), ..mark })
        };
        let expected = ["(chapter)", "MAIL", "RCPT", "DATA", "(comment)"].map(str::to_owned);
        assert_eq!(told(&[lost("chapter")], &[lost("comment")]), expected);
    }
}
