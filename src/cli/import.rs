//! `postroad import FILE`: what another program recorded → a transcript, to be replayed, explained and shared.

use super::args::Import;
use super::{CommandError, open, screen};
use crate::base::escape;
use crate::import::{self, Records, pcap::Summary};
use crate::trace::{Conn, Record, file::Writer};
use crate::view::clock::count;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 256 << 10;

/// Do what was asked.
pub fn run(args: &Import) -> Result<(), CommandError> {
    let wanted = if args.mail { Some(mail_in(&args.file)?) } else { None };
    let mut records = records(&args.file)?;
    match &args.output {
        Some(path) => {
            open::not_itself(&args.file, path)?;
            let failed = |error: io::Error| CommandError::file("write", path, &error);
            let out = File::create(path).map_err(failed)?;
            let mut out = BufWriter::with_capacity(BUFFER, out);
            copy(&mut records, wanted.as_ref(), &mut out).map_err(failed)?;
        }
        None => copy(&mut records, wanted.as_ref(), &mut screen::out())?,
    }
    tell(&records, args)
}

/// The Records of a file, or of the standard input.
fn records(path: &Path) -> Result<Records, CommandError> {
    if path == Path::new("-") {
        return import::open(io::stdin(), "the standard input")
            .map_err(|error| unreadable("the standard input", &error));
    }
    import::open_path(path).map_err(|error| match error {
        import::Error::Io(error) => CommandError::file("read", path, &error),
        error => unreadable(&escape::text(&path.display().to_string()), &error),
    })
}

fn unreadable(name: &str, error: &import::Error) -> CommandError {
    CommandError::failure(format!("cannot import {name}: {error}"), open::what_reads(error))
}

/// The connections that speak of mail or ask the DNS: by a first look at the whole file.
fn mail_in(path: &Path) -> Result<BTreeSet<Conn>, CommandError> {
    if path == Path::new("-") {
        let hint = "save it in a file first";
        return Err(CommandError::usage(
            "--mail reads its file twice, and the standard input comes once",
            hint,
        ));
    }
    let mut dissector = crate::dissect::Dissector::new();
    let mut wanted = BTreeSet::new();
    for (index, record) in records(path)?.enumerate() {
        for step in dissector.push(index, &record) {
            if is_of_mail(&step) {
                wanted.insert(step.conn);
            }
        }
    }
    Ok(wanted)
}

/// Whether a Step shows that its connection has to do with mail: what it speaks, or the port that was called.
fn is_of_mail(step: &crate::dissect::Step) -> bool {
    use crate::dissect::{Meaning, Protocol};
    match &step.meaning {
        Meaning::Open(open) => {
            matches!(open.server.port(), 25 | 53 | 110 | 143 | 465 | 587 | 993 | 995 | 2525)
        }
        _ => matches!(step.protocol, Protocol::Smtp | Protocol::Pop3 | Protocol::Imap | Protocol::Dns),
    }
}

fn copy(records: &mut Records, wanted: Option<&BTreeSet<Conn>>, out: &mut impl Write) -> io::Result<()> {
    let mut writer = Writer::new(out);
    for record in records {
        let conn = match &record {
            Record::Open { open, .. } => Some(open.conn),
            Record::Data { data, .. } => Some(data.conn),
            Record::Gap { gap, .. } => Some(gap.conn),
            Record::Close { conn, .. } => Some(*conn),
            _ => None,
        };
        if wanted.zip(conn).is_none_or(|(wanted, conn)| wanted.contains(&conn)) {
            writer.write(&record)?;
        }
    }
    writer.finish().map(drop)
}

/// Say on stderr what came of it: the transcript itself may go to the standard output.
fn tell(records: &Records, args: &Import) -> Result<(), CommandError> {
    let mut text = String::new();
    if let Records::Capture(importer) = records {
        text.push_str(&told(&importer.summary()));
    }
    for trouble in records.troubles() {
        text.push_str(&format!("note: {trouble}\n"));
    }
    if let Some(path) = &args.output {
        let path = escape::text(&path.display().to_string());
        text.push_str(&format!("written to {path}; postroad replay {path} plays it\n"));
    }
    Ok(io::stderr().lock().write_all(text.as_bytes())?)
}

fn told(summary: &Summary) -> String {
    let Summary { packets, connections, datagrams, gaps, ignored, .. } = summary;
    let left_out = ignored.not_ip + ignored.other_protocols + ignored.datagrams;
    let mut text = format!(
        "{}: {}, {}",
        count(*packets, "packet"),
        count(*connections, "TCP connection"),
        count(*datagrams, "DNS message")
    );
    if *gaps > 0 {
        text.push_str(&format!(", {}", count(*gaps, "gap")));
    }
    if left_out > 0 {
        text.push_str(&format!("; {left_out} packets are neither TCP nor DNS"));
    }
    text.push('\n');
    text
}
