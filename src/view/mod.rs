//! Items → what a person sees. Labels carry meaning; each renderer picks its own look.
