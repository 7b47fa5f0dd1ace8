//! Who may write.

use super::problem::ApiError;
use crate::app::App;
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use vigil_core::people::Person;

/// Whoever holds the admin token. Asking for it is what makes a handler a protected one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Admin;

impl Admin {
    /// Name in the record of what was done.
    pub(super) const NAME: &'static str = "admin";

    /// Who that is.
    pub(super) fn person() -> Person {
        Person::administrator(Self::NAME)
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let Some(header) = parts.headers.get(AUTHORIZATION) else {
            return Err(ApiError::unauthorized(
                "send the token of the file admin.token in the data directory: `Authorization: Bearer TOKEN`",
                "Bearer realm=\"vigil\"",
            ));
        };
        let offered = header.to_str().ok().and_then(|text| text.split_once(' '));
        match offered {
            Some((scheme, token))
                if scheme.eq_ignore_ascii_case("bearer") && app.token.matches(token.trim()) =>
            {
                Ok(Self)
            }
            _ => Err(ApiError::unauthorized(
                "this is not the admin token of this gateway",
                "Bearer realm=\"vigil\", error=\"invalid_token\"",
            )),
        }
    }
}
