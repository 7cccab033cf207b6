//! Ways in which an API lets its callers down, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Which requests a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    All,
    /// Get Object of this conversation.
    Object(i64),
    /// The calls that list conversations.
    Listings,
    SystemStatus,
}

/// How many requests a fault meets before it is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    #[default]
    Once,
    N(u32),
    Forever,
}

/// What happens to a request instead of, or before, its right answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// An error status.
    Status {
        code: u16,
        /// The value of the `Retry-After` header as it is to be sent.
        #[serde(default)]
        retry_after: Option<String>,
        #[serde(default)]
        body: FaultBody,
    },
    /// No answer, ever; over when the caller gives up.
    Hang,
    /// The answer comes after a while. Goes together with any other fault.
    #[serde(with = "milliseconds")]
    Delay(Duration),
    /// The head and this many bytes of the body, and then nothing.
    Stall(usize),
    /// The connection ends after this many bytes of a body whose announced length is the whole.
    Truncate(usize),
    /// The connection is reset without a byte of answer.
    Reset,
    /// 200, but the envelope's `status` is another.
    EnvelopeStatus(u16),
    /// 200 and `data: []`.
    EmptyData,
    /// 200 and `data: null`.
    NullData,
    /// 200 and `data: ""`.
    TextData,
    /// 200 without `data`.
    AbsentData,
    /// A conversation nobody asked for: the same one under the next object id.
    WrongObject,
    /// A right answer, made longer by this many bytes and of unannounced length.
    Oversized(usize),
    /// 302 to this location.
    Redirect(String),
    /// 200, said to be JSON and not JSON.
    NotJson,
    /// An answer from a replica that does not have the newest children yet.
    StaleReplica(usize),
}

/// The body of an error status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultBody {
    #[default]
    Json,
    Html,
    Empty,
}

impl Fault {
    /// An error status with the API's own error body.
    pub fn status(code: u16) -> Fault {
        Fault::Status { code, retry_after: None, body: FaultBody::Json }
    }

    /// An error status that says when to come again.
    pub fn retry_after(code: u16, retry_after: impl Into<String>) -> Fault {
        Fault::Status { code, retry_after: Some(retry_after.into()), body: FaultBody::Json }
    }
}

/// The faults that are still to happen, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    standing: Vec<Standing>,
}

#[derive(Debug)]
struct Standing {
    scope: Scope,
    fault: Fault,
    /// `None` is for ever.
    left: Option<u32>,
}

impl Faults {
    pub(crate) fn add(&mut self, scope: Scope, fault: Fault, times: Times) {
        let left = match times {
            Times::Once => Some(1),
            Times::N(n) => Some(n),
            Times::Forever => None,
        };
        if left != Some(0) {
            self.standing.push(Standing { scope, fault, left });
        }
    }

    pub(crate) fn clear(&mut self) {
        self.standing.clear();
    }

    /// Takes what this request meets: a wait, and one other fault. A fault for this very conversation or call comes
    /// before one for all; among equals the one that was set first.
    pub(crate) fn take(&mut self, scope: Option<Scope>) -> (Option<Duration>, Option<Fault>) {
        let wait = match self.take_one(scope, |fault| matches!(fault, Fault::Delay(_))) {
            Some(Fault::Delay(wait)) => Some(wait),
            _ => None,
        };
        (wait, self.take_one(scope, |fault| !matches!(fault, Fault::Delay(_))))
    }

    fn take_one(&mut self, scope: Option<Scope>, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let find = |scope| self.standing.iter().position(|it| it.scope == scope && wanted(&it.fault));
        let index = scope.and_then(find).or_else(|| find(Scope::All))?;
        let standing = &mut self.standing[index];
        match &mut standing.left {
            None => Some(standing.fault.clone()),
            Some(1) => Some(self.standing.remove(index).fault),
            Some(left) => {
                *left -= 1;
                Some(standing.fault.clone())
            }
        }
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_for_one_conversation_comes_before_one_for_all_and_ends_after_its_times() {
        let mut faults = Faults::default();
        faults.add(Scope::All, Fault::Hang, Times::Forever);
        faults.add(Scope::Object(1), Fault::Reset, Times::N(2));
        let one = Some(Scope::Object(1));
        assert_eq!(faults.take(one).1, Some(Fault::Reset));
        assert_eq!(faults.take(Some(Scope::Object(2))).1, Some(Fault::Hang));
        assert_eq!(faults.take(one).1, Some(Fault::Reset));
        assert_eq!(faults.take(one).1, Some(Fault::Hang));
        faults.clear();
        assert_eq!(faults.take(one), (None, None));
    }

    #[test]
    fn a_delay_goes_together_with_another_fault() {
        let mut faults = Faults::default();
        faults.add(Scope::Object(1), Fault::status(500), Times::Once);
        faults.add(Scope::All, Fault::Delay(Duration::from_millis(5)), Times::Forever);
        let taken = faults.take(Some(Scope::Object(1)));
        assert_eq!(taken, (Some(Duration::from_millis(5)), Some(Fault::status(500))));
    }
}
