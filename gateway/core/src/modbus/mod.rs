//! Registers polled over Modbus: what is to be read ([`RegisterMap`]), in which requests ([`plan`]), and what came of
//! it ([`PollImage`]).
//!
//! ```text
//! register map (TOML) ─► plan: blocks ─► poll ─► image: the blocks as read ─► RegisterMap::decode ─► readings
//! ```
//! An image goes into the log as it is; the map is its decode context. Reading is all there is: no other function
//! code can be said ([`Function`]).

mod block;
mod decode;
mod image;
mod map;
mod plan;

pub use block::{Block, Function};
pub use image::{BlockRead, BlockView, Data, ImageError, ImageView, PollImage, ReadFailure};
pub use map::{
    Confidence, MAX_GAP, NoValue, Point, RegisterMap, State, UnitFrom, What, shipped_map, shipped_map_ids,
    shipped_map_text,
};
pub use plan::plan;

/// Most registers one request may ask for (Modbus application protocol V1.1b3, 6.3 and 6.4).
pub const MAX_WORDS: u16 = 125;
/// Most coils or inputs one request may ask for (6.1 and 6.2).
pub const MAX_BITS: u16 = 2_000;
