//! A real Chromium, driven over WebDriver by chromedriver.

use crate::process::{Process, free_port};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A browser with one window. Ends with the test.
#[derive(Debug)]
pub struct Browser {
    driver: Process,
    session: String,
    agent: ureq::Agent,
}

/// Key under which WebDriver hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

impl Browser {
    /// Starts it; its profile lies in `profile`.
    ///
    /// # Panics
    /// When there is no chromedriver or no Chromium.
    #[must_use]
    pub fn start(profile: &Path) -> Self {
        let port = free_port();
        let mut driver = Process::start(
            "chromedriver",
            Command::new("chromedriver").arg(format!("--port={port}")),
        );
        driver.wait_for("started successfully", Duration::from_secs(30));
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(60)))
            .http_status_as_error(false)
            .build();
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{port}/session"),
            agent: config.into(),
        };
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &format!("--user-data-dir={}", profile.display()),
        ];
        let answer = browser.post(
            "",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        let id = answer["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no browser session: {answer}"));
        browser.session = format!("{}/{id}", browser.session);
        browser
    }

    /// The page is `width` CSS pixels wide from now on.
    pub fn resize(&self, width: u32) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Pages may run scripts, or not.
    pub fn scripts(&self, on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": !on}));
    }

    /// Forgets who was signed in.
    ///
    /// # Panics
    /// When the browser is gone.
    pub fn forget(&self) {
        let url = format!("{}/cookie", self.session);
        let answer = self.agent.delete(&url).call().expect("chromedriver answers");
        assert!(answer.status().is_success(), "{url}: {}", answer.status());
    }

    /// Opens an address and waits until it is loaded.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Where it is now.
    ///
    /// # Panics
    /// When the browser is gone.
    #[must_use]
    pub fn address(&self) -> String {
        let mut response = self
            .agent
            .get(format!("{}/url", self.session))
            .call()
            .expect("chromedriver answers");
        let body: Value = response
            .body_mut()
            .read_json()
            .expect("chromedriver answers in JSON");
        body["value"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the address contains `part`: a click does not always wait for the page it leads to.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub fn arrives(&self, part: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.address().contains(part) {
            assert!(Instant::now() < deadline, "at {}, not at {part}", self.address());
            // There is no event for it; the pause only limits the rate.
            std::thread::park_timeout(Duration::from_millis(20));
        }
        // Loaded as well: the next command of WebDriver waits for that by itself.
    }

    /// The value of a function body.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// What a function body hands to its last argument, sooner or later.
    #[must_use]
    pub fn run_slowly(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// Lays the page out as for A4 with the margins of the style, upright or across.
    pub fn to_paper(&self, across: bool) {
        // 210 mm less 12 on each side, or 297 less 10, at 96 points an inch.
        self.resize(if across { 1046 } else { 703 });
        self.devtools("Emulation.setEmulatedMedia", &json!({"media": "print"}));
    }

    /// Back to a screen.
    pub fn to_screen(&self) {
        self.devtools("Emulation.setEmulatedMedia", &json!({"media": ""}));
    }

    /// Types into the first element a CSS selector finds.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Clicks on it.
    pub fn click(&self, selector: &str) {
        let element = self.find(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks on it and waits until another page has taken this one's place, also one with the same address.
    ///
    /// # Panics
    /// When that does not happen in time.
    pub fn click_through(&self, selector: &str) {
        let page = self.find("html");
        self.click(selector);
        let deadline = Instant::now() + Duration::from_secs(30);
        // What belonged to the page before is stale then.
        while self.is_there(&page) {
            assert!(
                Instant::now() < deadline,
                "{selector} leads nowhere from {}",
                self.address()
            );
            // There is no event for it; the pause only limits the rate.
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn is_there(&self, element: &str) -> bool {
        let url = format!("{}/element/{element}/name", self.session);
        let answer = self.agent.get(&url).call().expect("chromedriver answers");
        answer.status().is_success()
    }

    fn find(&self, selector: &str) -> String {
        let found = self.post("/element", &json!({"using": "css selector", "value": selector}));
        found[ELEMENT]
            .as_str()
            .unwrap_or_else(|| panic!("no {selector}: {found}"))
            .to_owned()
    }

    /// The whole page as a PNG, also what lies below the window.
    #[must_use]
    pub fn picture(&self) -> Vec<u8> {
        self.top(f64::INFINITY)
    }

    /// Its upper `most` CSS pixels.
    #[must_use]
    pub fn top(&self, most: f64) -> Vec<u8> {
        let size = self.devtools("Page.getLayoutMetrics", &json!({}));
        let (width, height) = (
            &size["cssContentSize"]["width"],
            size["cssContentSize"]["height"].as_f64().unwrap_or_default(),
        );
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height.min(most), "scale": 1});
        let shot = self.devtools(
            "Page.captureScreenshot",
            &json!({"captureBeyondViewport": true, "clip": clip}),
        );
        base64(shot["data"].as_str().unwrap_or_default())
    }

    /// The page printed on A4, upright or across as its style has it.
    #[must_use]
    pub fn paper(&self) -> Vec<u8> {
        let size = json!({"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false, "preferCSSPageSize": true});
        base64(
            self.devtools("Page.printToPDF", &size)["data"]
                .as_str()
                .unwrap_or_default(),
        )
    }

    /// Errors of scripts, of loading and of the content policy since the last call.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        let severe = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        // WebDriver's own commands wait for a page that is being loaded; these would get lost with the one before.
        let _loaded = self.find("html");
        self.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": parameters}),
        )
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let url = format!("{}{path}", self.session);
        let mut response = self
            .agent
            .post(&url)
            .send_json(body)
            .unwrap_or_else(|e| panic!("{path}: {e}"));
        let mut answer: Value = response
            .body_mut()
            .with_config()
            .limit(64 << 20)
            .read_json()
            .expect("JSON");
        assert!(response.status().is_success(), "{path} {body}: {answer}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Chromium is chromedriver's child: asked to end, it takes its children along.
        let _already_gone = self.agent.delete(&self.session).call();
        self.driver.kill();
    }
}

fn base64(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut have) = (0_u32, 0);
    for six in text.bytes().filter_map(digit) {
        bits = (bits << 6) | u32::from(six);
        have += 6;
        if have >= 8 {
            have -= 8;
            out.push((bits >> have) as u8);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_is_read() {
        assert_eq!(base64("aGF6YXJk"), b"hazard");
        assert_eq!(base64("aGF6YQ=="), b"haza");
    }
}
