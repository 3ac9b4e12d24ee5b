//! The console in Japanese: no English is left over but names and terms, every character has a glyph, nothing is too wide.

use crate::examine;
use crate::pages;
use crate::person::{Look, Person};
use crate::stage::Stage;
use lab::Result;
use lab::console::expect;
use lab::plan::long;
use serde_json::json;

/// Words that are written the same in Japanese: names of this lab and of the product, terms of the field, units.
const TERMS: &[&str] = &[
    "Suimon",
    "English",
    "TOML",
    "TCP",
    "UDP",
    "tcp",
    "udp",
    "VIP",
    "NAT",
    "nat",
    "rr",
    "wlc",
    "root",
    "admin",
    "suimon",
    "bit",
    "kbit",
    "Mbit",
    "KiB",
    "MiB",
    "UTC",
    "min",
    "web",
    "echo",
    "ftp",
    "sticky",
    "API",
    "CSR",
    "ping",
    "tcpdump",
    "pcap",
    "Wireshark",
    "ARP",
    "ND",
    "TLS",
    "ICMP",
    "host",
    "and",
    "port",
    "ctl",
    "neighbors",
    "PEM",
    "SHA",
    // lb.example.com
    "lb",
    "example",
    "com",
    "alerts",
    "data",
    "management",
    "syslog",
    "NIC",
    "IPv",
    "GRE",
    "GUE",
    "MSS",
    "Maglev",
    "fullnat",
    "sed",
    "all",
    "any",
    "auto",
    "off",
    "Chrome",
    "Linux",
    "TIME_WAIT",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "SYN_RECV",
    "SYN_SENT",
];
/// Words of the page that are neither Japanese nor a term, each with what stands around it. Documents, addresses and what
/// programs say (the log, details of the audit log) are as they are.
const WORDS: &str = "
    const terms = new Set(TERMS), found = new Set();
    // A choice begins with the document's own word for it.
    const word = one => one.closest('option') ? /^[a-z-]+(?=:|$)|IP in IP/g : /^$/;
    const read = (text, around) => {
        text = text.replace(word(around), '');
        // Addresses of IPv6 have letters too, and so have names of users and of files.
        for (const [word] of text.replace(/[0-9a-f]*:[0-9a-f:.]+|user[0-9]+|(\\/[\\w.-]+){2,}/gi, '').matchAll(/[A-Za-z_]{2,}/g))
            if (!terms.has(word)) found.add(`${word}: ${text.trim()}`);
    };
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const around = texts.currentNode.parentElement;
        if (!around.closest('code, pre, textarea, script, noscript, .wide, [lang=en], [hidden]')) read(texts.currentNode.data, around);
    }
    for (const one of document.querySelectorAll('[aria-label], [title]')) read(one.getAttribute('aria-label') || one.title, one);
    return [...found];";
/// Characters of the page that are drawn like one that no font can have.
const TOFU: &str = "
    const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 40 });
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.font = `24px ${getComputedStyle(document.body).fontFamily}`;
    const drawn = letter => {
        context.clearRect(0, 0, 40, 40);
        context.fillText(letter, 4, 30);
        return context.getImageData(0, 0, 40, 40).data.join();
    };
    const none = drawn('\\u0378');
    return [...new Set(document.body.innerText + MORE)].filter(letter => letter > '\\u007f' && drawn(letter) === none);";

pub fn walk(stage: &mut Stage) -> Result<()> {
    let stranger = stage.stranger()?;
    stranger.open("/login")?;
    stranger.presses("日本語")?;
    stranger.sees("ログイン")?;
    let mut wrong = reads(&stranger, "login")?;
    let person = stage.signed_in("administrator")?;
    person.presses("日本語")?;
    person.sees("概要")?;
    for (name, path) in pages::all(&person)? {
        person.open(&path)?;
        wrong.extend(reads(&person, &name)?);
    }
    wrong.dedup();
    expect(wrong.is_empty(), || wrong.join("\n"))?;
    let spoilt = tofu(&person, "\u{379}")?;
    expect(spoilt == ["\u{379}"], || format!("a character without a glyph is not found: {spoilt:?}"))
}

fn reads(person: &Person, name: &str) -> Result<Vec<String>> {
    let looks = if long() { &Look::ALL[..] } else { &[Look { width: 390, dark: false }] };
    let mut wrong = Vec::new();
    if let Err(error) = examine::examine_in(person, name, "ja", looks) {
        wrong.push(error.to_string());
    }
    let lang = person.browser.run("return document.documentElement.lang")?;
    expect(lang == "ja", || format!("{name} is in {lang}"))?;
    let english = person.browser.run(&WORDS.replace("TERMS", &json!(TERMS).to_string()))?;
    wrong.extend(examine::strings(&english).iter().map(|word| format!("{name}: English: {word}")));
    wrong.extend(tofu(person, "")?.iter().map(|letter| format!("{name}: no glyph for {letter}")));
    Ok(wrong)
}

fn tofu(person: &Person, more: &str) -> Result<Vec<String>> {
    Ok(examine::strings(&person.browser.run(&TOFU.replace("MORE", &json!(more).to_string()))?))
}
