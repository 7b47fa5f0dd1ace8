//! From electrical signals and register words to engineering values, and back.
