//! From Telegram's answer to an outcome.
//!
//! Form: <https://core.telegram.org/bots/api#making-requests> (`ok`, `error_code`, `description`) and
//! `ResponseParameters` there (`retry_after` in seconds, `migrate_to_chat_id`). Descriptions: the Bot API server's
//! source, `Client.cpp`. A body that is not of this form comes from something in between, and is not quoted.

use std::time::Duration;

use commwatch_plugin_api::{HttpError, Outcome, Response, outcome_of, outcome_of_status};
use serde::Deserialize;

/// Telegram's descriptions are far shorter.
const DESCRIPTION_CHARS_MAX: usize = 200;
/// The longest wait that is handed on; the daemon waits no longer either.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// Beginnings of a 400's description that are about the chat and not about this message.
const ABOUT_THE_CHAT: [&str; 14] = [
    "chat not found",
    "private chat not found",
    "user not found",
    "chat_id is empty",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "group chat was upgraded",
    "not enough rights",
    "have no rights",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_send_plain_forbidden",
    "peer_id_invalid",
];

#[derive(Debug, Deserialize)]
struct Said {
    ok: bool,
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
    result: Option<Message>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct Message {
    message_id: i64,
}

pub(crate) fn outcome(answer: Result<Response, HttpError>) -> Outcome {
    let response = match answer {
        Err(error) => return outcome_of(Err(error)),
        Ok(response) => response,
    };
    match serde_json::from_slice::<Said>(&response.body) {
        Ok(said) if said.ok && response.is_success() => said
            .result
            .map_or_else(Outcome::delivered, |sent| Outcome::delivered_as(&sent.message_id.to_string())),
        Ok(said) if !said.ok => refused(response, &said),
        _ => by_status(&response),
    }
}

fn refused(mut response: Response, said: &Said) -> Outcome {
    // The two are the same but for what something in between makes of it.
    response.status = said.error_code.unwrap_or(response.status);
    let description: String = said.description.split_whitespace().collect::<Vec<_>>().join(" ");
    let description: String = description.chars().take(DESCRIPTION_CHARS_MAX).collect();
    let why = format!("Telegram: {description} ({})", response.status);
    let broken = |hint: &str| Outcome::broken(format!("{why}: {hint}"));
    match response.status {
        429 => {
            let asked = said.parameters.retry_after.map(Duration::from_secs).max(response.retry_after());
            Outcome::Retry { after: asked.map(|asked| asked.min(RETRY_AFTER_MAX)), why }
        }
        401 | 404 => broken("check the token in `url`, and that it ends in /sendMessage"),
        403 => broken("add the bot to the chat, or have the person unblock it and write to it"),
        421 => broken("another Bot API server is in charge of this bot; check `url`"),
        400 => match (said.parameters.migrate_to_chat_id, is_about_the_chat(&description)) {
            (Some(chat), _) => broken(&format!("set `chat_id` to {chat}")),
            (None, true) => broken("check `chat_id`, `message_thread_id` and what the bot may do there"),
            (None, false) => Outcome::reject(why),
        },
        // An answer that says no with a 2xx is none that is known here; nothing was posted.
        200..=299 => Outcome::retry(why),
        _ => outcome_of_status(&response, why),
    }
}

fn is_about_the_chat(description: &str) -> bool {
    let description = description.to_ascii_lowercase();
    let description = description.strip_prefix("bad request: ").unwrap_or(&description);
    ABOUT_THE_CHAT.iter().any(|beginning| description.starts_with(beginning))
}

/// Reads an answer that is not Telegram's.
fn by_status(response: &Response) -> Outcome {
    let why = format!("HTTP {} without a word of Telegram's", response.status);
    match response.status {
        200..=399 => {
            Outcome::broken(format!("{why}: something else answered, such as a proxy or its login page"))
        }
        400 => Outcome::broken(format!("{why}: check `url`, and whether a proxy stands in between")),
        _ => outcome_of_status(response, why),
    }
}
