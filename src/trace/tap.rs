//! The tap: the only writer of records while a world runs.
