//! What a browser says about how a page looks: on a screen, on paper, and to whom who cannot see it well.

use crate::browser::Browser;
use serde_json::Value;
use std::path::PathBuf;

/// Elements that reach beyond the page, other than inside what scrolls by itself.
pub const STICKING_OUT: &str = r#"
    const wide = document.documentElement.clientWidth;
    return [...document.querySelectorAll("body *")]
        .filter((one) => !one.closest(".scroll, .hide, .skip, svg") && one.getClientRects().length > 0)
        .filter((one) => one.getBoundingClientRect().right > wide + 1)
        .map((one) => one.tagName + "." + one.className + " " + one.textContent.trim().slice(0, 60));
"#;

/// What is wrong with a page that is laid out for paper: wider than the sheet, or with things that only work on a screen.
pub const CUT_OFF_ON_PAPER: &str = r#"
    const root = document.documentElement, wide = root.clientWidth, wrong = [];
    const shown = (one) => one.getClientRects().length > 0 && !one.closest(".hide, .skip");
    const name = (one) => one.tagName + "." + one.className + " " + one.textContent.trim().slice(0, 60);
    if (root.scrollWidth > wide + 1) { wrong.push(`the page is ${root.scrollWidth} wide, the paper ${wide}`); }
    for (const one of document.querySelectorAll("main *")) {
        if (!one.closest("svg") && shown(one) && one.getBoundingClientRect().right > wide + 1) { wrong.push("cut off: " + name(one)); }
    }
    for (const one of document.querySelectorAll("nav, form, button, input, select, textarea, summary")) {
        if (shown(one)) { wrong.push("of no use on paper: " + name(one)); }
    }
    for (const one of document.querySelectorAll("main thead")) {
        if (shown(one) && getComputedStyle(one).display !== "table-header-group") { wrong.push("not repeated: " + name(one)); }
    }
    for (const one of document.querySelectorAll("main thead th")) {
        const box = one.getBoundingClientRect();
        if (shown(one) && box.height > 6 * box.width) { wrong.push("squeezed: " + name(one)); }
    }
    for (const one of document.querySelectorAll("main a")) {
        if (shown(one) && getComputedStyle(one).textDecorationLine !== "none") { wrong.push("marked as a link: " + name(one)); }
    }
    return wrong;
"#;

/// axe-core, which knows the rules of the Web Content Accessibility Guidelines.
#[derive(Debug)]
pub struct Axe {
    source: String,
}

impl Axe {
    /// The one that `tests/run.sh` installs. `None` without it, unless `VIGIL_PEERS=required`.
    ///
    /// # Panics
    /// When it is required and not there.
    #[must_use]
    pub fn find() -> Option<Self> {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
            .join("../target/peers/axe-core/node_modules/axe-core/axe.min.js");
        match std::fs::read_to_string(&path) {
            Ok(source) => Some(Self { source }),
            Err(error) => {
                assert!(
                    std::env::var("VIGIL_PEERS").as_deref() != Ok("required"),
                    "{}: {error}; tests/run.sh --install",
                    path.display()
                );
                None
            }
        }
    }

    /// What it finds on the page that is open, at the levels A and AA: rule, how grave, where.
    ///
    /// # Panics
    /// When the browser is gone.
    #[must_use]
    pub fn violations(&self, browser: &Browser) -> Vec<String> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; {}; \
             axe.run(document, {{ resultTypes: ['violations'], runOnly: \
             ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }}).then((found) => done(found.violations.map((one) => \
             `${{one.id}} (${{one.impact}}): ${{one.help}} — ` + one.nodes.slice(0, 4).map((node) => \
             node.target.join(' ') + ' ' + node.html.slice(0, 160) + ' ' + (node.any[0]?.message ?? '')).join(' | ') + \
             (one.nodes.length > 4 ? ` and ${{one.nodes.length - 4}} more` : '')))).catch((error) => done(['axe: ' + error]))",
            self.source
        );
        let found = browser.run_slowly(&script);
        found.as_array().map_or_else(
            || vec![format!("axe says nothing: {found}")],
            |list| list.iter().map(Value::to_string).collect(),
        )
    }
}
