//! The road onto a screen: lines, ports, stations, what they hold, envelopes, in that order.
//!
//! `○` is a station, `●` one that this row is about, `✗` one of which something does not answer. A thin line is a link at
//! rest, a heavy one the connection of this row. A port stands where it is listened at, and points there: `587▸`.
//! The arrow head `▶` is where this row's bytes arrive, `✉` is an envelope on its way.

use super::layout::{Layout, Route, wide};
use super::lines::Grid;
use super::scene::{Active, Weight};
use super::{Road, Scene};
use crate::trace::Direction;
use crate::view::headline::cut;
use crate::view::page::Label;
use crate::view::tui::theme::Theme;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Cells in which a word still says something.
const LEAST: u16 = 4;

/// A canvas that leaves out what does not fit.
struct Canvas<'b> {
    buffer: &'b mut Buffer,
    area: Rect,
}

impl Canvas<'_> {
    fn text(&mut self, x: u16, y: u16, text: &str, style: Style) {
        if x >= self.area.width || y >= self.area.height {
            return;
        }
        let room = usize::from(self.area.width - x);
        self.buffer.set_stringn(self.area.x + x, self.area.y + y, text, room, style);
    }

    fn char(&mut self, (x, y): (u16, u16), c: char, style: Style) {
        self.text(x, y, c.encode_utf8(&mut [0; 4]), style);
    }

    /// Free cells from here on, up to `end`.
    fn free(&self, x: u16, y: u16, end: u16) -> u16 {
        let end = end.min(self.area.width);
        let is_free = |x: &u16| {
            self.buffer.cell((self.area.x + *x, self.area.y + y)).is_some_and(|cell| cell.symbol() == " ")
        };
        u16::try_from((x..end).take_while(is_free).count()).unwrap_or(0)
    }
}

impl Layout {
    /// Draw the road with what holds in `scene`. It was laid out for this road, and for as many cells as `area` has.
    pub fn draw(&self, road: &Road, scene: &Scene, theme: &Theme, buffer: &mut Buffer, area: Rect) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let mut canvas = Canvas { buffer, area };
        let mut grid = Grid::new(self.width, self.height);
        for route in &self.routes {
            grid.line(&route.cells, route.arms.0, route.arms.1, false);
        }
        let now = self.routes.iter().find(|route| is_now(route, scene));
        if let Some(route) = now {
            grid.line(&route.cells, route.arms.0, route.arms.1, true);
        }
        for route in &self.routes {
            self.line(
                &mut canvas,
                &grid,
                route,
                theme.style(if route.known { Label::Rule } else { Label::Dim }),
            );
        }
        if let (Some(route), Some(active)) = (now, scene.active) {
            self.line(&mut canvas, &grid, route, spoken(theme, active));
        }
        for route in &self.routes {
            if now.is_none_or(|now| now.ends != route.ends) {
                ports(&mut canvas, road, route, None, theme);
            }
        }
        if let (Some(route), Some(active)) = (now, scene.active) {
            ports(&mut canvas, road, route, Some(active), theme);
            heads(&mut canvas, road, route, active, theme);
        }
        self.stations(&mut canvas, scene, theme);
        self.envelopes(&mut canvas, road, scene, theme);
        self.beyond(&mut canvas, theme);
    }

    fn line(&self, canvas: &mut Canvas<'_>, grid: &Grid, route: &Route, style: Style) {
        for (x, y) in &route.cells {
            if let Some(joint) = grid.joint(*x, *y) {
                canvas.char((*x, *y), joint, style);
            }
        }
    }

    fn stations(&self, canvas: &mut Canvas<'_>, scene: &Scene, theme: &Theme) {
        for placed in &self.placed {
            let lit = scene.lit.contains(&placed.station);
            let (circle, style) = match (scene.down.contains(&placed.station), lit) {
                (true, _) => ('✗', theme.bad()),
                (_, true) => ('●', theme.style(Label::Host)),
                _ => ('○', Style::new()),
            };
            canvas.char((placed.x, placed.y), circle, style);
            let name = if lit { theme.style(Label::Host) } else { Style::new() };
            canvas.text(placed.x.saturating_add(2), placed.y, &placed.name, name);
        }
        for placed in self.placed.iter().filter(|placed| placed.tells) {
            let Some(holds) = scene.holds.get(placed.station) else { continue };
            // A port may stand here first.
            let y = placed.y + 1;
            let start = placed.x.saturating_add(2)..placed.room.min(canvas.area.width);
            let Some(x) = start.clone().find(|x| canvas.free(*x, y, *x + 1) > 0) else { continue };
            let x = if x == start.start { x } else { x + 1 };
            let room = canvas.free(x, y, placed.room);
            let room = if x + room < canvas.area.width { room.saturating_sub(1) } else { room };
            let mut at = x;
            for (i, (weight, text)) in fitting(holds, room).iter().enumerate() {
                if i > 0 {
                    canvas.text(at, y, " · ", theme.style(Label::Rule));
                    at = at.saturating_add(3);
                }
                canvas.text(at, y, text, of_weight(theme, *weight));
                at = at.saturating_add(wide(text));
            }
        }
    }

    fn envelopes(&self, canvas: &mut Canvas<'_>, road: &Road, scene: &Scene, theme: &Theme) {
        for flight in &scene.flights {
            let same = |r: &&Route| r.ends == (flight.from, flight.to) || r.ends == (flight.to, flight.from);
            let Some(route) = self.routes.iter().find(same) else { continue };
            let labels = labels(road, route, active_of(route, scene));
            let taken = |cell: &(u16, u16)| {
                labels
                    .iter()
                    .any(|l| cell.1 == l.y && (l.x..l.x.saturating_add(wide(&l.text))).contains(&cell.0))
            };
            let mut way: Vec<(u16, u16)> = route.cells.iter().copied().filter(|cell| !taken(cell)).collect();
            if route.ends.0 != flight.from {
                way.reverse();
            }
            let last = way.len().saturating_sub(1);
            let at = last * usize::from(flight.along.min(1000)) / 1000;
            if let Some(cell) = way.get(at) {
                canvas.char(*cell, '✉', theme.changed());
            }
        }
    }

    fn beyond(&self, canvas: &mut Canvas<'_>, theme: &Theme) {
        if self.beyond.0 > 0 {
            canvas.text(0, 0, &format!("‹{}", self.beyond.0), theme.dim());
        }
        if self.beyond.1 > 0 {
            let text = format!("{}›", self.beyond.1);
            canvas.text(self.width.saturating_sub(wide(&text)), 0, &text, theme.dim());
        }
    }
}

fn is_now(route: &Route, scene: &Scene) -> bool {
    active_of(route, scene).is_some()
}

fn active_of(route: &Route, scene: &Scene) -> Option<Active> {
    scene.active.filter(|a| route.ends == (a.client, a.server) || route.ends == (a.server, a.client))
}

/// The colour of who speaks.
fn spoken(theme: &Theme, active: Active) -> Style {
    match (active.lost, active.from) {
        (true, _) => theme.bad(),
        (_, Direction::Client) => theme.style(Label::ClientLine),
        (_, Direction::Server) => theme.style(Label::ServerLine),
    }
}

fn of_weight(theme: &Theme, weight: Weight) -> Style {
    match weight {
        Weight::Bad => theme.bad(),
        Weight::Now => theme.style(Label::Intent),
        Weight::Mail => theme.style(Label::Fact),
        Weight::More => Style::new(),
        Weight::Nothing => theme.dim(),
    }
}

/// As much of what a station holds as there is room for: what matters least goes first.
fn fitting(holds: &[super::Holding], room: u16) -> Vec<(Weight, String)> {
    let mut kept: Vec<(Weight, String)> = holds.iter().map(|h| (h.weight, h.text.clone())).collect();
    let needs = |kept: &[(Weight, String)]| {
        kept.iter().fold(0_u16, |sum, (_, text)| sum.saturating_add(wide(text)).saturating_add(3))
    };
    while kept.len() > 1 && needs(&kept).saturating_sub(3) > room {
        let Some(worst) = kept.iter().map(|(weight, _)| *weight).max() else { break };
        if let Some(at) = kept.iter().rposition(|(weight, _)| *weight == worst) {
            kept.remove(at);
        }
    }
    if room < LEAST {
        return Vec::new();
    }
    for (_, text) in &mut kept {
        *text = cut(text, usize::from(room));
    }
    kept
}

/// A port in its place on a route.
struct Port {
    x: u16,
    y: u16,
    text: String,
    /// Whether the active connection is on one of its ports.
    now: bool,
}

/// The ports of a route: each at the end where it is listened at, pointing there.
fn labels(road: &Road, route: &Route, active: Option<Active>) -> Vec<Port> {
    let Some(link) = road.link(route.ends.0, route.ends.1).and_then(|at| road.links().get(at)) else {
        return Vec::new();
    };
    let own = route.cells.get(route.own.clone()).unwrap_or_default();
    let ports = |end: usize| -> Vec<u16> {
        let here = link.doors.iter().filter(|(who, _)| *who == end).map(|(_, port)| *port);
        here.collect()
    };
    let mut out: Vec<Port> = Vec::new();
    if own.is_empty() {
        return upright(route, &ports, active);
    }
    for (end, at_start) in [(route.ends.0, true), (route.ends.1, false)] {
        let all = ports(end);
        let now = active.filter(|a| a.server == end).map(|a| a.port);
        let taken: u16 = out.iter().map(|l| wide(&l.text) + 1).sum();
        let room = u16::try_from(own.len()).unwrap_or(u16::MAX).saturating_sub(taken);
        let head = now.is_some() && active.is_some_and(|a| a.from == Direction::Client);
        let Some(text) = door(&all, now, (at_start, head), room) else { continue };
        let long = usize::from(wide(&text));
        let cell = if at_start { own.first() } else { own.get(own.len().saturating_sub(long)) };
        if let Some((x, y)) = cell {
            out.push(Port { x: *x, y: *y, text, now: now.is_some() });
        }
    }
    out
}

/// Ports beside a route that runs straight down.
fn upright(route: &Route, ports: &dyn Fn(usize) -> Vec<u16>, active: Option<Active>) -> Vec<Port> {
    let Some((x, y)) = route.cells.first() else { return Vec::new() };
    let mut out = Vec::new();
    let mut x = x.saturating_add(1);
    for (end, tip) in [(route.ends.0, '▴'), (route.ends.1, '▾')] {
        for port in ports(end) {
            let now = active.is_some_and(|a| a.server == end && a.port == port);
            let text = format!("{port}{tip} ");
            let long = wide(&text);
            out.push(Port { x, y: *y, text, now });
            x = x.saturating_add(long);
        }
    }
    out
}

/// `587·143▸`; only the one that is spoken on, or the first, where there is no room; nothing where there is none at all.
fn door(ports: &[u16], now: Option<u16>, (at_start, head): (bool, bool), room: u16) -> Option<String> {
    let all: Vec<String> = ports.iter().map(u16::to_string).collect();
    let one = now.or(ports.first().copied())?.to_string();
    let tip = match (at_start, head) {
        (true, false) => '◂',
        (true, true) => '◀',
        (false, false) => '▸',
        (false, true) => '▶',
    };
    let dress = |text: &str| if at_start { format!("{tip}{text}") } else { format!("{text}{tip}") };
    // While one is spoken on, the others are of no interest.
    let whole = if now.is_some() { one.clone() } else { all.join("·") };
    [whole, one].into_iter().map(|text| dress(&text)).find(|text| wide(text).saturating_add(2) <= room)
}

fn ports(canvas: &mut Canvas<'_>, road: &Road, route: &Route, active: Option<Active>, theme: &Theme) {
    for label in labels(road, route, active) {
        let style = match active.filter(|_| label.now) {
            Some(active) => spoken(theme, active),
            None => theme.style(Label::Port),
        };
        canvas.text(label.x, label.y, &label.text, style);
    }
}

/// Where this row's bytes arrive, or where they do not.
fn heads(canvas: &mut Canvas<'_>, road: &Road, route: &Route, active: Active, theme: &Theme) {
    let style = spoken(theme, active);
    let to_server = active.from == Direction::Client;
    let landing = if to_server { active.server } else { active.client };
    let at_start = route.ends.0 == landing;
    let labels = labels(road, route, Some(active));
    let free = |cell: &&(u16, u16)| {
        !labels.iter().any(|l| cell.1 == l.y && (l.x..l.x.saturating_add(wide(&l.text))).contains(&cell.0))
    };
    if active.lost {
        let middle = route.cells.iter().filter(free).nth(route.cells.len() / 2);
        if let Some(cell) = middle.or_else(|| route.cells.iter().rfind(free)) {
            canvas.char(*cell, '✗', style);
        }
        return;
    }
    let has_head = labels.iter().any(|l| l.now && l.text.contains(['▶', '◀']));
    if to_server && has_head {
        return;
    }
    let cell = if at_start { route.cells.first() } else { route.cells.last() };
    let Some(cell) = cell.filter(|cell| free(cell)) else { return };
    let upright = route.own.is_empty() || route.arms.0 == 0 && at_start;
    let tip = match (upright, at_start) {
        (true, true) => '▲',
        (true, false) => '▼',
        (false, true) => '◀',
        (false, false) => '▶',
    };
    canvas.char(*cell, tip, style);
}
