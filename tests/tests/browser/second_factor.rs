//! A second factor is set up with a device, and asked for at the next sign-in.

use crate::examine::examine;
use crate::stage::{Stage, chooses_password};
use lab::Result;
use lab::console::{PASSWORD, code};

pub fn walk(stage: &mut Stage) -> Result<()> {
    let person = stage.stranger()?;
    let (name, first) = stage.newcomer("viewer")?;
    stage.enters(&person, &name, &first)?;
    chooses_password(&person, &first)?;
    person.open("/account")?;
    person.presses("Set up a second factor")?;
    let secret = person.browser.text(&person.one("//*[@id='factor-secret']")?)?;
    examine(&person, "account-second-factor", "en")?;
    person.fills("Enter the six digits that the app shows", "000000")?;
    person.presses("Put it in force")?;
    person.sees("The code is wrong")?;
    person.fills("Enter the six digits that the app shows", &code(&secret, 0)?)?;
    person.presses("Put it in force")?;
    person.sees("The second factor is in force.")?;
    person.presses("Sign out")?;
    person.arrives("/login")?;

    stage.enters(&person, &name, PASSWORD)?;
    person.sees("your password is right")?;
    // The wrong code above was answered as such.
    person.complaints()?;
    examine(&person, "login-code", "en")?;
    person.fills("Code of the second factor", "000000")?;
    person.presses("Sign in")?;
    person.sees("The code is wrong")?;
    // The next code: the one before served already.
    person.fills("Code of the second factor", &code(&secret, 30)?)?;
    person.presses("Sign in")?;
    person.arrives("/")
}
