//! When a certificate is valid, and for whom: the few fields of X.509 (RFC 5280 §4.1) that say so. Pure.
//!
//! The TLS library has checked the rest, and a parser for all of X.509 would be a dozen crates for two dates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use switchboard_domain::time::Timestamp;

/// A certificate ends soon when less than this is left, or a quarter of its life where that is less.
const SOON_MAX: Duration = Duration::from_hours(14 * 24);

/// Characters of a name shown, at most.
const NAME_CHARS_MAX: usize = 100;

// DER tags (X.690 §8.1.2, RFC 5280).
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// `id-at-commonName`.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// `id-ce-subjectAltName`.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1d, 0x11];

/// For whom and when a certificate is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Validity {
    /// Its first alternative name, else its common name; empty where it has neither.
    name: String,
    from: Timestamp,
    until: Timestamp,
}

/// How it stands with a certificate, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Valid, and for a while.
    Good,
    /// Valid, and not for long.
    EndsSoon,
    /// Not valid yet.
    NotYet,
    /// Not valid any more.
    Ended,
}

impl Validity {
    /// Reads a certificate (DER). `None`: it is none.
    pub(super) fn of(certificate: &[u8]) -> Option<Self> {
        let (certificate, _) = Der(certificate).tagged(SEQUENCE)?;
        let (rest, _) = certificate.tagged(SEQUENCE)?;
        let rest = rest.tagged(VERSION).map_or(rest, |(_, rest)| rest);
        let (_serial, rest) = rest.tagged(INTEGER)?;
        let (_algorithm, rest) = rest.tagged(SEQUENCE)?;
        let (_issuer, rest) = rest.tagged(SEQUENCE)?;
        let (validity, rest) = rest.tagged(SEQUENCE)?;
        let (subject, rest) = rest.tagged(SEQUENCE)?;
        let (from, until) = validity.time()?;
        let (until, _) = until.time()?;
        let name = alternative_name(rest).or_else(|| common_name(subject)).unwrap_or_default();
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let name = name.chars().take(NAME_CHARS_MAX).map(shown).collect();
        Some(Self { name, from, until })
    }

    /// How it stands now.
    pub(super) fn standing(&self, now: Timestamp) -> Standing {
        let soon = SOON_MAX.min(self.until.since(self.from) / 4);
        if now > self.until {
            Standing::Ended
        } else if now < self.from {
            Standing::NotYet
        } else if self.until.since(now) < soon {
            Standing::EndsSoon
        } else {
            Standing::Good
        }
    }

    /// The same in words.
    pub(super) fn words(&self, now: Timestamp) -> String {
        let name = if self.name.is_empty() { "a certificate without a name" } else { &self.name };
        let (from, until) = (day(self.from), day(self.until));
        match self.standing(now) {
            Standing::Good => format!("{name}, valid until {until}"),
            Standing::EndsSoon => format!("{name}, valid until {until} only: renew it"),
            Standing::NotYet => {
                format!(
                    "{name} is not valid before {from}, so that clients refuse it: check the machine's clock"
                )
            }
            Standing::Ended => format!("{name} has expired on {until}, so that clients refuse it: renew it"),
        }
    }
}

/// A time of a certificate, to the second.
fn day(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    format!("{:.0}", jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX))
}

/// Elements one after the other, tag, length, contents each (X.690 §8.1).
#[derive(Debug, Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl Der<'_> {
    /// The next element, and what follows it.
    fn first(self) -> Option<(u8, Self, Self)> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // No certificate has elements of more than four bytes of length.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            0x80 | 0x85.. => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        Some((tag, Self(contents), Self(rest)))
    }

    /// The next element's contents, if it has this tag, and what follows it.
    fn tagged(self, tag: u8) -> Option<(Self, Self)> {
        self.first().filter(|(found, _, _)| *found == tag).map(|(_, contents, rest)| (contents, rest))
    }

    fn elements(self) -> impl Iterator<Item = (u8, Self)> {
        let mut left = self;
        std::iter::from_fn(move || {
            let (tag, contents, rest) = left.first()?;
            left = rest;
            Some((tag, contents))
        })
    }

    /// `YYMMDDHHMMSSZ` up to 2049, `YYYYMMDDHHMMSSZ` from then on (RFC 5280 §4.1.2.5).
    fn time(self) -> Option<(Timestamp, Self)> {
        let (tag, contents, rest) = self.first()?;
        let text = std::str::from_utf8(contents.0).ok()?.strip_suffix('Z')?;
        let (year, text) = match tag {
            UTC_TIME => {
                let (year, text) = two(text)?;
                (if year < 50 { year + 2_000 } else { year + 1_900 }, text)
            }
            GENERALIZED_TIME => {
                let (century, text) = two(text)?;
                let (year, text) = two(text)?;
                (century * 100 + year, text)
            }
            _ => return None,
        };
        let ((month, text), small) = (two(text)?, |number: i16| i8::try_from(number).ok());
        let (day, text) = two(text)?;
        let (hour, text) = two(text)?;
        let (minute, text) = two(text)?;
        let (second, text) = two(text)?;
        let (month, day, hour) = (small(month)?, small(day)?, small(hour)?);
        let time = DateTime::new(year, month, day, hour, small(minute)?, small(second)?, 0).ok()?;
        // What is beyond the calendar never ends (RFC 5280 §4.1.2.5: 99991231235959Z).
        let at = time.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |at| {
            Timestamp::from_millis(u64::try_from(at.timestamp().as_millisecond()).unwrap_or(0))
        });
        text.is_empty().then_some((at, rest))
    }
}

/// Two digits, and what follows them.
fn two(text: &str) -> Option<(i16, &str)> {
    let (digits, rest) = text.split_at_checked(2)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
    Some((digits.parse().ok()?, rest))
}

/// The common name of a subject.
fn common_name(subject: Der<'_>) -> Option<String> {
    let sets = subject.elements().filter(|(tag, _)| *tag == SET).map(|(_, set)| set);
    let mut attributes = sets.flat_map(Der::elements).filter(|(tag, _)| *tag == SEQUENCE);
    attributes.find_map(|(_, attribute)| {
        let (kind, value) = attribute.tagged(OBJECT_ID)?;
        let (_, text, _) = value.first().filter(|_| kind.0 == COMMON_NAME)?;
        Some(String::from_utf8_lossy(text.0).into_owned())
    })
}

/// The first host among the alternative names. `rest` is what follows the subject.
fn alternative_name(rest: Der<'_>) -> Option<String> {
    let (_, extensions) = rest.elements().find(|(tag, _)| *tag == EXTENSIONS)?;
    let (extensions, _) = extensions.tagged(SEQUENCE)?;
    let names = extensions.elements().find_map(|(_, extension)| {
        let (kind, value) = extension.tagged(OBJECT_ID)?;
        let (_, octets) = value.elements().find(|(tag, _)| *tag == OCTETS && kind.0 == ALTERNATIVE_NAMES)?;
        octets.tagged(SEQUENCE)
    });
    names?.0.elements().find_map(|(tag, name)| match tag {
        DNS_NAME => Some(String::from_utf8_lossy(name.0).into_owned()),
        IP_ADDRESS => address(name.0),
        _ => None,
    })
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = || <[u8; 4]>::try_from(bytes).ok().map(|bytes| IpAddr::from(Ipv4Addr::from(bytes)));
    let v6 = || <[u8; 16]>::try_from(bytes).ok().map(|bytes| IpAddr::from(Ipv6Addr::from(bytes)));
    v4().or_else(v6).map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
    use rstest::rstest;

    use super::*;

    /// A certificate from 2026-01-01 up to a day.
    fn certificate(hosts: &[&str], until: (i32, u8, u8)) -> Vec<u8> {
        let mut params =
            CertificateParams::new(hosts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap();
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(until.0, until.1, until.2);
        params.distinguished_name.push(DnType::CommonName, "Ours");
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn at(text: &str) -> Timestamp {
        let time: jiff::Timestamp = text.parse().unwrap();
        Timestamp::from_millis(u64::try_from(time.as_millisecond()).unwrap())
    }

    #[rstest]
    #[case(&["im.example.com", "other.example"], "im.example.com")]
    #[case(&["192.0.2.7"], "192.0.2.7")]
    #[case(&["2001:db8::7"], "2001:db8::7")]
    #[case(&[], "Ours")]
    fn name_and_dates_are_those_of_the_certificate(#[case] hosts: &[&str], #[case] name: &str) {
        let validity = Validity::of(&certificate(hosts, (2031, 12, 24))).unwrap();
        assert_eq!(validity.name, name);
        assert_eq!((validity.from, validity.until), (at("2026-01-01T00:00:00Z"), at("2031-12-24T00:00:00Z")));
    }

    #[test]
    fn dates_from_2050_on_are_read_too() {
        let validity = Validity::of(&certificate(&[], (2_099, 3, 1))).unwrap();
        assert_eq!(validity.until, at("2099-03-01T00:00:00Z"));
        assert_eq!(validity.standing(at("2098-12-01T00:00:00Z")), Standing::Good);
    }

    #[rstest]
    #[case("2025-12-31T23:59:59Z", Standing::NotYet, "im.example is not valid before 2026-01-01T00:00:00Z,")]
    #[case("2026-01-01T00:00:00Z", Standing::Good, "im.example, valid until 2026-12-31T00:00:00Z")]
    #[case("2026-12-16T00:00:00Z", Standing::Good, "im.example, valid until 2026-12-31T00:00:00Z")]
    #[case("2026-12-18T00:00:00Z", Standing::EndsSoon, "im.example, valid until 2026-12-31T00:00:00Z only")]
    #[case("2026-12-31T00:00:00Z", Standing::EndsSoon, "im.example, valid until 2026-12-31T00:00:00Z only")]
    #[case("2026-12-31T00:00:01Z", Standing::Ended, "im.example has expired on 2026-12-31T00:00:00Z,")]
    fn standing_and_words_go_with_the_time(
        #[case] now: &str,
        #[case] standing: Standing,
        #[case] words: &str,
    ) {
        let validity = Validity::of(&certificate(&["im.example"], (2026, 12, 31))).unwrap();
        assert_eq!(validity.standing(at(now)), standing);
        assert!(validity.words(at(now)).starts_with(words), "{}", validity.words(at(now)));
    }

    #[test]
    fn a_certificate_that_lives_for_days_is_not_always_about_to_end() {
        let validity = Validity::of(&certificate(&[], (2026, 1, 9))).unwrap();
        assert_eq!(validity.standing(at("2026-01-06T00:00:00Z")), Standing::Good);
        assert_eq!(validity.standing(at("2026-01-08T00:00:00Z")), Standing::EndsSoon);
    }

    #[test]
    fn what_is_cut_or_changed_is_read_without_a_panic() {
        let whole = certificate(&["im.example"], (2026, 12, 31));
        for length in 0..whole.len() {
            assert_eq!(Validity::of(&whole[..length]), None, "of {length} bytes");
        }
        for place in 0..whole.len() {
            for byte in [0, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[place] = byte;
                if let Some(validity) = Validity::of(&changed) {
                    assert!(validity.words(Timestamp::from_millis(0)).chars().count() < 300);
                }
            }
        }
    }
}
