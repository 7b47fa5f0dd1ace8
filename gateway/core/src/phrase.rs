//! Rule conditions and alarm details for people: `steam_pressure >= 1.3180 MPa for 30 s` with the
//! keys replaced by titles and the few English words between them by those of the reader.

use crate::lists::Tongue;
use vigil_protocol::vocabulary::{FaultKey, NoData, Quality, Quantity, ServiceMode};

/// `text` with every known key replaced; what is not known stays as it is.
#[must_use]
pub fn readable(tongue: Tongue, text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        out.push_str(&sign(&rest[..start]));
        rest = &rest[start..];
        if let Some((phrase, said)) = PHRASES.iter().find(|(phrase, _)| starts_with_words(rest, phrase)) {
            out.push_str(tongue.pick(said, phrase));
            rest = &rest[phrase.len()..];
            continue;
        }
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        out.push_str(title(tongue, word).unwrap_or(word));
        rest = &rest[end..];
    }
    out.push_str(&sign(rest));
    if tongue == Tongue::Zh {
        out.replace("非 ", "非").replace(" ，", "，")
    } else {
        out
    }
}

fn sign(text: &str) -> String {
    text.replace(">=", "≥").replace("<=", "≤")
}

fn starts_with_words(text: &str, phrase: &str) -> bool {
    text.strip_prefix(phrase)
        .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

/// English as the core writes it, and what a Chinese reader gets; a longer phrase before its beginning.
const PHRASES: &[(&str, &str)] = &[
    ("suppression has ended", "抑制已解除"),
    ("suppressed by design", "按设计抑制"),
    ("shelving has expired", "挂起到期"),
    ("nothing reported", "从未上报"),
    ("not heard for", "无上报已达"),
    ("not heard", "无上报"),
    ("bad or missing", "无效或缺失"),
    ("unknown code", "未知代码"),
    ("times within", "次，时间窗"),
    ("no data", "无数据"),
    ("per min", "每分钟"),
    ("rises", "上升"),
    ("falls", "下降"),
    ("over", "，按"),
    ("good", "有效"),
    ("true", "是"),
    ("false", "否"),
    ("for", "持续"),
    ("and", "且"),
    ("not", "非"),
    ("in", "为"),
    ("or", "或"),
];

fn title(tongue: Tongue, word: &str) -> Option<&'static str> {
    let titles = |zh, en| Some(tongue.pick(zh, en));
    if let Some(quantity) = Quantity::from_key(word) {
        return titles(quantity.title_zh(), quantity.title_en());
    }
    if let Some(fault) = FaultKey::from_key(word) {
        return titles(fault.title_zh(), fault.title_en());
    }
    if let Some(mode) = ServiceMode::from_key(word) {
        return titles(mode.title_zh(), mode.title_en());
    }
    if let Some(reason) = NoData::from_key(word) {
        return titles(reason.title_zh(), reason.title_en());
    }
    Quality::from_key(word).and_then(|quality| titles(quality.title_zh(), quality.title_en()))
}

#[cfg(test)]
mod tests {
    use super::readable;
    use crate::lists::Tongue;

    #[test]
    fn keys_become_titles_and_words_are_translated() {
        let cases = [
            (
                "steam_pressure >= 1.3180 MPa for 30 s",
                "蒸汽压力 ≥ 1.3180 MPa 持续 30 s",
                "steam pressure ≥ 1.3180 MPa for 30 s",
            ),
            (
                "fault_code = ENTRAPMENT",
                "故障代码 = 困人",
                "controller fault code = entrapment",
            ),
            (
                "drum_level: no data (sensor)",
                "锅筒水位: 无数据 (传感器或线路故障)",
                "drum level from normal water level: no data (sensor or wire failure)",
            ),
            ("stale: not heard", "数据过期: 无上报", "stale: not heard"),
            ("burner_firing true", "燃烧器运行 是", "burner firing true"),
            ("E53 in Pforzheim", "E53 为 Pforzheim", "E53 in Pforzheim"),
            ("", "", ""),
        ];
        for (text, zh, en) in cases {
            assert_eq!(readable(Tongue::Zh, text), zh);
            assert_eq!(readable(Tongue::En, text), en);
        }
    }
}
