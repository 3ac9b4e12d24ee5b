//! Health checks: the dialogues with servers, one file per protocol, and the codecs they speak.

pub mod codecs;
