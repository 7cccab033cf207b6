//! Charts: tables whose rows have a bar for the eye. What they show stands in numbers beside it, for whoever reads
//! rather than looks.

use super::html::{Html, Tone};
use crate::core::plural::many;
use crate::ops::metrics::{Distribution, PollCounts};

/// How long it took, by how many took so long.
pub(super) fn distribution(
    html: &mut Html,
    caption: &'static str,
    of: &Distribution,
    what: [&'static str; 2],
) {
    let total = of.total();
    if total == 0 {
        html.raw("<h3>").raw(caption).raw("</h3>\n").none("Nothing to measure since the start.");
        return;
    }
    html.raw("<h3>").raw(caption).raw("</h3>\n<p class=\"reading\">");
    match (of.within(0.5), of.within(0.95)) {
        (Some(half), Some(most)) => {
            html.raw("Half within <strong>").text(&seconds(half)).raw("</strong>, 95 % within <strong>");
            html.text(&seconds(most)).raw("</strong>, of ");
        }
        (Some(half), None) => {
            html.raw("Half within <strong>").text(&seconds(half)).raw("</strong>, of ");
        }
        _ => {
            html.raw("Of ");
        }
    }
    html.text(&many(total, what[0], what[1])).raw(" since the start.</p>\n");
    let rows: Vec<(String, u64)> = named(of);
    let most = rows.iter().map(|(_, count)| *count).max().unwrap_or(0).max(1);
    html.raw("<table role=\"table\" class=\"bars\">\n<caption class=\"unseen\">").raw(caption);
    html.raw("</caption>\n<thead role=\"rowgroup\" class=\"unseen\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">It took</th>");
    html.raw(
        "<th scope=\"col\" role=\"columnheader\">So many</th></tr></thead>\n<tbody role=\"rowgroup\">\n",
    );
    for (name, count) in rows {
        row(html, &name, count, count as f64 / most as f64, Tone::Plain);
    }
    html.raw("</tbody>\n</table>\n");
}

/// Polls by what they found.
pub(super) fn polls(html: &mut Html, counts: &PollCounts) {
    let all = counts.unchanged + counts.changed + counts.error;
    html.raw("<h3>Polls by result</h3>\n");
    if all == 0 {
        html.none("No poll has ended since the start.");
        return;
    }
    html.raw("<p class=\"reading\"><strong>").text(&percent(counts.error, all));
    html.raw("</strong> failed, of ").text(&many(all, "poll", "polls")).raw(" since the start.</p>\n");
    html.raw("<table role=\"table\" class=\"bars\">\n<caption class=\"unseen\">Polls by result</caption>\n");
    html.raw("<thead role=\"rowgroup\" class=\"unseen\"><tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Result</th>");
    html.raw("<th scope=\"col\" role=\"columnheader\">Polls</th></tr></thead>\n<tbody role=\"rowgroup\">\n");
    for (name, count, tone) in [
        ("nothing new", counts.unchanged, Tone::Plain),
        ("something new", counts.changed, Tone::Good),
        ("failed", counts.error, Tone::Bad),
    ] {
        row(html, name, count, count as f64 / all as f64, tone);
    }
    html.raw("</tbody>\n</table>\n");
}

fn row(html: &mut Html, name: &str, count: u64, share: f64, tone: Tone) {
    html.raw("<tr role=\"row\"><th scope=\"row\" role=\"rowheader\">").text(name);
    html.raw("</th><td role=\"cell\">").bar(share, tone);
    html.raw("<span class=\"value\">").show(count).raw("</span></td></tr>\n");
}

/// The classes from the first that has something to the last, by name.
fn named(of: &Distribution) -> Vec<(String, u64)> {
    let name = |at: usize| match (at.checked_sub(1).map(|before| of.upper[before]), of.upper.get(at)) {
        (None, Some(upper)) => format!("up to {}", seconds(*upper)),
        (Some(lower), Some(upper)) => format!("{} to {}", bound(lower, *upper), seconds(*upper)),
        (Some(lower), None) => format!("over {}", seconds(lower)),
        (None, None) => "all".to_owned(),
    };
    let has = |(_, count): &(usize, &u64)| **count > 0;
    let first = of.counts.iter().enumerate().find(has).map_or(0, |(at, _)| at);
    let last = of.counts.iter().enumerate().rfind(has).map_or(0, |(at, _)| at);
    (first..=last).map(|at| (name(at), of.counts[at])).collect()
}

/// The lower end of a class: its unit is left to the upper end where that has the same.
fn bound(lower: f64, upper: f64) -> String {
    let (lower, upper) = (seconds(lower), seconds(upper));
    match (lower.split_once(' '), upper.split_once(' ')) {
        (Some((number, unit)), Some((_, other))) if unit == other => number.to_owned(),
        _ => lower,
    }
}

/// In the unit that matters.
fn seconds(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds} s"),
        60.0..3600.0 => format!("{} min", seconds / 60.0),
        _ => format!("{} h", seconds / 3600.0),
    }
}

/// Never 0 % of something, nor all of it where something is missing.
pub(super) fn percent(part: u64, all: u64) -> String {
    match (part, all) {
        (0, _) | (_, 0) => "0 %".to_owned(),
        (part, all) if part * 1000 < all => "less than 0.1 %".to_owned(),
        (part, all) if part >= all => "100 %".to_owned(),
        (part, all) => format!("{:.1} %", (part as f64 * 1000.0 / all as f64).floor() / 10.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_named_from_the_first_that_has_something_to_the_last() {
        let of = Distribution { upper: vec![1.0, 30.0, 60.0, 300.0, 3600.0], counts: vec![0, 2, 0, 1, 3, 4] };
        let names: Vec<String> =
            named(&of).into_iter().map(|(name, count)| format!("{name}: {count}")).collect();
        assert_eq!(
            names,
            ["1 to 30 s: 2", "30 s to 1 min: 0", "1 to 5 min: 1", "5 min to 1 h: 3", "over 1 h: 4"]
        );
    }

    #[test]
    fn a_share_is_not_rounded_to_nothing_or_to_all() {
        let cases = [(0, 0), (0, 9), (1, 2000), (1, 3), (1999, 2000), (2, 2)];
        let words: Vec<String> = cases.iter().map(|(part, all)| percent(*part, *all)).collect();
        assert_eq!(words, ["0 %", "0 %", "less than 0.1 %", "33.3 %", "99.9 %", "100 %"]);
    }
}
