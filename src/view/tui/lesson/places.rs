//! [`Places`]: things that are put in order: which stands where, and how each stood when it was judged.

/// See the head of this file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// For each place its item; a place that is free has none.
    given: Vec<Option<usize>>,
    /// How it was when it was judged last: for each place its item, and whether it is the right one.
    judged: Vec<(usize, bool)>,
}

impl Places {
    /// Nothing has its place yet.
    pub fn new(count: usize) -> Self {
        Places { given: vec![None; count], judged: Vec::new() }
    }

    /// All as it is right: `shown` gives for each item the place that is its own.
    pub fn right(shown: &[usize]) -> Self {
        let mut places = Places::new(shown.len());
        for (item, place) in shown.iter().enumerate() {
            if let Some(at) = places.given.get_mut(*place) {
                *at = Some(item);
            }
        }
        places.judge(shown);
        places
    }

    /// Where an item stands.
    pub fn of(&self, item: usize) -> Option<usize> {
        self.given.iter().position(|given| *given == Some(item))
    }

    /// All items in their order; `None` while one has no place.
    pub fn all(&self) -> Option<Vec<usize>> {
        self.given.iter().copied().collect::<Option<Vec<usize>>>().filter(|all| !all.is_empty())
    }

    /// The items as they are listed: in their places where all have one, else as they are shown.
    pub fn listed(&self) -> Vec<usize> {
        self.all().unwrap_or_else(|| (0..self.given.len()).collect())
    }

    /// An item takes the first place that is free; or gives up the one that it has.
    pub fn mark(&mut self, item: usize) {
        let (from, to) = match self.of(item) {
            Some(place) => (place, None),
            None => match self.given.iter().position(Option::is_none) {
                Some(free) => (free, Some(item)),
                None => return,
            },
        };
        if let Some(place) = self.given.get_mut(from) {
            *place = to;
        }
    }

    /// The one with the last place gives it up.
    pub fn take_back(&mut self) {
        if let Some(last) = self.given.iter_mut().rev().find(|place| place.is_some()) {
            *last = None;
        }
    }

    /// What stands at a place changes with its neighbour; gives the place where it stands then.
    pub fn shift(&mut self, place: usize, back: bool) -> usize {
        let to = if back { place.checked_sub(1) } else { Some(place + 1) };
        match to.filter(|to| *to < self.given.len() && place < self.given.len()) {
            Some(to) => {
                self.given.swap(place, to);
                to
            }
            None => place,
        }
    }

    /// It was judged: `shown` gives for each item the place that is its own.
    pub fn judge(&mut self, shown: &[usize]) {
        let is_right = |(place, item): (usize, usize)| (item, shown.get(item) == Some(&place));
        self.judged = self.all().unwrap_or_default().into_iter().enumerate().map(is_right).collect();
    }

    /// Whether what stands at a place is right there, as was said; `None` where it stood elsewhere then.
    pub fn verdict(&self, place: usize) -> Option<bool> {
        let (item, right) = self.judged.get(place)?;
        (self.given.get(place) == Some(&Some(*item))).then_some(*right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_place_is_filled_first_and_a_neighbour_moves() {
        let mut places = Places::new(3);
        [2, 0, 1].into_iter().for_each(|item| places.mark(item));
        assert_eq!(places.all(), Some(vec![2, 0, 1]));
        places.mark(0);
        assert_eq!((places.all(), places.listed()), (None, vec![0, 1, 2]));
        places.mark(2);
        [0, 2].into_iter().for_each(|item| places.mark(item));
        assert_eq!(places.all(), Some(vec![0, 2, 1]));
        assert_eq!((places.shift(0, true), places.shift(2, false), places.shift(1, false)), (0, 2, 2));
        assert_eq!(places.listed(), [0, 1, 2]);
        places.take_back();
        assert_eq!((places.of(2), places.of(1)), (None, Some(1)));
    }

    #[test]
    fn what_was_said_of_a_place_holds_until_something_else_stands_there() {
        let mut places = Places::new(3);
        [0, 1, 2].into_iter().for_each(|item| places.mark(item));
        places.judge(&[0, 2, 1]);
        let said = |places: &Places| (0..3).map(|at| places.verdict(at)).collect::<Vec<_>>();
        assert_eq!(said(&places), [Some(true), Some(false), Some(false)]);
        places.shift(1, false);
        assert_eq!(said(&places), [Some(true), None, None]);
        assert_eq!(Places::default().all(), None);
        let right = Places::right(&[1, 2, 0]);
        assert_eq!(right.all(), Some(vec![2, 0, 1]));
        assert_eq!(said(&right), [Some(true); 3]);
    }
}
