//! Large files in parts.

/// Equipment in one part of a file.
const PART: usize = 500;

/// Cuts a file of many pieces of equipment into parts that are TOML by themselves, each with the number
/// of lines before it: the parsed form of a whole large file would take ten times its size in memory.
///
/// Only a file whose equipment comes last and that has no multi-line strings is cut.
pub(super) fn split(text: &str) -> (&str, Vec<(usize, &str)>) {
    let is_equipment = |line: &str| line.starts_with("[[equipment]]");
    let whole = (text, Vec::new());
    if text.contains("\"\"\"") || text.contains("'''") {
        return whole;
    }
    let mut cuts = Vec::new();
    let (mut at, mut seen) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if is_equipment(line) {
            if seen % PART == 0 {
                cuts.push((number, at));
            }
            seen += 1;
        } else if seen > 0 && line.trim_start().starts_with('[') && !line.contains("equipment.") {
            return whole;
        }
        at += line.len();
    }
    if seen <= PART {
        return whole;
    }
    let ends = cuts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    let parts = cuts
        .iter()
        .zip(ends)
        .filter_map(|((before, start), end)| Some((*before, text.get(*start..end)?)));
    let head = cuts
        .first()
        .and_then(|(_, start)| text.get(..*start))
        .unwrap_or(text);
    (head, parts.collect())
}
