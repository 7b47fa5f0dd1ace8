//! `keyed_enum!`: a fieldless enum whose variants carry a stable key and two titles, one line each.

/// Serialise as the key, deserialise from it; an unknown key lists the known ones.
macro_rules! serde_as_key {
    ($name:ident) => {
        #[cfg(feature = "serde")]
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.key())
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Key;
                impl serde::de::Visitor<'_> for Key {
                    type Value = $name;
                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str(concat!("the key of a ", stringify!($name)))
                    }
                    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<$name, E> {
                        $name::from_key(key).ok_or_else(|| E::unknown_variant(key, $name::KEYS))
                    }
                }
                deserializer.deserialize_str(Key)
            }
        }

        impl core::fmt::Display for $name {
            /// The key.
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.key())
            }
        }
    };
}

/// `Variant "key" "中文" "English";` per line, optionally `Variant = 3 "key" ...` where codes are fixed.
macro_rules! keyed_enum {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $variant:ident $(= $code:literal)? $key:literal $zh:literal $en:literal; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $( #[doc = concat!($en, " (", $zh, ")")] $variant $(= $code)?, )+
        }

        impl $name {
            /// Every variant, in declaration order.
            pub const ALL: &'static [$name] = &[$( $name::$variant, )+];
            /// Every key, in declaration order.
            pub const KEYS: &'static [&'static str] = &[$( $key, )+];

            /// Stable key used on the wire, in the store, in rule packs and in the API.
            pub const fn key(self) -> &'static str {
                match self { $( $name::$variant => $key, )+ }
            }

            /// The variant with exactly this key.
            pub fn from_key(key: &str) -> Option<$name> {
                match key { $( $key => Some($name::$variant), )+ _ => None }
            }

            /// Chinese title for people.
            pub const fn title_zh(self) -> &'static str {
                match self { $( $name::$variant => $zh, )+ }
            }

            /// English title for people.
            pub const fn title_en(self) -> &'static str {
                match self { $( $name::$variant => $en, )+ }
            }
        }

        serde_as_key!($name);
    };
}
