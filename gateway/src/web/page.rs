//! What every page knows: who reads it, in which language and zone, and where it stands.

use super::format::{self, Times};
use super::markup::{Markup, address, encode, escape};
use super::words::Language;
use super::{Site, assets, terms};
use crate::people::{Access, Session, cookie, gate};
use crate::view::Time;
use crate::view::Word;
use axum::extract::{FromRequestParts, Query};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE};
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Redirect, Response};
use std::convert::Infallible;
use std::sync::Arc;
use vigil_core::desk::DeskRules;
use vigil_core::hazard::HazardStatus;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::{Role, Sight};
use vigil_core::risk::Scheme;
use vigil_protocol::time::UtcMillis;

/// What has a time.
pub(crate) trait At {
    fn at(&self) -> UtcMillis;
}

impl At for UtcMillis {
    fn at(&self) -> UtcMillis {
        *self
    }
}

impl At for Time {
    fn at(&self) -> UtcMillis {
        self.0
    }
}

impl<T: At> At for &T {
    fn at(&self) -> UtcMillis {
        (**self).at()
    }
}

/// Name of the cookie that keeps the language.
pub(crate) const LANGUAGE_COOKIE: &str = "vigil_lang";

/// The reader and the place.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) language: Language,
    pub(crate) times: Times,
    pub(crate) timezone: String,
    /// Path as asked for, still encoded.
    pub(crate) path: String,
    /// Query without `lang`.
    pub(crate) query: Vec<(String, String)>,
    /// Who reads it.
    pub(crate) access: Access,
    /// Signed in, if at all.
    pub(crate) session: Option<Session>,
    /// The rules of the desk it is made by.
    pub(crate) rules: Arc<DeskRules>,
    /// The scheme of risk grading it is made by.
    pub(crate) scheme: &'static Scheme,
}

/// An entry of the main menu.
pub(crate) struct Entry {
    pub(crate) href: &'static str,
    pub(crate) label: &'static str,
    pub(crate) current: bool,
}

/// Entries that belong together.
pub(crate) struct Group {
    pub(crate) label: &'static str,
    pub(crate) entries: Vec<Entry>,
}

impl Group {
    /// Where it leads: its first page.
    pub(crate) fn href(&self) -> &'static str {
        self.entries.first().map_or("/", |entry| entry.href)
    }

    /// Whether the reader is on one of its pages.
    pub(crate) fn is_current(&self) -> bool {
        self.entries.iter().any(|entry| entry.current)
    }
}

/// Groups of the menu, in their order: key, Chinese, English.
const GROUPS: &[(&str, &str, &str)] = &[
    ("today", "今日", "Today"),
    ("equipment", "设备", "Equipment"),
    ("hazards", "隐患", "Hazards"),
    ("risk", "风险", "Risk"),
    ("supervision", "督办", "Supervision"),
    ("lists", "清单", "Lists"),
    ("statistics", "统计", "Statistics"),
    ("administration", "管理", "Administration"),
];

/// Entries of the menu: group, address, Chinese, English. A group without an entry the reader may open is not shown.
#[rustfmt::skip] // a table
const MENU: &[(&str, &str, &str, &str)] = &[
    ("today", "/today", "待办", "Work list"),
    ("today", "/overview", "总览", "Overview"),
    ("hazards", "/hazards", "隐患列表", "All hazards"),
    ("hazards", "/alarms", "报警", "Alarms"),
    ("hazards", "/hazards/new", "上报隐患", "Report a hazard"),
    ("hazards", "/rules", "规则", "Rules"),
    ("equipment", "/equipment", "监测", "Watched"),
    ("equipment", "/register", "台账", "Register"),
    ("equipment", "/units", "单位", "Units"),
    ("equipment", "/calendar", "检验日历", "Calendar"),
    ("equipment", "/coverage", "覆盖率", "Coverage"),
    ("equipment", "/nodes", "终端", "Nodes"),
    ("equipment", "/unregistered", "未登记", "Unregistered"),
    ("risk", "/risk", "风险点", "Risk points"),
    ("risk", "/risk/map", "风险地图", "Risk map"),
    ("risk", "/risk/checks", "措施检查", "Checks"),
    ("risk", "/risk/ranking/equipment", "设备排名", "Equipment by risk"),
    ("risk", "/risk/ranking/units", "单位排名", "Units by risk"),
    ("risk", "/risk/scheme", "评价方法", "Method"),
    ("supervision", "/supervision", "督办、约谈、通报", "Cases"),
    ("lists", "/lists", "四个清单", "The four lists"),
    ("lists", "/list-snapshots", "固化清单", "Frozen lists"),
    ("lists", "/list-files", "导出文件", "Files"),
    ("lists", "/duty", "日管控、周排查、月调度", "Daily control"),
    ("statistics", "/statistics", "统计", "Statistics"),
    ("administration", "/users", "用户", "Users"),
    ("administration", "/audit", "审计", "Audit"),
    ("administration", "/imports", "导入", "Imports"),
];

impl FromRequestParts<Arc<Site>> for Page {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Infallible> {
        let mut query = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map(|query| query.0)
            .unwrap_or_default();
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        // A page that is not behind the gate shows nothing of anybody.
        let access = parts
            .extensions
            .get::<Access>()
            .cloned()
            .unwrap_or_else(Access::none);
        let asked = query
            .iter()
            .find(|(key, _)| key == "lang")
            .and_then(|(_, value)| Language::from_key(value));
        let language = asked
            .or_else(|| cookie(header(COOKIE)?, LANGUAGE_COOKIE).and_then(Language::from_key))
            .or_else(|| access.language.as_deref().and_then(Language::from_key))
            .or_else(|| header(ACCEPT_LANGUAGE).and_then(Language::from_accept))
            .unwrap_or_else(|| site.app.config.web.language.into());
        query.retain(|(key, _)| key != "lang");
        let now = site.app.clock.now();
        Ok(Self {
            language,
            times: Times {
                zone: site.zone.clone(),
                now,
                language,
            },
            timezone: site.app.config.web.timezone.clone(),
            path: parts.uri.path().to_owned(),
            query,
            session: access.session.clone(),
            access,
            rules: site.app.rules.now(),
            scheme: site.app.rules.scheme(),
        })
    }
}

impl Page {
    /// What the reader sees.
    pub(crate) fn sight(&self) -> Sight {
        self.access.sight()
    }

    /// The text in the reader's language.
    pub(crate) fn pick<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        self.language.pick(zh, en)
    }

    /// An area code with its name, as far as one is known.
    pub(crate) fn area(&self, code: &str) -> String {
        match self.rules.areas.name(code) {
            Some((zh, en)) => format!("{code} {}", self.pick(zh, en)),
            None => code.to_owned(),
        }
    }

    /// A value of the query; empty if it is not there.
    pub(crate) fn asked(&self, key: &str) -> &str {
        self.query
            .iter()
            .find(|(name, _)| name == key)
            .map_or("", |(_, value)| value)
    }

    /// Whether a list was asked for with anything besides `but`, which say how it is paged and sorted.
    pub(crate) fn is_filtered(&self, but: &[&str]) -> bool {
        self.query
            .iter()
            .any(|(key, value)| !but.contains(&key.as_str()) && !value.is_empty())
    }

    /// The main menu: what the reader may open, in groups.
    pub(crate) fn menu(&self) -> Vec<Group> {
        // The first page stands for what it shows.
        let here = if self.path == "/" {
            "/overview"
        } else {
            self.path.as_str()
        };
        let is_at = |href: &str| here == href || here.starts_with(&format!("{href}/"));
        let current = MENU
            .iter()
            .map(|(_, href, ..)| *href)
            .filter(|href| is_at(href))
            .max_by_key(|href| href.len());
        GROUPS
            .iter()
            .map(|(key, zh, en)| Group {
                label: self.language.pick(zh, en),
                entries: MENU
                    .iter()
                    .filter(|(group, href, ..)| group == key && gate::may_open(&self.access, href))
                    .map(|(_, href, zh, en)| Entry {
                        href,
                        label: self.language.pick(zh, en),
                        current: current == Some(*href),
                    })
                    .collect(),
            })
            .filter(|group| !group.entries.is_empty())
            .collect()
    }

    /// What somebody does here, in words.
    pub(crate) fn role(&self, role: &Role) -> &'static str {
        terms::role(self.language, *role)
    }

    /// What a unit has to do with equipment.
    pub(crate) fn party(&self, part: &str) -> &'static str {
        terms::party(self.language, part)
    }

    /// Whether the reader runs the gateway.
    pub(crate) fn is_administrator(&self) -> bool {
        self.access.signed_in() && self.access.person.role == Role::Administrator
    }

    /// The same page with some of the query replaced; an empty value takes the key out.
    pub(crate) fn with(&self, key: &str, value: &str) -> String {
        let mut query: Vec<(&str, &str)> = Vec::new();
        let kept = self
            .query
            .iter()
            .filter(|(name, _)| name != key && name != "after");
        query.extend(kept.map(|(name, value)| (name.as_str(), value.as_str())));
        query.push((key, value));
        address(&self.path, &query)
    }

    /// The same page in the other language.
    pub(crate) fn switch_href(&self) -> String {
        let mut query: Vec<(&str, &str)> = self
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        query.push(("lang", self.language.other().key()));
        address(&self.path, &query)
    }

    /// Where to come back to after signing in.
    pub(crate) fn here(&self) -> String {
        encode(&self.here_plain())
    }

    /// Sends who is not signed in to the sign-in page, and from there back to this one.
    pub(crate) fn sign_in_first(&self) -> Response {
        Redirect::to(&format!("/sign-in?next={}", self.here())).into_response()
    }

    /// The address of this page, for the head of a print.
    pub(crate) fn here_plain(&self) -> String {
        let query: Vec<(&str, &str)> = self
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        address(&self.path, &query)
    }

    /// When it was made, with the offset and in UTC.
    pub(crate) fn printed(&self) -> String {
        let now = self.times.now;
        format!(
            "{} {} · {}",
            self.times.full(now),
            self.times.offset(now),
            Times::utc(now)
        )
    }

    pub(crate) fn now(&self) -> Markup {
        self.times.time(self.times.now)
    }

    pub(crate) fn time(&self, at: &impl At) -> Markup {
        self.times.time(at.at())
    }

    pub(crate) fn full_time(&self, at: &impl At) -> Markup {
        self.times.full_time(at.at())
    }

    /// The civil day.
    pub(crate) fn day(&self, at: &impl At) -> String {
        self.times.day(at.at())
    }

    pub(crate) fn age(&self, at: &impl At) -> Markup {
        self.times.age(at.at())
    }

    /// How long ago that was, in words.
    pub(crate) fn since(&self, at: &impl At) -> String {
        let ms = self.times.now.since(at.at());
        if ms < 1_000 {
            self.pick("不到 1 秒", "under 1 s").to_owned()
        } else {
            self.times.duration(ms)
        }
    }

    /// The zone's offset now.
    pub(crate) fn offset(&self) -> String {
        self.times.offset(self.times.now)
    }

    pub(crate) fn word(&self, word: &Word) -> &'static str {
        self.pick(word.title_zh, word.title_en)
    }

    /// A name in two languages.
    pub(crate) fn name<'t>(&self, zh: &'t str, en: &'t str) -> &'t str {
        self.language.pick(zh, if en.is_empty() { zh } else { en })
    }

    /// A length of time in words, from seconds.
    pub(crate) fn seconds(&self, seconds: &f64) -> String {
        self.times.duration((seconds * 1_000.0) as i64)
    }

    pub(crate) fn count(&self, number: &u64) -> String {
        format::count(*number)
    }

    pub(crate) fn percent(&self, part: &f64) -> String {
        format::percent(*part)
    }

    /// The badge of a severity: colour, shape and word.
    pub(crate) fn level(&self, severity: &Severity) -> Markup {
        Markup(format!(
            "<span class=\"level {}\" title=\"{} · {}\">{}</span>",
            terms::severity_class(*severity),
            terms::severity_key(*severity),
            escape(terms::severity_meaning(self.language, *severity)),
            escape(terms::severity(self.language, *severity)),
        ))
    }

    pub(crate) fn status(&self, status: &HazardStatus) -> &'static str {
        terms::status(self.language, *status)
    }

    pub(crate) fn next_step(&self, status: &HazardStatus) -> &'static str {
        terms::next_step(self.language, *status)
    }

    pub(crate) fn grade(&self, grade: &Grade, status: &HazardStatus) -> &'static str {
        terms::grade(self.language, *grade, *status)
    }

    /// A rule's condition or an alarm's detail in words.
    pub(crate) fn readable(&self, text: &str) -> String {
        vigil_core::phrase::readable(self.tongue(), text)
    }

    /// `lang` attribute for text that is quoted as it stands.
    pub(crate) fn lang_of(&self, text: &str) -> &'static str {
        let chinese = text.chars().filter(|c| is_cjk(*c)).count();
        let latin = text.chars().filter(char::is_ascii_alphabetic).count();
        // A Chinese word says about as much as four letters.
        if chinese * 4 > latin { "zh-CN" } else { "en" }
    }

    /// A path segment.
    pub(crate) fn segment(&self, text: &str) -> String {
        encode(text)
    }

    pub(crate) fn style_href(&self) -> &'static str {
        assets::style_href()
    }

    pub(crate) fn icon_href(&self) -> &'static str {
        assets::icon_href()
    }

    pub(crate) fn script_href(&self) -> &'static str {
        assets::script_href()
    }
}

/// Whether a character is written by Chinese pages only.
pub(crate) fn is_cjk(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..='\u{3ffff}')
}
