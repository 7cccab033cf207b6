//! `--output json`: each command says what docs/json.md says that it does, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use commwatch_simulator::{Fault, Scope, Times};
use serde_json::{Map, Value};

use crate::cli::Following;
use crate::pins::own_plugins;
use crate::receiver::Reply;
use crate::world::{PATIENCE, World};

const DOC: &str = include_str!("../../../docs/json.md");

/// What this scenario does not come to; that it is not called otherwise, what it does come to shows.
const SELDOM: &[&str] = &[
    "commwatch routes [].after.hours",
    "commwatch routes [].after.window",
    "commwatch routes [].paced[].group_seconds",
    "commwatch replay .left_out[]",
    "commwatch status .not_ready[]",
    "commwatch status .warnings[]",
    "commwatch test-notification .held",
    "event .detection.approximate",
    "event .problem.expires",
    "story .account_events.shown[]",
    "story .live.denied",
];

/// Two watches of one name.
const TWICE: &str =
    "watch = [{ name = \"a\", stream = 1, object = 1 }, { name = \"a\", stream = 1, object = 2 }]\n";

/// One row of a table: which field, what it is, and of a word which it can be.
#[derive(Clone)]
struct Row {
    field: String,
    kind: String,
    words: Vec<String>,
    meaning: String,
}

/// What the document says, and which of that was seen.
struct Doc {
    tables: BTreeMap<String, Vec<Row>>,
    /// Which table has all fields of another.
    more: BTreeMap<String, String>,
    seen: BTreeSet<(String, String)>,
    wrong: BTreeSet<String>,
}

impl Doc {
    fn read() -> Self {
        let mut tables: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        let mut more = BTreeMap::new();
        let (mut heading, mut was_table) = (String::new(), false);
        for line in DOC.lines() {
            if line.starts_with("| ") {
                // A line between would end the table.
                assert!(was_table || line == "| field | is | meaning |", "no table: {line}");
            }
            was_table = line.starts_with('|');
            if let Some(text) = line.strip_prefix("## ") {
                heading = text.trim_matches('`').to_owned();
            } else if let Some(cells) = line.strip_prefix("| `") {
                let (field, rest) = cells.split_once("` | ").expect(line);
                let (kind, meaning) = rest.split_once(" | ").expect(line);
                assert!(meaning.len() > 4, "nothing is said of {line}");
                // Words that it can be stand first; what is only mentioned does not.
                let is_word = meaning.starts_with('`');
                let words = meaning.split('`').skip(1).step_by(2).map(str::to_owned);
                let words = words.filter(|_| is_word).collect();
                let meaning = meaning.to_owned();
                let row = Row { field: field.to_owned(), kind: kind.to_owned(), words, meaning };
                tables.entry(heading.clone()).or_default().push(row);
            } else if let Some((_, rest)) = line.split_once("all fields of [") {
                more.insert(heading.clone(), rest.split(']').next().unwrap().to_owned());
            }
        }
        Self { tables, more, seen: BTreeSet::new(), wrong: BTreeSet::new() }
    }

    /// Holds what was said against a table.
    fn holds(&mut self, table: &str, said: &Value) {
        assert!(self.tables.contains_key(table), "docs/json.md has no table `{table}` for {said:#}");
        self.walk(table, "", said);
    }

    /// What is said of a field, and in which table.
    fn row(&self, table: &str, field: &str) -> Option<(String, Row)> {
        let tables = [Some(table), self.more.get(table).map(String::as_str)];
        tables.into_iter().flatten().find_map(|name| {
            let row = self.tables[name].iter().find(|row| row.field == field)?;
            Some((name.to_owned(), row.clone()))
        })
    }

    fn walk(&mut self, table: &str, field: &str, said: &Value) {
        let found = self.row(table, field);
        if found.is_none() && !(said.is_object() || said.is_array()) {
            self.wrong.insert(format!("{table} {field} is not documented, and is {said}"));
        }
        if let Some((name, Row { field: written, kind, words, .. })) = found {
            if !(said.is_null() && kind.starts_with("→ ")) {
                self.seen.insert((name, written));
            }
            let of = kind.split(" or ").find_map(|one| one.strip_prefix("→ "));
            if let Some(of) = of.filter(|_| !said.is_null()) {
                return self.walk(of, "", said);
            }
            let is_other = !kind.split(" or ").any(|word| is(said, word));
            let is_no_word =
                said.as_str().is_some_and(|said| !words.is_empty() && !words.contains(&said.to_owned()));
            if is_other || is_no_word {
                self.wrong.insert(format!("{table} {field} is documented as {kind} {words:?} and is {said}"));
            }
            if kind == "anything" {
                return;
            }
        }
        match said {
            Value::Object(members) => {
                self.all_are_there(table, field, members);
                for (key, one) in members {
                    self.walk(table, &format!("{field}.{key}"), one);
                }
            }
            Value::Array(items) => items.iter().for_each(|one| self.walk(table, &format!("{field}[]"), one)),
            _ => {}
        }
    }

    /// What is documented of an object, and not as left out sometimes, is there.
    fn all_are_there(&mut self, table: &str, field: &str, members: &Map<String, Value>) {
        let about = members.get("about").and_then(Value::as_str);
        // Of a story, the fields of its kind.
        let is_of_another = |row: &Row| match (table, about, row.meaning.split_once(": ")) {
            ("story", Some(about), Some((of, _))) => !of.split(", ").any(|one| one == about),
            _ => false,
        };
        let more = self.more.get(table).filter(|more| about.is_some_and(|about| about == **more));
        let rows =
            [Some(table), more.map(String::as_str)].into_iter().flatten().flat_map(|name| &self.tables[name]);
        let absent = rows.filter(|row| {
            let key = row.field.strip_prefix(field).and_then(|rest| rest.strip_prefix('.'));
            key.is_some_and(|key| !key.contains(['.', '[']) && !members.contains_key(key))
                && !row.meaning.contains("left out")
                && !is_of_another(row)
        });
        let absent: Vec<String> = absent.map(|row| format!("{table} {} is not there", row.field)).collect();
        self.wrong.extend(absent);
    }

    /// Rows that nothing has shown.
    fn unseen(&self) -> Vec<String> {
        let all = self.tables.iter().flat_map(|(table, rows)| rows.iter().map(move |row| (table, row)));
        let unseen = all.filter(|(table, row)| !self.seen.contains(&((*table).clone(), row.field.clone())));
        unseen.map(|(table, row)| format!("{table} {}", row.field)).collect()
    }
}

/// Whether a value is what a word of the document says.
fn is(said: &Value, word: &str) -> bool {
    match word {
        "text" => said.is_string(),
        "time" => said.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
        "number" => said.is_number(),
        "true" | "false" => said.is_boolean(),
        "null" => said.is_null(),
        "object" => said.is_object(),
        "list" => said.is_array(),
        "anything" => true,
        _ if word.starts_with("→ ") => false,
        _ => panic!("docs/json.md says {word}, which is no kind of value"),
    }
}

impl World {
    /// What a command says to a program, whether it went well or not.
    fn tells(&self, arguments: &[&str]) -> Value {
        let output = self.run(
            &[arguments, &["--output", "json", "--socket", "admin.sock", "-c", "commwatch.toml"]].concat(),
        );
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {text}{}", String::from_utf8_lossy(&output.stderr))
        })
    }
}

/// Two VIPs by conversation and one customer, an event of each kind of fate, and every command.
#[tokio::test(flavor = "multi_thread")]
async fn every_command_says_to_a_program_what_the_document_says() {
    let mut doc = Doc::read();
    let mut world = World::new().await;
    world.config.more = "[[watch]]\nname = \"dana\"\ndiscovery = \"1s\"\ncustomer = 531826\n\
                         [notifiers.people]\nplugin = \"log\"\ngroup = true\nmax_per = \"20/10m\"\nquiet_hours = { outside = \"desk\" }\n\
                         [hours.desk]\ntimezone = \"UTC\"\nopen = [\"mon-fri 09:00-17:00\"]\n\
                         [[route]]\nunanswered_for = [\"1h\"]\nnotify = [\"people\"]\n\
                         [operators]\nnotify = [\"log\"]\n"
        .to_owned();
    let dana = world.watching(7);
    world.watching(8);
    world.config.watches[0].tags = vec!["acme"];
    world.sim.conversation(41_210, 11).customer("Dana", "Levi").identity(531_826).customer_says("old");
    let webhook = own_plugins(&mut world);

    // What the configuration alone says, or CommBox.
    std::fs::write(world.path("commwatch.toml"), format!("{TWICE}[accounts.main]\nbase_url = 7\n")).unwrap();
    doc.holds("commwatch check", &world.tells(&["check"]));
    world.write_config();
    doc.holds("commwatch check", &world.tells(&["check", "--print-effective"]));
    doc.holds("commwatch check", &world.tells(&["check", "--online"]));
    doc.holds("commwatch find", &world.tells(&["find", "--identity", "531826"]));
    dana.agent_says("Noa Bar", "at your service");
    doc.holds("commwatch show", &world.tells(&["show", "w7"]));
    doc.holds("commwatch routes", &world.tells(&["routes"]));
    doc.holds("commwatch routes", &world.tells(&["routes", "--type", "account.denied"]));
    doc.holds(
        "commwatch routes",
        &world.tells(&["routes", "--type", "conversation.waiting", "--at", "2026-03-02T20:00:00Z"]),
    );
    let (webhook, other) = (webhook.to_str().unwrap(), world.path("plugins/libcommwatch_text.so"));
    std::fs::write(&other, "a text").unwrap();
    doc.holds("commwatch plugins list", &world.tells(&["plugins", "list"]));
    std::fs::remove_file(other).unwrap();
    doc.holds("commwatch plugins inspect", &world.tells(&["plugins", "inspect", webhook]));
    doc.holds("commwatch plugins conform", &world.tells(&["plugins", "conform", webhook]));
    doc.holds("commwatch plugins pin", &world.tells(&["plugins", "pin"]));
    doc.holds("commwatch once", &world.tells(&["once", "--dry-run"]));

    world.start().await;
    world.baselined().await;
    world.status_until("hers", |status| status.to_string().contains("\"conversations\":1")).await;
    let tail = Following::start(&world, &["tail", "--output", "json"]);
    let child = dana.customer_says("hello").to_string();
    let event: Value = serde_json::from_str(&tail.line("message.created")).unwrap();
    doc.holds("event", &event);
    let event = event["id"].as_str().unwrap();
    doc.holds("commwatch ack", &world.tells(&["ack", "w7"]));
    // A reply, an edit, a status, a dead letter, and one of a conversation that cannot be read.
    dana.agent_says("Noa Bar", "hello yourself");
    dana.edit(child.parse().unwrap(), "hello?");
    dana.set_status(2);
    world.notifier_until("hook", "nothing pending", |one| one["pending"] == 0).await;
    world.hook.then([Reply::Status(400)]);
    dana.customer_says("what no receiver takes");
    world.notifier_until("hook", "a dead letter", |one| one["dead"] == 1 && one["pending"] == 0).await;
    world.sim.fault(Scope::Object(8), Fault::status(500), Times::Forever);
    let fails = |one: &Value| one["last_error"].is_string();
    let failing = |status: &Value| status["watches"].as_array().unwrap().iter().any(fails);
    doc.holds("commwatch status", &world.status_until("a fault", failing).await);
    doc.holds("commwatch why", &world.tells(&["why", "--watch", "w8"]));
    doc.holds(
        "commwatch silence add",
        &world.tells(&["silence", "add", "--watch", "w7", "--for", "1h", "--reason", "a try"]),
    );
    doc.holds(
        "commwatch silence add",
        &world.tells(&["silence", "add", "--tag", "acme", "--for", "1h", "--reason", "a try"]),
    );
    dana.customer_says("kept from people");
    world.metric_until("deliveries_total{notifier=\"hook\",result=\"suppressed\"}", "1").await;
    doc.holds("commwatch why", &world.tells(&["why", "--watch", "w7"]));
    doc.holds("commwatch why", &world.tells(&["why", "--watch", "dana"]));
    let within = ["why", "--watch", "dana", "--conversation", "main/11"];
    doc.holds("commwatch why", &world.tells(&within));
    doc.holds("commwatch silence expire", &world.tells(&["silence", "expire", "1"]));
    doc.holds("commwatch silence expire", &world.tells(&["silence", "expire", "2"]));
    doc.holds(
        "commwatch silence add",
        &world.tells(&["silence", "add", "--conversation", "main/8", "--for", "1h", "--reason", "a try"]),
    );
    doc.holds("commwatch silence list", &world.tells(&["silence", "list", "--all"]));

    // A receiver that wants nothing more, and what waits for it.
    world.hook.usually(Some(Reply::Status(410)));
    world.sim.clear_faults();
    dana.customer_says("is anybody there?");
    dana.customer_says("hello??");
    world.notifier_until("hook", "broken", |one| one["state"] == "broken" && one["pending"] == 2).await;
    doc.holds("commwatch status", &world.tells(&["status"]));
    doc.holds("commwatch why", &world.tells(&["why", "--watch", "w7"]));
    doc.holds("commwatch watches", &world.tells(&["watches"]));
    doc.holds("commwatch notifiers", &world.tells(&["notifiers"]));
    doc.holds("commwatch deliveries", &world.tells(&["deliveries"]));
    doc.holds("commwatch check", &world.tells(&["check", "--online"]));
    world.hook.usually(None);
    doc.holds("commwatch notifiers resume", &world.tells(&["notifiers", "resume", "hook"]));
    dana.customer_says("the last");
    world.hook.wait("the last", PATIENCE, |all| all.iter().any(|one| one.text == "the last")).await;
    doc.holds("commwatch events", &world.tells(&["events"]));
    doc.holds("commwatch why", &world.tells(&["why", event]));
    doc.holds("commwatch why", &world.tells(&["why", "--message", &child]));
    doc.holds("commwatch why", &world.tells(&["why", "--message", "12"]));
    doc.holds("commwatch replay", &world.tells(&["replay", event, "--dry-run"]));
    doc.holds("commwatch replay", &world.tells(&["replay", event]));
    doc.holds("commwatch dead drop", &world.tells(&["dead", "drop", "--all"]));
    doc.holds("commwatch test-notification", &world.tells(&["test-notification", "hook"]));
    doc.holds("commwatch reload", &world.tells(&["reload"]));
    doc.holds("commwatch backup", &world.tells(&["backup", "copy.db"]));
    assert!(world.stop().await.success());
    dana.customer_says("while nobody looked");
    world.sim.fault(Scope::Object(8), Fault::status(500), Times::Forever);
    doc.holds("commwatch once", &world.tells(&["once", "--wait", "3s"]));

    assert!(doc.wrong.is_empty(), "{:#?}", doc.wrong);
    let unseen = doc.unseen();
    assert!(
        unseen.iter().all(|row| SELDOM.contains(&row.as_str())),
        "documented and never said: {unseen:#?}"
    );
}
