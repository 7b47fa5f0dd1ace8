//! Daily control, weekly check, monthly dispatch: what is to be signed, and what was.

use super::Site;
use super::fault::{Fault, answer, respond, respond_with};
use super::page::Page;
use super::parts::Choice;
use crate::desk::duty::{self, DutyError, DutyFilter, DutyStanding, Signer, versions};
use crate::desk::today;
use crate::people::Access;
use crate::view::duty::{DutyLine, DutyView};
use crate::view::duty_table;
use askama::Template;
use axum::body::Body;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use tokio_util::io::ReaderStream;
use vigil_core::calendar::Obligation;
use vigil_core::duty::{DutyKind, KindPolicy, Texts, Verdict};
use vigil_core::people::Role;

/// Rows per page.
const ROWS: u32 = 100;

impl From<DutyError> for Fault {
    fn from(error: DutyError) -> Self {
        let said = error.to_string();
        match error {
            DutyError::NotFound(_) => Self::NotFound,
            DutyError::Store(_) | DutyError::Workbook(_) => Self::Unavailable(said),
            DutyError::Stale { .. } | DutyError::Refused(_) | DutyError::KeyReused => Self::BadRequest(said),
        }
    }
}

impl Page {
    /// Name of one of the three.
    pub(crate) fn duty_kind(&self, key: &str) -> &str {
        DutyKind::from_key(key).map_or("", |kind| duty_table::kind(&self.rules.duty, self.tongue(), kind))
    }

    /// What a period came to.
    pub(crate) fn duty_verdict(&self, key: &str) -> &'static str {
        Verdict::from_key(key).map_or("", |verdict| duty_table::verdict(self.tongue(), verdict))
    }

    /// Why nothing can be said of a machine.
    pub(crate) fn duty_missing(&self, key: &str) -> &'static str {
        match key {
            "not_watched" => self.pick("未接入监测", "no telemetry connected"),
            "not_heard" => self.pick("从未上报", "never heard"),
            _ => self.pick("监测中断", "gaps"),
        }
    }

    /// Obligations by their keys.
    pub(crate) fn obligations(&self, keys: &[String]) -> String {
        let title = |key: &String| {
            Obligation::from_key(key).map_or(key.clone(), |one| {
                let (zh, en) = one.titles();
                self.pick(zh, en).to_owned()
            })
        };
        keys.iter()
            .map(title)
            .collect::<Vec<_>>()
            .join(self.pick("、", ", "))
    }

    /// Hours with one decimal.
    pub(crate) fn hours(&self, hours: &f64) -> String {
        format!("{hours:.1}")
    }
}

#[derive(Template)]
#[template(path = "duty/list.html")]
struct DutyListPage<'p> {
    page: &'p Page,
    kinds: Vec<Choice>,
    standings: Vec<Choice>,
    verdicts: Vec<Choice>,
    rows: Vec<DutyLine>,
    total: Option<u64>,
    older: Option<String>,
    filtered: bool,
    table: String,
}

fn filter(page: &Page) -> DutyFilter {
    let text = |key: &str| page.asked(key).trim().to_owned();
    DutyFilter {
        kind: DutyKind::from_key(page.asked("kind")),
        standing: DutyStanding::from_key(page.asked("standing")),
        verdict: Verdict::from_key(page.asked("verdict")),
        from: page.asked("from").parse().ok(),
        to: page.asked("to").parse().ok(),
        area: text("area"),
        unit: text("unit"),
        after: page.asked("after").parse().ok(),
        limit: ROWS,
    }
}

/// `GET /duty?kind=…&standing=…&verdict=…&from=…&to=…&area=…&unit=…&after=…`
pub(crate) async fn list(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make_list(&site, &page).await;
    respond(&page, made)
}

async fn make_list<'p>(site: &Site, page: &'p Page) -> Result<DutyListPage<'p>, Fault> {
    let (desk, reader, today) = (&site.app.desk, site.reader(page), site.today());
    let filter = filter(page);
    let found = duty::list(desk, &reader, &filter, today).await?;
    let total = match filter.after {
        None => Some(duty::count(desk, &reader, &filter, today).await?),
        Some(_) => None,
    };
    let choice = |name: &str, key: &str, label: &str| Choice {
        href: page.with(name, key),
        label: label.to_owned(),
        count: None,
        current: page.asked(name) == key,
    };
    let mut kinds = vec![choice("kind", "", page.pick("全部", "all"))];
    kinds.extend(DutyKind::ALL.map(|kind| choice("kind", kind.key(), page.duty_kind(kind.key()))));
    let mut verdicts = vec![choice("verdict", "", page.pick("全部结论", "every verdict"))];
    verdicts.extend(Verdict::ALL.map(|one| choice("verdict", one.key(), page.duty_verdict(one.key()))));
    let path = Page {
        path: "/duty/table".to_owned(),
        ..page.clone()
    };
    Ok(DutyListPage {
        page,
        kinds,
        standings: vec![
            choice("standing", "", page.pick("全部", "all")),
            choice("standing", "open", page.pick("待签署", "to be signed")),
            choice("standing", "overdue", page.pick("逾期未签", "overdue")),
            choice("standing", "signed", page.pick("已签署", "signed")),
        ],
        verdicts,
        rows: found
            .rows
            .into_iter()
            .map(|row| DutyLine::of(row, today))
            .collect(),
        total,
        older: found.next.map(|next| page.with("after", &next.to_string())),
        filtered: page.is_filtered(&["after"]),
        table: path.with("format", "csv"),
    })
}

/// `GET /duty/table?format=csv|xlsx&…`
pub(crate) async fn table(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = async {
        let (app, reader, filter) = (&site.app, site.reader(&page), filter(&page));
        let (kind, name, body) = if page.asked("format") == "xlsx" {
            let file = duty_table::xlsx(app, &reader, filter, page.tongue()).await?;
            (
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                "duty.xlsx",
                Body::from_stream(ReaderStream::new(file)),
            )
        } else {
            let lines = duty_table::csv(app, &reader, filter, page.tongue()).await?;
            ("text/csv; charset=utf-8", "duty.csv", Body::from_stream(lines))
        };
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers = [
            (CONTENT_TYPE, kind.to_owned()),
            (CONTENT_DISPOSITION, disposition),
        ];
        Ok::<_, Fault>((headers, body).into_response())
    };
    made.await.unwrap_or_else(|fault| fault.respond(&page))
}

#[derive(Template)]
#[template(path = "duty/record.html")]
struct RecordPage<'p> {
    page: &'p Page,
    record: DutyView,
    policy: Option<&'p KindPolicy>,
    allowed_gap_minutes: u32,
    /// The reader is of the unit.
    own: bool,
    typed: Written,
    refused: Option<String>,
}

impl RecordPage<'_> {
    fn officer(&self) -> &str {
        self.policy
            .map_or("", |one| self.page.pick(&one.officer_zh, &one.officer_en))
    }

    fn title(&self) -> &str {
        self.policy
            .map_or("", |one| self.page.pick(&one.record_zh, &one.record_en))
    }

    /// Records below there should be and are not.
    fn absent(&self) -> u32 {
        let there = u32::try_from(self.record.prefill.children.len()).unwrap_or(u32::MAX);
        self.record.prefill.expected.saturating_sub(there)
    }
}

/// What the officer's form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Written {
    csrf: String,
    revision: i64,
    findings: String,
    measures: String,
    remarks: String,
    /// `save` or `sign`.
    step: String,
    why: String,
}

/// `GET /duty/{id}`
pub(crate) async fn show(State(site): State<Arc<Site>>, page: Page, Path(id): Path<String>) -> Response {
    let made = make(&site, &page, &id, None).await;
    respond(&page, made)
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    id: &str,
    refused: Option<(Written, String)>,
) -> Result<RecordPage<'p>, Fault> {
    let (desk, reader) = (&site.app.desk, site.reader(page));
    let n = id.parse().map_err(|_| Fault::NotFound)?;
    let record = duty::record(desk, &reader, n).await?;
    let others = versions(desk, &record).await?;
    let own = reader.role == Role::Site && reader.unit.as_deref() == Some(&*record.unit);
    let policy = &page.rules.duty;
    let of_kind = policy.get(record.kind);
    let record = DutyView::of(record, others, site.today());
    let (typed, refused) = match refused {
        Some((typed, why)) => (typed, Some(why)),
        None => (
            Written {
                findings: record.findings.clone(),
                measures: record.measures.clone(),
                remarks: record.remarks.clone(),
                ..Written::default()
            },
            None,
        ),
    };
    Ok(RecordPage {
        page,
        record,
        policy: of_kind,
        allowed_gap_minutes: policy.allowed_gap_minutes,
        own,
        typed,
        refused,
    })
}

fn signer<'a>(site: &Site, access: &'a Access) -> Signer<'a> {
    let name = access
        .session
        .as_ref()
        .map_or(access.login(), |session| &session.name);
    Signer {
        person: &access.person,
        name,
        now: site.app.clock.now(),
        today: today(&site.app.clock, &site.app.config.web.timezone),
    }
}

fn why(page: &Page, error: DutyError) -> String {
    match error {
        DutyError::Refused(refusal) => page.pick(&refusal.message_zh, &refusal.message).to_owned(),
        DutyError::Stale { .. } => page
            .pick(
                "记录已被他人修改，下面是您填写的内容，请核对页面上的新内容后重新提交。",
                "Somebody else has changed the record in between. What you wrote is still below: look at the record again and send it once more.",
            )
            .to_owned(),
        error => error.to_string(),
    }
}

/// `POST /duty/{id}`: saves, or signs.
pub(crate) async fn write(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<Written>, FormRejection>,
) -> Response {
    let written = async {
        let Form(form) = form?;
        site.writer(&page, &form.csrf)?;
        let n = id.parse().map_err(|_| Fault::NotFound)?;
        let texts = Texts {
            findings: &form.findings,
            measures: &form.measures,
            remarks: &form.remarks,
        };
        let signer = signer(&site, &page.access);
        let desk = &site.app.desk;
        let done = if form.step == "sign" {
            duty::sign(desk, &signer, n, form.revision, Some(&texts)).await
        } else {
            duty::save(desk, &signer, n, form.revision, &texts).await
        };
        match done {
            Ok(saved) => {
                page.access.in_area(saved.area.as_str());
                Ok(Redirect::to(&format!("/duty/{n}")).into_response())
            }
            Err(error @ (DutyError::NotFound(_) | DutyError::Store(_))) => Err(error.into()),
            Err(error) => {
                let said = why(&page, error);
                let made = make(&site, &page, &id, Some((form, said))).await;
                Ok(respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made))
            }
        }
    };
    let written = written.await;
    answer(&page, written)
}

/// `GET /duty/{id}/corrections`: what a reload of a refused form asks for.
pub(crate) async fn back(page: Page, Path(id): Path<String>) -> Redirect {
    Redirect::to(&format!("/duty/{}", page.segment(&id)))
}

/// `POST /duty/{id}/corrections`
pub(crate) async fn correct(
    State(site): State<Arc<Site>>,
    page: Page,
    Path(id): Path<String>,
    form: Result<Form<Written>, FormRejection>,
) -> Response {
    let corrected = async {
        let Form(form) = form?;
        site.writer(&page, &form.csrf)?;
        let n = id.parse().map_err(|_| Fault::NotFound)?;
        let signer = signer(&site, &page.access);
        match duty::correct(&site.app.desk, &page.rules.duty, &signer, n, &form.why, None).await {
            Ok((made, _)) => {
                page.access.about(made.n.to_string());
                page.access.in_area(made.area.as_str());
                Ok(Redirect::to(&format!("/duty/{}", made.n)).into_response())
            }
            Err(error @ (DutyError::NotFound(_) | DutyError::Store(_))) => Err(error.into()),
            Err(error) => {
                let said = why(&page, error);
                let page = Page {
                    path: format!("/duty/{n}"),
                    ..page.clone()
                };
                let made = make(&site, &page, &id, Some((form, said))).await;
                Ok(respond_with(&page, StatusCode::UNPROCESSABLE_ENTITY, made))
            }
        }
    };
    let corrected = corrected.await;
    answer(&page, corrected)
}
