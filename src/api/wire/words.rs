//! The words that some keys take, each default first.

use crate::job::{ChildrenRun, OnInterrupted, Overlap, RunAfter};

pub(super) const OVERLAP: &[(&str, Overlap)] = &[
    ("queue", Overlap::Queue),
    ("skip", Overlap::Skip),
    ("allow", Overlap::Allow),
];

pub(super) const RUN_AFTER: &[(&str, RunAfter)] = &[("any", RunAfter::Any), ("all", RunAfter::All)];

pub(super) const CHILDREN_RUN: &[(&str, ChildrenRun)] = &[
    ("in_order", ChildrenRun::InOrder),
    ("together", ChildrenRun::Together),
];

pub(super) const ON_INTERRUPTED: &[(&str, OnInterrupted)] = &[
    ("leave", OnInterrupted::Leave),
    ("retry", OnInterrupted::Retry),
];

/// The word for `meaning`.
pub(super) fn word<W: PartialEq>(words: &[(&'static str, W)], meaning: &W) -> &'static str {
    words
        .iter()
        .find(|(_, known)| known == meaning)
        .map_or("", |(word, _)| word)
}
