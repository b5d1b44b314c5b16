//! The sheet as JSON, one object: for other programs. Fields are documented in the book's reference.

use super::{Cell, Cost, Sheet, SheetRow};
use crate::trace::Direction;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Write the sheet.
///
/// # Errors
/// Where `out` fails.
pub fn write(sheet: &Sheet, out: &mut dyn Write) -> io::Result<()> {
    let value = json!({
        "type": "comparison",
        "title": sheet.title,
        "sides": sheet.sides,
        "rows": sheet.rows.iter().map(row).collect::<Vec<_>>(),
        "total": sheet.total.each_ref().map(cost),
        "elsewhere": sheet.elsewhere.each_ref().map(cost),
        "end": sheet.end,
        "verdict": sheet.verdict.iter().map(|r| json!({
            "title": r.title, "text": r.text, "source": r.source,
        })).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    out.write_all(b"\n")
}

fn row(row: &SheetRow) -> Value {
    json!({
        "number": row.number,
        "key": row.key,
        "title": row.title,
        "about": row.about,
        "differs": row.differs,
        "cells": row.cells.each_ref().map(|c| c.as_ref().map(cell)),
    })
}

fn cell(cell: &Cell) -> Value {
    let lines = cell.lines.iter().map(|line| {
        let from = match line.mark {
            "▶" => Some(Direction::Client),
            "◀" => Some(Direction::Server),
            _ => None,
        };
        json!({ "step": line.step, "from": from, "text": line.text })
    });
    json!({
        "lines": lines.collect::<Vec<_>>(),
        "cost": (cell.cost.traffic.steps > 0 || cell.ok.is_some()).then(|| cost(&cell.cost)),
        "ok": cell.ok,
        "outcome": cell.outcome,
        "instead": cell.instead,
        "remark": cell.remark,
        "after": cell.after,
    })
}

fn cost(cost: &Cost) -> Value {
    let micros = u64::try_from(cost.time.as_micros()).unwrap_or(u64::MAX);
    let mut value = serde_json::to_value(cost.traffic).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.insert("virtual-micros".to_owned(), micros.into());
    }
    value
}
