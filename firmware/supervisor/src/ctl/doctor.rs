//! What is wrong with servers that have the VIP themselves.

use api::{Diagnosis, Trouble};

pub(super) fn diagnosis(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        let backend = finding.backend.as_ref().map(|backend| format!("/{backend}")).unwrap_or_default();
        let not_asked = if finding.trouble == Trouble::NotAsked { "not asked: " } else { "" };
        text.push_str(&format!("{}{backend}: {not_asked}{}\n", finding.service, finding.said));
        if !finding.recipe.is_empty() {
            text.push_str("  On that server, if it runs Linux:\n");
        }
        for line in &finding.recipe {
            text.push_str(&format!("    {line}\n"));
        }
    }
    let asked = diagnosis.asked;
    match (asked, diagnosis.findings.is_empty()) {
        (0, true) => text.push_str("No service reaches its servers directly: there is nothing to look at.\n"),
        (_, true) => text.push_str(&format!("{asked} servers asked: all have their VIP and keep quiet about it.\n")),
        (_, false) => text.push_str(&format!("{asked} servers asked.\n")),
    }
    text
}
