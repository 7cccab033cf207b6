//! Keeping `@names` and `/commands` in plain text from being more than text.
//!
//! Telegram looks for both in every message (<https://core.telegram.org/api/entities>): a name calls its bearer, a tap
//! on a command sends it into the chat. Either counts only behind a character that is no part of a word, so mail
//! addresses and paths stay what they are.

/// Stands between the sign and the word: takes no room on the screen and forbids a line break.
const WORD_JOINER: char = '\u{2060}';

/// The text with a joiner behind each sign that would begin a name or a command.
pub(crate) fn neutral(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        out.push(c);
        let begins_word = chars.peek().is_some_and(|next| next.is_ascii_alphanumeric() || *next == '_');
        let is_live = match c {
            '@' => !before.is_some_and(|before: char| before.is_ascii_alphanumeric()),
            '/' => !before.is_some_and(|before: char| before.is_ascii_alphanumeric() || before == '/'),
            _ => false,
        };
        if is_live && begins_word {
            out.push(WORD_JOINER);
        }
        before = Some(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_commands_are_parted_from_their_sign_and_nothing_else_is() {
        assert_eq!(neutral("@admin (@dana_l) ש@admin"), "@\u{2060}admin (@\u{2060}dana_l) ש@\u{2060}admin");
        assert_eq!(neutral("/stop, /ban@bot 1"), "/\u{2060}stop, /\u{2060}ban@bot 1");
        for same in
            ["dana@example.com", "https://a.example/x/y", "and/or", "50 @ 3", "a / b", "@", "/", "@@ //"]
        {
            assert_eq!(neutral(same), same);
        }
    }
}
