//! Units and exact conversion between them.
//!
//! Each unit is an exact rational multiple of its dimension's base unit. A conversion reduces the two
//! rationals to `(value × mul + add) / div` with integers below 2⁵³, so nothing but the final
//! multiplication and division can round: 10 bar is exactly 1 MPa, 100 °C exactly 212 °F.
//!
//! Derivations (definitions are exact by international agreement):
//! - kgf/cm² = 9.80665 N / 10⁻⁴ m² = 98 066.5 Pa
//! - psi = 0.45359237 kg × 9.80665 m/s² / (0.0254 m)² = 4.4482216152605 N / 0.00064516 m²
//!   = 44 482 216 152 605 / 6 451 600 000 Pa ≈ 6 894.757 Pa
//! - mH2O (conventional, 1000 kg/m³) = 1000 × 9.80665 Pa = 9 806.65 Pa; mmH2O = 9.80665 Pa
//! - K = °C + 273.15; K = (°F + 459.67) × 5/9

/// Units of one dimension convert into each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Dimension {
    /// Base: pascal.
    Pressure,
    /// Base: kelvin.
    Temperature,
    /// Base: millimetre.
    Length,
    /// Base: metre per second.
    Velocity,
    /// Base: kilogram per hour.
    MassFlow,
    /// Base: cubic metre per hour.
    VolumeFlow,
    /// Base: percent.
    Ratio,
    /// Base: milliampere.
    Current,
    /// Base: volt.
    Voltage,
    /// Base: second.
    Time,
    /// Base: kilogram.
    Mass,
    /// A number of things.
    Count,
    /// No dimension at all: codes, flags, text.
    None_,
}

/// `Unit "symbol" "key" Dimension num/den + offset [exact spellings] [spellings in any case];`
/// where base = (value + offset) × num / den and offset is in hundredths.
macro_rules! units {
    ($( $unit:ident $symbol:literal $key:literal $zh:literal $dimension:ident ($num:literal / $den:literal) + $offset:literal
        [$($exact:literal)*] [$($loose:literal)*]; )+) => {
        /// A unit of measure.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Unit {
            $( #[doc = concat!("`", $symbol, "` (", $zh, ")")] $unit, )+
        }

        impl Unit {
            /// Every unit.
            pub const ALL: &'static [Unit] = &[$( Unit::$unit, )+];
            /// Every key, in the order of [`Unit::ALL`].
            pub const KEYS: &'static [&'static str] = &[$( $key, )+];

            /// The symbol shown to people and sent as `engUnit`.
            pub const fn symbol(self) -> &'static str {
                match self { $( Unit::$unit => $symbol, )+ }
            }

            /// Stable ASCII key for configuration and the store, e.g. `kgf/cm2`.
            pub const fn key(self) -> &'static str {
                match self { $( Unit::$unit => $key, )+ }
            }

            /// The unit with exactly this key.
            pub fn from_key(key: &str) -> Option<Unit> {
                match key { $( $key => Some(Unit::$unit), )+ _ => None }
            }

            /// Chinese name.
            pub const fn title_zh(self) -> &'static str {
                match self { $( Unit::$unit => $zh, )+ }
            }

            /// What it measures.
            pub const fn dimension(self) -> Dimension {
                match self { $( Unit::$unit => Dimension::$dimension, )+ }
            }

            /// (numerator, denominator, offset in hundredths): base = (value + offset) × num / den.
            const fn factor(self) -> (i64, i64, i64) {
                match self { $( Unit::$unit => ($num, $den, $offset), )+ }
            }

            /// The unit written as `text`: symbol, key, or a common spelling. Case is ignored only where no other
            /// unit differs by case alone (`mPa` is millipascal, `MA` megampere: refused). Text that also states
            /// a pressure kind (`psig`) is for [`super::PressureKind::parse_unit`].
            pub fn parse(text: &str) -> Option<Unit> {
                let text = text.trim();
                $( if text == $symbol || text == $key $(|| text == $exact)* $(|| text.eq_ignore_ascii_case($loose))* {
                    return Some(Unit::$unit);
                } )+
                None
            }
        }
    };
}

units! {
    Megapascal          "MPa"     "MPa"      "兆帕"       Pressure    (1_000_000/1) + 0                    ["Mpa" "MPA" "mpa"] ["megapascal" "兆帕"];
    Kilopascal          "kPa"     "kPa"      "千帕"       Pressure    (1_000/1) + 0                        [] ["kpa" "kilopascal" "千帕"];
    Pascal              "Pa"      "Pa"       "帕"         Pressure    (1/1) + 0                            [] ["pa" "pascal" "帕"];
    Bar                 "bar"     "bar"      "巴"         Pressure    (100_000/1) + 0                      [] ["bar" "巴"];
    Millibar            "mbar"    "mbar"     "毫巴"       Pressure    (100/1) + 0                          ["mBar"] ["hpa" "millibar" "毫巴"];
    KgfPerCm2           "kgf/cm²" "kgf/cm2"  "千克力每平方厘米" Pressure (980_665/10) + 0                    [] ["kgf/cm2" "kgf/cm²" "kg/cm2" "kg/cm²" "kgf/cm^2" "kg/cm^2" "公斤力" "at"];
    Psi                 "psi"     "psi"      "磅力每平方英寸" Pressure  (44_482_216_152_605/6_451_600_000) + 0 [] ["psi" "lbf/in2" "lbf/in²" "lb/in2"];
    MetreH2O            "mH₂O"    "mH2O"     "米水柱"     Pressure    (980_665/100) + 0                    [] ["mh2o" "mh₂o" "mwc" "米水柱"];
    MillimetreH2O       "mmH₂O"   "mmH2O"    "毫米水柱"   Pressure    (980_665/100_000) + 0                [] ["mmh2o" "mmh₂o" "mmwc" "毫米水柱"];
    Celsius             "°C"      "degC"     "摄氏度"     Temperature (1/1) + 27_315                       ["C" "℃" "ºC" "Cel"] ["degc" "celsius" "deg c" "deg_c" "摄氏度"];
    Fahrenheit          "°F"      "degF"     "华氏度"     Temperature (5/9) + 45_967                       ["F" "℉"] ["degf" "fahrenheit" "deg f" "deg_f" "[degf]"];
    Kelvin              "K"       "K"        "开尔文"     Temperature (1/1) + 0                            [] ["kelvin"];
    Millimetre          "mm"      "mm"       "毫米"       Length      (1/1) + 0                            [] ["mm" "millimetre" "millimeter" "毫米"];
    Centimetre          "cm"      "cm"       "厘米"       Length      (10/1) + 0                           [] ["cm" "centimetre" "centimeter" "厘米"];
    Metre               "m"       "m"        "米"         Length      (1_000/1) + 0                        [] ["metre" "meter" "米"];
    MetrePerSecond      "m/s"     "m/s"      "米每秒"     Velocity    (1/1) + 0                            [] ["m/s" "mps"];
    MetrePerMinute      "m/min"   "m/min"    "米每分"     Velocity    (1/60) + 0                           [] ["m/min"];
    KilogramPerHour     "kg/h"    "kg/h"     "千克每小时" MassFlow    (1/1) + 0                            [] ["kg/h" "kg/hr"];
    TonnePerHour        "t/h"     "t/h"      "吨每小时"   MassFlow    (1_000/1) + 0                        [] ["t/h" "t/hr" "tph"];
    CubicMetrePerHour   "m³/h"    "m3/h"     "立方米每小时" VolumeFlow (1/1) + 0                            [] ["m3/h" "m³/h" "m3/hr" "m^3/h" "cmh"];
    CubicMetrePerMinute "m³/min"  "m3/min"   "立方米每分" VolumeFlow  (60/1) + 0                           [] ["m3/min" "m³/min" "m^3/min"];
    Percent             "%"       "%"        "百分比"     Ratio       (1/1) + 0                            ["％"] ["percent" "pct"];
    Milliampere         "mA"      "mA"       "毫安"       Current     (1/1) + 0                            ["ma"] ["milliampere" "毫安"];
    Volt                "V"       "V"        "伏"         Voltage     (1/1) + 0                            [] ["v" "volt" "伏"];
    Hour                "h"       "h"        "小时"       Time        (3_600/1) + 0                        [] ["hr" "hour" "hours" "小时"];
    Minute              "min"     "min"      "分"         Time        (60/1) + 0                           [] ["min" "minute" "minutes" "分钟"];
    Second              "s"       "s"        "秒"         Time        (1/1) + 0                            [] ["sec" "second" "seconds" "秒"];
    Kilogram            "kg"      "kg"       "千克"       Mass        (1/1) + 0                            [] ["kg" "kilogram" "千克"];
    Tonne               "t"       "t"        "吨"         Mass        (1_000/1) + 0                        [] ["tonne" "吨"];
    Count               "次"      "count"    "次"         Count       (1/1) + 0                            [] ["count" "times" "{count}"];
    None_               ""        "1"        "无单位"     None_       (1/1) + 0                            [] ["none" "dimensionless" "-"];
}

serde_as_key!(Unit);

/// An exact conversion, ready to apply: keep it per channel instead of looking it up per value.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Conversion {
    mul: f64,
    add: f64,
    div: f64,
}

impl Conversion {
    /// Leaves values alone.
    pub const IDENTITY: Conversion = Conversion {
        mul: 1.0,
        add: 0.0,
        div: 1.0,
    };

    /// `(value × mul + add) / div`; NaN stays NaN.
    pub const fn apply(&self, value: f64) -> f64 {
        (value * self.mul + self.add) / self.div
    }
}

/// 64 bits, because 128 take four kilobytes of code on a small processor.
const fn gcd(mut a: i64, mut b: i64) -> i64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a < 0 { -a } else { a }
}

impl Unit {
    /// The conversion from `self` to `to`; `None` if they measure different things.
    pub const fn conversion(self, to: Unit) -> Option<Conversion> {
        if self as u8 == to as u8 {
            return Some(Conversion::IDENTITY);
        }
        if self.dimension() as u8 != to.dimension() as u8 {
            return None;
        }
        let (from_num, from_den, from_offset) = self.factor();
        let (to_num, to_den, to_offset) = to.factor();
        // to = (v + a/100)·p/q − b/100, with p/q the ratio of the factors = (100·p·v + a·p − b·q) / (100·q).
        // Reduced before it is multiplied out: psi and kgf/cm² share standard gravity, and would not fit otherwise.
        let (num, den) = (gcd(from_num, to_num), gcd(from_den, to_den));
        let p = (from_num / num) * (to_den / den);
        let q = (from_den / den) * (to_num / num);
        let (mul, add, div) = (100 * p, from_offset * p - to_offset * q, 100 * q);
        let common = gcd(gcd(mul, add), div);
        Some(Conversion {
            mul: (mul / common) as f64,
            add: (add / common) as f64,
            div: (div / common) as f64,
        })
    }

    /// `value` in `self` expressed in `to`; `None` if they measure different things.
    pub const fn convert(self, value: f64, to: Unit) -> Option<f64> {
        match self.conversion(to) {
            Some(conversion) => Some(conversion.apply(value)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_conversion_uses_integers_a_double_holds_exactly() {
        const LIMIT: f64 = 9_007_199_254_740_992.0;
        for from in Unit::ALL {
            for conversion in Unit::ALL.iter().filter_map(|to| from.conversion(*to)) {
                for part in [conversion.mul, conversion.add, conversion.div] {
                    assert!(
                        part.abs() < LIMIT && (part as i64) as f64 == part,
                        "{from}: {conversion:?}"
                    );
                }
            }
        }
    }
}
