//! How far a value can be believed, and the codes other systems use for that.
//!
//! Sparkplug 3.0 allows three values of the `Quality` property (0, 192, 500), so the reason does not fit on
//! the wire: the reporting node keeps it in its own value (a bad loop current is no value at all), and the
//! gateway derives the rest. OPC UA codes: OPC 10000-6 annex A; NE 107: F, C, S, M.

keyed_enum! {
    /// The value may be used, with a reservation.
    pub enum Uncertain {
        OutOfSpec   "out_of_spec"  "超出规定范围"   "out of specification";
        LastUsable  "last_usable"  "最后可用值"     "last usable value";
        Inaccurate  "inaccurate"   "准确度存疑"     "accuracy in doubt";
        Substitute  "substitute"   "替代值"        "substituted by hand or simulation";
        ClockSkew   "clock_skew"   "设备时钟偏差"    "device clock is off";
        NoTimestamp "no_timestamp" "缺少时间戳"     "no source timestamp";
        Frozen      "frozen"       "数值冻结"       "value does not change";
    }
}

keyed_enum! {
    /// The value must not be used.
    pub enum Bad {
        Sensor       "sensor"         "传感器或线路故障" "sensor or wire failure";
        Device       "device"         "变送器或控制器故障" "transmitter or controller failure";
        NotConnected "not_connected"  "通道未接"       "channel not connected";
        Comm         "comm"           "现场通讯失败"    "field communication failed";
        Config       "config"         "量程或单位配置错误" "scaling or unit misconfigured";
        OutOfService "out_of_service" "维护停用"       "out of service for maintenance";
        Init         "init"           "等待首个值"      "waiting for the first value";
        NotFinite    "not_finite"     "非有限数值"      "not a finite number";
        Implausible  "implausible"    "超出物理可能"    "physically implausible";
        WrongType    "wrong_type"     "数据类型不符"    "wrong data type";
    }
}

keyed_enum! {
    /// NAMUR NE 107 status signal.
    pub enum Ne107 {
        Ok          "ok"          "正常"     "OK";
        Failure     "failure"     "故障"     "failure (F)";
        Check       "check"       "功能检查"  "function check (C)";
        OutOfSpec   "out_of_spec" "超出规范"  "out of specification (S)";
        Maintenance "maintenance" "需要维护"  "maintenance required (M)";
    }
}

/// Quality of one value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Quality {
    /// Valid.
    Good,
    /// Usable with a reservation.
    Uncertain(Uncertain),
    /// Not usable.
    Bad(Bad),
    /// Was valid; its node or device is gone or silent.
    Stale,
}

/// One line per quality: `Variant(Detail) "key" sparkplug opcua ne107 "中文" "English";`
macro_rules! quality_table {
    ($( $variant:ident $(($detail:ident))? $key:literal $sparkplug:literal $opcua:literal $ne107:ident $zh:literal $en:literal; )+) => {
        impl Quality {
            /// Every quality.
            pub const ALL: &'static [Quality] = &[$( Quality::$variant $(($variant::$detail))?, )+];
            /// Every key, in the order of [`Quality::ALL`].
            pub const KEYS: &'static [&'static str] = &[$( $key, )+];

            /// Stable key, e.g. `bad_sensor`.
            pub const fn key(self) -> &'static str {
                match self { $( Quality::$variant $(($variant::$detail))? => $key, )+ }
            }

            /// The quality with exactly this key.
            pub fn from_key(key: &str) -> Option<Quality> {
                match key { $( $key => Some(Quality::$variant $(($variant::$detail))?), )+ _ => None }
            }

            /// Value of the Sparkplug property `Quality`: 192 good, 0 bad, 500 stale.
            pub const fn sparkplug(self) -> i32 {
                match self { $( Quality::$variant $(($variant::$detail))? => $sparkplug, )+ }
            }

            /// OPC UA status code.
            pub const fn opcua(self) -> u32 {
                match self { $( Quality::$variant $(($variant::$detail))? => $opcua, )+ }
            }

            /// NAMUR NE 107 status signal.
            pub const fn ne107(self) -> Ne107 {
                match self { $( Quality::$variant $(($variant::$detail))? => Ne107::$ne107, )+ }
            }

            /// Chinese title for people.
            pub const fn title_zh(self) -> &'static str {
                match self { $( Quality::$variant $(($variant::$detail))? => $zh, )+ }
            }

            /// English title for people.
            pub const fn title_en(self) -> &'static str {
                match self { $( Quality::$variant $(($variant::$detail))? => $en, )+ }
            }
        }
    };
}

quality_table! {
    Good                     "good"                     192 0x0000_0000 Ok          "良好" "good";
    Uncertain(OutOfSpec)     "uncertain_out_of_spec"    192 0x4094_0000 OutOfSpec   "存疑：超出规定范围" "uncertain: out of specification";
    Uncertain(LastUsable)    "uncertain_last_usable"    500 0x4090_0000 Ok          "存疑：最后可用值" "uncertain: last usable value";
    Uncertain(Inaccurate)    "uncertain_inaccurate"     192 0x4093_0000 Maintenance "存疑：准确度存疑" "uncertain: accuracy in doubt";
    Uncertain(Substitute)    "uncertain_substitute"     192 0x4091_0000 Check       "存疑：替代值" "uncertain: substituted value";
    Uncertain(ClockSkew)     "uncertain_clock_skew"     192 0x4000_0000 Maintenance "存疑：设备时钟偏差" "uncertain: device clock is off";
    Uncertain(NoTimestamp)   "uncertain_no_timestamp"   192 0x4000_0000 Maintenance "存疑：缺少时间戳" "uncertain: no source timestamp";
    Uncertain(Frozen)        "uncertain_frozen"         192 0x4093_0000 Maintenance "存疑：数值冻结" "uncertain: value does not change";
    Bad(Sensor)              "bad_sensor"                 0 0x808C_0000 Failure     "坏：传感器或线路故障" "bad: sensor or wire failure";
    Bad(Device)              "bad_device"                 0 0x808B_0000 Failure     "坏：变送器或控制器故障" "bad: transmitter or controller failure";
    Bad(NotConnected)        "bad_not_connected"          0 0x808A_0000 Failure     "坏：通道未接" "bad: channel not connected";
    Bad(Comm)                "bad_comm"                   0 0x8005_0000 Failure     "坏：现场通讯失败" "bad: field communication failed";
    Bad(Config)              "bad_config"                 0 0x8089_0000 Failure     "坏：量程或单位配置错误" "bad: scaling or unit misconfigured";
    Bad(OutOfService)        "bad_out_of_service"         0 0x808D_0000 Check       "坏：维护停用" "bad: out of service for maintenance";
    Bad(Init)                "bad_init"                   0 0x8032_0000 Ok          "坏：等待首个值" "bad: waiting for the first value";
    Bad(NotFinite)           "bad_not_finite"             0 0x8000_0000 Failure     "坏：非有限数值" "bad: not a finite number";
    Bad(Implausible)         "bad_implausible"            0 0x803C_0000 Failure     "坏：超出物理可能" "bad: physically implausible";
    Bad(WrongType)           "bad_wrong_type"             0 0x8074_0000 Failure     "坏：数据类型不符" "bad: wrong data type";
    Stale                    "stale"                    500 0x408F_0000 Ok          "数据过期" "stale";
}

serde_as_key!(Quality);

impl Quality {
    /// From the Sparkplug property. Beside the three allowed values it understands what real nodes send:
    /// OPC DA quality bytes (0–255) and OPC UA status codes. Anything else is bad, since nobody vouched for it.
    pub const fn from_sparkplug(code: i32) -> Quality {
        match code {
            500 => Quality::Stale,
            0..=255 => Quality::from_opc_da(code as u8),
            // OPC UA: the top two bits are the severity; a negative i32 has the "bad" bit set.
            0x4000_0000..=0x7FFF_FFFF => Quality::from_opcua(code as u32),
            i32::MIN..=-1 => Quality::from_opcua(code as u32),
            _ => Quality::Bad(Bad::Device),
        }
    }

    /// OPC DA quality byte: bits 7–6 severity, bits 5–2 substatus.
    const fn from_opc_da(code: u8) -> Quality {
        match code & 0xFC {
            4 => Quality::Bad(Bad::Config),
            8 => Quality::Bad(Bad::NotConnected),
            16 => Quality::Bad(Bad::Sensor),
            20 => Quality::Uncertain(Uncertain::LastUsable),
            24 => Quality::Bad(Bad::Comm),
            28 => Quality::Bad(Bad::OutOfService),
            32 => Quality::Bad(Bad::Init),
            68 => Quality::Uncertain(Uncertain::LastUsable),
            84 => Quality::Uncertain(Uncertain::OutOfSpec),
            216 => Quality::Uncertain(Uncertain::Substitute),
            64..=127 => Quality::Uncertain(Uncertain::Inaccurate),
            192..=255 => Quality::Good,
            _ => Quality::Bad(Bad::Device),
        }
    }

    /// OPC UA status code with its severity; unknown subcodes keep the severity.
    const fn from_opcua(code: u32) -> Quality {
        let subcode = code & 0xFFFF_0000;
        let mut index = 0;
        while index < Quality::ALL.len() {
            if Quality::ALL[index].opcua() == subcode {
                return Quality::ALL[index];
            }
            index += 1;
        }
        match code >> 30 {
            1 => Quality::Uncertain(Uncertain::Inaccurate),
            _ => Quality::Bad(Bad::Device),
        }
    }

    /// Exactly good.
    pub const fn is_good(self) -> bool {
        matches!(self, Quality::Good)
    }

    /// Good or uncertain: may be shown and evaluated.
    pub const fn is_usable(self) -> bool {
        matches!(self, Quality::Good | Quality::Uncertain(_))
    }
}
