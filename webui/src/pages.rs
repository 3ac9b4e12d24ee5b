//! The pages: one file each, with its handlers, its forms and its template's fields.

mod account;
mod alerts;
mod audit;
mod backends;
mod backup;
mod configuration;
mod confirmation;
mod explain;
mod flows;
mod form;
mod graphs;
mod history;
mod language;
mod log;
mod login;
mod network;
mod network_edit;
mod network_form;
mod overview;
mod password;
mod people;
mod service_form;
mod service_removal;
mod services;
mod setup;
mod system;
mod tools;

use crate::{Console, assets};
use axum::Router;
use axum::routing::{get, post};

/// All of them.
pub(crate) fn router(console: Console) -> Router {
    Router::new()
        .route("/", get(overview::get))
        .route("/confirm", post(confirmation::confirm))
        .route("/return", post(confirmation::leave))
        .route("/login", get(login::get).post(login::post))
        .route("/login/code", post(login::code))
        .route("/logout", post(login::logout))
        .route("/language", post(language::post))
        .route("/password", get(password::get).post(password::post))
        .route("/account", get(account::get))
        .route("/account/second-factor", post(account::offer))
        .route("/account/second-factor/confirm", post(account::confirm))
        .route("/account/second-factor/remove", post(account::remove))
        .route("/account/sessions/end", post(account::end_session))
        .route("/account/tokens", post(account::make_token))
        .route("/account/tokens/revoke", post(account::revoke_token))
        .route("/setup", get(setup::get).post(setup::post))
        .route("/services", get(services::list))
        .route("/services/new", get(service_form::new).post(service_form::add))
        .route("/services/{service}", get(services::one))
        .route("/services/{service}/edit", get(service_form::edit).post(service_form::change))
        .route("/services/{service}/remove", get(service_removal::get).post(service_removal::post))
        .route("/backends", get(backends::list))
        .route("/backends/{service}/{backend}", get(backends::one).post(backends::change))
        .route("/flows", get(flows::get))
        .route("/flows/kill", post(flows::kill))
        .route("/flows/explain", get(explain::get))
        .route("/graphs", get(graphs::get))
        .route("/network", get(network::get))
        .route("/network/edit", get(network_edit::get).post(network_edit::post))
        .route("/history", get(history::list))
        .route("/history/{number}", get(history::one).post(history::roll_back))
        .route("/configuration", get(configuration::get))
        .route("/configuration/check", post(configuration::check))
        .route("/configuration/apply", post(configuration::apply))
        .route("/people", get(people::get))
        .route("/people/users", post(people::add_user))
        .route("/people/users/change", post(people::change_user))
        .route("/people/users/password", post(people::set_password))
        .route("/people/users/remove", post(people::remove_user))
        .route("/people/tokens", post(people::make_token))
        .route("/people/tokens/revoke", post(people::revoke_token))
        .route("/audit", get(audit::get))
        .route("/alerts", get(alerts::get))
        .route("/alerts/test", post(alerts::test))
        .route("/log", get(log::get))
        .route("/tools", get(tools::get))
        .route("/tools/ping", post(tools::ping))
        .route("/tools/trace", post(tools::trace))
        .route("/tools/port", post(tools::port))
        .route("/tools/capture", post(tools::capture))
        .route("/tools/support-bundle", post(tools::support_bundle))
        .route("/system", get(system::get))
        .route("/system/certificate", post(system::upload))
        .route("/system/certificate/request", post(system::request))
        .route("/system/certificate/request.csr", get(system::request_file))
        .route("/system/certificate/request/forget", post(system::forget_request))
        .route("/system/certificate/renew", post(system::renew))
        .route("/system/backup", get(backup::get).post(backup::make))
        .route("/system/restore/look", post(backup::look))
        .route("/system/restore", post(backup::restore))
        .merge(files())
        .with_state(console)
}

/// What the pages are made of, the same for everybody.
fn files() -> Router<Console> {
    Router::new()
        .route("/assets/style.css", get(assets::style))
        .route("/assets/live.js", get(assets::live))
        .route("/assets/form.js", get(assets::form))
        .route("/assets/countdown.js", get(assets::countdown))
        .route("/assets/graphs.js", get(assets::graphs))
        .route("/assets/uplot.js", get(assets::uplot))
        .route("/assets/uplot.css", get(assets::uplot_style))
        .route("/assets/icon.svg", get(assets::icon))
}
