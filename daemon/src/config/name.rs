//! Names of accounts, watches, notifiers and routes: labels in metrics, keys in the store, words on a command line.

use super::section::Bad;
use crate::core::watch::NAME_CHARS_MAX;

/// Checks a name: `[a-z0-9-]`, 1 to 63 characters.
pub(super) fn check(name: &str) -> Result<&str, Bad> {
    if is_name(name) {
        return Ok(name);
    }
    let rule = format!("names are made of a-z, 0-9 and `-`, at most {NAME_CHARS_MAX} characters");
    let better = mended(name);
    let hint = if is_name(&better) { format!("{rule}; for example `{better}`") } else { rule };
    Err(Bad::new(format!("`{name}` cannot be a name"), hint))
}

fn is_name(name: &str) -> bool {
    (1..=NAME_CHARS_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn mended(name: &str) -> String {
    let text: String = name
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(NAME_CHARS_MAX)
        .collect();
    text.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_refused_is_mended_in_the_hint_where_that_is_possible() {
        assert!(check("acme-cfo-2").is_ok());
        assert!(check("ACME_CFO").unwrap_err().hint.ends_with("for example `acme-cfo`"));
        assert!(!check("דנה").unwrap_err().hint.contains("example"));
        assert!(check(&"a".repeat(64)).is_err());
        assert!(check("").is_err());
    }
}
