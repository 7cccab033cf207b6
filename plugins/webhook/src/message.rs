//! What is posted for a notification: one event as it is, several as an array of them.

use commwatch_plugin_api::Notification;
use serde::Deserialize;

/// The body of a request, with what has to be said of it.
pub(crate) struct Message {
    /// What receivers tell repeats by, and what is signed with the body.
    pub(crate) id: String,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

/// The one attribute of a `CloudEvent` that is needed here.
#[derive(Deserialize)]
struct Id {
    id: String,
}

impl Message {
    /// Title, text and omitted count of the notification are for people and not sent.
    ///
    /// # Errors
    /// One line, when the notification holds no event, or an event without an id.
    pub(crate) fn of(notification: &Notification) -> Result<Self, String> {
        match &notification.events[..] {
            [] => Err("the notification holds no event".to_owned()),
            [event] => Ok(Self {
                id: event.decode::<Id>().map_err(|error| format!("the event has no id: {error}"))?.id,
                content_type: "application/cloudevents+json",
                body: event.as_json().to_owned(),
            }),
            events => {
                let events: Vec<_> = events.iter().map(|event| event.as_json()).collect();
                Ok(Self {
                    id: notification.id.clone(),
                    content_type: "application/cloudevents-batch+json",
                    body: format!("[{}]", events.join(",")),
                })
            }
        }
    }
}
