//! The full screen as a picture: what a terminal of that size shows, as an SVG for light and for dark pages.

#[allow(dead_code, reason = "the tests of the full screen use the rest")]
#[path = "../tui/world.rs"]
mod world;

use postroad::view::tui::Msg;
use postroad::view::tui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use std::fmt::Write as _;
use std::time::Duration;

/// Size of a cell, and of the frame around all of them.
const CELL: (usize, usize) = (8, 18);
const FRAME: usize = 12;
/// A terminal's own ground and ink: light, then dark.
const GROUNDS: [(&str, &str); 2] = [("#ffffff", "#1b2631"), ("#12171d", "#e7edf3")];

/// The look of a cell on a light page and on a dark one: ink, ground, and how it is set.
#[derive(PartialEq, Eq)]
struct Look {
    ink: [String; 2],
    ground: [String; 2],
    set: Modifier,
}

/// The screen of a story after these keys.
pub fn picture(story: &str, size: (u16, u16), keys: &str, title: &str) -> String {
    let screens = [Theme::light(), Theme::dark()].map(|theme| {
        let mut view = world::View::of(story, size, theme);
        view.keys(keys);
        // What moves has come to where it goes.
        view.tell(Msg::Tick(Duration::from_secs(1)));
        view.screen()
    });
    assert_eq!(world::text(&screens[0]), world::text(&screens[1]), "both say the same");
    drawn(&screens, title)
}

fn drawn([light, dark]: &[Buffer; 2], title: &str) -> String {
    let (columns, rows) = (usize::from(light.area.width), usize::from(light.area.height));
    let (width, height) = (columns * CELL.0 + 2 * FRAME, rows * CELL.1 + 2 * FRAME);
    let (mut looks, mut grounds, mut texts): (Vec<Look>, _, _) = (Vec::new(), String::new(), String::new());
    // Every character has its own place: a font's idea of an arrow's width moves nothing.
    let places: Vec<String> = (0..columns).map(|x| (FRAME + x * CELL.0).to_string()).collect();
    for y in 0..rows {
        let cells =
            light.content[y * columns..][..columns].iter().zip(&dark.content[y * columns..][..columns]);
        let cells: Vec<(usize, &str)> =
            cells.map(|(light, dark)| (place(&mut looks, look(light, dark)), light.symbol())).collect();
        let runs: Vec<&[(usize, &str)]> = cells.chunk_by(|a, b| a.0 == b.0).collect();
        let top = FRAME + y * CELL.1;
        let mut x = 0;
        for run in runs {
            let look = &looks[run[0].0];
            if look.ground[0] != GROUNDS[0].0 {
                let _ = writeln!(
                    grounds,
                    "<rect class=\"g{}\" x=\"{}\" y=\"{top}\" width=\"{}\" height=\"{}\"/>",
                    run[0].0,
                    places[x],
                    run.len() * CELL.0,
                    CELL.1
                );
            }
            let said: String = run.iter().map(|(_, symbol)| *symbol).collect();
            if !said.trim().is_empty() {
                let at = said.chars().take_while(|c| *c == ' ').count();
                let said = said.trim();
                let places = places[x + at..][..said.chars().count()].join(" ");
                let said = said.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                let (class, base) = (run[0].0, top + 13);
                let _ = writeln!(texts, "<text class=\"k{class}\" x=\"{places}\" y=\"{base}\">{said}</text>");
            }
            x += run.len();
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"postroad-screen\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" role=\"img\" aria-labelledby=\"screen-title screen-about\">\n\
         <title id=\"screen-title\">{title}</title>\n\
         <desc id=\"screen-about\">A terminal of {columns} columns and {rows} rows.</desc>\n\
         <style>\n{}</style>\n\
         <rect class=\"paper\" x=\"0.5\" y=\"0.5\" width=\"{}\" height=\"{}\" rx=\"6\"/>\n{grounds}{texts}</svg>\n",
        sheet(&looks),
        width - 1,
        height - 1
    )
}

/// The number of a look; a new one where it was not there yet.
fn place(looks: &mut Vec<Look>, look: Look) -> usize {
    looks.iter().position(|known| *known == look).unwrap_or_else(|| {
        looks.push(look);
        looks.len() - 1
    })
}

fn look(light: &Cell, dark: &Cell) -> Look {
    let colours = |cell: &Cell, (ground, ink): (&str, &str)| {
        let (ink, ground) = (colour(cell.fg, ink), colour(cell.bg, ground));
        if cell.modifier.contains(Modifier::REVERSED) { (ground, ink) } else { (ink, ground) }
    };
    let ((li, lg), (di, dg)) = (colours(light, GROUNDS[0]), colours(dark, GROUNDS[1]));
    Look { ink: [li, di], ground: [lg, dg], set: light.modifier }
}

/// One of the fixed part of the 256 colours, as xterm has them; else what the terminal has.
fn colour(colour: Color, own: &str) -> String {
    match colour {
        Color::Indexed(index @ 16..=231) => {
            let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
            let index = index - 16;
            let (r, g, b) = (level(index / 36), level(index / 6 % 6), level(index % 6));
            format!("#{r:02x}{g:02x}{b:02x}")
        }
        Color::Indexed(index @ 232..) => format!("#{0:02x}{0:02x}{0:02x}", 8 + 10 * (index - 232)),
        Color::Reset => own.to_owned(),
        other => panic!("{other} is not of the fixed part of the colours"),
    }
}

fn sheet(looks: &[Look]) -> String {
    let grounds = GROUNDS;
    let all = |page: usize| {
        let (ground, ink) = grounds[page];
        let mut out = format!("  .paper {{ fill: {ground}; stroke: {ink}; stroke-opacity: 0.4; }}\n");
        for (number, look) in looks.iter().enumerate() {
            let _ = write!(out, "  .k{number} {{ fill: {}; }}", look.ink[page]);
            let _ = writeln!(out, " .g{number} {{ fill: {}; }}", look.ground[page]);
        }
        out
    };
    let mut out =
        "  text { font: 13px ui-monospace, \"SF Mono\", Menlo, Consolas, \"DejaVu Sans Mono\", monospace; \
                   white-space: pre; }\n"
            .to_owned();
    out += &all(0);
    for (number, look) in looks.iter().enumerate() {
        let sets = [
            (Modifier::BOLD, "font-weight: 700;"),
            (Modifier::ITALIC, "font-style: italic;"),
            (Modifier::UNDERLINED, "text-decoration: underline;"),
        ];
        let set: Vec<&str> =
            sets.iter().filter(|(set, _)| look.set.contains(*set)).map(|(_, how)| *how).collect();
        if !set.is_empty() {
            let _ = writeln!(out, "  .k{number} {{ {} }}", set.join(" "));
        }
    }
    out + &format!("@media (prefers-color-scheme: dark) {{\n{}}}\n", all(1))
}

#[test]
fn colours_are_those_of_the_usual_256() {
    assert_eq!(colour(Color::Indexed(16), ""), "#000000");
    assert_eq!(colour(Color::Indexed(117), ""), "#87d7ff");
    assert_eq!(colour(Color::Indexed(231), ""), "#ffffff");
    assert_eq!(colour(Color::Indexed(236), ""), "#303030");
    assert_eq!(colour(Color::Reset, "own"), "own");
}
