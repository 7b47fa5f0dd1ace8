//! Modbus RTU frames: address, function, data, CRC. Which frames stand in a stream of bytes.

/// Longest frame, bytes.
const LONGEST: usize = 256;
/// Bytes around the data of a frame: address and CRC.
const AROUND: usize = 3;

/// A sound frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Slave address; 0 is everybody.
    pub unit: u8,
    /// Function code and data.
    pub pdu: Vec<u8>,
}

/// CRC-16/MODBUS: polynomial 0x8005 reflected, all ones at the start.
#[must_use]
pub fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| {
            let carry = crc & 1;
            (crc >> 1) ^ (0xa001 * carry)
        })
    })
}

impl Frame {
    /// The bytes on the wire.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![self.unit];
        bytes.extend(&self.pdu);
        let crc = crc16(&bytes);
        bytes.extend(crc.to_le_bytes());
        bytes
    }

    /// The frame these bytes are, all of them.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        // The CRC of a frame followed by its CRC is zero.
        if bytes.len() <= AROUND || crc16(bytes) != 0 {
            return None;
        }
        Some(Self {
            unit: bytes[0],
            pdu: bytes[1..bytes.len() - 2].to_vec(),
        })
    }
}

/// Length of a request that begins like this, where its function is known and enough of it is there.
fn request_length(bytes: &[u8]) -> Option<usize> {
    Some(match bytes.get(1)? {
        1..=6 | 8 => 8,
        7 | 11 | 12 | 17 => 4,
        15 | 16 => 9 + usize::from(*bytes.get(6)?),
        22 => 10,
        23 => 13 + usize::from(*bytes.get(10)?),
        _ => return None,
    })
}

/// Finds requests in what a line carries.
///
/// A request of a known function is taken when its last byte is there, wherever it begins: sockets and virtual ports
/// keep neither the pauses between frames nor pauses out of them. Any other frame is what stands between two
/// silences, as the specification has it.
#[derive(Clone, Debug)]
pub struct Framer {
    silence_us: u64,
    heard_us: u64,
    waiting: Vec<u8>,
    /// Bytes that belonged to no frame.
    pub(super) stray: u64,
}

impl Framer {
    /// A line on which `silence_us` without a byte ends a frame.
    #[must_use]
    pub const fn new(silence_us: u64) -> Self {
        Self {
            silence_us,
            heard_us: 0,
            waiting: Vec::new(),
            stray: 0,
        }
    }

    /// Takes bytes heard at `now_us`, which does not go back; the frames that are complete with them.
    pub fn hear(&mut self, now_us: u64, bytes: &[u8]) -> Vec<Frame> {
        let mut frames: Vec<Frame> = self.silence(now_us).into_iter().collect();
        self.heard_us = now_us;
        self.waiting.extend(bytes);
        while let Some((start, length)) = self.find() {
            frames.extend(Frame::parse(&self.waiting[start..start + length]));
            self.waiting.drain(..start + length);
            self.stray += start as u64;
        }
        let surplus = self.waiting.len().saturating_sub(LONGEST);
        self.waiting.drain(..surplus);
        self.stray += surplus as u64;
        frames
    }

    /// When the silence ends the frame that is under way.
    #[must_use]
    pub fn due(&self) -> Option<u64> {
        (!self.waiting.is_empty()).then(|| self.heard_us + self.silence_us)
    }

    /// Tells the time: the frame that has ended with the silence, if it is one.
    pub fn silence(&mut self, now_us: u64) -> Option<Frame> {
        if self.due().is_none_or(|due| now_us < due) {
            return None;
        }
        let bytes = std::mem::take(&mut self.waiting);
        // A known request of another length, or an echoed reply, is no request.
        let frame = Frame::parse(&bytes).filter(|_| request_length(&bytes).is_none());
        if frame.is_none() {
            self.stray += bytes.len() as u64;
        }
        frame
    }

    /// Forgets what is under way.
    pub fn clear(&mut self) {
        self.stray += self.waiting.len() as u64;
        self.waiting.clear();
    }

    /// Start and length of the first sound request.
    fn find(&self) -> Option<(usize, usize)> {
        (0..self.waiting.len()).find_map(|start| {
            let rest = &self.waiting[start..];
            let length = request_length(rest)?;
            Frame::parse(rest.get(..length)?).map(|_| (start, length))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Framer, crc16};

    const SILENCE_US: u64 = 4_010;

    fn read(unit: u8, address: u16, count: u16) -> Frame {
        let mut pdu = vec![3];
        pdu.extend(address.to_be_bytes());
        pdu.extend(count.to_be_bytes());
        Frame { unit, pdu }
    }

    #[test]
    fn the_crc_is_the_one_of_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x4b37);
        // Modbus over serial line V1.02, 6.2.2: 02 07 gives 0x1241.
        assert_eq!(crc16(&[0x02, 0x07]), 0x1241);
        assert_eq!(read(1, 0x0002, 3).bytes(), [1, 3, 0, 2, 0, 3, 0xa4, 0x0b]);
    }

    #[test]
    fn a_request_is_taken_with_its_last_byte_however_it_is_cut() {
        let frame = read(17, 0x8000, 1);
        let bytes = frame.bytes();
        for cut in 0..=bytes.len() {
            let mut framer = Framer::new(SILENCE_US);
            let mut found = framer.hear(0, &bytes[..cut]);
            found.extend(framer.hear(3_000, &bytes[cut..]));
            assert_eq!(found, std::slice::from_ref(&frame), "cut at {cut}");
            assert_eq!((framer.due(), framer.stray), (None, 0));
        }
    }

    #[test]
    fn a_pause_inside_a_request_loses_it_and_the_next_one_is_understood() {
        let bytes = read(1, 0, 1).bytes();
        let mut framer = Framer::new(SILENCE_US);
        assert!(framer.hear(0, &bytes[..5]).is_empty());
        assert!(framer.hear(SILENCE_US, &bytes[5..]).is_empty());
        assert_eq!(framer.hear(2 * SILENCE_US, &bytes).len(), 1);
        assert_eq!(framer.stray, 8);
    }

    #[test]
    fn noise_before_a_request_and_requests_without_a_pause_are_understood() {
        let (one, two) = (read(1, 2, 3), read(2, 0x1010, 14));
        let mut bytes = vec![0xff, 0x00, 0x03];
        bytes.extend(one.bytes());
        bytes.extend(two.bytes());
        let mut framer = Framer::new(SILENCE_US);
        assert_eq!(framer.hear(0, &bytes), [one, two]);
        assert_eq!(framer.stray, 3);
    }

    #[test]
    fn a_damaged_request_is_none() {
        let mut bytes = read(1, 2, 3).bytes();
        for at in 0..bytes.len() {
            bytes[at] ^= 0x10;
            let mut framer = Framer::new(SILENCE_US);
            assert!(framer.hear(0, &bytes).is_empty(), "byte {at}");
            assert_eq!(framer.silence(SILENCE_US), None, "byte {at}");
            assert_eq!(framer.stray, 8);
            bytes[at] ^= 0x10;
        }
    }

    #[test]
    fn a_frame_of_an_unknown_function_ends_with_the_silence() {
        let frame = Frame {
            unit: 1,
            pdu: vec![0x2b, 0x0e, 0x01, 0x00],
        };
        let mut framer = Framer::new(SILENCE_US);
        assert!(framer.hear(0, &frame.bytes()).is_empty());
        assert_eq!(framer.due(), Some(SILENCE_US));
        assert_eq!(framer.silence(SILENCE_US - 1), None);
        assert_eq!(framer.silence(SILENCE_US), Some(frame));
    }

    #[test]
    fn writing_requests_are_frames_too() {
        let pdus: [&[u8]; 4] = [
            &[6, 0x60, 0x00, 0, 1],
            &[16, 0x60, 0x00, 0, 1, 2, 0, 1],
            &[15, 0, 0, 0, 8, 1, 0xff],
            &[22, 0, 4, 0, 0xf2, 0, 0x25],
        ];
        for pdu in pdus {
            let frame = Frame {
                unit: 1,
                pdu: pdu.to_vec(),
            };
            assert_eq!(
                Framer::new(SILENCE_US).hear(0, &frame.bytes()),
                [frame],
                "{pdu:?}"
            );
        }
    }

    #[test]
    fn endless_noise_is_not_kept() {
        let mut framer = Framer::new(SILENCE_US);
        for now_us in 0..100 {
            assert!(framer.hear(now_us, &[0x55; 100]).is_empty());
        }
        assert!(framer.waiting.len() <= super::LONGEST);
        framer.clear();
        assert_eq!(framer.stray, 10_000);
    }
}
