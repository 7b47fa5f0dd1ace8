//! The forms of the next steps, and what they send.

use super::super::Site;
use super::super::page::Page;
use crate::app::attachments;
use crate::view::supervision::CaseNextStep;
use axum::extract::Multipart;
use vigil_core::hash::ContentHash;
use vigil_core::hazard::Attachment;
use vigil_core::people::Person;
use vigil_core::supervision::{CaseStep, CaseStepKind};

/// What a form sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Typed {
    pub(super) step: String,
    pub(super) csrf: String,
    pub(super) events: String,
    pub(super) on: String,
    pub(super) place: String,
    pub(super) people: String,
    pub(super) until: String,
    pub(super) text: String,
    /// Files that came with it and are kept: hash and name.
    pub(super) files: Vec<Attachment>,
    /// Files that have come, not yet kept: name and bytes.
    sent: Vec<(String, Vec<u8>)>,
    kept: Vec<String>,
}

/// One form.
pub(super) struct StepForm {
    pub(super) action: &'static str,
    pub(super) title: String,
    pub(super) on: Option<&'static str>,
    pub(super) place: Option<&'static str>,
    pub(super) people: Option<&'static str>,
    pub(super) until: Option<&'static str>,
    pub(super) text: &'static str,
    pub(super) text_required: bool,
    pub(super) files: bool,
    pub(super) files_required: bool,
    pub(super) typed: Typed,
    pub(super) error: Option<String>,
}

impl Typed {
    /// Reads what came; nothing is kept yet.
    pub(super) async fn read(mut form: Multipart) -> Result<Self, String> {
        let mut typed = Self::default();
        while let Some(field) = form.next_field().await.map_err(|error| error.body_text())? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                let file = field.file_name().unwrap_or_default().to_owned();
                let bytes = field.bytes().await.map_err(|error| error.body_text())?;
                // A field without a file comes as an empty one.
                if !bytes.is_empty() {
                    typed.sent.push((file, bytes.to_vec()));
                }
                continue;
            }
            let text = field.text().await.map_err(|error| error.body_text())?;
            match name.as_str() {
                "step" => typed.step = text,
                "csrf" => typed.csrf = text,
                "events" => typed.events = text,
                "on" => typed.on = text,
                "place" => typed.place = text,
                "people" => typed.people = text,
                "until" => typed.until = text,
                "text" => typed.text = text,
                "kept" => typed.kept.push(text),
                _ => {}
            }
        }
        Ok(typed)
    }

    /// Keeps the files that came, and finds those that came with a form that was refused.
    pub(super) async fn keep(&mut self, site: &Site, person: &Person) -> Result<(), String> {
        let app = &site.app;
        for text in &self.kept {
            let Some(hash) = ContentHash::from_hex(text) else {
                continue;
            };
            let known = attachments::find(&app.desk, &hash).await;
            self.files.extend(known.map_err(|error| error.to_string())?);
        }
        for (name, bytes) in std::mem::take(&mut self.sent) {
            let now = app.clock.now();
            let kept = attachments::keep(&app.desk, &app.attachments, &name, bytes, person, now).await;
            self.files.push(kept.map_err(|error| format!("{name}: {error}"))?);
        }
        Ok(())
    }

    /// The step that is meant.
    pub(super) fn step(&self, site: &Site, page: &Page) -> Result<CaseStep, String> {
        let kind = CaseStepKind::from_key(&self.step)
            .ok_or_else(|| page.pick("没有这一步骤。", "There is no such step.").to_owned())?;
        let date = |text: &str, end: bool| {
            let wrong = || {
                page.pick("请填写日期", "give a date, such as 2026-05-01")
                    .to_owned()
            };
            site.instant(text, end).ok_or_else(wrong)
        };
        let on = || {
            if self.on.trim().is_empty() {
                Ok(site.app.clock.now())
            } else {
                date(&self.on, false)
            }
        };
        let attachments = self.files.clone();
        let place = self.place.clone();
        Ok(match kind {
            CaseStepKind::File => CaseStep::File {
                on: on()?,
                office: place,
            },
            CaseStepKind::Publish => CaseStep::Publish { on: on()?, place },
            CaseStepKind::Meet => CaseStep::Meet {
                on: on()?,
                place,
                attendees: self.people.clone(),
                attachments,
            },
            CaseStepKind::FollowUp => CaseStep::FollowUp {
                on: on()?,
                attachments,
            },
            CaseStepKind::Answer => CaseStep::Answer { attachments },
            CaseStepKind::RequestExtension => CaseStep::RequestExtension {
                until: date(&self.until, true)?,
            },
            CaseStepKind::GrantExtension => CaseStep::GrantExtension {
                until: match self.until.trim() {
                    "" => None,
                    text => Some(date(text, true)?),
                },
            },
            CaseStepKind::RefuseExtension => CaseStep::RefuseExtension,
            CaseStepKind::ReportAcceptance => CaseStep::ReportAcceptance {
                on: on()?,
                inspectors: self.people.clone(),
                attachments,
            },
            CaseStepKind::Delist => CaseStep::Delist,
            CaseStepKind::PublishDelisting => CaseStep::PublishDelisting { on: on()?, place },
            CaseStepKind::Close => CaseStep::Close,
            CaseStepKind::Withdraw => CaseStep::Withdraw,
        })
    }
}

impl StepForm {
    /// The form of a step that can be taken.
    pub(super) fn of(page: &Page, step: &CaseNextStep, today: &str) -> Option<Self> {
        use CaseStepKind as K;
        let kind = CaseStepKind::from_key(step.action)?;
        let takes = |kinds: &[K]| kinds.contains(&kind);
        let dated = takes(&[
            K::File,
            K::Publish,
            K::Meet,
            K::FollowUp,
            K::ReportAcceptance,
            K::PublishDelisting,
        ]);
        let place = match kind {
            K::File => Some(page.pick("备案机关", "Filed with")),
            K::Publish | K::PublishDelisting => {
                Some(page.pick("公布地点或网址", "Where, or at which address"))
            }
            K::Meet => Some(page.pick("约谈地点", "Where")),
            _ => None,
        };
        let people = match kind {
            K::Meet => Some(page.pick("参加人员", "Who was there")),
            K::ReportAcceptance => Some(page.pick("验收人员", "Who inspected it")),
            _ => None,
        };
        let until = match kind {
            K::RequestExtension => Some(page.pick("申请延至", "Until")),
            K::GrantExtension => {
                Some(page.pick("延至（不填即按申请）", "Until (as asked for, if left empty)"))
            }
            _ => None,
        };
        let text = match kind {
            K::Publish => page.pick("公布内容", "What was published"),
            K::Meet => page.pick("约谈纪要与承诺", "What was said and promised"),
            K::FollowUp => page.pick("跟踪情况", "How it stands"),
            K::Answer => page.pick("整改情况", "What has been done"),
            K::ReportAcceptance => page.pick("验收结论", "Conclusion"),
            K::Delist | K::Withdraw | K::Close | K::RequestExtension | K::RefuseExtension => {
                page.pick("理由", "Why")
            }
            _ => page.pick("说明", "Remark"),
        };
        let typed = Typed {
            on: if dated { today.to_owned() } else { String::new() },
            ..Typed::default()
        };
        Some(Self {
            action: step.action,
            title: capital(page.pick(step.zh, step.en)),
            on: dated.then(|| page.pick("日期", "Date")),
            place,
            people,
            until,
            text,
            text_required: step.text_required,
            files: takes(&[K::Meet, K::FollowUp, K::Answer, K::ReportAcceptance]),
            files_required: step.evidence_required,
            typed,
            error: None,
        })
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
