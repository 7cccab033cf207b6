//! What is suspicious in the sections that are there once.

use super::Facts;
use crate::config::duration::shown;

pub(super) fn about_the_rest(facts: &Facts<'_>) {
    let http = facts.http;
    if !http.listen.ip().is_loopback() && http.token.is_none() {
        let message = format!(
            "whoever reaches {} reads the metrics, and the page answers nobody there: `token` is missing",
            http.listen
        );
        let hint = "add `token` to [http], or listen on 127.0.0.1 and let a proxy do the rest";
        facts.warn(facts.place(&["http", "listen"]), message, hint);
    }
    let store = facts.store;
    if store.text_retention > store.retention {
        let message = format!(
            "`text_retention` ({}) is longer than `retention` ({}): text goes with its event",
            shown(store.text_retention),
            shown(store.retention)
        );
        facts.warn(facts.place(&["store", "text_retention"]), message, "lengthen `retention`, or shorten it");
    }
}
