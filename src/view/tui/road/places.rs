//! Which column a station stands in: from who handed mail to whom first, and from names where nobody did.

use super::{Link, Station, StationKind};
use std::collections::BTreeMap;

/// Columns from left to right, each from top to bottom; and who hangs below whom.
type Places = (Vec<Vec<usize>>, Vec<(usize, usize)>);

/// In which direction mail travels on a port, seen from the caller; none where it carries no mail.
fn carries(port: u16) -> Option<bool> {
    match port {
        53 => None,
        110 | 143 | 993 | 995 => Some(false),
        _ => Some(true),
    }
}

/// The places of these stations.
pub(super) fn arrange(stations: &[Station], links: &[Link]) -> Places {
    let mut column = vec![None; stations.len()];
    // The way that letters are handed on first: who only reads waits for them on the right, however early he calls.
    for handed_on in [true, false] {
        for link in links {
            let door = link.doors.iter().find(|(_, port)| carries(*port) == Some(handed_on));
            let Some((listener, client)) = door.map(|(listener, _)| (*listener, link.other(*listener)))
            else {
                continue;
            };
            let (left, right) = if handed_on { (client, listener) } else { (listener, client) };
            match (column[left], column[right]) {
                (None, None) => (column[left], column[right]) = (Some(0), Some(1)),
                (Some(at), None) => column[right] = Some(at + 1),
                (None, Some(at)) => column[left] = Some(at - 1),
                (Some(_), Some(_)) => {}
            }
        }
    }
    guess(stations, &mut column);
    let hanging = hanging(stations, links, &column);
    (in_order(stations, links, &column, &hanging), hanging)
}

/// Who was never called stands beside others of its domain: a server in their column, a device right of its server.
fn guess(stations: &[Station], column: &mut [Option<i32>]) {
    let servers = |s: &Station| s.kind == StationKind::Server;
    let of = |kind: fn(&Station) -> bool, domain: Option<&str>, column: &[Option<i32>]| {
        let same = |s: &Station| domain.is_none_or(|domain| !domain.is_empty() && s.domain == domain);
        let mut places = stations.iter().zip(column).filter(|(s, _)| kind(s) && same(s));
        places.clone().find_map(|(_, at)| *at).or_else(|| places.find_map(|(_, at)| *at))
    };
    let last = column.iter().zip(stations).filter(|(_, s)| servers(s)).filter_map(|(at, _)| *at).max();
    for (i, station) in stations.iter().enumerate() {
        if column[i].is_none() && !matches!(station.kind, StationKind::Dns | StationKind::Device) {
            let beside = of(servers, Some(&station.domain), column);
            column[i] = Some(beside.unwrap_or_else(|| last.map_or(0, |at| at + 1)));
        }
    }
    for (i, station) in stations.iter().enumerate() {
        if column[i].is_none() && station.kind == StationKind::Device {
            let server = of(servers, Some(&station.domain), column).or_else(|| of(servers, None, column));
            column[i] = Some(server.map_or(0, |at| at + 1));
        }
    }
}

/// Stations by column; in each, who is joined to the upper ones of the column before stands higher.
fn in_order(
    stations: &[Station],
    links: &[Link],
    column: &[Option<i32>],
    hanging: &[(usize, usize)],
) -> Vec<Vec<usize>> {
    let mut by_column: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for i in (0..stations.len()).filter(|i| !hanging.iter().any(|(below, _)| below == i)) {
        by_column.entry(column[i].unwrap_or(0)).or_default().push(i);
    }
    let first_link =
        |i: usize| links.iter().position(|l| l.ends.0 == i || l.ends.1 == i).unwrap_or(usize::MAX);
    let mut columns: Vec<Vec<usize>> = Vec::new();
    for (_, mut rows) in by_column {
        let before = columns.last().map(Vec::as_slice).unwrap_or_default();
        let joined = |i: usize| {
            before.iter().position(|b| links.iter().any(|l| l.ends == (i, *b) || l.ends == (*b, i)))
        };
        rows.sort_by_cached_key(|i| (joined(*i).unwrap_or(usize::MAX), first_link(*i)));
        columns.push(rows);
    }
    columns
}

/// Name servers hang below the server who asked first; one whom nobody asked, below the first server.
fn hanging(stations: &[Station], links: &[Link], column: &[Option<i32>]) -> Vec<(usize, usize)> {
    let stands = |i: usize| stations[i].kind != StationKind::Dns && column[i].is_some();
    let first = (0..stations.len())
        .find(|i| stations[*i].kind == StationKind::Server)
        .or_else(|| (0..stations.len()).find(|i| stands(*i)));
    let dns = (0..stations.len()).filter(|i| stations[*i].kind == StationKind::Dns);
    dns.filter_map(|i| {
        let asks = |l: &&Link| l.doors.iter().any(|(who, _)| *who == i) && stands(l.other(i));
        let mut askers = links.iter().filter(asks).map(|l| l.other(i));
        // A server asks where mail goes, which is what the road is about; a device only where its server is.
        let asker =
            askers.clone().find(|a| stations[*a].kind == StationKind::Server).or_else(|| askers.next());
        Some((i, asker.or(first)?))
    })
    .collect()
}

/// Devices that nobody has seen calling, each with the server of its domain: they belong together, as far as one knows.
pub(super) fn expected(stations: &[Station], links: &[Link]) -> Vec<(usize, usize)> {
    let idle = |i: usize| links.iter().all(|l| l.ends.0 != i && l.ends.1 != i);
    let server = |domain: &str| {
        stations
            .iter()
            .position(|s| s.kind == StationKind::Server && s.domain == domain && !domain.is_empty())
    };
    let devices = (0..stations.len()).filter(|i| stations[*i].kind == StationKind::Device && idle(*i));
    devices.filter_map(|i| Some((server(&stations[i].domain)?, i))).collect()
}
