//! The program, as people run it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};

use crate::ask::{PATIENCE, client};

/// A running program that ends with the test.
struct Program {
    process: Child,
    lines: Receiver<String>,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Program {
    fn start(args: &[&str]) -> Program {
        let mut process = command(args).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Program { process, lines }
    }

    fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_commwatch-simulator"));
    command.args(args);
    command
}

fn fail(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command(args).output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn it_says_where_it_listens_and_tells_what_its_customers_write() {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenario.example.toml");
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--token", "t0k", "--scenario", scenario]);
    let first = program.line();
    let url =
        first.strip_prefix("listening on ").and_then(|rest| rest.strip_suffix(" with token t0k")).unwrap();
    assert_eq!(program.line(), "  stream 532 object 293854: ACME / Dana Levi (acme-cfo)");
    assert_eq!(program.line(), "  stream 41211 object 2251799813689310: רות לדוגמה (ruth)");
    assert!(program.line().starts_with("  curl -s -H"));
    let said = program.line();
    let object = said.split(' ').nth(1).unwrap();
    let stream = if object == "293854" { 532 } else { 41211 };
    let url = format!("{url}/streams/{stream}/objects/{object}?includeChilds=true");
    let answer: serde_json::Value =
        client().get(url).bearer_auth("t0k").send().await.unwrap().json().await.unwrap();
    let childs = answer["data"][0]["childs"].as_array().unwrap();
    let child_id = format!("#{}", childs.last().unwrap()["id"]);
    assert_eq!(said.split(' ').nth(2), Some(child_id.as_str()), "{said}");
}

#[tokio::test]
async fn in_silence_only_what_is_posted_over_http_is_said() {
    let mut program = Program::start(&["--listen", "127.0.0.1:0", "--silent"]);
    let url = program.line().split(' ').nth(2).unwrap().to_owned();
    while !program.line().contains("curl") {}
    let body = "{\"object\": 293854, \"text\": \"from\\na \\u001b[31mshell\"}";
    client().post(format!("{url}/_sim/say")).body(body).send().await.unwrap().error_for_status().unwrap();
    let said = program.line();
    assert!(said.ends_with("293854 #90030201 customer: from a  [31mshell"), "{said}");
}

#[test]
fn it_refuses_to_listen_where_others_could_turn_its_knobs() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let (code, text) = fail(&["--listen", address]);
        assert_eq!(code, Some(2));
        assert!(text.contains(&format!("--listen {address}: only loopback addresses")), "{text}");
    }
}

#[test]
fn a_port_that_is_taken_and_a_file_that_is_not_there_are_said_clearly() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, text) = fail(&["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(text.starts_with(&format!("error: cannot listen on {address}: ")), "{text}");
    let (code, text) = fail(&["--scenario", "/nowhere/scenario.toml"]);
    assert_eq!(code, Some(2));
    assert!(text.starts_with("error: --scenario /nowhere/scenario.toml: "), "{text}");
}
