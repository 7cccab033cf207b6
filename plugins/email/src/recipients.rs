//! Who of several has a mail already, for as long as the others are still to get it: a server may take a mail for some and
//! ask to come back for the rest (greylisting does). Kept in memory: after a restart everybody gets it again, under the
//! same id.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use commwatch_plugin_api::Notification;
use lettre::Address;

/// Mails that some are still to get. Of one more, the oldest is forgotten.
const REMEMBERED_MAX: usize = 256;

/// Ids of notifications, and who is still to get each.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    missing: Mutex<VecDeque<(String, Vec<Address>)>>,
}

impl Recipients {
    /// Who is still to get it. Asked for again by a person, it goes to everybody.
    pub(crate) fn left(
        &self,
        notification: &Notification,
        everybody: impl Iterator<Item = Address>,
    ) -> Vec<Address> {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let known = missing.iter().find(|(id, _)| *id == notification.id && !notification.replay);
        known.map_or_else(|| everybody.collect(), |(_, missing)| missing.clone())
    }

    /// These are still to get it; with nobody left it is forgotten.
    pub(crate) fn remember(&self, notification: &Notification, left: Vec<Address>) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|(id, _)| *id != notification.id);
        if !left.is_empty() {
            missing.push_back((notification.id.clone(), left));
        }
        while missing.len() > REMEMBERED_MAX {
            missing.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use commwatch_plugin_api::testing::notification;

    use super::*;

    #[test]
    fn only_those_are_left_who_do_not_have_it_and_a_few_mails_are_remembered() {
        let all = || ["a@x.example", "b@x.example"].map(|to| to.parse::<Address>().unwrap()).into_iter();
        let (recipients, mut told) = (Recipients::default(), notification());
        assert_eq!(recipients.left(&told, all()).len(), 2);
        recipients.remember(&told, vec![all().last().unwrap()]);
        assert_eq!(recipients.left(&told, all()), [all().last().unwrap()]);
        told.replay = true;
        assert_eq!(recipients.left(&told, all()).len(), 2);
        told.replay = false;
        recipients.remember(&told, Vec::new());
        assert_eq!(recipients.left(&told, all()).len(), 2);
        for n in 0..300 {
            told.id = format!("n-{n}");
            recipients.remember(&told, all().collect());
        }
        assert_eq!(recipients.missing.lock().unwrap().len(), REMEMBERED_MAX);
    }
}
