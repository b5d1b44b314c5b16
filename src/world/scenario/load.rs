//! TOML text → Scenario, with errors that point into the file.
