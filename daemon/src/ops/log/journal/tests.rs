use std::collections::BTreeMap;
use std::os::unix::net::UnixDatagram;

use super::super::tests::Written;
use super::super::{Format, subscriber};
use super::*;

/// A journal as systemd reads it: what was sent, entry by entry.
struct Reader {
    folder: tempfile::TempDir,
    socket: UnixDatagram,
}

impl Reader {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("socket")).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { folder, socket }
    }

    /// The entries since the last time, as the protocol's page says that they are read.
    fn entries(&self) -> Vec<BTreeMap<String, String>> {
        let mut entries = Vec::new();
        let mut datagram = vec![0; 1 << 20];
        while let Ok(length) = self.socket.recv(&mut datagram) {
            let mut rest = &datagram[..length];
            let mut entry = BTreeMap::new();
            while !rest.is_empty() {
                let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
                let (name, tail) = (std::str::from_utf8(&rest[..end]).unwrap(), &rest[end + 1..]);
                let size = u64::from_le_bytes(tail[..8].try_into().unwrap()) as usize;
                let value = String::from_utf8(tail[8..8 + size].to_vec()).unwrap();
                assert_eq!(tail[8 + size], b'\n');
                assert!(entry.insert(name.to_owned(), value).is_none(), "{name} twice");
                rest = &tail[9 + size..];
            }
            // The question whether it is there.
            if !entry.is_empty() {
                entries.push(entry);
            }
        }
        entries
    }
}

/// What is said goes to this journal; what it does not take is returned.
fn logged(reader: &Reader, level: &str, say: impl FnOnce()) -> String {
    let written = Written::default();
    let to = written.clone();
    let path = reader.folder.path().join("socket");
    let (subscriber, _handle) = subscriber(Format::Journal, level, move || to.clone(), &path).unwrap();
    tracing::subscriber::with_default(subscriber, say);
    written.take()
}

#[test]
fn every_field_of_a_line_is_a_field_of_the_entry() {
    let journal = Reader::new();
    let otherwise = logged(&journal, "debug", || {
        tracing::error!(watch = "acme-cfo", failures = 3, error = %"no route", "cannot be read");
        tracing::warn!("slow");
        tracing::info!(r#type = "test", "said");
        tracing::debug!(delay.seconds = 0.5, "asked");
        tracing::trace!("not at this level");
    });
    assert_eq!(otherwise, "");
    let entries = journal.entries();
    let lines: Vec<String> = entries[0].iter().map(|(name, value)| format!("{name}={value}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    COMMWATCH_ERROR=no route
    COMMWATCH_FAILURES=3
    COMMWATCH_MODULE=commwatch::ops::log::journal::tests
    COMMWATCH_WATCH=acme-cfo
    MESSAGE=cannot be read watch="acme-cfo" failures=3 error=no route
    PRIORITY=3
    SYSLOG_IDENTIFIER=commwatch
    "#);
    let priorities: Vec<&str> = entries.iter().map(|entry| entry["PRIORITY"].as_str()).collect();
    assert_eq!(priorities, ["3", "4", "6", "7"]);
    assert_eq!(entries[2]["COMMWATCH_TYPE"], "test");
    assert_eq!(entries[3]["COMMWATCH_DELAY_SECONDS"], "0.5");
}

#[test]
fn no_value_passes_for_another_field_or_another_line() {
    let journal = Reader::new();
    let evil = "x\nPRIORITY=0\nMESSAGE=all is lost\r\u{1b}[2J";
    logged(&journal, "info", || tracing::info!(error = evil, "CommBox said {evil}"));
    let entries = journal.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["PRIORITY"], "6");
    assert_eq!(entries[0]["COMMWATCH_ERROR"], evil);
    let message = &entries[0]["MESSAGE"];
    assert!(!message.chars().any(char::is_control), "{message}");
    let names: Vec<&str> = entries[0].keys().map(String::as_str).collect();
    assert_eq!(names, ["COMMWATCH_ERROR", "COMMWATCH_MODULE", "MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"]);
}

#[test]
fn a_value_is_cut_between_two_characters_and_fits_into_a_datagram() {
    let journal = Reader::new();
    let long = "ש".repeat(VALUE_MAX);
    let otherwise = logged(&journal, "info", || {
        tracing::info!(
            a = long,
            b = long,
            c = long,
            d = long,
            e = long,
            f = long,
            g = long,
            h = long,
            i = long,
            j = long,
            k = long,
            l = long,
            m = long,
            n = long,
            o = long,
            p = long,
            q = long,
            r = long,
            s = long,
            t = long,
            u = long,
            v = long,
            w = long,
            x = long,
            y = long,
            z = long,
            aa = long,
            ab = long,
            ac = long,
            ad = long,
            ae = long,
            "{long}"
        );
    });
    assert_eq!(otherwise, "");
    let entries = journal.entries();
    assert_eq!(entries[0].len(), 31 + 4);
    assert!(
        entries[0]
            .values()
            .all(|value| value.len() <= VALUE_MAX && long.starts_with(value.as_str())
                || !value.starts_with('ש'))
    );
    assert_eq!(entries[0]["COMMWATCH_AE"].len(), VALUE_MAX);
}

#[test]
fn what_the_journal_does_not_take_is_written_as_a_line() {
    let journal = Reader::new();
    let path = journal.folder.path().join("socket");
    let otherwise = logged(&journal, "info", || {
        tracing::info!("one");
        std::fs::remove_file(&path).unwrap();
        tracing::warn!(watch = "acme-cfo", "two");
    });
    assert_eq!(otherwise, "<4>two watch=\"acme-cfo\"\n");
    assert_eq!(journal.entries().len(), 1);
}
