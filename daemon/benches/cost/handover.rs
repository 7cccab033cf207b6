//! What it costs that a plugin lives in a process of its own: a delivery to the log plugin and back, no network.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use commwatch::plugin::{Children, Grant, Handover, HttpService, PluginHost, PluginSpec, PluginState};
use commwatch_plugin_api::Outcome;
use serde_json::json;

use super::report::{Report, quantile};
use super::{Fault, Pace, daemon, process};

/// Those that are not counted: the first ones find everything cold.
const WARM_UP: usize = 200;

pub(crate) fn measure(pace: Pace, report: &mut Report) -> Result<(), Fault> {
    // Begun before the runtime, as the daemon does.
    let children = Children::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(hand_over(children, pace, report))
}

async fn hand_over(children: Children, pace: Pace, report: &mut Report) -> Result<(), Fault> {
    let grant = Grant::new(&json!({}), &json!({}), BTreeMap::new())?;
    let spec = PluginSpec {
        notifier: "log".to_owned(),
        library: daemon::plugins()?.join("libcommwatch_log.so"),
        pinned: None,
        config: json!({ "level": "info" }),
        grant: Arc::new(grant),
        concurrency: None,
    };
    let (host, supervise) = PluginHost::new(spec, children, Arc::new(HttpService::new()?));
    let supervised = tokio::spawn(supervise);
    let running = host.state().wait_for(|state| !matches!(state, PluginState::Starting)).await?.clone();
    let PluginState::Running { pid, .. } = running else {
        return Err(format!("the log plugin does not run: {running:?}").into());
    };
    for _ in 0..WARM_UP {
        deliver(&host).await?;
    }
    let own = std::process::id();
    // The child is one of ours, so our tree holds both.
    let (both, child) = (process::cpu(own)?, process::cpu(pid)?);
    let mut took = Vec::with_capacity(pace.handovers);
    for _ in 0..pace.handovers {
        let began = Instant::now();
        deliver(&host).await?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    let (both, child) = (process::cpu(own)?.saturating_sub(both), process::cpu(pid)?.saturating_sub(child));
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let each = |cpu: Duration| vec![cpu.as_secs_f64() * 1e6 / pace.handovers as f64];
    report.note("hand-over to the log plugin and back, median", "us", vec![quantile(&took, 0.5)]);
    report.note("hand-over: the same, 99 of 100", "us", vec![quantile(&took, 0.99)]);
    report.note("hand-over: CPU of the daemon's side", "us", each(both.saturating_sub(child)));
    report.note("hand-over: CPU of the plugin's process", "us", each(child));
    host.stop().await;
    Ok(supervised.await?)
}

async fn deliver(host: &PluginHost) -> Result<(), Fault> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let handover = Handover {
        payload: payload(),
        receipt: None,
        attempt: 1,
        replay: false,
        again: false,
        deadline,
        alone: false,
    };
    match host.deliver(handover).await.outcome {
        Outcome::Delivered { .. } => Ok(()),
        other => Err(format!("not delivered: {other:?}").into()),
    }
}

/// A notification of one message, as long as most are.
fn payload() -> Arc<str> {
    let event = json!({
        "specversion": "1.0", "id": "c-main-293854-55500123", "source": "https://api.commbox.io/objects/293854",
        "type": "commwatch.message.created.v1", "subject": "child/55500123", "time": "2026-03-02T09:42:00Z",
        "recordedtime": "2026-03-02T09:42:04Z", "sequence": "00000000000000000017",
        "datacontenttype": "application/json",
        "data": {
            "account": "main",
            "watch": { "name": "acme-cfo", "title": "ACME / Dana Levi", "priority": "vip", "tags": ["acme"] },
            "conversation": { "stream_id": "532", "object_id": "293854", "channel": "whatsapp" },
            "message": {
                "id": "55500123", "author": { "kind": "customer", "name": "Dana Levi" },
                "created": "2026-03-02T09:42:00Z", "text": "Hello, where is my order? It should have come on Monday.",
                "text_truncated": false, "attachments": 0,
            },
        },
    });
    json!({
        "id": "n-c-main-293854-55500123", "notifier": "log", "key": "main/293854", "action": "notify",
        "severity": "warning", "title": "ACME / Dana Levi: new message",
        "text": "Dana Levi wrote: Hello, where is my order? It should have come on Monday.",
        "url": "https://acme.example/widget/object/293854", "events": [event], "omitted": 0,
    })
    .to_string()
    .into()
}
