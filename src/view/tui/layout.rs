//! Where things stand on the screen: one place, so that what is drawn and what a click meets are the same.

use ratatui::layout::Rect;

/// Fewer columns and rows than that, and the view says that it needs more.
pub const LEAST: (u16, u16) = (44, 12);
/// From so many columns on the ladder and the line stand side by side.
const TWO: u16 = 72;
/// From so many columns on the state has a column of its own.
const THREE: u16 = 150;
/// From so many rows on the state stands under the line.
const TALL: u16 = 28;

/// What the right side shows where it cannot show both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Side {
    /// The line and its note; with few columns the ladder.
    #[default]
    Line,
    /// What holds after this step.
    State,
    /// With few columns: the line and its note.
    Narrow,
}

/// The places on the screen. Empty: not shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// Everything.
    pub screen: Rect,
    /// The frame's top line, with the title.
    pub title: Rect,
    /// The road.
    pub road: Rect,
    /// The ladders: one, or two beside each other.
    pub ladders: [Rect; 2],
    /// The line and its note.
    pub line: Rect,
    /// What holds.
    pub state: Rect,
    /// What differs between two panes.
    pub differ: Rect,
    /// The rules with headings above a pane stand one row above it; this is the frame's bottom line.
    pub bottom: Rect,
    /// The line of keys.
    pub keys: Rect,
}

/// Whether the screen is too small.
pub fn too_small(size: (u16, u16)) -> bool {
    size.0 < LEAST.0 || size.1 < LEAST.1
}

/// Rows that the road may have at most.
pub fn road_rows(size: (u16, u16)) -> u16 {
    match size.1 {
        ..TALL => 1,
        TALL..45 => 7,
        _ => 12,
    }
}

/// Whether both the line and the state are on the screen.
pub fn shows_both(size: (u16, u16)) -> bool {
    size.0 >= THREE || (size.0 >= TWO && size.1 >= TALL)
}

/// The places for a screen of this size, with so many rows for the road.
pub fn places(size: (u16, u16), side: Side, twin: bool, road: u16) -> Places {
    let screen = Rect::new(0, 0, size.0, size.1);
    if too_small(size) {
        return Places { screen, ..Places::default() };
    }
    let (wide, high) = (size.0 - 2, size.1);
    let road = Rect::new(1, 1, wide, road.clamp(1, road_rows(size)));
    let top = road.bottom() + 1;
    let body = Rect::new(1, top, wide, high - top - 2);
    let mut places = Places {
        screen,
        title: Rect::new(0, 0, size.0, 1),
        road,
        bottom: Rect::new(0, high - 2, size.0, 1),
        keys: Rect::new(0, high - 1, size.0, 1),
        ..Places::default()
    };
    if twin {
        pair(&mut places, body);
    } else if size.0 < TWO {
        match side {
            Side::Line => places.ladders[0] = body,
            Side::Narrow => places.line = body,
            Side::State => places.state = body,
        }
    } else if size.0 < THREE {
        let left = Rect { width: (wide - 1) * 11 / 20, ..body };
        let right = Rect { x: left.right() + 1, width: wide - left.width - 1, ..body };
        places.ladders[0] = left;
        if size.1 >= TALL {
            let upper = Rect { height: right.height * 3 / 5, ..right };
            places.line = upper;
            places.state = Rect { y: upper.bottom() + 1, height: right.height - upper.height - 1, ..right };
        } else if side == Side::State {
            places.state = right;
        } else {
            places.line = right;
        }
    } else {
        let left = Rect { width: (wide - 2) * 2 / 5, ..body };
        let middle = Rect { x: left.right() + 1, width: (wide - 2) * 7 / 20, ..body };
        let right = Rect { x: middle.right() + 1, width: wide - 2 - left.width - middle.width, ..body };
        (places.ladders[0], places.line, places.state) = (left, middle, right);
    }
    places
}

/// Two ladders, and under them what differs.
fn pair(places: &mut Places, body: Rect) {
    let below = (body.height / 3).clamp(3, 14);
    let upper = Rect { height: body.height - below - 1, ..body };
    let left = Rect { width: (upper.width - 1) / 2, ..upper };
    let right = Rect { x: left.right() + 1, width: upper.width - left.width - 1, ..upper };
    places.ladders = [left, right];
    places.differ = Rect { y: upper.bottom() + 1, height: below, ..body };
}

/// Whether a place of the screen lies in this rectangle.
pub fn is_in(area: Rect, column: u16, row: u16) -> bool {
    (area.left()..area.right()).contains(&column) && (area.top()..area.bottom()).contains(&row)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_is_on_the_screen_and_none_lies_on_another(
            wide in 0u16..400, high in 0u16..200, side in 0..3, twin: bool, road in 0u16..20,
        ) {
            let side = [Side::Line, Side::State, Side::Narrow][side as usize];
            let got = places((wide, high), side, twin, road);
            let all = [got.title, got.road, got.ladders[0], got.ladders[1], got.line, got.state, got.differ,
                got.bottom, got.keys];
            let real: Vec<Rect> = all.into_iter().filter(|r| !r.is_empty()).collect();
            for (i, one) in real.iter().enumerate() {
                prop_assert_eq!(one.intersection(got.screen), *one);
                for other in &real[i + 1..] {
                    prop_assert!(one.intersection(*other).is_empty(), "{:?} {:?}", one, other);
                }
            }
            prop_assert_eq!(real.is_empty(), too_small((wide, high)));
        }
    }
}
