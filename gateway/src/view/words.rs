//! Keys with their titles in both languages, and what the enums of the core look like in a schema.

use serde::Serialize;
use utoipa::ToSchema;
use vigil_protocol::vocabulary::{
    CarDirection, CarDriveStatus, EquipmentClass, FaultKey, NoData, Quality, Quantity, ServiceMode,
};

/// A word of the vocabulary: a stable key and its titles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Word {
    /// Stable key.
    pub key: &'static str,
    /// Title, Chinese.
    pub title_zh: &'static str,
    /// Title, English.
    pub title_en: &'static str,
}

impl Word {
    /// A key and its titles, Chinese and English.
    #[must_use]
    pub const fn new(key: &'static str, title_zh: &'static str, title_en: &'static str) -> Self {
        Self {
            key,
            title_zh,
            title_en,
        }
    }
}

macro_rules! word_of {
    ($($type:ty),+) => {
        $(impl From<$type> for Word {
            fn from(word: $type) -> Self {
                Self::new(word.key(), word.title_zh(), word.title_en())
            }
        })+
    };
}

word_of!(
    CarDirection,
    CarDriveStatus,
    EquipmentClass,
    FaultKey,
    NoData,
    Quality,
    Quantity,
    ServiceMode
);

/// Declares how an enum of the core looks in the schema; its words are tested against the core's.
macro_rules! schema_of {
    ($( $(#[$meta:meta])* $name:ident as $public:ident { $($(#[$of:meta])* $variant:ident),+ $(,)? } )+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, Debug, Serialize, ToSchema)]
            #[schema(as = $public)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $( $(#[$of])* $variant ),+ }

            impl $name {
                /// Every word.
                pub const ALL: &'static [Self] = &[$( Self::$variant ),+];
            }
        )+
    };
}

schema_of! {
    /// Seriousness: S1 red, S2 orange, S3 yellow, S4 blue.
    SeverityWords as Severity {
        /// Red: people are in danger now, or a suspected major hazard.
        #[serde(rename = "S1")] S1,
        /// Orange.
        #[serde(rename = "S2")] S2,
        /// Yellow.
        #[serde(rename = "S3")] S3,
        /// Blue.
        #[serde(rename = "S4")] S4,
    }
    /// Grade of a hazard: general, or (suspected) major by GB 45067-2024.
    GradeWords as Grade {
        /// 一般隐患.
        General,
        /// 重大隐患.
        Major,
    }
    /// Where a hazard stands in the closed loop.
    HazardStatusWords as HazardStatus {
        /// 疑似.
        Suspected,
        /// 已确认.
        Confirmed,
        /// 误报.
        Rejected,
        /// 已下达: somebody is responsible, with a deadline.
        Assigned,
        /// 整改中.
        Rectifying,
        /// 自验.
        SelfChecked,
        /// 验收合格.
        Accepted,
        /// 销号.
        StruckOff,
        /// 回头看: looked at again, for the last time.
        LookedBack,
        /// 闭环.
        Closed,
    }
    /// How a hazard was found.
    HazardSourceWords as HazardSource {
        /// 遥测.
        Telemetry,
        /// 检验, 监督检查.
        Inspection,
        /// 巡查.
        Patrol,
        /// 专项整治.
        Campaign,
        /// 群众举报.
        PublicReport,
        /// 台账.
        Register,
        /// 风险管控措施失效.
        RiskControl,
        /// 回头看.
        LookBack,
        /// Otherwise.
        Other,
    }
    /// A step of the closed loop.
    StepWords as HazardStep {
        /// It is real.
        Confirm,
        /// It is not (误报).
        Reject,
        /// A remark.
        Comment,
        /// Files.
        Attach,
        /// Somebody is made responsible, with a deadline (下达整改).
        Assign,
        /// What is done until it is rectified (临时管控措施).
        Interim,
        /// The work begins.
        Start,
        /// How far it is.
        Progress,
        /// Rectified, says the responsible unit (自验).
        SelfCheck,
        /// Somebody should accept it (申请验收).
        RequestAcceptance,
        /// Rectified, says somebody else (验收).
        Accept,
        /// Not rectified.
        RefuseAcceptance,
        /// More time is needed (申请延期).
        RequestExtension,
        /// More time is given.
        GrantExtension,
        /// No more time is given.
        RefuseExtension,
        /// Its use should stop (建议停用).
        RecommendOutOfUse,
        /// Graded anew.
        ChangeGrade,
        /// Under listed supervision (挂牌督办).
        List,
        /// No longer (摘牌).
        Delist,
        /// Rectified where it was found (立查立改).
        FixOnSpot,
        /// Struck off (销号).
        StrikeOff,
        /// Looked at again (回头看).
        LookBack,
        /// Nothing is left to do (闭环).
        Close,
    }
    /// State of ISA-18.2-2016 figure 3.
    AlarmStateWords as AlarmState {
        /// A.
        Normal,
        /// B.
        Unacknowledged,
        /// C.
        Acknowledged,
        /// D.
        ReturnedUnacknowledged,
        /// E.
        LatchedUnacknowledged,
        /// F.
        LatchedAcknowledged,
        /// G.
        Shelved,
        /// H.
        SuppressedByDesign,
        /// I.
        OutOfService,
    }
    /// What an alarm is about.
    AlarmClassWords as AlarmClass {
        /// The equipment.
        Process,
        /// Our ability to see it.
        MonitoringGap,
    }
    /// Whether node and device are alive.
    LinkWords as Link {
        /// Never heard.
        Never,
        /// Born, or sending.
        Online,
        /// Dead.
        Offline,
    }
    /// Why a piece of equipment could not be watched.
    GapReasonWords as GapReason {
        /// Death certificate.
        Offline,
        /// Nothing heard.
        Silent,
        /// The node dropped messages.
        Dropped,
        /// A channel's value is bad or missing.
        BadQuality,
    }
    /// Which side of a limit is wrong.
    DirectionWords as Direction {
        /// At or above.
        High,
        /// At or below.
        Low,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::DeserializeOwned;
    use vigil_core::alarm::{AlarmClass, AlarmState};
    use vigil_core::equipment::Link;
    use vigil_core::hazard::workflow::StepKind;
    use vigil_core::hazard::{HazardSource, HazardStatus};
    use vigil_core::output::GapReason;
    use vigil_core::pack::{Direction, Grade, Severity};

    fn same<Words: Serialize, Core: DeserializeOwned + Serialize>(words: &[Words]) {
        for word in words {
            let text = serde_json::to_string(word).unwrap();
            let core: Core = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(serde_json::to_string(&core).unwrap(), text);
        }
    }

    #[test]
    fn the_words_of_the_schema_are_those_of_the_core() {
        same::<_, Severity>(SeverityWords::ALL);
        same::<_, Grade>(GradeWords::ALL);
        same::<_, HazardStatus>(HazardStatusWords::ALL);
        assert_eq!(HazardStatusWords::ALL.len(), HazardStatus::ALL.len());
        same::<_, HazardSource>(HazardSourceWords::ALL);
        assert_eq!(HazardSourceWords::ALL.len(), HazardSource::ALL.len());
        same::<_, StepKind>(StepWords::ALL);
        assert_eq!(StepWords::ALL.len(), StepKind::ALL.len());
        same::<_, AlarmState>(AlarmStateWords::ALL);
        assert_eq!(AlarmStateWords::ALL.len(), AlarmState::ALL.len());
        same::<_, AlarmClass>(AlarmClassWords::ALL);
        same::<_, Link>(LinkWords::ALL);
        same::<_, GapReason>(GapReasonWords::ALL);
        same::<_, Direction>(DirectionWords::ALL);
    }
}
