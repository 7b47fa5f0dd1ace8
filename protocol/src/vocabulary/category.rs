//! What class of equipment a quantity, fault or rule belongs to.

keyed_enum! {
    /// Classes that differ in what is measured and which rules apply. Source of the codes:
    /// catalogue of special equipment, AQSIQ announcement 2014 no. 114.
    pub enum EquipmentClass {
        Lift            "lift"              "电梯"             "lift";
        Escalator       "escalator"         "自动扶梯和自动人行道" "escalator or moving walk";
        SteamBoiler     "steam_boiler"      "蒸汽锅炉"          "steam boiler";
        HotWaterBoiler  "hot_water_boiler"  "热水锅炉"          "hot-water boiler";
        OrganicBoiler   "organic_boiler"    "有机热载体锅炉"     "organic heat-carrier boiler";
        PressureVessel  "pressure_vessel"   "压力容器"          "pressure vessel";
        Any             "any"               "任何设备"          "any equipment";
    }
}

impl EquipmentClass {
    /// Class of a four-digit catalogue code (`3110` → lift, `1100` → steam boiler); `None` for the
    /// categories Vigil does not watch (cranes, rides, ...).
    pub const fn from_category_code(code: u16) -> Option<EquipmentClass> {
        match code {
            1100..=1199 => Some(EquipmentClass::SteamBoiler),
            1200..=1299 => Some(EquipmentClass::HotWaterBoiler),
            1300..=1399 => Some(EquipmentClass::OrganicBoiler),
            2000..=2499 => Some(EquipmentClass::PressureVessel),
            3300..=3399 => Some(EquipmentClass::Escalator),
            3000..=3299 | 3400..=3499 => Some(EquipmentClass::Lift),
            _ => None,
        }
    }

    /// Whether something declared for `self` applies to equipment of class `other`.
    pub const fn covers(self, other: EquipmentClass) -> bool {
        matches!(self, EquipmentClass::Any) || self as u8 == other as u8
    }
}
