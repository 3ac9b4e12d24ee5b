//! Servers that die under load, and servers that are drained: what it costs, with every method and every
//! `on_backend_down` at once on one balancer.

mod drains;
mod fates;
mod scene;

use fates::{Death, dies};
use lab::trials::{self, Needs, test};
use scene::Scene;
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Scene::build,
        vec![
            test("a server's process dies under load", |scene: &mut Scene| dies(scene, Death::Process)),
            test("a server's nic dies under load", |scene: &mut Scene| dies(scene, Death::Nic)),
            test("a drain under load loses nothing", drains::loses_nothing),
            test("at a drain's deadline flows are kept or reset", drains::ends_as_asked),
            test("a drain goes on over kill -9, and over a stop", drains::outlives_restarts),
        ],
    )
}
