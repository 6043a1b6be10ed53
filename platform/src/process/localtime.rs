//! The local wall clock, as text.

use std::time::SystemTime;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A point in time taken apart in the local time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalTime {
    year: i32,
    month: usize,
    day: i32,
    weekday: usize,
    hour: i32,
    minute: i32,
    second: i32,
}

impl LocalTime {
    /// Now.
    pub fn now() -> Self {
        Self::at(SystemTime::now())
    }

    /// Now, in UTC.
    pub fn utc() -> Self {
        Self::taken_apart(SystemTime::now(), |secs, tm| {
            // SAFETY: both are valid for the call; gmtime_r keeps neither. A null result leaves `tm` zero.
            unsafe { libc::gmtime_r(secs, tm) };
        })
    }

    /// The local time at `time`; 1970 for a time before that.
    pub fn at(time: SystemTime) -> Self {
        Self::taken_apart(time, |secs, tm| {
            // SAFETY: both are valid for the call; localtime_r keeps neither. A null result leaves `tm` zero.
            unsafe { libc::localtime_r(secs, tm) };
        })
    }

    fn taken_apart(time: SystemTime, how: impl Fn(&libc::time_t, &mut libc::tm)) -> Self {
        let secs = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let secs = libc::time_t::try_from(secs).unwrap_or(0);
        // SAFETY: all-zero bytes are a valid `struct tm`.
        let mut tm: libc::tm = unsafe { std::mem::zeroed() };
        how(&secs, &mut tm);
        Self {
            year: tm.tm_year + 1900,
            month: usize::try_from(tm.tm_mon).unwrap_or(0) % 12,
            day: tm.tm_mday,
            weekday: usize::try_from(tm.tm_wday).unwrap_or(0) % 7,
            hour: tm.tm_hour,
            minute: tm.tm_min,
            second: tm.tm_sec,
        }
    }

    /// As ctime(3) prints it, without the newline: `Sun Jan 19 21:28:59 2020`.
    pub fn ctime(self) -> String {
        let Self { year, month, day, weekday, hour, minute, second } = self;
        let (weekday, month) = (DAYS[weekday], MONTHS[month]);
        format!("{weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year}")
    }

    /// As in the name of a file: `20200119T212859`.
    pub fn compact(self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year:04}{:02}{day:02}T{hour:02}{minute:02}{second:02}", month + 1)
    }

    /// As in a log line: `2020-01-19 21:28:59`.
    pub fn stamp(self) -> String {
        let Self { year, month, day, hour, minute, second, .. } = self;
        format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", month + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_pad_as_expected() {
        let time = LocalTime { year: 2020, month: 0, day: 9, weekday: 4, hour: 1, minute: 2, second: 3 };
        assert_eq!(time.ctime(), "Thu Jan  9 01:02:03 2020");
        assert_eq!(time.stamp(), "2020-01-09 01:02:03");
        assert_eq!(time.compact(), "20200109T010203");
    }

    #[test]
    fn now_agrees_with_date() {
        let before = LocalTime::now().stamp();
        let date = std::process::Command::new("date").arg("+%Y-%m-%d %H:%M:%S").output().unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let after = LocalTime::now().stamp();
        assert!(before.as_str() <= date.trim() && date.trim() <= after.as_str(), "{before} {date} {after}");
    }

    #[test]
    fn utc_agrees_with_date() {
        let before = LocalTime::utc().compact();
        let date = std::process::Command::new("date").args(["-u", "+%Y%m%dT%H%M%S"]).output().unwrap();
        let date = String::from_utf8(date.stdout).unwrap();
        let after = LocalTime::utc().compact();
        assert!(before.as_str() <= date.trim() && date.trim() <= after.as_str(), "{before} {date} {after}");
    }
}
