//! What a login and a password must be, and how long somebody who guesses must wait.

use std::collections::HashMap;
use vigil_protocol::time::UtcMillis;

/// Fewest characters of a password.
pub const SHORTEST_PASSWORD: usize = 10;
/// Most bytes of a password: what is longer only keeps the machine busy.
pub const LONGEST_PASSWORD: usize = 256;
/// Names nobody may have: they stand for others in the record.
const TAKEN: [&str; 4] = ["admin", "gateway", "vigil", "anonymous"];
/// Passwords everybody tries first, one a line, of those long enough to be possible at all.
const COMMON: &str = include_str!("../rules/common_passwords.txt");

/// What is wrong with a login or a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Weak {
    /// Not a login.
    #[error(
        "a login has 2 to 64 characters: small letters, digits, `.`, `-`, `_`; it begins with a letter or digit"
    )]
    Login,
    /// A name that stands for something else.
    #[error("this login stands for something else in the record; choose another")]
    Taken,
    /// Too few characters.
    #[error("a password has at least 10 characters")]
    Short,
    /// Too many bytes.
    #[error("a password has at most 256 bytes")]
    Long,
    /// The login, alone or with a little around it.
    #[error("the password is too much like the login")]
    LikeLogin,
    /// One of those everybody tries first.
    #[error("this password is on the list of those everybody tries first")]
    Common,
    /// One character or one short piece, again and again.
    #[error("the password is one short piece again and again")]
    Repeated,
    /// One of the last ones.
    #[error("this is one of the last three passwords")]
    UsedBefore,
}

impl Weak {
    /// Stable key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Login => "bad_login",
            Self::Taken => "login_reserved",
            Self::Short => "password_short",
            Self::Long => "password_long",
            Self::LikeLogin => "password_like_login",
            Self::Common => "password_common",
            Self::Repeated => "password_repeated",
            Self::UsedBefore => "password_used_before",
        }
    }
}

/// A login as it is kept: small letters, without blanks around it.
///
/// # Errors
/// It cannot be one.
pub fn login(text: &str) -> Result<String, Weak> {
    let login = text.trim().to_ascii_lowercase();
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    let begins = login.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !(2..=64).contains(&login.len()) || !begins || !login.chars().all(fits) {
        return Err(Weak::Login);
    }
    if TAKEN.contains(&login.as_str()) {
        return Err(Weak::Taken);
    }
    Ok(login)
}

/// Whether a password may be one; whether it was used before is asked elsewhere.
///
/// # Errors
/// What is wrong with it.
pub fn password(login: &str, password: &str) -> Result<(), Weak> {
    if password.chars().count() < SHORTEST_PASSWORD {
        return Err(Weak::Short);
    }
    if password.len() > LONGEST_PASSWORD {
        return Err(Weak::Long);
    }
    let low = password.to_lowercase();
    let login = login.to_lowercase();
    // What is left beside the login must still be something.
    if !login.is_empty() && low.replace(&login, "").chars().count() < SHORTEST_PASSWORD.div_ceil(2) {
        return Err(Weak::LikeLogin);
    }
    if COMMON.lines().any(|common| common == low) {
        return Err(Weak::Common);
    }
    let chars: Vec<char> = low.chars().collect();
    let repeats = (1..=3).any(|piece| chars.iter().zip(chars.iter().skip(piece)).all(|(a, b)| a == b));
    if repeats { Err(Weak::Repeated) } else { Ok(()) }
}

/// Slows down who guesses: after a few failures each further attempt must wait longer. Knows no clock; what is
/// counted is a key (a login, an address), whether it exists or not.
#[derive(Clone, Debug)]
pub struct Throttle {
    free: u32,
    first_ms: i64,
    longest_ms: i64,
    most: usize,
    known: HashMap<String, Tries>,
}

#[derive(Clone, Copy, Debug)]
struct Tries {
    failed: u32,
    last: UtcMillis,
}

impl Throttle {
    /// After `free` failures the next attempt waits `first_ms`, then twice as long each time, up to `longest_ms`.
    /// At most `most` keys are remembered: the one that was tried longest ago goes first.
    #[must_use]
    pub fn new(free: u32, first_ms: i64, longest_ms: i64, most: usize) -> Self {
        Self {
            free,
            first_ms: first_ms.max(1),
            longest_ms: longest_ms.max(1),
            most: most.max(1),
            known: HashMap::new(),
        }
    }

    /// Begins an attempt. It counts as failed until [`Throttle::succeeded`] says otherwise, so that many at once do
    /// not all see the count from before.
    ///
    /// # Errors
    /// So many milliseconds must pass first; the attempt does not count.
    pub fn begin(&mut self, key: &str, now: UtcMillis) -> Result<(), i64> {
        let wait = self.wait(key, now);
        if wait > 0 {
            return Err(wait);
        }
        if !self.known.contains_key(key) && self.known.len() >= self.most {
            self.make_room(now);
        }
        let tries = self
            .known
            .entry(key.to_owned())
            .or_insert(Tries { failed: 0, last: now });
        // Long after the last failure it begins anew.
        if now.since(tries.last) > self.longest_ms.saturating_mul(4) {
            tries.failed = 0;
        }
        tries.failed = tries.failed.saturating_add(1);
        tries.last = now;
        Ok(())
    }

    /// The attempt that was begun last did not fail after all.
    pub fn succeeded(&mut self, key: &str) {
        self.known.remove(key);
    }

    /// How long the next attempt must wait, milliseconds; 0 = not at all.
    #[must_use]
    pub fn wait(&self, key: &str, now: UtcMillis) -> i64 {
        let Some(tries) = self
            .known
            .get(key)
            .filter(|tries| tries.failed >= self.free.max(1))
        else {
            return 0;
        };
        let doublings = (tries.failed - self.free.max(1)).min(40);
        let pause = self
            .first_ms
            .saturating_mul(1_i64 << doublings)
            .min(self.longest_ms);
        (pause - now.since(tries.last)).clamp(0, pause)
    }

    fn make_room(&mut self, now: UtcMillis) {
        let old = self.longest_ms.saturating_mul(4);
        self.known.retain(|_, tries| now.since(tries.last) <= old);
        while self.known.len() >= self.most {
            let oldest = self
                .known
                .iter()
                .min_by_key(|(_, tries)| tries.last)
                .map(|(key, _)| key.clone());
            match oldest {
                Some(key) => drop(self.known.remove(&key)),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Throttle, Weak, login, password};
    use vigil_protocol::time::UtcMillis;

    #[test]
    fn a_login_is_small_plain_and_nobody_elses() {
        #[rustfmt::skip] // a table
        let cases = [
            ("li.wei", Ok("li.wei")), (" Li_Wei-2 ", Ok("li_wei-2")), ("a", Err(Weak::Login)),
            ("", Err(Weak::Login)), (".li", Err(Weak::Login)), ("李伟", Err(Weak::Login)),
            ("a b", Err(Weak::Login)), ("a/b", Err(Weak::Login)), ("ADMIN", Err(Weak::Taken)),
            ("gateway", Err(Weak::Taken)),
        ];
        for (text, expected) in cases {
            assert_eq!(login(text), expected.map(str::to_owned), "{text:?}");
        }
        assert_eq!(login(&"a".repeat(65)), Err(Weak::Login));
    }

    #[test]
    fn a_password_is_long_and_not_what_everybody_tries() {
        #[rustfmt::skip] // a table
        let cases = [
            ("steam drum 7 level", Ok(())), ("锅炉房的水位表在左边", Ok(())), ("short", Err(Weak::Short)),
            ("九个字的口令不够长", Err(Weak::Short)), ("1234567890", Err(Weak::Common)),
            ("Password123", Err(Weak::Common)), ("li.wei.123", Err(Weak::LikeLogin)),
            ("LI.WEIli.wei", Err(Weak::LikeLogin)), ("aaaaaaaaaaaa", Err(Weak::Repeated)),
            ("abcabcabcabc", Err(Weak::Repeated)), ("abcdabcdabcd", Ok(())),
        ];
        for (text, expected) in cases {
            assert_eq!(password("li.wei", text), expected, "{text:?}");
        }
        assert_eq!(password("li.wei", &"锅炉水位表".repeat(20)), Err(Weak::Long));
    }

    #[test]
    fn who_guesses_waits_longer_each_time_and_who_knows_does_not() {
        let mut throttle = Throttle::new(3, 1_000, 8_000, 10);
        for _ in 0..3 {
            assert_eq!(throttle.begin("li", UtcMillis(0)), Ok(()));
        }
        assert_eq!(throttle.begin("li", UtcMillis(0)), Err(1_000));
        assert_eq!(throttle.begin("li", UtcMillis(999)), Err(1));
        assert_eq!(
            throttle.begin("wu", UtcMillis(0)),
            Ok(()),
            "others are not concerned"
        );
        let mut now = 1_000;
        for wait in [2_000, 4_000, 8_000, 8_000] {
            assert_eq!(throttle.begin("li", UtcMillis(now)), Ok(()));
            assert_eq!(throttle.begin("li", UtcMillis(now)), Err(wait));
            now += wait;
        }
        throttle.begin("li", UtcMillis(now)).unwrap();
        throttle.succeeded("li");
        assert_eq!(throttle.wait("li", UtcMillis(now)), 0);
    }

    #[test]
    fn a_clock_that_goes_back_lengthens_no_pause() {
        let mut throttle = Throttle::new(1, 1_000, 8_000, 10);
        throttle.begin("li", UtcMillis(1_000_000)).unwrap();
        assert_eq!(throttle.wait("li", UtcMillis(0)), 1_000);
    }

    #[test]
    fn many_names_do_not_fill_the_memory() {
        let mut throttle = Throttle::new(1, 1_000, 8_000, 100);
        for n in 0..1_000 {
            throttle.begin(&n.to_string(), UtcMillis(n)).unwrap();
        }
        assert_eq!(throttle.known.len(), 100);
        assert!(throttle.wait("999", UtcMillis(1_000)) > 0, "the latest are kept");
        assert_eq!(throttle.wait("0", UtcMillis(1_000)), 0);
    }
}
