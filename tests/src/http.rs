//! The gateway's interface, as a client sees it.

use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::time::{Duration, Instant};

/// A server-sent event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its id, to resume from.
    pub id: i64,
    /// `hazard`, `alarm`, `node` …
    pub kind: String,
    /// Its JSON.
    pub data: String,
}

/// A client of one gateway.
#[derive(Clone, Debug)]
pub struct Api {
    base: String,
    token: Option<String>,
    agent: ureq::Agent,
}

impl Api {
    /// `base` such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn new(base: &str) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(20)))
            .http_status_as_error(false)
            .build();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token: None,
            agent: config.into(),
        }
    }

    /// With a bearer token.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// GET: status and body text.
    ///
    /// # Panics
    /// When the server cannot be reached.
    #[must_use]
    pub fn get_text(&self, path: &str) -> (u16, String) {
        self.try_get(path).unwrap_or_else(|e| panic!("GET {path}: {e}"))
    }

    /// GET that may fail, for servers that are being killed.
    ///
    /// # Errors
    /// The transport's.
    pub fn try_get(&self, path: &str) -> Result<(u16, String), String> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request.call().map_err(|e| e.to_string())?;
        let body = response.body_mut().read_to_string().map_err(|e| e.to_string())?;
        Ok((response.status().as_u16(), body))
    }

    /// GET of JSON that must answer 200.
    ///
    /// # Panics
    /// Otherwise.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        let (status, body) = self.get_text(path);
        assert_eq!(status, 200, "GET {path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|e| panic!("GET {path}: {e}: {body}"))
    }

    /// POST of JSON: status and body.
    ///
    /// # Panics
    /// When the server cannot be reached.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_based_on(path, None, body)
    }

    /// Takes a step of a hazard, as somebody who has just looked at it: status and body.
    ///
    /// # Panics
    /// When the server cannot be reached.
    #[must_use]
    pub fn step(&self, hazard: &str, body: &Value) -> (u16, Value) {
        let path = format!("/api/v1/hazards/{hazard}");
        let (_, seen) = self.get_text(&path);
        let seen: Value = serde_json::from_str(&seen).unwrap_or_default();
        // Who does not see it sends nothing he has seen.
        let etag = seen["events"].as_u64().map(|events| format!("\"{events}\""));
        self.post_based_on(&format!("{path}/actions"), etag.as_deref(), body)
    }

    fn post_based_on(&self, path: &str, etag: Option<&str>, body: &Value) -> (u16, Value) {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut response = request
            .send_json(body)
            .unwrap_or_else(|e| panic!("POST {path}: {e}"));
        let text = response.body_mut().read_to_string().unwrap_or_default();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// Reads the event stream behind `id` until `enough` has come.
    ///
    /// # Panics
    /// When that takes longer than `within`.
    pub fn events_after(
        &self,
        id: i64,
        within: Duration,
        mut enough: impl FnMut(&[Told]) -> bool,
    ) -> Vec<Told> {
        let deadline = Instant::now() + within;
        let response = self
            .agent
            .get(format!("{}/api/v1/events", self.base))
            .header("last-event-id", id.to_string())
            .call()
            .unwrap_or_else(|e| panic!("GET /api/v1/events: {e}"));
        assert_eq!(response.status().as_u16(), 200);
        let (mut events, mut event) = (
            Vec::new(),
            Told {
                id: 0,
                kind: String::new(),
                data: String::new(),
            },
        );
        for line in BufReader::new(response.into_body().into_reader()).lines() {
            let line = line.unwrap_or_else(|e| panic!("the event stream broke off: {e}"));
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("id", value)) => event.id = value.parse().expect("an id is a number"),
                Some(("event", value)) => event.kind = value.to_owned(),
                Some(("data", value)) => event.data = value.to_owned(),
                None if !event.kind.is_empty() => {
                    events.push(event.clone());
                    event.kind.clear();
                    if enough(&events) {
                        return events;
                    }
                }
                _ => {}
            }
            assert!(
                Instant::now() < deadline,
                "only {} events within {within:?}",
                events.len()
            );
        }
        panic!("the event stream ended after {} events", events.len());
    }

    /// Polls `path` until `good` accepts the JSON.
    ///
    /// # Panics
    /// When that takes longer than `within`; shows the last answer.
    pub fn wait_until(&self, path: &str, within: Duration, mut good: impl FnMut(&Value) -> bool) -> Value {
        let deadline = Instant::now() + within;
        let mut last = String::new();
        while Instant::now() < deadline {
            match self.try_get(path) {
                Ok((200, body)) => {
                    if let Ok(value) = serde_json::from_str::<Value>(&body)
                        && good(&value)
                    {
                        return value;
                    }
                    last = body;
                }
                Ok((status, body)) => last = format!("{status}: {body}"),
                Err(error) => last = error,
            }
            // The interface has no long poll for this; the pause only limits the rate.
            std::thread::park_timeout(Duration::from_millis(50));
        }
        panic!(
            "{path} did not become right within {within:?}; last: {}",
            last.chars().take(4_000).collect::<String>()
        );
    }
}
