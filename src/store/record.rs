//! The disk form.
