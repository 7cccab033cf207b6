//! The configuration in use, and what became of the last change of its files.

use super::html::Html;
use super::{View, shell};
use crate::ops::status::Status;

/// The page. `effective` is the configuration with every default, as TOML, without a secret.
pub(crate) fn render(view: &View<'_>, effective: &str) -> String {
    let status = view.status;
    shell::page(view, "Configuration", |html| {
        html.raw("<h1>Configuration</h1>\n");
        let reload = &status.reload;
        html.raw("<ul class=\"facts\">\n");
        if reload.last_ok && reload.held.is_none() {
            html.raw("<li>What stands in the files is in use, since ").ago(reload.at, status.taken);
            html.raw(".</li>\n");
        }
        self::reload(html, status);
        html.raw("</ul>\n");
        html.section("effective", "In use");
        html.raw("<p>With every default, and no secret: those are only named.</p>\n");
        html.raw("<pre tabindex=\"0\" role=\"region\" aria-label=\"The configuration as TOML\"><code>");
        html.text(effective).raw("</code></pre>\n");
        html.end_section();
    })
}

/// What became of the last change, where that was not taken.
pub(super) fn reload(html: &mut Html, status: &Status) {
    let reload = &status.reload;
    if let Some(held) = &reload.held {
        html.raw("<li><strong>A change is held back</strong> since ").ago(reload.at, status.taken).raw(": ");
        html.isolated(held).raw(". Take it with <code>commwatch reload --allow-removals</code>.</li>\n");
    } else if !reload.last_ok {
        html.raw("<li><strong>A change was refused</strong> ").ago(reload.at, status.taken);
        html.raw(", the configuration before it stays in use: ");
        html.isolated(reload.error.as_deref().unwrap_or("")).raw("</li>\n");
    }
}
