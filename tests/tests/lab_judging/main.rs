//! How health is judged, on real servers under clients' load: m of n, passive checks, slow start, flap damping, priority
//! groups, quorum and feedback, each by where new flows go.

mod groups;
mod held;
mod passive;
mod scene;
mod weights;

use lab::trials::{self, Needs, test};
use scene::Scene;
use std::process::ExitCode;

fn main() -> ExitCode {
    trials::run(
        Needs::Suimon,
        Scene::build,
        vec![
            test("two of three checks are enough", held::two_of_three),
            test("a server that flaps is held down", held::flapping),
            test("clients without an answer are heard before the next check", passive::unanswered),
            test("clients that are refused are heard before the next check", passive::refused),
            test("datagrams without an answer are heard before the next check", passive::one_way),
            test("a server that returns starts slowly", weights::slow_start),
            test("a server's agent sets its weight", weights::feedback),
            test("the next priority group helps out", groups::priorities),
            test("the fallback serves until the quorum is back", groups::quorum),
        ],
    )
}
