//! `baseline` and `since`: what of a conversation's first answer is told.

use std::time::Duration;

use super::duration;
use super::section::{Bad, Section};
use crate::core::watch::{Baseline, Since};

/// The words of `baseline`.
#[derive(Clone, Copy)]
enum Word {
    Silent,
    Newest,
    Since,
}

const WORDS: [(&str, Word); 3] = [("silent", Word::Silent), ("newest", Word::Newest), ("since", Word::Since)];
const SINCE_MAX: Duration = Duration::from_secs(365 * 86_400);
const SINCE_HINT: &str = "write how long before the first answer, such as since = \"2h\", or an instant, such as since = \"2026-03-01T08:00:00Z\"";

/// Reads both keys of a section; `default` is what holds without them.
pub(super) fn read(section: &Section<'_>, default: Baseline) -> Baseline {
    let word = section.word("baseline", &WORDS);
    let since = section.parse("since", since);
    match (word, section.get("since").is_some()) {
        (Some(Word::Since), false) => {
            let at = section.place("baseline");
            section.error(at, "`baseline = \"since\"` does not say since when", SINCE_HINT);
            default
        }
        (Some(Word::Since), true) => since.map_or(default, Baseline::Since),
        (_, true) => {
            let hint = "write baseline = \"since\" beside it, or delete the key";
            section.error(
                section.place("since"),
                "`since` means nothing without `baseline = \"since\"`",
                hint,
            );
            default
        }
        (Some(Word::Silent), false) => Baseline::Silent,
        (Some(Word::Newest), false) => Baseline::Newest,
        (None, false) => default,
    }
}

fn since(text: &str) -> Result<Since, Bad> {
    if let Ok(at) = text.parse() {
        return Ok(Since::At(at));
    }
    let bad = || Bad::new(format!("`{text}` is neither a duration nor an instant"), SINCE_HINT);
    match duration::parse(text) {
        Ok(age) if age <= SINCE_MAX => Ok(Since::Before(age)),
        Ok(_) => Err(Bad::new(format!("`{text}` is more than {}", duration::shown(SINCE_MAX)), SINCE_HINT)),
        Err(_) => Err(bad()),
    }
}
