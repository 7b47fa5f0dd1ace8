//! Somebody at the gateway's door: signed in with a password as browsers are, or with a token.

use serde_json::Value;
use std::time::Duration;
use ureq::http::{HeaderMap, Method, Request, Response};

/// Somebody who asks.
#[derive(Clone, Debug)]
pub struct Visitor {
    agent: ureq::Agent,
    base: String,
    /// Headers that say who it is.
    shown: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header, empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{}: {e}: {}", self.status, self.text()))
    }
}

impl Visitor {
    /// Somebody nobody knows.
    #[must_use]
    pub fn stranger(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(120)))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            base: base.trim_end_matches('/').to_owned(),
            shown: Vec::new(),
        }
    }

    /// With a bearer token.
    #[must_use]
    pub fn with_token(base: &str, token: &str) -> Self {
        let mut visitor = Self::stranger(base);
        visitor.shown.push(("authorization", format!("Bearer {token}")));
        visitor
    }

    /// Signs in by the form.
    ///
    /// # Panics
    /// He is not let in.
    #[must_use]
    pub fn sign_in(base: &str, login: &str, password: &str) -> Self {
        let mut visitor = Self::stranger(base);
        let answer = visitor.form(
            "/sign-in",
            &[("login", login), ("password", password), ("next", "/")],
        );
        assert_eq!(answer.status, 303, "{login}: {}", answer.text());
        let cookie = answer
            .header("set-cookie")
            .split(';')
            .next()
            .unwrap_or_default()
            .to_owned();
        visitor.shown.push(("cookie", cookie));
        let account = visitor.get("/api/v1/account").json();
        let csrf = account["csrf"]
            .as_str()
            .expect("a session has a token for its forms")
            .to_owned();
        visitor.shown.push(("x-csrf-token", csrf));
        visitor
    }

    /// What forms of his pages carry; empty without a session.
    #[must_use]
    pub fn csrf(&self) -> &str {
        let token = self.shown.iter().find(|(name, _)| *name == "x-csrf-token");
        token.map_or("", |(_, value)| value)
    }

    /// Sends a request.
    ///
    /// # Panics
    /// The server cannot be reached.
    #[must_use]
    pub fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let has_body = !matches!(method, Method::GET | Method::HEAD | Method::DELETE);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base));
        for (name, value) in &self.shown {
            request = request.header(*name, value);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.len() > 60_000 {
            // Who refuses a large body does so before it is sent, and is to be heard.
            request = request.header("expect", "100-continue");
        }
        let failed = |e: &dyn std::fmt::Display| -> ! { panic!("{path}: {e}") };
        let answer: Result<Response<ureq::Body>, ureq::Error> = if has_body {
            let request = request.body(body.to_vec()).unwrap_or_else(|e| failed(&e));
            self.agent.run(request)
        } else {
            let request = request.body(()).unwrap_or_else(|e| failed(&e));
            self.agent.run(request)
        };
        let mut answer = answer.unwrap_or_else(|e| failed(&e));
        let body = answer.body_mut().with_config().limit(256 << 20).read_to_vec();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: body.unwrap_or_else(|e| failed(&e)),
        }
    }

    /// GET.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], b"")
    }

    /// POST of JSON.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        let kind = [("content-type", "application/json")];
        self.send(Method::POST, path, &kind, body.to_string().as_bytes())
    }

    /// POST of a form, with the token of the session.
    #[must_use]
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = [("csrf", self.csrf())];
        let own = csrf.iter().filter(|(_, token)| !token.is_empty());
        let pairs: Vec<String> = own
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", crate::desk::ask::encoded(value)))
            .collect();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &kind, pairs.join("&").as_bytes())
    }

    /// POST of bytes as they are.
    #[must_use]
    pub fn upload(&self, path: &str, bytes: &[u8]) -> Answer {
        let kind = [("content-type", "application/octet-stream")];
        self.send(Method::POST, path, &kind, bytes)
    }
}
