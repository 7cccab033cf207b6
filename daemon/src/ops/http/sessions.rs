//! Browsers that have shown the token. Held in memory: a restart asks for it again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

/// So many at once; the oldest ends for a further one.
pub(super) const SESSIONS_MAX: usize = 32;
/// So long after the token was shown, whatever is done meanwhile.
pub(super) const SESSION_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// What was said in one session is kept, the newest of it.
const SAID_MAX: usize = 8;
/// The name of the cookie.
const COOKIE: &str = "commwatch_session";
/// Of the machine's randomness.
const KEY_BYTES: usize = 32;

/// What a browser holds; here only its hash is kept.
pub(super) type Key = [u8; 32];

/// What came of a change.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Said {
    /// Whether it was done.
    pub(super) done: bool,
    /// In words.
    pub(super) text: String,
}

struct Session {
    key: Key,
    /// The token that was shown: another one ends the session.
    token: Key,
    began: Instant,
    said: VecDeque<(u64, Said)>,
    count: u64,
}

/// All sessions.
#[derive(Default)]
pub(super) struct Sessions(Mutex<VecDeque<Session>>);

impl Sessions {
    /// Begins one for whoever has shown the token of this hash; gives the value of the cookie. `None` when the
    /// machine has no randomness to give.
    pub(super) fn begin(&self, token: Key, now: Instant) -> Option<String> {
        let value = HEXLOWER.encode(&random()?);
        let mut sessions = self.living(now);
        if sessions.len() >= SESSIONS_MAX {
            sessions.pop_front();
        }
        let key = hash(&value);
        sessions.push_back(Session { key, token, began: now, said: VecDeque::new(), count: 0 });
        Some(value)
    }

    /// The session of a request, if the token is still that one.
    pub(super) fn of(&self, headers: &HeaderMap, token: &Key, now: Instant) -> Option<Key> {
        let key = hash(cookie(headers)?);
        let sessions = self.living(now);
        let is_it = |session: &&Session| same(&session.key, &key) && same(&session.token, token);
        sessions.iter().find(is_it).map(|session| session.key)
    }

    /// Ends one.
    pub(super) fn end(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|session| !same(&session.key, key));
    }

    /// Keeps what came of a change, for the page that comes next; gives its number.
    pub(super) fn say(&self, key: &Key, said: Said) -> u64 {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = sessions.iter_mut().find(|session| same(&session.key, key)) else { return 0 };
        session.count += 1;
        if session.said.len() >= SAID_MAX {
            session.said.pop_front();
        }
        session.said.push_back((session.count, said));
        session.count
    }

    /// What was said under this number.
    pub(super) fn said(&self, key: &Key, number: u64) -> Option<Said> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.iter().find(|session| same(&session.key, key))?;
        session.said.iter().find(|(one, _)| *one == number).map(|(_, said)| said.clone())
    }

    fn living(&self, now: Instant) -> MutexGuard<'_, VecDeque<Session>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|session| now.saturating_duration_since(session.began) < SESSION_LIFE);
        sessions
    }
}

/// The header that gives a browser its session; `is_tls` where it came by https.
pub(super) fn given(value: &str, is_tls: bool) -> Option<HeaderValue> {
    let secure = if is_tls { "; Secure" } else { "" };
    let age = SESSION_LIFE.as_secs();
    let text = format!("{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).ok()
}

/// The header that takes it back.
pub(super) fn taken() -> HeaderValue {
    HeaderValue::from_static("commwatch_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict")
}

/// Compares without telling by its duration where two differ.
pub(super) fn same(one: &Key, other: &Key) -> bool {
    one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// What stands for a secret where it is kept or compared.
pub(super) fn hash(text: &str) -> Key {
    Sha256::digest(text).into()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

fn random() -> Option<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    let filled = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).ok()?;
    (filled == KEY_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearing(value: &str) -> HeaderMap {
        let cookies = format!("theme=dark; {COOKIE}={value}; other=1");
        [(header::COOKIE, cookies.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_session_is_known_by_its_cookie_while_the_token_is_the_same() {
        let (sessions, now, token) = (Sessions::default(), Instant::now(), hash("one"));
        let value = sessions.begin(token, now).unwrap();
        let key = sessions.of(&bearing(&value), &token, now).unwrap();
        assert_eq!(sessions.of(&bearing(&value), &hash("two"), now), None);
        for wrong in ["", &value[1..], &HEXLOWER.encode(&[0; KEY_BYTES])] {
            assert_eq!(sessions.of(&bearing(wrong), &token, now), None, "{wrong:?}");
        }
        assert_eq!(sessions.of(&HeaderMap::new(), &token, now), None);
        sessions.end(&key);
        assert_eq!(sessions.of(&bearing(&value), &token, now), None);
    }

    #[test]
    fn a_session_ends_after_half_a_day_and_the_oldest_makes_room() {
        let (sessions, now, token) = (Sessions::default(), Instant::now(), hash("one"));
        let first = sessions.begin(token, now).unwrap();
        assert!(sessions.of(&bearing(&first), &token, now + SESSION_LIFE / 2).is_some());
        let more: Vec<String> =
            (0..SESSIONS_MAX).map(|_| sessions.begin(token, now + SESSION_LIFE / 2).unwrap()).collect();
        assert_eq!(sessions.of(&bearing(&first), &token, now + SESSION_LIFE / 2), None);
        let last = more.last().unwrap();
        assert!(sessions.of(&bearing(last), &token, now + SESSION_LIFE).is_some());
        assert_eq!(sessions.of(&bearing(last), &token, now + SESSION_LIFE * 2), None);
    }

    #[test]
    fn what_was_said_is_for_the_session_it_was_said_in() {
        let (sessions, now, token) = (Sessions::default(), Instant::now(), hash("one"));
        let keys: Vec<Key> = (0..2)
            .map(|_| sessions.of(&bearing(&sessions.begin(token, now).unwrap()), &token, now).unwrap())
            .collect();
        let said = |n: usize| Said { done: true, text: n.to_string() };
        let numbers: Vec<u64> = (0..=SAID_MAX).map(|n| sessions.say(&keys[0], said(n))).collect();
        assert_eq!(sessions.said(&keys[0], numbers[SAID_MAX]), Some(said(SAID_MAX)));
        assert_eq!(sessions.said(&keys[0], numbers[0]), None, "the oldest is forgotten");
        assert_eq!(sessions.said(&keys[1], numbers[SAID_MAX]), None);
    }

    #[test]
    fn a_cookie_is_for_this_site_and_for_no_script() {
        let plain = given("abc", false).unwrap();
        assert_eq!(plain, "commwatch_session=abc; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict");
        assert!(given("abc", true).unwrap().to_str().unwrap().ends_with("; Secure"));
    }
}
