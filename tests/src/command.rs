//! Programs that are run to their end, each within a time.

use crate::error::{Act, LabError, Result};
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Enough for anything that only talks to the local kernel.
pub const SHORT: Duration = Duration::from_secs(10);

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Finished {
    /// The command line.
    pub command: String,
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Finished {
    /// Its output, or the error that it was.
    pub fn success(self) -> Result<String> {
        if self.status.success() {
            return Ok(self.stdout);
        }
        let stderr = if self.stderr.trim().is_empty() { self.stdout } else { self.stderr };
        Err(LabError::Program {
            command: self.command,
            status: self.status.to_string(),
            stderr: stderr.trim().to_string(),
        })
    }
}

/// A command from words.
pub fn words<S: AsRef<std::ffi::OsStr>>(program: &str, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments);
    command
}

/// Runs `command` to its end; after `limit` it is killed and counts as late.
pub fn run(command: &mut Command, limit: Duration) -> Result<Finished> {
    run_with_input(command, "", limit)
}

/// The same, with something on its standard input.
pub fn run_with_input(command: &mut Command, input: &str, limit: Duration) -> Result<Finished> {
    let line = line_of(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().act(|| format!("start {line}"))?;
    let (mut stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(pipe) = stdin.as_mut() {
                // A program may end without reading its input; how it ended is what counts.
                let _ = std::io::Write::write_all(pipe, input.as_bytes());
            }
        });
        let out = scope.spawn(move || drain(stdout.as_mut()));
        let err = scope.spawn(move || drain(stderr.as_mut()));
        let status = wait(&mut child, limit).act(|| format!("wait for {line}"))?;
        let stdout = out.join().unwrap_or_default();
        let stderr = err.join().unwrap_or_default();
        match status {
            Some(status) => Ok(Finished { command: line.clone(), status, stdout, stderr }),
            None => Err(LabError::Late { act: line.clone(), limit }),
        }
    })
}

/// Waits for `child` to end; after `limit` it is killed and the answer is `None`.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_micros(500);
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

fn drain(pipe: Option<&mut impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // What was read before an error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn line_of(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// Asks `question` every few milliseconds until it says yes.
pub fn wait_until(act: &str, limit: Duration, mut question: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + limit;
    loop {
        if question() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(LabError::Late { act: act.to_string(), limit });
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a program is installed.
pub fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(Into::into))
        .any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_killed() {
        let started = Instant::now();
        let result = run(&mut words("sleep", ["30"]), Duration::from_millis(100));
        assert!(matches!(result, Err(LabError::Late { .. })), "{result:?}");
        assert!(started.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn a_failure_says_what_was_run_and_what_it_said() {
        let result = run(&mut words("sh", ["-c", "echo no >&2; exit 3"]), SHORT).and_then(Finished::success);
        let text = result.expect_err("it exits 3").to_string();
        assert!(text.contains("sh -c") && text.contains("exit status: 3") && text.ends_with("no"), "{text}");
    }
}
