//! From Twilio's answer to an outcome.
//!
//! Form: <https://www.twilio.com/docs/usage/twilios-response>; what each code means:
//! <https://www.twilio.com/docs/api/errors>. Twilio's sentences repeat numbers and texts, so only the code is quoted.
//! Since a notifier has one recipient and one sender, what is wrong with either is wrong for every message.

use commwatch_plugin_api::{HttpError, Outcome, Response, outcome_of, outcome_of_status};
use serde::Deserialize;

/// What Twilio says of a message that it took, or of a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    sid: Option<String>,
    code: Option<u32>,
}

/// What a code asks for.
#[derive(Debug)]
enum Meaning {
    /// Not now.
    Wait,
    /// This text is not taken.
    Text,
    /// No message will be taken before somebody acts.
    Broken(&'static str),
}

const SIGN_IN: &str = "Twilio does not take the credentials; check `account_sid`, `api_key` and `auth_token`";
const ACCOUNT: &str = "the account is suspended, closed or on trial; see Twilio's console";
const TO: &str = "`to` cannot get messages; check the number";
const STOPPED: &str =
    "whoever has `to` has stopped these messages (STOP); they come again after START from that phone";
const REGION: &str =
    "messages to that country are switched off; allow it in Twilio's console (geo permissions)";
const UNVERIFIED: &str =
    "a trial account sends to verified numbers alone; verify `to` or upgrade the account";
const FROM: &str =
    "`from` cannot send there; it must be a sender of this account that can send SMS to that country";
const SERVICE: &str = "the messaging service cannot send; check `messaging_service_sid` and its senders";

fn meaning(code: u32) -> Option<Meaning> {
    Some(match code {
        // Too many requests; queue of a sender full; maintenance; limits of an hour, a second, a day.
        20_429 | 21_611 | 21_730 | 60_728 | 63_017 | 63_038 => Meaning::Wait,
        20_003 | 20_404 | 70_051 => Meaning::Broken(SIGN_IN),
        10_001 | 10_002 | 20_403 => Meaning::Broken(ACCOUNT),
        21_211 | 21_612 | 21_614 | 21_635 => Meaning::Broken(TO),
        21_610 => Meaning::Broken(STOPPED),
        21_408 => Meaning::Broken(REGION),
        21_608 => Meaning::Broken(UNVERIFIED),
        21_212 | 21_401 | 21_601 | 21_606 | 21_659 | 21_660 => Meaning::Broken(FROM),
        21_703 | 21_705 => Meaning::Broken(SERVICE),
        21_602 | 21_605 | 21_617 | 21_658 => Meaning::Text,
        _ => return None,
    })
}

pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let response = match answer {
        Err(error) => return outcome_of(Err(error)),
        Ok(response) => response,
    };
    let said: Said = serde_json::from_slice(&response.body).unwrap_or_default();
    if response.is_success() {
        // SM... is a text, MM... a text that was made a picture message.
        return match said.sid {
            Some(sid) if sid.starts_with("SM") || sid.starts_with("MM") => Outcome::delivered_as(&sid),
            _ => Outcome::broken(format!(
                "HTTP {}: something else answered; check `api_url`, and whether a proxy asks for a login",
                response.status
            )),
        };
    }
    let Some(code) = said.code else {
        return by_status(&response, format!("HTTP {} from Twilio", response.status));
    };
    let why = format!("Twilio: error {code}, https://www.twilio.com/docs/errors/{code}");
    match meaning(code) {
        Some(Meaning::Wait) => Outcome::Retry { after: response.retry_after(), why },
        Some(Meaning::Text) => Outcome::reject(why),
        Some(Meaning::Broken(hint)) => Outcome::broken(format!("{why}: {hint}")),
        None => by_status(&response, why),
    }
}

fn by_status(response: &Response, why: String) -> Outcome {
    match response.status {
        300..=399 => Outcome::broken(format!("{why}: redirects are not followed; check `api_url`")),
        407 => Outcome::broken(format!("{why}: a proxy stands in between")),
        // It may have taken the message before it, or what stands before it, gave up. Each message costs.
        500 | 502 | 504 => Outcome::unknown(why),
        _ => outcome_of_status(response, why),
    }
}
