//! The box and what is around it, as the lines before the first case say.

use super::words::{Mac, Names, Words, mac};
use control::kernel::{Kernel, Link};
use net::Address;
use std::net::IpAddr;

/// Buffers that take a super-frame.
const BUFFER_BYTES: usize = 70_000;

/// More frames than one turn of a usual case sends.
const BUFFERS: usize = 64;

/// Somebody who answers ARP and neighbour solicitations on a NIC.
#[derive(Clone, Debug)]
pub struct Host {
    pub nic: String,
    pub mac: Mac,
    pub addresses: Vec<Address>,
}

/// Everything a case starts from.
#[derive(Clone, Debug)]
pub struct Setting {
    pub toml: String,
    pub names: Names,
    pub links: Vec<Link>,
    pub hosts: Vec<Host>,
    pub workers: u8,
    pub buffer_bytes: usize,
    pub buffers: usize,
    in_toml: bool,
}

impl Default for Setting {
    fn default() -> Self {
        let mut names = Names::default();
        names.add("everybody", [0xff; 6]);
        Self {
            toml: String::new(),
            names,
            links: Vec::new(),
            hosts: Vec::new(),
            workers: 1,
            buffer_bytes: BUFFER_BYTES,
            buffers: BUFFERS,
            in_toml: false,
        }
    }
}

impl Setting {
    /// Takes one line.
    pub fn read(&mut self, line: &str) -> Result<(), String> {
        if self.in_toml && line.trim() != "end" {
            self.toml += line;
            self.toml.push('\n');
            return Ok(());
        }
        let mut words = Words::of(line);
        match words.next().unwrap_or_default().as_str() {
            "config" => self.in_toml = true,
            "end" => self.in_toml = false,
            "nic" => self.nic(&mut words)?,
            "host" => self.host(&mut words)?,
            "workers" => self.workers = words.parsed()?,
            "buffers" => (self.buffers, self.buffer_bytes) = (words.parsed()?, words.parsed()?),
            "world" => {
                let name = words.next()?;
                let path = super::folder().join(format!("{name}.world"));
                let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                text.lines().try_for_each(|line| self.read(line))?;
            }
            "" => {}
            word if word.starts_with('#') => {}
            word => return Err(format!("{word} is nothing that a setting has")),
        }
        Ok(())
    }

    // nic NAME MAC [mtu N]
    fn nic(&mut self, words: &mut Words) -> Result<(), String> {
        let name = words.next()?;
        let mac = mac(&words.next()?)?;
        let mtu = words.number_of("mtu", 1_500)? as u16;
        self.names.add(&name, mac);
        let index = self.links.len() as u32 + 2;
        self.links.push(Link { index, name, mac: net::Mac(mac), mtu, enabled: true, up: true });
        Ok(())
    }

    /// host NAME NIC MAC ADDRESS…
    pub fn host(&mut self, words: &mut Words) -> Result<(), String> {
        let name = words.next()?;
        let nic = words.next()?;
        let mac = mac(&words.next()?)?;
        let mut addresses = Vec::new();
        while words.peek().is_some() {
            addresses.push(words.parsed::<IpAddr>()?.into());
        }
        self.names.add(&name, mac);
        self.hosts.push(Host { nic, mac, addresses });
        Ok(())
    }

    /// The kernel as it would be read: addresses and routes are the configuration's.
    pub fn kernel(&self) -> Kernel {
        Kernel { links: self.links.clone(), ..Kernel::default() }
    }

    /// The hardware address that answers for `address` on the link.
    pub fn answer(&self, link: &str, address: Address) -> Option<net::Mac> {
        let host = self.hosts.iter().find(|host| host.nic == link && host.addresses.contains(&address))?;
        Some(net::Mac(host.mac))
    }
}
