//! What nodes do that the specification, or sense, does not expect: counted, explained, tolerated.

use crate::status::Oddity;
use serde::{Deserialize, Serialize};
use vigil_protocol::time::UtcMillis;

/// `Variant "key" "English" "中文";` one line per oddity. The text says what happens and what the gateway does.
macro_rules! oddities {
    ($( $variant:ident $key:literal $en:literal $zh:literal; )+) => {
        /// One kind of odd behaviour.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub(crate) enum OddityKey { $( $variant, )+ }

        impl OddityKey {
            /// Stable key.
            pub(crate) const fn key(self) -> &'static str {
                match self { $( Self::$variant => $key, )+ }
            }

            fn from_key(key: &str) -> Option<Self> {
                match key { $( $key => Some(Self::$variant), )+ _ => None }
            }

            const fn english(self) -> &'static str {
                match self { $( Self::$variant => $en, )+ }
            }

            const fn chinese(self) -> &'static str {
                match self { $( Self::$variant => $zh, )+ }
            }
        }
    };
}

oddities! {
    NoBdSeq "no_bd_seq" "sends no bdSeq: deaths cannot be matched with births, every death counts" "不发送 bdSeq：死亡证书无法与出生证书配对，一律视为离线";
    TwoBdSeq "two_bd_seq" "its birth carries several bdSeq metrics; the last one is used" "出生证书含多个 bdSeq，取最后一个";
    DeathMatchesNoBirth "death_matches_no_birth" "its death certificate matches no birth; taken as offline all the same" "死亡证书与出生证书不匹配，仍视为离线";
    StaleWill "stale_will" "a death certificate of an earlier session arrived after the new birth; ignored" "新会话已建立后收到旧会话的遗嘱，已忽略";
    NeverAnswersRebirth "never_answers_rebirth" "does not answer rebirth requests; not asked again until it is born by itself" "从不响应重生请求；在其自行重新上线前不再请求";
    SilentAfterRebirth "silent_after_rebirth" "went off the air after a rebirth request; never asked again" "收到重生请求后掉线；不再向其发送请求";
    DataBeforeBirth "data_before_birth" "sends data before its birth certificate; named values are used, a rebirth is asked for" "未发出生证书即发送数据；带名称的值照常使用，并请求重生";
    DataAfterDeath "data_after_death" "sends data after its death certificate; taken as online again" "死亡证书之后仍发送数据；重新视为在线";
    DeviceNotReborn "device_not_reborn" "the node was born again but this device was not; taken as offline" "节点重新上线后设备未重新上线；视为离线";
    UnknownAlias "unknown_alias" "uses an alias that no birth declares; those values are kept in the log but cannot be used" "使用未声明的别名；数值留存于日志但无法使用";
    UndeclaredMetric "undeclared_metric" "sends metrics by a name its birth does not declare; used all the same" "发送出生证书未声明的指标名；照常使用";
    DatatypeChanged "datatype_changed" "sends another datatype than its birth declares; read as sent" "数据类型与出生证书不一致；按实际类型读取";
    CaseOnlyNames "case_only_names" "metric names differ only by case; kept apart" "指标名仅大小写不同；按不同指标处理";
    CaseOnlyId "case_only_id" "its id differs only by case from another one; kept apart" "编号与另一编号仅大小写不同；按不同编号处理";
    DuplicateNames "duplicate_names" "its birth declares the same metric name twice; the last one counts" "出生证书重复声明同名指标；以最后一个为准";
    DuplicateAliases "duplicate_aliases" "its birth gives one alias to several metrics; the last one counts" "出生证书将同一别名用于多个指标；以最后一个为准";
    TooManyMetrics "too_many_metrics" "its birth declares more metrics than are kept; the rest is counted only" "出生证书指标过多；超出部分仅计数";
    Reordered "reordered" "its messages arrive out of order without loss (two connections?); put back in order" "报文乱序但未丢失（可能使用两个连接）；已恢复顺序";
    SeqGap "seq_gap" "messages went missing; a rebirth was asked for" "报文丢失；已请求重生";
    NoSeq "no_seq" "sends messages without sequence number: their loss cannot be noticed" "报文不带序号：丢失无法察觉";
    SeqStuck "seq_stuck" "its sequence number does not count up: loss cannot be noticed" "序号不递增：丢失无法察觉";
    SeqRestarted "seq_restarted" "its sequence number began anew without a birth; a rebirth was asked for" "序号在未重新上线的情况下重新开始；已请求重生";
    SeqTooLarge "seq_too_large" "sequence numbers above 255; taken modulo 256" "序号大于 255；按模 256 处理";
    LateMessage "late_message" "a message arrived after it had been given up; used as late data" "报文在放弃等待后才到达；按迟到数据处理";
    ClockSkew "clock_skew" "its clock is off; arrival time is used instead" "设备时钟偏差过大；改用到达时间";
    NoTimestamp "no_timestamp" "sends values without time; arrival time is used" "数值不带时间；使用到达时间";
    UnknownUnit "unknown_unit" "declares a unit the gateway does not know; those values are not believed" "声明了未知单位；相应数值不予采信";
    WrongUnit "wrong_unit" "declares a unit of another dimension than the quantity; those values are not believed" "声明的单位与量纲不符；相应数值不予采信";
    WrongType "wrong_type" "sends values of a type that does not fit the quantity" "数值类型与所测量不符";
    UnsupportedType "unsupported_type" "sends datatypes the gateway does not read (data sets, templates, bytes, arrays)" "发送网关不读取的数据类型（数据集、模板、字节、数组）";
    NotFinite "not_finite" "sends values that are not finite numbers" "发送非有限数值";
    BadMetric "bad_metric" "single metrics cannot be decoded; the rest of their messages is used" "个别指标无法解码；其余部分照常使用";
    Undecodable "undecodable" "messages cannot be decoded; kept as dead letters" "报文无法解码；已存入死信";
    Oversized "oversized" "messages above 1 MiB; kept as dead letters" "报文超过 1 MiB；已存入死信";
    Compressed "compressed" "sends compressed payloads, which the gateway does not read; switch compression off" "发送压缩载荷，网关不读取；请关闭压缩";
    RetainedData "retained_data" "publishes with the retain flag; such copies are never taken for fresh" "以保留标志发布；保留副本不视为新数据";
    JournalWithoutEpoch "journal_without_epoch" "journal numbers before the epoch is known; a rebirth was asked for, the node will send them again" "日志序号先于纪元到达；已请求重生，节点会重发";
    JournalTooFar "journal_too_far" "too many separate holes in its journal; later messages wait until the first are filled" "日志空洞过多；待前面的补齐后再接收";
    JournalDropped "journal_dropped" "its journal was full: the oldest messages are lost for good" "节点日志已满：最早的报文永久丢失";
    JournalNewEpoch "journal_new_epoch" "its journal was formatted; what was missing of the old one is lost for good" "节点日志已格式化；旧日志中缺失部分永久丢失";
    TooManyDevices "too_many_devices" "more unregistered devices than are kept; the rest is logged only" "未登记设备过多；超出部分仅留日志";
}

/// How often and when last. In a node's list at most once per key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OddityCount {
    pub(crate) key: OddityKey,
    pub(crate) count: u32,
    pub(crate) last: UtcMillis,
}

/// A node's oddities: at most one entry per key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Oddities(Vec<OddityCount>);

impl Oddities {
    /// Counts one.
    pub(crate) fn note(&mut self, key: OddityKey, now: UtcMillis) {
        self.note_many(key, 1, now);
    }

    /// Counts `count`; none if it is 0.
    pub(crate) fn note_many(&mut self, key: OddityKey, count: u32, now: UtcMillis) {
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|oddity| oddity.key == key) {
            Some(oddity) => {
                oddity.count = oddity.count.saturating_add(count);
                oddity.last = now;
            }
            None => self.0.push(OddityCount {
                key,
                count,
                last: now,
            }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// For people.
    pub(crate) fn describe(&self) -> Vec<Oddity> {
        self.0
            .iter()
            .map(|oddity| Oddity {
                key: oddity.key.key(),
                text_en: oddity.key.english().to_owned(),
                text_zh: oddity.key.chinese().to_owned(),
                count: oddity.count,
                last: oddity.last,
            })
            .collect()
    }
}

impl Serialize for OddityCount {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.key.key(), self.count, self.last).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for OddityCount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (key, count, last) = <(String, u32, UtcMillis)>::deserialize(deserializer)?;
        let key = OddityKey::from_key(&key).ok_or_else(|| serde::de::Error::custom("unknown oddity"))?;
        Ok(Self { key, count, last })
    }
}
