//! A backend is drained from its page under load: its flows go one by one, nobody loses a request.

use crate::person::{LIMIT, Person};
use crate::stage::Stage;
use lab::client::{requests, same_content, shares};
use lab::command::{wait_until, words};
use lab::console::expect;
use lab::error::LabError;
use lab::plan::{self, Family};
use lab::{Lab, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Downloads that are under way when the drain begins; a third of them is the backend's.
const DOWNLOADS: usize = 9;
const DOWNLOAD_LIMIT: Duration = Duration::from_secs(60);

pub fn walk(stage: &mut Stage) -> Result<()> {
    let person = stage.signed_in("operator")?;
    person.follows("Backends")?;
    person.clicks("//a[@href='/backends/web/s1']")?;
    let (lab, done) = (&stage.lab, AtomicBool::new(false));
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        let downloads: Vec<_> = (0..DOWNLOADS).map(|number| scope.spawn(move || download(lab, number))).collect();
        // Alone at first: a load beside them would move the schedule, and with it their shares.
        let begun = || active(&person).is_ok_and(|flows| flows >= DOWNLOADS / 3);
        let begun = wait_until("the downloads are under way", LIMIT, begun);
        let load = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                answered.fetch_add(requests(lab, plan::client(Family::V4, 2, 1), vip(), 20)?.len(), Ordering::Relaxed);
            }
            Ok(())
        });
        let walked = begun.and_then(|()| drains(&person, lab, &answered));
        done.store(true, Ordering::Relaxed);
        let mut loads = downloads.into_iter().chain([load]).map(|load| load.join());
        let ended = loads.try_for_each(|load| load.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        walked.and(ended)
    })?;
    println!("{} requests were answered during the drain", answered.load(Ordering::Relaxed));
    Ok(())
}

fn drains(person: &Person, lab: &Lab, answered: &AtomicUsize) -> Result<()> {
    person.presses("Drain")?;
    person.sees("The backend has its new state.")?;
    person.sees("draining")?;
    let at_first = active(person)?;
    expect(at_first > 0, || "the drain ended its flows".into())?;
    let before = answered.load(Ordering::Relaxed);
    // The live part of the page counts down by itself.
    let down = wait_until("the last flow is gone", DOWNLOAD_LIMIT, || active(person).is_ok_and(|flows| flows == 0));
    down.map_err(|error| LabError::Answer(format!("{error}: {:?}", person.page())))?;
    let meanwhile = answered.load(Ordering::Relaxed) - before;
    expect(meanwhile > 0, || "no request was made during the drain".into())?;
    let answers = requests(lab, plan::client(Family::V4, 2, 2), vip(), 12)?;
    let shares = shares(&answers);
    expect(!shares.contains_key("s1") && shares.len() == 2, || format!("a drained backend got new flows: {shares:?}"))?;
    person.presses("Put online")?;
    person.sees("The backend has its new state.")?;
    let back =
        || requests(lab, plan::client(Family::V4, 2, 2), vip(), 6).is_ok_and(|who| who.contains(&"s1".to_owned()));
    wait_until("it gets flows again", LIMIT, back)
}

/// Active flows, as the page of the backend says.
fn active(person: &Person) -> Result<usize> {
    let page = person.page()?;
    let count = page.lines().find_map(|line| line.split_once(" active, ")).map(|(count, _)| count.trim());
    let count = count.and_then(|count| count.rsplit(' ').next()?.parse().ok());
    count.ok_or_else(|| LabError::Answer(format!("no count of flows: {page}")))
}

/// Gets the large file from a server that takes its time, and compares it.
fn download(lab: &Lab, number: usize) -> Result<()> {
    let received = lab.folder().join(format!("drain-{number}"));
    let (file, url) = (received.display().to_string(), format!("http://{}/slowly/big", vip()));
    let arguments = ["-sS", "--fail", "-o", &file, &url];
    lab.node("client").run(&mut words("curl", arguments), DOWNLOAD_LIMIT)?.success()?;
    same_content(&received, &lab.folder().join("shared/big"))
}

fn vip() -> SocketAddr {
    SocketAddr::new(plan::vip(Family::V4), 80)
}
