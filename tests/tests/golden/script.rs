//! Golden files: read, played, and written again with what the engine does.

use super::frame::{self, Built};
use super::setting::Setting;
use super::show;
use super::world::World;
use std::path::{Path, PathBuf};

/// What comes out; everything else in a file goes in.
const OUTPUT: [char; 5] = ['<', '!', '^', '~', ':'];

/// A frame that left, and where in the files.
#[derive(Clone, Debug)]
pub struct Frame {
    pub place: String,
    /// Of the file and the case: fragments of different cases do not belong together.
    pub case: String,
    pub bytes: Vec<u8>,
    pub offload: net::offload::Offload,
}

/// A file that was played.
pub struct Played {
    pub path: PathBuf,
    pub text: String,
    /// The file as it should be, if the engine is right.
    pub produced: String,
    pub complaints: Vec<String>,
    pub reasons: Vec<String>,
    pub left: Vec<Frame>,
}

impl Played {
    /// The first place where file and engine differ, with what follows it.
    pub fn difference(&self) -> Option<String> {
        let (is, was): (Vec<&str>, Vec<&str>) = (self.produced.lines().collect(), self.text.lines().collect());
        let at = (0..is.len().max(was.len())).find(|at| is.get(*at) != was.get(*at))?;
        let show = |lines: &[&str], sign| {
            let some = lines.iter().skip(at).take(4).map(|line| format!("  {sign} {line}"));
            some.collect::<Vec<_>>().join("\n")
        };
        let place = format!("{}:{}", self.path.display(), at + 1);
        Some(format!("{place}: the file says\n{}\nthe engine says\n{}", show(&was, '-'), show(&is, '+')))
    }
}

/// Plays a file.
pub fn play(path: &Path) -> Played {
    let text = std::fs::read_to_string(path).expect("a golden file is text");
    let mut player = Player {
        played: Played {
            path: path.to_owned(),
            text: text.clone(),
            produced: String::new(),
            complaints: Vec::new(),
            reasons: Vec::new(),
            left: Vec::new(),
        },
        setting: Setting::default(),
        world: None,
        case: String::new(),
        blessed: false,
    };
    for (number, line) in text.lines().enumerate() {
        let place = format!("{}:{}", path.file_name().unwrap_or_default().to_string_lossy(), number + 1);
        if player.world.is_some() && line.starts_with(OUTPUT) {
            continue;
        }
        player.produce(line);
        match player.step(line, &place) {
            Ok(lines) => lines.iter().for_each(|line| player.produce(line)),
            Err(error) => player.played.complaints.push(format!("{place}: {error}\n    {line}")),
        }
    }
    player.played
}

struct Player {
    played: Played,
    setting: Setting,
    world: Option<World>,
    case: String,
    /// The case passes on what was broken before.
    blessed: bool,
}

impl Player {
    fn produce(&mut self, line: &str) {
        self.played.produced += line;
        self.played.produced.push('\n');
    }

    fn step(&mut self, line: &str, place: &str) -> Result<Vec<String>, String> {
        if let Some(title) = line.strip_prefix("case ") {
            self.case = format!("{}: {title}", self.played.path.display());
            self.blessed = false;
            // The former one first: it is large.
            self.world = None;
            let mut world = World::new(self.setting.clone())?;
            let complaints = std::mem::take(&mut world.complaints);
            self.world = Some(world);
            return Ok(complaints);
        }
        let Some(world) = &mut self.world else {
            return self.setting.read(line).map(|()| Vec::new());
        };
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let lines = match word {
            "" | "#" => return Ok(Vec::new()),
            ">" => {
                let (nic, text) = rest.split_once(' ').ok_or("> NIC FRAME")?;
                let built = frame::build(text, &world.setting.names)?;
                reads_back(text, &built, world)?;
                world.receive(nic, &built)?
            }
            "flood" => {
                let (count, rest) = rest.split_once(' ').ok_or("flood N NIC FRAME")?;
                let (nic, text) = rest.split_once(' ').ok_or("flood N NIC FRAME")?;
                let count: u32 = count.parse().map_err(|_| "flood N NIC FRAME")?;
                let frames: Result<Vec<Built>, String> =
                    (0..count).map(|number| frame::build(&numbered(text, number)?, &world.setting.names)).collect();
                world.flood(nic, frames?.into_iter())?
            }
            "at" => world.wait_until(rest.trim_end_matches('s').parse().map_err(|_| "at SECONDSs")?)?,
            "?" => return world.ask(rest),
            "broken" => {
                self.blessed = true;
                return Ok(Vec::new());
            }
            _ => world.change(line)?,
        };
        self.played.reasons.extend(lines.iter().filter_map(|line| reason(line)));
        if !self.blessed {
            for left in &world.left {
                let (place, case) = (format!("{place} < {}", left.nic), self.case.clone());
                self.played.left.push(Frame { place, case, bytes: left.bytes.clone(), offload: left.offload });
            }
            if let Some(bad) = lines.iter().find(|line| line.contains("!bad")) {
                self.played.complaints.push(format!("{place}: broken: {bad}"));
            }
        }
        Ok(lines)
    }
}

// Of "! reason", and of ": 7 x ! reason".
fn reason(line: &str) -> Option<String> {
    let line = line.split_once(" x ").map_or(line, |(_, line)| line);
    line.strip_prefix("! ").map(str::to_owned)
}

// What is built is read back and built again: builder and reader agree, or one of them is wrong.
fn reads_back(text: &str, built: &Built, world: &World) -> Result<(), String> {
    let damages = |changes: &str| ["@", "cut", "csum"].iter().any(|damage| changes.contains(damage));
    let damaged = text.contains(" claims ") || text.split_once(';').is_some_and(|(_, changes)| damages(changes));
    let names = &world.setting.names;
    let read = show::frame(&built.bytes, &built.offload, names);
    // Of a cut quote, or a first fragment, the rest is not there to be summed.
    if damaged || read.contains("!bad") || read.contains("quoted") || read.contains('+') || read.contains("tcp ?") {
        return Ok(());
    }
    let again = frame::build(&read, names).map_err(|error| format!("{error} in {read}"))?;
    if again.bytes == built.bytes && again.offload == built.offload {
        Ok(())
    } else {
        Err(format!("read back as {read}"))
    }
}

// Puts a number into a frame: `{1000}` becomes 1000 and the number.
fn numbered(text: &str, number: u32) -> Result<String, String> {
    let mut rest = text;
    let mut done = String::new();
    while let Some((before, behind)) = rest.split_once('{') {
        let (first, behind) = behind.split_once('}').ok_or("a brace is not closed")?;
        let first: u32 = first.parse().map_err(|_| format!("{first} is no number"))?;
        done += &format!("{before}{}", first + number);
        rest = behind;
    }
    Ok(done + rest)
}
