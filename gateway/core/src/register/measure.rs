//! Numbers with their units, as people write them.

/// A number in `wanted`; the unit stands in the text, or in the head of the column, or is the wanted one.
pub(super) fn measure(text: &str, head: Option<&str>, wanted: &str) -> Option<f64> {
    let bare = text.replace([',', ' '], "");
    let end = bare
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-'))
        .unwrap_or(bare.len());
    let (digits, unit) = bare.split_at(end);
    let number: f64 = digits.parse().ok()?;
    let unit = if unit.is_empty() {
        head.unwrap_or(wanted)
    } else {
        unit
    };
    Some(number * factor(unit, wanted)?)
}

/// How many `wanted` one `unit` is.
fn factor(unit: &str, wanted: &str) -> Option<f64> {
    let unit = unit.to_lowercase().replace(['²', ' '], "").replace('³', "3");
    let unit = unit.trim_end_matches("(表压)").trim_end_matches("表压");
    let table: &[(&str, f64)] = match wanted {
        "MPa" => &[
            ("mpa", 1.0),
            ("兆帕", 1.0),
            ("kpa", 1e-3),
            ("bar", 0.1),
            ("kgf/cm2", 0.098_066_5),
            ("kgf/cm", 0.098_066_5),
            ("公斤", 0.098_066_5),
        ],
        "kg" => &[
            ("kg", 1.0),
            ("千克", 1.0),
            ("公斤", 1.0),
            ("t", 1_000.0),
            ("吨", 1_000.0),
        ],
        "m/s" => &[("m/s", 1.0), ("米/秒", 1.0), ("m/min", 1.0 / 60.0)],
        "t/h" => &[
            ("t/h", 1.0),
            ("吨/小时", 1.0),
            ("吨/时", 1.0),
            ("蒸吨", 1.0),
            ("吨", 1.0),
            ("t", 1.0),
            ("kg/h", 1e-3),
        ],
        "MW" => &[("mw", 1.0), ("兆瓦", 1.0), ("kw", 1e-3)],
        "m³" => &[
            ("m3", 1.0),
            ("m", 1.0),
            ("立方米", 1.0),
            ("立方", 1.0),
            ("l", 1e-3),
            ("升", 1e-3),
        ],
        "℃" => &[("℃", 1.0), ("°c", 1.0), ("c", 1.0), ("度", 1.0)],
        "a" => &[("a", 1.0), ("年", 1.0), ("y", 1.0)],
        "CNY" => &[("cny", 1.0), ("元", 1.0), ("万元", 10_000.0), ("万", 10_000.0)],
        _ => return None,
    };
    table
        .iter()
        .find(|(known, _)| *known == unit)
        .map(|(_, factor)| *factor)
}
