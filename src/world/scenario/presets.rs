//! The scenarios that come with the program, and how a preset's faults are put onto any scenario (`--break`).

use super::{LoadError, Scenario, load};

/// Name and text of every built-in scenario: the journey, then what can go wrong with it.
const BUILTIN: [(&str, &str); 9] = [
    ("journey", include_str!("../../../lessons/scenarios/journey.toml")),
    ("mx1-down", include_str!("../../../lessons/scenarios/break/mx1-down.toml")),
    ("no-mx", include_str!("../../../lessons/scenarios/break/no-mx.toml")),
    ("null-mx", include_str!("../../../lessons/scenarios/break/null-mx.toml")),
    ("nxdomain", include_str!("../../../lessons/scenarios/break/nxdomain.toml")),
    ("unknown-user", include_str!("../../../lessons/scenarios/break/unknown-user.toml")),
    ("greylist", include_str!("../../../lessons/scenarios/break/greylist.toml")),
    ("mailbox-full", include_str!("../../../lessons/scenarios/break/mailbox-full.toml")),
    ("dns-timeout", include_str!("../../../lessons/scenarios/break/dns-timeout.toml")),
];

/// Name and text of every further story of the library: the journey's world, in which other things are done.
const STORIES: &[(&str, &str)] = &[
    ("journey-pop3", include_str!("../../../lessons/scenarios/stories/journey-pop3.toml")),
    ("journey-imap", include_str!("../../../lessons/scenarios/stories/journey-imap.toml")),
    ("journey-starttls", include_str!("../../../lessons/scenarios/stories/journey-starttls.toml")),
    ("journey-implicit", include_str!("../../../lessons/scenarios/stories/journey-implicit.toml")),
    ("same-domain", include_str!("../../../lessons/scenarios/stories/same-domain.toml")),
    ("relay-denied", include_str!("../../../lessons/scenarios/stories/relay-denied.toml")),
    ("pipelining", include_str!("../../../lessons/scenarios/stories/pipelining.toml")),
    ("large-attachment", include_str!("../../../lessons/scenarios/stories/large-attachment.toml")),
    ("auth-failure", include_str!("../../../lessons/scenarios/stories/auth-failure.toml")),
    ("keep-a-copy", include_str!("../../../lessons/scenarios/stories/keep-a-copy.toml")),
    ("maildrop-lock", include_str!("../../../lessons/scenarios/stories/maildrop-lock.toml")),
    ("imap-idle", include_str!("../../../lessons/scenarios/stories/imap-idle.toml")),
    ("dot-stuffing", include_str!("../../../lessons/scenarios/stories/dot-stuffing.toml")),
    ("pop3-apop", include_str!("../../../lessons/scenarios/stories/pop3-apop.toml")),
    ("scram", include_str!("../../../lessons/scenarios/stories/scram.toml")),
    ("dsn-success", include_str!("../../../lessons/scenarios/stories/dsn-success.toml")),
    ("delayed", include_str!("../../../lessons/scenarios/stories/delayed.toml")),
    ("one-machine", include_str!("../../../lessons/scenarios/stories/one-machine.toml")),
    ("web-shop", include_str!("../../../lessons/scenarios/stories/web-shop.toml")),
    ("reply", include_str!("../../../lessons/scenarios/stories/reply.toml")),
    ("web-mail", include_str!("../../../lessons/scenarios/stories/web-mail.toml")),
    ("several-domains", include_str!("../../../lessons/scenarios/stories/several-domains.toml")),
    ("attachment", include_str!("../../../lessons/scenarios/stories/attachment.toml")),
    ("in-step", include_str!("../../../lessons/scenarios/stories/in-step.toml")),
    ("spoofed-unprotected", include_str!("../../../lessons/scenarios/stories/spoofed-unprotected.toml")),
    ("spoofed-caught", include_str!("../../../lessons/scenarios/stories/spoofed-caught.toml")),
    ("signed", include_str!("../../../lessons/scenarios/stories/signed.toml")),
    ("forwarded", include_str!("../../../lessons/scenarios/stories/forwarded.toml")),
    ("mailing-list", include_str!("../../../lessons/scenarios/stories/mailing-list.toml")),
    ("compare-pop3", include_str!("../../../lessons/scenarios/stories/compare-pop3.toml")),
    ("compare-imap", include_str!("../../../lessons/scenarios/stories/compare-imap.toml")),
];

/// The story that both protocols tell, before one is chosen.
const COMPARE: (&str, &str) = ("compare", include_str!("../../../lessons/scenarios/compare.toml"));

/// The world of a lab, in which nobody acts but those who come by its doors.
const LAB: (&str, &str) = ("lab", include_str!("../../../lessons/scenarios/lab.toml"));

/// The names of the library's further stories.
pub fn story_names() -> impl Iterator<Item = &'static str> {
    STORIES.iter().map(|(name, _)| *name)
}

/// The names of everything that loads.
pub(super) fn all_names() -> impl Iterator<Item = &'static str> {
    builtin_names().chain(story_names()).chain([COMPARE.0, LAB.0])
}

/// The TOML text of a built-in scenario or story.
pub fn builtin(name: &str) -> Option<&'static str> {
    BUILTIN.iter().chain(STORIES).chain([&COMPARE, &LAB]).find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The names of all built-in scenarios; the first is the default journey, the others are presets for `--break`.
pub fn builtin_names() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}

/// Where a built-in scenario stands in the project, for error messages.
pub(super) fn file_name(name: &str) -> String {
    match name {
        "journey" | "compare" | "lab" => format!("lessons/scenarios/{name}.toml"),
        name if story_names().any(|story| story == name) => format!("lessons/scenarios/stories/{name}.toml"),
        name => format!("lessons/scenarios/break/{name}.toml"),
    }
}

impl Scenario {
    /// A built-in scenario by its name; the error has a hint where the name is unknown.
    pub fn builtin(name: &str) -> Result<Scenario, LoadError> {
        match builtin(name) {
            Some(text) => Scenario::from_toml(text, &file_name(name)),
            None => Err(LoadError::unknown_builtin(name)),
        }
    }

    /// Add the faults of a preset (`mx1-down`, …) to this scenario, so that `--break` works on any of them.
    ///
    /// Its title and about are extended. Where the preset names hosts, zones or accounts that this scenario does not
    /// have, the error points into the preset, and the scenario stays as it was.
    pub fn add_faults_of(&mut self, preset: &str) -> Result<(), LoadError> {
        let Some(text) = builtin(preset).filter(|_| builtin_names().skip(1).any(|name| name == preset))
        else {
            return Err(LoadError::unknown_builtin(preset));
        };
        let loaded = load::read_preset(text, &file_name(preset))?;
        let mut broken = self.clone();
        let before = broken.faults.len();
        broken.faults.extend(loaded.faults);
        load::check_appended(&broken, before, text, &file_name(preset))?;
        let is_its_base = Scenario::builtin(&loaded.extends).is_ok_and(|base| base.title == self.title);
        match loaded.title {
            Some(title) if is_its_base => broken.title = title,
            _ => broken.title = format!("{} ({preset})", self.title),
        }
        match loaded.about {
            Some(about) if is_its_base || self.about.is_empty() => broken.about = about,
            Some(about) => broken.about = format!("{}\n\n{about}", self.about.trim_end()),
            None => {}
        }
        *self = broken;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_loads_and_survives_printing() {
        for name in builtin_names() {
            let scenario = Scenario::builtin(name).unwrap_or_else(|e| panic!("{e}"));
            let printed = scenario.to_toml();
            let again = Scenario::from_toml(&printed, "printed").unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again, scenario, "{name}");
            assert_eq!(scenario.faults.is_empty(), name == "journey");
        }
        for name in story_names().chain([LAB.0]) {
            let scenario = Scenario::builtin(name).unwrap_or_else(|e| panic!("{e}"));
            let again = Scenario::from_toml(&scenario.to_toml(), "printed").unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(again, scenario, "{name}");
            assert!(scenario.about.len() > 80, "{name} says what it shows");
        }
    }

    #[test]
    fn a_preset_put_onto_the_journey_is_the_preset() {
        for name in builtin_names().skip(1) {
            let mut scenario = Scenario::builtin("journey").expect("loads");
            scenario.add_faults_of(name).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(scenario, Scenario::builtin(name).expect("loads"), "{name}");
        }
    }

    #[test]
    fn a_preset_that_does_not_fit_says_where() {
        let mut scenario = Scenario::builtin("journey").expect("loads");
        for host in &mut scenario.hosts {
            host.name = host.name.replace("mx1.", "mx9.");
        }
        let before = scenario.clone();
        let error = scenario.add_faults_of("mx1-down").expect_err("mx1 is gone").to_string();
        assert!(error.contains("break/mx1-down.toml"), "{error}");
        assert!(error.contains("host = \"mx1.example.net\""), "{error}");
        assert!(error.contains("mx9.example.net"), "{error}");
        assert_eq!(scenario, before);
        let error = scenario.add_faults_of("mx1down").expect_err("no such preset").to_string();
        assert!(error.contains("mx1-down"), "{error}");
    }
}
