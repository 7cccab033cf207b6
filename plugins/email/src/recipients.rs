//! Who of several has a mail already, for as long as the others are still to get it: a server may take a mail for some and
//! ask to come back for the rest (greylisting does). Kept in memory: after a restart everybody gets it again, under the
//! same id.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use commwatch_plugin_api::Notification;
use lettre::Address;

/// Mails that some are still to get. Of one more, the oldest is forgotten.
const REMEMBERED_MAX: usize = 256;

/// Notifications, and who is still to get each.
#[derive(Debug, Default)]
pub(crate) struct Recipients {
    missing: Mutex<VecDeque<Missing>>,
}

#[derive(Debug)]
struct Missing {
    id: String,
    /// What a person asks for again goes to everybody, whoever had it before; then its own retries count.
    replay: bool,
    people: Vec<Address>,
}

impl Missing {
    fn is_of(&self, notification: &Notification) -> bool {
        self.id == notification.id && self.replay == notification.replay
    }
}

impl Recipients {
    /// Who is still to get it, if anybody has it already. Asked for again by a person, it goes to everybody once more.
    pub(crate) fn left(&self, notification: &Notification) -> Option<Vec<Address>> {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.iter().find(|one| one.is_of(notification)).map(|one| one.people.clone())
    }

    /// These are still to get it; with nobody left it is forgotten.
    pub(crate) fn remember(&self, notification: &Notification, left: Vec<Address>) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|one| one.id != notification.id);
        if !left.is_empty() {
            let Notification { id, replay, .. } = notification;
            missing.push_back(Missing { id: id.clone(), replay: *replay, people: left });
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
        let all = || ["a@x.example", "b@x.example"].map(|to| to.parse::<Address>().unwrap()).to_vec();
        let (recipients, mut told) = (Recipients::default(), notification());
        assert_eq!(recipients.left(&told), None);
        recipients.remember(&told, all().split_off(1));
        assert_eq!(recipients.left(&told), Some(all().split_off(1)));
        recipients.remember(&told, Vec::new());
        assert_eq!(recipients.left(&told), None);
        for n in 0..300 {
            told.id = format!("n-{n}");
            recipients.remember(&told, all());
        }
        assert_eq!(recipients.missing.lock().unwrap().len(), REMEMBERED_MAX);
    }

    #[test]
    fn what_a_person_asks_for_again_goes_to_everybody_and_its_retries_to_who_is_left() {
        let (recipients, mut told) = (Recipients::default(), notification());
        let left: Vec<Address> = vec!["b@x.example".parse().unwrap()];
        recipients.remember(&told, left.clone());
        told.replay = true;
        assert_eq!(recipients.left(&told), None, "everybody");
        recipients.remember(&told, left.clone());
        assert_eq!(recipients.left(&told), Some(left));
        recipients.remember(&told, Vec::new());
        assert_eq!(recipients.left(&told), None);
    }
}
