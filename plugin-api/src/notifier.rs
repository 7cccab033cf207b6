//! The trait that a plugin implements.

use serde::de::DeserializeOwned;

use crate::{Host, Notification, Outcome};

/// A configured notifier. One value lives in one child process, from [`start`](Notifier::start) to the end of
/// that process.
pub trait Notifier: Sized + Send + Sync + 'static {
    /// The notifier's configuration, `[notifiers.NAME.config]`, already checked against the manifest's schema
    /// and with the schema's defaults filled in. Secret fields arrive as [`Secret`](crate::Secret), or as
    /// text where the operator reveals them (`reveal = ["FIELD"]`).
    type Config: DeserializeOwned;

    /// Makes the notifier. Should not reach for the network: it runs at each start and reload.
    ///
    /// # Errors
    /// One line that says what is wrong and what to change; the notifier is shown as broken with it.
    fn start(config: Self::Config, host: &Host) -> Result<Self, String>;

    /// Hands one notification to the receiver and says how that ended. Blocks as long as it must; it is called
    /// from as many threads at once as the manifest's `concurrency` allows, and never again for the same
    /// notification before it has returned. A panic counts as [`Outcome::Unknown`].
    fn deliver(&self, notification: &Notification, host: &Host) -> Outcome;
}
