//! Pieces that several pages show the same way: who and where, what a channel says, choices.

use super::format;
use super::markup::{Markup, encode, escape};
use super::page::Page;
use super::terms;
use super::words::Language;
use crate::view::{Card, Completeness, Hazard, NodeState, Said, Watch};
use vigil_protocol::vocabulary::{Quantity, QuantityKind};

/// Word and class of whether equipment is watched.
pub(crate) const fn watch(language: Language, watch: Watch) -> &'static str {
    match watch {
        Watch::Never => language.pick("从未上报", "never heard"),
        Watch::Offline => language.pick("离线", "offline"),
        Watch::Silent => language.pick("静默", "silent"),
        Watch::Online => language.pick("在线", "online"),
    }
}

/// One of several ways to look at a list.
pub(crate) struct Choice {
    pub(crate) href: String,
    pub(crate) label: String,
    pub(crate) count: Option<u64>,
    pub(crate) current: bool,
}

impl Page {
    /// The name of a piece of equipment.
    pub(crate) fn name_of<'c>(&self, card: &'c Card) -> &'c str {
        self.name(&card.name_zh, &card.name_en)
    }

    /// Its site; empty if the register does not say.
    pub(crate) fn site_of<'c>(&self, card: &'c Card) -> &'c str {
        let zh = card.site.as_deref().unwrap_or_default();
        match self.language {
            Language::Zh => zh,
            Language::En => card.site_en.as_deref().unwrap_or(zh),
        }
    }

    /// Who and where: name with link, site, registration number.
    pub(crate) fn place(&self, card: &Option<Card>, id: &str) -> Markup {
        let Some(card) = card else {
            return Markup(format!(
                "<b>{}</b><div class=\"small muted\">{}</div>",
                escape(id),
                self.pick("目录中已无此设备", "no longer in the catalog")
            ));
        };
        let mut facts: Vec<String> = Vec::new();
        let site = self.site_of(card);
        if !site.is_empty() {
            facts.push(escape(site));
        }
        facts.push(match &card.registration_no {
            Some(number) => format!(
                "<span class=\"nowrap\">{} {}</span>",
                self.pick("登记证", "reg. no."),
                escape(number)
            ),
            None => format!("<span class=\"mono\">{}</span>", escape(&card.id)),
        });
        Markup(format!(
            "<a class=\"who\" href=\"/equipment/{}\">{}</a><div class=\"small muted\">{}</div>",
            encode(&card.id),
            escape(self.name_of(card)),
            facts.join(" · ")
        ))
    }

    /// Who and where, of a hazard: equipment that no catalog has is known to the register.
    pub(crate) fn place_of_hazard(&self, hazard: &Hazard) -> Markup {
        let Some(name) = &hazard.equipment_name else {
            return self.place(&hazard.equipment, &hazard.equipment_id);
        };
        Markup(format!(
            "<a class=\"who\" href=\"/register/{}\">{}</a><div class=\"small muted\"><span class=\"mono\">{}</span> · {}</div>",
            encode(&hazard.equipment_id),
            escape(name),
            escape(&hazard.equipment_id),
            self.pick("未接入遥测", "no telemetry")
        ))
    }

    /// The same for equipment that is in the catalog.
    pub(crate) fn place_of(&self, card: &Card) -> Markup {
        self.place(&Some(card.clone()), &card.id)
    }

    /// A nameplate value: no more digits than were given.
    pub(crate) fn plain(&self, value: &f64) -> String {
        format::plain(*value)
    }

    /// What a channel says, with its unit.
    pub(crate) fn said(&self, key: &str, said: &Said) -> Markup {
        let quantity = Quantity::from_key(key);
        if let Some(reason) = &said.no_data {
            return Markup(format!(
                "<span class=\"reason\">{}</span>",
                escape(self.word(reason))
            ));
        }
        if let Some(state) = &said.state {
            return Markup(escape(self.word(state)));
        }
        if let Some(on) = said.on {
            return Markup(
                self.pick(if on { "是" } else { "否" }, if on { "yes" } else { "no" })
                    .to_owned(),
            );
        }
        if let Some(code) = &said.code {
            let meaning = code
                .fault
                .as_ref()
                .map_or(self.pick("未知代码", "unknown code"), |fault| {
                    self.word(fault)
                });
            let raw = if code.raw.is_empty() {
                String::new()
            } else {
                format!(" <span class=\"mono muted\">{}</span>", escape(&code.raw))
            };
            return Markup(format!("{}{raw}", escape(meaning)));
        }
        let Some(value) = said.value else {
            return Markup("—".to_owned());
        };
        let Some(quantity) = quantity else {
            return Markup(value.to_string());
        };
        // Floors are numbers without unit or decimals.
        let text = match quantity.kind() {
            QuantityKind::Analog | QuantityKind::Counter => format::number(quantity, value),
            _ => format!("{value}"),
        };
        match terms::unit(self.language, quantity.unit()) {
            "" => Markup(text),
            unit => Markup(format!("{text}<span class=\"unit\"> {}</span>", escape(unit))),
        }
    }

    /// A number of a quantity with its unit, as text.
    pub(crate) fn measure(&self, key: &str, value: &f64) -> String {
        match Quantity::from_key(key) {
            Some(quantity) => {
                let number = format::number(quantity, *value);
                match terms::unit(self.language, quantity.unit()) {
                    "" => number,
                    unit => format!("{number} {unit}"),
                }
            }
            None => value.to_string(),
        }
    }

    /// Title of a quantity by key.
    pub(crate) fn quantity<'k>(&self, key: &'k str) -> &'k str {
        Quantity::from_key(key).map_or(key, |quantity| terms::quantity(self.language, quantity))
    }

    /// Whether equipment is watched.
    pub(crate) fn watch(&self, state: &Watch) -> &'static str {
        watch(self.language, *state)
    }

    /// How a node is.
    pub(crate) fn node_state(&self, state: &NodeState) -> &'static str {
        match state {
            NodeState::Never => self.pick("从未上报", "never heard"),
            NodeState::Offline => self.pick("离线", "offline"),
            NodeState::Online => self.pick("在线", "online"),
        }
    }

    /// How much was watched, in one sentence: what makes "no hazards" mean something.
    pub(crate) fn completeness(&self, completeness: &Completeness) -> String {
        let span = self.seconds(&(completeness.to.0.since(completeness.from.0) as f64 / 1_000.0));
        let Some(covered) = completeness.covered_percent else {
            return self
                .pick("尚无可监测的数据。", "There was nothing to watch yet.")
                .to_owned();
        };
        let covered = format::percent(covered);
        let gaps = match (self.language, completeness.gaps, completeness.open_gaps) {
            (Language::Zh, 0, _) => "无中断".to_owned(),
            (Language::Zh, gaps, 0) => format!("{gaps} 处中断"),
            (Language::Zh, gaps, open) => format!("{gaps} 处中断，其中 {open} 处仍在持续"),
            (Language::En, 0, _) => "no gaps".to_owned(),
            (Language::En, 1, 0) => "1 gap".to_owned(),
            (Language::En, gaps, 0) => format!("{gaps} gaps"),
            (Language::En, 1, _) => "1 gap, which lasts".to_owned(),
            (Language::En, gaps, open) => format!("{gaps} gaps, {open} of them lasting"),
        };
        let bad = match (self.language, completeness.bad_channels) {
            (_, 0) => String::new(),
            (Language::Zh, bad) => format!("；{bad} 个通道现无有效值"),
            (Language::En, 1) => "; 1 channel without a usable value now".to_owned(),
            (Language::En, bad) => format!("; {bad} channels without a usable value now"),
        };
        let filled = match (self.language, completeness.backfilled_s) {
            (_, seconds) if seconds < 1.0 => String::new(),
            (Language::Zh, seconds) => format!("（其中 {} 由终端补传）", self.seconds(&seconds)),
            (Language::En, seconds) => {
                format!(" ({} of it back-filled by the nodes)", self.seconds(&seconds))
            }
        };
        match self.language {
            Language::Zh => format!("过去 {span}：监测覆盖 {covered}{filled}；{gaps}{bad}。"),
            Language::En => format!("Last {span}: {covered} watched{filled}; {gaps}{bad}."),
        }
    }
}
