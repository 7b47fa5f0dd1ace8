//! Making and changing users, passwords, sessions and tokens.

use super::hasher::HashError;
use super::once::Once;
use super::{
    ApiToken, AuditFilter, Chain, Deed, Entry, People, SessionRow, TokenScope, User, UserFacts, UserFilter,
};
use crate::desk::people::{audit, sessions, tokens, users};
use crate::secrets::{SecretError, random_hex};
use crate::store::StoreError;
use std::sync::atomic::Ordering;
use vigil_core::hash::ContentHash;
use vigil_core::people::{Person, Role};
use vigil_core::sign_in::{self, Weak};

const DAY_MS: i64 = 86_400_000;
/// Longest life of a token, days.
pub(super) const LONGEST_TOKEN_DAYS: i64 = 366;
/// Every token begins with this, so that one that has got lost is recognised.
const TOKEN_PREFIX: &str = "vgl_";
/// Longest name, characters.
const LONGEST_NAME: usize = 60;

/// What is wrong with one thing somebody entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which.
    pub field: &'static str,
    /// Stable key.
    pub code: &'static str,
    /// What is wrong, Chinese.
    pub zh: &'static str,
    /// What is wrong, English.
    pub en: &'static str,
}

/// Why something was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// What was entered cannot be; all of it at once.
    #[error("{}", .0.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.en)).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Wrong>),
    /// There is no such thing.
    #[error("there is no such {0}")]
    Missing(&'static str),
    /// Somebody else has changed it meanwhile.
    #[error("it has been changed meanwhile: it is version {now} now")]
    Changed {
        /// The version in force.
        now: i64,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// The same request is carried out at this moment.
    #[error("the same request was handled just now; ask again for its answer")]
    InProgress,
    /// The token was made by this request before.
    #[error(
        "token {id} was made by this request already; its secret was shown then and is kept nowhere. If it did not \
         arrive, revoke that token and make another with another key"
    )]
    MadeBefore {
        /// Id of the token.
        id: String,
    },
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// No randomness.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A token that was just made: the only time it can be seen.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What stands in the table.
    pub token: ApiToken,
    /// What the program shows.
    pub secret: String,
}

const fn weak(field: &'static str, weak: Weak) -> Wrong {
    let (zh, en) = match weak {
        Weak::Login => (
            "登录名为 2–64 位小写字母、数字或 . - _，以字母或数字开头",
            "a login has 2 to 64 small letters, digits, `.`, `-` or `_`, and begins with a letter or digit",
        ),
        Weak::Taken => (
            "该登录名为系统保留，请另选",
            "this login is reserved; choose another",
        ),
        Weak::Short => ("口令至少 10 个字符", "a password has at least 10 characters"),
        Weak::Long => ("口令最长 256 字节", "a password has at most 256 bytes"),
        Weak::LikeLogin => ("口令与登录名过于相似", "the password is too much like the login"),
        Weak::Common => ("口令过于常见", "this password is one everybody tries first"),
        Weak::Repeated => (
            "口令由重复片段组成",
            "the password is one short piece again and again",
        ),
        Weak::UsedBefore => (
            "不得使用最近三次用过的口令",
            "this is one of the last three passwords",
        ),
    };
    Wrong {
        field,
        code: weak.key(),
        zh,
        en,
    }
}

const fn wrong(field: &'static str, code: &'static str, zh: &'static str, en: &'static str) -> Wrong {
    Wrong { field, code, zh, en }
}

fn is_plain(text: &str, longest: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= longest && !text.chars().any(char::is_control)
}

/// Everything wrong with what is said about a user.
fn check(facts: &UserFacts) -> Vec<Wrong> {
    let mut found = Vec::new();
    if !is_plain(&facts.name, LONGEST_NAME) {
        found.push(wrong(
            "name",
            "bad_name",
            "请填写姓名（不超过 60 字）",
            "a name has 1 to 60 characters",
        ));
    }
    let has_unit = facts.unit.as_deref().is_some_and(|unit| is_plain(unit, 100));
    if facts.unit.is_some() && !has_unit {
        found.push(wrong(
            "unit",
            "bad_unit",
            "单位代码不超过 100 字",
            "a unit code has 1 to 100 characters",
        ));
    }
    let of_unit = matches!(facts.role, Role::Site | Role::Maintainer | Role::InspectionBody);
    if of_unit && facts.unit.is_none() {
        found.push(wrong(
            "unit",
            "unit_required",
            "该角色必须属于一个单位",
            "this role belongs to a unit",
        ));
    }
    let digits = |area: &str| area.len() <= 6 && area.bytes().all(|byte| byte.is_ascii_digit());
    if facts.areas.len() > 50 || !facts.areas.iter().all(|area| digits(area)) {
        found.push(wrong(
            "areas",
            "bad_area",
            "区划代码为至多 6 位数字的前缀，最多 50 个",
            "areas are at most 50 prefixes of up to 6 digits",
        ));
    }
    let of_area = matches!(facts.role, Role::Regulator | Role::Department);
    if of_area && facts.areas.is_empty() {
        found.push(wrong(
            "areas",
            "area_required",
            "该角色必须有管辖区域（填 * 表示全部）",
            "this role has areas of responsibility (* is everywhere)",
        ));
    }
    if facts
        .language
        .as_deref()
        .is_some_and(|language| !matches!(language, "zh" | "en"))
    {
        found.push(wrong(
            "language",
            "bad_language",
            "语言为 zh 或 en",
            "the language is zh or en",
        ));
    }
    let is_phone = |text: &str| {
        (5..=30).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || b"+-() ".contains(&b))
    };
    if facts.phone.as_deref().is_some_and(|phone| !is_phone(phone)) {
        found.push(wrong(
            "phone",
            "bad_phone",
            "电话为 5–30 位数字、+、-、括号或空格",
            "a phone number has 5 to 30 digits, `+`, `-`, brackets or blanks",
        ));
    }
    found
}

impl People {
    /// Makes a user. From the first one on everybody must say who he is.
    ///
    /// # Errors
    /// Everything that is wrong with what was entered; the database cannot be written.
    pub async fn add_user(
        &self,
        login: &str,
        facts: &UserFacts,
        password: &str,
    ) -> Result<User, ManageError> {
        self.make_user(login, facts, password, None).await
    }

    pub(super) async fn make_user(
        &self,
        login: &str,
        facts: &UserFacts,
        password: &str,
        once: Option<&Once>,
    ) -> Result<User, ManageError> {
        let mut found = check(facts);
        let known = sign_in::login(login);
        if let Err(error) = known {
            found.push(weak("login", error));
        }
        let login = known.unwrap_or_default();
        if let Err(error) = sign_in::password(&login, password) {
            found.push(weak("password", error));
        }
        if !found.is_empty() {
            return Err(ManageError::Wrong(found));
        }
        let taken = || {
            let taken = wrong("login", "login_taken", "该登录名已被使用", "this login is taken");
            ManageError::Wrong(vec![taken])
        };
        if self.user(&login).await?.is_some() {
            return Err(taken());
        }
        let hash = self.0.hasher.hash(password.to_owned()).await?;
        let mut write = self.0.desk.begin().await?;
        if !users::insert(write.connection()?, &login, facts, &hash, self.now()).await? {
            return Err(taken());
        }
        if let Some(once) = once {
            once.done(self, write.connection()?, &login).await?;
        }
        write.commit().await?;
        self.0.closed.store(true, Ordering::Release);
        self.user(&login).await?.ok_or(ManageError::Missing("user"))
    }

    /// Changes what is said about a user. Who may no longer come in is out at once.
    ///
    /// # Errors
    /// Everything that is wrong; somebody else has changed it since `version`.
    pub async fn change_user(
        &self,
        login: &str,
        facts: &UserFacts,
        version: i64,
    ) -> Result<User, ManageError> {
        let before = self.user(login).await?.ok_or(ManageError::Missing("user"))?;
        if before.version != version {
            return Err(ManageError::Changed { now: before.version });
        }
        let found = check(facts);
        if !found.is_empty() {
            return Err(ManageError::Wrong(found));
        }
        let mut write = self.0.desk.begin().await?;
        if !users::update(write.connection()?, login, facts, version, self.now()).await? {
            drop(write);
            let now = self.user(login).await?.map_or(version, |user| user.version);
            return Err(ManageError::Changed { now });
        }
        if !facts.active {
            sessions::end_others(write.connection()?, login, None).await?;
        }
        write.commit().await?;
        self.user(login).await?.ok_or(ManageError::Missing("user"))
    }

    /// Sets somebody's password; he is out everywhere.
    ///
    /// # Errors
    /// It cannot be one, or the database cannot be written.
    pub async fn set_password(&self, login: &str, password: &str) -> Result<(), ManageError> {
        self.user(login).await?.ok_or(ManageError::Missing("user"))?;
        self.replace_password(login, password, "password", None).await
    }

    /// Somebody changes his own password; he stays in here and is out everywhere else.
    ///
    /// # Errors
    /// The old one is wrong, the new one cannot be one, or the database cannot be written.
    pub async fn change_password(
        &self,
        login: &str,
        old: &str,
        new: &str,
        session: Option<ContentHash>,
    ) -> Result<(), ManageError> {
        let hash = users::password(self.0.desk.reading(), login).await?;
        if !self.0.hasher.fits(old, hash).await? {
            let wrong = wrong(
                "old",
                "wrong_password",
                "现用口令不对",
                "this is not the password in force",
            );
            return Err(ManageError::Wrong(vec![wrong]));
        }
        self.replace_password(login, new, "password", session).await
    }

    async fn replace_password(
        &self,
        login: &str,
        password: &str,
        field: &'static str,
        stays: Option<ContentHash>,
    ) -> Result<(), ManageError> {
        let refuse = |error| ManageError::Wrong(vec![weak(field, error)]);
        sign_in::password(login, password).map_err(refuse)?;
        for old in users::old_passwords(self.0.desk.reading(), login).await? {
            if self.0.hasher.fits(password, Some(old)).await? {
                return Err(refuse(Weak::UsedBefore));
            }
        }
        let hash = self.0.hasher.hash(password.to_owned()).await?;
        let mut write = self.0.desk.begin().await?;
        users::set_password(write.connection()?, login, &hash, self.now()).await?;
        sessions::end_others(write.connection()?, login, stays).await?;
        write.commit().await?;
        Ok(())
    }

    /// Sets the language somebody reads.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn set_language(&self, login: &str, language: Option<&str>) -> Result<(), ManageError> {
        let language = language.filter(|language| matches!(*language, "zh" | "en"));
        let mut write = self.0.desk.begin().await?;
        users::set_language(write.connection()?, login, language, self.now()).await?;
        Ok(write.commit().await?)
    }

    /// The user with this login.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn user(&self, login: &str) -> Result<Option<User>, StoreError> {
        users::find(self.0.desk.reading(), login).await
    }

    /// Users by login.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn users(&self, filter: &UserFilter, limit: u32) -> Result<Vec<User>, StoreError> {
        users::list(self.0.desk.reading(), filter, limit).await
    }

    /// Sessions of a user that hold.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn sessions(&self, login: &str) -> Result<Vec<SessionRow>, StoreError> {
        sessions::of(self.0.desk.reading(), Some(login), self.now()).await
    }

    /// Ends one of a user's sessions.
    ///
    /// # Errors
    /// He has no such session, or the database cannot be written.
    pub async fn end_session(&self, login: &str, id: &str) -> Result<(), ManageError> {
        let of = self.sessions(login).await?;
        let session = of.into_iter().find(|session| session.id() == id);
        let session = session.ok_or(ManageError::Missing("session"))?;
        Ok(self.sign_out(session.digest).await?)
    }

    /// Tokens of a user.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn tokens(&self, login: &str) -> Result<Vec<ApiToken>, StoreError> {
        tokens::of(self.0.desk.reading(), login).await
    }

    /// Makes a token for a user, good for `days`.
    ///
    /// # Errors
    /// Everything that is wrong; no randomness; the database cannot be written.
    pub async fn add_token(
        &self,
        login: &str,
        name: &str,
        scopes: &[TokenScope],
        days: i64,
    ) -> Result<NewToken, ManageError> {
        self.make_token(login, name, scopes, days, None).await
    }

    pub(super) async fn make_token(
        &self,
        login: &str,
        name: &str,
        scopes: &[TokenScope],
        days: i64,
        once: Option<&Once>,
    ) -> Result<NewToken, ManageError> {
        let mut found = Vec::new();
        if !is_plain(name, LONGEST_NAME) {
            found.push(wrong(
                "name",
                "bad_name",
                "请填写名称（不超过 60 字）",
                "a name has 1 to 60 characters",
            ));
        }
        if scopes.is_empty() {
            found.push(wrong(
                "scopes",
                "scope_required",
                "请至少选择一项用途",
                "choose at least one scope",
            ));
        }
        if !(1..=LONGEST_TOKEN_DAYS).contains(&days) {
            found.push(wrong(
                "days",
                "bad_days",
                "有效期为 1–366 天",
                "a token lasts 1 to 366 days",
            ));
        }
        let now = self.now();
        let holding = self.tokens(login).await?;
        let holding = holding
            .iter()
            .filter(|token| token.revoked.is_none() && token.until > now);
        if holding.count() >= tokens::MOST {
            found.push(wrong(
                "name",
                "too_many_tokens",
                "令牌过多，请先吊销",
                "too many tokens; revoke some",
            ));
        }
        if !found.is_empty() {
            return Err(ManageError::Wrong(found));
        }
        let mut scopes = scopes.to_vec();
        scopes.sort_unstable();
        scopes.dedup();
        let secret = format!("{TOKEN_PREFIX}{}", random_hex()?);
        let digest = ContentHash::of(secret.as_bytes());
        let token = ApiToken {
            id: format!("{:016x}", digest.short()),
            login: login.to_owned(),
            name: name.trim().to_owned(),
            scopes,
            created: now,
            until: now.saturating_add_ms(days * DAY_MS),
            used: None,
            revoked: None,
        };
        let mut write = self.0.desk.begin().await?;
        tokens::insert(write.connection()?, &token, digest).await?;
        if let Some(once) = once {
            once.done(self, write.connection()?, &token.id).await?;
        }
        write.commit().await?;
        Ok(NewToken { token, secret })
    }

    /// Revokes one of a user's tokens.
    ///
    /// # Errors
    /// He has no such token, or the database cannot be written.
    pub async fn revoke_token(&self, login: &str, id: &str) -> Result<(), ManageError> {
        let mut write = self.0.desk.begin().await?;
        if !tokens::revoke(write.connection()?, login, id, self.now()).await? {
            return Err(ManageError::Missing("token"));
        }
        Ok(write.commit().await?)
    }

    /// What this person may read of the audit log, latest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit(
        &self,
        reader: &Person,
        filter: &AuditFilter,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        audit::list(self.0.desk.reading(), reader, filter, limit).await
    }

    /// Adds to the audit log.
    ///
    /// # Errors
    /// The database cannot be written.
    pub async fn record(&self, deed: Deed) -> Result<(), StoreError> {
        let mut write = self.0.desk.begin().await?;
        audit::append(write.connection()?, deed).await?;
        write.commit().await
    }

    /// Closes the writing connection, for who holds these tables alone.
    pub async fn close(&self) {
        self.0.desk.close().await;
    }

    /// Whether the audit log is what was written, all of it.
    ///
    /// # Errors
    /// The database cannot be read.
    pub async fn audit_chain(&self) -> Result<Chain, StoreError> {
        audit::verify(self.0.desk.reading()).await
    }
}
