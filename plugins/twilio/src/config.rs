//! The notifier's configuration. `schema.json` says the same to operators; what a schema says badly ("exactly one of
//! the two") is said again here in words.

use commwatch_plugin_api::Secret;
use serde::Deserialize;

/// Digits of an international number (E.164 has at most 15).
const NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Digits of a short code.
const SHORT_CODE_DIGITS: std::ops::RangeInclusive<usize> = 3..=8;
/// An alphanumeric sender.
const SENDER_CHARS_MAX: usize = 11;
/// Hexadecimal digits behind the two letters of a Twilio id.
const SID_DIGITS: usize = 32;
/// Segments of one message: ten of them stay below Twilio's 1,600 characters.
const SEGMENTS: std::ops::RangeInclusive<usize> = 1..=10;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    account_sid: String,
    api_key: Option<String>,
    auth_token: Secret,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    to: String,
    #[serde(default = "two")]
    segments: usize,
    #[serde(default = "twilio_api")]
    api_url: String,
}

/// Who sends what to whom.
#[derive(Debug)]
pub(crate) struct Account {
    /// Where messages are created.
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: Secret,
    pub(crate) sender: Sender,
    pub(crate) to: String,
    pub(crate) segments: usize,
}

/// Where messages come from.
#[derive(Debug)]
pub(crate) enum Sender {
    From(String),
    MessagingService(String),
}

fn two() -> usize {
    2
}

fn twilio_api() -> String {
    "https://api.twilio.com".to_owned()
}

impl Config {
    /// # Errors
    /// One line for the operator: what is wrong and what to write instead.
    pub(crate) fn check(self) -> Result<Account, String> {
        let Self { account_sid, api_key, auth_token, from, messaging_service_sid, to, segments, api_url } =
            self;
        if !is_sid(&account_sid, "AC") {
            return Err("`account_sid` is AC and 32 hexadecimal digits".to_owned());
        }
        if api_key.as_ref().is_some_and(|key| !is_sid(key, "SK")) {
            return Err("`api_key` is SK and 32 hexadecimal digits; its secret is `auth_token`".to_owned());
        }
        let sender = match (from, messaging_service_sid) {
            (Some(from), None) if is_sender(&from) => Sender::From(from),
            (Some(_), None) => {
                return Err(format!(
                    "`from` is a number such as +15005550006, a short code, or a name of at most {SENDER_CHARS_MAX} \
                     letters and digits"
                ));
            }
            (None, Some(service)) if is_sid(&service, "MG") => Sender::MessagingService(service),
            (None, Some(_)) => {
                return Err("`messaging_service_sid` is MG and 32 hexadecimal digits".to_owned());
            }
            _ => return Err("give `from` or `messaging_service_sid`, not both".to_owned()),
        };
        if !is_number(&to) {
            return Err("`to` is one international number, such as +972501234567".to_owned());
        }
        if !SEGMENTS.contains(&segments) {
            return Err(format!("`segments` goes from {} to {}", SEGMENTS.start(), SEGMENTS.end()));
        }
        let url =
            format!("{}/2010-04-01/Accounts/{account_sid}/Messages.json", api_url.trim_end_matches('/'));
        Ok(Account { url, user: api_key.unwrap_or(account_sid), password: auth_token, sender, to, segments })
    }
}

fn is_sid(text: &str, letters: &str) -> bool {
    let digits = text.strip_prefix(letters).unwrap_or_default();
    digits.len() == SID_DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    NUMBER_DIGITS.contains(&digits.len()) && all_digits && !digits.starts_with('0')
}

fn is_sender(text: &str) -> bool {
    let is_short_code =
        SHORT_CODE_DIGITS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_name = (1..=SENDER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b' ');
    is_number(text) || is_short_code || is_name
}
