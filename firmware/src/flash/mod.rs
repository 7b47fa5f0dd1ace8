//! What survives a power cut, on NOR flash: the journal and the settings.
//!
//! Both are blocking (`embedded_storage::nor_flash`, not the async traits): [`crate::Storage`] is synchronous, because
//! a session must not be left between "journaled" and "sent" by a dropped future. Writing a record takes what the
//! part takes (well under a millisecond on most), erasing a unit stops the caller for as long as the part says
//! (20 ms on many microcontrollers, a second on parts with 128 KB sectors: put the journal on another medium there).
//!
//! The log is our own and not a queue crate's: records are read by number (the gateway asks for the missing ones), freed
//! by one number for a whole prefix instead of one write each, and need no second write to a written word.

mod card;
mod chunk;
pub(crate) mod crc;
mod journal;
mod meta;
mod slots;

pub use card::{CardFlash, CardFlashError};
pub use journal::{FlashError, FlashJournal};
pub use slots::{SlotError, Slots};
