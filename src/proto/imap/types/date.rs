//! Days and moments as IMAP writes them: "date-text", "date-time" (RFC 9051 §9), and what they count from 1970.

use serde::Serialize;
use std::fmt;

/// A day, without time or zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Date {
    /// Year, four digits.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
}

/// The twelve names of `date-month`.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Date {
    /// Days since 1970-01-01, in the proleptic Gregorian calendar.
    pub fn days(self) -> i64 {
        // Years begin in March here, so that the leap day is the last day of a year.
        let month = i64::from(self.month);
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + i64::from(self.day) - 1;
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
    }

    /// The day that is so many days after 1970-01-01; years are clipped to 0 … 9999.
    pub fn from_days(days: i64) -> Date {
        let days = days.clamp(-719_528, 2_932_896) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date {
            year: u16::try_from(year).unwrap_or(0),
            month: u8::try_from(month).unwrap_or(1),
            day: u8::try_from(of_year - (153 * shifted + 2) / 5 + 1).unwrap_or(1),
        }
    }
}

impl fmt::Display for Date {
    /// `date-text`: `1-Feb-1994`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:04}", self.day, month_name(self.month), self.year)
    }
}

fn month_name(month: u8) -> &'static str {
    MONTHS.get(usize::from(month).wrapping_sub(1)).copied().unwrap_or("Jan")
}

/// A `date-time`: a moment as a clock in some zone shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct DateTime {
    /// The day there.
    pub date: Date,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second, 0 to 60.
    pub second: u8,
    /// East of Greenwich, in minutes.
    pub zone: i16,
}

impl DateTime {
    /// Seconds since 1970-01-01 00:00 UTC.
    pub fn unix_seconds(self) -> i64 {
        let clock = i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        self.date.days() * 86_400 + clock - i64::from(self.zone) * 60
    }

    /// That moment as a clock `zone` minutes east of Greenwich shows it.
    pub fn from_unix_seconds(seconds: i64, zone: i16) -> DateTime {
        let local = seconds.saturating_add(i64::from(zone) * 60);
        let clock = local.rem_euclid(86_400);
        let digit = |n: i64| u8::try_from(n).unwrap_or(0);
        DateTime {
            date: Date::from_days(local.div_euclid(86_400)),
            hour: digit(clock / 3600),
            minute: digit(clock / 60 % 60),
            second: digit(clock % 60),
            zone,
        }
    }
}

impl fmt::Display for DateTime {
    /// `date-time` without its quotes: `17-Jul-1996 02:44:25 -0700`, the day in two columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, zone) = (if self.zone < 0 { '-' } else { '+' }, self.zone.unsigned_abs());
        let Date { year, month, day } = self.date;
        write!(f, "{day:2}-{}-{year:04} ", month_name(month))?;
        write!(f, "{:02}:{:02}:{:02} ", self.hour, self.minute, self.second)?;
        write!(f, "{sign}{:02}{:02}", zone / 60, zone % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_through_leap_years() {
        for (year, month, day, days) in
            [(1970, 1, 1, 0), (1972, 2, 29, 789), (2000, 3, 1, 11_017), (1969, 12, 31, -1)]
        {
            let date = Date { year, month, day };
            assert_eq!((date.days(), Date::from_days(days)), (days, date));
        }
        for days in (-719_000..2_900_000).step_by(997) {
            assert_eq!(Date::from_days(days).days(), days);
        }
    }

    #[test]
    fn a_moment_reads_the_same_in_every_zone() {
        let there = DateTime::from_unix_seconds(837_596_665, -420);
        assert_eq!(there.to_string(), "17-Jul-1996 02:44:25 -0700");
        assert_eq!(there.unix_seconds(), 837_596_665);
        assert_eq!(DateTime::from_unix_seconds(760_000_000, 0).to_string(), "31-Jan-1994 07:06:40 +0000");
    }
}
