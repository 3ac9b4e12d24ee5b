//! What a handler takes and gives, read from its types: the description of a route cannot say anything else than the
//! code that answers.

use crate::server::Refused;
use crate::server::access::{Call, Peer};
use crate::server::routes::{Body, Named, Words};
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Extension, Json};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Where schemas stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// Makes schemas, and collects those that have names. What is asked and what is answered differ: a field with a default
/// may be left out of a request and is always there in an answer.
pub(in crate::server) struct Schemas {
    pub(super) asked: SchemaGenerator,
    pub(super) answered: SchemaGenerator,
}

impl Schemas {
    pub(in crate::server) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = SCHEMAS.into();
                settings.meta_schema = None;
            })
        };
        Self {
            asked: settings().for_deserialize().into_generator(),
            answered: settings().for_serialize().into_generator(),
        }
    }
}

/// What a route takes and gives.
#[derive(Clone, Debug, Default)]
pub(in crate::server) struct Shape {
    /// The query, as one object.
    pub(super) query: Option<Schema>,
    /// The body.
    pub(super) body: Option<Schema>,
    /// Whether something in the path is read.
    pub(super) names: bool,
    /// What is answered; `None`: bytes.
    pub(super) answer: Option<Schema>,
}

/// Something that a handler takes.
#[diagnostic::on_unimplemented(
    message = "the description of the API does not know what a handler that takes `{Self}` asks for",
    note = "take Body<T>, Words<T> or Named, whose refusals are problems as JSON, and derive JsonSchema for T; for \
            anything else add it to server/openapi/parts.rs"
)]
pub(in crate::server) trait Part {
    /// Adds it to the shape. Most parts are nothing that a caller gives.
    fn describe(_: &mut Schemas, _: &mut Shape) {}
}

impl<S> Part for State<S> {}
impl Part for Extension<Call> {}
impl Part for Extension<super::Description> {}
impl Part for ConnectInfo<Peer> {}
impl Part for HeaderMap {}

impl<T: JsonSchema> Part for Body<T> {
    fn describe(schemas: &mut Schemas, shape: &mut Shape) {
        shape.body = Some(schemas.asked.subschema_for::<T>());
    }
}

impl<T: JsonSchema> Part for Words<T> {
    fn describe(schemas: &mut Schemas, shape: &mut Shape) {
        shape.query = Some(T::json_schema(&mut schemas.asked));
    }
}

impl Part for Named {
    fn describe(_: &mut Schemas, shape: &mut Shape) {
        shape.names = true;
    }
}

/// Something that a handler gives.
#[diagnostic::on_unimplemented(
    message = "the description of the API does not know what a handler that gives `{Self}` answers",
    note = "give Answer<T> and derive JsonSchema for T, or Result<Response, Refused> for bytes"
)]
pub(in crate::server) trait Gives {
    fn describe(schemas: &mut Schemas) -> Option<Schema>;
}

impl<T: JsonSchema> Gives for Json<T> {
    fn describe(schemas: &mut Schemas) -> Option<Schema> {
        Some(schemas.answered.subschema_for::<T>())
    }
}

impl Gives for Response {
    fn describe(_: &mut Schemas) -> Option<Schema> {
        None
    }
}

impl<T: Gives> Gives for Result<T, Refused> {
    fn describe(schemas: &mut Schemas) -> Option<Schema> {
        T::describe(schemas)
    }
}

/// A handler, all of whose parts are known. `P` are the parts, as a tuple.
pub(in crate::server) trait Described<P> {
    fn shape(schemas: &mut Schemas) -> Shape;
}

macro_rules! described {
    ($($part:ident)*) => {
        impl<F, Answer, Given, $($part),*> Described<($($part,)*)> for F
        where
            F: Fn($($part),*) -> Answer,
            Answer: Future<Output = Given>,
            Given: Gives,
            $($part: Part,)*
        {
            fn shape(schemas: &mut Schemas) -> Shape {
                #[allow(unused_mut, reason = "a handler may take nothing")]
                let mut shape = Shape { answer: Given::describe(schemas), ..Shape::default() };
                $($part::describe(schemas, &mut shape);)*
                shape
            }
        }
    };
}

described!();
described!(A);
described!(A B);
described!(A B C);
described!(A B C D);
described!(A B C D E);
