//! Pinned plugins: what was pinned is loaded, and nothing else.

use std::path::{Path, PathBuf};

use crate::world::{PATIENCE, World, plugins};

/// A folder of its own, whose files can be changed.
pub(crate) fn own_plugins(world: &mut World) -> PathBuf {
    let folder = world.path("plugins");
    std::fs::create_dir(&folder).unwrap();
    for plugin in ["log", "webhook"] {
        let file = format!("libcommwatch_{plugin}.so");
        std::fs::copy(plugins().join(&file), folder.join(&file)).unwrap();
    }
    world.config.plugins.clone_from(&folder);
    folder.join("libcommwatch_webhook.so")
}

/// The same code in other bytes: nothing that is loaded lies behind the end.
fn change(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes.extend_from_slice(b"changed");
    let new = file.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(&new, file).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_was_changed_since_it_was_pinned_is_loaded_neither_by_check_reload_nor_restart() {
    let mut world = World::new().await;
    let webhook = own_plugins(&mut world);
    let dana = world.watching(7);
    world.write_config();
    let run = |world: &World, words: &[&str]| {
        let output = world.run(&[words, &["-c", "commwatch.toml"]].concat());
        let text =
            |bytes| String::from_utf8_lossy(bytes).replace(&world.folder().display().to_string(), "FOLDER");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, text, stderr) = run(&world, &["plugins", "pin"]);
    assert_eq!(code, Some(0), "{stderr}");
    insta::assert_snapshot!(text, @"
    added    FOLDER/plugins/libcommwatch_log.so
    added    FOLDER/plugins/libcommwatch_webhook.so
    2 plugins are pinned in FOLDER/plugins.lock; no other is loaded from now on, once `commwatch reload` was done
    ");
    assert_eq!(run(&world, &["check"]).0, Some(0));
    world.start().await;
    world.baselined().await;
    dana.customer_says("pinned");
    world.all_delivered().await;

    change(&webhook);
    let (code, _, stderr) = run(&world, &["check"]);
    assert_eq!(code, Some(78));
    assert!(
        stderr.contains("libcommwatch_webhook.so: it is not the file that was pinned: its sha256 is "),
        "{stderr}"
    );
    assert!(stderr.contains("run `commwatch plugins pin` and reload"), "{stderr}");
    let (code, _, stderr) = run(&world, &["reload"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("is not the file that was pinned"), "{stderr}");
    // What ran before still does.
    dana.customer_says("after a reload that was refused");
    world.all_delivered().await;
    // Its process is lost: another one must not be started from a file that is not meant.
    let before = world.plugin_process("hook").expect("it runs").pid;
    crate::world::send(before, 9);
    let failed = |one: &serde_json::Value| one["state"] == "failed";
    let status = world.notifier_until("hook", "is not started anew", failed).await;
    assert!(status["why"].as_str().unwrap().contains("is not the file that was pinned"), "{status}");
    dana.customer_says("while it may not run");

    let (_, text, _) = run(&world, &["plugins", "pin"]);
    assert!(text.contains("changed  FOLDER/plugins/libcommwatch_webhook.so"), "{text}");
    let (code, _, stderr) = run(&world, &["reload"]);
    assert_eq!(code, Some(0), "{stderr}");
    world.all_delivered().await;
    world.hook.wait("all of it", PATIENCE, |received| received.len() >= 3).await;
    assert_eq!(run(&world, &["check"]).0, Some(0));

    // One that is not pinned at all, and a list that cannot be read.
    std::fs::write(world.path("plugins.lock"), "# nothing\n").unwrap();
    let (code, _, stderr) = run(&world, &["check"]);
    assert!(code == Some(78) && stderr.contains("is not pinned in FOLDER/plugins.lock"), "{stderr}");
    std::fs::write(world.path("plugins.lock"), "nonsense\n").unwrap();
    let (code, _, stderr) = run(&world, &["check"]);
    assert!(code == Some(78) && stderr.contains("is no list of pins: line 1 is none"), "{stderr}");
}
