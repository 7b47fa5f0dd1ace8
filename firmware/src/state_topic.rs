//! The host's STATE message: a small JSON object, read without a JSON library.

/// Whether the host application is online, as of a time of its own clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostState {
    /// `online`.
    pub online: bool,
    /// `timestamp`: Unix milliseconds.
    pub timestamp: i64,
}

/// Reads `{"online": true, "timestamp": 1668114759262}`: the two keys in any order, with any white space, other keys
/// ignored. `None` when it is anything else.
#[must_use]
pub fn parse_host_state(payload: &[u8]) -> Option<HostState> {
    let text = core::str::from_utf8(payload).ok()?.trim();
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?;
    let (mut online, mut timestamp) = (None, None);
    while !rest.trim_start().is_empty() {
        let (key, after) = string(rest)?;
        let after = after.trim_start().strip_prefix(':')?;
        let (value, after) = value(after)?;
        match key {
            "online" => online = Some(value == "true").filter(|_| matches!(value, "true" | "false")),
            "timestamp" => timestamp = value.parse::<i64>().ok(),
            _ => {}
        }
        rest = match after.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?,
        };
    }
    Some(HostState {
        online: online?,
        timestamp: timestamp?,
    })
}

/// A string without escapes (no key of interest has any), and what follows.
fn string(text: &str) -> Option<(&str, &str)> {
    let body = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    let end = body.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })?;
    Some((body.get(..end)?, body.get(end + 1..)?))
}

/// A literal, number or string, and what follows. Objects and arrays are refused.
fn value(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    if text.starts_with('"') {
        return string(text);
    }
    let end = text
        .find(|c: char| c == ',' || c.is_ascii_whitespace())
        .unwrap_or(text.len());
    let literal = text
        .get(..end)
        .filter(|value| !value.is_empty() && !value.contains(['{', '[']))?;
    Some((literal, text.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_keys_are_read_in_any_order_and_spacing() {
        let online = Some(HostState {
            online: true,
            timestamp: 12,
        });
        let cases: [(&str, Option<HostState>); 12] = [
            (r#"{"online":true,"timestamp":12}"#, online),
            (r#" { "timestamp" : 12 , "online" : true } "#, online),
            (r#"{"online":true,"who":"a \"b\", c","timestamp":12}"#, online),
            (
                r#"{"online":false,"timestamp":12}"#,
                Some(HostState {
                    online: false,
                    timestamp: 12,
                }),
            ),
            (r#"{"online":"true","timestamp":12}"#, online),
            ("ONLINE", None),
            ("", None),
            ("{}", None),
            (r#"{"online":1,"timestamp":12}"#, None),
            (r#"{"online":true,"timestamp":1.5}"#, None),
            (r#"{"online":true,"timestamp":12,"more":{"a":1}}"#, None),
            (r#"{"online":true,"timestamp":12"#, None),
        ];
        for (payload, expected) in cases {
            assert_eq!(parse_host_state(payload.as_bytes()), expected, "{payload}");
        }
        assert_eq!(parse_host_state(&[0xff, 0xfe]), None);
    }
}
