//! The running program: `suimon run` and `suimon web` in the namespace of a balancer, servers behind it, and a browser in the
//! namespace of the clients.

use crate::driver::Driver;
use crate::person::{LIMIT, Person, SITE};
use lab::configuration::{Configuration, Method};
use lab::console::{Console, PASSWORD};
use lab::error::LabError;
use lab::lab::Answers;
use lab::plan::{self, Family};
use lab::suimon::Suimon;
use lab::{Lab, Result, trials};
use serde_json::Value;
use std::collections::BTreeMap;

/// On every address of the balancer's own: browsers come the way that clients do.
pub const LISTEN: &str = "0.0.0.0:8443";

/// The balancer, its console, the browsers' driver, and who was made on it.
pub struct Stage {
    pub suimon: Suimon,
    pub lab: Lab,
    driver: Driver,
    console: Console,
    /// Users by role; they have chosen their password.
    users: BTreeMap<&'static str, String>,
}

impl Stage {
    pub fn build() -> Result<Self> {
        let lab = trials::full_lab()?;
        lab.answers(&plan::SERVERS, Answers::ThroughBalancer)?;
        let suimon = Suimon::start(&lab, "a", &plain().toml())?;
        let console = Console::start_on(&lab, "a", &suimon, LISTEN)?;
        let driver = Driver::start(&lab, "client")?;
        Ok(Self { suimon, lab, driver, console, users: BTreeMap::new() })
    }

    /// Somebody at a new browser.
    pub fn stranger(&self) -> Result<Person> {
        Person::at(self.driver.browser(&self.lab, true)?, SITE)
    }

    /// Somebody at the console of another box.
    pub fn visitor(&self, site: &str) -> Result<Person> {
        Person::at(self.driver.browser(&self.lab, true)?, site)
    }

    /// Somebody whose browser runs no script.
    pub fn stranger_without_script(&self) -> Result<Person> {
        Person::at(self.driver.browser(&self.lab, false)?, SITE)
    }

    /// Somebody of this role who has signed in.
    pub fn signed_in(&mut self, role: &'static str) -> Result<Person> {
        let person = self.stranger()?;
        self.signs_in(&person, role)?;
        Ok(person)
    }

    /// Signs a person in; the first one of a role chooses a password on the way.
    pub fn signs_in(&mut self, person: &Person, role: &'static str) -> Result<()> {
        if let Some(name) = self.users.get(role) {
            self.enters(person, name, PASSWORD)?;
            return person.arrives("/");
        }
        let (name, first) = self.newcomer(role)?;
        self.enters(person, &name, &first)?;
        chooses_password(person, &first)?;
        self.users.insert(role, name);
        Ok(())
    }

    /// Makes a user; name and first password.
    pub fn newcomer(&mut self, role: &str) -> Result<(String, String)> {
        self.console.newcomer(&self.suimon, role)
    }

    /// The user of a role who has signed in.
    pub fn name_of(&self, role: &str) -> Result<String> {
        self.users.get(role).cloned().ok_or_else(|| LabError::Answer(format!("no {role} has signed in")))
    }

    /// Signs in by the API, as a program does; the secret to call with.
    pub fn secret(&self, role: &'static str) -> Result<String> {
        let name = self.name_of(role)?;
        let login = serde_json::json!({ "user": name, "password": PASSWORD }).to_string();
        let (status, answer) = self.call("POST", "/api/v1/login", None, &login)?;
        let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
        let secret = answer["token"].as_str().map(str::to_owned);
        secret.ok_or_else(|| LabError::Answer(format!("not signed in: {status} {answer}")))
    }

    /// Calls core; status and answer.
    pub fn call(&self, method: &str, path: &str, secret: Option<&str>, body: &str) -> Result<(u16, String)> {
        let socket = self.suimon.file().with_file_name("socket").display().to_string();
        let (url, bearer) =
            (format!("http://suimon{path}"), format!("Authorization: Bearer {}", secret.unwrap_or_default()));
        let mut arguments =
            vec!["-sS", "--max-time", "10", "--unix-socket", &socket, "-X", method, "-w", "\n%{http_code}"];
        if secret.is_some() {
            arguments.extend(["-H", &bearer]);
        }
        if !body.is_empty() {
            arguments.extend(["-H", "Content-Type: application/json", "--data-binary", body]);
        }
        arguments.push(&url);
        let said = self.lab.node("a").output("curl", &arguments, LIMIT)?;
        let (answer, status) = said.rsplit_once('\n').unwrap_or_default();
        let status = status.parse().map_err(|_| LabError::Answer(format!("{method} {path}: {said}")))?;
        Ok((status, answer.to_owned()))
    }

    /// Fills the sign-in.
    pub fn enters(&self, person: &Person, name: &str, password: &str) -> Result<()> {
        person.open("/login")?;
        person.fills("User", name)?;
        person.fills("Password", password)?;
        person.presses("Sign in")
    }

    /// Number of the revision in use.
    pub fn revision(&self) -> Result<u64> {
        let status = self.suimon.get("/api/v1/status")?;
        let status: Value = serde_json::from_str(&status).map_err(|error| LabError::Answer(error.to_string()))?;
        status["revision"].as_u64().ok_or_else(|| LabError::Answer(format!("no revision: {status}")))
    }

    /// The document in use.
    pub fn document(&self) -> Result<String> {
        self.suimon.ctl(&["export"])?.success()
    }
}

/// What the balancer starts with.
pub fn plain() -> Configuration {
    Configuration::new(1, Method::Nat, Family::V4)
}

/// Signed in with a first password: chooses the one that all users of the walks have.
pub fn chooses_password(person: &Person, first: &str) -> Result<()> {
    chooses_password_first(person, first)?;
    person.arrives("/")
}

/// The same, wherever that leads.
pub fn chooses_password_first(person: &Person, first: &str) -> Result<()> {
    person.arrives("/password")?;
    person.fills("Password so far", first)?;
    person.fills("New password", PASSWORD)?;
    person.fills("New password again", PASSWORD)?;
    person.presses("Change the password")
}
