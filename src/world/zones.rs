//! What the DNS hosts know.
