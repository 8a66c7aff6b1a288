//! What the sandbox does, as sentences.
