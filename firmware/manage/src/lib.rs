//! What the API does that is not packets: who may do what, what was done, and who is told.
//!
//! Rules take the time and the randomness they need; what talks to the network is in files of its own


pub mod audit;
pub mod clock;
pub mod lockout;
pub mod passwords;
pub mod random;
pub mod redact;
pub mod roles;
pub mod second_factor;
pub mod secret;
pub mod sessions;
pub mod source;
pub mod tokens;
pub mod users;
