//! Small numbers that name things inside the tables. Each is an index, stable as long as the thing lives.

use std::fmt;

macro_rules! index {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $inner);

        impl $name {
            /// As an index into a slice.
            #[inline(always)]
            pub const fn at(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

index!(
    /// A NIC that the engine receives from and sends on: index into `Tables::nics`.
    NicId(u8)
);
index!(
    /// A worker: 0 to `Tables::workers` - 1.
    WorkerId(u8)
);
index!(
    /// A service: index into `Tables::services`. A slot is reused only when no flow refers to it.
    ServiceIndex(u16)
);
index!(
    /// A backend of one service: index into `Tables::backends`. A slot is reused only when no flow refers to it.
    BackendIndex(u16)
);
index!(
    /// A next hop: index into `Tables::hops`.
    HopIndex(u16)
);
