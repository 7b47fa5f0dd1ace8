//! The facts a register holds about a piece of equipment.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Where a fact stands on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Codes and names.
    Identity,
    /// Where it stands.
    Place,
    /// Units.
    Parties,
    /// Persons.
    People,
    /// Dates and inspections.
    Dates,
    /// State and design life.
    State,
    /// Parameters of a lift.
    Lift,
    /// Parameters of a boiler.
    Boiler,
    /// Parameters of a vessel.
    Vessel,
    /// Safety valve and gauge as typed in one row; further ones are kept beside.
    Accessories,
    /// Insurance.
    Insurance,
    /// The node that watches it.
    Terminal,
}

/// What a fact is made of. Numbers are kept in the unit named here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Words, at most so many characters.
    Text(usize),
    /// Capital letters and digits, no spaces.
    Code,
    /// Registration certificate number.
    RegistrationNo,
    /// Unified social credit code.
    Uscc,
    /// Catalogue code.
    Category,
    /// GB/T 2260.
    Area,
    /// A day; `true`: something ends on it, so a month means its last day.
    Date(bool),
    /// A number in this unit, not below zero.
    Number(&'static str),
    /// A number of degrees, minutes as decimals, within ±180.
    Degrees,
    /// A count.
    Count,
    /// [`super::UseState`].
    State,
    /// [`super::Conclusion`].
    Conclusion,
    /// [`super::PlaceType`].
    Place,
    /// 安全状况等级, 1 to 5.
    Grade,
    /// Yes or no.
    YesNo,
}

macro_rules! fields {
    ($($variant:ident $key:literal $group:ident ($kind:expr) $zh:literal $en:literal [$($other:literal)*];)*) => {
        /// A fact of the register.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs, reason = "their titles say it")]
        pub enum Field { $($variant),* }

        impl Field {
            /// All of them, in the order of a page.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable key.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            /// In Chinese.
            #[must_use]
            pub const fn title_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),* }
            }

            /// In English.
            #[must_use]
            pub const fn title_en(self) -> &'static str {
                match self { $(Self::$variant => $en),* }
            }

            /// Where it stands.
            #[must_use]
            pub const fn group(self) -> Group {
                match self { $(Self::$variant => Group::$group),* }
            }

            /// What it is made of.
            #[must_use]
            pub const fn kind(self) -> Kind {
                use Kind::*;
                match self { $(Self::$variant => $kind),* }
            }

            /// Further heads of columns that mean it.
            #[must_use]
            pub const fn synonyms(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($other),*]),* }
            }
        }
    };
}

fields! {
    Id "id" Identity (Text(64)) "系统编号" "Vigil id" ["vigil编号" "设备id" "设备编号"];
    Name "name" Identity (Text(200)) "设备名称" "name" ["产品名称" "名称" "equipment name"];
    Category "category" Identity (Category) "类别代码" "category code" ["设备类别代码" "品种代码" "设备品种" "设备类别" "设备种类" "类别" "category"];
    RegistrationNo "registration_no" Identity (RegistrationNo) "使用登记证编号" "registration certificate no." ["使用登记证号" "登记证编号" "登记证号" "使用证编号" "使用证号" "registration no"];
    EquipmentCode "equipment_code" Identity (Code) "设备代码" "equipment code" ["特种设备代码"];
    RegistrationCode "registration_code" Identity (Code) "注册代码" "registration code (before 2014)" ["设备注册代码"];
    FactoryNo "factory_no" Identity (Text(100)) "出厂编号" "factory no." ["产品编号" "制造编号" "出厂编号/产品编号" "serial number" "serial no"];
    InternalNo "internal_no" Identity (Text(100)) "单位内编号" "no. within the unit" ["内部编号" "单位内部编号" "使用单位编号"];
    Model "model" Identity (Text(100)) "型号" "model" ["规格型号" "设备型号" "型号规格" "产品型号"];
    RescueCode "rescue_code" Identity (Text(20)) "电梯识别码" "rescue code" ["救援识别码" "96333识别码" "96333编号" "识别码"];
    Location "location" Place (Text(300)) "使用地点" "location" ["安装地点" "设备所在地" "使用地址" "安装位置" "地址" "address"];
    Area "area" Place (Area) "区划代码" "area code" ["行政区划代码" "行政区划" "区域代码" "区划" "所在区划"];
    Estate "estate" Place (Text(200)) "楼盘" "estate" ["小区名称" "楼盘名称" "小区" "building"];
    PlaceType "place_type" Place (Place) "场所性质" "place type" ["使用场所" "场所类型" "场所类别" "使用场所类型"];
    Longitude "longitude" Place (Degrees) "经度" "longitude" ["gps经度"];
    Latitude "latitude" Place (Degrees) "纬度" "latitude" ["gps纬度"];
    UseUnit "use_unit" Parties (Text(200)) "使用单位" "use unit" ["使用单位名称" "user"];
    UseUnitUscc "use_unit_uscc" Parties (Uscc) "使用单位统一社会信用代码" "use unit's credit code" ["使用单位信用代码" "统一社会信用代码" "使用单位代码" "uscc"];
    UseUnitContact "use_unit_contact" Parties (Text(100)) "使用单位联系人" "use unit's contact" ["联系人" "contact"];
    UseUnitPhone "use_unit_phone" Parties (Text(40)) "使用单位联系电话" "use unit's phone" ["联系电话" "联系人电话" "电话" "phone"];
    OwnerUnit "owner_unit" Parties (Text(200)) "产权单位" "owner" ["产权单位名称" "产权人"];
    OwnerUnitUscc "owner_unit_uscc" Parties (Uscc) "产权单位统一社会信用代码" "owner's credit code" ["产权单位信用代码"];
    MaintenanceUnit "maintenance_unit" Parties (Text(200)) "维保单位" "maintenance unit" ["维护保养单位" "维保单位名称" "maintainer"];
    MaintenanceUnitUscc "maintenance_unit_uscc" Parties (Uscc) "维保单位统一社会信用代码" "maintenance unit's credit code" ["维保单位信用代码"];
    MaintenancePhone "maintenance_phone" Parties (Text(40)) "维保电话" "maintenance phone" ["维保单位电话" "维保联系电话" "应急救援电话"];
    Manufacturer "manufacturer" Parties (Text(200)) "制造单位" "manufacturer" ["生产厂家" "制造厂家" "制造单位名称" "生产单位" "制造商"];
    Installer "installer" Parties (Text(200)) "安装单位" "installer" ["安装单位名称"];
    Modifier "modifier" Parties (Text(200)) "改造单位" "modifier" ["改造(修理)单位"];
    InspectionBody "inspection_body" Parties (Text(200)) "检验机构" "inspection body" ["检验单位" "检验检测机构" "检验机构名称" "检验检测机构名称"];
    InspectionBodyUscc "inspection_body_uscc" Parties (Uscc) "检验机构统一社会信用代码" "inspection body's credit code" ["检验机构信用代码"];
    Principal "principal" People (Text(100)) "主要负责人" "principal" ["单位主要负责人" "法定代表人"];
    SafetyDirector "safety_director" People (Text(100)) "安全总监" "safety director" [];
    SafetyOfficer "safety_officer" People (Text(100)) "安全员" "safety officer" ["安全管理员" "安全管理人员" "设备安全员"];
    SafetyOfficerPhone "safety_officer_phone" People (Text(40)) "安全员电话" "safety officer's phone" ["安全管理员电话" "安全员联系电话" "安全管理人员电话"];
    Manufactured "manufactured" Dates (Date(false)) "制造日期" "manufactured" ["出厂日期" "生产日期" "date of manufacture"];
    Installed "installed" Dates (Date(false)) "安装日期" "installed" ["安装竣工日期" "竣工日期"];
    Supervised "supervised" Dates (Date(false)) "安装监督检验日期" "supervisory inspection" ["监督检验日期" "监检日期" "验收检验日期"];
    FirstUse "first_use" Dates (Date(false)) "投用日期" "first use" ["投入使用日期" "启用日期"];
    Registered "registered" Dates (Date(false)) "使用登记日期" "registered" ["登记日期" "发证日期" "登记证发证日期"];
    LastInspection "last_inspection" Dates (Date(false)) "上次检验日期" "last inspection" ["检验日期" "上次定期检验日期" "最近检验日期" "定期检验日期"];
    InspectionConclusion "inspection_conclusion" Dates (Conclusion) "检验结论" "inspection conclusion" ["检验结果" "上次检验结论"];
    NextInspection "next_inspection" Dates (Date(true)) "下次检验日期" "next inspection" ["下次定期检验日期" "检验有效期" "有效期至" "检验有效期至" "下检日期"];
    LastInternal "last_internal_inspection" Dates (Date(false)) "上次内部检验日期" "last internal inspection" ["内部检验日期"];
    NextInternal "next_internal_inspection" Dates (Date(true)) "下次内部检验日期" "next internal inspection" [];
    LastAnnualCheck "last_annual_check" Dates (Date(false)) "上次年度检查日期" "last annual check" ["年度检查日期"];
    LastSelfTest "last_self_test" Dates (Date(false)) "上次自行检测日期" "last self-test" ["自行检测日期" "上次检测日期"];
    Modified "modified" Dates (Date(false)) "改造或重大修理日期" "modified or repaired" ["改造日期" "重大修理日期"];
    State "state" State (State) "使用状态" "state" ["设备状态" "状态" "使用情况" "status"];
    StateSince "state_since" State (Date(false)) "状态变更日期" "in this state since" ["停用日期" "报废日期" "注销日期"];
    DesignLife "design_life" State (Number("a")) "设计使用年限" "design life" ["设计年限" "使用年限"];
    LifeAssessedUntil "life_assessed_until" State (Date(true)) "安全评估允许使用至" "use allowed by assessment until" ["评估有效期" "允许使用至"];
    Retrofit "retrofit" State (YesNo) "加装电梯" "retrofit lift" ["是否加装" "是否加装电梯"];
    Remarks "remarks" State (Text(1000)) "备注" "remarks" ["说明"];
    Floors "floors" Lift (Count) "层数" "floors" ["层"];
    Stops "stops" Lift (Count) "站数" "stops" ["站"];
    Doors "doors" Lift (Count) "门数" "doors" ["门"];
    RatedLoad "rated_load" Lift (Number("kg")) "额定载重" "rated load" ["额定载重量" "额定载荷" "载重量"];
    RatedSpeed "rated_speed" Lift (Number("m/s")) "额定速度" "rated speed" ["速度" "名义速度"];
    ControllerModel "controller_model" Lift (Text(100)) "控制柜型号" "controller model" [];
    ControllerNo "controller_no" Lift (Text(100)) "控制柜编号" "controller no." [];
    Machine "machine" Lift (Text(100)) "曳引机" "machine" ["曳引机型号" "曳引机编号" "曳引机型号/编号"];
    Governor "governor" Lift (Text(100)) "限速器" "overspeed governor" ["限速器型号" "限速器编号" "限速器型号/编号"];
    GovernorCalibrated "governor_calibrated" Lift (Date(false)) "限速器校验日期" "governor calibrated" ["上次限速器校验日期" "限速器上次校验日期"];
    Ucmp "ucmp" Lift (Text(100)) "轿厢意外移动保护装置" "UCMP device" ["ucmp" "ucmp型号"];
    Buffer "buffer" Lift (Text(100)) "缓冲器" "buffer" ["缓冲器型号"];
    BrakeTested "brake_tested" Lift (Date(false)) "125%制动试验日期" "125 % brake test" ["制动试验日期" "上次制动试验日期"];
    RatedEvaporation "rated_evaporation" Boiler (Number("t/h")) "额定蒸发量" "rated evaporation" ["蒸发量"];
    RatedPower "rated_power" Boiler (Number("MW")) "额定热功率" "rated heat output" ["热功率" "额定功率"];
    RatedPressure "rated_pressure" Boiler (Number("MPa")) "额定工作压力" "rated working pressure" ["额定压力" "额定出口压力" "工作压力"];
    RatedTemperature "rated_temperature" Boiler (Number("℃")) "额定温度" "rated temperature" ["额定出口温度" "额定蒸汽温度"];
    Fuel "fuel" Boiler (Text(100)) "燃料" "fuel" ["燃料种类" "燃料品种"];
    Firing "firing" Boiler (Text(100)) "燃烧方式" "firing" [];
    DesignPressure "design_pressure" Vessel (Number("MPa")) "设计压力" "design pressure" [];
    Mawp "mawp" Vessel (Number("MPa")) "最高允许工作压力" "MAWP" ["最高工作压力"];
    DesignTemperature "design_temperature" Vessel (Degrees) "设计温度" "design temperature" [];
    Volume "volume" Vessel (Number("m³")) "容积" "volume" ["容器容积"];
    Medium "medium" Vessel (Text(100)) "介质" "medium" ["工作介质" "储存介质" "充装介质"];
    SafetyGrade "safety_grade" Vessel (Grade) "安全状况等级" "safety grade" ["安全等级"];
    ValvePressure "valve_set_pressure" Accessories (Number("MPa")) "安全阀整定压力" "safety valve's set pressure" ["安全阀开启压力"];
    ValveCalibrated "valve_calibrated" Accessories (Date(false)) "安全阀校验日期" "safety valve calibrated" ["安全阀上次校验日期"];
    ValveDue "valve_due" Accessories (Date(true)) "安全阀下次校验日期" "safety valve due" ["安全阀校验有效期"];
    GaugeVerified "gauge_verified" Accessories (Date(false)) "压力表检定日期" "gauge verified" ["压力表上次检定日期"];
    GaugeDue "gauge_due" Accessories (Date(true)) "压力表下次检定日期" "gauge due" ["压力表检定有效期"];
    Insurer "insurer" Insurance (Text(200)) "保险公司" "insurer" ["承保公司" "保险人"];
    PolicyNo "policy_no" Insurance (Text(100)) "保单号" "policy no." ["保险单号"];
    InsuredFrom "insured_from" Insurance (Date(false)) "保险起期" "insured from" ["保险开始日期" "保险起始日期"];
    InsuredTo "insured_to" Insurance (Date(true)) "保险止期" "insured to" ["保险到期日期" "保险有效期" "保险截止日期" "保险终止日期"];
    InsuredAmount "insured_amount" Insurance (Number("CNY")) "保险金额" "insured amount" ["保额"];
    TerminalSerial "terminal_serial" Terminal (Text(100)) "终端序列号" "terminal's serial no." ["终端编号" "采集终端编号"];
    TerminalFirmware "terminal_firmware" Terminal (Text(100)) "终端固件版本" "terminal's firmware" ["固件版本"];
    TerminalSim "terminal_sim" Terminal (Text(40)) "SIM卡号" "SIM" ["sim" "物联网卡号"];
    TerminalMapping "terminal_mapping" Terminal (Text(100)) "点表版本" "mapping version" ["映射版本"];
}

impl Group {
    /// All of them, in the order of a page.
    pub const ALL: &'static [Self] = &[
        Self::Identity,
        Self::Place,
        Self::Parties,
        Self::People,
        Self::Dates,
        Self::State,
        Self::Lift,
        Self::Boiler,
        Self::Vessel,
        Self::Accessories,
        Self::Insurance,
        Self::Terminal,
    ];

    /// In Chinese and English.
    #[must_use]
    pub const fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Identity => ("标识", "Identity"),
            Self::Place => ("地点", "Place"),
            Self::Parties => ("单位", "Units"),
            Self::People => ("人员", "People"),
            Self::Dates => ("日期与检验", "Dates and inspections"),
            Self::State => ("状态与年限", "State and life"),
            Self::Lift => ("电梯参数", "Lift"),
            Self::Boiler => ("锅炉参数", "Boiler"),
            Self::Vessel => ("压力容器参数", "Vessel"),
            Self::Accessories => ("安全附件", "Safety accessories"),
            Self::Insurance => ("保险", "Insurance"),
            Self::Terminal => ("终端", "Terminal"),
        }
    }

    /// Whether it says anything about equipment of this category.
    #[must_use]
    pub fn concerns(self, category: &str) -> bool {
        let kind = category.chars().next();
        match self {
            Self::Lift => matches!(kind, None | Some('3')),
            Self::Boiler => matches!(kind, None | Some('1')),
            Self::Vessel => matches!(kind, None | Some('2' | '8')),
            Self::Accessories => !matches!(kind, Some('3' | '4' | '5' | '6' | '9')),
            _ => true,
        }
    }
}

impl Field {
    /// By its key.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.key() == key)
    }

    /// Whether it says something about a person: who reads it is recorded.
    #[must_use]
    pub const fn is_personal(self) -> bool {
        matches!(
            self,
            Self::UseUnitContact
                | Self::UseUnitPhone
                | Self::MaintenancePhone
                | Self::Principal
                | Self::SafetyDirector
                | Self::SafetyOfficer
                | Self::SafetyOfficerPhone
        )
    }

    /// Longest text, characters.
    #[must_use]
    pub const fn longest(self) -> usize {
        match self.kind() {
            Kind::Text(longest) => longest,
            Kind::Code | Kind::Uscc | Kind::RegistrationNo => 64,
            _ => 100,
        }
    }

    /// Unit of a number; empty for everything else.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self.kind() {
            Kind::Number(unit) => unit,
            _ => "",
        }
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::from_key(&key).ok_or_else(|| serde::de::Error::custom(format!("there is no field {key:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Group};
    use std::collections::BTreeMap;

    #[test]
    fn no_two_fields_answer_to_the_same_word() {
        let mut taken: BTreeMap<String, Field> = BTreeMap::new();
        for &field in Field::ALL {
            let words = [field.key(), field.title_zh(), field.title_en()];
            for word in words.iter().chain(field.synonyms()) {
                let other = taken.insert(word.to_lowercase(), field);
                assert!(
                    other.is_none_or(|other| other == field),
                    "{word}: {other:?} and {field:?}"
                );
            }
            assert_eq!(Field::from_key(field.key()), Some(field));
            assert!(Group::ALL.contains(&field.group()));
        }
    }
}
