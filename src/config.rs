//! (placeholder of a moment)
