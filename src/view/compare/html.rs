//! The sheet as one self-contained web page: no script, no network; two columns, one on a narrow screen.
//!
//! Text comes escaped from the sheet, and is escaped for HTML once, by the template. The page's policy allows its one
//! style sheet, by its hash (CSP Level 3), and nothing else.

use super::{Cell, Cost, Sheet, SheetRow};
use crate::view::clock;
use crate::view::html::{broken, embedded, environment, hash};
use crate::view::page::Label;
use minijinja::{Value, context};
use std::io::{self, Write};

const PAGE: &str = include_str!("compare.html");
const CSS: &str = include_str!("compare.css");

/// Write the page.
///
/// # Errors
/// Where `out` fails.
pub fn write(sheet: &Sheet, out: &mut dyn Write) -> io::Result<()> {
    let mut env = environment()?;
    env.add_template("compare.html", PAGE).map_err(broken)?;
    let css = embedded(CSS);
    let page = env.get_template("compare.html").map_err(broken)?;
    let values = context! {
        csp_css => hash(&css),
        css => css,
        title => sheet.title.clone(),
        aligned => sheet.aligned.clone(),
        sides => sheet.sides.to_vec(),
        figures => figures(sheet),
        rows => sheet.rows.iter().map(row).collect::<Vec<_>>(),
        end => sheet.end.to_vec(),
        verdict => sheet.verdict.iter().map(|r| {
            context! { title => r.title.clone(), text => r.text.clone(), source => r.source.clone() }
        }).collect::<Vec<_>>(),
    };
    out.write_all(page.render(values).map_err(broken)?.as_bytes())
}

fn figures(sheet: &Sheet) -> Vec<[String; 3]> {
    let of = |name: &str, figure: fn(&Cost) -> String| {
        let [left, right] = sheet.total.each_ref().map(figure);
        [name.to_owned(), left, right]
    };
    let mut figures = vec![
        of("connections", |c| clock::grouped(c.traffic.connections)),
        of("commands", |c| clock::grouped(c.traffic.commands)),
        of("round trips", |c| clock::grouped(c.traffic.round_trips)),
        of("bytes up", |c| clock::grouped(c.traffic.bytes_up)),
        of("bytes down", |c| clock::grouped(c.traffic.bytes_down)),
        of("bytes in all", |c| clock::grouped(c.traffic.bytes)),
    ];
    if sheet.total.iter().any(|cost| !cost.time.is_zero()) {
        figures.push(of("time", |c| clock::short(c.time)));
    }
    figures
}

fn row(row: &SheetRow) -> Value {
    context! {
        number => row.number,
        title => row.title.clone(),
        about => row.about.clone(),
        differs => row.differs.clone(),
        cells => row.cells.each_ref().map(|c| c.as_ref().map_or(Value::from(()), cell)).to_vec(),
    }
}

fn cell(cell: &Cell) -> Value {
    let line = |line: &super::CellLine| {
        let (who, says) = match line.label {
            Label::ClientLine => ("client", "client: "),
            Label::ServerLine => ("server", "server: "),
            Label::Refusal => ("refusal", "server refuses: "),
            _ => ("other", ""),
        };
        context! { who => who, says => says, mark => line.mark, text => line.text.clone() }
    };
    let cost =
        if cell.cost.traffic.steps > 0 || cell.ok.is_some() { cell.cost.words() } else { String::new() };
    context! {
        lines => cell.lines.iter().map(line).collect::<Vec<_>>(),
        cost => cost,
        outcome => cell.outcome.clone(),
        instead => cell.instead.clone(),
        failed => cell.ok == Some(false),
        remark => cell.remark.clone(),
        after => cell.after.clone(),
    }
}
