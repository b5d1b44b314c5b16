//! [`Teller`]: a story with its place in the source and in the rows. A copy of it is a checkpoint.

use super::Opens;
use super::source::{Place, Store};
use crate::explain::{Item, Story, Surroundings};
use crate::state::State;
use crate::trace::{Data, Head, Record};

/// Bytes of one data record that are told at once: so a checkpoint may stand inside a large one.
const SLICE: usize = 16 << 10;

/// A story under way.
#[derive(Clone, Default)]
pub(super) struct Teller {
    story: Story,
    around: Surroundings,
    /// Rows told so far: the number of the next one.
    pub rows: usize,
    /// Where the record begins that is told next.
    pub place: Place,
    is_over: bool,
}

/// What is made of each row: its number, the row, what holds after it, and where the story is.
pub(super) type Tell<'t> = dyn FnMut(usize, Item, &State, &Surroundings) + 't;

impl Teller {
    /// At the beginning of a story with this head.
    pub fn new(head: &Head) -> Self {
        Teller { story: Story::new(head), ..Teller::default() }
    }

    /// The same from here on, without explanations.
    #[must_use]
    pub fn without_notes(mut self) -> Self {
        self.story = self.story.without_notes();
        self
    }

    /// Know these connections: what filters ask about them.
    #[must_use]
    pub fn knowing(mut self, opens: &Opens) -> Self {
        self.around.know(opens);
        self
    }

    /// Bytes that came and are not told.
    pub fn waiting(&self) -> usize {
        self.story.waiting()
    }

    /// Tell `record`, the one at the present place, or as much of it as is told at once. Whether it is all told: then
    /// whoever reads sets the place behind it.
    pub fn take(&mut self, record: &Record, tell: &mut Tell<'_>) -> bool {
        if let Record::Head(head) = record {
            self.around.learn_head(head);
        }
        let (index, told) = (self.place.record, self.place.told);
        let Record::Data { at, data } = record else {
            self.push(index, record, tell);
            return true;
        };
        let end = told.saturating_add(SLICE);
        if end >= data.bytes.len() && told == 0 || !self.story.may_split(data.conn) {
            self.push(index, record, tell);
            return true;
        }
        let bytes = data.bytes.get(told..end.min(data.bytes.len())).unwrap_or_default().to_vec();
        let piece = Data { conn: data.conn, from: data.from, layer: data.layer, bytes };
        self.push(index, &Record::Data { at: *at, data: piece }, tell);
        self.place.told = end;
        end >= data.bytes.len()
    }

    fn push(&mut self, index: usize, record: &Record, tell: &mut Tell<'_>) {
        let Teller { story, around, rows, .. } = self;
        story.push_each(index, record, &mut |item, state| {
            around.enter(&item);
            tell(*rows, item, state, around);
            *rows += 1;
        });
    }

    /// Nothing more comes.
    pub fn finish(&mut self, tell: &mut Tell<'_>) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let Teller { story, around, rows, .. } = self;
        story.finish_each(&mut |item, state| {
            around.enter(&item);
            tell(*rows, item, state, around);
            *rows += 1;
        });
    }

    /// Tell what lies in `store` from the present place on, at least until the row `until` has been told, or there is
    /// no more. `every` is called between records.
    pub fn tell(
        &mut self,
        store: &Store,
        until: usize,
        tell: &mut Tell<'_>,
        every: &mut dyn FnMut(&Teller) -> bool,
    ) {
        let mut cursor = store.cursor(self.place);
        while self.rows < until {
            if !every(self) {
                return;
            }
            match cursor.peek() {
                Some(record) => {
                    if self.take(record, tell) {
                        self.place = cursor.pass();
                    }
                }
                None => return self.finish(tell),
            }
        }
    }
}
