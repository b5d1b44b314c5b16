//! The SPF community's test suite for RFC 7208 (`rfc7208-tests.yml` of the Python package pyspf), all of it.
//!
//! It is read, as JSON, from the folder named by `POSTROAD_PYSPF`, or from `target/pyspf`; `.ci/run` fetches it.

#![allow(clippy::print_stderr, reason = "a test that skips, and one that counts, say so")]

use postroad::proto::policy::spf::{Request, Verdict};
use postroad::proto::policy::{Answer, Check, Data, Question, Rtype};
use serde_json::Value;
use std::path::PathBuf;

/// How many tests the suite of release 2014.04 has.
const TESTS: usize = 203;

fn suite() -> Option<Vec<Value>> {
    let folder = std::env::var_os("POSTROAD_PYSPF")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/pyspf"), PathBuf::from);
    let text = std::fs::read_to_string(folder.join("rfc7208-tests.json")).ok();
    if text.is_none() && std::env::var_os("POSTROAD_REQUIRE_ALL").is_some() {
        panic!("rfc7208-tests.json is not in {}: .ci/run fetches it", folder.display());
    }
    serde_json::from_str(&text?).ok()
}

/// The records of a name and type in the suite's manner: `SPF` stands for `TXT` where a name has no `TXT` of its own.
fn dns(zone: &Value, question: &Question, aliases: usize) -> Answer {
    let found = zone.as_object().and_then(|names| {
        names.iter().find(|(name, _)| name.eq_ignore_ascii_case(question.name.trim_end_matches('.')))
    });
    let Some(records) = found.and_then(|(_, records)| records.as_array()) else {
        return match question.name.starts_with("error.") {
            true => Answer::Failed("time-out".to_owned()),
            false => Answer::NxDomain,
        };
    };
    let has_txt = records.iter().any(|record| record.get("TXT").is_some());
    let (mut data, mut silent) = (Vec::new(), false);
    for record in records {
        if record == "TIMEOUT" {
            silent = true;
            continue;
        }
        let Some((kind, value)) = record.as_object().and_then(|o| o.iter().next()) else { continue };
        let kind = if kind == "SPF" && !has_txt { "TXT" } else { kind.as_str() };
        if kind == "CNAME" {
            let target =
                Question { name: value.as_str().unwrap_or_default().to_owned(), rtype: question.rtype };
            // An alias of itself leads nowhere.
            return if aliases == 8 { Answer::NoData } else { dns(zone, &target, aliases + 1) };
        }
        if kind != question.rtype.name() || value == "NONE" {
            continue;
        }
        if value == "TIMEOUT" {
            return Answer::Failed("time-out".to_owned());
        }
        data.extend(read(question.rtype, value));
    }
    match (data.is_empty(), silent) {
        (false, _) => Answer::Records(data),
        (true, true) => Answer::Failed("time-out".to_owned()),
        (true, false) => Answer::NoData,
    }
}

fn read(rtype: Rtype, value: &Value) -> Option<Data> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(match rtype {
        Rtype::Txt => Data::Text(match value {
            Value::Array(strings) => strings.iter().filter_map(text).collect::<String>().into_bytes(),
            one => text(one)?.into_bytes(),
        }),
        Rtype::A | Rtype::Aaaa => Data::Address(value.as_str()?.parse().ok()?),
        Rtype::Ptr => Data::Name(text(value)?),
        Rtype::Mx => Data::Mx(u16::try_from(value.get(0)?.as_u64()?).ok()?, text(value.get(1)?)?),
    })
}

fn run(test: &Value, zone: &Value) -> Verdict {
    let text = |key: &str| test.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let request = Request {
        ip: text("host").parse().expect("the suite gives an address"),
        helo: text("helo"),
        sender: text("mailfrom"),
        receiver: test.get("receiver").and_then(Value::as_str).unwrap_or("receiver").to_owned(),
        now: 1_389_657_600,
    };
    Check::new(request).run(|question| dns(zone, question, 0))
}

/// What is wrong with a verdict, if anything.
fn complaint(test: &Value, verdict: &Verdict) -> Option<String> {
    let allowed: Vec<&str> = match &test["result"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let result = verdict.result.name();
    if !allowed.contains(&result) {
        return Some(format!("{result}, not {}", allowed.join(" or ")));
    }
    let wanted = test.get("explanation").and_then(Value::as_str)?;
    let got = verdict.explanation.as_deref().unwrap_or("DEFAULT");
    (got != wanted).then(|| format!("explained as {got:?}, not {wanted:?}"))
}

#[test]
fn the_suite_of_rfc_7208_passes_whole() {
    let Some(suite) = suite() else {
        eprintln!("skipped: the_suite_of_rfc_7208_passes_whole (no rfc7208-tests.json; .ci/run fetches it)");
        return;
    };
    let (mut passed, mut failed) = (0, Vec::new());
    for scenario in &suite {
        for (name, test) in scenario["tests"].as_object().into_iter().flatten() {
            let verdict = run(test, &scenario["zonedata"]);
            assert!(!verdict.rules.is_empty(), "{name} has no rules");
            match complaint(test, &verdict) {
                None => passed += 1,
                Some(why) => failed.push(format!("{name}: {why}\n  {:?}", verdict.rules.last())),
            }
        }
    }
    eprintln!("{passed} of {} tests of the SPF suite pass", passed + failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert_eq!(passed, TESTS, "the suite is not whole");
}
