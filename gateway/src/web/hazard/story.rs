//! What happened to a hazard, in plain words: who, when, why, and what else the event says.

use super::super::markup::{Markup, encode, escape};
use super::super::terms;
use super::HazardPage;
use crate::view::{AttachedFile, HazardHistory};
use serde_json::Value;
use vigil_core::hazard::HazardSource;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Role;
use vigil_protocol::time::UtcMillis;

/// A line below an event: what, and what it is.
pub(super) struct Line {
    pub(super) label: &'static str,
    pub(super) value: Markup,
}

/// One of the five that must be in place.
pub(super) struct Placed {
    pub(super) label: &'static str,
    /// `None`: missing.
    pub(super) value: Option<Markup>,
}

impl HazardPage<'_> {
    pub(super) fn event(&self, event: &HazardHistory) -> &'static str {
        let pick = |zh, en| self.page.language.pick(zh, en);
        match event.event {
            "opened" => pick("机器立案（疑似）", "opened by the machine (suspected)"),
            "recurred" => pick("条件再次成立", "the condition came back"),
            "returned" => pick(
                "条件消失（不等于销号）",
                "the condition went (this does not close it)",
            ),
            "confirmed" => pick("确认属实", "confirmed"),
            "rejected" => pick("判为误报", "rejected"),
            "commented" => pick("备注", "comment"),
            "reported" => pick("上报立案", "reported"),
            "attached" => pick("补充材料", "files added"),
            "assigned" => pick("下达整改", "assigned"),
            "interim_measure" => pick("临时管控措施", "interim measure"),
            "rectification_started" => pick("开始整改", "rectification begun"),
            "progress" => pick("整改进度", "progress"),
            "self_checked" => pick("自验", "self-check"),
            "acceptance_requested" => pick("申请验收", "acceptance asked for"),
            "accepted" => pick("验收合格", "accepted"),
            "acceptance_refused" => pick("验收不合格", "not accepted"),
            "extension_requested" => pick("申请延期", "more time asked for"),
            "extension_granted" => pick("批准延期", "more time given"),
            "extension_refused" => pick("不予延期", "no more time given"),
            "out_of_use_recommended" => pick("建议停用", "out of use recommended"),
            "grade_changed" => pick("调整等级", "graded anew"),
            "listed" => pick("挂牌督办", "listed for supervision"),
            "delisted" => pick("摘牌", "delisted"),
            "fixed_on_spot" => pick("立查立改", "fixed on the spot"),
            "struck_off" => pick("销号", "struck off"),
            "looked_back" => pick("回头看", "looked back"),
            "closed" => pick("闭环", "closed"),
            "repeated" => pick("屡查屡犯", "repeated"),
            "relapsed" => pick("销号后再次出现", "came back after strike-off"),
            "reminded" => pick("到期提醒", "reminder"),
            "overdue" => pick("逾期", "overdue"),
            "escalated" => pick("逾期上报", "escalated"),
            "look_back_due" => pick("“回头看”到期", "look-back due"),
            _ => pick("其他", "other"),
        }
    }

    /// Role and unit of who did it; empty for the machine, and for whom neither is known.
    pub(super) fn of_whom(&self, event: &HazardHistory) -> String {
        let role = event.role.and_then(Role::from_key);
        let role = role.map(|role| terms::role(self.page.language, role).to_owned());
        let unit = event.unit.as_deref().map(|unit| self.unit(unit));
        let words: Vec<String> = [role, unit].into_iter().flatten().collect();
        words.join(" · ")
    }

    /// Name of a unit that has to do with the equipment; of others the code.
    pub(super) fn unit(&self, code: &str) -> String {
        let party = self.detail.parties.iter().find(|party| party.code == code);
        party
            .and_then(|party| party.name.clone())
            .unwrap_or_else(|| code.to_owned())
    }

    pub(super) fn source(&self, source: &HazardSource) -> &'static str {
        terms::hazard_source(self.page.language, *source)
    }

    /// A file with its size, for whoever wants to see it.
    pub(super) fn size(&self, file: &AttachedFile) -> String {
        match file.size {
            size if size < 10_000 => format!("{size} B"),
            size if size < 10_000_000 => format!("{} kB", size / 1_000),
            size => format!("{} MB", size / 1_000_000),
        }
    }

    /// 五落实, each with what there is.
    pub(super) fn five(&self) -> Vec<Placed> {
        let (page, handling, hazard) = (self.page, &self.detail.handling, &self.detail.hazard);
        let text = |text: &Option<String>| text.as_deref().map(|text| Markup(escape(text)));
        let person = handling.responsible_person.as_ref().map(|person| {
            let mut words = escape(person);
            if let Some(leader) = &handling.leader {
                words += &format!(" · {} {}", page.pick("责任领导", "leader"), escape(leader));
            }
            if let Some(unit) = &hazard.responsible_unit {
                words += &format!(" · {}", escape(&self.unit(unit)));
            }
            Markup(words)
        });
        let deadline = hazard.deadline.map(|at| page.times.full_time(at.0));
        [
            (page.pick("责任", "Responsibility"), person),
            (page.pick("措施", "Measures"), text(&handling.measures)),
            (page.pick("资金", "Funds"), text(&handling.funds)),
            (page.pick("时限", "Deadline"), deadline),
            (
                page.pick("预案", "Emergency plan"),
                text(&handling.emergency_plan),
            ),
        ]
        .into_iter()
        .map(|(label, value)| Placed { label, value })
        .collect()
    }

    /// How the hazard stands out: word, and whether it calls for somebody.
    pub(super) fn flags(&self) -> Vec<(String, bool)> {
        let (page, hazard, handling) = (self.page, &self.detail.hazard, &self.detail.handling);
        let mut flags = Vec::new();
        let mut flag = |is: bool, text: String, calls: bool| {
            if is {
                flags.push((text, calls));
            }
        };
        let pick = |zh: &'static str, en: &'static str| page.language.pick(zh, en);
        flag(hazard.overdue, pick("逾期", "overdue").to_owned(), true);
        flag(
            hazard.escalation > 0,
            format!("{} {}", pick("已上报", "escalated, level"), hazard.escalation),
            true,
        );
        flag(
            hazard.listed.is_some(),
            format!(
                "{} {}",
                pick("挂牌督办", "listed"),
                hazard.listed.as_deref().unwrap_or("")
            ),
            false,
        );
        flag(
            hazard.extensions > 0,
            format!("{} {}", pick("延期次数", "extensions:"), hazard.extensions),
            false,
        );
        flag(
            handling.extension_wanted.is_some(),
            pick("延期待审批", "more time asked for").to_owned(),
            true,
        );
        flag(
            hazard.repeats > 0,
            format!(
                "{} {}",
                pick("屡查屡犯，此前次数", "repeated, times before:"),
                hazard.repeats
            ),
            true,
        );
        flag(
            hazard.out_of_use_recommended,
            pick("建议停用", "out of use recommended").to_owned(),
            true,
        );
        flag(
            handling.fixed_on_spot,
            pick("立查立改", "fixed on the spot").to_owned(),
            false,
        );
        flag(
            handling.relapses > 0,
            format!(
                "{} {}",
                pick("销号后再次出现，次数", "came back after strike-off:"),
                handling.relapses
            ),
            true,
        );
        flag(
            handling.look_back_failed,
            pick("“回头看”未通过", "look-back not passed").to_owned(),
            true,
        );
        flags
    }

    /// What else an event says.
    pub(super) fn lines(&self, event: &HazardHistory) -> Vec<Line> {
        let Some(details) = &event.details else {
            return Vec::new();
        };
        let mut lines = Lines {
            page: self,
            found: Vec::new(),
        };
        match event.event {
            "reported" => lines.report(&details["report"]),
            "assigned" => lines.assignment(&details["assignment"]),
            "progress" => {
                let percent = details["percent"].as_u64().map(|percent| format!("{percent} %"));
                lines.put("进度", "progress", percent);
            }
            "acceptance_requested" => lines.time("验收期限", "acceptance due", &details["due"]),
            "accepted" if details["condition_active"] == true => {
                let said = self.page.pick(
                    "验收时遥测显示该情形仍然存在",
                    "telemetry still said that the condition held",
                );
                lines.put("注意", "note", Some(said.to_owned()));
            }
            "extension_requested" => {
                lines.time("申请延至", "asked for", &details["until"]);
                lines.time("审批期限", "to be decided by", &details["due"]);
            }
            "extension_granted" => lines.time("延期至", "new deadline", &details["until"]),
            "grade_changed" => {
                for (zh, en, key) in [("由", "from", "from"), ("调整为", "to", "to")] {
                    lines.grade(zh, en, &details[key]);
                }
            }
            "listed" => {
                lines.text("编号", "case", &details["case"]);
                lines.time("督办期限", "deadline", &details["deadline"]);
            }
            "fixed_on_spot" => lines.text("整改人", "rectified by", &details["rectifier"]),
            "struck_off" => {
                lines.text("销号编号", "number", &details["number"]);
                lines.text("制度成果", "rules made", &details["rules_made"]);
            }
            "looked_back" => lines.look_back(details),
            "repeated" => {
                lines.hazard("前一次", "the one before", &details["repeat"]["of"]);
                lines.number("此前次数", "times before", &details["repeat"]["count"]);
            }
            "relapsed" => {
                lines.hazard("另见", "see", &details["successor"]);
                lines.time("现场时间", "field time", &details["tripped_at"]);
            }
            "reminded" => {
                lines.time("到期", "due", &details["due"]);
                lines.number("剩余天数", "days left", &details["days_left"]);
            }
            "overdue" => lines.time("期限", "deadline", &details["due"]),
            "escalated" => {
                lines.number("级次", "level", &details["level"]);
                lines.number("逾期天数", "days overdue", &details["days"]);
            }
            "look_back_due" => {
                lines.number("第几次", "round", &details["round"]);
                lines.number("期间再次出现次数", "came back, times", &details["relapses"]);
            }
            _ => {}
        }
        lines.found
    }
}

/// Lines, as they come together. What an event does not say makes none.
struct Lines<'l, 'p> {
    page: &'l HazardPage<'p>,
    found: Vec<Line>,
}

impl Lines<'_, '_> {
    fn markup(&mut self, zh: &'static str, en: &'static str, value: Option<Markup>) {
        if let Some(value) = value {
            self.found.push(Line {
                label: self.page.page.language.pick(zh, en),
                value,
            });
        }
    }

    fn put(&mut self, zh: &'static str, en: &'static str, value: Option<String>) {
        let value = value.filter(|value| !value.is_empty());
        self.markup(zh, en, value.map(|value| Markup(escape(&value))));
    }

    fn text(&mut self, zh: &'static str, en: &'static str, value: &Value) {
        self.put(zh, en, value.as_str().map(str::to_owned));
    }

    fn number(&mut self, zh: &'static str, en: &'static str, value: &Value) {
        self.put(zh, en, value.as_u64().map(|number| number.to_string()));
    }

    fn time(&mut self, zh: &'static str, en: &'static str, value: &Value) {
        let at = value
            .as_i64()
            .map(|at| self.page.page.times.full_time(UtcMillis(at)));
        self.markup(zh, en, at);
    }

    fn grade(&mut self, zh: &'static str, en: &'static str, value: &Value) {
        let page = self.page.page;
        let word = match serde_json::from_value(value.clone()) {
            Ok(Grade::Major) => page.pick("重大隐患", "major hazard"),
            Ok(Grade::General) => page.pick("一般隐患", "general hazard"),
            Err(_) => return,
        };
        self.put(zh, en, Some(word.to_owned()));
    }

    fn hazard(&mut self, zh: &'static str, en: &'static str, value: &Value) {
        let link = value.as_str().map(|id| {
            Markup(format!(
                "<a class=\"mono\" href=\"/hazards/{}\">{}</a>",
                encode(id),
                escape(id)
            ))
        });
        self.markup(zh, en, link);
    }

    fn report(&mut self, report: &Value) {
        let page = self.page.page;
        if let Ok(source) = serde_json::from_value::<HazardSource>(report["source"].clone()) {
            self.put("来源", "source", Some(self.page.source(&source).to_owned()));
        }
        self.grade("等级", "grade", &report["grade"]);
        if let Ok(severity) = serde_json::from_value::<Severity>(report["severity"].clone()) {
            self.markup("级别", "level", Some(page.level(&severity)));
        }
        self.text("依据", "ground", &report["clause"]);
        self.time("发现时间", "found", &report["found_at"]);
        self.text("报告人", "reported by", &report["reporter"]);
        for related in report["related"].as_array().into_iter().flatten() {
            self.hazard("可能相关", "may be the same", related);
        }
        self.hazard("前一次", "the one before", &report["repeat"]["of"]);
    }

    fn assignment(&mut self, assignment: &Value) {
        let unit = assignment["unit"].as_str().map(|code| self.page.unit(code));
        self.put("责任单位", "unit responsible", unit);
        for (zh, en, key) in [
            ("责任人", "person responsible", "person"),
            ("责任领导", "leader", "leader"),
            ("措施", "measures", "measures"),
            ("资金", "funds", "funds"),
            ("预案", "emergency plan", "emergency_plan"),
        ] {
            self.text(zh, en, &assignment[key]);
        }
        self.time("时限", "deadline", &assignment["deadline"]);
    }

    fn look_back(&mut self, details: &Value) {
        let page = self.page.page;
        self.number("第几次", "round", &details["round"]);
        let passed = details["passed"] == true;
        let word = if passed {
            page.pick("通过", "passed")
        } else {
            page.pick("不通过", "not passed")
        };
        self.put("结果", "result", Some(word.to_owned()));
        let finding = &details["finding"];
        if finding.is_object() {
            self.number(
                "遥测：再次出现次数",
                "telemetry: came back, times",
                &finding["relapses"],
            );
            self.time("遥测：最近数据", "telemetry: last heard", &finding["last_heard"]);
        }
        self.hazard("另立隐患", "goes on as", &details["successor"]);
    }
}
