//! A program of the operator's, run by the real `.so` in the real daemon.

use serde_json::Value;

use crate::world::World;

/// Keeps what it is given; not now, says the first run.
const SCRIPT: &str = r#"known=$(cat "$OUT" 2>/dev/null | wc -l)
cat >>"$OUT"
[ "$known" -gt 0 ] || { echo "the siren is warming up" >&2; exit 75; }"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_handed_each_alert_until_it_says_yes_and_its_reason_is_told() {
    let mut world = World::new().await;
    let out = world.path("out");
    world.config.more = format!(
        "[notifiers.siren]\nplugin = \"exec\"\ncontent = \"full\"\n[notifiers.siren.config]\nprogram = \"/bin/sh\"\n\
         args = [\"-c\", '''{SCRIPT}''']\nenv = {{ OUT = \"{}\" }}\ntimeout = \"10s\"\n",
        out.display()
    );
    world.config.routes = "[[route]]\nnotify = [\"siren\", \"hook\"]\n".to_owned();
    let dana = world.watching(7);
    world.start().await;
    world.baselined().await;
    dana.customer_says("$(reboot) `reboot`\n\"; reboot");
    world.metric_until("deliveries_total{notifier=\"siren\",result=\"delivered\"}", "1").await;
    let lines = std::fs::read_to_string(&out).unwrap();
    let runs: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let id = world.hook.accepted()[0].id.clone();
    assert_eq!(runs.iter().map(|run| &run["attempt"]).collect::<Vec<_>>(), [1, 2]);
    for run in &runs {
        assert_eq!((&run["id"], &run["notifier"]), (&Value::from(id.as_str()), &Value::from("siren")));
        assert_eq!(run["text"], "$(reboot) `reboot`\n\"; reboot");
    }
    let why = world.ask(&["why", &id]);
    assert!(why.contains("the siren is warming up"), "{why}");
}
