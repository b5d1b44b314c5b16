//! Somebody who types a protocol by hand: raw bytes to a server, one piece after the other.
//!
//! All of it is known before the world begins (a [`Typing`] is a change). So nobody thinks while the story's time runs:
//! each piece is sent once the server has been quiet for a while. Whoever types one more piece runs the world again, and
//! everything before that piece is the same.

use crate::trace::Direction;
use crate::world::change::{Change, Edits, Typing};
use crate::world::hosts::{Busy, World};
use crate::world::net::ByteStream;
use crate::world::scenario::{Host, RoleKind, Scenario};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

/// How long the server says nothing until the next piece is typed, beside the time that answers are under way.
const THOUGHT: Duration = Duration::from_millis(500);
/// How long the server is listened to at most before the next piece is typed all the same.
const LISTENING: Duration = Duration::from_secs(600);
/// How long the server may take nothing at all.
const UNREAD: Duration = Duration::from_secs(300);

/// The machines that people sit at who are not in the scenario: each gets addresses that nobody has.
pub fn desks(scenario: &Scenario, changes: &[Change]) -> Vec<Host> {
    let mut taken: BTreeSet<IpAddr> =
        scenario.hosts.iter().flat_map(|h| h.addresses.iter().copied()).collect();
    let mut desks: Vec<Host> = Vec::new();
    for change in changes {
        let Change::Type(typing) = change else { continue };
        if scenario.hosts.iter().chain(&desks).any(|host| host.name == typing.from) {
            continue;
        }
        // Both networks are reserved for documentation (RFC 5737, RFC 3849).
        let v4 = (200..=254).map(|last| IpAddr::from(Ipv4Addr::new(198, 51, 100, last)));
        let v6 =
            (1..=u16::MAX).map(|last| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0x99, 0, 0, 0, 0, last)));
        let free = |address: &IpAddr| !taken.contains(address);
        let addresses: Vec<IpAddr> =
            v4.into_iter().find(free).into_iter().chain(v6.into_iter().find(free)).collect();
        taken.extend(&addresses);
        desks.push(Host {
            name: typing.from.clone(),
            addresses,
            roles: vec![RoleKind::Mua],
            domains: Vec::new(),
            size_limit: 0,
            resolver: String::new(),
            smtp_without: Vec::new(),
            imap_without: Vec::new(),
            tls: None,
            sign: Vec::new(),
            verify: false,
            trust_arc: Vec::new(),
        });
    }
    desks
}

/// Call the server and type. The story is not over while anything is left to type; afterwards the connection stays
/// open for as long as the story goes on.
pub async fn sit_down(world: Arc<World>, typing: Typing, busy: Busy) {
    let Some(connecting) = call(&world, &typing) else { return };
    let Ok(connection) = connecting.await else { return };
    let mut edits = world.edits(connection.conn, Direction::Client);
    let mut stream = connection.stream;
    let pause = THOUGHT + answer_time(&world.scenario);
    for piece in &typing.pieces {
        if !listen(&mut *stream, pause).await || !say(&mut *stream, piece, &mut edits).await {
            return;
        }
    }
    let there = listen(&mut *stream, pause).await;
    if !there || (typing.hang_up && stream.shutdown().await.is_err()) {
        return;
    }
    drop(busy);
    let mut buffer = vec![0; 16 * 1024];
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    let _ = stream.shutdown().await;
}

/// A call from the person's machine to the server, at the first address that both have a family of.
fn call(
    world: &World,
    typing: &Typing,
) -> Option<crate::world::net::BoxFuture<std::io::Result<crate::world::net::Connection>>> {
    let (here, there) = (world.hosts.get(&typing.from)?, world.hosts.get(&typing.to)?);
    let ends = |to: &IpAddr| here.address_towards(*to).map(|from| (from, *to));
    let (from, to) = there.spec.addresses.iter().find_map(ends)?;
    Some(world.net.connect(from, SocketAddr::new(to, typing.port)))
}

/// There and back over the slowest link, with room for a second exchange behind the first.
fn answer_time(scenario: &Scenario) -> Duration {
    let slowest =
        scenario.links.iter().map(|link| link.latency_ms).chain([scenario.network.latency_ms]).max();
    Duration::from_millis(4 * u64::from(slowest.unwrap_or_default()))
}

/// Listen until the server has been quiet for `pause`; says whether it is still there.
async fn listen(stream: &mut dyn ByteStream, pause: Duration) -> bool {
    let mut buffer = vec![0; 16 * 1024];
    let quiet = async {
        loop {
            match timeout(pause, stream.read(&mut buffer)).await {
                Err(_) => return true,
                Ok(Ok(count)) if count > 0 => {}
                Ok(Ok(_)) => {
                    let _ = stream.shutdown().await;
                    return false;
                }
                Ok(Err(_)) => return false,
            }
        }
    };
    timeout(LISTENING, quiet).await.unwrap_or(true)
}

/// Send a piece; says whether the server took it.
async fn say(stream: &mut dyn ByteStream, piece: &str, edits: &mut Edits) -> bool {
    let edited = edits.apply(piece.as_bytes().to_vec());
    let mut rest = edited.bytes.as_slice();
    while !rest.is_empty() {
        match timeout(UNREAD, stream.write(rest)).await {
            Ok(Ok(count)) if count > 0 => rest = rest.get(count..).unwrap_or_default(),
            _ => return false,
        }
    }
    !edited.cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{Conn, Record};
    use crate::world::run;

    fn typing(to: &str, port: u16, pieces: &[&str]) -> Change {
        Change::Type(Typing {
            after: 0,
            from: "student-laptop".to_owned(),
            to: to.to_owned(),
            port,
            pieces: pieces.iter().map(|p| (*p).to_owned()).collect(),
            hang_up: false,
        })
    }

    fn quiet_world() -> Scenario {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.acts.clear();
        scenario
    }

    /// What was said on the typed connection, a line each.
    fn said(records: &[Record], number: u32) -> String {
        let words = records.iter().filter_map(|record| match record {
            Record::Data { data, .. } if data.conn == Conn(number) => Some(format!(
                "{}{}",
                if data.from == Direction::Client { "C: " } else { "S: " },
                String::from_utf8_lossy(&data.bytes).replace("\r\n", "|")
            )),
            Record::Close { conn, from, how, .. } if *conn == Conn(number) => {
                Some(format!("{from:?} {how:?}"))
            }
            _ => None,
        });
        words.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_typed_is_answered_line_by_line() {
        let lines = ["HELO me\r\n", "FROB\r\n", "QUIT\r\n"];
        let records = run(&quiet_world(), &[typing("mx1.example.net", 25, &lines)]).expect("runs");
        let want = "\
S: 220 mx1.example.net ESMTP postroad|
C: HELO me|
S: 250 mx1.example.net greets me|
C: FROB|
S: 500 5.5.2 Command not recognised; try HELP|
C: QUIT|
S: 221 2.0.0 mx1.example.net Service closing transmission channel|
Server Fin
Client Fin";
        assert_eq!(said(&records, 1), want);
    }

    #[test]
    fn one_more_line_changes_nothing_before_it() {
        let lines =
            ["EHLO me\r\n", "MAIL FROM:<me@example.org>\r\n", "RCPT TO:<bob@example.net>\r\n", "DATA\r\n"];
        let mut before: Vec<Record> = Vec::new();
        for count in 0..=lines.len() {
            let records =
                run(&quiet_world(), &[typing("mx1.example.net", 25, &lines[..count])]).expect("runs");
            // All but the head, which names the change, and the end.
            let old = before.get(1..before.len().saturating_sub(1)).unwrap_or_default();
            assert_eq!(&records[1..1 + old.len()], old, "{count} lines");
            before = records;
        }
        assert!(said(&before, 1).contains("354"));
    }

    #[test]
    fn a_session_can_begin_when_the_story_is_told() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        scenario.acts.truncate(1);
        let told = run(&scenario, &[]).expect("runs");
        let after = told.len() - 1;
        let lines =
            ["USER bob@example.net\r\n", "PASS ship-in-a-bottle\r\n", "STAT\r\n"].map(str::to_owned).to_vec();
        let change = Change::Type(Typing {
            after: after as u64,
            from: "student-laptop".to_owned(),
            to: "mx1.example.net".to_owned(),
            port: 110,
            pieces: lines,
            hang_up: true,
        });
        let again = run(&scenario, std::slice::from_ref(&change)).expect("runs");
        assert_eq!(again[1..after], told[1..after]);
        let Some(Record::Open { open, .. }) = again.get(after) else { panic!("{:?}", again.get(after)) };
        let said = said(&again, open.conn.0);
        assert!(said.contains("+OK 1 ") && said.ends_with("Client Fin\nServer Fin"), "{said}");
        let Some(Record::Head(head)) = again.first() else { panic!("no head") };
        assert!(head.hosts.iter().any(|host| host.name == "student-laptop"));
        assert_eq!(head.scenario, scenario.to_toml(), "the desk is part of the change, not of the scenario");
    }

    #[test]
    fn a_host_that_is_not_there_or_refuses_is_no_harm() {
        for (to, port) in [("nowhere.example", 25), ("mx1.example.net", 4000)] {
            let records = run(&quiet_world(), &[typing(to, port, &["HELO me\r\n"])]).expect("runs");
            assert!(matches!(records.last(), Some(Record::End { .. })), "{to}");
        }
    }
}
