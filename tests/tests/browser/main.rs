//! The web console as people use it: Chromium on the running program, in the namespaces of the lab.

mod cut_off;
mod drain;
mod driver;
mod examine;
mod japanese;
mod keyboard;
mod pages;
mod person;
mod roll_back;
mod second_factor;
mod service;
mod stage;
mod viewer;
mod without_script;
mod wizard;

use lab::trials::{self, Needs, test};
use stage::Stage;
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Stage::build,
        vec![
            test("an earlier revision comes back from the history", roll_back::walk),
            test("whoever does not confirm gets the former configuration back", cut_off::unconfirmed),
            test("a browser that cuts itself off gets in again", cut_off::cut_off),
            test("the examination of pages sees what is wrong", pages::examination),
            test("every page is for everybody, in every look", pages::walk),
            test("a viewer is offered nothing and may send nothing", viewer::walk),
            test("a viewer may call nothing that acts", viewer::calls),
            test("a drain under load loses nothing", drain::walk),
            test("a new box is led from its first password to its first service", wizard::walk),
            test("a service is added, tried, confirmed and removed", service::walk),
            test("a second factor is set up and asked for", second_factor::walk),
            test("without script everything works but the live parts", without_script::walk),
            test("the keyboard alone is enough", keyboard::walk),
            test("in Japanese nothing is left in English", japanese::walk),
        ],
    )
}
