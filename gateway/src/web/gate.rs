//! The gate in front of the pages: whoever is not signed in is sent to the sign-in page, whoever may not is told so,
//! and no form counts that does not carry the token of its session.

use super::fault::Fault;
use super::page::Page;
use super::{MAX_FORM, Site};
use crate::people::Access;
use crate::people::gate::{self, Refusal, is_cross_site, needs_csrf};
use crate::people::rules::{Kind, Rule, Verb};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Form, FromRequest as _, FromRequestParts as _, Query, Request, State};
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use std::sync::Arc;

/// Lets in, hands the request on with its [`Access`], and records what came of it.
pub(super) async fn pass(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let admitted = match gate::admit(&site.app, &parts).await {
        Ok(admitted) => admitted,
        Err(refused) => {
            let refused = *refused;
            return refuse(&site, refused.access, refused.rule, parts, refused.why).await;
        }
    };
    let (access, rule) = (admitted.access, admitted.rule);
    let body = match rule {
        Some(rule) if needs_csrf(&access, rule) => match vouched(&access, &parts, body).await {
            Some(body) => body,
            None => return refuse(&site, access, Some(rule), parts, Refusal::Forged).await,
        },
        _ => body,
    };
    parts.extensions.insert(access.clone());
    let again = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    match gate::record(&site.app, &access, rule, &path, response.status()).await {
        Ok(()) => response,
        Err(error) => {
            tracing::error!(%error, "a request could not be written into the audit log");
            // What of people is read without a record is not given out; what has been changed has been changed.
            match rule {
                Some(rule) if rule.kind == Kind::Personal => {
                    let page = page(&site, again).await;
                    Fault::Unavailable(error.to_string()).respond(&page)
                }
                _ => response,
            }
        }
    }
}

/// The body again, if the request shows that it comes from a page of its session.
async fn vouched(access: &Access, parts: &Parts, body: Body) -> Option<Body> {
    let session = access
        .session
        .as_ref()
        .filter(|_| !is_cross_site(&parts.headers))?;
    let kind = parts
        .headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let is_form = kind.is_none_or(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if !is_form {
        // A form with files is too large to be read here: its address carries the token.
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).ok()?;
        return is_vouched(session, &pairs.0).then_some(body);
    }
    let bytes = to_bytes(body, MAX_FORM).await.ok()?;
    let pairs = pairs(bytes.clone()).await?;
    is_vouched(session, &pairs).then(|| Body::from(bytes))
}

async fn pairs(bytes: Bytes) -> Option<Vec<(String, String)>> {
    let copy = Request::builder()
        .method(Method::POST)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(bytes))
        .ok()?;
    Form::from_request(copy, &()).await.ok().map(|Form(pairs)| pairs)
}

fn is_vouched(session: &crate::people::Session, pairs: &[(String, String)]) -> bool {
    pairs
        .iter()
        .any(|(key, value)| key == "csrf" && session.vouches_for(value))
}

async fn page(site: &Arc<Site>, mut parts: Parts) -> Page {
    match Page::from_request_parts(&mut parts, site).await {
        Ok(page) => page,
        Err(never) => match never {},
    }
}

async fn refuse(
    site: &Arc<Site>,
    access: Access,
    rule: Option<&Rule>,
    mut parts: Parts,
    why: Refusal,
) -> Response {
    let path = parts.uri.path().to_owned();
    if let Err(error) = gate::record(&site.app, &access, rule, &path, why.status()).await {
        tracing::error!(%error, "a refusal could not be written into the audit log");
    }
    parts.extensions.insert(access);
    let page = page(site, parts).await;
    let reads = rule.is_some_and(|rule| rule.verb == Verb::Get);
    match why {
        Refusal::SignIn | Refusal::BadToken if reads => page.sign_in_first(),
        Refusal::SignIn | Refusal::BadToken => Fault::Forbidden("sign in first").respond(&page),
        Refusal::Role => Fault::Role.respond(&page),
        Refusal::Scope(_) => Fault::Forbidden("this token is not for that").respond(&page),
        Refusal::Forged => Fault::Forbidden("this form does not belong to your session").respond(&page),
        Refusal::Method { allowed, .. } => Fault::Method(allowed).respond(&page),
        Refusal::NoRule => Fault::Broken("nobody has said who may ask for this".to_owned()).respond(&page),
        Refusal::Store(error) => Fault::Unavailable(error.to_string()).respond(&page),
    }
}
