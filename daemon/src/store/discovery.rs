//! Conversations that were found: written together with how far the look that found them has come.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::polls::DAY_NANOS;
use super::rows::{instant, nanos};
use super::{Discoveries, DiscoveryCommit, StoreError};
use crate::core::discovery::{Begun, Discovered, First};
use crate::core::seek::Place;
use crate::core::watch::{ConversationId, Stream};

/// Everything that was found, and how far looking at each place has come.
pub(super) fn all(connection: &Connection) -> Result<Discoveries, StoreError> {
    let mut begun =
        connection.prepare_cached("SELECT account, key, began_at, complete_at, forgotten FROM discovery")?;
    let begun = begun.query_map([], |row| {
        let id = Place { account: row.get(0)?, key: row.get(1)? };
        let begun = Begun {
            at: instant(row.get(2)?),
            complete: row.get::<_, Option<i64>>(3)?.map(instant),
            forgotten: row.get::<_, Option<i64>>(4)?.map(instant),
        };
        Ok((id, begun))
    })?;
    let begun = begun.collect::<Result<_, _>>()?;
    let mut found = connection.prepare_cached(
        "SELECT account, object_id, key, stream, created_at, first, watched, over_since FROM discovered",
    )?;
    let found = found.query_map([], |row| {
        let created: Option<i64> = row.get(4)?;
        let account: String = row.get(0)?;
        Ok(Discovered {
            place: Place { account: account.clone(), key: row.get(2)? },
            conversation: ConversationId { account, object: row.get(1)? },
            stream: stream(row.get(3)?),
            created: created.map(instant),
            first: first(&row.get::<_, String>(5)?, created),
            watched: row.get(6)?,
            over_since: row.get::<_, Option<i64>>(7)?.map(instant),
        })
    })?;
    Ok(Discoveries { begun, found: found.collect::<Result<_, _>>()? })
}

pub(super) fn commit(connection: &Connection, commit: &DiscoveryCommit) -> Result<(), StoreError> {
    let mut note = connection.prepare_cached(
        "INSERT INTO discovery (account, key, began_at, complete_at, forgotten, used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, key) DO UPDATE SET
             began_at = ?3, complete_at = ?4, forgotten = ?5, used_at = ?6",
    )?;
    for (Place { account, key }, begun) in &commit.begun {
        let (complete, forgotten) = (begun.complete.map(nanos), begun.forgotten.map(nanos));
        note.execute(params![account, key, nanos(begun.at), complete, forgotten, nanos(commit.at)])?;
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO discovered (account, object_id, key, stream, created_at, first, watched, over_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (account, object_id) DO UPDATE SET
             key = ?3, stream = ?4, created_at = ?5, first = ?6, watched = ?7, over_since = ?8",
    )?;
    for one in &commit.put {
        put.execute(params![
            one.conversation.account,
            one.conversation.object,
            one.place.key,
            one.stream.to_string(),
            one.created.map(nanos),
            serde_json::to_string(&one.first).expect("a word and a time"),
            one.watched,
            one.over_since.map(nanos),
        ])?;
    }
    let mut forget =
        connection.prepare_cached("DELETE FROM discovered WHERE account = ?1 AND object_id = ?2")?;
    for id in &commit.forget {
        forget.execute(params![id.account, id.object])?;
    }
    Ok(())
}

/// Where it is looked; written once a day at most.
pub(super) fn used(connection: &Connection, places: &[Place], at: Timestamp) -> Result<(), StoreError> {
    let mut note = connection.prepare_cached(
        "UPDATE discovery SET used_at = ?3
         WHERE account = ?1 AND key = ?2 AND used_at NOT BETWEEN ?3 - ?4 AND ?3",
    )?;
    for Place { account, key } in places {
        note.execute(params![account, key, nanos(at), DAY_NANOS])?;
    }
    Ok(())
}

/// A channel as it stands in a row. An encrypted id is never all digits.
fn stream(text: String) -> Stream {
    text.parse().map_or_else(|_| Stream::Encrypted(text), Stream::Number)
}

/// A word of a later version tells what was written since the conversation began.
fn first(json: &str, created: Option<i64>) -> First {
    serde_json::from_str(json).unwrap_or_else(|_| First::Since(instant(created.unwrap_or(0))))
}
