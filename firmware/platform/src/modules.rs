//! Which modules the hardware asks for, and in what order they are loaded: `modules.alias` and `modules.dep`, as depmod
//! writes them.

use std::collections::{BTreeMap, BTreeSet};

/// What a kernel has.
#[derive(Clone, Debug, Default)]
pub struct Modules {
    // Patterns with the module's name, in the order of the file.
    aliases: Vec<(String, String)>,
    // By name: its file and those it needs, as paths below the folder of the kernel's modules.
    files: BTreeMap<String, (String, Vec<String>)>,
}

impl Modules {
    /// Reads what depmod wrote. Lines that are not as they should be are left out.
    pub fn parse(alias: &str, dep: &str) -> Self {
        let aliases = alias.lines().filter_map(|line| {
            let mut words = line.strip_prefix("alias ")?.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        });
        let files = dep.lines().filter_map(|line| {
            let (file, needs) = line.split_once(':')?;
            Some((name(file), (file.to_owned(), needs.split_whitespace().map(str::to_owned).collect())))
        });
        Self { aliases: aliases.collect(), files: files.collect() }
    }

    /// The modules that say they drive a device with this `modalias`. Their names, each once.
    pub fn drivers(&self, modalias: &str) -> BTreeSet<&str> {
        let modalias = modalias.as_bytes();
        self.aliases
            .iter()
            .filter(|(pattern, _)| matches(pattern.as_bytes(), modalias))
            .map(|(_, module)| module.as_str())
            .collect()
    }

    /// The files to load for `wanted`, each once and behind all that it needs. Names that the kernel does not have (built
    /// in, or left out of the image) are passed over.
    pub fn order<'a>(&'a self, wanted: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let mut order: Vec<&str> = Vec::new();
        for module in wanted {
            let Some((file, needs)) = self.files.get(&name(module)) else { continue };
            // depmod lists the nearest first.
            for file in needs.iter().rev().chain([file]) {
                if !order.contains(&file.as_str()) {
                    order.push(file);
                }
            }
        }
        order
    }
}

/// A module's name: its file's without folder and endings, and with `_` for `-`, which the kernel takes for the same.
pub fn name(file: &str) -> String {
    let file = file.rsplit('/').next().unwrap_or_default();
    file.split(".ko").next().unwrap_or_default().replace('-', "_")
}

/// fnmatch(3) as far as aliases use it: `*`, `?` and `[...]` without ranges that are turned round.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where to go on if what follows the last `*` does not match: it takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        let step = match pattern.get(at) {
            Some(b'*') => {
                retry = Some((at + 1, read));
                at += 1;
                continue;
            }
            None if read == text.len() => return true,
            None => None,
            Some(_) if read == text.len() => None,
            Some(b'?') => Some(1),
            Some(b'[') => one_of(&pattern[at..], text[read]),
            Some(byte) => (*byte == text[read]).then_some(1),
        };
        match (step, retry) {
            (Some(step), _) => (at, read) = (at + step, read + 1),
            (None, Some((after, from))) if from < text.len() => {
                (at, read) = (after, from + 1);
                retry = Some((after, from + 1));
            }
            (None, _) => return false,
        }
    }
}

/// How long the set at the beginning of `pattern` is, if `byte` is in it.
fn one_of(pattern: &[u8], byte: u8) -> Option<usize> {
    let end = pattern.iter().position(|byte| *byte == b']')?;
    let set = &pattern[1..end];
    let mut at = 0;
    let mut found = false;
    while at < set.len() {
        if set.get(at + 1) == Some(&b'-') && at + 2 < set.len() {
            found |= (set[at]..=set[at + 2]).contains(&byte);
            at += 3;
        } else {
            found |= set[at] == byte;
            at += 1;
        }
    }
    found.then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIAS: &str = "# Aliases extracted from modules themselves.\n\
        alias pci:v00008086d000010D3sv*sd*bc*sc*i* e1000e\n\
        alias virtio:d00000001v* virtio_net\n\
        alias pci:v00001AF4d*sv*sd*bc*sc*i* virtio_pci\n\
        alias acpi*:PNP0C0[CE]:* button\n\
        alias usb:v*p*d*dc*dsc*dp*ic08isc06ip50in* usb-storage\n\
        alias usb:v*p*d*dc*dsc*dp*ic08isc06ip50in* uas\n\
        broken\n";
    const DEP: &str = "kernel/drivers/net/e1000e/e1000e.ko: kernel/drivers/ptp/ptp.ko kernel/drivers/pps/pps_core.ko\n\
        kernel/drivers/ptp/ptp.ko: kernel/drivers/pps/pps_core.ko\n\
        kernel/drivers/pps/pps_core.ko:\n\
        kernel/drivers/usb/storage/usb-storage.ko.xz: kernel/drivers/scsi/scsi_mod.ko\n\
        kernel/drivers/scsi/scsi_mod.ko:\n\
        broken\n";

    #[test]
    fn devices_find_their_drivers() {
        let modules = Modules::parse(ALIAS, DEP);
        let drivers = |modalias: &str| modules.drivers(modalias).into_iter().collect::<Vec<_>>().join(" ");
        for (modalias, expected) in [
            ("pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", "e1000e"),
            ("pci:v00008086d000010D4sv00008086sd00000000bc02sc00i00", ""),
            ("virtio:d00000001v00001AF4", "virtio_net"),
            ("pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00", "virtio_pci"),
            ("acpi:PNP0C0C:", "button"),
            ("acpi:PNP0C0D:", ""),
            ("usb:v0951p1666d0110dc00dsc00dp00ic08isc06ip50in00", "uas usb-storage"),
            ("", ""),
        ] {
            assert_eq!(drivers(modalias), expected, "{modalias}");
        }
    }

    #[test]
    fn what_a_module_needs_is_loaded_before_it() {
        let modules = Modules::parse(ALIAS, DEP);
        let order = modules.order(["e1000e", "usb_storage", "ptp", "ext4"]);
        let names: Vec<String> = order.into_iter().map(name).collect();
        assert_eq!(names, ["pps_core", "ptp", "e1000e", "scsi_mod", "usb_storage"]);
    }

    #[test]
    fn patterns_match_as_fnmatch_does() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbbd", false),
            ("a*b*c", "aXbYbZc", true),
            ("a?c", "ac", false),
            ("[a-cx]1", "b1", true),
            ("[a-cx]1", "x1", true),
            ("[a-cx]1", "d1", false),
            ("[a", "a", false),
            ("a**", "a", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
