//! What the plugin may ask of its process: both go to the daemon as frames.

use std::cell::Cell;
use std::sync::Arc;

use commwatch_plugin_api::{HttpError, Level, abi};

use super::desk::Desk;
use crate::plugin::frame::{self, FromChild, HttpEnd};
use crate::plugin::library::Services;

/// The longest description of a request: its method, address and headers.
const DESCRIPTION_BYTES_MAX: usize = 256 << 10;

thread_local! {
    /// The delivery that this thread is busy with.
    static DELIVERING: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Runs a delivery: requests of this thread are its requests.
pub(super) fn delivering<T>(token: u64, deliver: impl FnOnce() -> T) -> T {
    DELIVERING.set(Some(token));
    let outcome = deliver();
    DELIVERING.set(None);
    outcome
}

pub(super) struct HostServices {
    desk: Arc<Desk>,
}

impl HostServices {
    pub(super) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }
}

impl Services for HostServices {
    fn log(&self, level: Level, line: &[u8]) {
        let kept = line.len().min(abi::LOG_LINE_MAX as usize);
        let line = String::from_utf8_lossy(&line[..kept]).into_owned();
        self.desk.say(&FromChild::Log { level, line });
    }

    fn http(&self, description: &[u8], body: &[u8]) -> HttpEnd {
        let refused = |why: &str| HttpEnd::Fault(HttpError::Refused { why: why.to_owned() });
        let Some(token) = DELIVERING.get() else {
            return refused("`http` was called on a thread that is not inside `deliver`");
        };
        if description.len() > DESCRIPTION_BYTES_MAX || body.len() > abi::HTTP_REQUEST_BODY_MAX as usize {
            let (description, body) = (description.len(), body.len());
            return refused(&format!(
                "the request is too long: {description} bytes of description and {body} of body, of at most \
                 {DESCRIPTION_BYTES_MAX} and {}",
                abi::HTTP_REQUEST_BODY_MAX
            ));
        }
        self.desk.write(&frame::http(token, description, body));
        self.desk.answer(token)
    }
}
