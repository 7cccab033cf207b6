//! The words that Slack refuses with, for webhooks and for `chat.postMessage` alike, and what to do about each.

/// What a word asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    /// Something in the message's form was refused: it may do without blocks.
    Form,
    /// The message that was replied to takes no replies. Nothing was posted.
    Thread,
    /// Not now. Nothing was posted.
    Wait,
    /// Slack stumbled and does not say whether it posted before.
    Perhaps,
    /// No message will be taken before somebody acts; the text says what to do.
    Broken(&'static str),
}

const CHANNEL: &str = "the channel is not there, or the app cannot see it; check `channel` (an id is safer than a \
                       name) and invite the app (/invite)";
const CHANNEL_UNINVITED: &str = "the app is not in the channel; invite it there (/invite)";
const CHANNEL_ARCHIVED: &str = "the channel is archived; unarchive it or choose another";
const CHANNEL_CLOSED: &str = "the channel or the workspace does not let this app post; ask an admin of Slack";
const WEBHOOK: &str = "the webhook is gone or switched off; make a new one and change `webhook_url`";
const TOKEN: &str = "Slack does not take the token; install the app again and change `bot_token`";
const SCOPE: &str =
    "the app lacks a permission; give it `chat:write`, install it again and invite it to the channel";
const WORKSPACE: &str = "the workspace is not available to this app; ask an admin of Slack";
const REQUEST: &str =
    "the request did not arrive as it was sent; look for a proxy that changes it, and at `api_url`";
const CROWDED: &str = "the workspace has reached its limit of messages; ask an admin of Slack";

/// What a word means; None for a word that is not known here.
pub(crate) fn meaning(word: &str) -> Option<Meaning> {
    Some(match word {
        "invalid_payload"
        | "invalid_blocks"
        | "invalid_blocks_format"
        | "invalid_attachments"
        | "invalid_arguments"
        | "invalid_arg_name"
        | "invalid_array_arg"
        | "no_text"
        | "missing_text_or_fallback_or_attachments"
        | "too_many_attachments"
        | "attachment_payload_limit_exceeded"
        | "msg_too_long"
        | "msg_blocks_too_long"
        | "invalid_metadata_format"
        | "invalid_metadata_schema"
        | "metadata_too_large"
        | "metadata_must_be_sent_from_app" => Meaning::Form,

        "cannot_reply_to_message"
        | "message_not_found"
        | "restricted_action_thread_locked"
        | "thread_not_found" => Meaning::Thread,

        "ratelimited"
        | "rate_limited"
        | "rollup_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org" => Meaning::Wait,

        "internal_error" | "fatal_error" => Meaning::Perhaps,

        "not_in_channel" => Meaning::Broken(CHANNEL_UNINVITED),
        "channel_not_found" | "user_not_found" | "team_not_found" => Meaning::Broken(CHANNEL),
        "channel_is_archived" | "is_archived" => Meaning::Broken(CHANNEL_ARCHIVED),
        "action_prohibited"
        | "posting_to_general_channel_denied"
        | "restricted_action"
        | "restricted_action_read_only_channel"
        | "restricted_action_thread_only_channel"
        | "messages_tab_disabled"
        | "app_access_restricted" => Meaning::Broken(CHANNEL_CLOSED),
        "no_service" | "no_service_id" | "no_active_hooks" | "invalid_token" => Meaning::Broken(WEBHOOK),
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "not_allowed_token_type"
        | "two_factor_setup_required" => Meaning::Broken(TOKEN),
        "missing_scope" | "no_permission" => Meaning::Broken(SCOPE),
        "no_team"
        | "team_disabled"
        | "team_access_not_granted"
        | "access_denied"
        | "accesslimited"
        | "ekm_access_denied"
        | "enterprise_is_restricted"
        | "org_login_required" => Meaning::Broken(WORKSPACE),
        "invalid_charset"
        | "invalid_form_data"
        | "invalid_post_type"
        | "missing_post_type"
        | "unknown_method"
        | "method_deprecated"
        | "deprecated_endpoint" => Meaning::Broken(REQUEST),
        "message_limit_exceeded" => Meaning::Broken(CROWDED),
        _ => return None,
    })
}
