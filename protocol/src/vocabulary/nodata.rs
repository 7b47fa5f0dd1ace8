//! Why there is no value: a failed read is never 0.

use super::quality::{Bad, Quality};

keyed_enum! {
    /// The stated reason for having no value.
    pub enum NoData {
        NotReported     "not_reported"     "从未上报"       "never reported";
        Null            "null"             "上报为空"       "reported as null";
        Sensor          "sensor"           "传感器或线路故障" "sensor or wire failure";
        Device          "device"           "变送器或控制器故障" "transmitter or controller failure";
        NotConnected    "not_connected"    "通道未接"       "channel not connected";
        Comm            "comm"             "现场通讯失败"    "field communication failed";
        Config          "config"           "量程或单位配置错误" "scaling or unit misconfigured";
        OutOfService    "out_of_service"   "维护停用"       "out of service for maintenance";
        Init            "init"             "等待首个值"      "waiting for the first value";
        NotFinite       "not_finite"       "非有限数值"      "not a finite number";
        WrongType       "wrong_type"       "数据类型不符"    "wrong data type";
        UnsupportedType "unsupported_type" "不支持的数据类型" "unsupported data type";
        Stale           "stale"            "数据过期"       "stale";
        Offline         "offline"          "节点或设备离线"   "node or device offline";
    }
}

impl NoData {
    /// The quality to report beside a missing value.
    pub const fn quality(self) -> Quality {
        match self {
            NoData::NotReported | NoData::Null | NoData::Init => Quality::Bad(Bad::Init),
            NoData::Sensor => Quality::Bad(Bad::Sensor),
            NoData::Device => Quality::Bad(Bad::Device),
            NoData::NotConnected => Quality::Bad(Bad::NotConnected),
            NoData::Comm => Quality::Bad(Bad::Comm),
            NoData::Config => Quality::Bad(Bad::Config),
            NoData::OutOfService => Quality::Bad(Bad::OutOfService),
            NoData::NotFinite => Quality::Bad(Bad::NotFinite),
            NoData::WrongType | NoData::UnsupportedType => Quality::Bad(Bad::WrongType),
            NoData::Stale | NoData::Offline => Quality::Stale,
        }
    }
}
