//! Time and numbers in words: `00:00.061`, `15 minutes pass`, `2 812`.

use crate::base::Instant;
use std::time::Duration;

/// Time since the story's start in at most nine columns: `mm:ss.mmm`, from an hour on `h:mm:ss`, from a day on
/// `3d 04:05`.
pub fn elapsed(since: Duration) -> String {
    let secs = since.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3600 % 24, secs / 60 % 60);
    match secs {
        0..3600 => format!("{minutes:02}:{:02}.{:03}", secs % 60, since.subsec_millis()),
        3600..86_400 => format!("{hours}:{minutes:02}:{:02}", secs % 60),
        _ => format!("{days}d {hours:02}:{minutes:02}"),
    }
}

/// `15 minutes pass`, `1 hour 5 minutes pass`, `1 second passes`: the two largest units, the second left out where
/// it is little beside the first.
pub fn passes(by: Duration) -> String {
    let secs = by.as_secs();
    // 4 minutes 58 seconds are five minutes to people.
    let whole = [86_400, 3600, 60].into_iter().find(|unit| secs >= *unit);
    let secs = match whole.map(|unit| ((secs + unit / 30) / unit, unit)) {
        Some((n, unit)) if secs.abs_diff(n * unit) <= unit / 30 => n * unit,
        _ => secs,
    };
    let units = [
        (secs / 86_400, "day"),
        (secs / 3600 % 24, "hour"),
        (secs / 60 % 60, "minute"),
        (secs % 60, "second"),
    ];
    let first = units.iter().position(|(n, _)| *n > 0).unwrap_or(3);
    let said: Vec<String> =
        units.iter().skip(first).take(2).filter(|(n, _)| *n > 0).map(|(n, unit)| count(*n, unit)).collect();
    let verb = if said.len() == 1 && said.iter().all(|s| s.starts_with("1 ")) { "passes" } else { "pass" };
    format!("{} {verb}", said.join(" "))
}

/// A span of time in one unit, as in `4 ms`, `2.3 s`, `15 min`, `3 h`, `4 days`.
pub fn short(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        s @ 1..120 => format!("{s}.{} s", time.subsec_millis() / 100),
        s @ 120..7200 => format!("{} min", s / 60),
        s @ 7200..172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

/// `1 command`, `2 812 bytes`.
pub fn count(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// Digits in groups of three: `10 485 760`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + 6);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `2026-01-05 09:00 UTC`; microseconds where no calendar reaches.
pub fn date(at: Instant) -> String {
    match jiff::Timestamp::from_microsecond(at.as_micros()) {
        Ok(timestamp) => timestamp.strftime("%Y-%m-%d %H:%M UTC").to_string(),
        Err(_) => format!("{} µs", at.as_micros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_grows_with_the_story_and_stays_nine_columns_wide() {
        let at = |millis: u64| elapsed(Duration::from_millis(millis));
        assert_eq!(at(61), "00:00.061");
        assert_eq!(at(3_599_999), "59:59.999");
        assert_eq!(at(3_600_000), "1:00:00");
        assert_eq!(at(86_400_000 * 4 + 3_660_000), "4d 01:01");
    }

    #[test]
    fn a_jump_is_said_in_words() {
        assert_eq!(passes(Duration::from_secs(900)), "15 minutes pass");
        assert_eq!(passes(Duration::from_millis(1_020)), "1 second passes");
        assert_eq!(passes(Duration::from_secs(86_400 + 3600)), "1 day 1 hour pass");
        assert_eq!(passes(Duration::from_secs(3605)), "1 hour passes");
        assert_eq!(passes(Duration::from_secs(298)), "5 minutes pass");
        assert_eq!(passes(Duration::from_secs(270)), "4 minutes 30 seconds pass");
        assert_eq!(short(Duration::from_millis(2_345)), "2.3 s");
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(10_485_760), "10 485 760");
        assert_eq!(count(1, "hop"), "1 hop");
    }

    #[test]
    fn a_date_is_utc() {
        assert_eq!(date(Instant::from_secs(1_767_603_600)), "2026-01-05 09:00 UTC");
    }
}
