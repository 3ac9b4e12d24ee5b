//! Files that pages refer to, compiled in.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// They change with the program only, but their names do not: the browser asks again after this time.
const CACHE: HeaderValue = HeaderValue::from_static("private, max-age=300");

pub(crate) async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/style.css"))
}

pub(crate) async fn live() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/live.js"))
}

pub(crate) async fn form() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/form.js"))
}

pub(crate) async fn countdown() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/countdown.js"))
}

pub(crate) async fn graphs() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/graphs.js"))
}

/// uPlot 1.6.32 from npm (`dist/uPlot.iife.min.js`), as it is; its licence is beside it.
pub(crate) async fn uplot() -> Response {
    asset("text/javascript; charset=utf-8", include_str!("../assets/uplot.js"))
}

/// `dist/uPlot.min.css` of the same.
pub(crate) async fn uplot_style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/uplot.css"))
}

pub(crate) async fn icon() -> Response {
    asset("image/svg+xml", include_str!("../assets/icon.svg"))
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CACHE_CONTROL, CACHE)], text).into_response()
}
