//! The road of shipped transcripts, and of others that no scenario has, at many sizes.

use super::*;
use crate::base::Instant;
use crate::dissect::Kind;
use crate::explain::Item;
use crate::trace::{Conn, Fact, Transport};
use crate::view::Cast;
use crate::view::tui::ladder::cut_name;
use crate::view::tui::testing::{Told, all, styles, text, told};
use crate::view::tui::theme::Theme;
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use std::fmt::Write as _;

fn drawn(road: &Road, scene: &Scene, theme: &Theme, width: u16, height: u16) -> Buffer {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    Layout::of(road, scene, width, height).draw(road, scene, theme, &mut buffer, area);
    buffer
}

fn road_of(told: &Told) -> Road {
    Road::of(&told.head, &told.opens)
}

fn scene(told: &Told, road: &Road, row: usize) -> Scene {
    let (item, state) = &told.rows[row];
    Scene::of(road, &told.cast, state, Some(item))
}

/// The road at these rows and at each of these widths.
fn pictures(told: &Told, rows: &[usize], widths: &[u16]) -> String {
    let road = road_of(told);
    let mut out = String::new();
    for row in rows {
        let _ = writeln!(out, "{}", told.about(*row));
        for width in widths {
            let height = Layout::wants(&road, *width, 6);
            out += &text(&drawn(&road, &scene(told, &road, *row), &Theme::mono(), *width, height));
        }
    }
    out
}

fn step(told: &Told, kind: Kind, verb: &str, code: &str) -> usize {
    told.row_where(|item| {
        matches!(item, Item::Step(s, _) if s.kind == kind && s.verb == verb && s.code.starts_with(code))
    })
}

fn fact(told: &Told, holds: fn(&Fact) -> bool) -> usize {
    told.row_where(|item| matches!(item, Item::Fact { fact, .. } if holds(fact)))
}

#[test]
fn a_letter_travels_from_alice_to_bob() {
    let told = told("journey");
    let rows = [
        0,
        fact(&told, |fact| matches!(fact, Fact::IntentBegins { .. })),
        step(&told, Kind::Query, "SRV", ""),
        step(&told, Kind::Command, "EHLO", ""),
        step(&told, Kind::Command, "RCPT", ""),
        step(&told, Kind::Data, "message", ""),
        fact(&told, |fact| matches!(fact, Fact::Queued { .. })),
        step(&told, Kind::Reply, ".", "250"),
        step(&told, Kind::Query, "MX", ""),
        fact(&told, |fact| matches!(fact, Fact::Relayed { .. })),
        fact(&told, |fact| matches!(fact, Fact::Delivered { .. })),
        told.row_where(|item| {
            matches!(item, Item::Step(s, _) if s.kind == Kind::Untagged && s.bytes.windows(6).any(|b| b == b"BODY[]"))
        }),
        step(&told, Kind::Reply, "RETR", "+OK"),
        told.rows.len() - 1,
    ];
    insta::assert_snapshot!("journey", pictures(&told, &rows, &[98, 78]));
    insta::assert_snapshot!("journey_wide", pictures(&told, &rows[4..6], &[198, 120]));
}

#[test]
fn the_road_has_the_shape_of_its_story() {
    let mut out = String::new();
    for name in
        ["mx1-down", "greylist", "imap-idle", "same-domain", "null-mx", "relay-denied", "maildrop-lock"]
    {
        let told = told(name);
        let refused = told.rows.iter().position(|(item, _)| {
            matches!(item, Item::Step(s, _) if s.kind == Kind::Close && s.code.is_empty() && s.verb.is_empty()
                && matches!(s.meaning, crate::dissect::Meaning::Close(how) if how != crate::trace::CloseHow::Fin))
        });
        let rows: Vec<usize> =
            refused.into_iter().chain([told.rows.len() / 2, told.rows.len() * 3 / 4]).collect();
        let _ = writeln!(out, "## {name}");
        out += &pictures(&told, &rows, &[98, 78]);
    }
    insta::assert_snapshot!("shapes", out);
}

#[test]
fn its_colours_say_who_speaks() {
    let told = told("journey");
    let road = road_of(&told);
    let now = scene(&told, &road, step(&told, Kind::Reply, "DATA", "354"));
    let mut out = String::new();
    for (name, theme) in [("dark", Theme::dark()), ("light", Theme::light()), ("mono", Theme::mono())] {
        let _ = writeln!(out, "{name}\n{}", styles(&drawn(&road, &now, &theme, 98, 4)));
    }
    insta::assert_snapshot!("colours", out);
}

#[test]
fn every_host_of_every_shipped_transcript_is_on_the_road() {
    for (name, told) in all() {
        let road = road_of(told);
        for row in (0..told.rows.len()).step_by(17) {
            let now = scene(told, &road, row);
            let picture = text(&drawn(&road, &now, &Theme::mono(), 98, Layout::wants(&road, 98, 6)));
            for station in road.stations() {
                // Where there is no room for the whole name: its first label, where no other has it, or its two ends.
                let label = station.name.split('.').next().unwrap_or_default();
                let same = road.stations().iter().filter(|s| s.name.split('.').next() == Some(label)).count();
                let cuts = [usize::MAX, 12, 7].map(|most| cut_name(&station.name, most));
                let is_there =
                    cuts.iter().any(|cut| picture.contains(cut)) || (same == 1 && picture.contains(label));
                assert!(is_there, "{name}, row {row}: {}\n{picture}", station.name);
            }
        }
    }
}

#[test]
fn stations_stay_where_they_are() {
    for (name, told) in all() {
        let road = road_of(told);
        for (width, height) in [(98, 6), (198, 6)] {
            let places = |row: usize| {
                let layout = Layout::of(&road, &scene(told, &road, row), width, height);
                (0..road.stations().len()).map(|s| layout.place_of(s)).collect::<Vec<_>>()
            };
            let first = places(0);
            assert!((0..told.rows.len()).step_by(7).all(|row| places(row) == first), "{name}");
        }
    }
}

#[test]
fn a_click_finds_the_station() {
    let told = told("journey");
    let road = road_of(&told);
    let layout = Layout::of(&road, &scene(&told, &road, 40), 98, 4);
    for at in 0..road.stations().len() {
        let (x, y) = layout.place_of(at).unwrap();
        let name = u16::try_from(road.stations()[at].name.len()).unwrap();
        assert_eq!(layout.station_at(x, y), Some(at));
        assert_eq!(layout.station_at(x + 1 + name, y), Some(at));
        assert_ne!(layout.station_at(x + 3 + name, y), Some(at));
    }
    let mail = road.station("mail.example.com").unwrap();
    let (x, y) = layout.place_of(mail).unwrap();
    assert_eq!(layout.station_at(x + 2, y + 1), Some(mail), "what it holds is it too");
    assert_eq!(layout.station_at(500, 500), None);
}

#[test]
fn an_envelope_moves_the_way_of_the_letter() {
    let told = told("journey");
    let road = road_of(&told);
    let at = |kind, verb, code| scene(&told, &road, step(&told, kind, verb, code));
    let (mail, data) = (at(Kind::Reply, "MAIL", "250"), at(Kind::Data, "message", ""));
    let along = |scene: &Scene| scene.flights.iter().map(|f| f.along).collect::<Vec<_>>();
    assert!(along(&mail) < along(&data) && data.moves(&mail), "{mail:?} {data:?}");
    assert_eq!(along(&data.moving(&mail, 0)), along(&mail));
    assert_eq!(data.moving(&mail, 100), data);
    let half = along(&data.moving(&mail, 50));
    assert!(along(&mail) < half && half < along(&data));
    assert_eq!(along(&at(Kind::Reply, ".", "250")), [1000]);
    assert!(along(&at(Kind::Command, "QUIT", "")).is_empty());
}

fn open(conn: u32, client: &str, server: &str) -> Opened {
    let (client, server) = (client.parse().unwrap(), server.parse().unwrap());
    Opened { conn: Conn(conn), transport: Transport::Tcp, client, server }
}

fn head(hosts: Vec<HostInfo>) -> Head {
    Head {
        version: 1,
        generator: String::new(),
        title: String::new(),
        start: Instant::from_secs(0),
        hosts,
        scenario: String::new(),
        seed: 0,
        changes: Vec::new(),
    }
}

fn still(road: &Road) -> Scene {
    Scene::of(road, &Cast::default(), &crate::state::State::default(), None)
}

/// Roads that no shipped scenario has: nobody, one host, a chain, a star, addresses only, name servers only.
fn odd() -> Vec<Road> {
    let chain: Vec<Opened> =
        (1..12).map(|i| open(i, &format!("10.0.0.{i}:4000"), &format!("10.0.0.{}:25", i + 1))).collect();
    let star: Vec<Opened> =
        (1..90).map(|i| open(i, &format!("10.1.0.{i}:4000"), "[2001:db8::143]:143")).collect();
    let mut dns =
        HostInfo { name: "ns.example".to_owned(), addresses: Vec::new(), roles: vec!["dns".to_owned()] };
    let only_dns = head(vec![dns.clone()]);
    dns.roles.push("mta".to_owned());
    dns.addresses.push("10.2.0.1".parse().unwrap());
    let wide = HostInfo { name: "邮件\u{202E}.例子".to_owned(), ..dns.clone() };
    let itself = [open(1, "10.2.0.1:4000", "10.2.0.1:25"), open(2, "10.0.0.1:4000", "10.2.0.1:53")];
    let far = [
        open(1, "10.0.0.1:4000", "10.0.0.2:587"),
        open(2, "10.0.0.2:4000", "10.0.0.3:25"),
        open(3, "10.0.0.1:4000", "10.0.0.3:25"),
    ];
    vec![
        Road::default(),
        Road::of(&head(Vec::new()), &chain),
        Road::of(&head(Vec::new()), &star),
        Road::of(&head(Vec::new()), &far),
        Road::new(&only_dns),
        Road::of(&head(vec![dns, wide]), &itself),
    ]
}

#[test]
fn a_road_that_no_scenario_has_is_still_a_road() {
    let mut out = String::new();
    for road in odd() {
        for (width, height) in [(98, 6), (78, 1), (40, 5)] {
            let picture = text(&drawn(&road, &still(&road), &Theme::mono(), width, height));
            let _ = writeln!(out, "{width}×{height}\n{}", picture.trim_end_matches('\n'));
        }
    }
    insta::assert_snapshot!("odd", out);
}

#[test]
fn a_crowd_is_counted() {
    let roads = odd();
    let star = &roads[2];
    assert_eq!((star.stations().len(), star.left_out()), (64, 26));
    let picture = text(&drawn(star, &still(star), &Theme::mono(), 98, 6));
    assert!(picture.contains("+57"), "{picture}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_is_drawn(pick in 0_usize..1000, row in 0_usize..10_000, width in 1_u16..300, height in 0_u16..60) {
        let roads = odd();
        let (road, now) = match all().get(pick % (all().len() + roads.len())) {
            Some((_, told)) => {
                let road = road_of(told);
                let now = scene(told, &road, row % told.rows.len());
                (road, now)
            }
            None => {
                let road = roads[pick % roads.len()].clone();
                let now = still(&road);
                (road, now)
            }
        };
        let layout = Layout::of(&road, &now, width, height);
        let inside = Rect::new(0, 0, width, height);
        drawn(&road, &now, &Theme::dark(), width, height);
        // A terminal that has shrunk since.
        let small = Rect::new(0, 0, width / 2 + 1, height / 2 + 1);
        let mut buffer = Buffer::empty(small);
        layout.draw(&road, &now, &Theme::dark(), &mut buffer, inside);
        for (x, y) in [(0, 0), (width, height), (width / 2, height / 2)] {
            prop_assert!(layout.station_at(x, y).is_none_or(|at| at < road.stations().len()));
        }
    }
}

#[test]
fn every_small_width_is_drawn() {
    let told = told("mx1-down");
    let road = road_of(&told);
    let now = scene(&told, &road, told.rows.len() / 2);
    for width in 1..120 {
        for height in 0..8 {
            drawn(&road, &now, &Theme::light(), width, height);
        }
    }
}
