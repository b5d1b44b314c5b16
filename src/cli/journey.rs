//! `postroad journey`: build the scenario, run it, tell its story.

use super::args::Journey;
use super::fullscreen::{self, Kept, Service};
use super::{CommandError, letter, linear, screen};
use crate::base::escape;
use crate::explain::Story;
use crate::trace::Record;
use crate::view::json::Json;
use crate::view::plain::{Options, Plain};
use crate::view::{Cast, Closing, Renderer, Tally};
use crate::world::scenario::Scenario;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Do what was asked.
pub fn run(args: &Journey) -> Result<(), CommandError> {
    let begun = now();
    let scenario = scenario(args)?;
    if is_walked(args) {
        return walk(args, scenario);
    }
    let records = super::scenario::carried(&scenario)?;
    if let Some(path) = &args.record {
        fullscreen::keep(&records, path)?;
    }
    if args.interactive {
        return linear::run(linear::view("", records.into(), args.show_secrets)?, None);
    }
    let next = next(args);
    if args.json {
        let mut view = Json::new(screen::out(), args.show_secrets);
        return tell(&mut view, &records, || None, &next);
    }
    let options = Options {
        detail: args.detail.unwrap_or_default().into(),
        width: screen::width(args.width.map(usize::from)),
        colour: screen::colour(),
        show_secrets: args.show_secrets,
    };
    // A file gets the same text every time; only who looks on is told how long it took.
    let took = || screen::is_watched().then(|| begun.elapsed());
    tell(&mut Plain::new(screen::out(), options), &records, took, &next)
}

/// Whether it is walked on the full screen: somebody sits before a terminal, and asked for nothing that only text has.
fn is_walked(args: &Journey) -> bool {
    let told = args.plain || args.interactive || args.json || args.detail.is_some() || args.width.is_some();
    !told && fullscreen::is_possible()
}

/// Walk it on the full screen. It is carried on a thread of its own.
fn walk(args: &Journey, scenario: Scenario) -> Result<(), CommandError> {
    let waiting = format!("carrying the letter: {}", escape::text(&scenario.title));
    let (kept, path, secrets) = (Kept::default(), args.record.clone(), args.show_secrets);
    let opener = fullscreen::growing(Arc::clone(&kept), secrets, move |feed| {
        let run = crate::world::run_observed(&scenario, &[], Some(feed), |_| {});
        let records = run.map_err(|error| CommandError::failure(error.to_string(), ""))?;
        path.map_or(Ok(()), |path| fullscreen::keep(&records, &path))?;
        Ok(records)
    });
    let export = move |path: &Path, from: usize| {
        fullscreen::export(kept.get().map(|records| &**records), path, from, secrets)
    };
    let service =
        Service { export: Some(Arc::new(export)), keeper: None, switch: None, show_secrets: secrets };
    fullscreen::run(&waiting, opener, None, &service)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long the program itself took is told to whoever watches it"
)]
fn now() -> Instant {
    Instant::now()
}

/// The scenario that was asked for, with the letter and the faults that were asked for.
fn scenario(args: &Journey) -> Result<Scenario, CommandError> {
    let mut scenario = super::scenario::read_with(args.scenario.as_deref(), "journey", &args.breaks)?;
    letter::apply(&mut scenario, args)?;
    Ok(scenario)
}

/// Tell the story of these records.
fn tell(
    view: &mut impl Renderer,
    records: &[Record],
    took: impl FnOnce() -> Option<Duration>,
    next: &[String],
) -> Result<(), CommandError> {
    let Some(Record::Head(head)) = records.first() else {
        return Err(CommandError::failure("the transcript has no head, so nobody knows who is who", ""));
    };
    let (mut cast, mut tally, mut story) = (Cast::default(), Tally::default(), Story::new(head));
    for (index, record) in records.iter().enumerate() {
        cast.learn(record);
        if index == 0 {
            view.begin(&cast)?;
        }
        for item in story.push(index, record) {
            tally.see(&item, cast.start);
            view.item(&cast, &item)?;
        }
    }
    for item in story.finish() {
        tally.see(&item, cast.start);
        view.item(&cast, &item)?;
    }
    Ok(view.end(&cast, &tally, &Closing { state: story.state(), real: took(), next })?)
}

/// What to try next: what was not tried yet, and the word that this journey turned on.
fn next(args: &Journey) -> Vec<String> {
    if let Some(own) = &args.scenario {
        // What else a world of one's own has, nobody here knows.
        let all = args.detail.unwrap_or_default() == super::args::Detail::Full;
        let path = escape::text(&own.display().to_string());
        let more = (!all).then(|| format!("postroad journey --scenario {path} --detail full | less"));
        return more.into_iter().chain(["postroad explain RCPT".to_owned()]).collect();
    }
    let broken = args.breaks.first().map(String::as_str);
    let abroad = args.to.is_empty() || args.to.iter().any(|to| !to.contains("@example.com"));
    let other = match broken {
        None if args.to.is_empty() => "postroad journey --break mx1-down",
        None if abroad => "postroad journey --to carol@example.com",
        None => "postroad journey",
        Some("mx1-down") => "postroad journey --break greylist",
        Some("greylist") => "postroad journey --break unknown-user",
        Some("unknown-user") => "postroad journey --break null-mx",
        Some("null-mx" | "no-mx") => "postroad journey --break nxdomain",
        Some("nxdomain") => "postroad journey --break dns-timeout",
        Some("mailbox-full") => "postroad journey --break unknown-user",
        Some(_) => "postroad journey",
    };
    let word = match broken {
        Some("mx1-down" | "no-mx" | "null-mx") => "postroad explain MX",
        Some("greylist") => "postroad explain \"451 4.7.1\"",
        Some("unknown-user") => "postroad explain \"550 5.1.1\"",
        Some("mailbox-full") => "postroad explain \"552 5.2.2\"",
        Some("nxdomain") => "postroad explain NXDOMAIN",
        _ => "postroad explain RCPT",
    };
    let mut out = vec![other];
    if broken.is_none() && args.to.is_empty() {
        out.push("postroad journey --to carol@example.com");
    }
    if args.detail.unwrap_or_default() == super::args::Detail::Brief {
        out.push("postroad journey --detail full | less");
    }
    out.push(word);
    out.into_iter().map(str::to_owned).collect()
}
