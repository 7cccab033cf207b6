//! Numbers with the noun they count, as English has it: everywhere that a person reads one.

use std::fmt::Display;

/// "1 watch", "2 watches", "no" of them being "0 watches". What depends on the number stands with the noun: "1 message
/// is", "2 messages are".
pub fn many<N: Copy + Display + PartialEq + From<u8>>(count: N, one: &str, several: &str) -> String {
    format!("{count} {}", form(count, one, several))
}

/// The same without the number: what agrees with one that stands elsewhere.
pub fn form<'a, N: Copy + PartialEq + From<u8>>(count: N, one: &'a str, several: &'a str) -> &'a str {
    if count == N::from(1) { one } else { several }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_several() {
        for (count, expected) in [(0, "0 watches"), (1, "1 watch"), (2, "2 watches"), (11, "11 watches")] {
            assert_eq!(many(count, "watch", "watches"), expected);
            assert_eq!(many(count as u64, "watch", "watches"), expected);
        }
        assert_eq!((form(1_usize, "is", "are"), form(0_u32, "is", "are")), ("is", "are"));
    }
}
