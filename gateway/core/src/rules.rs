//! Rule states: three-valued, gap-aware.
