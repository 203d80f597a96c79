//! The graph of jobs: parents, children and failure jobs, and the refusal of cycles.
