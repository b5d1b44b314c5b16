//! [`Layout`]: a place on so many cells for every station and every link of a [`Road`].
//!
//! With four rows and more each station has its name and below it what it holds. With fewer the road folds to one
//! line: of each column the station that matters now stands for all. What does not fit is shortened first (a name to
//! its first label), and what still does not is counted (`+2`, `‹3`), never dropped in silence.

use super::{Road, Scene, StationKind, Weight};
use crate::view::tui::ladder::cut_name;
use std::collections::BTreeMap;
use std::ops::Range;
use unicode_width::UnicodeWidthStr;

/// Rows from which on the road is not folded.
const UNFOLDED: u16 = 4;
/// Rows that it uses at most.
pub(super) const TALLEST: u16 = 6;
/// Columns from which on it is worth more than one row.
const WIDE: u16 = 90;
/// Cells between two columns: at least, folded at least, and at most.
const GUTTER: (u16, u16, u16) = (9, 7, 44);
/// Cells of a mark for columns that are not shown, as in `‹12 `.
const EDGE: u16 = 4;
/// A name server hangs so far right of who asks: `╰─53▸`.
const HANG: u16 = 6;

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Cells.
    pub width: u16,
    /// Cells.
    pub height: u16,
    pub(super) placed: Vec<Placed>,
    pub(super) routes: Vec<Route>,
    /// Columns that are not shown, at the left and at the right.
    pub(super) beyond: (usize, usize),
}

/// A station in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    pub station: usize,
    /// Where its circle is.
    pub x: u16,
    pub y: u16,
    /// Its name as it is shown, with how many others it stands for.
    pub name: String,
    /// Whether the row below says what it holds.
    pub tells: bool,
    /// Where its column ends, and lines may bend.
    pub edge: u16,
    /// Where what it holds must end.
    pub room: u16,
}

impl Placed {
    /// The first cell right of its name.
    pub fn end(&self) -> u16 {
        self.x.saturating_add(2).saturating_add(wide(&self.name))
    }
}

/// A link's way from one station to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// From whom to whom.
    pub ends: (usize, usize),
    /// Each beside the one before.
    pub cells: Vec<(u16, u16)>,
    /// Which of them are of this link alone: its port stands there.
    pub own: Range<usize>,
    /// The arms that lead to its stations.
    pub arms: (usize, usize),
    /// Whether anybody has called on it.
    pub known: bool,
}

/// A station and the name servers below it.
struct Block {
    station: usize,
    hanging: Vec<usize>,
    tells: bool,
    hidden: usize,
}

impl Layout {
    /// How many rows the road would like, of `most`, with so many columns: one where it folds.
    pub fn wants(road: &Road, width: u16, most: u16) -> u16 {
        if width < WIDE || most < UNFOLDED {
            return most.min(1);
        }
        let tallest = road.columns.iter().map(|column| {
            let hanging = road.hanging.iter().filter(|(_, above)| column.contains(above)).count();
            column.len() * 2 + hanging
        });
        let rows = tallest.max().unwrap_or(1) + usize::from(!road.detours().is_empty());
        u16::try_from(rows).unwrap_or(TALLEST).clamp(UNFOLDED, TALLEST).min(most)
    }

    /// A place for everything on so many cells. What does not fit is chosen by what happens in `scene`.
    pub fn of(road: &Road, scene: &Scene, width: u16, height: u16) -> Self {
        let mut layout = Layout { width, height, ..Layout::default() };
        if width == 0 || height == 0 {
            return layout;
        }
        let folded = height < UNFOLDED;
        let lane = (!folded && !road.detours().is_empty()).then(|| height.min(TALLEST) - 1);
        let rows = if folded { 1 } else { lane.unwrap_or(height.min(TALLEST)) };
        let mut columns: Vec<Vec<Block>> =
            road.columns.iter().map(|column| blocks(road, scene, column, rows)).collect();
        if folded && let Some(dns) = asked(road, scene) {
            columns.push(vec![Block { station: dns, hanging: Vec::new(), tells: false, hidden: 0 }]);
        }
        let roomy = if width < WIDER { ROOMY } else { ROOMIER };
        let names = Names { road, scene, roomy, steady: folded && asked(road, scene).is_none() };
        let least = if folded { GUTTER.1 } else { GUTTER.0 };
        let mut level = 0;
        while level < LEVELS && names.needs(&columns, level, least) > width {
            level += 1;
        }
        let level = level.min(LEVELS - 1);
        let shown = names.window(&columns, level, least, width);
        layout.beyond = (shown.start, columns.len() - shown.end);
        layout.place(&names, &columns[shown], level, least);
        layout.join(road, scene);
        let lowest = layout.placed.iter().map(|p| p.y + 1 + u16::from(p.tells)).max();
        if let (Some(lane), Some(lowest)) = (lane, lowest) {
            let lane = lowest.min(lane);
            layout.detour(road, scene, lane);
        }
        layout
    }

    fn place(&mut self, names: &Names<'_>, columns: &[Vec<Block>], level: usize, least: u16) {
        let (left, right) = (edge(self.beyond.0), edge(self.beyond.1));
        let needs = names.needs(columns, level, least);
        let gaps = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(0);
        let spare = self.width.saturating_sub(needs).saturating_sub(left + right);
        let more = spare.checked_div(gaps).unwrap_or(0).min(GUTTER.2 - least);
        let mut x = left + spare.saturating_sub(more * gaps) / 2;
        for column in columns {
            let wide = names.column(column, level);
            let room = x.saturating_add(wide).saturating_add(least + more);
            let edge = x.saturating_add(wide);
            let mut y = 0;
            for block in column {
                let name = names.shown(block, level);
                self.placed.push(Placed {
                    station: block.station,
                    x,
                    y,
                    name,
                    tells: block.tells,
                    edge,
                    room,
                });
                y += 1 + u16::from(block.tells);
                for dns in &block.hanging {
                    let name = names.at(*dns, level);
                    let x = x.saturating_add(HANG);
                    self.placed.push(Placed { station: *dns, x, y, name, tells: false, edge, room });
                    y += 1;
                }
            }
            x = room;
        }
    }

    pub(super) fn placed(&self, station: usize) -> Option<&Placed> {
        self.placed.iter().find(|placed| placed.station == station)
    }

    /// Routes between those who stand beside or below each other.
    fn join(&mut self, road: &Road, scene: &Scene) {
        let mut pairs: Vec<(usize, usize, bool)> =
            road.links.iter().map(|link| (link.ends.0, link.ends.1, true)).collect();
        pairs.extend(road.expected.iter().map(|(a, b)| (*a, *b, false)));
        let column = |station: usize| road.columns.iter().position(|c| c.contains(&station));
        let folded = self.height < UNFOLDED;
        let mut straight: Vec<(Placed, Placed, bool)> = Vec::new();
        for (a, b, known) in pairs {
            let (Some(a), Some(b)) = (self.placed(a).cloned(), self.placed(b).cloned()) else { continue };
            let (a, b) = if (a.x, a.y) <= (b.x, b.y) { (a, b) } else { (b, a) };
            match (column(a.station), column(b.station)) {
                (x, y) if folded && self.neighbours(&a, &b) => {
                    // A name server stands beside whoever there was room beside.
                    let now = scene.active.is_some_and(|now| {
                        [now.client, now.server] == [a.station, b.station]
                            || [now.server, now.client] == [a.station, b.station]
                    });
                    if now || (x.is_some() && y.is_some()) {
                        straight.push((a, b, known));
                    }
                }
                (Some(i), Some(j)) if i + 1 == j && !folded => straight.push((a, b, known)),
                (Some(i), Some(j)) if i == j => self.routes.extend(self.down(&a, &b, known)),
                (Some(_), None) if !folded => self.routes.extend(hang(road, &a, &b)),
                _ => {}
            }
        }
        for (dns, above) in &road.hanging {
            if road.link(*dns, *above).is_none()
                && let (Some(a), Some(b)) = (self.placed(*above), self.placed(*dns))
                && !folded
            {
                let route = hang(road, a, b).map(|route| Route { known: false, ..route });
                self.routes.extend(route);
            }
        }
        self.across(&straight);
    }

    /// Whether nobody stands between these two of one line.
    fn neighbours(&self, a: &Placed, b: &Placed) -> bool {
        a.x < b.x && !self.placed.iter().any(|other| a.x < other.x && other.x < b.x)
    }

    /// Routes between neighbouring columns. Where a station has several, they part on the other station's side.
    fn across(&mut self, pairs: &[(Placed, Placed, bool)]) {
        let outs_of = |station: usize| pairs.iter().filter(|(a, _, _)| a.station == station).count();
        let ins_of = |station: usize| pairs.iter().filter(|(_, b, _)| b.station == station).count();
        let mut routes = Vec::new();
        // In each gutter, who has a lane of its own: by the column's edge and the side it bends on.
        let mut lanes: BTreeMap<(u16, bool), Vec<usize>> = BTreeMap::new();
        for (a, b, known) in pairs {
            let (start, stop) = (a.end().saturating_add(1), b.x);
            if start >= stop {
                continue;
            }
            let spreads = outs_of(a.station) >= ins_of(b.station);
            let key = if spreads { a.station } else { b.station };
            let taken = lanes.entry((a.edge, spreads)).or_default();
            let lane = taken.iter().position(|l| *l == key).unwrap_or_else(|| {
                taken.push(key);
                taken.len() - 1
            });
            let lane = u16::try_from(lane).unwrap_or(0).saturating_mul(2);
            let bend = if spreads {
                a.edge.saturating_add(1).saturating_add(lane)
            } else {
                stop.saturating_sub(3).saturating_sub(lane)
            };
            let bend = bend.clamp(start, stop - 1);
            let mut cells: Vec<(u16, u16)> = (start..=bend).map(|x| (x, a.y)).collect();
            if a.y != b.y {
                cells.extend(between(a.y, b.y).map(|y| (bend, y)));
                cells.push((bend, b.y));
            }
            cells.extend((bend + 1..stop).map(|x| (x, b.y)));
            let own = match (a.y == b.y, spreads) {
                (true, _) if outs_of(a.station) == 1 && ins_of(b.station) == 1 => 0..cells.len(),
                (_, true) => cells.len() - usize::from(stop - bend - 1)..cells.len(),
                (_, false) => 0..usize::from(bend - start),
            };
            routes.push(Route { ends: (a.station, b.station), cells, own, arms: (3, 1), known: *known });
        }
        self.routes.append(&mut routes);
    }

    /// A route straight down in one column, where nobody stands between.
    fn down(&self, a: &Placed, b: &Placed, known: bool) -> Option<Route> {
        let free = !self.placed.iter().any(|p| p.x == a.x && p.y > a.y && p.y < b.y);
        let cells: Vec<(u16, u16)> = (a.y + 1..b.y).map(|y| (a.x, y)).collect();
        let own = 0..0;
        (free && !cells.is_empty()).then_some(Route {
            ends: (a.station, b.station),
            cells,
            own,
            arms: (0, 2),
            known,
        })
    }

    /// The route of a link that passes over a column runs below everything; one at a time has it.
    fn detour(&mut self, road: &Road, scene: &Scene, lane: u16) {
        let is_now = |ends: (usize, usize)| {
            scene
                .active
                .is_some_and(|now| ends == (now.client, now.server) || ends == (now.server, now.client))
        };
        let detours = road.detours();
        let now = detours.iter().copied().find(|ends| is_now(*ends));
        let Some((a, b)) = now.or_else(|| detours.first().copied()) else { return };
        let (Some(a), Some(b)) = (self.placed(a), self.placed(b)) else { return };
        let (a, b) = if a.x <= b.x { (a, b) } else { (b, a) };
        if a.x == b.x {
            return;
        }
        let stub = |p: &Placed| {
            let blocked = self.placed.iter().any(|o| o.x == p.x && o.y > p.y);
            let from = if blocked { lane } else { p.y + 1 };
            (from..lane).map(|y| (p.x, y)).collect::<Vec<_>>()
        };
        let mut cells = stub(a);
        let start = cells.len();
        cells.extend((a.x..=b.x).map(|x| (x, lane)));
        let own = start + 1..cells.len().saturating_sub(1).max(start + 1);
        cells.extend(stub(b).into_iter().rev());
        self.routes.push(Route { ends: (a.station, b.station), cells, own, arms: (0, 0), known: true });
    }

    /// The station at this place of the layout: on its name, its circle, or what it holds.
    pub fn station_at(&self, x: u16, y: u16) -> Option<usize> {
        let on = |p: &&Placed| {
            let rows = p.y..=p.y + u16::from(p.tells);
            let end = if y == p.y { p.end() } else { p.end().max(p.room.saturating_sub(2)) };
            rows.contains(&y) && (p.x..end).contains(&x)
        };
        self.placed.iter().find(on).map(|p| p.station)
    }

    /// Where a station's circle is.
    pub fn place_of(&self, station: usize) -> Option<(u16, u16)> {
        self.placed(station).map(|p| (p.x, p.y))
    }
}

/// The rows strictly between two, from the first to the second.
fn between(from: u16, to: u16) -> Box<dyn Iterator<Item = u16>> {
    if from < to { Box::new(from + 1..to) } else { Box::new((to + 1..from).rev()) }
}

/// From who asks down to a name server that hangs below.
fn hang(road: &Road, a: &Placed, b: &Placed) -> Option<Route> {
    if !road.hanging.contains(&(b.station, a.station)) || b.y <= a.y {
        return None;
    }
    let mut cells: Vec<(u16, u16)> = (a.y + 1..=b.y).map(|y| (a.x, y)).collect();
    let start = cells.len();
    cells.extend((a.x + 1..b.x).map(|x| (x, b.y)));
    let own = start..cells.len();
    Some(Route { ends: (a.station, b.station), cells, own, arms: (0, 1), known: true })
}

/// The name server that this row is about.
fn asked(road: &Road, scene: &Scene) -> Option<usize> {
    let now = scene.active?;
    road.hanging.iter().map(|(dns, _)| *dns).find(|dns| *dns == now.server)
}

fn edge(beyond: usize) -> u16 {
    if beyond == 0 { 0 } else { EDGE }
}

/// How much a station matters now: of several that stand for each other, the first one is shown.
fn matters(scene: &Scene, station: usize) -> u8 {
    let holds =
        |weight: Weight| scene.holds.get(station).is_some_and(|h| h.iter().any(|h| h.weight == weight));
    match station {
        s if scene.active.is_some_and(|now| now.client == s || now.server == s) => 0,
        s if scene.flights.iter().any(|f| f.from == s || f.to == s) => 1,
        s if scene.lit.contains(&s) => 2,
        _ if holds(Weight::Mail) || holds(Weight::Now) => 3,
        _ => 4,
    }
}

/// A column's stations in as many rows as there are: with what each holds, as far as there is room.
fn blocks(road: &Road, scene: &Scene, column: &[usize], rows: u16) -> Vec<Block> {
    let hanging = |station: usize| -> Vec<usize> {
        let below = road.hanging.iter().filter(|(_, above)| *above == station && rows > 1);
        below.map(|(dns, _)| *dns).collect()
    };
    let linked = |station: usize| road.links.iter().any(|l| l.ends.0 == station || l.ends.1 == station);
    let make = |tells: &dyn Fn(usize) -> bool| -> Vec<Block> {
        let block = |s: &usize| Block { station: *s, hanging: hanging(*s), tells: tells(*s), hidden: 0 };
        column.iter().map(block).collect()
    };
    let tall = |blocks: &[Block]| -> usize {
        blocks.iter().map(|b| 1 + usize::from(b.tells) + b.hanging.len()).sum()
    };
    let fits = |blocks: &Vec<Block>| tall(blocks) <= usize::from(rows);
    let tries: [&dyn Fn(usize) -> bool; 3] = [&|_| true, &linked, &|_| false];
    if let Some(blocks) = tries.iter().map(|tells| make(*tells)).find(fits) {
        return blocks;
    }
    let mut kept: Vec<usize> = column.to_vec();
    kept.sort_by_key(|station| matters(scene, *station));
    let mut blocks: Vec<Block> = make(&|_| false);
    while tall(&blocks) > usize::from(rows) {
        // First what hangs, from the last; then stations, the least important first.
        if blocks.len() * 2 > usize::from(rows)
            && let Some(last) = blocks.iter_mut().rev().find(|b| !b.hanging.is_empty())
        {
            last.hanging.pop();
            last.hidden += 1;
            continue;
        }
        let Some(least) = kept.pop().filter(|_| blocks.len() > 1) else { break };
        let dropped: usize =
            blocks.iter().filter(|b| b.station == least).map(|b| 1 + b.hidden + b.hanging.len()).sum();
        blocks.retain(|b| b.station != least);
        if let Some(last) = blocks.last_mut() {
            last.hidden += dropped;
        }
    }
    blocks
}

/// What is given up where columns are narrow, one after the other: room for what a station holds, then its whole name,
/// then all but the first letters.
const LEVELS: usize = 6;
/// Cells for what a server holds, and a device, where there is room.
const ROOMY: (u16, u16) = (20, 10);
/// The same on a wide screen, and from how many cells on it is one.
const ROOMIER: (u16, u16) = (34, 20);
const WIDER: u16 = 150;

struct Names<'r> {
    road: &'r Road,
    scene: &'r Scene,
    roomy: (u16, u16),
    /// Whether room is kept for marks, so that nothing moves when mail comes.
    steady: bool,
}

impl Names<'_> {
    /// A station's name, as short as `level` wants.
    fn at(&self, station: usize, level: usize) -> String {
        let Some(it) = self.road.stations.get(station) else { return String::new() };
        let label = it.name.split('.').next().unwrap_or(&it.name);
        let others = self.road.stations.iter().filter(|s| s.name.split('.').next() == Some(label));
        let short = if it.domain.is_empty() || others.count() > 1 { &it.name } else { label };
        match level {
            0 | 1 => it.name.clone(),
            2 | 3 => short.to_owned(),
            // Addresses differ in their ends.
            _ if it.domain.is_empty() => ending(short, if level == 4 { 12 } else { 7 }),
            4 => cut_name(short, 12),
            _ => cut_name(short, 7),
        }
    }

    /// The same with what stands beside it: `✉` where nothing else tells of mail, and how many it stands for.
    fn shown(&self, block: &Block, level: usize) -> String {
        let mut name = self.at(block.station, level);
        let holds = self.scene.holds.get(block.station);
        let has_mail = holds.is_some_and(|h| h.iter().any(|h| h.weight == Weight::Mail));
        let leaves = self.scene.flights.iter().any(|f| f.from == block.station);
        if !block.tells && has_mail && !leaves {
            name += " ✉";
        } else if self.steady {
            name += "  ";
        }
        if block.hidden > 0 {
            name = format!("{} +{}", name, block.hidden);
        }
        name
    }

    fn column(&self, column: &[Block], level: usize) -> u16 {
        let name = |b: &Block| wide(&self.shown(b, level));
        let below = |b: &Block| b.hanging.iter().map(|d| HANG + wide(&self.at(*d, level))).max().unwrap_or(0);
        let roomy = |b: &Block| match self.road.stations.get(b.station).map(|s| s.kind) {
            _ if !b.tells || level % 2 == 1 || level > 3 => 0,
            Some(StationKind::Server) => self.roomy.0,
            _ => self.roomy.1,
        };
        column.iter().map(|b| 2 + name(b).max(below(b)).max(roomy(b))).max().unwrap_or(2)
    }

    /// Cells that these columns need.
    fn needs(&self, columns: &[Vec<Block>], level: usize, least: u16) -> u16 {
        let names = columns.iter().fold(0_u16, |sum, c| sum.saturating_add(self.column(c, level)));
        let gaps = u16::try_from(columns.len().saturating_sub(1)).unwrap_or(u16::MAX);
        names.saturating_add(gaps.saturating_mul(least))
    }

    /// The columns that are shown: what happens now, and as much around it as there is room.
    fn window(&self, columns: &[Vec<Block>], level: usize, least: u16, width: u16) -> Range<usize> {
        if self.needs(columns, level, least) <= width {
            return 0..columns.len();
        }
        let rank = |column: &Vec<Block>| column.iter().map(|b| matters(self.scene, b.station)).min();
        let best = columns.iter().filter_map(&rank).min();
        let is_best = |column: &Vec<Block>| rank(column) == best;
        let first = columns.iter().position(is_best).unwrap_or(0);
        let last = columns.iter().rposition(is_best).unwrap_or(0);
        let cost = |range: &Range<usize>| {
            let edges = edge(range.start) + edge(columns.len() - range.end);
            self.needs(&columns[range.clone()], level, least).saturating_add(edges)
        };
        let mut shown = first..(first + 1).min(columns.len());
        // Towards the other end first, so that both are seen where that is possible at all.
        loop {
            let right = shown.start..(shown.end + 1).min(columns.len());
            let left = shown.start.saturating_sub(1)..shown.end;
            let mut tries = [right, left];
            if shown.end > last && shown.start > 0 && shown.len() % 2 == 0 {
                tries.reverse();
            }
            match tries.into_iter().find(|t| *t != shown && cost(t) <= width) {
                Some(wider) => shown = wider,
                None => return shown,
            }
        }
    }
}

/// The last characters of a text, with `…` where something is missing.
fn ending(text: &str, most: usize) -> String {
    let all = text.chars().count();
    if all <= most {
        return text.to_owned();
    }
    let rest: String = text.chars().skip(all + 1 - most).collect();
    format!("…{rest}")
}

/// Cells of a text.
pub(super) fn wide(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

impl Road {
    /// Links between stations that stand neither beside nor right below each other.
    pub(super) fn detours(&self) -> Vec<(usize, usize)> {
        let column = |station: usize| self.columns.iter().position(|c| c.contains(&station));
        let far = |(a, b): &(usize, usize)| match (column(*a), column(*b)) {
            (Some(i), Some(j)) => i.abs_diff(j) > 1,
            _ => false,
        };
        let mail = |station: usize| self.stations[station].kind != StationKind::Dns;
        let ends = self.links.iter().map(|link| link.ends);
        ends.filter(|(a, b)| a != b && mail(*a) && mail(*b)).filter(far).collect()
    }
}
