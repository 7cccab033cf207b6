//! A page that says why there is none.

use super::{View, shell};

/// The page.
pub(crate) fn render(view: &View<'_>, title: &str, why: &str) -> String {
    shell::page(view, title, |html| {
        html.raw("<h1>").text(title).raw("</h1>\n<p class=\"prose\">").isolated(why).raw("</p>\n");
        html.raw("<p><a href=\"/\">Overview</a></p>\n");
    })
}
