//! Whole numbers as digits: ids pass what a float, and at times what 64 bits, can hold.

/// Digits of a whole number; a longer one is not a number to us.
const DIGITS_MAX: usize = 64;

/// The canonical digits of a decimal number that is whole: no sign but `-`, no leading zeros, no exponent.
pub(super) fn whole(text: &str) -> Option<String> {
    let (negative, text) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number =
        !whole.is_empty() && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let mut digits = format!("{whole}{fraction}");
    let shift = exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?;
    if shift < 0 {
        // What stands behind the point must be zeros.
        let behind = usize::try_from(shift.unsigned_abs()).ok()?.min(digits.len());
        if digits.split_off(digits.len() - behind).bytes().any(|digit| digit != b'0') {
            return None;
        }
    } else {
        let zeros = usize::try_from(shift).ok().filter(|zeros| *zeros <= DIGITS_MAX)?;
        digits.extend(std::iter::repeat_n('0', zeros));
    }
    let digits = digits.trim_start_matches('0');
    match digits {
        "" => Some("0".to_owned()),
        _ if digits.len() > DIGITS_MAX => None,
        _ if negative => Some(format!("-{digits}")),
        _ => Some(digits.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_exact_in_every_notation_and_size() {
        for (given, expected) in [
            ("7", "7"),
            ("+7", "7"),
            ("007", "7"),
            ("0", "0"),
            ("-0", "0"),
            ("-12", "-12"),
            ("9288674231451900", "9288674231451900"),
            ("9223372036854775807", "9223372036854775807"),
            ("18446744073709551615", "18446744073709551615"),
            ("123456789012345678901234567890", "123456789012345678901234567890"),
            ("9288674231451900.0", "9288674231451900"),
            ("9.2886742314519e+15", "9288674231451900"),
            ("9.288674231451901E15", "9288674231451901"),
            ("1200e-2", "12"),
        ] {
            assert_eq!(whole(given).as_deref(), Some(expected), "{given}");
        }
        let long = "1".repeat(DIGITS_MAX + 1);
        for given in ["", "-", ".5", "1.5", "1e", "e5", "12a", "1e999999999999", "1e-1", "0x10", "1 2", &long]
        {
            assert_eq!(whole(given), None, "{given}");
        }
    }
}
