//! A plugin needs no Rust: the header and a C compiler are enough.

use commwatch::plugin::PluginState;
use commwatch::plugin::manifest::Manifest;
use commwatch_plugin_api::{HttpError, Outcome, Response};
use serde_json::json;

use crate::world::{World, compile, payload, spec};

#[tokio::test]
async fn a_plugin_in_c_loads_and_delivers() {
    let folder = tempfile::tempdir().unwrap();
    let library = compile("plugin-api/examples/c/minimal.c", &["-pedantic"], folder.path());
    assert_eq!(Manifest::read(&library).unwrap().name, "minimal");
    let config = json!({"url": {"$secret": "/url"}});
    let world = World::start(spec(library, config));
    let running = world.state(|state| matches!(state, PluginState::Running { .. })).await;
    assert!(matches!(running, PluginState::Running { version, .. } if version == "1.0.0"));
    let answer =
        |status, body: &str| Ok(Response { status, headers: [].into(), body: body.as_bytes().to_vec() });
    for (answer, outcome) in [
        (answer(201, "id-7"), Outcome::Delivered { receipt: Some("id-7".into()) }),
        (answer(503, "later"), Outcome::retry("later")),
        (answer(404, ""), Outcome::reject("(the plugin gave no reason)")),
        (Err(HttpError::NoAnswer { why: "lost".into() }), Outcome::unknown("lost")),
        (Err(HttpError::NotSent { why: "refused".into() }), Outcome::retry("refused")),
        (Err(HttpError::Refused { why: "not yours".into() }), Outcome::broken("not yours")),
    ] {
        world.http.answers.lock().unwrap().push(answer);
        assert_eq!(world.deliver("c").await.outcome, outcome);
    }
    {
        let requests = world.http.requests.lock().unwrap();
        let (request, _) = &requests[0];
        assert_eq!(serde_json::to_value(&request.url).unwrap(), json!({"$secret": "/url"}));
        assert_eq!(request.body.0, payload("c").as_bytes(), "the very bytes of the notification");
    }
    world.stop().await;
}

#[tokio::test]
async fn an_outcome_that_is_not_set_or_not_known_may_have_arrived() {
    for defines in [&[][..], &["-DOUTCOME=99"]] {
        let folder = tempfile::tempdir().unwrap();
        let library = compile("daemon/tests/plugins/variant.c", defines, folder.path());
        let world = World::start(spec(library, json!({})));
        world.pid().await;
        let report = world.deliver("x").await;
        assert!(matches!(report.outcome, Outcome::Unknown { .. }), "{report:?}");
        assert!(!report.crashed);
        world.stop().await;
    }
}

#[tokio::test]
async fn a_table_of_a_later_version_loads() {
    let folder = tempfile::tempdir().unwrap();
    let later = ["-DTABLE_SIZE=(sizeof(cw_plugin_v1)+16)", "-DOUTCOME=1"];
    let library = compile("daemon/tests/plugins/variant.c", &later, folder.path());
    let world = World::start(spec(library, json!({})));
    world.pid().await;
    assert!(matches!(world.deliver("x").await.outcome, Outcome::Delivered { .. }));
    world.stop().await;
}
