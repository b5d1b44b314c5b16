//! [`Grid`]: lines over cells that join where they meet: light ones at rest, heavy ones where somebody speaks.

/// A cell's four arms, north, east, south and west: none, light or heavy.
pub(super) type Arms = [u8; 4];

/// Every joint of the box drawings (U+2500 to U+257F), by arms as digits in base 3. Light bends are round.
const JOINTS: &str = " ╴╸╷╮┑╻┒┓╶─╾╭┬┭┎┰┱╺╼━┍┮┯┏┲┳╵╯┙│┤┥╽┧┪╰┴┵├┼┽┟╁╅┕┶┷┝┾┿┢╆╈╹┚┛╿┦┩┃┨┫┖┸┹┞╀╃┠╂╉┗┺┻┡╄╇┣╊╋";

/// Cells with arms.
#[derive(Clone, Debug, Default)]
pub(super) struct Grid {
    width: usize,
    cells: Vec<Arms>,
}

impl Grid {
    /// So many empty cells.
    pub fn new(width: u16, height: u16) -> Self {
        let width = usize::from(width);
        Grid { width, cells: vec![[0; 4]; width * usize::from(height)] }
    }

    /// Join these cells, each the neighbour of the one before; `first` and `last` are arms (0 to 3) that lead out of
    /// the line at its ends.
    pub fn line(&mut self, cells: &[(u16, u16)], first: usize, last: usize, heavy: bool) {
        let weight = if heavy { 2 } else { 1 };
        for pair in cells.windows(2) {
            let [from, to] = pair else { continue };
            let arm = match (to.0.cmp(&from.0), to.1.cmp(&from.1)) {
                (std::cmp::Ordering::Greater, _) => 1,
                (std::cmp::Ordering::Less, _) => 3,
                (_, std::cmp::Ordering::Greater) => 2,
                _ => 0,
            };
            self.arm(*from, arm, weight);
            self.arm(*to, (arm + 2) % 4, weight);
        }
        if let (Some(start), Some(end)) = (cells.first(), cells.last()) {
            self.arm(*start, first, weight);
            self.arm(*end, last, weight);
        }
    }

    fn arm(&mut self, (x, y): (u16, u16), arm: usize, weight: u8) {
        if usize::from(x) >= self.width {
            return;
        }
        let at = usize::from(y) * self.width + usize::from(x);
        if let Some(arm) = self.cells.get_mut(at).and_then(|cell| cell.get_mut(arm)) {
            *arm = weight.max(*arm);
        }
    }

    /// The character of a cell; none where no line passes.
    pub fn joint(&self, x: u16, y: u16) -> Option<char> {
        if usize::from(x) >= self.width {
            return None;
        }
        let arms = self.cells.get(usize::from(y) * self.width + usize::from(x))?;
        let at = arms.iter().fold(0, |sum, arm| sum * 3 + usize::from(*arm));
        JOINTS.chars().nth(at).filter(|_| at > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_joint_for_every_meeting() {
        assert_eq!(JOINTS.chars().count(), 81);
        let unique: std::collections::BTreeSet<char> = JOINTS.chars().collect();
        assert_eq!(unique.len(), 81);
    }

    #[test]
    fn lines_join_where_they_meet_and_the_heavy_one_is_seen() {
        let mut grid = Grid::new(5, 2);
        let row: Vec<_> = (0..5).map(|x| (x, 0)).collect();
        let branch = [(0, 0), (1, 0), (2, 0), (2, 1), (3, 1), (4, 1)];
        grid.line(&branch, 3, 1, false);
        grid.line(&row, 3, 1, true);
        let draw = |y| (0..5).map(|x| grid.joint(x, y).unwrap_or(' ')).collect::<String>();
        assert_eq!((draw(0).as_str(), draw(1).as_str()), ("━━┯━━", "  ╰──"));
        assert_eq!((grid.joint(9, 0), grid.joint(0, 9)), (None, None));
    }
}
