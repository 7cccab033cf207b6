use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use super::*;

/// What was written.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// The text since the last time.
    pub(super) fn take(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.0.lock().unwrap())).unwrap()
    }
}

fn logged(format: Format, level: &str, say: impl FnOnce(&LogHandle)) -> String {
    let written = Written::default();
    let to = written.clone();
    let nowhere = Path::new("/nonexistent/journal");
    let (subscriber, handle) = subscriber(format, level, move || to.clone(), nowhere).unwrap();
    tracing::subscriber::with_default(subscriber, || say(&handle));
    written.take()
}

fn say_all(_: &LogHandle) {
    tracing::error!(watch = "acme-cfo", "gone");
    tracing::warn!("slow");
    tracing::info!(events = 3, "found 3 new messages");
    tracing::debug!("asked");
}

#[test]
fn lines_for_a_service_have_its_prefixes_and_no_time() {
    insta::assert_snapshot!(logged(Format::Prefixed, "debug", say_all), @r#"
    <3>commwatch::ops::log::tests: gone watch="acme-cfo"
    <4>commwatch::ops::log::tests: slow
    <6>commwatch::ops::log::tests: found 3 new messages events=3
    <7>commwatch::ops::log::tests: asked
    "#);
    // Where nobody speaks the journal's protocol.
    assert_eq!(logged(Format::Journal, "debug", say_all), logged(Format::Prefixed, "debug", say_all));
}

#[test]
fn lines_of_json_are_one_object_each_with_fields_at_the_top() {
    let lines = logged(Format::Json, "info", say_all);
    let objects: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 3, "{lines}");
    assert_eq!(objects[0]["level"], "ERROR");
    assert_eq!(objects[0]["message"], "gone");
    assert_eq!(objects[0]["watch"], "acme-cfo");
}

#[test]
fn text_is_coloured_only_on_a_terminal_and_not_when_that_is_unwanted() {
    assert!(logged(Format::Text { colour: true }, "info", say_all).contains('\u{1b}'));
    assert!(!logged(Format::Text { colour: false }, "info", say_all).contains('\u{1b}'));
    assert_eq!(Format::choose(LogFormat::Text, false, false), Format::Text { colour: false });
}

#[test]
fn auto_is_the_journals_own_protocol_under_systemd_and_text_elsewhere() {
    assert_eq!(Format::choose(LogFormat::Auto, true, false), Format::Journal);
    assert_eq!(Format::choose(LogFormat::Journald, true, false), Format::Journal);
    assert_eq!(Format::choose(LogFormat::Journald, false, true), Format::Prefixed);
    assert_eq!(Format::choose(LogFormat::Auto, false, false), Format::Text { colour: false });
    assert_eq!(Format::choose(LogFormat::Json, true, true), Format::Json);
}

#[test]
fn what_a_line_holds_cannot_start_another() {
    let (plain, coloured) = (Format::Text { colour: false }, Format::Text { colour: true });
    for format in [Format::Prefixed, plain, coloured, Format::Json] {
        let text = logged(format, "info", |_| {
            let evil = "x\n<0>kernel: all is lost\r\u{1b}[2J";
            tracing::warn!(error = evil, "CommBox said {evil}");
            tracing::warn!(error = %evil, "again");
        });
        assert_eq!(text.lines().count(), 2, "{format:?}: {text}");
        assert!(!text.contains('\r') && !text.contains("\u{1b}[2J"), "{format:?}: {text}");
        assert_eq!(text.contains('\u{1b}'), format == coloured, "{format:?}: {text}");
    }
}

#[test]
fn a_level_speaks_of_us_and_the_rest_says_warnings() {
    let say = |_: &LogHandle| {
        tracing::debug!("ours");
        tracing::debug!(target: "mio::poll", "theirs");
        tracing::warn!(target: "mio::poll", "their warning");
    };
    let lines = logged(Format::Prefixed, "debug", say);
    assert!(
        lines.contains("ours") && !lines.contains("theirs") && lines.contains("their warning"),
        "{lines}"
    );
    assert_eq!(logged(Format::Prefixed, "off", say), "");
    let lines = logged(Format::Prefixed, "error,mio=debug", say);
    assert!(!lines.contains("ours") && lines.contains("theirs"), "{lines}");
}

#[test]
fn what_an_http_library_says_in_detail_is_never_written() {
    let lines = logged(Format::Prefixed, "trace,h2=trace,hyper=trace", |_| {
        tracing::trace!(target: "h2::codec", "send HEADERS authorization: Bearer s3cret");
        tracing::debug!(target: "hyper_util::client", "to hooks.example/s3cret");
        tracing::info!(target: "hyper::proto", "harmless");
        tracing::trace!(target: "hyperion", "not a library of the wire");
    });
    assert!(!lines.contains("s3cret"), "{lines}");
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn the_level_changes_while_the_log_is_in_use() {
    let lines = logged(Format::Prefixed, "info", |handle| {
        tracing::debug!("one");
        handle.set_level("debug").unwrap();
        tracing::debug!("two");
        let error = handle.set_level("commwatch=loud").unwrap_err();
        assert!(error.to_string().starts_with("`commwatch=loud` is neither a log level"), "{error}");
        tracing::debug!("three");
        handle.set_level("warn").unwrap();
        tracing::info!("four");
    });
    let told: Vec<bool> = ["one", "two", "three", "four"].map(|word| lines.contains(word)).into();
    assert_eq!(told, [false, true, true, false], "{lines}");
}

#[test]
fn a_level_is_checked_without_a_log() {
    for good in ["info", "WARN", "off", "commwatch=debug,info", "info,hyper=off"] {
        assert!(check_level(good).is_ok(), "{good}");
    }
    for bad in ["loud", "inof", "", "commwatch=loud", "=", "info,commwatch"] {
        assert!(check_level(bad).is_err(), "{bad}");
    }
}

/// The second process of the test below.
const ROLE: &str = "COMMWATCH_TEST_JOURNAL";

#[test]
fn stderr_is_the_journal_only_if_it_is_the_very_file_that_systemd_connected() {
    if std::env::var_os(ROLE).is_some() {
        println!("journal: {}", writer::stderr_is_the_journal());
        return;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let told = |stream: &std::fs::File, named: &std::fs::File| {
        use std::os::unix::fs::MetadataExt;
        let file = named.metadata().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["stderr_is_the_journal_only_if_it_is_the_very_file", "--nocapture"])
            .env(ROLE, "1")
            .env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()))
            .stderr(Stdio::from(stream.try_clone().unwrap()))
            .output()
            .unwrap();
        String::from_utf8(child.stdout).unwrap()
    };
    let journal = std::fs::File::create(folder.path().join("journal")).unwrap();
    let elsewhere = std::fs::File::create(folder.path().join("elsewhere")).unwrap();
    assert!(told(&journal, &journal).contains("journal: true"));
    assert!(told(&elsewhere, &journal).contains("journal: false"));
}
