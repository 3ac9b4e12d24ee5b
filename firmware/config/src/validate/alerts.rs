//! Destinations of alerts: names differ, and filters name services that are there.

use super::Check;
use crate::alerts::AlertFilter;
use crate::report::Place;

pub(super) fn check(check: &mut Check<'_>) {
    let alerts = &check.draft.alerts;
    let root = Place::default().field("alerts");
    let mails = alerts.mails.iter().enumerate().filter_map(|(index, mail)| {
        let mail = mail.as_ref()?;
        Some((root.thing("mail", index, Some(&mail.name)), mail.name.as_str(), &mail.filter))
    });
    let webhooks = alerts.webhooks.iter().enumerate().filter_map(|(index, webhook)| {
        let webhook = webhook.as_ref()?;
        Some((root.thing("webhook", index, Some(&webhook.name)), webhook.name.as_str(), &webhook.filter))
    });
    let destinations: Vec<_> = mails.chain(webhooks).collect();
    // Both kinds are listed together, by name.
    check.names_differ(destinations.iter().map(|(place, name, _)| (place.clone(), *name)));
    for (place, _, filter) in &destinations {
        services_exist(check, place, filter);
    }
    let root = Place::default().field("syslog");
    check.names_differ(check.draft.syslog.servers.iter().enumerate().filter_map(|(index, server)| {
        let name = server.as_ref()?.name.as_str();
        Some((root.thing("server", index, Some(name)), name))
    }));
}

fn services_exist(check: &Check<'_>, place: &Place, filter: &AlertFilter) {
    if !check.known.services_complete {
        return;
    }
    let place = place.field("services");
    for name in &filter.services {
        if !check.services().any(|(_, service)| service.name == *name) {
            check.report.error(&place, format!("no [[service]] is called \"{name}\""));
        }
    }
}
