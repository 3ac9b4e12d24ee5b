//! Enums whose values are words of the document.

/// A word of the document for each value.
pub trait Named: Copy + PartialEq + Sized + 'static {
    /// All words and what they mean, in the order of the documentation.
    const NAMES: &'static [(&'static str, Self)];

    /// The word of this value.
    fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, value)| *value == self)
            .map(|(name, _)| *name)
            .expect("the list is made from the variants")
    }

    /// The value of a word.
    fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, schemars::JsonSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[schemars(rename = $text)] $variant,)*
        }

        impl $crate::Named for $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$variant),)*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad($crate::Named::name(*self))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::Named::name(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::Named>::from_name(&name)
                    .ok_or_else(|| serde::de::Error::custom(format!("unknown word \"{name}\"")))
            }
        }
    };
}

pub(crate) use named;
