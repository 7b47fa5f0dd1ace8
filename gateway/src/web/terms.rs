//! The words for everything that has a fixed set of values. The same terms in code, interface and pages.

use super::words::Language;
use vigil_core::alarm::{AlarmClass, AlarmState};
use vigil_core::hazard::{HazardSource, HazardStatus};
use vigil_core::output::GapReason;
use vigil_core::pack::{Grade, Severity};
use vigil_core::people::Role;
use vigil_protocol::vocabulary::{EquipmentClass, Quantity, Unit};

/// Colour word of a severity.
pub(crate) const fn severity(language: Language, severity: Severity) -> &'static str {
    match severity {
        Severity::S1 => language.pick("红色", "Red"),
        Severity::S2 => language.pick("橙色", "Orange"),
        Severity::S3 => language.pick("黄色", "Yellow"),
        Severity::S4 => language.pick("蓝色", "Blue"),
    }
}

/// What a severity means for people.
pub(crate) const fn severity_meaning(language: Language, severity: Severity) -> &'static str {
    match severity {
        Severity::S1 => language.pick("危及人身，立即处置", "people in danger, act at once"),
        Severity::S2 => language.pick("严重，尽快处置", "serious, act soon"),
        Severity::S3 => language.pick("需要关注", "needs attention"),
        Severity::S4 => language.pick("提示", "for information"),
    }
}

/// Style class of a severity.
pub(crate) const fn severity_class(severity: Severity) -> &'static str {
    match severity {
        Severity::S1 => "s1",
        Severity::S2 => "s2",
        Severity::S3 => "s3",
        Severity::S4 => "s4",
    }
}

/// `S1` … `S4`, as in rule packs and addresses.
pub(crate) const fn severity_key(severity: Severity) -> &'static str {
    match severity {
        Severity::S1 => "S1",
        Severity::S2 => "S2",
        Severity::S3 => "S3",
        Severity::S4 => "S4",
    }
}

/// All severities, worst first.
pub(crate) const SEVERITIES: [Severity; 4] = [Severity::S1, Severity::S2, Severity::S3, Severity::S4];

/// Where a hazard stands.
pub(crate) const fn status(language: Language, status: HazardStatus) -> &'static str {
    match status {
        HazardStatus::Suspected => language.pick("疑似", "suspected"),
        HazardStatus::Confirmed => language.pick("已确认", "confirmed"),
        HazardStatus::Rejected => language.pick("误报", "rejected"),
        HazardStatus::Assigned => language.pick("已下达", "assigned"),
        HazardStatus::Rectifying => language.pick("整改中", "rectifying"),
        HazardStatus::SelfChecked => language.pick("待验收", "awaiting acceptance"),
        HazardStatus::Accepted => language.pick("验收合格", "accepted"),
        HazardStatus::StruckOff => language.pick("已销号", "struck off"),
        HazardStatus::LookedBack => language.pick("已回头看", "looked back at"),
        HazardStatus::Closed => language.pick("已闭环", "closed"),
    }
}

/// What has to happen next with a hazard.
pub(crate) const fn next_step(language: Language, status: HazardStatus) -> &'static str {
    match status {
        HazardStatus::Suspected => language.pick("核实：确认或判为误报", "confirm or reject"),
        HazardStatus::Confirmed => language.pick("组织整改", "have it rectified"),
        HazardStatus::Assigned => language.pick("开始整改", "begin rectification"),
        HazardStatus::Rectifying => language.pick("整改并自验", "rectify and check"),
        HazardStatus::SelfChecked => language.pick("由他人验收", "acceptance by another person"),
        HazardStatus::Accepted => language.pick("销号", "strike off"),
        HazardStatus::StruckOff => language.pick("到期“回头看”", "look back when due"),
        HazardStatus::LookedBack => language.pick("闭环归档", "close"),
        HazardStatus::Closed => language.pick("无需处置", "nothing more to do"),
        HazardStatus::Rejected => language.pick("无需处置", "nothing more to do"),
    }
}

/// General or major.
pub(crate) const fn grade(language: Language, grade: Grade, status: HazardStatus) -> &'static str {
    match (grade, status) {
        (Grade::General, _) => language.pick("一般隐患", "general hazard"),
        (Grade::Major, HazardStatus::Suspected | HazardStatus::Rejected) => {
            language.pick("疑似重大隐患", "suspected major hazard")
        }
        (Grade::Major, _) => language.pick("重大隐患", "major hazard"),
    }
}

/// State of an alarm.
pub(crate) const fn alarm_state(language: Language, state: AlarmState) -> &'static str {
    match state {
        AlarmState::Normal => language.pick("正常", "normal"),
        AlarmState::Unacknowledged => language.pick("未确认", "unacknowledged"),
        AlarmState::Acknowledged => language.pick("已确认", "acknowledged"),
        AlarmState::ReturnedUnacknowledged => language.pick("已恢复，未确认", "returned, unacknowledged"),
        AlarmState::LatchedUnacknowledged => language.pick("自锁，未确认", "latched, unacknowledged"),
        AlarmState::LatchedAcknowledged => language.pick("自锁，已确认", "latched, acknowledged"),
        AlarmState::Shelved => language.pick("挂起", "shelved"),
        AlarmState::SuppressedByDesign => language.pick("抑制（检修等）", "suppressed by design"),
        AlarmState::OutOfService => language.pick("停用", "out of service"),
    }
}

/// Whether somebody still has to see it.
pub(crate) const fn is_unseen(state: AlarmState) -> bool {
    matches!(
        state,
        AlarmState::Unacknowledged | AlarmState::ReturnedUnacknowledged | AlarmState::LatchedUnacknowledged
    )
}

/// What an alarm is about.
pub(crate) const fn alarm_class(language: Language, class: AlarmClass) -> &'static str {
    match class {
        AlarmClass::Process => language.pick("设备", "equipment"),
        AlarmClass::MonitoringGap => language.pick("监测中断", "monitoring gap"),
    }
}

/// Why there was no data.
pub(crate) const fn gap_reason(language: Language, reason: GapReason) -> &'static str {
    match reason {
        GapReason::Offline => language.pick("终端或设备离线", "node or device offline"),
        GapReason::Silent => language.pick("无任何上报", "nothing heard"),
        GapReason::Dropped => language.pick("终端存储已满，数据被丢弃", "node store full, data dropped"),
        GapReason::BadQuality => language.pick("数值无效", "values not usable"),
    }
}

/// How sure the numbers of a rule are.
pub(crate) fn confidence(language: Language, confidence: &str) -> &'static str {
    match confidence {
        "sourced" => language.pick("有出处", "sourced"),
        "memory-high" => language.pick("待核对原文", "to be checked against the text"),
        "memory-low" => language.pick("未核实", "unverified"),
        "proposal" => language.pick("本系统建议值", "our proposal"),
        _ => language.pick("未注明", "not stated"),
    }
}

/// Class of equipment.
pub(crate) const fn class(language: Language, class: EquipmentClass) -> &'static str {
    match language {
        Language::Zh => class.title_zh(),
        Language::En => class.title_en(),
    }
}

/// A measured quantity.
pub(crate) const fn quantity(language: Language, quantity: Quantity) -> &'static str {
    match language {
        Language::Zh => quantity.title_zh(),
        Language::En => quantity.title_en(),
    }
}

/// The symbol of a unit, as the language writes it.
pub(crate) fn unit(language: Language, unit: Unit) -> &'static str {
    match (language, unit) {
        (Language::En, Unit::Count) => "times",
        _ => unit.symbol(),
    }
}

/// The headings of the register facts; others are shown under their own key.
pub(crate) fn register_key(language: Language, key: &str) -> Option<&'static str> {
    let (zh, en) = match key {
        "registration_no" => ("使用登记证编号", "registration certificate no."),
        "equipment_code" => ("设备代码", "equipment code"),
        "site" => ("使用地点", "site"),
        "address" => ("地址", "address"),
        "area_code" => ("行政区划代码", "area code"),
        "use_unit" => ("使用单位", "use unit"),
        "maintenance_unit" => ("维保单位", "maintenance unit"),
        "inspection_body" => ("检验机构", "inspection body"),
        "regulator" => ("监察机构", "regulator"),
        "place_type" => ("场所类型", "type of place"),
        "manufacturer" => ("制造单位", "manufacturer"),
        "model" => ("型号", "model"),
        "serial_no" => ("出厂编号", "serial no."),
        "made" => ("制造日期", "made"),
        "installed" => ("安装日期", "installed"),
        "inspection_due" => ("下次检验日期", "next inspection due"),
        "last_inspection" => ("上次检验日期", "last inspection"),
        "safety_officer" => ("安全员", "safety officer"),
        "safety_director" => ("安全总监", "safety director"),
        "internal_no" => ("单位内编号", "internal no."),
        "phone" => ("电话", "phone"),
        "floors" => ("层站", "floors"),
        _ => return None,
    };
    Some(language.pick(zh, en))
}

/// The headings of nameplate values; others are shown under their own key.
pub(crate) fn nameplate_key(language: Language, key: &str) -> Option<&'static str> {
    let (zh, en) = match key {
        "rated_pressure" => ("额定工作压力", "rated pressure"),
        "design_pressure" => ("设计压力", "design pressure"),
        "operating_pressure_max" => ("最高允许工作压力", "maximum permitted working pressure"),
        "safety_valve_low" => ("安全阀较低整定压力", "lower safety-valve setting"),
        "safety_valve_high" => ("安全阀较高整定压力", "higher safety-valve setting"),
        "safety_valve_set" => ("安全阀整定压力", "safety-valve setting"),
        "rated_steam_temperature" => ("额定蒸汽温度", "rated steam temperature"),
        "rated_outlet_temperature" => ("额定出口温度", "rated outlet temperature"),
        "design_temperature" => ("设计温度", "design temperature"),
        "fluid_max_temperature" => ("热载体最高使用温度", "maximum heat-carrier temperature"),
        "low_water_alarm" => ("低水位报警值", "low-water alarm level"),
        "low_water_limit" => ("最低安全水位", "minimum safe water level"),
        "high_water_alarm" => ("高水位报警值", "high-water alarm level"),
        "high_water_limit" => ("最高安全水位", "maximum safe water level"),
        "rated_evaporation" => ("额定蒸发量", "rated evaporation"),
        "rated_flow" => ("额定流量", "rated flow"),
        "rated_power" => ("额定热功率（MW）", "rated heat output (MW)"),
        "volume" => ("容积（m³）", "volume (m³)"),
        "rated_speed" => ("额定速度", "rated speed"),
        "rated_load" => ("额定载重量", "rated load"),
        "floors" => ("层数", "floors"),
        "stations" => ("站数", "stations"),
        "travel_height" => ("提升高度", "travel height"),
        "design_life" => ("设计使用年限", "design life (years)"),
        _ => return None,
    };
    Some(language.pick(zh, en))
}

/// What somebody does here.
pub(crate) const fn role(language: Language, role: Role) -> &'static str {
    match role {
        Role::Site => language.pick("使用单位", "site"),
        Role::Maintainer => language.pick("维保单位", "maintainer"),
        Role::InspectionBody => language.pick("检验机构", "inspection body"),
        Role::Regulator => language.pick("监察机构", "regulator"),
        Role::Department => language.pick("部门（只读）", "department (reads only)"),
        Role::Administrator => language.pick("管理员", "administrator"),
    }
}

/// How a hazard was found.
pub(crate) const fn hazard_source(language: Language, source: HazardSource) -> &'static str {
    match source {
        HazardSource::Telemetry => language.pick("遥测", "telemetry"),
        HazardSource::Inspection => language.pick("检验、监督检查", "inspection"),
        HazardSource::Patrol => language.pick("巡查自查", "patrol"),
        HazardSource::Campaign => language.pick("专项整治", "campaign"),
        HazardSource::PublicReport => language.pick("群众举报", "public report"),
        HazardSource::Register => language.pick("台账比对", "register"),
        HazardSource::RiskControl => language.pick("风险管控措施失效", "failed risk control"),
        HazardSource::LookBack => language.pick("“回头看”", "look-back"),
        HazardSource::Other => language.pick("其他", "other source"),
    }
}

/// What a unit has to do with equipment.
pub(crate) fn party(language: Language, part: &str) -> &'static str {
    match part {
        "use_unit" => language.pick("使用单位", "use unit"),
        "maintenance_unit" => language.pick("维保单位", "maintenance unit"),
        _ => language.pick("检验机构", "inspection body"),
    }
}
