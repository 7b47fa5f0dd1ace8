//! Imports: send a file, look at what it would change, choose its columns, apply or discard. Works without scripts.

use super::super::Site;
use super::super::fault::{Fault, respond, respond_with};
use super::super::page::Page;
use super::super::parts::Choice;
use crate::api::attachment;
use crate::desk::register::{self, Choice as Chosen, ImportState, RegisterError};
use crate::sheet;
use crate::view::register::{
    ImportColumn, ImportCounts, ImportLine, ImportView, MissingEquipment, import_columns, outcome_key,
};
use askama::Template;
use axum::extract::multipart::MultipartRejection;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Multipart, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::collections::HashMap;
use std::sync::Arc;
use vigil_core::register::{Field, Group};

/// Rows per page.
const ROWS: usize = 100;
/// Imports listed.
const LISTED: u32 = 50;

#[derive(Template)]
#[template(path = "register/imports.html")]
struct ImportsPage<'p> {
    page: &'p Page,
    imports: Vec<ImportView>,
    refused: Option<String>,
}

/// `GET /imports`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_list(&site, &page, None).await;
    respond(&page, made)
}

async fn make_list<'p>(
    site: &Site,
    page: &'p Page,
    refused: Option<String>,
) -> Result<ImportsPage<'p>, Fault> {
    let found = register::imports(&site.app.desk, None, LISTED).await?;
    Ok(ImportsPage {
        page,
        imports: found.iter().map(ImportView::from).collect(),
        refused,
    })
}

impl Page {
    /// Where an import stands.
    pub(crate) fn import_state(&self, key: &str) -> &'static str {
        match key {
            "applied" => self.pick("已导入", "applied"),
            "discarded" => self.pick("已放弃", "discarded"),
            _ => self.pick("待确认", "waiting"),
        }
    }
}

/// `POST /imports`: the form's token comes before the file.
pub(crate) async fn send(
    State(site): State<Arc<Site>>,
    page: Page,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let form = match form {
        Ok(form) => form,
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let (csrf, name, bytes) = match parts(form).await {
        Ok(parts) => parts,
        Err(why) => return refused(&site, &page, why).await,
    };
    let act = match site.writer(&page, &csrf) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    match register::send(&site.app.desk, &act, &name, &bytes, None).await {
        Ok((kept, _)) => Redirect::to(&format!("/imports/{}", kept.n)).into_response(),
        Err(error @ RegisterError::Store(_)) => Fault::from(error).respond(&page),
        Err(error) => refused(&site, &page, error.to_string()).await,
    }
}

async fn parts(mut form: Multipart) -> Result<(String, String, Vec<u8>), String> {
    let (mut csrf, mut name, mut bytes) = (String::new(), String::new(), Vec::new());
    while let Some(field) = form.next_field().await.map_err(|error| error.body_text())? {
        match field.name() {
            Some("csrf") => csrf = field.text().await.map_err(|error| error.body_text())?,
            Some("file") => {
                name = field.file_name().unwrap_or_default().to_owned();
                bytes = field.bytes().await.map_err(|error| error.body_text())?.to_vec();
            }
            _ => {}
        }
    }
    Ok((csrf, name, bytes))
}

async fn refused(site: &Site, page: &Page, why: String) -> Response {
    let made = make_list(site, page, Some(why)).await;
    respond_with(page, StatusCode::UNPROCESSABLE_ENTITY, made)
}

#[derive(Template)]
#[template(path = "register/import.html")]
struct ImportPage<'p> {
    page: &'p Page,
    import: ImportView,
    waiting: bool,
    sheets: Vec<String>,
    sheet: String,
    header: u32,
    columns: Vec<ImportColumn>,
    counts: ImportCounts,
    outcomes: Vec<Choice>,
    rows: Vec<ImportLine>,
    missing_total: u64,
    missing: Vec<MissingEquipment>,
    newer: Option<String>,
    older: Option<String>,
    refused: Option<String>,
}

impl ImportPage<'_> {
    fn groups(&self) -> Vec<(&'static str, Vec<Field>)> {
        let fields = |group: &Group| {
            Field::ALL
                .iter()
                .copied()
                .filter(|field| field.group() == *group)
                .collect()
        };
        Group::ALL
            .iter()
            .map(|group| {
                let (zh, en) = group.titles();
                (self.page.pick(zh, en), fields(group))
            })
            .collect()
    }

    fn is(&self, column: &ImportColumn, field: &Field) -> bool {
        column.field == Some(field.key())
    }

    fn outcome(&self, key: &str) -> &'static str {
        outcome(self.page, key)
    }

    fn unsure(&self) -> usize {
        self.columns
            .iter()
            .filter(|column| column.sureness == "unsure")
            .count()
    }
}

fn outcome(page: &Page, key: &str) -> &'static str {
    match key {
        "new" => page.pick("新增", "new"),
        "changed" => page.pick("更新", "changed"),
        "unchanged" => page.pick("不变", "unchanged"),
        "refused" => page.pick("不能导入", "not taken"),
        _ => page.pick("全部", "all"),
    }
}

/// `GET /imports/{id}?outcome=…&offset=…`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(n): Path<String>) -> Response {
    let made = make(&site, &page, &n, None).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    n: &str,
    refused: Option<String>,
) -> Result<ImportPage<'p>, Fault> {
    let n: i64 = n.parse().map_err(|_| Fault::NotFound)?;
    let kept = register::import(&site.app.desk, n).await?;
    let mut made = ImportPage {
        page,
        import: ImportView::from(&kept),
        waiting: kept.state == ImportState::Waiting,
        sheets: Vec::new(),
        sheet: String::new(),
        header: 0,
        columns: Vec::new(),
        counts: ImportCounts::default(),
        outcomes: Vec::new(),
        rows: Vec::new(),
        missing_total: 0,
        missing: Vec::new(),
        newer: None,
        older: None,
        refused,
    };
    if !made.waiting {
        return Ok(made);
    }
    let act = register::Act::new(String::new(), "page", site.app.clock.now(), site.today());
    let plan = match register::plan(&site.app.desk, &act, n).await {
        Ok(plan) => plan,
        Err(error @ (RegisterError::Refused(_) | RegisterError::Sheet(_))) => {
            made.refused = Some(error.to_string());
            return Ok(made);
        }
        Err(error) => return Err(error.into()),
    };
    let wanted = page.asked("outcome");
    let offset: usize = page.asked("offset").parse().unwrap_or(0);
    let of = |key: &str| {
        plan.rows
            .iter()
            .filter(|row| key.is_empty() || outcome_key(row) == key)
            .count()
    };
    made.outcomes = ["", "refused", "new", "changed", "unchanged"]
        .into_iter()
        .map(|key| Choice {
            href: super::super::markup::address(&page.path, &[("outcome", key)]),
            label: outcome(page, key).to_owned(),
            count: Some(of(key) as u64),
            current: wanted == key,
        })
        .collect();
    let all = of(wanted);
    let matching = plan
        .rows
        .iter()
        .filter(|row| wanted.is_empty() || outcome_key(row) == wanted);
    made.rows = matching.skip(offset).take(ROWS).map(ImportLine::from).collect();
    made.newer = (offset > 0).then(|| page.with("offset", &offset.saturating_sub(ROWS).to_string()));
    made.older = (offset + ROWS < all).then(|| page.with("offset", &(offset + ROWS).to_string()));
    made.columns = import_columns(&plan);
    made.counts = plan.counts.into();
    made.missing_total = plan.missing.total;
    made.missing = plan
        .missing
        .named
        .into_iter()
        .take(100)
        .map(|(id, name)| MissingEquipment { id, name })
        .collect();
    (made.sheets, made.sheet, made.header) = (plan.sheets, plan.sheet, plan.header);
    Ok(made)
}

type Sent = Vec<(String, String)>;

/// `POST /imports/{id}/columns`
pub(crate) async fn choose(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(n): Path<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let sent: HashMap<String, String> = match sent {
        Ok(Form(sent)) => sent.into_iter().collect(),
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let text = |key: &str| sent.get(key).map_or("", String::as_str);
    if let Err(fault) = site.writer(&page, text("csrf")) {
        return fault.respond(&page);
    }
    let Ok(number) = n.parse::<i64>() else {
        return Fault::NotFound.respond(&page);
    };
    // Another sheet or head has other columns: they are matched again.
    let moved = text("sheet") != text("was_sheet") || text("header") != text("was_header");
    let count: usize = text("columns").parse().unwrap_or(0).min(1_000);
    let columns = (0..count)
        .map(|at| Field::from_key(text(&format!("c{at}"))))
        .collect();
    let choice = Chosen {
        sheet: Some(text("sheet").to_owned()).filter(|sheet| !sheet.is_empty()),
        header: text("header")
            .parse()
            .ok()
            .filter(|_| !(moved && text("sheet") != text("was_sheet"))),
        columns: (!moved).then_some(columns),
    };
    let done = register::choose(&site.app.desk, number, text("seen").parse().ok(), &choice).await;
    finish(&site, page, &n, done).await
}

/// `POST /imports/{id}/apply`
pub(crate) async fn apply(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(n): Path<String>,
    sent: Result<Form<Sent>, FormRejection>,
) -> Response {
    let sent: HashMap<String, String> = match sent {
        Ok(Form(sent)) => sent.into_iter().collect(),
        Err(rejection) => return Fault::BadRequest(rejection.body_text()).respond(&page),
    };
    let text = |key: &str| sent.get(key).map_or("", String::as_str);
    let act = match site.writer(&page, text("csrf")) {
        Ok(act) => act,
        Err(fault) => return fault.respond(&page),
    };
    let Ok(number) = n.parse::<i64>() else {
        return Fault::NotFound.respond(&page);
    };
    // As the page showed it: who decides about an older preview is told.
    let seen = text("seen").parse().ok();
    let done = if text("what") == "discard" {
        register::discard(&site.app.desk, &act, number, seen).await
    } else {
        let without = text("without_refused") == "yes";
        register::apply(
            &site.app.desk,
            &act,
            &site.app.rules.schedules(),
            number,
            seen,
            without,
        )
        .await
        .map(drop)
    };
    finish(&site, page, &n, done).await
}

async fn finish(site: &Site, page: Page, n: &str, done: Result<(), RegisterError>) -> Response {
    let page = Page {
        path: format!("/imports/{}", page.segment(n)),
        query: Vec::new(),
        ..page
    };
    match done {
        Ok(()) => Redirect::to(&page.path).into_response(),
        Err(RegisterError::NotFound { .. }) => Fault::NotFound.respond(&page),
        Err(error) => {
            let status = match error {
                RegisterError::Stale { .. } => StatusCode::PRECONDITION_FAILED,
                _ => StatusCode::CONFLICT,
            };
            let made = make(site, &page, n, Some(error.to_string())).await;
            respond_with(&page, status, made)
        }
    }
}

/// `GET /imports/{id}/report.xlsx`
pub(crate) async fn report(State(site): State<Arc<Site>>, page: Page, Path(n): Path<String>) -> Response {
    let zh = page.language == super::super::words::Language::Zh;
    let act = register::Act::new(String::new(), "page", site.app.clock.now(), site.today());
    let Ok(number) = n.parse::<i64>() else {
        return Fault::NotFound.respond(&page);
    };
    match register::plan(&site.app.desk, &act, number).await {
        Ok(plan) => workbook(
            &page,
            &format!("cleaning-report-{number}.xlsx"),
            &register::report(&plan, zh),
        ),
        Err(error) => Fault::from(error).respond(&page),
    }
}

/// `GET /register/template.xlsx`
pub(crate) async fn template(page: Page) -> Response {
    let zh = page.language == super::super::words::Language::Zh;
    workbook(&page, "register-template.xlsx", &register::template(zh))
}

fn workbook(page: &Page, name: &str, table: &sheet::Table) -> Response {
    match sheet::to_xlsx(table) {
        Ok(bytes) => attachment(sheet::XLSX, name, bytes),
        Err(error) => Fault::Broken(error.to_string()).respond(page),
    }
}
