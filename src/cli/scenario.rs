//! The scenario that a command was asked for: a file, or one that comes with the program.

use super::{CommandError, screen};
use crate::base::escape;
use crate::trace::Record;
use crate::world::scenario::{LoadError, Scenario};
use std::path::Path;

/// The scenario in this file; without one, the built-in of this name.
///
/// # Errors
/// Where the file cannot be read, or is no scenario: the complaint points at the place.
pub fn read(path: Option<&Path>, builtin: &str) -> Result<Scenario, CommandError> {
    let Some(path) = path else { return Scenario::builtin(builtin).map_err(broken) };
    let text = std::fs::read_to_string(path).map_err(|error| CommandError::file("read", path, &error))?;
    Scenario::from_toml(&text, &escape::text(&path.display().to_string())).map_err(broken)
}

/// The same, with what these presets let go wrong.
///
/// # Errors
/// As [`read`]; and where a preset does not fit the scenario.
pub fn read_with(path: Option<&Path>, builtin: &str, presets: &[String]) -> Result<Scenario, CommandError> {
    let mut scenario = read(path, builtin)?;
    presets.iter().try_for_each(|preset| scenario.add_faults_of(preset).map_err(broken))?;
    Ok(scenario)
}

/// Run it to its end in virtual time.
///
/// # Errors
/// Where the operating system gives no runtime.
pub fn carried(scenario: &Scenario) -> Result<Vec<Record>, CommandError> {
    crate::world::run(scenario, &[]).map_err(|error| CommandError::failure(error.to_string(), ""))
}

/// What is wrong with a scenario, shown in its text.
fn broken(error: LoadError) -> CommandError {
    CommandError::failure(error.render(screen::colour()), "")
}
