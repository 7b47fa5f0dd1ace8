//! A hazard somebody has found: inspection, patrol, what the public says. With or without equipment, with photos,
//! rectified on the spot or not.

use super::Site;
use super::fault::{Fault, respond, respond_with};
use super::hazard::{day_end, status_of};
use super::inputs::{Entry, Files, Input, concerns};
use super::page::Page;
use super::sent::Sent;
use super::terms;
use crate::app::ActError;
use crate::desk::register::{self, ListFilter};
use crate::desk::scope::of_unit;
use crate::secrets::random_hex;
use crate::view::{self, EquipmentFilter};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::sync::Arc;
use vigil_core::hazard::HazardSource;
use vigil_core::hazard::workflow::{Intake, OnTheSpot};
use vigil_core::input::{Action, OperatorAction};
use vigil_core::output::Refusal;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Person, Role};
use vigil_protocol::time::UtcMillis;

/// Equipment and units suggested; more are found by typing.
const SUGGESTED: usize = 50;
/// Matches named when a text means several.
const NAMED: usize = 6;
/// Form of the ids of its fields.
const FORM: &str = "report";

/// How people find hazards; what finds its own is not among them.
const SOURCES: [HazardSource; 5] = [
    HazardSource::Inspection,
    HazardSource::Patrol,
    HazardSource::Campaign,
    HazardSource::PublicReport,
    HazardSource::Other,
];

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'p> {
    page: &'p Page,
    /// Makes the same report sent twice one hazard.
    key: String,
    what: Vec<Input>,
    facts: Vec<Input>,
    spot: Vec<Input>,
    fixed: bool,
    files: Files,
    refused: Option<(Refusal, String)>,
    name: String,
}

impl ReportPage<'_> {
    fn typed_name(&self) -> &str {
        &self.name
    }

    /// Fields something is wrong with.
    fn wrong(&self) -> impl Iterator<Item = &Input> {
        let inputs = self.what.iter().chain(&self.facts).chain(&self.spot);
        inputs.filter(|input| input.error.is_some())
    }
}

/// `GET /hazards/new?equipment=…`
pub(crate) async fn form(State(site): State<Arc<Site>>, page: Page) -> Response {
    let made = make(&site, &page, None).await;
    respond(&page, made)
}

/// `POST /hazards/new`
pub(crate) async fn send(State(site): State<Arc<Site>>, page: Page, request: Request) -> Response {
    let sent = match Sent::read(&site, &page, request).await {
        Ok(sent) => sent,
        Err(fault) => return fault.respond(&page),
    };
    match report(&site, &page, &sent).await {
        Ok(id) => Redirect::to(&format!("/hazards/{}", page.segment(&id))).into_response(),
        Err(No::Fault(fault)) => fault.respond(&page),
        Err(No::Refused(status, refusal)) => {
            let made = make(&site, &page, Some((sent, refusal))).await;
            respond_with(&page, status, made)
        }
    }
}

/// Why nothing was reported.
enum No {
    Refused(StatusCode, Refusal),
    Fault(Fault),
}

impl From<Fault> for No {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn wrong(field: &'static str, zh: impl Into<String>, en: impl Into<String>) -> No {
    let refusal = Refusal::new("bad_field", en, zh).about([field]);
    No::Refused(StatusCode::UNPROCESSABLE_ENTITY, refusal)
}

async fn report(site: &Site, page: &Page, sent: &Sent) -> Result<String, No> {
    let person = sent
        .person(site, page)
        .map_err(|why| No::Refused(StatusCode::FORBIDDEN, Refusal::new("not_you", why, why)))?;
    let intake = intake(site, page, &person, sent).await?;
    let scope = view::scope_of(&site.app, intake.equipment.as_deref(), intake.unit.as_deref())
        .await
        .map_err(Fault::from)?;
    page.access.in_area(&*scope.area);
    let key = Some(sent.text("key")).filter(|key| !key.is_empty() && key.len() <= 128);
    let action = OperatorAction {
        actor: person.login.to_string(),
        reason: String::new(),
        idempotency_key: key.map(str::to_owned),
        who: Some(person),
        scope: Some(scope),
        action: Action::OpenHazard {
            intake: Box::new(intake),
        },
    };
    match site.app.engine.act(action).await {
        Ok(acted) => {
            let id = acted
                .hazard
                .map(|hazard| hazard.id.0.to_string())
                .unwrap_or_default();
            page.access.about(id.as_str());
            Ok(id)
        }
        Err(ActError::Refused(refusal)) => Err(No::Refused(status_of(&refusal), refusal)),
        Err(error) => Err(Fault::Unavailable(error.to_string()).into()),
    }
}

async fn intake(site: &Site, page: &Page, person: &Person, sent: &Sent) -> Result<Intake, No> {
    if let Some(why) = &sent.unkept {
        return Err(wrong("attachments", why, why));
    }
    let text = |field: &str| sent.text(field).trim().to_owned();
    let (equipment, unit) = match (text("equipment").as_str(), text("unit").as_str()) {
        ("", "") => {
            return Err(wrong(
                "equipment",
                "请填写设备；与设备无关的隐患请填写单位",
                "name the equipment; or the unit, if it is about none",
            ));
        }
        ("", unit) => (None, Some(known_unit(site, person, unit).await?)),
        (equipment, "") => (Some(known_equipment(site, person, equipment).await?), None),
        _ => {
            return Err(wrong(
                "unit",
                "设备与单位只填其一：填写设备后，单位由台账得出",
                "either the equipment or a unit: the register knows the equipment's",
            ));
        }
    };
    let source = SOURCES
        .into_iter()
        .find(|source| source_key(*source) == sent.text("source"))
        .ok_or_else(|| wrong("source", "请选择来源", "choose how it was found"))?;
    let grade = match sent.text("grade") {
        "major" => Grade::Major,
        "general" => Grade::General,
        _ => return Err(wrong("grade", "请选择等级", "choose a grade")),
    };
    let found_at = match day_end(page, sent, "found_at") {
        // Found today is found now: a day's end would lie ahead.
        Ok(end) => end
            .map(|end| UtcMillis(end.0 + 1 - 86_400_000))
            .filter(|begin| page.times.day(*begin) != page.times.day(page.times.now)),
        Err(refusal) => return Err(No::Refused(StatusCode::UNPROCESSABLE_ENTITY, refusal)),
    };
    let fixed = (sent.text("fixed") == "yes").then(|| OnTheSpot {
        rectifier: text("rectifier"),
        text: text("done"),
        attachments: sent.files.clone(),
    });
    Ok(Intake {
        equipment: equipment.map(Into::into),
        unit: unit.map(Into::into),
        rule: None,
        since: None,
        source,
        category: text("category").into(),
        title_zh: text("title"),
        title_en: text("title"),
        description: text("description"),
        grade,
        severity: terms::SEVERITIES
            .into_iter()
            .find(|level| terms::severity_key(*level) == sent.text("severity")),
        clause: text("clause"),
        found_at,
        reporter: Some(text("reporter")).filter(|reporter| !reporter.is_empty()),
        attachments: sent.files.clone(),
        fixed,
        by_machine: false,
        repeat: None,
        round: 0,
    })
}

const fn source_key(source: HazardSource) -> &'static str {
    match source {
        HazardSource::Inspection => "inspection",
        HazardSource::Patrol => "patrol",
        HazardSource::Campaign => "campaign",
        HazardSource::PublicReport => "public_report",
        _ => "other",
    }
}

/// The equipment a text means: an id, a number or a name, of what the person sees.
async fn known_equipment(site: &Site, person: &Person, text: &str) -> Result<String, No> {
    let app = &site.app;
    let sight = person.sight();
    let registered = register::scope_of(&app.desk, text).await.map_err(Fault::from)?;
    if (registered.is_some() || app.catalog.by_id.contains_key(text)) && app.sees(&sight, text) {
        return Ok(text.to_owned());
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let filter = ListFilter {
        text: text.to_owned(),
        limit: NAMED as u32,
        ..ListFilter::default()
    };
    let rows = register::list(&app.desk, person, &filter, site.today())
        .await
        .map_err(Fault::from)?
        .rows;
    found.extend(rows.into_iter().map(|row| (row.id, row.name)));
    let filter = EquipmentFilter {
        text: Some(text.to_owned()),
        limit: NAMED,
        ..EquipmentFilter::default()
    };
    let watched = view::equipment_list(app, &sight, &filter)
        .await
        .map_err(Fault::from)?;
    for line in watched.equipment {
        if !found.iter().any(|(id, _)| *id == line.card.id) {
            found.push((line.card.id, line.card.name_zh));
        }
    }
    match found.as_slice() {
        [(id, _)] => Ok(id.clone()),
        [] => Err(wrong(
            "equipment",
            "在您可见的范围内没有这台设备；请填写设备编号、登记证编号或名称",
            "there is no such equipment among what you see: give its id, registration number or name",
        )),
        several => {
            let named: Vec<String> = several
                .iter()
                .take(NAMED)
                .map(|(id, name)| format!("{id} {name}"))
                .collect();
            let named = named.join("; ");
            Err(wrong(
                "equipment",
                format!("有多台设备符合，请填写其中一个编号：{named}"),
                format!("several match; give the id of one: {named}"),
            ))
        }
    }
}

/// The unit a text means: a code or a name, of those the person sees.
async fn known_unit(site: &Site, person: &Person, text: &str) -> Result<String, No> {
    if person.unit.as_deref() == Some(text) && person.role == Role::Site {
        return Ok(text.to_owned());
    }
    let desk = &site.app.desk;
    if of_unit(desk, person, text).await.is_ok() {
        return Ok(text.to_owned());
    }
    let found = register::units(desk, person, text, "", "", NAMED as u32)
        .await
        .map_err(Fault::from)?;
    match found.as_slice() {
        [one] => Ok(one.code.clone()),
        [] => Err(wrong(
            "unit",
            "在您可见的范围内没有这家单位；请填写单位代码或名称",
            "there is no such unit among those you see: give its code or name",
        )),
        several => {
            let named: Vec<String> = several
                .iter()
                .map(|unit| format!("{} {}", unit.code, unit.facts.name))
                .collect();
            let named = named.join("; ");
            Err(wrong(
                "unit",
                format!("有多家单位符合，请填写其中一个代码：{named}"),
                format!("several match; give the code of one: {named}"),
            ))
        }
    }
}

async fn make<'p>(
    site: &Site,
    page: &'p Page,
    answer: Option<(Sent, Refusal)>,
) -> Result<ReportPage<'p>, Fault> {
    let key = match answer.as_ref().map(|(sent, _)| sent.text("key")) {
        Some(key) if !key.is_empty() => key.to_owned(),
        _ => format!(
            "page-{}",
            random_hex().map_err(|error| Fault::Unavailable(error.to_string()))?
        ),
    };
    let mut made = ReportPage {
        page,
        key,
        what: what(site, page).await?,
        facts: facts(site, page),
        spot: spot(page),
        fixed: false,
        files: Files {
            id: format!("{FORM}-files"),
            label: page
                .pick(
                    "照片或文件（JPEG、PNG、WebP、PDF，每个最大 20 MB）",
                    "Photos or documents (JPEG, PNG, WebP, PDF; 20 MB each)",
                )
                .to_owned(),
            required: false,
            error: None,
            kept: Vec::new(),
        },
        refused: None,
        name: String::new(),
    };
    if let Some((sent, refusal)) = answer {
        let why = page.pick(&refusal.message_zh, &refusal.message).to_owned();
        for inputs in [&mut made.what, &mut made.facts, &mut made.spot] {
            *inputs = std::mem::take(inputs)
                .into_iter()
                .map(|input| input.answered(&sent, Some((&refusal, &why))))
                .collect();
        }
        // What was done on the spot is said in its own field.
        if sent.text("fixed") == "yes"
            && concerns(&refusal, "text")
            && let Some(done) = made.spot.iter_mut().find(|input| input.name == "done")
        {
            done.error = Some(why.clone());
        }
        made.fixed = sent.text("fixed") == "yes";
        made.files.kept = sent.kept();
        made.files.error = concerns(&refusal, "files").then(|| why.clone());
        made.name = sent.text("name").to_owned();
        made.refused = Some((refusal, why));
    }
    Ok(made)
}

/// What it is about.
async fn what(site: &Site, page: &Page) -> Result<Vec<Input>, Fault> {
    let (app, person) = (&site.app, &page.access.person);
    let filter = EquipmentFilter {
        limit: SUGGESTED,
        ..EquipmentFilter::default()
    };
    let watched = view::equipment_list(app, &page.sight(), &filter).await?;
    let equipment = watched.equipment.into_iter().map(|line| {
        let name = page.name_of(&line.card).to_owned();
        (line.card.id, name)
    });
    let units = if page.access.signed_in() {
        register::units(&app.desk, person, "", "", "", SUGGESTED as u32).await?
    } else {
        Vec::new()
    };
    let units = units.into_iter().map(|unit| (unit.code, unit.facts.name));
    Ok(vec![
        Input::new(
            FORM,
            "equipment",
            page.pick(
                "设备编号、登记证编号或名称",
                "Equipment: id, registration number or name",
            ),
            Entry::Line,
        )
        .choices(equipment.collect())
        .value(page.asked("equipment")),
        Input::new(
            FORM,
            "unit",
            page.pick(
                "或单位代码、名称（与设备无关时）",
                "or unit: code or name (if it is about no equipment)",
            ),
            Entry::Line,
        )
        .choices(units.collect())
        .value(page.asked("unit")),
    ])
}

fn facts(site: &Site, page: &Page) -> Vec<Input> {
    let input = |name, zh: &str, en: &str, entry| Input::new(FORM, name, page.pick(zh, en), entry);
    let choice = |key: &str, word: &str| (key.to_owned(), word.to_owned());
    let nothing = || choice("", page.pick("请选择", "choose"));
    let sources = std::iter::once(nothing())
        .chain(SOURCES.map(|source| choice(source_key(source), terms::hazard_source(page.language, source))));
    let policy = site.app.engine.policy();
    let categories = std::iter::once(nothing()).chain(
        policy
            .category
            .iter()
            .map(|one| choice(&one.key, page.pick(&one.zh, &one.en))),
    );
    let grades = vec![
        choice("general", page.pick("一般隐患", "general hazard")),
        choice("major", page.pick("疑似重大隐患", "suspected major hazard")),
    ];
    let severities = std::iter::once(choice("", page.pick("按等级", "by the grade")))
        .chain(terms::SEVERITIES.map(|level: Severity| {
            choice(terms::severity_key(level), terms::severity(page.language, level))
        }));
    vec![
        input(
            "source",
            "来源（必填）",
            "How it was found (required)",
            Entry::Choice,
        )
        .required(true)
        .choices(sources.collect()),
        input("category", "类别（必填）", "Category (required)", Entry::Choice)
            .required(true)
            .choices(categories.collect()),
        input("grade", "等级（必填）", "Grade (required)", Entry::Radio)
            .required(true)
            .choices(grades),
        input("severity", "级别", "Level", Entry::Choice).choices(severities.collect()),
        input(
            "description",
            "隐患描述（必填）",
            "What was found (required)",
            Entry::Lines,
        )
        .required(true),
        input(
            "title",
            "标题（不填则用类别）",
            "Title (that of the category when empty)",
            Entry::Line,
        ),
        input("clause", "依据条款", "Ground, such as a clause", Entry::Line),
        input(
            "found_at",
            "发现日期（不填为现在）",
            "Found on (now when empty)",
            Entry::Date,
        ),
        input(
            "reporter",
            "报告人（群众举报可匿名）",
            "Reported by (may be anonymous)",
            Entry::Line,
        ),
    ]
}

/// 立查立改.
fn spot(page: &Page) -> Vec<Input> {
    vec![
        Input::new(
            FORM,
            "rectifier",
            page.pick(
                "整改人（不是填写人本人）",
                "Who rectified it (not who writes this)",
            ),
            Entry::Line,
        ),
        Input::new(FORM, "done", page.pick("整改情况", "What was done"), Entry::Lines),
    ]
}
