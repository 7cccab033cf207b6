//! Times of our own ill health: begun once, ended once, whatever restarts lie between.

use rusqlite::{Connection, params};

use super::rows::{instant, nanos};
use super::told::insert_told;
use super::{Episode, StoreError, Told};

pub(super) fn begin(connection: &Connection, episode: &Episode, told: &Told) -> Result<bool, StoreError> {
    let begun = connection
        .prepare_cached("INSERT OR IGNORE INTO episode (subject, since, why) VALUES (?1, ?2, ?3)")?
        .execute(params![episode.subject, nanos(episode.since), episode.why])?;
    if begun > 0 {
        insert_told(connection, told, None)?;
    }
    Ok(begun > 0)
}

pub(super) fn end(connection: &Connection, subject: &str, told: &Told) -> Result<bool, StoreError> {
    let ended = connection.prepare_cached("DELETE FROM episode WHERE subject = ?1")?.execute([subject])?;
    if ended > 0 {
        insert_told(connection, told, None)?;
    }
    Ok(ended > 0)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Episode>, StoreError> {
    let mut all = connection.prepare_cached("SELECT subject, since, why FROM episode ORDER BY subject")?;
    let rows = all.query_map([], |row| {
        Ok(Episode { subject: row.get(0)?, since: instant(row.get(1)?), why: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
