use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;
use tokio::task::{JoinHandle, spawn_blocking};

use super::*;

pub(crate) mod engine;

use engine::{CHANGES, Engine, HELD};

struct Daemon {
    folder: TempDir,
    shutdown: CancellationToken,
    running: JoinHandle<io::Result<()>>,
}

impl Daemon {
    fn start() -> Self {
        Self::with(false, PATIENCE)
    }

    fn with(silent: bool, patience: Patience) -> Self {
        let folder = TempDir::new().unwrap();
        let socket = AdminSocket::bind(&folder.path().join("admin.sock")).unwrap();
        let shutdown = CancellationToken::new();
        let running =
            tokio::spawn(serve_with(socket, Arc::new(Engine { silent }), shutdown.clone(), patience));
        Self { folder, shutdown, running }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("admin.sock")
    }

    async fn ask<T: serde::de::DeserializeOwned + Send + 'static>(
        &self,
        request: Request,
    ) -> Result<T, AskError> {
        let path = self.path();
        spawn_blocking(move || ask(&path, &request)).await.unwrap()
    }

    /// Sends bytes as they are and reads the whole answer.
    async fn say(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.path()).await.unwrap();
        // The daemon may have heard enough before the end.
        let _ = stream.write_all(bytes).await;
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }
}

#[tokio::test]
async fn the_daemon_says_how_it_goes() {
    let daemon = Daemon::start();
    let status: Status = daemon.ask(Request::Status {}).await.unwrap();
    assert_eq!(status.watches[0].name, "acme-cfo");
}

#[tokio::test]
async fn a_reload_answers_with_its_changes_or_with_the_reason_why_not() {
    let daemon = Daemon::start();
    let refused = daemon.ask::<String>(Request::Reload { allow_removals: false }).await.unwrap_err();
    assert!(matches!(&refused, AskError::Refused(why) if why == HELD), "{refused:?}");
    let changes: String = daemon.ask(Request::Reload { allow_removals: true }).await.unwrap();
    assert_eq!(changes, CHANGES);
}

#[tokio::test]
async fn the_words_on_the_wire_are_those_of_the_contract() {
    let daemon = Daemon::start();
    assert!(daemon.say(b"{\"command\":\"status\"}\n").await.starts_with("{\"ok\":{\"version\":\"0.1.0\","));
    let held = daemon.say(b"{\"command\":\"reload\"}\n").await;
    assert_eq!(held, format!("{{\"error\":{HELD:?}}}\n"));
    for (asked, heard) in [
        (r#"{"command":"why","of":{"about":"event","id":"e"}}"#, r#"Event { id: \"e\" }"#),
        (
            r#"{"command":"replay","of":{"dead":true}}"#,
            "Selection { event: None, dead: true, notifier: None, watch: None, since: None, until: None } false",
        ),
        (r#"{"command":"resume","notifier":"ops"}"#, "ops"),
    ] {
        let answer = daemon.say(format!("{asked}\n").as_bytes()).await;
        assert_eq!(answer, format!("{{\"error\":\"{heard}\"}}\n"));
    }
    let taken = daemon.say(b"{\"command\":\"reload\",\"allow_removals\":true}\n").await;
    assert_eq!(taken, format!("{{\"ok\":{CHANGES:?}}}\n"));
}

#[tokio::test]
async fn what_is_not_a_request_is_answered_and_harms_nobody() {
    let daemon = Daemon::start();
    for bytes in
        [&b"{\"command\":\"halt\"}\n"[..], b"{\"command\":\"status\",\"also\":1}\n", b"\xff\n", b"\n"]
    {
        let answer = daemon.say(bytes).await;
        assert!(answer.starts_with("{\"error\":\"not a request that this daemon knows: "), "{answer}");
    }
    let endless = daemon.say(&vec![b' '; 2 * REQUEST_BYTES_MAX]).await;
    assert!(endless.is_empty() || endless.contains("at most 65536 bytes"), "{endless}");
    assert!(daemon.ask::<Status>(Request::Status {}).await.is_ok());
}

#[tokio::test]
async fn a_request_of_exactly_the_longest_length_is_heard() {
    let daemon = Daemon::start();
    let mut request = b"{\"command\":\"status\"}".to_vec();
    request.resize(REQUEST_BYTES_MAX - 1, b' ');
    request.push(b'\n');
    assert!(daemon.say(&request).await.starts_with("{\"ok\":"));
}

#[tokio::test]
async fn a_client_that_says_nothing_is_dropped_and_meanwhile_keeps_nobody_out() {
    let patience = Patience { io: Duration::from_millis(200), ..PATIENCE };
    let daemon = Daemon::with(false, patience);
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX - 1 {
        silent.push(UnixStream::connect(daemon.path()).await.unwrap());
    }
    assert!(daemon.ask::<Status>(Request::Status {}).await.is_ok(), "one place is left");
    for mut stream in silent {
        let heard = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut [0])).await;
        assert_eq!(heard.expect("it is dropped").unwrap(), 0);
    }
}

#[tokio::test]
async fn beyond_the_limit_a_client_waits_until_another_has_gone() {
    let patience = Patience { io: Duration::from_secs(3600), ..PATIENCE };
    let daemon = Daemon::with(false, patience);
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(UnixStream::connect(daemon.path()).await.unwrap());
    }
    let mut late = UnixStream::connect(daemon.path()).await.unwrap();
    late.write_all(b"{\"command\":\"status\"}\n").await.unwrap();
    let mut byte = [0];
    let waits = tokio::time::timeout(Duration::from_millis(100), late.read(&mut byte)).await;
    assert!(waits.is_err(), "all places are taken");
    silent.pop();
    assert_eq!(late.read(&mut byte).await.unwrap(), 1);
}

#[tokio::test]
async fn an_engine_that_does_not_answer_is_said_rather_than_waited_for() {
    let daemon = Daemon::with(true, Patience { answer: Duration::from_millis(50), ..PATIENCE });
    let refused = daemon.ask::<Status>(Request::Status {}).await.unwrap_err();
    assert!(matches!(&refused, AskError::Refused(why) if why.contains("did not answer")), "{refused:?}");
}

#[tokio::test]
async fn a_backup_may_take_longer_than_other_answers() {
    let daemon = Daemon::with(true, Patience { answer: Duration::from_millis(50), ..PATIENCE });
    let file = PathBuf::from("/x/copy.db");
    let made: BackedUp = daemon.ask(Request::Backup { file: file.clone() }).await.unwrap();
    assert_eq!(made.file, file);
    let made = daemon.say(b"{\"command\":\"backup\",\"file\":\"/x/copy.db\"}\n").await;
    assert_eq!(
        made,
        "{\"ok\":{\"file\":\"/x/copy.db\",\"bytes\":4096,\"taken\":\"2026-01-02T03:04:05.6Z\"}}\n"
    );
    let relative = daemon.say(b"{\"command\":\"backup\",\"file\":\"copy.db\"}\n").await;
    assert_eq!(relative, "{\"error\":\"copy.db is not an absolute path\"}\n");
}

#[tokio::test]
async fn stopping_does_not_wait_for_ever_and_takes_the_file_with_it() {
    let daemon = Daemon::with(true, Patience { drain: Duration::from_millis(50), ..PATIENCE });
    let mut waiting = UnixStream::connect(daemon.path()).await.unwrap();
    waiting.write_all(b"{\"command\":\"status\"}\n").await.unwrap();
    daemon.shutdown.cancel();
    daemon.running.await.unwrap().unwrap();
    assert_eq!(waiting.read(&mut [0]).await.unwrap_or(0), 0);
    assert!(!daemon.folder.path().join("admin.sock").exists());
}

#[tokio::test]
async fn the_socket_is_for_owner_and_group() {
    let daemon = Daemon::start();
    let mode = std::fs::symlink_metadata(daemon.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o660);
    let files = std::fs::read_dir(daemon.folder.path()).unwrap().count();
    assert_eq!(files, 1, "nothing else is left beside it");
}

#[tokio::test]
async fn the_file_of_a_dead_daemon_is_replaced_and_a_living_one_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    // As kill -9 leaves it: the file without a listener.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let alive = AdminSocket::bind(&path).unwrap();

    let error = AdminSocket::bind(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    assert!(std::os::unix::net::UnixStream::connect(&path).is_ok(), "the first still listens");
    drop(alive);
    assert!(!path.exists());
}

#[tokio::test]
async fn what_is_not_a_socket_is_never_replaced() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    std::fs::write(&path, "somebody's notes").unwrap();
    assert_eq!(AdminSocket::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "somebody's notes");
}

#[test]
fn when_nobody_listens_the_client_says_so_and_where() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("admin.sock");
    for path in [Path::new(&missing), Path::new("/etc/passwd/admin.sock")] {
        let error = ask::<Status>(path, &Request::Status {}).unwrap_err();
        assert!(matches!(error, AskError::NotRunning { .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("no commwatch is listening on {}\n", path.display())));
    }
    drop(std::os::unix::net::UnixListener::bind(&missing).unwrap());
    let error = ask::<Status>(&missing, &Request::Status {}).unwrap_err();
    assert!(matches!(error, AskError::NotRunning { .. }), "{error:?}");
}
