//! The four lists: overview, live pages, files on their way, frozen copies. Works without scripts.

pub(crate) mod files;
pub(crate) mod frozen;
pub(crate) mod live;
mod overview;

pub(crate) use overview::show;

use super::fault::Fault;
use super::page::Page;
use super::words::Language;
use crate::desk::lists::ListError;
use crate::view::lists::ListAsked;
use vigil_core::hazard::HazardStatus;
use vigil_core::lists::{ListKey, Tongue};

impl From<ListError> for Fault {
    fn from(error: ListError) -> Self {
        let said = error.to_string();
        match error {
            ListError::NotFound { .. } => Self::NotFound,
            ListError::Store(_) | ListError::File { .. } | ListError::Stopping => Self::Unavailable(said),
            ListError::Write(_) => Self::Broken(said),
            ListError::Value { .. } | ListError::Refused { .. } | ListError::KeyReused => {
                Self::BadRequest(said)
            }
        }
    }
}

/// A list of an address.
fn key(text: &str) -> Result<ListKey, Fault> {
    ListKey::from_key(text).ok_or(Fault::NotFound)
}

/// A number of an address.
fn number(text: &str) -> Result<i64, Fault> {
    text.parse().map_err(|_| Fault::NotFound)
}

/// Why something is refused, in the reader's language.
fn why(page: &Page, error: ListError) -> String {
    match error {
        ListError::Refused {
            message, message_zh, ..
        } => page.pick(&message_zh, &message).to_owned(),
        ListError::Value { field, what } => {
            let label = match field {
                "from" => page.pick("开始日期", "first day"),
                "to" => page.pick("结束日期", "last day"),
                "area" => page.pick("区划代码", "area code"),
                "unit" => page.pick("单位代码", "code of the unit"),
                "state" => page.pick("状态", "state"),
                _ => field,
            };
            let said = match (field, page.language) {
                ("from" | "to", Language::Zh) if what.starts_with("a day") => {
                    "日期应写作 2026-05-01".to_owned()
                }
                ("to", Language::Zh) => "结束日期早于开始日期".to_owned(),
                ("from", Language::Zh) => "固化清单须给出期间的首日和末日".to_owned(),
                ("area", Language::Zh) => "GB/T 2260 区划代码，最多六位数字，如 2103".to_owned(),
                ("unit", Language::Zh) => "最多64个字符".to_owned(),
                ("state", Language::Zh) => "没有这种状态".to_owned(),
                _ => what,
            };
            format!("{label}: {said}")
        }
        error => error.to_string(),
    }
}

impl Page {
    /// The language of what is listed.
    pub(crate) fn tongue(&self) -> Tongue {
        match self.language {
            Language::Zh => Tongue::Zh,
            Language::En => Tongue::En,
        }
    }

    /// Where a file stands.
    pub(crate) fn file_state(&self, key: &str) -> &'static str {
        match key {
            "waiting" => self.pick("排队中", "waiting"),
            "running" => self.pick("生成中", "being made"),
            "done" => self.pick("已完成", "done"),
            "failed" => self.pick("失败", "failed"),
            "cancelled" => self.pick("已取消", "cancelled"),
            _ => self.pick("已过期删除", "removed after its time"),
        }
    }

    /// What of a list was asked for, in words.
    pub(crate) fn list_asked(&self, asked: &ListAsked) -> String {
        let day = |day: Option<jiff::civil::Date>| day.map_or_else(|| "…".to_owned(), |day| day.to_string());
        let mut said = match (asked.from, asked.to) {
            (None, None) => self.pick("全部期间", "all time").to_owned(),
            (from, to) => format!("{} – {}", day(from), day(to)),
        };
        if !asked.area.is_empty() {
            said.push_str(&format!(" · {} {}", self.pick("区划", "area"), asked.area));
        }
        if !asked.unit.is_empty() {
            said.push_str(&format!(" · {} {}", self.pick("单位", "unit"), asked.unit));
        }
        let state = asked
            .state
            .as_deref()
            .and_then(|key| HazardStatus::ALL.into_iter().find(|one| state_key(*one) == key));
        if let Some(state) = state {
            said.push_str(&format!(" · {}", self.status(&state)));
        }
        said
    }

    /// Bytes as people read them.
    pub(crate) fn bytes(&self, size: &u64) -> String {
        match *size {
            size @ 0..10_240 => format!("{size} B"),
            size @ 10_240..10_485_760 => format!("{} KiB", size / 1_024),
            size => format!("{} MiB", size / 1_048_576),
        }
    }
}

/// As addresses have it.
fn state_key(status: HazardStatus) -> String {
    match serde_json::to_value(status) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
