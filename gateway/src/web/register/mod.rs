//! The register of equipment: list, card, form; units; imports; calendar and coverage.

pub(crate) mod calendar;
pub(crate) mod card;
pub(crate) mod contact;
pub(crate) mod edit;
pub(crate) mod imports;
mod list;
pub(crate) mod units;

pub(crate) use list::show;

use super::Site;
use super::fault::Fault;
use super::markup::Markup;
use super::page::Page;
use crate::desk::register::{Act, RegisterError};
use crate::desk::scope::of_id;
use crate::desk::today;
use crate::view::register::{DueView, FindingView, Sentence};
use vigil_core::people::{Person, Scope};
use vigil_core::register::{Conclusion, Field, Finding, Kind, PlaceType, UseState};

impl From<RegisterError> for Fault {
    fn from(error: RegisterError) -> Self {
        let said = error.to_string();
        match error {
            RegisterError::NotFound { .. } => Self::NotFound,
            RegisterError::Store(_) => Self::Unavailable(said),
            RegisterError::Broken(_) => Self::Broken(said),
            _ => Self::BadRequest(said),
        }
    }
}

impl Site {
    /// Today where the gateway stands.
    pub(crate) fn today(&self) -> jiff::civil::Date {
        today(&self.app.clock, &self.app.config.web.timezone)
    }

    /// Who reads.
    pub(crate) fn reader(&self, page: &Page) -> Person {
        page.access.person.clone()
    }

    /// Who writes: signed in, with a form of ours. Whether his role does that, the gate has seen to.
    pub(crate) fn writer(&self, page: &Page, csrf: &str) -> Result<Act, Fault> {
        match &page.session {
            Some(session) if session.vouches_for(csrf) => {
                let act = Act::new(page.access.login(), "page", self.app.clock.now(), self.today());
                Ok(act.told(&self.app.people))
            }
            Some(_) => Err(Fault::Forbidden("this form does not belong to your session")),
            None => Err(Fault::Forbidden("sign in first")),
        }
    }

    /// The same, about a piece of equipment he can see.
    pub(crate) async fn writer_about(&self, page: &Page, csrf: &str, id: &str) -> Result<Act, Fault> {
        let act = self.writer(page, csrf)?;
        of_id(&self.app.desk, &page.access.person, id).await?;
        Ok(act)
    }

    /// The same, about something new that will lie in an area.
    pub(crate) fn writer_in(&self, page: &Page, csrf: &str, area: &str) -> Result<Act, Fault> {
        let act = self.writer(page, csrf)?;
        let scope = Scope {
            area: area.trim().into(),
            ..Scope::default()
        };
        if page.access.person.sees(&scope) {
            Ok(act)
        } else {
            Err(Fault::BadRequest(
                "the area is not one you are responsible for".to_owned(),
            ))
        }
    }
}

impl Page {
    /// Whether the reader may open a page: links to others are not shown.
    pub(crate) fn opens(&self, route: &str) -> bool {
        crate::people::gate::may_open(&self.access, route)
    }

    /// Whether the reader may send a form: others are not shown it.
    pub(crate) fn sends(&self, route: &str) -> bool {
        crate::people::gate::may_post(&self.access, route)
    }

    /// A sentence in the reader's language.
    pub(crate) fn say<'s>(&self, sentence: &'s Sentence) -> &'s str {
        self.pick(&sentence.zh, &sentence.en)
    }

    /// Name of a fact.
    pub(crate) fn fact(&self, field: &Field) -> &'static str {
        self.pick(field.title_zh(), field.title_en())
    }

    /// Name of a fact by its key; `*` is all of it.
    pub(crate) fn fact_key(&self, key: &str) -> String {
        match Field::from_key(key) {
            Some(field) => self.fact(&field).to_owned(),
            None if key == "*" => self.pick("整条记录", "the record").to_owned(),
            None => match key.split_once(':') {
                Some(("accessory", n)) => format!("{} {n}", self.pick("安全附件", "accessory")),
                _ => self.unit_field(key).to_owned(),
            },
        }
    }

    fn unit_field<'k>(&self, key: &'k str) -> &'k str {
        match key {
            "kind" => self.pick("性质", "kind"),
            "uscc" => self.pick("统一社会信用代码", "credit code"),
            "address" => self.pick("地址", "address"),
            "contact" => self.pick("联系人", "contact"),
            "phone" => self.pick("电话", "phone"),
            "person" => self.pick("证件", "certificate"),
            _ => key,
        }
    }

    /// A fact as people read it.
    pub(crate) fn fact_text(&self, field: &Field, text: &str) -> String {
        match field.kind() {
            Kind::State => UseState::from_key(text)
                .map_or(text, |one| self.pick(one.title_zh(), one.title_en()))
                .to_owned(),
            Kind::Conclusion => Conclusion::from_key(text)
                .map_or(text, |one| self.pick(one.title_zh(), one.title_en()))
                .to_owned(),
            Kind::Place => PlaceType::from_key(text)
                .map_or(text, |one| self.pick(one.title_zh(), one.title_en()))
                .to_owned(),
            Kind::YesNo => if text == "yes" {
                self.pick("是", "yes")
            } else {
                self.pick("否", "no")
            }
            .to_owned(),
            Kind::Number(unit) => {
                let unit = match unit {
                    "a" => self.pick("年", "years"),
                    "CNY" => self.pick("元", "CNY"),
                    unit => unit,
                };
                format!("{text} {unit}")
            }
            _ => text.to_owned(),
        }
    }

    /// The same by key.
    pub(crate) fn fact_key_text(&self, key: &str, text: &str) -> String {
        match Field::from_key(key) {
            Some(field) if !text.is_empty() => self.fact_text(&field, text),
            _ => text.to_owned(),
        }
    }

    /// Name of a state by its key.
    pub(crate) fn use_state(&self, key: &str) -> &'static str {
        UseState::from_key(key).map_or("", |one| self.pick(one.title_zh(), one.title_en()))
    }

    /// How something due stands, in days.
    pub(crate) fn days(&self, days: &i32) -> String {
        match (*days, self.language) {
            (..0, super::words::Language::Zh) => format!("逾期 {} 天", -days),
            (-1, super::words::Language::En) => "1 day overdue".to_owned(),
            (..0, super::words::Language::En) => format!("{} days overdue", -days),
            (0, _) => self.pick("今日到期", "due today").to_owned(),
            (_, super::words::Language::Zh) => format!("还有 {days} 天"),
            (1, super::words::Language::En) => "in 1 day".to_owned(),
            (_, super::words::Language::En) => format!("in {days} days"),
        }
    }

    /// The date and how it stands: colour only when it is overdue or close.
    pub(crate) fn due(&self, due: &DueView) -> Markup {
        let class = match due.standing {
            "overdue" => "past",
            _ => "muted",
        };
        let date = due.due;
        Markup(format!(
            "<span class=\"nowrap\">{date}</span> <span class=\"{class} small\">{}</span>",
            self.days(&due.days)
        ))
    }

    /// Where a due date comes from.
    pub(crate) fn basis(&self, basis: &str) -> &'static str {
        match basis {
            "stated" => self.pick("登记的日期", "as stated"),
            "since_last" => self.pick("按上次推算", "computed from the last one"),
            _ => self.pick(
                "按起算日推算，无办理记录",
                "computed from the start: none on record",
            ),
        }
    }

    /// How much a finding weighs.
    pub(crate) fn weight(&self, level: &str) -> &'static str {
        match level {
            "refused" => self.pick("不能导入", "not taken"),
            "wrong" => self.pick("须更正", "to be corrected"),
            "unsure" => self.pick("须核对", "to be checked"),
            _ => self.pick("已自动更正", "corrected"),
        }
    }

    /// Counted up to a bound.
    pub(crate) fn bounded(&self, number: &u64) -> String {
        if *number > crate::desk::listing::COUNTED {
            format!("{}+", super::format::count(crate::desk::listing::COUNTED))
        } else {
            super::format::count(*number)
        }
    }

    /// A share, or why there is none.
    pub(crate) fn share(&self, percent: &Option<f64>) -> String {
        percent.map_or_else(|| "—".to_owned(), |percent| format!("{percent:.1}%"))
    }
}

/// The finding of a fact, if it has one that matters beside its field.
pub(crate) fn finding_of<'f>(findings: &'f [FindingView], field: &Field) -> Option<&'f FindingView> {
    findings
        .iter()
        .find(|one| one.field == Some(field.key()) && one.level != "corrected")
}

/// Findings as views.
pub(crate) fn views(findings: &[Finding]) -> Vec<FindingView> {
    findings.iter().map(FindingView::from).collect()
}
