//! How our values stand in a row.

use jiff::Timestamp;

use crate::core::cursor::Vanished;
use crate::core::message::AuthorKind;

/// Nanoseconds since 1970; what lies beyond the years 1677 to 2262 is moved to their edge.
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at > Timestamp::UNIX_EPOCH { i64::MAX } else { i64::MIN })
}

/// The way back.
pub(super) fn instant(nanos: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A count, which `SQLite` keeps as a signed number.
pub(super) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

const VANISHED: [(Vanished, &str); 3] = [
    (Vanished::Unconfirmed, "unconfirmed"),
    (Vanished::Deleted, "deleted"),
    (Vanished::OutOfSight, "out of sight"),
];

/// The word for what a vanished child is taken for.
pub(super) fn vanished_as(how: Vanished) -> &'static str {
    VANISHED.iter().find(|(one, _)| *one == how).map_or("out of sight", |(_, word)| word)
}

/// The way back. A row of an earlier version says only since when.
pub(super) fn vanished_of(at: Option<i64>, word: Option<String>) -> Option<(Timestamp, Vanished)> {
    let how = VANISHED.iter().find(|(_, one)| word.as_deref() == Some(one));
    Some((instant(at?), how.map_or(Vanished::OutOfSight, |(how, _)| *how)))
}

/// Who wrote a message, from its word.
pub(super) fn author(word: &str) -> Option<AuthorKind> {
    AuthorKind::ALL.into_iter().find(|kind| kind.as_str() == word)
}
