//! Dashboards and rules: what Grafana's own linter asks of dashboards, and that they speak of metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::markdown::code;
use crate::root;

const DASHBOARDS: [&str; 2] = ["overview", "drilldown"];
/// What Grafana's published types say is the newest (`@grafana/schema` 13).
const SCHEMA_VERSION: u64 = 42;
const UNITS: [&str; 7] = ["short", "s", "bytes", "ops", "reqps", "percentunit", "bool_yes_no"];
/// A range that a panel may name itself, since its title does.
const RANGE_OF_ITS_OWN: &str = "[1h]";
/// Prometheus makes this one.
const UP: &str = "up";

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join("monitoring").join(name)).unwrap()
}

fn dashboard(name: &str) -> Value {
    serde_json::from_str(&read(&format!("{name}.json"))).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn panels(dashboard: &Value) -> impl Iterator<Item = &Value> {
    list(&dashboard["panels"]).iter().filter(|panel| panel["type"] != "row")
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// Every metric there is, with its labels, as the table in the daemon's own source has them.
static FAMILIES: LazyLock<BTreeMap<String, (Kind, Vec<String>)>> = LazyLock::new(families);

fn families() -> BTreeMap<String, (Kind, Vec<String>)> {
    let source = std::fs::read_to_string(root().join("daemon/src/ops/metrics/families.rs")).unwrap();
    let table = source.split_once("families! {").unwrap().1.split_once("\n}").unwrap().0;
    let family = |entry: &str| {
        let (_, entry) = entry.split_once(" = ")?;
        let (kind, entry) = entry.split_once(", \"")?;
        let (name, entry) = entry.split_once("\", [")?;
        let labels = entry.split_once(']')?.0.split(',').map(|label| label.trim().trim_matches('"'));
        let kind = match kind {
            "Counter" => Kind::Counter,
            "Gauge" => Kind::Gauge,
            _ => Kind::Histogram,
        };
        let name = if name.starts_with("process_") { name.to_owned() } else { format!("commwatch_{name}") };
        Some((name, (kind, labels.filter(|label| !label.is_empty()).map(str::to_owned).collect())))
    };
    let families: BTreeMap<_, _> = table.split(";\n").filter_map(family).collect();
    assert!(families.len() > 40, "{families:#?}");
    families
}

/// One mention of a metric in a query: its name, what stands before it, its matchers, and what comes after them.
struct Mention {
    name: String,
    before: String,
    matchers: String,
    after: String,
}

/// The metrics in a query, without the words that stand in quotes or between braces.
fn mentions(query: &str) -> Vec<Mention> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(c) = query[at..].chars().next() {
        if c == '"' {
            at += 2 + query[at + 1..].find('"').unwrap();
            continue;
        }
        if !is_word(c) {
            at += c.len_utf8();
            continue;
        }
        let end = query[at..].find(|c| !is_word(c)).map_or(query.len(), |end| at + end);
        let name = &query[at..end];
        if name == UP || name.starts_with("commwatch_") || name.starts_with("process_") {
            let rest = &query[end..];
            let (matchers, after) = match rest.strip_prefix('{') {
                Some(rest) => rest.split_once('}').unwrap(),
                None => ("", rest),
            };
            found.push(Mention {
                name: name.to_owned(),
                before: query[..at].to_owned(),
                matchers: matchers.to_owned(),
                after: after.to_owned(),
            });
            at = query.len() - after.len();
        } else {
            at = end;
        }
    }
    found
}

/// The metric of a series: histograms have three.
fn family(series: &str) -> &str {
    let ends = ["_bucket", "_sum", "_count"];
    let known = &*FAMILIES;
    let base = ends.iter().find_map(|end| series.strip_suffix(end));
    base.filter(|base| known.contains_key(*base)).map_or(series, |base| &series[..base.len()])
}

/// What is wrong with a mention.
fn wrong(mention: &Mention) -> Option<String> {
    let Mention { name, before, matchers, after } = mention;
    if name == UP {
        return None;
    }
    let known = &*FAMILIES;
    let Some((kind, labels)) = known.get(family(name)) else { return Some(format!("there is no {name}")) };
    for matcher in matchers.split("\",").filter(|matcher| !matcher.trim().is_empty()) {
        let label = matcher.trim().split(['=', '!']).next().unwrap();
        let is_added = ["job", "instance"].contains(&label) || (label == "le" && name.ends_with("_bucket"));
        if !is_added && !labels.iter().any(|one| one == label) {
            return Some(format!("{name} has no label {label}"));
        }
    }
    let is_counted = *kind == Kind::Counter || name != family(name);
    let is_rate = ["rate(", "increase("].iter().any(|rate| before.ends_with(rate)) && after.starts_with('[');
    match kind {
        Kind::Histogram if name == family(name) => Some(format!("{name} is a histogram: use its _bucket")),
        _ if is_counted && !is_rate => Some(format!("{name} counts up: use its rate")),
        Kind::Gauge if is_rate => Some(format!("{name} is a gauge: it has no rate")),
        _ => None,
    }
}

/// What Grafana's linter would say of a dashboard, and a little more.
fn remarks(dashboard: &Value) -> Vec<String> {
    let mut remarks = Vec::new();
    let mut must = |is_so: bool, what: String| {
        if !is_so {
            remarks.push(what);
        }
    };
    must(dashboard["editable"] == false, "it can be edited in place".into());
    must(dashboard["schemaVersion"] == SCHEMA_VERSION, "its form is an old one".into());
    must(!dashboard["uid"].as_str().unwrap_or_default().is_empty(), "it has no uid".into());
    let variables = list(&dashboard["templating"]["list"]);
    let sources: Vec<&Value> = variables.iter().filter(|one| one["type"] == "datasource").collect();
    must(
        sources.len() == 1 && sources[0]["name"] == "datasource" && sources[0]["query"] == "prometheus",
        "one variable chooses the data source".into(),
    );
    for name in ["job", "instance"] {
        let variable = variables.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null);
        must(variable["type"] == "query" && variable["multi"] == true, format!("no variable {name}"));
    }
    for variable in variables.iter().filter(|one| one["type"] == "query") {
        let name = &variable["name"];
        must(variable["refresh"] == 2, format!("{name} is not looked up when the time changes"));
        must(variable["datasource"]["uid"] == "${datasource}", format!("{name} has a fixed data source"));
        must(!variable["label"].as_str().unwrap_or_default().is_empty(), format!("{name} has no label"));
        let query = variable["query"]["query"].as_str().unwrap_or_default();
        let wrong = mentions(query).iter().filter_map(wrong).collect::<Vec<_>>();
        must(wrong.is_empty(), format!("{name}: {wrong:?}"));
    }
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in list(&dashboard["panels"]) {
        let title = panel["title"].as_str().unwrap_or_default();
        must(!title.is_empty(), format!("panel {} has no title", panel["id"]));
        must(ids.insert(panel["id"].as_u64()), format!("{title}: its id is another's as well"));
        let place = |key: &str| panel["gridPos"][key].as_u64().unwrap_or(99);
        let (x, y) = (place("x")..place("x") + place("w"), place("y")..place("y") + place("h"));
        must(x.end <= 24, format!("{title} reaches over the edge"));
        let is_free = y.flat_map(|y| x.clone().map(move |x| (x, y))).all(|cell| taken.insert(cell));
        must(is_free, format!("{title} lies over another"));
        if panel["type"] == "row" {
            continue;
        }
        must(
            !panel["description"].as_str().unwrap_or_default().is_empty(),
            format!("{title}: no description"),
        );
        let unit = panel["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
        must(UNITS.contains(&unit), format!("{title}: unit {unit:?}"));
        must(panel["datasource"]["uid"] == "${datasource}", format!("{title}: a fixed data source"));
        must(!list(&panel["targets"]).is_empty(), format!("{title} asks nothing"));
        for target in list(&panel["targets"]) {
            let query = target["expr"].as_str().unwrap_or_default();
            must(target["datasource"]["uid"] == "${datasource}", format!("{title}: a fixed data source"));
            let all = mentions(query);
            must(!all.is_empty(), format!("{title}: {query} asks for no metric"));
            for mention in &all {
                let matches = ["job=~\"$job\"", "instance=~\"$instance\""];
                let is_chosen = matches.iter().all(|matcher| mention.matchers.contains(matcher));
                must(is_chosen, format!("{title}: {} of every job", mention.name));
                let wrong = wrong(mention);
                must(wrong.is_none(), format!("{title}: {}", wrong.unwrap_or_default()));
                let range = mention.after.split_once(']').map_or("", |(range, _)| range);
                let is_range = !range.starts_with('[')
                    || range == "[$__rate_interval"
                    || format!("{range}]") == RANGE_OF_ITS_OWN;
                must(is_range, format!("{title}: {range}] does not go with what is shown"));
            }
        }
    }
    remarks
}

#[test]
fn dashboards_are_what_a_linter_would_have_them_be() {
    for name in DASHBOARDS {
        assert_eq!(remarks(&dashboard(name)), [""; 0], "{name}");
    }
    let uids: BTreeSet<String> = DASHBOARDS.iter().map(|name| dashboard(name)["uid"].to_string()).collect();
    assert_eq!(uids.len(), DASHBOARDS.len());
}

#[test]
fn a_mistake_in_a_dashboard_is_found() {
    let expr = "/panels/1/targets/0/expr";
    for (pointer, value, said) in [
        ("/editable", json!(true), "edited"),
        ("/templating/list/0/query", json!("loki"), "data source"),
        ("/templating/list/1/refresh", json!(1), "looked up"),
        ("/panels/1/title", json!(""), "no title"),
        ("/panels/1/description", json!(""), "no description"),
        ("/panels/1/fieldConfig/defaults/unit", json!("kilos"), "unit"),
        ("/panels/1/gridPos/w", json!(9), "lies over another"),
        ("/panels/2/id", json!(1), "another's as well"),
        ("/panels/1/targets/0/datasource/uid", json!("P1809"), "fixed data source"),
        (expr, json!("sum(commwatch_notifier_up)"), "of every job"),
        (expr, json!(of("commwatch_poll_total")), "there is no commwatch_poll_total"),
        (expr, json!(of("commwatch_polls_total")), "counts up"),
        (expr, json!(format!("rate({}[5m])", of("commwatch_polls_total"))), "does not go with"),
        (expr, json!(format!("rate({}[$__rate_interval])", of("commwatch_notifier_up"))), "has no rate"),
        (expr, json!(of("commwatch_detection_delay_seconds")), "use its _bucket"),
        (expr, json!(of("commwatch_account_up").replace('}', ", watch=\"a\"}")), "no label watch"),
    ] {
        let mut broken = dashboard("overview");
        *broken.pointer_mut(pointer).unwrap() = value;
        let remarks = remarks(&broken);
        assert!(remarks.iter().any(|remark| remark.contains(said)), "{pointer} {said}: {remarks:?}");
    }
}

fn of(metric: &str) -> String {
    format!("{metric}{{job=~\"$job\", instance=~\"$instance\"}}")
}

/// One alert of the rules: its name and what it asks.
fn alerts() -> Vec<(String, String)> {
    let rules = read("rules.yml");
    let alerts = rules.split("      - alert: ").skip(1).map(|rule| {
        let (name, rest) = rule.split_once('\n').unwrap();
        let query = rest.split_once("expr:").unwrap().1;
        let end = ["\n        for:", "\n        labels:"].iter().filter_map(|key| query.find(key)).min();
        (name.to_owned(), query[..end.unwrap()].trim().trim_start_matches('|').to_owned())
    });
    alerts.collect()
}

#[test]
fn rules_ask_for_metrics_that_there_are() {
    let wrong: Vec<String> = alerts()
        .iter()
        .flat_map(|(name, query)| {
            let all = mentions(query);
            assert!(!all.is_empty() || name == "CommwatchWatchdog", "{name}");
            all.iter().filter_map(wrong).map(|remark| format!("{name}: {remark}")).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn each_alert_stands_in_the_readme_and_is_tested_both_ways() {
    let (readme, tests) = (read("README.md"), read("rules_test.yml"));
    for (name, _) in alerts() {
        assert_eq!(readme.matches(&format!("| {name} |")).count(), 1, "{name} in the README");
        let fires = format!("labels: 'ALERTS{{alertname=\"{name}\", alertstate=\"firing\"");
        assert!(tests.contains(&fires), "{name} fires nowhere");
        let asked = format!("expr: ALERTS{{alertname=\"{name}\", alertstate=\"firing\"}}");
        let is_quiet = tests
            .split(&asked)
            .skip(1)
            .any(|rest| rest.split("- expr:").next().unwrap().contains("exp_samples: []"));
        assert!(is_quiet || name == "CommwatchWatchdog", "{name} is quiet nowhere");
    }
    let listed = readme.lines().filter(|line| line.starts_with("| Commwatch")).count();
    assert_eq!(listed, alerts().len());
}

#[test]
fn each_metric_is_used_or_said_not_to_be() {
    let mut used = BTreeSet::new();
    for name in DASHBOARDS {
        let dashboard = dashboard(name);
        let queries = panels(&dashboard).flat_map(|panel| list(&panel["targets"]));
        for query in queries.filter_map(|target| target["expr"].as_str()) {
            used.extend(mentions(query).iter().map(|mention| family(&mention.name).to_owned()));
        }
    }
    for (_, query) in alerts() {
        used.extend(mentions(&query).iter().map(|mention| family(&mention.name).to_owned()));
    }
    let readme = read("README.md");
    let unused = readme.split_once("## Not used").unwrap().1;
    let listed: BTreeSet<String> = unused
        .lines()
        .filter(|line| line.starts_with("- "))
        .filter_map(|line| code(line).first().cloned())
        .collect();
    let all: BTreeSet<String> = FAMILIES.keys().cloned().collect();
    let not_used: BTreeSet<String> = all.difference(&used).cloned().collect();
    assert_eq!(not_used, listed, "on no dashboard and in no rule; named as such in monitoring/README.md");
}
