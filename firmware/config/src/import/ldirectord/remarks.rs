//! Directives that have no key in the document, and what takes their place.

use super::lines::Directive;
use crate::import::draft::Draft;
use crate::import::notes::{ALERTS, WEBHOOK};
use crate::report::Error;

/// Says what becomes of a directive that is not carried over. What makes no difference is not mentioned.
pub(super) fn remark(draft: &mut Draft, directive: &Directive<'_>) -> Result<(), Error> {
    let (line, shown) = (directive.line.number, directive.shown());
    let on = || match directive.value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(directive.error("is neither yes nor no")),
    };
    let notes = &mut draft.notes;
    match directive.key {
        "autoreload" if on()? => {
            let why = "a changed file is not read by itself: a change is checked and applied as a whole";
            notes.differs(line, shown, why, "suimon ctl apply FILE, or SIGHUP to suimon run --config FILE");
        }
        "callback" => {
            let why = "a program that copied the file to the other node";
            notes.left(line, shown, why, "the nodes share one document; nothing to do");
        }
        "quiescent" if on()? => {
            let why = "a dead server got weight 0, so that its flows and persistent clients went on to it; here its \
                       flows are told at once";
            notes.differs(line, shown, why, "on_backend_down of the service: \"reselect\" now, \"keep\" is as before");
        }
        "quiescent" => {
            let why = "flows of a dead server, which was removed, ended in silence; here they are told at once";
            notes.differs(line, shown, why, "on_backend_down of the service: \"reselect\" now, \"drop\" is as before");
        }
        "readdquiescent" => {
            let why = "it tells ldirectord how to treat servers that were removed by hand";
            notes.left(line, shown, why, "suimon ctl disable SERVICE/BACKEND");
        }
        "cleanstop" if !on()? => {
            let why = "the kernel forwarded on after ldirectord had stopped; here the program itself forwards";
            notes.left(line, shown, why, "a second node takes over while this one is stopped: [[ha.router]]");
        }
        "maintenancedir" => {
            let why = "a file there took a server out";
            notes.left(line, shown, why, "suimon ctl drain or disable SERVICE/BACKEND, and online");
        }
        "emailalert" | "emailalertfrom" | "emailalertfreq" | "emailalertstatus" | "smtp" => {
            notes.left(line, shown, "where and when mail is sent", ALERTS);
        }
        "fallbackcommand" => {
            let why = "a program run when the last server failed and when one came back; no program is run here";
            notes.left(line, shown, why, WEBHOOK);
        }
        "logfile" | "monitorfile" => notes.left(line, shown, "a log file", "suimon ctl log"),
        "execute" => notes.left(line, shown, "another configuration file", "import that file too"),
        "checkcount" => {
            let why = "how often one check was tried; ldirectord itself is about to drop it";
            notes.left(line, shown, why, "fall: failures in a row until a backend is down");
        }
        "load" => notes.left(line, shown, "it has no effect in ldirectord", ""),
        _ => {}
    }
    Ok(())
}
