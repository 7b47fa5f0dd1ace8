//! As much MQTT 3.1.1 as the load needs, straight into and out of buffers: one write for many messages.

/// Appends CONNECT with a clean session.
pub(super) fn connect(out: &mut Vec<u8>, client_id: &str, credentials: Option<&(String, String)>) {
    let mut body = Vec::with_capacity(64);
    text(&mut body, "MQTT");
    let flags = if credentials.is_some() { 0xc2 } else { 0x02 };
    // Level 4, flags, keep-alive 60 s.
    body.extend_from_slice(&[4, flags, 0, 60]);
    text(&mut body, client_id);
    if let Some((user, password)) = credentials {
        text(&mut body, user);
        text(&mut body, password);
    }
    packet(out, 0x10, &body);
}

/// Appends SUBSCRIBE at QoS 0.
pub(super) fn subscribe(out: &mut Vec<u8>, id: u16, filters: &[String]) {
    let mut body = id.to_be_bytes().to_vec();
    for filter in filters {
        text(&mut body, filter);
        body.push(0);
    }
    packet(out, 0x82, &body);
}

/// Appends PINGREQ.
pub(super) fn ping(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xc0, 0]);
}

/// Appends DISCONNECT.
pub(super) fn disconnect(out: &mut Vec<u8>) {
    out.extend_from_slice(&[0xe0, 0]);
}

/// Appends PUBLISH at QoS 0.
pub(super) fn publish(out: &mut Vec<u8>, topic: &str, payload: &[u8]) {
    out.push(0x30);
    length(out, 2 + topic.len() + payload.len());
    text(out, topic);
    out.extend_from_slice(payload);
}

/// Appends PUBLISH at QoS 1.
pub(super) fn publish_surely(out: &mut Vec<u8>, topic: &str, id: u16, payload: &[u8]) {
    out.push(0x32);
    length(out, 4 + topic.len() + payload.len());
    text(out, topic);
    out.extend_from_slice(&id.to_be_bytes());
    out.extend_from_slice(payload);
}

fn packet(out: &mut Vec<u8>, kind: u8, body: &[u8]) {
    out.push(kind);
    length(out, body.len());
    out.extend_from_slice(body);
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u16).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

/// What the broker sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    /// CONNACK with its return code.
    ConnAck(u8),
    SubAck,
    PubAck,
    /// PUBLISH at QoS 0.
    Publish {
        topic: &'a str,
        payload: &'a [u8],
    },
    Other,
}

/// No MQTT.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The first packet in `bytes` and its length; `None` when it is not complete.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Incoming<'_>, usize)>, Malformed> {
    let Some((&kind, rest)) = bytes.split_first() else {
        return Ok(None);
    };
    let (mut len, mut at) = (0_usize, 0);
    loop {
        let Some(&byte) = rest.get(at) else {
            return Ok(None);
        };
        len |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
        if at == 4 {
            return Err(Malformed);
        }
    }
    let Some(body) = rest.get(at..at + len) else {
        return Ok(None);
    };
    let incoming = match kind >> 4 {
        2 => Incoming::ConnAck(*body.get(1).ok_or(Malformed)?),
        3 => {
            let topic_len = body
                .first_chunk()
                .map(|len| usize::from(u16::from_be_bytes(*len)))
                .ok_or(Malformed)?;
            let topic = body.get(2..2 + topic_len).ok_or(Malformed)?;
            // A packet id follows at QoS 1 and 2.
            let payload = 2 + topic_len + if kind & 6 == 0 { 0 } else { 2 };
            Incoming::Publish {
                topic: std::str::from_utf8(topic).map_err(|_| Malformed)?,
                payload: body.get(payload..).ok_or(Malformed)?,
            }
        }
        4 => Incoming::PubAck,
        9 => Incoming::SubAck,
        _ => Incoming::Other,
    };
    Ok(Some((incoming, 1 + at + len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_publish_is_read_back_and_an_incomplete_one_is_waited_for() {
        let mut bytes = Vec::new();
        publish(&mut bytes, "a/b", &[7; 300]);
        for cut in 0..bytes.len() {
            assert_eq!(parse(&bytes[..cut]), Ok(None), "{cut}");
        }
        let end = bytes.len();
        ping(&mut bytes);
        assert_eq!(
            parse(&bytes),
            Ok(Some((
                Incoming::Publish {
                    topic: "a/b",
                    payload: &[7; 300]
                },
                end
            )))
        );
        assert_eq!(parse(&bytes[end..]), Ok(Some((Incoming::Other, 2))));
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(parse(&[0x30, 0xff, 0xff, 0xff, 0xff, 1]), Err(Malformed));
        assert_eq!(parse(&[0x30, 2, 0, 9]), Err(Malformed));
        assert_eq!(parse(&[0x20, 0]), Err(Malformed));
        assert_eq!(parse(&[0x20, 2, 0, 5]), Ok(Some((Incoming::ConnAck(5), 4))));
    }
}
