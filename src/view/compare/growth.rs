//! What the same wishes cost as the mailbox grows: one row a size, both sides.

use super::octets;
use crate::compare::Reading;
use crate::dissect::Traffic;
use crate::view::clock;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::time::Duration;

/// One size of the story.
#[derive(Clone, Debug)]
pub struct Size {
    /// Messages in the inbox at the start.
    pub messages: u32,
    /// What people's wishes cost, for each side.
    pub cost: [Traffic; 2],
    /// How long they took in all, in virtual time.
    pub time: [Duration; 2],
    /// Octets that devices keep at the end.
    pub kept: [u64; 2],
    /// Octets that the server keeps at the end.
    pub server: [u64; 2],
}

impl Size {
    /// What these two tellings of a story with so many messages cost.
    pub fn of(messages: u32, sides: &[Reading; 2]) -> Self {
        let sum = |reading: &Reading| {
            let mut sum = Traffic::default();
            reading.intentions.iter().for_each(|intention| sum.add(&intention.traffic));
            sum
        };
        let time = |reading: &Reading| reading.intentions.iter().map(|i| reading.took(i)).sum();
        let devices = |r: &Reading| r.end.devices.values().flat_map(|a| a.values()).map(|s| s.octets).sum();
        let server = |r: &Reading| r.end.server.values().flat_map(|m| m.values()).map(|s| s.octets).sum();
        Size {
            messages,
            cost: sides.each_ref().map(sum),
            time: sides.each_ref().map(time),
            kept: sides.each_ref().map(devices),
            server: sides.each_ref().map(server),
        }
    }
}

/// A figure of one size, for one side.
type Figure = fn(&Size, usize) -> String;

/// Write the table of these sizes, at most 80 columns wide.
///
/// # Errors
/// Where `out` fails.
pub fn write(sides: &[String; 2], sizes: &[Size], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "What the same wishes cost, by messages in the inbox at the start")?;
    let figures: [(&str, Figure); 6] = [
        ("round trips", |s, side| clock::grouped(s.cost[side].round_trips)),
        ("bytes up", |s, side| octets(s.cost[side].bytes_up)),
        ("bytes down", |s, side| octets(s.cost[side].bytes_down)),
        ("time", |s, side| clock::short(s.time[side])),
        ("kept on devices", |s, side| octets(s.kept[side])),
        ("kept on the server", |s, side| octets(s.server[side])),
    ];
    for (name, figure) in figures {
        writeln!(out, "\n  {name:<20}{:>14}{:>14}", sides[0], sides[1])?;
        for size in sizes {
            let messages = clock::count(u64::from(size.messages), "message");
            writeln!(out, "    {messages:<18}{:>14}{:>14}", figure(size, 0), figure(size, 1))?;
        }
    }
    Ok(())
}

/// Write the same as JSON, one object.
///
/// # Errors
/// Where `out` fails.
pub fn write_json(sides: &[String; 2], sizes: &[Size], out: &mut dyn Write) -> io::Result<()> {
    let size = |size: &Size| -> Value {
        let side = |at: usize| {
            json!({
                "cost": size.cost[at],
                "virtual-micros": u64::try_from(size.time[at].as_micros()).unwrap_or(u64::MAX),
                "kept-on-devices": size.kept[at],
                "kept-on-server": size.server[at],
            })
        };
        json!({ "messages": size.messages, "sides": [side(0), side(1)] })
    };
    let value = json!({
        "type": "growth",
        "sides": sides,
        "sizes": sizes.iter().map(size).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &value)?;
    out.write_all(b"\n")
}
