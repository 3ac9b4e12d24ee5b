//! The description of the API, as OpenAPI 3.1: made from the table of routes, the types of their handlers, and words for
//! people. Nothing in it is listed a second time.

pub(super) mod parts;
mod words;

use super::Answered;
use super::access::Route;
use api::{Problem, Role};
use axum::Extension;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use parts::{Schemas, Shape};
use schemars::Schema;
use serde_json::{Map, Value, json};
use words::Words;

/// What the whole document is introduced with.
const ABOUT: &str = include_str!("openapi/about.md");
/// Parts of paths, and what they name.
const NAMES: [(&str, &str); 3] = [
    ("id", "The id, as the list of these gives it."),
    ("name", "The user's name."),
    ("number", "The number of the revision."),
];
/// Every status that refuses: its name in the document, and what it means.
const REFUSALS: [(StatusCode, &str, &str); 11] = [
    (StatusCode::BAD_REQUEST, "BadRequest", "The request makes no sense; the message says what is wrong with it."),
    (StatusCode::UNAUTHORIZED, "Unauthorized", "There is no session or token, or none that is valid any more."),
    (StatusCode::FORBIDDEN, "Forbidden", "The caller may not do this, or has to set a new password first."),
    (StatusCode::NOT_FOUND, "NotFound", "There is no such thing."),
    (StatusCode::CONFLICT, "Conflict", "It is not possible as things are now; the message says why."),
    (StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", "The body is larger than any request may be."),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "NotJson", "The body is not marked as application/json."),
    (StatusCode::UNPROCESSABLE_ENTITY, "Invalid", "The document has errors; each is listed with its line and column."),
    (StatusCode::TOO_MANY_REQUESTS, "TooMany", "Too many attempts failed, or too many are under way; try again later."),
    (StatusCode::INTERNAL_SERVER_ERROR, "Failed", "The node could not do it, for instance because its disk fails."),
    (StatusCode::SERVICE_UNAVAILABLE, "Busy", "The node is not running or too busy to answer; try again."),
];

/// The document, ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Description(Bytes);

/// The document.
pub(super) async fn document(Extension(Description(text)): Extension<Description>) -> Answered {
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

impl Description {
    /// Of these routes, whose handlers' types gave `schemas`.
    pub(super) fn of(routes: &[Route], schemas: Schemas) -> Self {
        Self(describe(routes, schemas).to_string().into())
    }
}

impl Route {
    /// Its name for programs: `get-users-name-sessions`.
    fn id(&self) -> String {
        let path = self.path.trim_start_matches("/api/v1").replace(['{', '}'], "").replace(['/', '.'], "-");
        format!("{}{path}", self.verb())
    }

    /// Its method, as the document writes it.
    fn verb(&self) -> String {
        self.method().to_lowercase()
    }
}

fn describe(routes: &[Route], mut schemas: Schemas) -> Value {
    let problem = schemas.answered.subschema_for::<Problem>();
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let methods = paths.entry(route.path).or_insert_with(|| json!({}));
        methods[route.verb()] = operation(route, words::of(route));
    }
    let mut named = schemas.asked.take_definitions(true);
    for (name, answered) in schemas.answered.take_definitions(true) {
        let asked = named.insert(name.clone(), answered.clone());
        debug_assert!(asked.is_none_or(|asked| asked == answered), "{name} looks otherwise when it is asked");
    }
    let refusals = REFUSALS.map(|(_, name, about)| (name.to_owned(), in_json(about, &problem)));
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Suimon", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": "/", "description": "The node that this description comes from." }],
        "tags": words::tags(),
        "security": [{ "secret": [] }],
        "paths": paths,
        "components": {
            "schemas": named,
            "responses": Map::from_iter(refusals),
            "securitySchemes": { "secret": {
                "type": "http",
                "scheme": "bearer",
                "description": "A session's token, as logging in gives it, or a token for programs.",
            }},
        },
    });
    without_links(&mut document);
    document
}

fn operation(route: &Route, words: Option<&Words>) -> Value {
    let shape = &route.shape;
    let role = route.act.map(|act| act.least_role());
    let mut operation = json!({
        "operationId": route.id(),
        "summary": words.map_or(route.path, |words| words.summary),
        "responses": responses(route, words),
    });
    let takes = role.map_or("Anybody may call.".to_owned(), |role| format!("Takes the role {role} at least."));
    let about = words.map(|words| words.about).filter(|about| !about.is_empty());
    operation["description"] = about.map_or(takes.clone(), |about| format!("{about}\n\n{takes}")).into();
    if let Some(words) = words {
        operation["tags"] = json!([words.tag]);
    }
    match role {
        Some(role) => operation["x-role"] = role.name().into(),
        None => operation["security"] = json!([]),
    }
    let parameters: Vec<Value> = path_parameters(route.path).chain(query_parameters(shape)).collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(body) = &shape.body {
        operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": body } } });
    }
    operation
}

fn responses(route: &Route, words: Option<&Words>) -> Value {
    let done = words.map_or("Done.", |words| words.answers);
    let mut responses = match &route.shape.answer {
        Some(schema) => json!({ "200": in_json(done, schema) }),
        None => {
            let media = words.and_then(|words| words.media).unwrap_or("application/octet-stream");
            let schema = if media.starts_with("text/") || media.ends_with("json") {
                json!({ "type": if media == "application/json" { "object" } else { "string" } })
            } else {
                json!({})
            };
            json!({ "200": { "description": done, "content": { media: { "schema": schema } } } })
        }
    };
    for (status, name, _) in REFUSALS {
        if refuses(route, words, status) {
            responses[status.as_str()] = json!({ "$ref": format!("#/components/responses/{name}") });
        }
    }
    responses
}

/// Whether a route may answer with this status: some follow from what it takes, others are its own.
fn refuses(route: &Route, words: Option<&Words>, status: StatusCode) -> bool {
    let Shape { query, body, names, .. } = &route.shape;
    let own = || words.is_some_and(|words| words.refusals.contains(&status.as_u16()));
    match status {
        StatusCode::BAD_REQUEST => query.is_some() || body.is_some() || *names || own(),
        // The body may be read by whatever stands before the route.
        StatusCode::PAYLOAD_TOO_LARGE => body.is_some() || own(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => body.is_some() || own(),
        StatusCode::UNAUTHORIZED | StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => true,
        StatusCode::FORBIDDEN => {
            let act = |role: Role, old: bool| role > Role::Viewer || !old;
            route.act.is_some_and(|act_of| act(act_of.least_role(), act_of.goes_with_an_old_password())) || own()
        }
        _ => own(),
    }
}

fn in_json(description: &str, schema: &Schema) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn path_parameters(path: &'static str) -> impl Iterator<Item = Value> {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    names.map(|name| {
        let about = NAMES.iter().find(|(known, _)| *known == name).map_or("", |(_, about)| about);
        let schema = json!({ "type": "string", "minLength": 1 });
        json!({ "name": name, "in": "path", "required": true, "description": about, "schema": schema })
    })
}

fn query_parameters(shape: &Shape) -> impl Iterator<Item = Value> {
    let query = shape.query.as_ref().map(Schema::as_value);
    let required = query.and_then(|query| query["required"].as_array());
    let properties = query.and_then(|query| query["properties"].as_object()).into_iter().flatten();
    properties.map(move |(name, schema)| {
        let mut schema = schema.clone();
        let about = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
        never_null(&mut schema);
        let required = required.is_some_and(|required| required.iter().any(|known| known == name));
        json!({ "name": name, "in": "query", "required": required, "description": about, "schema": schema })
    })
}

/// What is not there in a query is left out; it is not the word `null`.
fn never_null(schema: &mut Value) {
    if let Some(types) = schema["type"].as_array_mut() {
        types.retain(|kind| kind != "null");
        if let [only] = &types[..] {
            schema["type"] = only.clone();
        }
    }
    if let Some(any) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        any.retain(|one| one["type"] != "null");
        if let [only] = &any[..] {
            *schema = only.clone();
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.retain(|_, value| !value.is_null());
    }
}

/// Texts are those of the types. There, names of the code are links; here they are words.
fn without_links(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => {
                        *text = text.replace("[`crate::", "`").replace("[`", "`").replace("`]", "`");
                    }
                    _ => without_links(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_links),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
