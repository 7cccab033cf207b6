//! The socket has room for some 200 KiB. Here a megabyte goes either way at the same time, again and again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::world::{LONG, World, delivered, handover, library, payload, spec};

const MIB: usize = 1 << 20;

/// While a delivery's request of 1 MiB and a megabyte of log lines come, the next notification of 1 MiB goes out.
async fn a_megabyte_both_ways(workers: u16) {
    let mut spec = spec(library("faulty"), json!({"mode": "echo", "amount": MIB}));
    spec.concurrency = Some(workers);
    let world = World::start(spec);
    world.pid().await;
    let large: Arc<str> = payload(&"t".repeat((MIB - 1_000) / 2)); // It stands there twice.
    let all: Vec<_> = (0..40)
        .map(|_| {
            let mut delivery = handover("large");
            delivery.payload = Arc::clone(&large);
            delivery.deadline = Instant::now() + LONG;
            world.delivering(delivery)
        })
        .collect();
    for delivery in all {
        let report = timeout(Duration::from_secs(25), delivery).await.expect("no deadlock").unwrap();
        assert_eq!(report.outcome, delivered(&(64 << 10).to_string()), "the answer is cut to 64 KiB");
    }
    assert_eq!(world.http.requests.lock().unwrap().len(), 40);
    world.stop().await;
}

#[tokio::test]
async fn one_worker_and_a_megabyte_both_ways_do_not_deadlock() {
    a_megabyte_both_ways(1).await;
}

#[tokio::test]
async fn four_workers_and_a_megabyte_both_ways_do_not_deadlock() {
    a_megabyte_both_ways(4).await;
}
