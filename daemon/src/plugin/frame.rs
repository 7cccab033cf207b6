//! What the daemon and a `plugin-host` say to each other, as bytes: `u32 length of the body | u8 kind | u64 token |
//! body`, little endian. The daemon is one side of it and trusts the other with nothing: each length is checked
//! before it is believed. Knows no socket but [`read`], which the child uses.
//!
//! A delivery has a token that the daemon chose. It has at most one HTTP request at a time, which goes by the same
//! token.

mod from_child;
mod to_child;

use std::io;

use thiserror::Error;

pub use self::from_child::{FromChild, Ready};
pub(super) use self::from_child::{http, level, outcome};
pub(super) use self::to_child::deliver;
pub use self::to_child::{Hello, HttpEnd, ToChild};

/// The version that both must speak.
pub const PROTOCOL: u32 = 2;
/// The longest body of a frame. A notification and a request have at most 1 MiB.
pub const FRAME_BYTES_MAX: usize = 4 << 20;
/// Length, kind and token.
pub const HEADER_BYTES: usize = 13;

/// The other side broke the rules of the protocol.
#[derive(Debug, Error, Eq, PartialEq)]
#[error("it broke the protocol: {0}")]
pub struct Violation(pub String);

/// A frame whose body has not been looked at.
#[derive(Debug, Eq, PartialEq)]
pub struct Frame {
    pub(super) kind: u8,
    pub(super) token: u64,
    pub(super) body: Vec<u8>,
}

/// What stands before a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) len: usize,
    pub(super) kind: u8,
    pub(super) token: u64,
}

impl Header {
    pub(super) fn parse(bytes: [u8; HEADER_BYTES]) -> Result<Self, Violation> {
        let [a, b, c, d, kind, token @ ..] = bytes;
        let len = u32::from_le_bytes([a, b, c, d]) as usize;
        if len > FRAME_BYTES_MAX {
            return Err(Violation(format!("a frame of {len} bytes, of at most {FRAME_BYTES_MAX}")));
        }
        Ok(Self { len, kind, token: u64::from_le_bytes(token) })
    }
}

/// A frame's bytes. The body must be within [`FRAME_BYTES_MAX`]: whoever makes one has bounds of his own below it.
fn encode(kind: u8, token: u64, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    debug_assert!(len <= FRAME_BYTES_MAX, "a body of {len} bytes");
    let mut frame = Vec::with_capacity(HEADER_BYTES + len);
    frame.extend((len as u32).to_le_bytes());
    frame.push(kind);
    frame.extend(token.to_le_bytes());
    for part in parts {
        frame.extend_from_slice(part);
    }
    frame
}

/// Reads the next frame, or nothing at the end of the stream. Blocks.
///
/// # Errors
/// When the stream fails or ends within a frame, or the frame is too long (`InvalidData`).
pub fn read(from: &mut impl io::Read) -> io::Result<Option<Frame>> {
    let mut header = [0; HEADER_BYTES];
    let mut filled = 0;
    while filled < HEADER_BYTES {
        match from.read(&mut header[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let Header { len, kind, token } =
        Header::parse(header).map_err(|violation| io::Error::new(io::ErrorKind::InvalidData, violation))?;
    let mut body = vec![0; len];
    from.read_exact(&mut body)?;
    Ok(Some(Frame { kind, token, body }))
}

/// Takes a body apart, from its front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Violation> {
        let (taken, rest) =
            self.0.split_at_checked(len).ok_or_else(|| Violation("a body that is too short".to_owned()))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Violation> {
        Ok(self.take(N)?.try_into().expect("`take` gave N bytes"))
    }

    fn u8(&mut self) -> Result<u8, Violation> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, Violation> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32, Violation> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, Violation> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }

    /// The rest as text for people: one line, at most `bytes_max` of it, bad UTF-8 and control characters replaced.
    fn line(&mut self, bytes_max: usize) -> String {
        let rest = std::mem::take(&mut self.0);
        one_line(&String::from_utf8_lossy(&rest[..rest.len().min(bytes_max)]))
    }
}

/// Makes text of another's making fit into one line of a log or a report.
pub(super) fn one_line(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
