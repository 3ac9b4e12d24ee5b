//! Backups out, and back in. What takes long, key and packing, is done where waiting is allowed, one at a time with log-ins.

use super::access::Call;
use super::configuration::{check, refused, refused_by_store};
use super::routes::{Answer, Body};
use super::{Core, Refused};
use api::{Applied, BackupLook, BackupRequest, BackupView, Problem, Restore};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use drivers::clock;
use manage::backup::{self, Content, ContentError, RestoreError};
use std::collections::BTreeMap;
use tokio::task::spawn_blocking;

/// Everything that makes this node what it is.
pub(super) async fn make(State(core): State<Core>, Body(request): Body<BackupRequest>) -> Result<Response, Refused> {
    let files = core.ask(|control| control.own_files()).await?.map_err(refused)?;
    let files: BTreeMap<String, Vec<u8>> =
        files.into_iter().filter_map(|file| Some((file.name, file.content?))).collect();
    let (salt, node, store) = (core.gate.salt().await, core.gate.box_name().to_owned(), core.store.clone());
    let made = core.slowly(move || {
        let content = Content::gather(&store, clock::unix_s(), &node, env!("CARGO_PKG_VERSION"), files)?;
        content.seal(&request.passphrase, salt)
    });
    let file = made.await?.map_err(unreadable)?;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], file).into_response())
}

/// What is in a backup.
pub(super) async fn look(State(core): State<Core>, Body(look): Body<BackupLook>) -> Answer<BackupView> {
    let here = core.ask(|control| control.nics_here()).await?;
    let viewed = core.slowly(move || backup::view(&Content::open(&look.file.0, &look.passphrase)?, &here));
    viewed.await?.map(Json).map_err(unfit)
}

/// Puts a backup in use.
pub(super) async fn restore(
    State(core): State<Core>,
    Extension(call): Extension<Call>,
    Body(restore): Body<Restore>,
) -> Answer<Applied> {
    let Restore { file, passphrase, nics, terms } = restore;
    check(&terms)?;
    let here = core.ask(|control| control.nics_here()).await?;
    let fitted = core.slowly(move || backup::fit(Content::open(&file.0, &passphrase)?, &nics, &here));
    let fitted = fitted.await?.map_err(unfit)?;
    let (text, of) = (fitted.document.clone(), fitted.node.clone());
    // What it changes stands in the record, which is kept in the transaction itself.
    let diff = core.ask(move |control| control.diff(&text, "the backup")).await?.map_err(refused)?;
    call.note(&format!("of node {of}\n{}", manage::redact::diff(&diff)));
    let author = call.caller.user.clone();
    let restored = core.gate.replacing(&call, async |record| {
        let also = move |transaction: &store::rusqlite::Transaction<'_>| manage::keep::write_down(transaction, &record);
        core.ask(move |control| control.restore(fitted, terms, author, also)).await?.map_err(refused)
    });
    Ok(Json(restored.await?))
}

impl Core {
    /// Does something that takes a core for a while, and memory.
    pub(super) async fn slowly<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Refused> {
        let _permit = self.gate.permit().await?;
        spawn_blocking(act).await.map_err(|_| Refused::busy())
    }
}

fn unreadable(error: ContentError) -> Refused {
    match error {
        ContentError::Store(error) => refused_by_store(error),
        other => Refused::new(StatusCode::BAD_REQUEST, other.to_string()),
    }
}

fn unfit(error: RestoreError) -> Refused {
    match error {
        RestoreError::Content(error) => unreadable(error),
        RestoreError::Document(errors) => Refused::with(StatusCode::UNPROCESSABLE_ENTITY, Problem::from(errors)),
        other => Refused::new(StatusCode::BAD_REQUEST, other.to_string()),
    }
}
