//! What happens when the disk refuses to be written.

use futures_util::future::join_all;

use super::*;

/// Lets the database grow by that many pages and no more.
async fn room(store: &SqliteStore, pages: i64) {
    let limit = move |connection: &Connection| {
        let now: i64 = connection.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        connection
            .query_row(&format!("PRAGMA max_page_count = {}", now + pages), [], |row| row.get::<_, i64>(0))?;
        Ok(())
    };
    store.writer.run(limit).await.unwrap();
}

fn write(store: &SqliteStore, key: String, bytes: i64) -> impl Future<Output = Result<(), StoreError>> {
    store.write(move |connection| {
        connection
            .execute("INSERT INTO meta VALUES (?1, hex(zeroblob(?2)))", rusqlite::params![key, bytes])?;
        Ok(())
    })
}

async fn keys(store: &SqliteStore) -> Vec<String> {
    let all = |connection: &Connection| {
        let mut keys = connection.prepare("SELECT key FROM meta WHERE key LIKE 'k%' ORDER BY key")?;
        let found = keys.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(found)
    };
    store.reader.run(all).await.unwrap()
}

#[tokio::test]
async fn a_full_disk_is_named_is_seen_by_who_looks_and_is_over_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    store.ping().await.unwrap();
    room(&store, 0).await;
    let error = write(&store, "k1".into(), 100_000).await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    // A commit that has nothing to write is no sign that the disk is well.
    store.write(|_| Ok(())).await.unwrap();
    let error = store.ping().await.unwrap_err();
    assert!(matches!(error, StoreError::Full(_)), "{error}");
    room(&store, 1000).await;
    store.ping().await.unwrap();
    write(&store, "k2".into(), 100_000).await.unwrap();
    assert_eq!(keys(&store).await, ["k2"]);
}

#[tokio::test]
async fn what_was_answered_is_kept_and_what_failed_left_nothing_when_the_disk_fills_up_within_a_batch() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    room(&store, 40).await;
    // Small ones and large ones, so that the disk fills up in the middle of a commit with others in it.
    let jobs = (0..200_i64).map(|n| write(&store, format!("k{n:03}"), if n % 7 == 3 { 20_000 } else { 10 }));
    let results = join_all(jobs).await;
    let kept: Vec<String> =
        (0..200).filter(|n| results[*n as usize].is_ok()).map(|n: i64| format!("k{n:03}")).collect();
    let failed: Vec<&StoreError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert!(!failed.is_empty());
    assert!(failed.iter().all(|error| matches!(error, StoreError::Full(_))), "{failed:?}");
    drop(store);
    let store = SqliteStore::open(Options::new(&path)).unwrap();
    assert_eq!(keys(&store).await, kept);
}

#[tokio::test]
async fn a_store_whose_writer_died_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(Options::new(folder.path().join("x.db"))).unwrap();
    let died = store.write::<()>(|_| panic!("as a test")).await.unwrap_err();
    assert!(matches!(died, StoreError::Closed), "{died}");
    let gone = async {
        while store.ping().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
    assert!(matches!(store.ping().await.unwrap_err(), StoreError::Closed));
}
