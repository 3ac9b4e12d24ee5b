//! From the draft to text, and the promise that `parse` accepts it: a table it refuses becomes a comment that says why.

use super::draft::{Block, Draft, NIC_PLACEHOLDER, NicBlock, ServiceBlock};
use super::{Carried, Imported};
use crate::VERSION;
use crate::report::{Errors, Report};

/// How often refused tables are made comments, which others may refer to; then all that is left becomes one.
const REPAIRS_MAX: usize = 8;

/// A table of the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Nic(usize),
    Route(usize),
    Service(usize),
    Check(usize, usize),
    Backend(usize, usize),
    Router(usize),
}

/// Lines of the document, and the table that each belongs to.
struct Page {
    text: String,
    parts: Vec<Option<Part>>,
    part: Option<Part>,
    comment: bool,
}

/// Writes the document.
pub(super) fn finish(mut draft: Draft) -> Imported {
    ask_for_nics(&mut draft);
    let mut page = write(&draft);
    for repair in 1.. {
        let Some(errors) = errors(&page.text, &draft.source) else { break };
        let mut refused: Vec<(Part, String, String)> = Vec::new();
        for error in errors.errors {
            if let Some(part) = page.parts.get(error.line as usize - 1).copied().flatten() {
                refused.push((part, error.path, without_line(error.message)));
            }
        }
        if refused.is_empty() || repair > REPAIRS_MAX {
            let why = || "too much of the document is refused".to_owned();
            refused = everything(&draft).map(|part| (part, String::new(), why())).collect();
        }
        for (part, path, why) in refused {
            leave_out(&mut draft, part, &path, &why);
        }
        page = write(&draft);
    }
    let carried = carried(&draft);
    let (not_carried, more) = draft.notes.finish();
    Imported { toml: page.text, carried, not_carried, more }
}

/// Everything that is wrong with the text.
fn errors(text: &str, file: &str) -> Option<Errors> {
    let report = Report::new(file, text);
    crate::read::document(&report);
    report.finish_with(usize::MAX)
}

/// What the document needs and no source has: addresses of NICs, and their names in most.
fn ask_for_nics(draft: &mut Draft) {
    let Draft { nics, notes, .. } = draft;
    for nic in nics.iter().filter(|nic| !nic.ha_only) {
        if nic.line == 0 {
            let what = format!("NIC \"{NIC_PLACEHOLDER}\"");
            let why = "the source does not say which NIC has the VIPs";
            let instead = format!("replace \"{NIC_PLACEHOLDER}\" by the NIC's name and write its own addresses");
            notes.fill_in(0, what, why, instead);
        } else if nic.addresses.is_empty() {
            let why = "the source does not say which addresses the box itself has";
            notes.fill_in(0, format!("NIC \"{}\"", nic.name), why, "write them as addresses = [\"ADDRESS/BITS\"]");
        }
    }
}

fn everything(draft: &Draft) -> impl Iterator<Item = Part> + use<> {
    let (nics, routes) = (draft.nics.len(), draft.routes.len());
    let (services, routers) = (draft.services.len(), draft.routers.len());
    let parts = (0..nics).map(Part::Nic).chain((0..routes).map(Part::Route));
    parts.chain((0..services).map(Part::Service)).chain((0..routers).map(Part::Router))
}

/// Errors point to lines of the document, which move when parts of it become comments.
fn without_line(mut message: String) -> String {
    if let Some(at) = message.find(": see line ") {
        message.truncate(at);
    }
    message
}

fn leave_out(draft: &mut Draft, part: Part, path: &str, why: &str) {
    let (line, reason) = match part {
        Part::Nic(at) => (draft.nics[at].line, &mut draft.nics[at].left_out),
        Part::Route(at) => of(&mut draft.routes[at]),
        Part::Router(at) => of(&mut draft.routers[at]),
        Part::Service(at) => of(&mut draft.services[at].own),
        Part::Check(at, check) => of(&mut draft.services[at].checks[check]),
        Part::Backend(at, backend) => of(&mut draft.services[at].backends[backend]),
    };
    if reason.is_none() {
        // The comment stands above the table: the field is all it has to name.
        let field = path.rsplit(": ").next().unwrap_or_default();
        *reason = Some(if field.is_empty() { why.to_owned() } else { format!("{field}: {why}") });
        let thing = if path.is_empty() { "the document" } else { path };
        draft.notes.fill_in(line, thing, why, "it is a comment in the document: mend it there and remove the #");
    }
}

fn of(block: &mut Block) -> (u32, &mut Option<String>) {
    (block.line, &mut block.left_out)
}

fn carried(draft: &Draft) -> Carried {
    let kept = |blocks: &[Block]| blocks.iter().filter(|block| block.left_out.is_none()).count();
    let services = || draft.services.iter().filter(|service| service.own.left_out.is_none());
    Carried {
        services: services().count(),
        backends: services().map(|service| kept(&service.backends)).sum(),
        checks: services().map(|service| kept(&service.checks)).sum(),
        routers: kept(&draft.routers),
        routes: kept(&draft.routes),
    }
}

fn write(draft: &Draft) -> Page {
    let mut page = Page { text: String::new(), parts: Vec::new(), part: None, comment: false };
    page.line(&format!(
        "# Imported from {}. Read the list of what could not be carried over before you use it.",
        draft.source
    ));
    page.line(&format!("version = {VERSION}"));
    for (at, nic) in draft.nics.iter().enumerate() {
        page.part = Some(Part::Nic(at));
        page.nic(nic);
    }
    for (at, route) in draft.routes.iter().enumerate() {
        page.part = Some(Part::Route(at));
        page.block("[[route]]", route, false);
    }
    for (at, service) in draft.services.iter().enumerate() {
        page.service(at, service);
    }
    for (at, router) in draft.routers.iter().enumerate() {
        page.part = Some(Part::Router(at));
        page.block("[[ha.router]]", router, false);
    }
    page
}

impl Page {
    fn service(&mut self, at: usize, service: &ServiceBlock) {
        let left_out = service.own.left_out.is_some();
        self.part = Some(Part::Service(at));
        self.block("[[service]]", &service.own, false);
        for (index, check) in service.checks.iter().enumerate() {
            self.part = Some(Part::Check(at, index));
            self.block("[[service.check]]", check, left_out);
        }
        for (index, backend) in service.backends.iter().enumerate() {
            self.part = Some(Part::Backend(at, index));
            self.block("[[service.backend]]", backend, left_out);
        }
    }

    fn nic(&mut self, nic: &NicBlock) {
        let mut block = Block::new(nic.line);
        block.left_out.clone_from(&nic.left_out);
        if nic.line == 0 {
            block.comments.push("REPLACE: the name of the NIC that has the VIPs, here and below.".to_owned());
        }
        block.set("name", nic.name.as_str());
        block.set("role", if nic.ha_only { "ha" } else { "data" });
        if !nic.addresses.is_empty() {
            block.set("addresses", nic.addresses.clone());
        }
        self.block("[[nic]]", &block, false);
        if nic.addresses.is_empty() {
            self.line("# addresses = [\"ADDRESS/BITS\"]   # the box's own");
        }
    }

    /// A table, as a comment when it or what it belongs to is left out.
    fn block(&mut self, heading: &str, block: &Block, within_comment: bool) {
        self.line("");
        for comment in &block.comments {
            self.line(&format!("# {comment}"));
        }
        if let Some(reason) = &block.left_out {
            self.line(&format!("# LEFT OUT: {reason}"));
        }
        self.comment = within_comment || block.left_out.is_some();
        self.line(heading);
        for (key, value) in &block.fields {
            self.line(&format!("{key} = {value}"));
        }
        self.comment = false;
    }

    fn line(&mut self, line: &str) {
        debug_assert!(!line.contains('\n'), "foreign text has no line ends, so that every value stands on one line");
        if self.comment {
            self.text.push_str("# ");
        }
        self.text.push_str(line);
        self.text.push('\n');
        self.parts.push(self.part);
    }
}
