use super::*;
use crate::run::telling;
use crate::server::gate::Gate;
use crate::server::routes::routes;
use arc_swap::ArcSwap;
use std::collections::BTreeSet;
use std::sync::Arc;
use store::Store;

/// The routes as they are served, and their description.
fn served() -> (Vec<Route>, Value) {
    let rules = Arc::new(ArcSwap::from_pointee(config::Api::default()));
    let (teller, _) = telling::queues();
    let gate = Gate::open(Store::in_memory().expect("memory"), rules, [1; 32], "a", teller);
    let (_, listed, Description(text)) = routes(gate.expect("nothing kept yet").0);
    (listed, serde_json::from_slice(&text).expect("JSON"))
}

#[test]
fn every_route_has_words() {
    let (routes, document) = served();
    for route in &routes {
        let (method, path) = (route.method(), route.path);
        assert!(
            words::of(route).is_some(),
            "{method} {path} has no words in server/openapi/words.rs: nobody who reads the description of the API would \
             learn what it does"
        );
        assert!(document["paths"][path][route.verb()]["summary"].is_string(), "{method} {path}");
    }
    for (method, path) in words::calls() {
        let known = routes.iter().any(|route| (route.method(), route.path) == (method, path));
        assert!(known, "server/openapi/words.rs has words for {method} {path}, which is no route");
    }
}

#[test]
fn bytes_are_of_a_kind() {
    for route in served().0.iter().filter(|route| route.shape.answer.is_none()) {
        let media = words::of(route).and_then(|words| words.media);
        assert!(
            media.is_some(),
            "{} {} answers bytes: words.rs says with .bytes(…) of what kind",
            route.method(),
            route.path
        );
    }
}

#[test]
fn all_that_is_meant_is_there() {
    let (routes, document) = served();
    let mut meant = BTreeSet::new();
    references(&document, &mut meant);
    assert!(meant.len() > 60, "{meant:?}");
    for reference in meant {
        let pointer = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} is not there");
    }
    let ids: BTreeSet<String> = routes.iter().map(Route::id).collect();
    assert_eq!(ids.len(), routes.len());
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// A few calls as a reader of the document finds them.
#[test]
fn what_is_said_of_a_call() {
    let (_, document) = served();
    let call = |path: &str, method: &str| document["paths"][path][method].clone();
    let kill = call(api::path::KILL, "post");
    assert_eq!((&kill["operationId"], &kill["x-role"]), (&json!("post-flows-kill"), &json!("operator")));
    let body = &kill["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["$ref"], "#/components/schemas/Kill");
    let statuses: Vec<&str> = kill["responses"].as_object().expect("responses").keys().map(String::as_str).collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "404", "413", "415", "500", "503"]);
    let parameters = call(api::path::FLOWS, "get")["parameters"].clone();
    let client = parameters.as_array().expect("a list").iter().find(|one| one["name"] == "client").expect("client");
    assert_eq!(
        (&client["in"], &client["required"], &client["schema"]["type"]),
        (&json!("query"), &json!(false), &json!("string"))
    );
    assert_eq!(call(api::path::LOGIN, "post")["security"], json!([]));
    assert_eq!(call(api::path::USER, "delete")["parameters"][0]["name"], "name");
    let media = call(api::path::METRICS, "get")["responses"]["200"]["content"].clone();
    assert!(media.as_object().expect("media").keys().all(|kind| kind.starts_with("application/openmetrics-text")));
}
