//! What nobody is told of, until when, and why.

use super::html::Tone;
use super::{Change, View, shell, why_no_buttons};
use crate::core::silence::Listed;

/// The page.
pub(crate) fn render(view: &View<'_>, listed: &[Listed]) -> String {
    let now = view.status.taken;
    shell::page(view, "Silences", |html| {
        html.raw("<h1>Silences</h1>\n");
        html.raw("<p>What a silence covers is found and kept as ever; nobody is told of it.</p>\n");
        why_no_buttons(html, view, "add a silence, or to end one before its time");
        if view.may_change() {
            html.raw("<p><a class=\"button\" href=\"/silences/new\">Add a silence…</a></p>\n");
        }
        html.section("active", "Holding now");
        let active = listed.iter().filter(|one| one.active);
        let columns = &["Of", "State", "Over", "#Conversations", "Reason", "By", "Since", "Action"];
        html.table(
            "Silences that hold",
            columns,
            active,
            "No silence holds: everybody is told of everything.",
            |row, one| {
                let silence = &one.silence;
                row.head(|html| {
                    html.isolated(&silence.matcher.to_string()).raw("<br><span class=\"soft\">silence ");
                    html.show(silence.id).raw("</span>");
                });
                row.state("holds", Tone::Doubtful);
                row.cell(|html| {
                    html.ago(silence.until, now);
                    html.raw(match (silence.until_reply, silence.until_close) {
                        (false, false) => "",
                        (true, false) => ", or with a reply",
                        (false, true) => ", or with its end",
                        (true, true) => ", or with a reply or its end",
                    });
                });
                row.number(one.conversations).text(&silence.reason).text(&silence.created_by);
                row.time(Some(silence.created_at), now);
                row.cell(|html| {
                    let about = format!("silence {}: {}", silence.id, silence.matcher);
                    let id = silence.id.to_string();
                    Change {
                        action: "/silences/expire",
                        fields: &[("id", &id)],
                        words: "End now",
                        about: &about,
                    }
                    .show(html, view);
                });
            },
        );
        html.end_section().section("over", "Over");
        let over = listed.iter().filter(|one| !one.active);
        let columns = &["Of", "Ended", "Why", "Reason", "By", "Since"];
        html.table("Newest first", columns, over, "None is kept.", |row, one| {
            let silence = &one.silence;
            row.head(|html| {
                html.isolated(&silence.matcher.to_string()).raw("<br><span class=\"soft\">silence ");
                html.show(silence.id).raw("</span>");
            });
            let (at, why) = match &silence.ended {
                Some(ended) => (ended.at, ended.why.as_str()),
                None => (silence.until, "its time was over"),
            };
            row.time(Some(at), now).text(why).text(&silence.reason).text(&silence.created_by);
            row.time(Some(silence.created_at), now);
        });
        html.end_section();
    })
}
