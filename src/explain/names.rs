//! What a host is called in a sentence: in full, except a person's device, whose first label is enough.

use crate::trace::HostInfo;

/// A person's device is known by its first label, where no other host has that one: `alice-laptop`. Servers keep
/// their whole name, because its domain matters.
pub fn known_as<'h>(host: &'h HostInfo, hosts: &[HostInfo]) -> &'h str {
    let is_device = !host.roles.is_empty() && host.roles.iter().all(|role| role == "mua");
    let label = first_label(&host.name);
    let alone = hosts.iter().filter(|h| first_label(&h.name) == label).count() == 1;
    if is_device && alone { label } else { &host.name }
}

/// The same for a name; one that no host has is given back.
pub fn short<'h>(hosts: &'h [HostInfo], name: &'h str) -> &'h str {
    hosts.iter().find(|h| h.name == name).map_or(name, |host| known_as(host, hosts))
}

fn first_label(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, role: &str) -> HostInfo {
        HostInfo { name: name.to_owned(), addresses: Vec::new(), roles: vec![role.to_owned()] }
    }

    #[test]
    fn only_a_device_whose_label_is_its_own_is_called_by_it() {
        let hosts = [
            host("phone.example.com", "mua"),
            host("phone.example.net", "mua"),
            host("bob-laptop.example.net", "mua"),
            host("mx1.example.net", "mta"),
        ];
        let said = hosts.iter().map(|h| known_as(h, &hosts)).collect::<Vec<_>>();
        assert_eq!(said, ["phone.example.com", "phone.example.net", "bob-laptop", "mx1.example.net"]);
        assert_eq!(short(&hosts, "bob-laptop.example.net"), "bob-laptop");
        assert_eq!(short(&hosts, "nobody.example"), "nobody.example");
    }
}
