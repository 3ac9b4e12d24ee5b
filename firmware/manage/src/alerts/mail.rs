//! Alerts by mail: one SMTP dialogue per message.

use super::message::Message;
use crate::reach::{Names, ReachError, certificates};
use config::{AlertMail, MailTls};
use lettre::address::AddressError;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::path::Path;
use std::time::Duration;

/// Time for one dialogue, from the connection to the last answer.
const DIALOGUE_LIMIT: Duration = Duration::from_secs(60);
/// Time for one step of it.
const STEP_LIMIT: Duration = Duration::from_secs(20);

/// Why a mail is not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The server is not found, or its certificates are not.
    #[error(transparent)]
    Reach(#[from] ReachError),
    /// An address of the configuration is none.
    #[error("mail address {address}: {source}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong.
        source: AddressError,
    },
    /// The message cannot be written as mail.
    #[error("write the mail: {0}")]
    Write(#[from] lettre::error::Error),
    /// The server refuses, or the dialogue breaks.
    #[error("send mail by {server}: {source}")]
    Smtp {
        /// The server.
        server: String,
        /// Why not.
        source: lettre::transport::smtp::Error,
    },
    /// The dialogue takes too long.
    #[error("send mail by {server}: not done within {} s", DIALOGUE_LIMIT.as_secs())]
    Timeout {
        /// The server.
        server: String,
    },
}

impl MailError {
    /// Whether another try makes sense: a server that says "never" means it (RFC 5321 4.2.1).
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Smtp { source, .. } => source.is_permanent(),
            Self::Address { .. } | Self::Write(_) => true,
            Self::Reach(_) | Self::Timeout { .. } => false,
        }
    }
}

/// A destination, ready to send to.
pub struct Mailer {
    settings: AlertMail,
    node: String,
    authorities: Option<Vec<Certificate>>,
}

impl Mailer {
    /// Reads the certificates; connects to nobody yet. `data` is the data directory.
    pub fn new(settings: AlertMail, node: &str, data: &Path) -> Result<Self, MailError> {
        let authorities = settings.ca_file.as_ref().map(|file| {
            let path = data.join(file);
            let read = certificates(&path)?.into_iter().map(|der| Certificate::from_der(der.to_vec()));
            read.collect::<Result<Vec<_>, _>>()
                .map_err(|error| ReachError::Certificates { path, reason: error.to_string() })
        });
        Ok(Self { authorities: authorities.transpose()?, settings, node: node.to_owned() })
    }

    /// Sends one message: done when the server has taken it.
    pub async fn send(&self, names: &Names, message: &Message) -> Result<(), MailError> {
        let mail = self.written(message)?;
        let server = &self.settings.server;
        let addresses = names.addresses(server).await?;
        let mut result = Err(MailError::Timeout { server: server.clone() });
        for address in addresses {
            let transport = self.transport(&address.to_string())?;
            result = match tokio::time::timeout(DIALOGUE_LIMIT, transport.send(mail.clone())).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(source)) => Err(MailError::Smtp { server: server.clone(), source }),
                Err(_) => Err(MailError::Timeout { server: server.clone() }),
            };
            if result.as_ref().is_err_and(MailError::is_permanent) {
                break;
            }
        }
        result
    }

    fn written(&self, message: &Message) -> Result<lettre::Message, MailError> {
        let mut builder: MessageBuilder = lettre::Message::builder()
            .from(mailbox(&self.settings.from)?)
            .subject(message.subject())
            .header(ContentType::TEXT_PLAIN);
        for to in &self.settings.to {
            builder = builder.to(mailbox(to)?);
        }
        Ok(builder.body(message.text())?)
    }

    fn transport(&self, address: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, MailError> {
        let AlertMail { server, port, tls, user, password, .. } = &self.settings;
        let parameters = || self.tls().map_err(|source| MailError::Smtp { server: server.clone(), source });
        let tls = match tls {
            MailTls::None => Tls::None,
            MailTls::StartTls => Tls::Required(parameters()?),
            MailTls::Tls => Tls::Wrapper(parameters()?),
        };
        // The address and not the name: otherwise the C library would be asked for it.
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(address)
            .port(*port)
            .timeout(Some(STEP_LIMIT))
            .hello_name(ClientId::Domain(self.node.clone()))
            .tls(tls);
        if let (Some(user), Some(password)) = (user, password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.reveal().to_owned()));
        }
        Ok(builder.build())
    }

    fn tls(&self) -> Result<TlsParameters, lettre::transport::smtp::Error> {
        let mut builder = TlsParameters::builder(self.settings.server.clone());
        if let Some(authorities) = &self.authorities {
            builder = builder.certificate_store(CertificateStore::None);
            for authority in authorities {
                builder = builder.add_root_certificate(authority.clone());
            }
        }
        builder.build()
    }
}

fn mailbox(address: &str) -> Result<Mailbox, MailError> {
    let parsed = address.parse().map_err(|source| MailError::Address { address: address.to_owned(), source })?;
    Ok(Mailbox::new(None, parsed))
}

#[cfg(test)]
mod tests;
