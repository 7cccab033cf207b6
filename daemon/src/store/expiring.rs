//! Keys that end soon: told once for each stage of each end, whatever restarts lie between.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::rows::nanos;
use super::told::insert_told;
use super::{StoreError, Told};

/// Tells of it, unless this stage of this end, or a later one, was told. A key that ends at another time is another key.
pub(super) fn tell(
    connection: &Connection,
    account: &str,
    expires: Timestamp,
    stage: u8,
    told: &Told,
) -> Result<bool, StoreError> {
    let is_news = connection
        .prepare_cached(
            "INSERT INTO token_told (account, expires_at, stage) VALUES (?1, ?2, ?3)
             ON CONFLICT (account) DO UPDATE SET expires_at = excluded.expires_at, stage = excluded.stage
             WHERE expires_at <> excluded.expires_at OR stage < excluded.stage",
        )?
        .execute(params![account, nanos(expires), stage])?;
    if is_news > 0 {
        insert_told(connection, told, None)?;
    }
    Ok(is_news > 0)
}
