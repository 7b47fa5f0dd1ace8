//! What a page or the API shows, put together from the pipeline and the store.
//!
//! ```text
//! App ─► engine (what is now) ┐
//!     └► store (what was)     ┴─► view::* (plain data) ─► api (JSON), web (pages)
//! ```
//! Every answer is plain, serializable data in display units: times are [`Time`], numbers have their unit in
//! the name or beside them, a missing value has its reason, and no count of hazards comes without
//! [`Completeness`].

mod alarms;
mod ask;
mod card;
mod case_steps;
mod codes;
mod completeness;
pub mod duty;
pub mod duty_table;
mod equipment;
mod error;
mod hazard;
mod hazards;
mod health;
pub mod lists;
mod log;
mod news;
mod nodes;
mod overview;
mod owners;
pub mod register;
pub mod risk;
mod risk_trace;
mod rules;
mod series;
mod sinks;
pub mod statistics;
mod steps;
mod strangers;
pub mod supervision;
mod time;
mod trend;
mod value;
pub mod words;
mod worklist;

pub use alarms::{Alarm, AlarmChange, alarm_changes, alarms};
pub use card::{Card, unknown};
pub use case_steps::CaseBlockedStep;
pub use codes::{CodeLines, Elsewhere, UnknownCode, UnknownCodes, unknown_codes};
pub use completeness::{Completeness, Gap, MessageCounts};
pub use equipment::{
    ChannelNow, EquipmentDetail, EquipmentFilter, EquipmentLine, EquipmentPage, NameplateValue, Watch,
    equipment, equipment_list,
};
pub use error::{ViewError, nearest};
pub use hazard::{
    AttachedFile, Chain, Citation, EvidenceSeries, EvidenceWindow, HandlingView, HazardDetail, HazardHistory,
    hazard,
};
pub use hazards::{Hazard, HazardPage, hazards, is_open};
pub use health::{Check, Readiness};
pub use news::{AlarmNews, GapNews, HazardNews, News, NodeNews, UnregisteredNews, news};
pub use nodes::{Device, Journal, Node, NodeFilter, NodePage, NodeState, Odd, node, nodes};
pub use overview::{
    HazardCounts, Hour, NodeCounts, NotWatched, Overview, SeverityCounts, StoreSize, WatchCounts, overview,
};
pub use owners::scope_of;
pub use risk_trace::{RiskChange, RiskOrigin};
pub use rules::{Limit, Pack, RuleCard, RuleInForce, Rules, rules};
pub use series::Point;
pub use sinks::{Entry, EntryState, Missed, OutboxPage, Sink, SinkKind, Sinks, outbox, sinks};
pub use steps::{BlockedStep, NextStep, Party};
pub use strangers::{DeadLetter, DeadLetters, Metric, Stranger, Unregistered, dead_letters, unregistered};
pub use time::{NotATime, Time};
pub use trend::{HazardMark, Trend, TrendSource, trend};
pub use value::{Code, Evidence, Live, Said, state_word};
pub use words::Word;
pub use worklist::{WorkGroup, WorkLine, Worklist, worklist};

/// The word an enum of the core is written as.
fn view_of(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Only enums without fields are asked for.
        _ => String::new(),
    }
}
