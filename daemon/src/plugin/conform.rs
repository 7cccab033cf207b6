//! Whether a file is a good plugin: what the host demands of any, tried from outside, in a process of its own. Its requests
//! go nowhere: they are recorded, and answered as the rule that is tried wants it.

mod example;
mod recorder;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use commwatch_plugin_api::{Outcome, Request};
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::time::{Instant, timeout};

use self::recorder::{Recorder, Reply};
use super::catalog::file_name;
use super::children::Children;
use super::grant::Grant;
use super::host::{Handover, PluginHost, PluginSpec, PluginState, Report, STOP_PATIENCE, Tried, try_load};
use super::manifest::Manifest;
use crate::core::online::Verdict;
use crate::core::plural;

/// The notification that is delivered.
const SAMPLE: &str = include_str!("conform/notification.json");
/// For each delivery; one that is never answered ends with it.
const DELIVERY_WITHIN: Duration = Duration::from_secs(3);
/// What a receiver that is busy asks for.
const RETRY_AFTER: Duration = Duration::from_secs(7);
/// A plugin must run, or have said why not, within this.
const SETTLED_WITHIN: Duration = Duration::from_secs(15);
/// So many deliveries are tried at once, where the manifest allows them.
const AT_ONCE_MAX: u16 = 8;
/// Of the room that a notification may take, what the rest of the sample needs.
const SAMPLE_SPARE_BYTES: usize = 1024;

/// What came of one rule.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Line {
    /// Whether it is kept.
    pub result: Verdict,
    /// The rule.
    pub rule: &'static str,
    /// Where it is written, in `commwatch_plugin.h`.
    pub written: &'static str,
    /// What was found.
    pub text: String,
}

/// An answer of a receiver: the rule, the answer, what must be made of it in words, and whether that was.
type Case<'a> = (&'static str, Reply, &'a str, &'a dyn Fn(&Outcome) -> bool);

/// All of it, in the order in which it was tried.
#[derive(Default)]
struct Lines(Vec<Line>);

impl Lines {
    fn add(&mut self, result: Verdict, rule: &'static str, written: &'static str, text: impl Into<String>) {
        self.0.push(Line { result, rule, written, text: text.into() });
    }
}

/// Tries a file. `config` is what it is started with; left out, one that fits its schema is made up. The file's code runs.
pub async fn conform(file: &Path, config: Option<Json>, children: &Children) -> Vec<Line> {
    let mut lines = Lines::default();
    let manifest = match Manifest::read(file) {
        Ok(manifest) => manifest,
        Err(refusal) => {
            lines.add(Verdict::Fail, "manifest", "1. the section", refusal.to_string());
            return lines.0;
        }
    };
    about_manifest(file, &manifest, &mut lines);
    let is_given = config.is_some();
    let config = match config.map_or_else(|| example::of(&manifest.config), Ok) {
        Ok(config) => config,
        Err(why) => {
            let text =
                format!("no configuration could be made up ({why}): write one and name it with --with");
            lines.add(Verdict::Warn, "create", "create", text);
            return lines.0;
        }
    };
    let Some(spec) = spec(file, &config, &mut lines) else { return lines.0 };
    match try_load(&spec, children).await {
        Tried::Loads => {
            lines.add(
                Verdict::Ok,
                "table",
                "cw_plugin_v1",
                "ABI number, size, functions and manifest are as they must be",
            );
            lines.add(Verdict::Ok, "create", "create", "it starts with its configuration");
        }
        Tried::Refuses(why) => {
            lines.add(
                Verdict::Ok,
                "table",
                "cw_plugin_v1",
                "ABI number, size, functions and manifest are as they must be",
            );
            let (result, text) = if is_given {
                (Verdict::Fail, format!("it does not start with the configuration that was named: {why}"))
            } else {
                (
                    Verdict::Warn,
                    format!(
                        "it does not start with what its schema allows ({why}): name a configuration with --with"
                    ),
                )
            };
            lines.add(result, "create", "create", text);
            return lines.0;
        }
        Tried::Fails(why) => {
            lines.add(Verdict::Fail, "table", "cw_plugin_v1", why);
            return lines.0;
        }
    }
    refusing(&spec, &manifest, children, &mut lines).await;
    delivering(spec, &manifest, children, &mut lines).await;
    let text = "freed or foreign memory, threads that outlive a delivery, what it writes into the log: run its own tests \
                with a sanitizer";
    lines.add(Verdict::Warn, "not tried", "Who owns what, Threads", text);
    lines.0
}

fn about_manifest(file: &Path, manifest: &Manifest, lines: &mut Lines) {
    let text = format!(
        "{} {}, {} at once, notifications of at most {} bytes",
        manifest.name, manifest.version, manifest.concurrency, manifest.notification_bytes_max
    );
    lines.add(Verdict::Ok, "manifest", "1. the section", text);
    let wanted = file_name(&manifest.name);
    if file.file_name().is_some_and(|name| *name == *wanted) {
        lines.add(Verdict::Ok, "file name", "1. the section", format!("{wanted}, as its name wants it"));
    } else {
        let text = format!("it is found as `plugin = \"{}\"` only when it is called {wanted}", manifest.name);
        lines.add(Verdict::Warn, "file name", "1. the section", text);
    }
    match jsonschema::options().offline().build(&manifest.config) {
        Ok(_) => lines.add(Verdict::Ok, "schema", "1. the section", "a JSON Schema 2020-12 of an object"),
        Err(error) => lines.add(Verdict::Fail, "schema", "1. the section", error.to_string()),
    }
}

fn spec(file: &Path, config: &Json, lines: &mut Lines) -> Option<PluginSpec> {
    let library = match file.canonicalize() {
        Ok(library) => library,
        Err(error) => {
            lines.add(Verdict::Fail, "create", "create", error.to_string());
            return None;
        }
    };
    // The recorder asks nobody, so that nothing has to be granted.
    let grant = Grant::new(&Json::Null, &Json::Null, BTreeMap::new()).ok()?;
    let notifier = "conform".to_owned();
    let config = config.clone();
    Some(PluginSpec { notifier, library, pinned: None, config, grant: Arc::new(grant), concurrency: None })
}

/// What does not fit the schema never comes as far as the plugin; should it all the same, it says so and does not crash.
async fn refusing(spec: &PluginSpec, manifest: &Manifest, children: &Children, lines: &mut Lines) {
    let wrong = json!({ "no such field": [7, null] });
    let validator = jsonschema::options().offline().build(&manifest.config);
    if validator.is_ok_and(|validator| validator.is_valid(&wrong)) {
        let text = "its schema takes any field, so that none is wrong";
        return lines.add(Verdict::Warn, "create refuses", "create", text);
    }
    let spec = PluginSpec { config: wrong, ..spec.clone() };
    let (result, text) = match try_load(&spec, children).await {
        Tried::Refuses(why) if why.trim().is_empty() || why.contains("it gave no reason") => {
            (Verdict::Fail, "it refuses a wrong configuration without a word of why".to_owned())
        }
        Tried::Refuses(why) => (Verdict::Ok, format!("of a wrong configuration it says: {why}")),
        Tried::Loads => {
            (Verdict::Ok, "it starts with a configuration that does not fit its schema".to_owned())
        }
        Tried::Fails(why) => (Verdict::Fail, format!("with a wrong configuration: {why}")),
    };
    lines.add(result, "create refuses", "create", text);
}

/// One running plugin, and what it asks for.
struct Bench {
    host: PluginHost,
    recorder: Arc<Recorder>,
}

async fn delivering(spec: PluginSpec, manifest: &Manifest, children: &Children, lines: &mut Lines) {
    let recorder = Arc::new(Recorder::default());
    let (host, running) = PluginHost::new(spec, children.clone(), Arc::clone(&recorder) as Arc<_>);
    let bench = Bench { host, recorder };
    let tried = async {
        if bench.runs().await {
            bench.rules(manifest, lines).await;
        } else {
            lines.add(Verdict::Fail, "deliver", "deliver", "it did not begin to run a second time");
        }
        bench.stops(lines).await;
    };
    tokio::pin!(running);
    // The bench ends last: it waits for the process to be gone.
    tokio::join!(running, tried);
}

impl Bench {
    async fn runs(&self) -> bool {
        let mut state = self.host.state();
        let runs = state.wait_for(|state| matches!(state, PluginState::Running { .. }));
        matches!(timeout(SETTLED_WITHIN, runs).await, Ok(Ok(_)))
    }

    async fn deliver(&self, payload: &str, attempt: u32, reply: Reply) -> (Report, Vec<Request>) {
        self.recorder.begin(reply);
        let deadline = Instant::now() + DELIVERY_WITHIN;
        let payload: Arc<str> = payload.into();
        let handover =
            Handover { payload, receipt: None, attempt, replay: false, again: false, deadline, alone: false };
        let report = self.host.deliver(handover).await;
        (report, self.recorder.requests())
    }

    async fn rules(&self, manifest: &Manifest, lines: &mut Lines) {
        let sample = sample();
        let (report, first) = self.deliver(&sample, 1, Reply::status(200)).await;
        if self.crashed("deliver", &report, lines).await {
            return;
        }
        if first.is_empty() {
            let text = format!(
                "it asks nothing of the host's `http` ({}): what it makes of a receiver's answers could not be tried",
                said(&report.outcome)
            );
            lines.add(Verdict::Warn, "outcomes", "cw_outcome_v1", text);
        } else {
            self.outcomes(&sample, &report, lines).await;
            self.repeats(&sample, &first, lines).await;
        }
        self.strange(manifest, lines).await;
        self.at_once(manifest, &sample, lines).await;
    }

    /// Each answer, and what must be made of it.
    async fn outcomes(&self, sample: &str, accepted: &Report, lines: &mut Lines) {
        let written = "cw_outcome_v1";
        let is_delivered = matches!(accepted.outcome, Outcome::Delivered { .. });
        let result = if is_delivered { Verdict::Ok } else { Verdict::Warn };
        let hint =
            if is_delivered { "" } else { "; a receiver that answers with words of its own may need them" };
        lines.add(result, "200", written, format!("{}{hint}", said(&accepted.outcome)));
        let after = |outcome: &Outcome| matches!(outcome, Outcome::Retry { after: Some(after), .. } if *after >= RETRY_AFTER);
        let retry: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Retry { .. });
        let cases: [Case<'_>; 6] = [
            ("400", Reply::status(400), "rejected or broken", &|outcome| {
                matches!(outcome, Outcome::Reject { .. } | Outcome::Broken { .. })
            }),
            ("401", Reply::status(401), "broken", &|outcome| matches!(outcome, Outcome::Broken { .. })),
            ("429", Reply::Status(429, Some(RETRY_AFTER)), "retry, no sooner than Retry-After", &after),
            ("503", Reply::status(503), "retry", &retry),
            ("not sent", Reply::NotSent, "retry: nothing has arrived", &retry),
            ("no answer", Reply::Never, "unknown: it may have arrived", &|outcome| {
                matches!(outcome, Outcome::Unknown { .. })
            }),
        ];
        for (rule, reply, wanted, is_kept) in cases {
            let (report, _) = self.deliver(sample, 1, reply).await;
            if self.crashed(rule, &report, lines).await {
                return;
            }
            let said = said(&report.outcome);
            match &report.outcome {
                // Whoever says so loses an alert for good.
                Outcome::Delivered { .. } => {
                    lines.add(
                        Verdict::Fail,
                        rule,
                        written,
                        format!("{said}, and was not; expected: {wanted}"),
                    );
                }
                Outcome::Reject { .. } if !is_kept(&report.outcome) => {
                    lines.add(
                        Verdict::Fail,
                        rule,
                        written,
                        format!("{said}, and is lost; expected: {wanted}"),
                    );
                }
                outcome if is_kept(outcome) => lines.add(Verdict::Ok, rule, written, said),
                _ => lines.add(Verdict::Warn, rule, written, format!("{said}; expected: {wanted}")),
            }
        }
    }

    /// A retry asks for the same.
    async fn repeats(&self, sample: &str, first: &[Request], lines: &mut Lines) {
        let (report, again) = self.deliver(sample, 2, Reply::status(200)).await;
        if self.crashed("repeat", &report, lines).await {
            return;
        }
        let (result, text) = if in_bytes(first) == in_bytes(&again) {
            (Verdict::Ok, "a second attempt asks for the same, byte for byte")
        } else {
            (
                Verdict::Warn,
                "a second attempt asks for something else: a receiver cannot tell it from another alert",
            )
        };
        lines.add(result, "repeat", "cw_delivery_v1", text);
    }

    /// As long as may be, with fields and words that a later version may bring.
    async fn strange(&self, manifest: &Manifest, lines: &mut Lines) {
        let strange = strange(manifest.notification_bytes_max as usize);
        let (report, _) = self.deliver(&strange, 1, Reply::status(200)).await;
        if !self.crashed("strange input", &report, lines).await {
            let text = format!(
                "{} bytes with unknown fields, actions and hostile text: {}",
                strange.len(),
                said(&report.outcome)
            );
            lines.add(Verdict::Ok, "strange input", "cw_delivery_v1, Growth", text);
        }
    }

    /// On as many threads as the manifest says.
    async fn at_once(&self, manifest: &Manifest, sample: &str, lines: &mut Lines) {
        let many = manifest.concurrency.min(AT_ONCE_MAX);
        let all = (0..many).map(|_| self.deliver(sample, 1, Reply::status(200)));
        let reports = futures_util::future::join_all(all).await;
        match reports.iter().find(|(report, _)| report.crashed || report.not_sent) {
            Some((report, _)) => {
                self.crashed("threads", report, lines).await;
            }
            None => lines.add(
                Verdict::Ok,
                "threads",
                "Threads",
                plural::many(many, "delivery at once", "deliveries at once"),
            ),
        }
    }

    /// Whether its process was lost: then the next one is waited for.
    async fn crashed(&self, rule: &'static str, report: &Report, lines: &mut Lines) -> bool {
        if !report.crashed && !report.not_sent {
            return false;
        }
        lines.add(Verdict::Fail, rule, "Where it runs, remaining_ms", said(&report.outcome));
        self.runs().await;
        true
    }

    /// It ends when it is told to.
    async fn stops(&self, lines: &mut Lines) {
        let began = Instant::now();
        self.host.stop().await;
        let seconds = STOP_PATIENCE.as_secs();
        if began.elapsed() < STOP_PATIENCE {
            lines.add(Verdict::Ok, "destroy", "destroy", "it ends when it is told to");
        } else {
            let text = format!("it did not end within {seconds} s, and was killed");
            lines.add(Verdict::Fail, "destroy", "destroy", text);
        }
    }
}

/// What can be compared of requests.
fn in_bytes(requests: &[Request]) -> Vec<(String, &[u8])> {
    requests.iter().map(|request| (format!("{request:?}"), request.body.0.as_slice())).collect()
}

/// An outcome in a line.
fn said(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered { .. } => "delivered".to_owned(),
        Outcome::Retry { after: Some(after), why } => format!("retry after {} s: {why}", after.as_secs()),
        Outcome::Retry { after: None, why } => format!("retry: {why}"),
        Outcome::Reject { why } => format!("rejected: {why}"),
        Outcome::Unknown { why } => format!("unknown: {why}"),
        Outcome::Broken { why, .. } => format!("broken: {why}"),
    }
}

/// As the host writes it.
fn sample() -> String {
    let sample: Json = serde_json::from_str(SAMPLE).unwrap_or_default();
    sample.to_string()
}

fn strange(bytes_max: usize) -> String {
    let mut sample: Json = serde_json::from_str(SAMPLE).unwrap_or_default();
    sample["action"] = json!("a-word-of-later");
    sample["severity"] = json!("a-word-of-later");
    sample["a field of later"] = json!({ "deep": [[[{}]]] });
    sample["events"][0]["data"]["a field of later"] = json!([1, null, "x"]);
    sample["events"][0]["type"] = json!("commwatch.something.later.v9");
    sample["title"] = json!("<!channel> \u{202e}</at> @everyone {{7*7}} ${x} %s");
    let taken = sample.to_string().len() + SAMPLE_SPARE_BYTES;
    // Two bytes each, so that a cut falls into the middle of one.
    sample["text"] = json!("ש".repeat(bytes_max.saturating_sub(taken) / 2));
    sample.to_string()
}

#[cfg(test)]
mod tests;
