//! "Did you mean": the nearest of the words that would have been right, and lists of words for hints.

/// Longer words are not compared; nobody mistypes them into something short.
const COMPARED_CHARS_MAX: usize = 80;
/// How many words a hint lists.
const LISTED_MAX: usize = 24;

/// The word that was most likely meant, if one is near.
pub(super) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > COMPARED_CHARS_MAX {
        return None;
    }
    let folded = fold(word);
    words
        .into_iter()
        .filter(|other| other.len() <= COMPARED_CHARS_MAX)
        .map(|other| (strsim::damerau_levenshtein(&folded, &fold(other)), other))
        .filter(|(distance, _)| *distance <= (length / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}

/// `` `a`, `b` and 3 more ``.
pub(super) fn list<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.into_iter().collect();
    let mut text =
        words.iter().take(LISTED_MAX).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    if words.len() > LISTED_MAX {
        text.push_str(&format!(" and {} more", words.len() - LISTED_MAX));
    }
    text
}

/// `; did you mean ...?`, or nothing.
pub(super) fn did_you_mean<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, words).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// There is nothing of that name, but of these.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    if known.is_empty() {
        return format!("there is no {what} `{name}`: there is none at all");
    }
    // One of one needs no guess, and a number is not mistyped into another.
    let is_guessed = known.len() > 1 && name.parse::<i64>().is_err();
    let near = if is_guessed { did_you_mean(name, known.iter().copied()) } else { String::new() };
    format!("there is no {what} `{name}`\n  hint: there is {}{near}", list(known))
}

fn fold(word: &str) -> String {
    word.to_lowercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_suggested_and_far_ones_are_not() {
        let words = ["interval", "priority", "name"];
        assert_eq!(nearest("intervall", words), Some("interval"));
        assert_eq!(nearest("Priority", words), Some("priority"));
        assert_eq!(nearest("nmae", words), Some("name"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn who_names_what_is_not_there_hears_what_is_and_what_was_likely_meant() {
        let unknown = |name, known: &[&'static str]| unknown("watch", name, known.iter().copied());
        assert_eq!(
            unknown("acm", &["acme", "yossi"]),
            "there is no watch `acm`\n  hint: there is `acme`, `yossi`; did you mean `acme`?"
        );
        assert_eq!(unknown("dana", &["yossi"]), "there is no watch `dana`\n  hint: there is `yossi`");
        assert_eq!(unknown("7", &["8", "9"]), "there is no watch `7`\n  hint: there is `8`, `9`");
        assert_eq!(unknown("dana", &[]), "there is no watch `dana`: there is none at all");
    }

    #[test]
    fn a_long_list_is_cut_and_says_so() {
        let words: Vec<String> = (0..26).map(|n| format!("w{n}")).collect();
        assert!(list(words.iter().map(String::as_str)).ends_with("`w23` and 2 more"));
    }
}
