use insta::assert_snapshot;

use super::*;

fn found(asked_by: AskedBy) -> Online {
    let line = |result, about, name: &str, text: &str| Line::new(result, about, name, text);
    let lines = vec![
        line(Verdict::Ok, About::Key, "main", "CommBox accepts it; it does not say when it expires"),
        line(Verdict::Warn, About::Clock, "main", "this machine's clock is 40 s behind CommBox's: check NTP"),
        line(Verdict::Fail, About::Watch, "acme-cfo", "ACME / \u{202e}Dana\u{1b}[31m: 404 Not Found (404)"),
        line(Verdict::Ok, About::Notifier, "ops-slack", "its plugin starts (slack 0.1.0)"),
    ];
    Online { asked_by, lines }
}

fn told(output: Output, found: &Online) -> (Exit, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut console = Console::new(output, false, &mut out, &mut err);
    let stdout = match output {
        Output::Text => "commwatch.toml is valid\n",
        Output::Json => r#"{"valid": true, "files": [], "errors": [], "warnings": []}"#,
    };
    let checked = Checked { stdout: stdout.to_owned(), stderr: String::new(), code: check::OK };
    let exit = tell(checked, found, &mut console);
    (exit, String::from_utf8(out).unwrap())
}

#[test]
fn people_get_a_line_for_each_thing_that_cannot_steer_their_terminal() {
    let (exit, text) = told(Output::Text, &found(AskedBy::Daemon));
    assert_eq!(exit, Exit::Failed);
    assert_snapshot!(text, @"
    commwatch.toml is valid
    asked by the running daemon, with the configuration that it runs with:
    ok    key       main       CommBox accepts it; it does not say when it expires
    warn  clock     main       this machine's clock is 40 s behind CommBox's: check NTP
    fail  watch     acme-cfo   ACME / �Dana�[31m: 404 Not Found (404)
    ok    notifier  ops-slack  its plugin starts (slack 0.1.0)
    2 ok, 1 to look at, 1 failed; no message was sent
    ");
}

#[test]
fn programs_get_the_lines_within_what_check_says() {
    let mut found = found(AskedBy::Command);
    found.lines.truncate(2);
    let (exit, text) = told(Output::Json, &found);
    assert_eq!(exit, Exit::Done, "what is to be looked at is no failure");
    assert_snapshot!(text, @r#"
    {
      "errors": [],
      "files": [],
      "online": {
        "asked_by": "command",
        "lines": [
          {
            "about": "key",
            "name": "main",
            "result": "ok",
            "text": "CommBox accepts it; it does not say when it expires"
          },
          {
            "about": "clock",
            "name": "main",
            "result": "warn",
            "text": "this machine's clock is 40 s behind CommBox's: check NTP"
          }
        ]
      },
      "valid": true,
      "warnings": []
    }
    "#);
}
