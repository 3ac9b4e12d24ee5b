//! What was typed, carried over to a service that changed meanwhile: each field that was typed in keeps what was typed,
//! every other one is as the service has it now.

use super::{Draft, Network, Row};

/// `typed` was made from `before`; `now` is what became of `before` meanwhile.
pub(crate) fn carry(before: &Draft, typed: &Draft, now: &Draft) -> Draft {
    Draft {
        service: row(&before.service, &typed.service, &now.service),
        checks: rows(&before.checks, &typed.checks, &now.checks),
        backends: rows(&before.backends, &typed.backends, &now.backends),
    }
}

/// The same of the whole network. `before` and `now` hold what the documents say, and nothing else that the box has.
pub(crate) fn carry_network(before: &Network, typed: &Network, now: &Network) -> Network {
    Network {
        whole: typed.whole,
        system: row(&before.system, &typed.system, &now.system),
        gateways: row(&before.gateways, &typed.gateways, &now.gateways),
        nics: rows(&before.nics, &typed.nics, &now.nics),
        routes: rows(&before.routes, &typed.routes, &now.routes),
    }
}

fn row(before: &Row, typed: &Row, now: &Row) -> Row {
    let mut carried = now.clone();
    for (key, value) in &typed.values {
        if before.values.get(key) != Some(value) {
            carried.set(key, value);
        }
    }
    carried
}

/// In the order of the document as it is now, then what is new.
fn rows(before: &[Row], typed: &[Row], now: &[Row]) -> Vec<Row> {
    let called = |rows: &[Row], name: &str| rows.iter().find(|row| row.was == name).cloned();
    let carried = now.iter().filter_map(|now| match (called(before, &now.was), called(typed, &now.was)) {
        (Some(before), Some(typed)) => Some(row(&before, &typed, now)),
        // Somebody else added it.
        (None, _) => Some(now.clone()),
        // It was removed in the form.
        (Some(_), None) => None,
    });
    let new = typed.iter().filter(|row| row.was.is_empty()).cloned();
    carried.chain(new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backend(name: &str, weight: &str) -> Row {
        let mut row = Row { was: name.to_owned(), ..Row::default() };
        row.set("name", name);
        row.set("weight", weight);
        row
    }

    #[test]
    fn both_changes_are_there_in_the_end() {
        let before =
            Draft { backends: vec![backend("a", "1"), backend("b", "1"), backend("c", "1")], ..Draft::default() };
        let mut typed = before.clone();
        typed.service.set("ports", "443");
        typed.backends[0].set("weight", "7");
        typed.backends.remove(2);
        typed.add_backend();
        let mut now = before.clone();
        now.service.set("method", "direct");
        now.backends[0].set("name", "renamed");
        now.backends[1].set("weight", "9");
        now.backends.push(backend("d", "4"));
        let carried = carry(&before, &typed, &now);
        assert_eq!((carried.service.value("ports"), carried.service.value("method")), ("443", "direct"));
        let rows: Vec<_> = carried.backends.iter().map(|row| (row.value("name"), row.value("weight"))).collect();
        assert_eq!(rows, [("renamed", "7"), ("b", "9"), ("d", "4"), ("s1", "1")]);
    }
}
