//! Switching the language.

use crate::language::Language;
use crate::visitor::{own_path, set_language};
use axum::Form;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Choice {
    code: String,
    #[serde(default)]
    next: String,
}

pub(crate) async fn post(Form(choice): Form<Choice>) -> Response {
    let mut response = Redirect::to(own_path(&choice.next)).into_response();
    if let Some(language) = Language::from_code(&choice.code) {
        set_language(&mut response, language);
    }
    response
}
