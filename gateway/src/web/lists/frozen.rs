//! Frozen copies: listed, downloaded again, checked; and whether a file somebody has is one of them, unchanged.

use super::super::Site;
use super::super::fault::{Fault, respond};
use super::super::page::Page;
use super::super::parts::Choice;
use super::number;
use crate::api::send;
use crate::desk::listing::cut;
use crate::desk::lists::{Format, SnapshotFilter, check, identify, named, snapshot, snapshots};
use crate::view::lists::{ListInfo, SnapshotCheck, SnapshotView};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Path, State};
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use vigil_core::hash::ContentHash;
use vigil_core::lists::ListKey;

/// Rows per page.
const ROWS: u32 = 50;
/// Bytes at the beginning of a file in which it says what it is.
const HEAD: usize = 8_192;

/// What is known of a file somebody has.
struct Judged {
    sha256: String,
    /// The copy it is, unchanged, and in which format.
    is: Option<(SnapshotView, &'static str)>,
    /// The number it says it has, and whether there is such a copy.
    says: Option<(String, Option<SnapshotView>)>,
}

#[derive(Template)]
#[template(path = "lists/snapshots.html")]
struct SnapshotsPage<'p> {
    page: &'p Page,
    snapshots: Vec<SnapshotView>,
    lists: Vec<ListInfo>,
    choices: Vec<Choice>,
    older: Option<String>,
    judged: Option<Judged>,
}

impl SnapshotsPage<'_> {
    fn title(&self, key: &str) -> &str {
        let found = self.lists.iter().find(|list| list.key == key);
        found.map_or("", |list| self.page.pick(&list.title_zh, &list.title_en))
    }
}

/// `GET /list-snapshots?list=…&from=…&to=…&sha256=…&after=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let sha256 = page.asked("sha256").trim().to_ascii_lowercase();
    let made = async {
        let judged = match sha256.as_str() {
            "" => None,
            hash => Some(judge(&site, &page, hash.to_owned(), None).await?),
        };
        make(&site, &page, judged).await
    };
    let made = made.await;
    respond(&page, made)
}

/// `POST /list-snapshots/identify?csrf=…`: a file, of which only the hash is taken.
pub(crate) async fn look_at(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let made = async {
        let form = form.map_err(|rejection| Fault::BadRequest(rejection.body_text()))?;
        let (hash, head) = hash_of(form).await?;
        let judged = judge(&site, &page, hash, claimed(&head)).await?;
        make(&site, &page, Some(judged)).await
    };
    let made = made.await;
    let shown = Page {
        path: "/list-snapshots".to_owned(),
        ..page.clone()
    };
    respond(&shown, made.map(|made| SnapshotsPage { page: &shown, ..made }))
}

async fn hash_of(mut form: Multipart) -> Result<(String, Vec<u8>), Fault> {
    let wrong = |error: axum::extract::multipart::MultipartError| Fault::BadRequest(error.body_text());
    while let Some(mut field) = form.next_field().await.map_err(wrong)? {
        if field.name() != Some("file") {
            continue;
        }
        let (mut hasher, mut head) = (Sha256::new(), Vec::new());
        while let Some(chunk) = field.chunk().await.map_err(wrong)? {
            hasher.update(&chunk);
            let room = HEAD.saturating_sub(head.len()).min(chunk.len());
            head.extend_from_slice(&chunk[..room]);
        }
        return Ok((ContentHash(hasher.finalize().into()).to_string(), head));
    }
    Err(Fault::BadRequest("choose a file".to_owned()))
}

/// The number the beginning of a JSON file says it has.
fn claimed(head: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(head);
    let rest = text.strip_prefix("{\"head\":{")?;
    let (_, rest) = rest.split_once("\"number\":\"")?;
    let (number, _) = rest.split_once('"')?;
    Some(number.chars().take(100).collect())
}

async fn judge(site: &Site, page: &Page, sha256: String, says: Option<String>) -> Result<Judged, Fault> {
    let (desk, reader) = (&site.app.desk, site.reader(page));
    let is = identify(desk, &reader, &sha256).await?;
    let says = match says {
        Some(number) if is.is_none() => {
            let found = named(desk, &reader, &number).await?;
            Some((number, found.as_ref().map(SnapshotView::from)))
        }
        _ => None,
    };
    Ok(Judged {
        sha256,
        is: is.map(|(found, format)| (SnapshotView::from(&found), format.key())),
        says,
    })
}

async fn make<'p>(site: &Site, page: &'p Page, judged: Option<Judged>) -> Result<SnapshotsPage<'p>, Fault> {
    let filter = SnapshotFilter {
        list: ListKey::from_key(page.asked("list")),
        from: page.asked("from").parse().ok(),
        to: page.asked("to").parse().ok(),
        before: page.asked("after").parse().ok(),
        limit: ROWS + 1,
    };
    let found = snapshots(&site.app.desk, &site.reader(page), &filter).await?;
    let (found, older) = cut(found, ROWS, |last| page.with("after", &last.n.to_string()));
    let lists: Vec<ListInfo> = site.app.lists.spec().iter().map(ListInfo::from).collect();
    let all = [("", page.pick("全部", "all"))];
    let choices = all
        .into_iter()
        .chain(
            lists
                .iter()
                .map(|list| (list.key, page.pick(&list.title_zh, &list.title_en))),
        )
        .map(|(key, label)| Choice {
            href: page.with("list", key),
            label: label.to_owned(),
            count: None,
            current: page.asked("list") == key,
        })
        .collect();
    Ok(SnapshotsPage {
        page,
        older,
        snapshots: found.iter().map(SnapshotView::from).collect(),
        lists,
        choices,
        judged,
    })
}

#[derive(Template)]
#[template(path = "lists/snapshot.html")]
struct SnapshotPage<'p> {
    page: &'p Page,
    snapshot: SnapshotView,
    title: String,
    checked: Option<Vec<SnapshotCheck>>,
}

impl SnapshotPage<'_> {
    fn all_hold(&self) -> bool {
        self.checked.iter().flatten().all(|one| one.unchanged)
    }
}

/// `GET /list-snapshots/{id}?check=1`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make_one(&site, &page, &id).await;
    respond(&page, made)
}

async fn make_one<'p>(site: &Site, page: &'p Page, id: &str) -> Result<SnapshotPage<'p>, Fault> {
    let app = &site.app;
    let found = snapshot(&app.desk, &site.reader(page), number(id)?).await?;
    let checked = if page.asked("check").is_empty() {
        None
    } else {
        let checked = check(&app.lists, &found).await?;
        Some(checked.iter().map(SnapshotCheck::from).collect())
    };
    let list = page.rules.lists.get(found.list);
    Ok(SnapshotPage {
        page,
        title: list.map_or_else(String::new, |list| page.pick(&list.zh, &list.en).to_owned()),
        snapshot: SnapshotView::from(&found),
        checked,
    })
}

/// `GET /list-snapshots/{id}/content?format=…`
pub(crate) async fn content(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let sent = async {
        let app = &site.app;
        let found = snapshot(&app.desk, &site.reader(&page), number(&id)?).await?;
        let format = Format::from_key(page.asked("format")).unwrap_or(Format::Xlsx);
        Ok::<_, Fault>(send(&found.file(&app.lists, format)).await?)
    };
    sent.await.unwrap_or_else(|fault| fault.respond(&page))
}

#[cfg(test)]
mod tests {
    use super::claimed;

    #[test]
    fn a_file_says_its_number_at_its_beginning() {
        let head = br#"{"head":{"area":"","number":"YH-000000-202605-001","state":null},"rows":["#;
        assert_eq!(claimed(head).as_deref(), Some("YH-000000-202605-001"));
        assert_eq!(claimed(br#"{"number":"X"}"#), None);
        assert_eq!(claimed(b"PK\x03\x04"), None);
        assert_eq!(claimed(br#"{"head":{"number":null}"#), None);
    }
}
