use std::cell::RefCell;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::ops::admin::tests::engine::Engine;
use crate::ops::admin::{AdminSocket, BackedUp, serve};
use crate::ops::status::tests::example;
use crate::ops::status::{Status, WatchStatus};

/// Notes what was called.
#[derive(Default)]
struct Spy {
    calls: RefCell<Vec<String>>,
    socket: Option<PathBuf>,
}

impl Spy {
    fn note(&self, call: String) -> Exit {
        self.calls.borrow_mut().push(call);
        Exit::Done
    }
}

impl Commands for Spy {
    fn run(&self, config: &Path, accept_new_baseline: bool) -> Exit {
        self.note(format!("run {} {accept_new_baseline}", config.display()))
    }

    fn check(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        self.note(format!("check {} {:?}", config.display(), console.output));
        Exit::InvalidConfig
    }

    fn check_online(&self, config: &Path, socket: &Path, _: &mut Console<'_>) -> Exit {
        self.note(format!("check {} by {}", config.display(), socket.display()))
    }

    fn once(&self, config: &Path, args: &OnceArgs, _: &mut Console<'_>) -> Exit {
        self.note(format!("once {} {args:?}", config.display()))
    }

    fn print_effective(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        self.note(format!("print {} {:?}", config.display(), console.output))
    }

    fn schema(&self, config: Option<&Path>, _: &mut Console<'_>) -> Exit {
        self.note(format!("schema {config:?}"))
    }

    fn show(&self, config: &Path, watch: &str, _: &mut Console<'_>) -> Exit {
        self.note(format!("show {} {watch}", config.display()))
    }

    fn find(&self, config: &Path, args: &FindArgs, _: &mut Console<'_>) -> Exit {
        self.note(format!("find {} {args:?}", config.display()))
    }

    fn plugins_list(&self, config: &Path, _: &mut Console<'_>) -> Exit {
        self.note(format!("list {}", config.display()))
    }

    fn plugins_inspect(&self, file: &Path, _: &mut Console<'_>) -> Exit {
        self.note(format!("inspect {}", file.display()))
    }

    fn plugins_conform(&self, args: &ConformArgs, _: &mut Console<'_>) -> Exit {
        self.note(format!("conform {args:?}"))
    }

    fn plugins_pin(&self, config: &Path, _: &mut Console<'_>) -> Exit {
        self.note(format!("pin {}", config.display()))
    }

    fn load(&self, config: &Path) -> Result<Box<Config>, String> {
        self.note(format!("load {}", config.display()));
        Err("error: nothing is right with it".to_owned())
    }

    fn admin_socket(&self, config: &Path) -> Option<PathBuf> {
        self.note(format!("socket of {}", config.display()));
        self.socket.clone()
    }
}

/// What a command line did: exit status, stdout, stderr.
fn typed(spy: &Spy, line: &str) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = ["commwatch"].into_iter().chain(line.split_whitespace());
    let exit = run(args, spy, false, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn called(line: &str) -> (Exit, Vec<String>) {
    let spy = Spy::default();
    let (exit, ..) = typed(&spy, line);
    (exit, spy.calls.into_inner())
}

#[test]
fn help_says_what_there_is() {
    let (exit, help, err) = typed(&Spy::default(), "--help");
    assert_eq!((exit, &*err), (Exit::Done, ""));
    insta::assert_snapshot!(help, @"
    Watches CommBox conversations and tells people and programs what is new

    Usage: commwatch [OPTIONS] <COMMAND>

    Commands:
      run                Run the daemon
      check              Say everything that is wrong with the configuration, at once
      once               Poll everything once, deliver what is new, and end; not beside a running daemon
      show               Read a watch's conversation from CommBox now: is this the right one?
      find               Find a customer's conversations in CommBox, as lines for the configuration
      status             Ask the running daemon how it goes: are the VIPs fresh?
      watches            List the watches: are they fresh, who waits, what was found?
      reload             Have the running daemon read its configuration again, and say what became of it
      backup             Have the running daemon write a whole, checked copy of its database
      why                Explain an event, a message or a watch, from poll to outcome: also why no alert was sent
      events             List what was found, and who was told
      tail               Follow what is found, a line each
      deliveries         List deliveries: open ones, delivered ones, dead letters
      replay             Send again what was delivered or given up, under the ids that it had
      silence            Tell nobody of what a watch, a tag or a conversation brings, for a while
      ack                Say that you know who waits: nobody is told again until the customer writes
      routes             Say who would be told of something, and why, by the configuration alone
      dead               Deal with dead letters
      notifiers          List notifiers, or have one that is held be tried now
      test-notification  Try a notifier: send a test the whole way, and say what its receiver answered
      plugins            Look at plugins, try one, pin those that are meant
      schema             Write the configuration's JSON Schema, for editors; with -c also of the plugins that it finds
      completion         Write what a shell completes
      man                Write the manual

    Options:
      -c, --config <FILE>       The configuration [env: COMMWATCH_CONFIG] [default: /etc/commwatch/commwatch.toml]
          --output <text|json>  How results are written [default: text]
          --socket <PATH>       The running daemon's admin socket [default: the configuration's]
      -h, --help                Print help
      -V, --version             Print version

    All but run, check, once, show, find, routes, plugins, schema, completion and man talk to the running daemon.
    Results go to stdout, messages to stderr.
    Exit status: 0 yes or done, 1 no or failed, 2 usage, 69 the daemon is not running,
    78 the configuration is invalid.
    ");
}

#[test]
fn each_command_has_its_help_and_its_page_of_the_manual() {
    let mut helps = String::new();
    let mut called: Vec<String> = vec![String::new()];
    while let Some(command) = called.pop() {
        let (exit, help, err) = typed(&Spy::default(), &format!("{command} --help"));
        assert_eq!((exit, &*err), (Exit::Done, ""), "{command}");
        let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
        let names =
            listed.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
        let names: Vec<&str> = names.collect();
        called.extend(names.iter().rev().map(|name| format!("{command} {name}")));
        if !command.is_empty() {
            helps.push_str(&format!("$ commwatch{command} --help\n{help}\n"));
        }
    }
    insta::assert_snapshot!("help", helps);
    let (_, page, _) = typed(&Spy::default(), "man");
    insta::assert_snapshot!("man", page.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn without_a_command_the_help_is_a_usage_error() {
    let (exit, out, err) = typed(&Spy::default(), "");
    assert_eq!((exit, &*out), (Exit::Usage, ""));
    assert!(err.contains("Usage: commwatch"), "{err}");
}

#[test]
fn the_version_is_a_result() {
    let (exit, out, _) = typed(&Spy::default(), "--version");
    assert_eq!((exit, out), (Exit::Done, format!("commwatch {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn commands_get_the_configuration_whichever_side_it_stands_on() {
    assert_eq!(called("run -c a.toml"), (Exit::Done, vec!["run a.toml false".into()]));
    assert_eq!(called("-c a.toml run --accept-new-baseline").1, ["run a.toml true"]);
    assert_eq!(
        called("check --config a.toml --output json"),
        (Exit::InvalidConfig, vec!["check a.toml Json".into()])
    );
    assert_eq!(called("check -c a.toml --print-effective").1, ["print a.toml Text"]);
    assert_eq!(called("schema").1, ["schema None"]);
    assert_eq!(called("schema -c a.toml").1, ["schema Some(\"a.toml\")"]);
    assert_eq!(called("-c a.toml schema --output json").1, ["schema Some(\"a.toml\")"]);
    assert_eq!(called("show -c a.toml acme").1, ["show a.toml acme"]);
    assert!(called("find --phone +972-50-0123456 -c a.toml").1[0].contains("Phone(\"972500123456\")"));
    for wrong in ["find", "find --phone 050", "find --identity 0", "find --identity 7 --email a@b.example"] {
        assert_eq!(called(wrong), (Exit::Usage, vec![]), "{wrong}");
    }
    assert_eq!(called("plugins list -c a.toml").1, ["list a.toml"]);
    assert_eq!(called("plugins inspect libcommwatch_log.so").1, ["inspect libcommwatch_log.so"]);
    assert_eq!(called("plugins pin -c a.toml").1, ["pin a.toml"]);
    assert!(called("plugins conform x.so --with x.json").1[0].contains("x.json"));
    assert_eq!(called("--socket b.sock check --online -c a.toml").1, ["check a.toml by b.sock"]);
}

#[test]
fn a_slip_of_the_pen_is_answered_with_the_nearest_command() {
    let (exit, _, err) = typed(&Spy::default(), "statsu");
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("status"), "{err}");
    for command in ["events", "tail", "routes", "test-notification log"] {
        let (exit, _, err) = typed(&Spy::default(), &format!("{command} --type mesage.created"));
        assert_eq!(exit, Exit::Usage, "{command}");
        assert!(err.contains("types are message.created, "), "{err}");
    }
}

#[test]
fn when_no_daemon_runs_the_exit_status_is_69_and_the_text_says_where_it_was_looked_for() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = folder.path().join("admin.sock");
    for line in ["status", "reload", "backup x.db", "status --output json"] {
        let (exit, out, err) = typed(&Spy { socket: Some(socket.clone()), ..Spy::default() }, line);
        assert_eq!((exit, &*out), (Exit::NotRunning, ""), "{line}");
        let where_to = socket.display();
        assert!(
            err.starts_with(&format!("error: no commwatch is listening on {where_to}\n  hint: ")),
            "{err}"
        );
    }
}

#[test]
fn the_socket_is_the_one_named_then_the_configured_one_then_the_usual_one() {
    let folder = tempfile::TempDir::new().unwrap();
    let named = folder.path().join("named.sock");
    let spy = Spy::default();
    let (_, _, err) = typed(&spy, &format!("status --socket {}", named.display()));
    assert!(err.contains("named.sock"), "{err}");
    assert!(spy.calls.borrow().is_empty(), "no configuration was needed");

    let configured = Spy { socket: Some(folder.path().join("configured.sock")), ..Spy::default() };
    assert!(typed(&configured, "status -c a.toml").2.contains("configured.sock"));
    assert_eq!(*configured.calls.borrow(), ["socket of a.toml"]);
}

#[test]
fn exit_codes_are_those_of_the_contract() {
    let codes =
        [Exit::Done, Exit::Failed, Exit::Usage, Exit::NotRunning, Exit::InvalidConfig].map(|exit| exit as u8);
    assert_eq!(codes, [0, 1, 2, 69, 78]);
}

/// Types `line` at a running daemon.
async fn asked(line: &'static str) -> (Exit, String, String) {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("admin.sock");
    let shutdown = CancellationToken::new();
    let socket = AdminSocket::bind(&path).unwrap();
    let daemon = tokio::spawn(serve(socket, Arc::new(Engine { silent: false }), shutdown.clone()));
    let typing = move || typed(&Spy { socket: Some(path), ..Spy::default() }, line);
    let result = tokio::task::spawn_blocking(typing).await.unwrap();
    shutdown.cancel();
    daemon.await.unwrap().unwrap();
    result
}

#[tokio::test]
async fn status_is_text_for_people_and_json_for_programs() {
    let (exit, text, err) = asked("status").await;
    assert_eq!((exit, &*err), (Exit::Done, ""));
    assert!(text.starts_with("1 of 2 VIPs is not fresh.\n"), "{text}");
    let (_, json, _) = asked("status --output json").await;
    let status: Status = serde_json::from_str(&json).unwrap();
    assert_eq!(status.notifiers[1].name, "ops-slack");
}

#[tokio::test]
async fn watches_are_listed_from_the_status_all_or_those_that_are_named() {
    let (exit, text, _) = asked("watches").await;
    assert!(exit == Exit::Done && text.starts_with("WATCH"), "{text}");
    let names = example().watches.into_iter().map(|watch| watch.name);
    assert!(names.into_iter().all(|name| text.contains(&name)), "{text}");
    let (_, text, _) = asked("watches acme-cfo").await;
    assert_eq!((text.lines().count(), text.contains("acme-cfo")), (2, true), "{text}");
    let (_, json, _) = asked("watches acme-cfo --output json").await;
    let watches: Vec<WatchStatus> = serde_json::from_str(&json).unwrap();
    assert_eq!((watches.len(), watches[0].name.as_str()), (1, "acme-cfo"));
    let (exit, out, err) = asked("watches acme-cfo nobody").await;
    assert_eq!((exit, &*out), (Exit::Failed, ""));
    assert!(err.starts_with("error: there is no watch `nobody`\n  hint: there is `"), "{err}");
}

#[test]
fn shells_complete_each_command_and_the_manual_has_a_page_for_it() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (exit, script, err) = typed(&Spy::default(), &format!("completion {shell}"));
        assert_eq!((exit, &*err), (Exit::Done, ""));
        assert!(script.contains("test-notification") || script.contains("silence"), "{shell}: {script}");
        assert!(script.contains("allow-removals") && !script.contains("plugin-host"), "{shell}: {script}");
    }
    assert_eq!(typed(&Spy::default(), "completion tcsh").0, Exit::Usage);
    let (exit, page, err) = typed(&Spy::default(), "man");
    assert_eq!((exit, &*err), (Exit::Done, ""));
    assert!(page.contains(".TH commwatch 1") && page.contains("silence"), "{page}");
    let folder = tempfile::TempDir::new().unwrap();
    let (exit, out, err) = typed(&Spy::default(), &format!("man --folder {}", folder.path().display()));
    assert_eq!((exit, &*out, &*err), (Exit::Done, "", ""));
    for page in ["commwatch.1", "commwatch-status.1", "commwatch-silence-add.1", "commwatch-run.1"] {
        let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}: {text}");
    }
    let gone = folder.path().join("not-there");
    let (exit, _, err) = typed(&Spy::default(), &format!("man --folder {}", gone.display()));
    assert_eq!(exit, Exit::Failed);
    assert!(err.starts_with(&format!("error: cannot write into {}: ", gone.display())), "{err}");
}

#[tokio::test]
async fn reload_says_what_changed_or_why_it_was_refused() {
    let (exit, out, err) = asked("reload").await;
    assert_eq!((exit, &*out), (Exit::Failed, ""));
    assert_eq!(err, "error: it removes the VIP acme-cfo\n  hint: commwatch reload --allow-removals\n");
    let (exit, out, _) = asked("reload --allow-removals").await;
    assert_eq!((exit, &*out), (Exit::Done, "removed watch acme-cfo\n"));
    let (_, json, _) = asked("reload --allow-removals --output json").await;
    assert_eq!(json, "{\n  \"changes\": \"removed watch acme-cfo\\n\"\n}\n");
}

#[tokio::test]
async fn backup_says_where_it_is_and_of_when() {
    let (exit, out, err) = asked("backup /x/copy.db").await;
    assert_eq!((exit, &*err), (Exit::Done, ""));
    assert_eq!(out, "backed up to /x/copy.db (4096 bytes, as of 2026-01-02T03:04:05Z)\n");
    let (_, json, _) = asked("backup copy.db --output json").await;
    let made: BackedUp = serde_json::from_str(&json).unwrap();
    assert_eq!((made.file, made.bytes), (std::path::absolute("copy.db").unwrap(), 4096));
    let (exit, out, err) = asked("backup there").await;
    assert_eq!((exit, &*out, &*err), (Exit::Failed, "", "error: it is there already\n"));
}

/// What a command line asks the daemon.
async fn asks(line: &'static str) -> String {
    let (exit, out, err) = asked(line).await;
    assert_eq!((exit, &*out), (Exit::Failed, ""), "{line}: {err}");
    err.trim_end().to_owned()
}

#[tokio::test]
async fn commands_ask_what_was_typed() {
    insta::assert_snapshot!(asks("why evt_1").await, @r#"error: Event { id: "evt_1" }"#);
    insta::assert_snapshot!(asks("why --message 12 --watch acme").await, @r#"error: Message { child: "12", watch: Some("acme") }"#);
    insta::assert_snapshot!(asks("why --watch acme --since 2026-03-02T10:00:00Z").await, @r#"error: Watch { name: "acme", since: 2026-03-02T10:00:00Z, conversation: None }"#);
    let within = asks("why --watch acme --since 2026-03-02T10:00:00Z --conversation main/7").await;
    assert!(
        within.ends_with(r#"conversation: Some(ConversationId { account: "main", object: 7 }) }"#),
        "{within}"
    );
    insta::assert_snapshot!(asks("events --watch acme --type message.created --limit 5").await, @r#"error: EventsAsked { watch: Some("acme"), kind: Some("message.created"), since: None, limit: 5 }"#);
    insta::assert_snapshot!(asks("deliveries --dead --notifier ops").await, @r#"error: DeliveriesAsked { dead: true, notifier: Some("ops"), limit: 20 }"#);
    insta::assert_snapshot!(asks("replay evt_1 --dry-run").await, @r#"error: Selection { event: Some("evt_1"), dead: false, notifier: None, watch: None, since: None, until: None } true"#);
    insta::assert_snapshot!(asks("replay --dead --notifier ops --watch acme --until 2026-03-02T10:00:00Z").await, @r#"error: Selection { event: None, dead: true, notifier: Some("ops"), watch: Some("acme"), since: None, until: Some(2026-03-02T10:00:00Z) } false"#);
    insta::assert_snapshot!(asks("dead drop --all --notifier ops").await, @r#"error: Selection { event: None, dead: true, notifier: Some("ops"), watch: None, since: None, until: None }"#);
    insta::assert_snapshot!(asks("dead drop evt_1").await, @r#"error: Selection { event: Some("evt_1"), dead: true, notifier: None, watch: None, since: None, until: None }"#);
    assert_eq!(asks("notifiers resume ops").await, "error: ops");
    insta::assert_snapshot!(asks("silence list --all").await, @"error: true");
    insta::assert_snapshot!(asks("ack acme --conversation main/7").await, @r#"error: acme Some(ConversationId { account: "main", object: 7 })"#);
    let add = asks("silence add --tag acme --until 2026-03-02T10:00:00Z --until-reply --reason why").await;
    assert!(add.starts_with("error: Draft { matcher: Tag(\"acme\"), until: 2026-03-02T10:00:00Z, until_reply: true, until_close: false, reason: \"why\", by: ") && add.ends_with("} true"), "{add}");
    let expire = asks("silence expire 3").await;
    assert!(expire.starts_with("error: 3 "), "{expire}");
}

#[test]
fn what_selects_nothing_or_too_much_is_a_usage_error() {
    for (line, said) in [
        ("replay", "<EVENT_ID|--dead>"),
        ("replay --notifier ops", "<EVENT_ID|--dead>"),
        ("replay evt_1 --dead", "cannot be used with"),
        ("replay --dead --since yesterday", "write how long ago (\"30m\""),
        ("dead drop", "<EVENT_ID|--all>"),
        ("dead drop --notifier ops", "<EVENT_ID|--all>"),
        ("why", "Usage: commwatch why"),
        ("why evt_1 --watch acme", "cannot be used with"),
        ("why --message 12 --since 2h", "cannot be used with"),
        ("events --type message.sent", "types are message.created, "),
        ("silence add --reason x --for 2h", "<--watch <NAME>|--tag <TAG>|--conversation <ACCOUNT/OBJECT>>"),
        ("silence add --tag a --reason x", "<--for <DURATION>|--until <TIME>>"),
        ("silence add --tag a --for 2h", "--reason <TEXT>"),
        ("silence add --tag a --watch b --for 2h --reason x", "cannot be used with"),
        ("silence add --tag a --for 2h --until 2026-03-02T10:00:00Z --reason x", "cannot be used with"),
        ("silence add --tag a --for tomorrow --reason x", "write how long: "),
        ("silence add --conversation 7 --for 2h --reason x", "write ACCOUNT/OBJECT"),
        ("silence expire", "<NUMBER>"),
        ("ack", "<WATCH>"),
        ("routes --type message.sent", "types are message.created, "),
        ("routes --from nobody", "authors are customer, "),
        ("events --limit 0", "write a number from 1 to 500"),
        ("deliveries --limit 501", "write a number from 1 to 500"),
    ] {
        let spy = Spy::default();
        let (exit, out, err) = typed(&spy, line);
        assert_eq!((exit, &*out), (Exit::Usage, ""), "{line}: {err}");
        assert!(err.contains(said), "{line}: {err}");
        assert!(spy.calls.borrow().is_empty(), "{line}");
    }
}

#[tokio::test]
async fn notifiers_are_listed_from_the_status() {
    let (exit, text, _) = asked("notifiers").await;
    assert!(exit == Exit::Done && text.starts_with("NOTIFIER"), "{text}");
    let (_, json, _) = asked("notifiers --output json").await;
    assert!(json.contains("\"held_reason\""), "{json}");
}
