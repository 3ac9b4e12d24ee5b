//! What servers need before `direct` and tunnels reach them: the commands for Linux, with the service's own addresses.
//! The tests in a virtual machine set their servers up the same way.

use crate::draft::Draft;
use config::{Method, Named, TUNNEL_PORT_DEFAULT};
use std::fmt::Write;
use std::net::IpAddr;

/// Commands for some of the servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub method: &'static str,
    /// The servers it is for.
    pub servers: Vec<String>,
    /// The address that stands in the commands and differs from server to server.
    pub own: Option<IpAddr>,
    pub commands: String,
}

/// One recipe for servers that are reached alike.
pub(super) fn recipes(draft: &Draft) -> Vec<Recipe> {
    let vips: Vec<&str> = draft.service.value("vip").split([',', ' ']).filter(|vip| !vip.is_empty()).collect();
    let mut recipes: Vec<Recipe> = Vec::new();
    for backend in &draft.backends {
        let or_service = |key: &str| match backend.value(key).trim() {
            "" => draft.service.value(key).trim().to_owned(),
            own => own.to_owned(),
        };
        let Some(method) = Method::from_name(&or_service("method")).filter(|method| !method.translates()) else {
            continue;
        };
        let own: Option<IpAddr> = backend.value("address").trim().parse().ok();
        if method.is_tunnel() && own.is_none() {
            continue;
        }
        // Only tunnels have the server's own address in their commands.
        let own = own.filter(|_| method.is_tunnel());
        let port = or_service("tunnel_port").parse().unwrap_or(TUNNEL_PORT_DEFAULT);
        let alike = |recipe: &&mut Recipe| {
            recipe.method == method.name() && recipe.own.map(|own| own.is_ipv6()) == own.map(|own| own.is_ipv6())
        };
        let name = backend.value("name").to_owned();
        match recipes.iter_mut().find(alike) {
            Some(recipe) => recipe.servers.push(name),
            None => recipes.push(Recipe {
                method: method.name(),
                servers: vec![name],
                own,
                commands: commands(method, &vips, own, port),
            }),
        }
    }
    recipes
}

fn commands(method: Method, vips: &[&str], own: Option<IpAddr>, port: u16) -> String {
    let (v4, v6): (Vec<&str>, Vec<&str>) = vips.iter().partition(|vip| !vip.contains(':'));
    let mut text = String::new();
    // Silent first: the address must not be announced for a moment.
    if !v4.is_empty() {
        text += "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n";
    }
    for vip in v4.iter().chain(&v6) {
        let (family, bits, more) = if vip.contains(':') { ("-6 ", 128, " nodad") } else { ("", 32, "") };
        let _ = match vip.contains('/') {
            true => writeln!(text, "ip {family}route add local {vip} dev lo"),
            false => writeln!(text, "ip {family}address add {vip}/{bits} dev lo{more}"),
        };
    }
    let Some(own) = own else { return text };
    if method == Method::TunnelGue {
        let _ = writeln!(text, "ip fou add port {port} gue{}", if own.is_ipv6() { " -6" } else { "" });
    }
    for (at, kind) in devices(method, own, !v4.is_empty(), !v6.is_empty()).into_iter().enumerate() {
        let _ = writeln!(text, "ip link add lb{at} type {kind} local {own}\nip link set lb{at} up");
        if !v4.is_empty() && kind != "sit" {
            let _ = writeln!(text, "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.lb{at}.rp_filter=0");
        }
    }
    text
}

/// The devices that take these packets out of their tunnel: what is inside and what is outside decide.
fn devices(method: Method, own: IpAddr, v4: bool, v6: bool) -> Vec<&'static str> {
    match (method, own) {
        (Method::TunnelGre, IpAddr::V4(_)) => vec!["gre"],
        (Method::TunnelGre, IpAddr::V6(_)) => vec!["ip6gre"],
        (_, IpAddr::V6(_)) => vec!["ip6tnl mode any"],
        (_, IpAddr::V4(_)) => {
            [(v4, "ipip"), (v6, "sit")].into_iter().filter(|(there, _)| *there).map(|(_, kind)| kind).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(vip: &str, method: &str, backends: &[(&str, &str)]) -> Draft {
        let mut form =
            vec![("service.vip".to_owned(), vip.to_owned()), ("service.method".to_owned(), method.to_owned())];
        for (at, (address, own)) in backends.iter().enumerate() {
            form.push((format!("backend.{at}.name"), format!("s{}", at + 1)));
            form.push((format!("backend.{at}.address"), (*address).to_owned()));
            form.push((format!("backend.{at}.method"), (*own).to_owned()));
        }
        Draft::posted(&form)
    }

    #[test]
    fn direct_needs_the_address_and_silence() {
        let found =
            recipes(&draft("10.1.0.100, 2001:db8::1", "direct", &[("10.2.0.2", ""), ("10.2.0.3", "nat"), ("", "")]));
        let expected = "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2\n\
                        ip address add 10.1.0.100/32 dev lo\n\
                        ip -6 address add 2001:db8::1/128 dev lo nodad\n";
        let servers = vec!["s1".to_owned(), "s3".to_owned()];
        assert_eq!(found, [Recipe { method: "direct", servers, own: None, commands: expected.to_owned() }]);
    }

    #[test]
    fn tunnels_need_a_device_of_their_kind() {
        for (method, address, vip, expected) in [
            ("tunnel-ipip", "10.2.0.2", "10.1.0.100", "ip link add lb0 type ipip local 10.2.0.2\n"),
            ("tunnel-ipip", "10.2.0.2", "2001:db8::1", "ip link add lb0 type sit local 10.2.0.2\n"),
            (
                "tunnel-ipip",
                "2001:db8:2::2",
                "10.1.0.100",
                "ip link add lb0 type ip6tnl mode any local 2001:db8:2::2\n",
            ),
            ("tunnel-gre", "2001:db8:2::2", "10.1.0.100", "ip link add lb0 type ip6gre local 2001:db8:2::2\n"),
            ("tunnel-gue", "10.2.0.2", "10.1.0.0/24", "ip fou add port 6080 gue\nip link add lb0 type ipip"),
        ] {
            let found = recipes(&draft(vip, method, &[(address, "")]));
            assert_eq!(found.len(), 1, "{method}");
            assert!(found[0].commands.contains(expected), "{method}: {}", found[0].commands);
        }
        let found =
            recipes(&draft("10.1.0.0/24", "tunnel-ipip", &[("10.2.0.2", ""), ("10.2.0.3", ""), ("2001:db8::2", "")]));
        assert_eq!(found.iter().map(|recipe| recipe.servers.len()).collect::<Vec<_>>(), [2, 1]);
        assert!(found[0].commands.contains("ip route add local 10.1.0.0/24 dev lo\n"));
    }

    #[test]
    fn nat_needs_no_recipe() {
        assert!(recipes(&draft("10.1.0.100", "nat", &[("10.2.0.2", ""), ("10.2.0.3", "fullnat")])).is_empty());
    }
}
