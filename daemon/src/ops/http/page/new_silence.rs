//! A form for a silence. It does not load itself again: nothing is taken away under the fingers of who writes.

use super::html::Html;
use super::{View, shell, why_no_buttons};
use crate::core::plural::{form, many};
use crate::core::silence::{REASON_CHARS_MAX, SILENCE_MAX};
use crate::ops::http::silence::{Field, Mistakes, Wanted};

/// So many watches are offered by name; others can be written all the same.
const OFFERED_MAX: usize = 250;

/// What a silence may be about, with the words for it.
const KINDS: [(&str, &str); 3] =
    [("watch", "a watch"), ("tag", "all watches with a tag"), ("conversation", "one conversation")];

/// The page: what was written so far, and what is wrong with it.
pub(crate) fn render(view: &View<'_>, wanted: &Wanted, mistakes: &Mistakes) -> String {
    shell::still(view, "Add a silence", |html| {
        html.raw("<p class=\"crumbs\"><a href=\"/silences\">Silences</a></p>\n<h1>Add a silence</h1>\n");
        html.raw("<p>What it covers is found and kept as ever; nobody is told of it. Who still waits when it is over ");
        html.raw("is told then.</p>\n");
        why_no_buttons(html, view, "add a silence");
        if !view.may_change() {
            return;
        }
        said(html, mistakes);
        html.raw("<form method=\"post\" action=\"/silences/new\" class=\"sheet form\">\n");
        about(html, view, wanted, mistakes);
        end(html, wanted, mistakes);
        let why = Input {
            name: "reason",
            label: "Why, and who asked for it",
            value: &wanted.reason,
            more: " autocomplete=\"off\" required",
            ..Input::default()
        };
        why.show(html, |html| {
            html.raw("One line of ").show(REASON_CHARS_MAX).raw(" characters at most.");
        });
        let by = Input {
            name: "by",
            label: "By whom",
            value: &wanted.by,
            more: " autocomplete=\"name\"",
            ..Input::default()
        };
        by.show(html, |html| {
            html.raw("Your name, if you like; where you ask from is kept in any case.");
        });
        html.raw("<p><button>Add the silence</button></p>\n</form>\n");
    })
}

/// What is wrong, above the form, each with the way to its field.
fn said(html: &mut Html, mistakes: &Mistakes) {
    let count = mistakes.fields.len() + mistakes.whole.iter().len();
    if count == 0 {
        return;
    }
    html.raw("<div class=\"said bad\" role=\"alert\">\n<p><strong>Not done</strong>, for ");
    html.raw(form(count, "this reason", "these reasons")).raw(":</p>\n<ul>\n");
    for (field, why) in &mistakes.fields {
        html.raw("<li><a href=\"#").raw(id(*field)).raw("\">").isolated(why).raw("</a></li>\n");
    }
    if let Some(why) = &mistakes.whole {
        html.raw("<li class=\"prose\">").isolated(why).raw("</li>\n");
    }
    html.raw("</ul>\n</div>\n");
}

fn id(field: Field) -> &'static str {
    match field {
        Field::Of => "of",
        Field::Which => "which",
        Field::Span => "for",
        Field::Until => "until",
    }
}

fn about(html: &mut Html, view: &View<'_>, wanted: &Wanted, mistakes: &Mistakes) {
    html.raw(
        "<fieldset>\n<legend>What it is about</legend>\n<div class=\"entry\"><label for=\"of\">Of</label>",
    );
    html.raw("<select id=\"of\" name=\"of\"");
    let wrong = mistakes.of(Field::Of);
    html.raw(if wrong.is_some() { " aria-invalid=\"true\" aria-describedby=\"of-wrong\">" } else { ">" });
    for (value, words) in KINDS {
        html.raw("<option value=\"").raw(value);
        html.raw(if value == wanted.of { "\" selected>" } else { "\">" }).raw(words).raw("</option>");
    }
    html.raw("</select>");
    if let Some(why) = wrong {
        html.raw("<p id=\"of-wrong\" class=\"error\">").isolated(why).raw("</p>");
    }
    html.raw("</div>\n");
    let which = Input {
        name: "which",
        label: "Which",
        value: &wanted.which,
        wrong: mistakes.of(Field::Which),
        more: " autocomplete=\"off\" list=\"watches\" required",
    };
    which.show(html, |html| {
        html.raw("The name of a watch, a tag, or a conversation as <code>ACCOUNT/OBJECT</code>.");
    });
    html.raw("<datalist id=\"watches\">");
    for watch in view.status.watches.iter().take(OFFERED_MAX) {
        html.raw("<option value=\"").text(&watch.name).raw("\">").text(&watch.title).raw("</option>");
    }
    html.raw("</datalist>\n</fieldset>\n");
}

fn end(html: &mut Html, wanted: &Wanted, mistakes: &Mistakes) {
    html.raw("<fieldset>\n<legend>When it is over</legend>\n");
    let span = Input {
        name: "for",
        label: "After",
        value: &wanted.span,
        wrong: mistakes.of(Field::Span),
        more: " autocomplete=\"off\"",
    };
    span.show(html, |html| {
        let most = many(SILENCE_MAX.as_secs() / 86_400, "day", "days");
        html.raw("For so long: <code>30m</code>, <code>2h</code>, <code>3d</code>; ")
            .text(&most)
            .raw(" at most.");
    });
    let until = Input {
        name: "until",
        label: "Or at",
        value: &wanted.until,
        wrong: mistakes.of(Field::Until),
        more: " autocomplete=\"off\"",
    };
    until.show(html, |html| {
        html.raw(
            "An instant, rather than for so long: <code>2026-03-02T10:00:00Z</code>, or with an offset.",
        );
    });
    for (name, is_on, words) in [
        ("until_reply", !wanted.until_reply.is_empty(), "sooner, when a person replies there"),
        ("until_close", !wanted.until_close.is_empty(), "sooner, when the conversation is over"),
    ] {
        html.raw("<label class=\"check\"><input type=\"checkbox\" value=\"on\" name=\"").raw(name);
        html.raw(if is_on { "\" checked> " } else { "\"> " }).raw(words).raw("</label>\n");
    }
    html.raw("</fieldset>\n");
}

/// A field with its label, what may be written there, and what is wrong with what was.
#[derive(Clone, Copy, Default)]
struct Input<'a> {
    name: &'static str,
    label: &'static str,
    value: &'a str,
    wrong: Option<&'a str>,
    /// Attributes besides.
    more: &'static str,
}

impl Input<'_> {
    fn show(self, html: &mut Html, hint: impl FnOnce(&mut Html)) {
        let Self { name, label, value, wrong, more } = self;
        html.raw("<div class=\"entry\"><label for=\"").raw(name).raw("\">").raw(label).raw("</label>");
        html.raw("<input type=\"text\" dir=\"auto\" id=\"").raw(name).raw("\" name=\"").raw(name);
        html.raw("\" value=\"")
            .text(value)
            .raw("\"")
            .raw(more)
            .raw(" aria-describedby=\"")
            .raw(name)
            .raw("-hint");
        if wrong.is_some() {
            html.raw(" ").raw(name).raw("-wrong\" aria-invalid=\"true");
        }
        html.raw("\"><p id=\"").raw(name).raw("-hint\" class=\"hint\">");
        hint(html);
        html.raw("</p>");
        if let Some(why) = wrong {
            html.raw("<p id=\"").raw(name).raw("-wrong\" class=\"error\">").isolated(why).raw("</p>");
        }
        html.raw("</div>\n");
    }
}
