//! Parameters, bodies and headers, read strictly: what is not understood is refused, with what was probably meant.

use super::problem::ApiError;
use crate::view::nearest;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::IF_MATCH;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use std::str::FromStr;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

/// Longest reason, characters.
const LONGEST_REASON: usize = 4_000;
/// Longest idempotency key, characters.
const LONGEST_KEY: usize = 128;

/// Query parameters described by `T`; unknown or repeated ones are refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + IntoParams> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let refused = |error: &dyn std::fmt::Display| ApiError::bad_parameter(error.to_string());
        let pairs =
            Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|error| refused(&error))?;
        check::<T>(pairs.0.iter().map(|(name, _)| name.as_str()))?;
        Query::<T>::try_from_uri(&parts.uri)
            .map(|Query(params)| Self(params))
            .map_err(|error| {
                // "Failed to deserialize query string: limit: invalid digit found in string"
                let text = error.body_text();
                refused(&text.split_once(": ").map_or(text.as_str(), |(_, what)| what))
            })
    }
}

/// No parameters at all.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoParams;

impl<S: Send + Sync> FromRequestParts<S> for NoParams {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        match parts.uri.query().filter(|query| !query.is_empty()) {
            None => Ok(Self),
            Some(query) => {
                let name = query.split(['=', '&']).next().unwrap_or(query);
                Err(unknown(name, &[]))
            }
        }
    }
}

fn check<'q, T: IntoParams>(names: impl Iterator<Item = &'q str>) -> Result<(), ApiError> {
    let known: Vec<_> = T::into_params(|| Some(ParameterIn::Query))
        .into_iter()
        .map(|known| known.name)
        .collect();
    let mut seen = Vec::new();
    for name in names {
        if !known.iter().any(|known| known == name) {
            return Err(unknown(name, &known));
        }
        if seen.contains(&name) {
            return Err(ApiError::bad_parameter(format!(
                "the parameter `{name}` is given twice"
            )));
        }
        seen.push(name);
    }
    Ok(())
}

fn unknown(name: &str, known: &[String]) -> ApiError {
    let suggestion = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    let meant = match &suggestion {
        Some(meant) => format!("did you mean `{meant}`?"),
        None if known.is_empty() => "this address takes none".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    };
    ApiError::bad_parameter(format!("there is no parameter `{name}`; {meant}")).suggest(suggestion)
}

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let refused = |error: JsonRejection| {
            let status = error.status();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                return ApiError::too_large();
            }
            let text = error.body_text();
            let detail = match &error {
                // "Failed to deserialize the JSON body into the target type: action: unknown variant …"
                JsonRejection::JsonDataError(_) => {
                    text.split_once(": ").map_or(text.as_str(), |(_, what)| what)
                }
                JsonRejection::MissingJsonContentType(_) => {
                    "the body must be sent as `Content-Type: application/json`"
                }
                _ => text.as_str(),
            };
            ApiError::bad_body(status, detail)
        };
        Json::<T>::from_request(request, state)
            .await
            .map(|Json(body)| Self(body))
            .map_err(refused)
    }
}

/// What the client calls this request, so that repeating it is harmless.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(header) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match header.to_str() {
        Ok(key) if (1..=LONGEST_KEY).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::bad_parameter(format!(
            "`Idempotency-Key` must be 1 to {LONGEST_KEY} visible ASCII characters"
        ))),
    }
}

/// The version a change is meant for, as its `ETag` said. A change that does not say is refused: who sends it may not
/// know what he changes.
pub(super) fn if_match<T: FromStr>(headers: &HeaderMap) -> Result<T, ApiError> {
    let Some(header) = headers.get(IF_MATCH) else {
        return Err(ApiError::new(
            StatusCode::PRECONDITION_REQUIRED,
            "if_match_required",
            "Say which version is changed",
            "send the `ETag` of the version you have read as `If-Match`, such as \"3\"",
        ));
    };
    let text = header.to_str().unwrap_or_default().trim();
    let bare = text.trim_start_matches("W/").trim_matches('"');
    bare.parse().map_err(|_| {
        ApiError::bad_parameter("`If-Match` is the `ETag` of the version that was read, such as \"3\"")
    })
}

/// A person's words, of a length that is read.
pub(super) fn reason(text: &str) -> Result<String, ApiError> {
    if text.chars().count() > LONGEST_REASON {
        return Err(ApiError::bad_parameter(format!(
            "reason: at most {LONGEST_REASON} characters"
        )));
    }
    Ok(text.trim().to_owned())
}

/// A word of a fixed set.
pub(super) fn word<T>(
    name: &str,
    text: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ApiError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => match read(text) {
            Some(found) => Ok(Some(found)),
            None => Err(ApiError::bad_parameter(format!(
                "{name}: {text:?} is none of its values"
            ))),
        },
    }
}

/// `true`, `false`, `1` or `0`.
pub(super) fn flag(name: &str, text: Option<&str>) -> Result<Option<bool>, ApiError> {
    word(name, text, |text| match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    })
}

/// A civil date, such as `2026-05-01`.
pub(super) fn day(name: &str, text: Option<&str>) -> Result<Option<Date>, ApiError> {
    word(name, text, |text| text.parse().ok())
}

/// The language of a file: `zh` unless `en` is asked for.
pub(super) fn is_zh(lang: Option<&str>) -> Result<bool, ApiError> {
    let read = |text: &str| match text {
        "zh" => Some(true),
        "en" => Some(false),
        _ => None,
    };
    Ok(word("lang", lang, read)?.unwrap_or(true))
}

/// The end of the page before, as `next` of that page said it.
pub(super) fn cursor<T: FromStr<Err = &'static str>>(text: Option<&str>) -> Result<Option<T>, ApiError> {
    match text {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|wrong: &str| ApiError::bad_parameter(format!("after: {wrong}"))),
    }
}

/// A number of an address; whatever else is no such thing.
pub(super) fn number(what: &str, text: &str) -> Result<i64, ApiError> {
    text.parse().map_err(|_| {
        let text: String = text.chars().take(64).collect();
        ApiError::not_found(format!("there is no {what} {text:?}"))
    })
}
