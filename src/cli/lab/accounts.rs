//! Who has a mailbox in the lab: the scenario's accounts, and those that the command line adds.

use super::doors::domain_of;
use crate::base::{Secret, escape};
use crate::cli::CommandError;
use crate::proto::smtp::Recipient;
use crate::world::scenario::{Account, Scenario};

/// Add an account, `user@domain:password`; one that is there gets the new password.
///
/// # Errors
/// Where it is not of that form, or of no domain of the lab.
pub fn add(scenario: &mut Scenario, text: &str) -> Result<(), CommandError> {
    let form = "write user@domain:password, as in erin@example.com:seven-lamps";
    // The password is not repeated in what is said about it.
    let wrong = |what: &str| CommandError::usage(format!("--account: {what}"), form);
    let (address, password) = text
        .find('@')
        .and_then(|at| text.get(at..)?.find(':').map(|colon| text.split_at(at + colon)))
        .ok_or_else(|| wrong("there must be an address, a colon and a password"))?;
    let password = password.get(1..).unwrap_or_default();
    if password.is_empty() || password.chars().any(char::is_control) {
        return Err(wrong("a password has at least one character, and no control characters"));
    }
    let shown = escape::text(address);
    let (_, domain) = address
        .rsplit_once('@')
        .filter(|_| Recipient::new(address).is_some())
        .ok_or_else(|| wrong(&format!("“{shown}” is no address")))?;
    let keeps = |name: &str| scenario.accounts.iter().any(|account| account.host == name);
    let keepers = || scenario.hosts.iter().filter(|host| keeps(&host.name));
    let takes = |d: &String| d.eq_ignore_ascii_case(domain);
    let Some(host) = keepers().find(|host| host.domains.iter().any(takes)) else {
        let domains: Vec<&str> = keepers().map(domain_of).collect();
        let message = format!("--account: {shown} is of none of the lab's domains");
        return Err(CommandError::usage(message, format!("they are {}", domains.join(" and "))));
    };
    let (host, password) = (host.name.clone(), Secret::new(password));
    match scenario.accounts.iter_mut().find(|account| account.address.eq_ignore_ascii_case(address)) {
        Some(known) => known.password = password,
        None => scenario.accounts.push(Account {
            auth: None,
            address: address.to_owned(),
            password,
            host,
            quota: 0,
            aliases: Vec::new(),
        }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_added_or_changed() {
        let mut lab = Scenario::builtin("lab").expect("loads");
        let before = lab.accounts.len();
        add(&mut lab, "erin@example.net:a:b@c").expect("is well formed");
        add(&mut lab, "alice@example.com:new").expect("is well formed");
        assert_eq!(lab.accounts.len(), before + 1);
        let password = |of: &str| lab.accounts.iter().find(|a| a.address == of).map(|a| a.password.expose());
        assert_eq!(password("erin@example.net"), Some("a:b@c"));
        assert_eq!(password("alice@example.com"), Some("new"));
    }

    #[test]
    fn what_is_no_account_is_refused_and_its_password_not_told() {
        let mut lab = Scenario::builtin("lab").expect("loads");
        for (text, word) in [
            ("erin", "colon"),
            ("erin@example.com", "colon"),
            ("erin@example.com:", "password"),
            ("erin:secret@example.com", "colon"),
            ("@example.com:secret", "no address"),
            ("erin@example.edu:secret", "none of the lab's domains"),
        ] {
            let error = add(&mut lab, text).expect_err(text).to_string();
            assert!(error.contains(word) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
