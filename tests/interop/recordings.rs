//! The recordings of real programs that ship with the library. `POSTROAD_RECORD=1` makes them anew, by the scripts in
//! `recordings/`; they hold real times, so they are never the same twice, and are looked at before they are kept.

use crate::lab::{records, unexplained};
use crate::round::{Round, are_there, script};
use postroad::trace::{Record, Transcript};
use std::path::{Path, PathBuf};

/// Each with what it needs.
const RECORDINGS: [(&str, &[&str]); 4] = [
    ("real-swaks", &["swaks", "mpop"]),
    ("real-fetchmail", &["msmtp", "fetchmail"]),
    ("real-mutt", &["mutt", "python3", "curl"]),
    ("real-imapflow", &["node", "npm:imapflow", "npm:nodemailer"]),
];

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts").join(format!("{name}.jsonl"))
}

/// The title that the library gives a recording.
fn title(name: &str) -> String {
    let text = include_str!("../../lessons/recordings.toml");
    let file: toml::Table = text.parse().expect("it is TOML");
    let all = file["recording"].as_array().expect("recordings");
    let of = |entry: &&toml::Value| entry["name"].as_str() == Some(name);
    all.iter().find(of).and_then(|entry| entry["title"].as_str()).expect("it has a title").to_owned()
}

/// Every script still plays; where it is wished, what it gives is kept.
#[test]
fn the_scripts_of_the_recordings_play() {
    for (name, needs) in RECORDINGS {
        if !are_there(name, needs) {
            continue;
        }
        let round = Round::begin_with(&[]);
        let (program, file) = script(&Path::new("recordings").join(name));
        round.run(program, &[&file]);
        let file = round.path("record.jsonl");
        let kept = round.close();
        let mut records = records(&file);
        assert!(unexplained(&records).is_empty(), "{name}: {:?}", unexplained(&records));
        if std::env::var_os("POSTROAD_RECORD").is_some() {
            if let Some(Record::Head(head)) = records.first_mut() {
                head.title = title(name);
            }
            std::fs::write(shipped(name), Transcript { records }.to_bytes()).expect("it can be written");
        }
        drop(kept);
    }
}

/// Nothing of the machine on which it was made: its names, its users, its folders.
#[test]
fn the_recordings_tell_nothing_of_where_they_were_made() {
    for (name, _) in RECORDINGS {
        let records = records(&shipped(name));
        let Some(Record::Head(head)) = records.first() else { panic!("{name}: no head") };
        assert!(head.is_live() && head.title == title(name), "{name}: {}", head.title);
        assert!(unexplained(&records).is_empty(), "{name}: {:?}", unexplained(&records));
        let own = |address: &std::net::IpAddr| head.hosts.iter().any(|host| host.addresses.contains(address));
        for record in &records {
            match record {
                Record::Open { open, .. } => {
                    assert!(own(&open.client.ip()) && own(&open.server.ip()), "{name}: {open:?}")
                }
                Record::Data { data, .. } => told(name, &String::from_utf8_lossy(&data.bytes)),
                _ => {}
            }
        }
    }
}

/// Every domain behind EHLO and in a Message-ID is one that is set aside for examples (RFC 2606), and no folder is named.
fn told(name: &str, text: &str) {
    let example = |domain: &str| {
        let domain = domain.trim_end_matches(['>', '\r']);
        ["example.com", "example.net", "example.org", "example.nett"].iter().any(|end| domain.ends_with(end))
    };
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        if let Some(hello) = lower.strip_prefix("ehlo ").or_else(|| lower.strip_prefix("helo ")) {
            assert!(example(hello), "{name}: {line}");
        }
        if let Some(id) = lower.strip_prefix("message-id:").filter(|id| !id.trim().is_empty()) {
            assert!(example(id), "{name}: {line}");
        }
        for folder in ["/home/", "/root/", "/tmp/", "root@"] {
            assert!(!lower.contains(folder), "{name}: {line}");
        }
    }
}
