//! A form for every step that the reader may take now.

use super::super::inputs::{Entry, Files, Input};
use super::super::page::Page;
use super::super::terms;
use super::Refused;
use crate::view::HazardDetail;
use vigil_core::hazard::policy::Policy;
use vigil_core::hazard::workflow::{StepKind, onward};
use vigil_core::pack::Grade;

/// A form.
pub(super) struct StepForm {
    pub(super) step: StepKind,
    pub(super) title: &'static str,
    /// What takes the hazard on: open from the start, the others fold out.
    pub(super) main: bool,
    pub(super) open: bool,
    pub(super) inputs: Vec<Input>,
    pub(super) files: Option<Files>,
}

impl StepForm {
    pub(super) const fn key(&self) -> &'static str {
        self.step.key()
    }

    pub(super) fn button(&self, page: &Page) -> &'static str {
        match self.step {
            StepKind::Confirm => page.pick("确认属实", "Confirm: it is real"),
            StepKind::Comment => page.pick("提交备注", "Add comment"),
            StepKind::Attach => page.pick("上传", "Upload"),
            StepKind::SelfCheck => page.pick("提交自验", "Hand in the self-check"),
            _ => self.title,
        }
    }
}

/// The forms, what takes the hazard on first.
pub(super) fn forms(
    page: &Page,
    detail: &HazardDetail,
    policy: &Policy,
    refused: Option<&Refused>,
) -> Vec<StepForm> {
    let allowed = |step: &StepKind| detail.next_steps.iter().any(|next| next.step == *step);
    // What somebody has asked for is answered first.
    let main = [StepKind::GrantExtension]
        .iter()
        .chain(onward(detail.hazard.status))
        .find(|step| allowed(step));
    let mut forms: Vec<StepForm> = detail
        .next_steps
        .iter()
        .map(|next| {
            let refused = refused.filter(|refused| refused.step() == next.step.key());
            let mut form = StepForm {
                step: next.step,
                title: page.pick(next.title_zh, next.title_en),
                main: main == Some(&next.step),
                open: refused.is_some(),
                inputs: inputs(page, detail, policy, next.step, next.text_required),
                files: takes_files(next.step).then(|| files(page, next.step, next.evidence_required)),
            };
            if let Some(refused) = refused {
                form.answer(page, refused);
            }
            form
        })
        .collect();
    forms.sort_by_key(|form| !form.main);
    forms
}

impl StepForm {
    /// What was typed stands there again, with what is wrong beside it.
    fn answer(&mut self, page: &Page, refused: &Refused) {
        // All that is missing stands in the summary; beside a field only that it is.
        let why = match refused.refusal.code {
            "five_in_place" => page.pick("未填写", "missing"),
            _ => &refused.why,
        };
        let said = (&refused.refusal, why);
        self.inputs = std::mem::take(&mut self.inputs)
            .into_iter()
            .map(|input| input.answered(&refused.sent, Some(said)))
            .collect();
        if let Some(files) = &mut self.files {
            files.kept = refused.sent.kept();
            files.error = refused.concerns("files").then(|| refused.why.clone());
        }
    }
}

const fn takes_files(step: StepKind) -> bool {
    matches!(
        step,
        StepKind::Attach
            | StepKind::SelfCheck
            | StepKind::Accept
            | StepKind::RefuseAcceptance
            | StepKind::FixOnSpot
            | StepKind::LookBack
    )
}

fn files(page: &Page, step: StepKind, required: bool) -> Files {
    Files {
        id: format!("{}-files", step.key()),
        label: page
            .pick(
                "照片或文件（JPEG、PNG、WebP、PDF，每个最大 20 MB）",
                "Photos or documents (JPEG, PNG, WebP, PDF; 20 MB each)",
            )
            .to_owned(),
        required,
        error: None,
        kept: Vec::new(),
    }
}

/// What the words of a step are about.
fn text_label(page: &Page, step: StepKind) -> &'static str {
    match step {
        StepKind::Reject => page.pick("为何是误报", "Why it is false"),
        StepKind::Comment => page.pick("备注", "Comment"),
        StepKind::Interim => page.pick("措施内容", "The measure"),
        StepKind::Progress => page.pick("已做的工作", "What has been done"),
        StepKind::SelfCheck | StepKind::FixOnSpot => page.pick("整改情况", "What was done"),
        StepKind::Accept => page.pick("验收意见", "Opinion"),
        StepKind::LookBack => page.pick("复查情况", "What was seen"),
        StepKind::RefuseAcceptance
        | StepKind::RequestExtension
        | StepKind::RefuseExtension
        | StepKind::RecommendOutOfUse
        | StepKind::ChangeGrade
        | StepKind::Delist => page.pick("理由", "Reason"),
        _ => page.pick("说明", "Remark"),
    }
}

fn inputs(
    page: &Page,
    detail: &HazardDetail,
    policy: &Policy,
    step: StepKind,
    text_required: bool,
) -> Vec<Input> {
    let key = step.key();
    let input = |name, zh: &str, en: &str, entry| Input::new(key, name, page.pick(zh, en), entry);
    let mut inputs = match step {
        StepKind::Assign => assignment(page, detail, policy),
        StepKind::Progress => {
            let percent = input("percent", "进度（%）", "Progress (%)", Entry::Number);
            vec![percent.required(true).value(detail.hazard.percent.to_string())]
        }
        StepKind::RequestExtension => {
            vec![input("until", "延期至", "New deadline", Entry::Date).required(true)]
        }
        StepKind::GrantExtension => {
            let wanted = detail.handling.extension_wanted.as_ref();
            let hint = wanted.map_or_else(String::new, |until| {
                format!(
                    "{} {}",
                    page.pick("申请延至", "asked for:"),
                    page.times.full(until.0)
                )
            });
            vec![
                input(
                    "until",
                    "延期至（不填即按申请）",
                    "New deadline (empty: as asked for)",
                    Entry::Date,
                )
                .hint(hint),
            ]
        }
        StepKind::ChangeGrade => vec![grade(page, detail)],
        StepKind::FixOnSpot => {
            let rectifier = input(
                "rectifier",
                "整改人（不是填写人本人）",
                "Who rectified it (not who writes this)",
                Entry::Line,
            );
            vec![rectifier.required(true)]
        }
        StepKind::StrikeOff => {
            let number = input(
                "number",
                "销号编号（不填则自动编号）",
                "Number (made when empty)",
                Entry::Line,
            );
            let rules = input(
                "rules_made",
                "制度成果：因此新建或修订的制度、标准（可不填，列入成果清单）",
                "Rules and standards made because of it (optional; shown in the list of results)",
                Entry::Lines,
            );
            vec![number, rules]
        }
        StepKind::LookBack => {
            let passed = input("passed", "复查结果", "Result", Entry::Radio).required(true);
            let yes = page.pick("通过：隐患未再出现", "passes: it has not come back");
            let no = page.pick(
                "不通过：隐患再次出现或未整改到位（将另立一条）",
                "does not pass: it has, or was not rectified (another hazard is opened)",
            );
            vec![passed.choices(vec![
                ("yes".to_owned(), yes.to_owned()),
                ("no".to_owned(), no.to_owned()),
            ])]
        }
        _ => Vec::new(),
    };
    let said = text_label(page, step);
    let label = if text_required {
        format!("{said}{}", page.pick("（必填）", " (required)"))
    } else {
        format!("{said}{}", page.pick("（可不填）", " (optional)"))
    };
    inputs.push(Input::new(key, "text", &label, Entry::Lines).required(text_required));
    inputs
}

fn grade(page: &Page, detail: &HazardDetail) -> Input {
    let other = match detail.hazard.grade {
        Grade::General => ("major", page.pick("重大隐患", "major hazard")),
        Grade::Major => ("general", page.pick("一般隐患", "general hazard")),
    };
    Input::new(
        "change_grade",
        "grade",
        page.pick("调整为", "New grade"),
        Entry::Choice,
    )
    .choices(vec![(other.0.to_owned(), other.1.to_owned())])
    .value(other.0)
    .required(true)
}

/// 五落实: who, with what, with which money, by when, and what if.
fn assignment(page: &Page, detail: &HazardDetail, policy: &Policy) -> Vec<Input> {
    let major = detail.hazard.grade == Grade::Major;
    let (handling, hazard) = (&detail.handling, &detail.hazard);
    let known = |text: &Option<String>| text.clone().unwrap_or_default();
    let input = |name, zh: &str, en: &str, entry| {
        let label = page.pick(zh, en);
        let mark = page.pick("（必填）", " (required)");
        let label = if major && name != "leader" && name != "unit" || name == "person" {
            format!("{label}{mark}")
        } else {
            label.to_owned()
        };
        Input::new("assign", name, &label, entry)
    };
    let units: Vec<(String, String)> =
        std::iter::once((String::new(), page.pick("未指定单位", "no unit").to_owned()))
            .chain(
                detail
                    .parties
                    .iter()
                    .filter(|party| party.part != "inspection_body")
                    .map(|party| {
                        let part = terms::party(page.language, party.part);
                        let name = party.name.as_deref().unwrap_or(&party.code);
                        (party.code.clone(), format!("{part}: {name}"))
                    }),
            )
            .collect();
    let usual = hazard.responsible_unit.clone().or_else(|| {
        let maintains = detail
            .parties
            .iter()
            .find(|party| party.part == "maintenance_unit");
        maintains.map(|party| party.code.clone())
    });
    let period = if major { &policy.major } else { &policy.general };
    let deadline = hazard
        .deadline
        .map_or_else(String::new, |at| page.times.day(at.0));
    let hint = match page.language {
        super::super::words::Language::Zh if major => format!("重大隐患须填写；通常 {}", period.lasts.zh()),
        super::super::words::Language::Zh => format!("不填则为 {}", period.lasts.zh()),
        super::super::words::Language::En if major => format!("to be given; usually {}", period.lasts),
        super::super::words::Language::En => format!("{} when empty", period.lasts),
    };
    vec![
        input("unit", "整改责任单位", "Unit responsible", Entry::Choice)
            .choices(units)
            .value(usual.unwrap_or_default()),
        input("person", "责任人", "Person responsible", Entry::Line)
            .required(true)
            .value(known(&handling.responsible_person)),
        input("leader", "责任领导", "Leader", Entry::Line).value(known(&handling.leader)),
        input("measures", "整改措施", "Measures", Entry::Lines)
            .required(major)
            .value(known(&handling.measures)),
        input("funds", "整改资金", "Funds", Entry::Line)
            .required(major)
            .value(known(&handling.funds)),
        input("deadline", "整改时限", "Deadline", Entry::Date)
            .required(major)
            .hint(hint)
            .value(deadline),
        input("emergency_plan", "应急预案", "Emergency plan", Entry::Lines)
            .required(major)
            .value(known(&handling.emergency_plan)),
    ]
}
