//! What readers see: jobs and their figures, written by the dispatcher alone.
