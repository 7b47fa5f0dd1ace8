//! Style sheet, script and icon: compiled in, addressed by their content so that browsers may keep
//! them for ever.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;
use vigil_core::hash::ContentHash;

const STYLE: &str = include_str!("assets/vigil.css");
const SCRIPT: &str = include_str!("assets/vigil.js");
const ICON: &str = include_str!("assets/icon.svg");

static STYLE_HREF: LazyLock<String> = LazyLock::new(|| href("vigil", STYLE, "css"));
static SCRIPT_HREF: LazyLock<String> = LazyLock::new(|| href("vigil", SCRIPT, "js"));
static ICON_HREF: LazyLock<String> = LazyLock::new(|| href("icon", ICON, "svg"));

fn href(name: &str, content: &str, extension: &str) -> String {
    format!(
        "/assets/{name}-{:016x}.{extension}",
        ContentHash::of(content.as_bytes()).short()
    )
}

pub(crate) fn style_href() -> &'static str {
    &STYLE_HREF
}

pub(crate) fn script_href() -> &'static str {
    &SCRIPT_HREF
}

pub(crate) fn icon_href() -> &'static str {
    &ICON_HREF
}

/// An asset, or nothing: a page of another version asks for a hash this one does not have.
pub(crate) async fn serve(Path(name): Path<String>) -> Response {
    let asked = format!("/assets/{name}");
    let (content, kind) = if asked == *STYLE_HREF {
        (STYLE, "text/css; charset=utf-8")
    } else if asked == *SCRIPT_HREF {
        (SCRIPT, "text/javascript; charset=utf-8")
    } else if asked == *ICON_HREF {
        (ICON, "image/svg+xml")
    } else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (headers, content).into_response()
}
