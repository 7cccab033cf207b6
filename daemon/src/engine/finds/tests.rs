//! Whose a conversation is that was found, before and after the configuration changes.

use std::path::{Path, PathBuf};

use super::*;
use crate::config::{self, Catalog, Config, Found, NotFound, Trust};
use crate::core::discovery::First;
use crate::core::watch::Stream;
use crate::engine::reload::{Diff, dangerous};

struct Shelf;

impl Catalog for Shelf {
    fn find(&self, _: &str, _: &[PathBuf], _: Trust) -> Result<Found, NotFound> {
        Ok(Found {
            library: "/plugins/log.so".into(),
            schema: serde_json::json!({}),
            version: "1".into(),
            repeats: false,
        })
    }
}

fn config(watches: &str) -> Config {
    let text = format!(
        "[accounts.main]\nbase_url = \"https://api.example\"\ntoken = {{ credential = \"t\" }}\n\
         [notifiers.log]\nplugin = \"log\"\n[operators]\nnotify = [\"log\"]\n\
         [[route]]\nnotify = [\"log\"]\nwatch = [\n{watches}\n]\n"
    );
    // Lists of tables come before the first section.
    let (head, lines) = text.split_once("watch = [").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("commwatch.toml");
    std::fs::write(path, format!("watch = [{lines}{head}")).unwrap();
    config::load(path, &Shelf).unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

fn plan(watches: &str) -> Plan {
    Plan::new(config(watches), BTreeMap::new())
}

const ALL: &str = "{ name = 'all', channel = { stream = 5, status = ['open', 'pending'] } },";
const PENDING: &str =
    "{ name = 'pending', priority = 'vip', channel = { stream = 5, status = ['pending'] } },";
const NAMED: &str = "{ name = 'named', stream = 5, object = 1 },";

fn found(object: i64, key: &str) -> Discovered {
    Discovered {
        conversation: ConversationId { account: "main".into(), object },
        place: Place { account: "main".into(), key: key.into() },
        stream: Stream::Number(5),
        created: None,
        first: First::Configured,
        watched: true,
        over_since: None,
    }
}

fn finds() -> Finds {
    let finds = Finds::default();
    let found = vec![found(1, "channel 5 1"), found(2, "channel 5 15"), found(3, "channel 6 1")];
    finds.load(Discoveries { begun: BTreeMap::new(), found });
    finds
}

/// The conversations of each watch.
fn of(finds: &Finds, plan: &Plan) -> Vec<(String, Vec<i64>)> {
    let all = plan.seeks.iter().map(|(id, seek)| {
        let mut objects: Vec<i64> =
            finds.all_of(plan, id).iter().map(|one| one.conversation.object).collect();
        objects.sort_unstable();
        assert_eq!(finds.watched_of(plan, id), objects.len());
        (seek.name.clone(), objects)
    });
    all.collect()
}

#[test]
fn what_another_watch_names_is_not_for_the_one_that_found_it_to_leave_or_forget() {
    let (finds, id) = (finds(), ConversationId { account: "main".into(), object: 1 });
    let before = plan(ALL);
    assert_eq!(of(&finds, &before), [("all".to_owned(), vec![1, 2])]);
    let after = plan(&format!("{ALL}{NAMED}"));
    assert_eq!(of(&finds, &after), [("all".to_owned(), vec![2])]);
    assert_eq!(finds.watch(&after, &id).unwrap().name, "named");
    assert!(finds.is_watched(&after, &id));
    assert!(!finds.is_watched(&plan(PENDING), &id), "nobody looks there any more");
}

#[test]
fn a_conversation_is_for_the_first_watch_that_looks_where_it_was_listed() {
    let (finds, plan) = (finds(), plan(&format!("{ALL}{PENDING}")));
    let expected = [("all".to_owned(), vec![1]), ("pending".to_owned(), vec![2])];
    assert_eq!(of(&finds, &plan), expected);
    let id = |name: &str| plan.seeks.iter().find(|(_, seek)| seek.name == name).unwrap().0;
    assert!(plan.is_before(id("pending"), id("all")) && !plan.is_before(id("all"), id("pending")));
    let mut unknown = id("all").clone();
    unknown.account.push('x');
    assert!(plan.is_before(id("all"), &unknown) && !plan.is_before(&unknown, id("all")));
}

#[test]
fn other_statuses_or_channels_of_a_watch_are_a_change_of_it_and_need_no_yes() {
    let phone = |streams: &str| {
        config(&format!(
            "{{ name = 'p', priority = 'vip', customer = {{ phone = '+972500123456' }}, streams = [{streams}] }},"
        ))
    };
    let pending = config(PENDING);
    let more = config(&PENDING.replace("'pending']", "'pending', 'open']"));
    for (old, new, name) in [(pending, more, "pending"), (phone("5"), phone("5, 6"), "p")] {
        let diff = Diff::between(&old, &new);
        assert_eq!(diff.changed, [format!("watch {name}")], "{diff}");
        assert_eq!((diff.added.len(), diff.removed.len(), dangerous(&old, &new)), (0, 0, None), "{diff}");
    }
    // Another channel is another thing, whatever it is called.
    let elsewhere = config(&PENDING.replace("stream = 5", "stream = 6"));
    assert!(dangerous(&config(PENDING), &elsewhere).is_some());
}
