//! What a person does and sees: opens a page, reads it, fills a field found by its label, presses a button found by its
//! words.

use crate::driver::{Browser, Element};
use data_encoding::BASE64;
use lab::Result;
use lab::command::wait_until;
use lab::console::expect;
use lab::error::{Act, LabError};
use lab::lab::target_folder;
use lab::plan;
use serde_json::json;
use std::fs;
use std::time::Duration;

/// Where the console is: an address of the balancer's own, on the way that clients come.
pub const SITE: &str = "https://10.1.0.1:8443";
/// Time a page has to show what is waited for.
pub const LIMIT: Duration = Duration::from_secs(20);
/// How often an element is looked for again that the page has replaced meanwhile.
const TRIES: u32 = 5;
/// The Tab key (WebDriver 17.4.2).
pub const TAB: char = '\u{e004}';
/// The Enter key.
pub const ENTER: char = '\u{e007}';

/// How a page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

impl Look {
    pub const WIDE: Self = Self { width: 1280, dark: false };
    pub const ALL: [Self; 4] = [
        Self::WIDE,
        Self { width: 390, dark: true },
        Self { width: 1280, dark: true },
        Self { width: 390, dark: false },
    ];

    /// All of them, or in CI two that have both widths and both themes.
    pub fn tried() -> &'static [Self] {
        plan::size(&Self::ALL[..2], &Self::ALL)
    }

    fn name(self) -> String {
        format!("{}-{}", self.width, if self.dark { "dark" } else { "light" })
    }
}

/// Somebody at a browser.
pub struct Person {
    pub browser: Browser,
    /// The console's address.
    site: String,
}

impl Person {
    pub fn at(browser: Browser, site: &str) -> Result<Self> {
        let person = Self { browser, site: site.to_owned() };
        person.look(Look::WIDE)?;
        Ok(person)
    }

    /// Opens a page of the console.
    pub fn open(&self, path: &str) -> Result<()> {
        self.browser.open(&format!("{}{path}", self.site))
    }

    /// Path of the page that is shown, without what follows `?`.
    pub fn here(&self) -> Result<String> {
        let url = self.browser.url()?;
        let path = url.strip_prefix(&self.site).unwrap_or(&url);
        Ok(path.split('?').next().unwrap_or_default().to_owned())
    }

    /// All that is to be read.
    pub fn page(&self) -> Result<String> {
        self.with("//body", |body| self.browser.text(body))
    }

    /// Waits until the page shows `text`.
    pub fn sees(&self, text: &str) -> Result<()> {
        let seen =
            wait_until(&format!("\"{text}\" is shown"), LIMIT, || self.page().is_ok_and(|page| page.contains(text)));
        seen.map_err(|error| LabError::Answer(format!("{error}; at {:?}: {:?}", self.here(), self.page())))
    }

    /// Fails if the page shows `text` now.
    pub fn sees_not(&self, text: &str) -> Result<()> {
        let page = self.page()?;
        expect(!page.contains(text), || format!("\"{text}\" is shown: {page}"))
    }

    /// Waits until a text is gone, as after a click that leads to the same page.
    pub fn loses(&self, text: &str) -> Result<()> {
        wait_until(&format!("\"{text}\" is gone"), LIMIT, || self.page().is_ok_and(|page| !page.contains(text)))
    }

    /// Waits until the page at `path` is there.
    pub fn arrives(&self, path: &str) -> Result<()> {
        let arrived =
            wait_until(&format!("the way leads to {path}"), LIMIT, || self.here().is_ok_and(|here| here == path));
        arrived.map_err(|error| LabError::Answer(format!("{error}; at {:?}: {:?}", self.here(), self.page())))
    }

    /// Presses the button with these words.
    pub fn presses(&self, words: &str) -> Result<()> {
        let words = quoted(words);
        self.clicks(&format!("//button[not(@aria-hidden)][normalize-space(.)={words} or @aria-label={words}]"))
    }

    /// Follows the first link with these words.
    pub fn follows(&self, words: &str) -> Result<()> {
        self.clicks(&format!("//a[normalize-space(.)={}]", quoted(words)))
    }

    /// Writes into the field with this label, in the place of what is there.
    pub fn fills(&self, label: &str, text: &str) -> Result<()> {
        self.writes(&field(label), text)
    }

    /// Writes into the field of this id, in the place of what is there: forms have several fields with one label.
    pub fn fills_in(&self, id: &str, text: &str) -> Result<()> {
        self.writes(&format!("//*[@id={}]", quoted(id)), text)
    }

    /// Writes into the first field that an XPath finds, in the place of what is there.
    pub fn writes(&self, xpath: &str, text: &str) -> Result<()> {
        self.with(xpath, |element| {
            self.browser.clear(element)?;
            self.browser.write(element, text)
        })
    }

    /// Clicks the first element that an XPath finds.
    pub fn clicks(&self, xpath: &str) -> Result<()> {
        self.with(xpath, |element| self.browser.click(element))
    }

    /// Does something with the first element that an XPath finds; once more if the page replaces it meanwhile.
    fn with<T>(&self, xpath: &str, act: impl Fn(&Element) -> Result<T>) -> Result<T> {
        let mut tries = 0;
        loop {
            match act(&self.one(xpath)?) {
                Err(error) if tries < TRIES && error.to_string().contains("stale element") => tries += 1,
                done => return done,
            }
        }
    }

    /// The first element that an XPath finds; it is waited for.
    pub fn one(&self, xpath: &str) -> Result<Element> {
        let mut found = None;
        let waited = wait_until(&format!("{xpath} is there"), LIMIT, || {
            found = self.browser.find(xpath).ok().and_then(|elements| elements.into_iter().next());
            found.is_some()
        });
        waited.map_err(|error| LabError::Answer(format!("{error}; at {:?}: {:?}", self.here(), self.page())))?;
        found.ok_or_else(|| LabError::Answer(format!("no {xpath}")))
    }

    /// Sets width and theme from now on.
    pub fn look(&self, look: Look) -> Result<()> {
        let size = json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 600 });
        self.browser.devtools("Emulation.setDeviceMetricsOverride", &size)?;
        let theme = if look.dark { "dark" } else { "light" };
        let theme = json!({ "features": [{ "name": "prefers-color-scheme", "value": theme }] });
        self.browser.devtools("Emulation.setEmulatedMedia", &theme).map(drop)
    }

    /// Keeps a picture of the whole page in `target/browser/`.
    pub fn photographs(&self, name: &str, language: &str, look: Look) -> Result<()> {
        let folder = target_folder().join("browser");
        fs::create_dir_all(&folder).act(|| format!("make {}", folder.display()))?;
        let size = self.browser.run("const r = document.documentElement; return [innerWidth, r.scrollHeight];")?;
        let clip = json!({ "x": 0, "y": 0, "width": size[0], "height": size[1], "scale": 1 });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.browser.devtools("Page.captureScreenshot", &wanted)?;
        let picture = BASE64.decode(picture["data"].as_str().unwrap_or_default().as_bytes());
        let picture = picture.map_err(|error| LabError::Answer(format!("picture of {name}: {error}")))?;
        let file = folder.join(format!("{name}-{language}-{}.png", look.name()));
        fs::write(&file, picture).act(|| format!("write {}", file.display()))
    }

    /// What the browser had to complain about since it was last asked: errors, violations of a policy, requests to others.
    pub fn complaints(&self) -> Result<Vec<String>> {
        let mut complaints = Vec::new();
        // The status of the page itself is the page's matter: forms with errors have one of their own.
        let own_status = format!("{} - Failed to load resource", self.browser.url()?);
        for line in self.browser.log("browser")? {
            let message = line["message"].as_str().unwrap_or_default().to_owned();
            if !message.starts_with(&own_status) {
                complaints.push(message);
            }
        }
        for line in self.browser.log("performance")? {
            let event: serde_json::Value =
                serde_json::from_str(line["message"].as_str().unwrap_or_default()).unwrap_or_default();
            let url = event["message"]["params"]["request"]["url"].as_str().unwrap_or(&self.site);
            if event["message"]["method"] == "Network.requestWillBeSent" && !url.starts_with(&self.site) {
                complaints.push(format!("a request to {url}"));
            }
        }
        Ok(complaints)
    }
}

/// The field with this label: inside it, or named by it.
fn field(label: &str) -> String {
    let label = labelled(label);
    format!("{label}//*[self::input or self::select or self::textarea] | //*[@id={label}/@for]")
}

/// The label with these words, which may be followed by a hint; or the fieldset with this legend.
fn labelled(label: &str) -> String {
    let words = quoted(label);
    format!("//label[normalize-space(text()[1])={words} or normalize-space(.)={words}]")
}

/// A string as XPath has it.
fn quoted(text: &str) -> String {
    if text.contains('"') { format!("'{text}'") } else { format!("\"{text}\"") }
}
