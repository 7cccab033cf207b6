//! The notifier's configuration. `schema.json` says the same to operators.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use commwatch_plugin_api::Value;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use serde::Deserialize;

/// Who gets one mail, at most. Ours; servers take a hundred (RFC 5321, 4.5.3.1.8).
const RECIPIENTS_MAX: usize = 20;
/// A file of certificate authorities, in bytes. Ours.
const CA_FILE_BYTES_MAX: u64 = 1 << 20;

/// `[notifiers.NAME.config]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    host: String,
    port: Option<u16>,
    #[serde(default)]
    tls: Tls,
    ca_file: Option<String>,
    username: Option<String>,
    password: Option<Value>,
    from: String,
    to: Vec<String>,
    reply_to: Option<String>,
}

/// How a connection is encrypted.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tls {
    /// After the server has been asked.
    #[default]
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: within this machine.
    None,
}

/// The server, and what it is to be told.
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The parameters where there is encryption.
    pub(crate) tls: Option<TlsParameters>,
    pub(crate) starts_plain: bool,
    pub(crate) login: Option<Login>,
    /// What this machine calls itself.
    pub(crate) hello: ClientId,
}

/// Who signs in. The password is printed nowhere.
pub(crate) struct Login {
    pub(crate) credentials: Credentials,
    /// What must not be repeated, in the forms in which it goes over the line.
    secrets: Vec<String>,
}

/// Who mail is from, and who gets it.
#[derive(Debug)]
pub(crate) struct Addresses {
    pub(crate) from: Mailbox,
    pub(crate) to: Vec<Mailbox>,
    pub(crate) reply_to: Option<Mailbox>,
}

impl Config {
    /// # Errors
    /// One line for the operator.
    pub(crate) fn check(self) -> Result<(Server, Addresses), String> {
        let Self { host, port, tls, ca_file, username, password, from, to, reply_to } = self;
        if tls == Tls::None && !is_this_machine(&host) {
            return Err(format!(
                "`tls` is \"none\", and {host} is another machine: customers' words and the password would be read on the \
                 way; write \"starttls\" or \"implicit\""
            ));
        }
        let port = port.unwrap_or(match tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        });
        let login = match (username, password) {
            (None, None) => None,
            (Some(username), Some(Value::Text(password))) => Some(Login::new(username, password)),
            (Some(_), Some(Value::Secret(_))) => {
                return Err("the plugin signs in itself: write reveal = [\"password\"] in the notifier's section, so \
                            that it is told `password`"
                    .to_owned());
            }
            _ => return Err("`username` and `password` go together: write both, or neither".to_owned()),
        };
        if to.is_empty() || to.len() > RECIPIENTS_MAX {
            return Err(format!("`to` takes 1 to {RECIPIENTS_MAX} addresses"));
        }
        let addresses = Addresses {
            from: mailbox("from", &from)?,
            to: to.iter().map(|to| mailbox("to", to)).collect::<Result<_, _>>()?,
            reply_to: reply_to.map(|to| mailbox("reply_to", &to)).transpose()?,
        };
        let encryption = match tls {
            Tls::None => None,
            _ => Some(parameters(&host, ca_file.as_deref())?),
        };
        let hello = hello(std::fs::read_to_string("/proc/sys/kernel/hostname").ok());
        let server = Server { host, port, tls: encryption, starts_plain: tls != Tls::Implicit, login, hello };
        Ok((server, addresses))
    }
}

impl Login {
    fn new(username: String, password: String) -> Self {
        let secrets = vec![
            BASE64.encode(format!("\0{username}\0{password}")),
            BASE64.encode(&password),
            password.clone(),
        ];
        Self { credentials: Credentials::new(username, password), secrets }
    }

    /// The text without the password, should somebody have repeated it.
    pub(crate) fn struck_from(&self, text: &str) -> String {
        let strike = |text: String, secret: &String| text.replace(secret.as_str(), "[secret]");
        self.secrets.iter().filter(|secret| !secret.is_empty()).fold(text.to_owned(), strike)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// Whether nothing that is sent there leaves this machine.
fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// An address that every server can take: in ASCII, since not all know others.
fn mailbox(key: &str, text: &str) -> Result<Mailbox, String> {
    let mailbox: Option<Mailbox> = text.parse().ok();
    mailbox
        .filter(|mailbox| mailbox.email.to_string().is_ascii() && !text.contains(char::is_control))
        .ok_or_else(|| {
            format!("`{key}`: {text:?} is no address; it is written \"alerts@acme.example\" or \"Name <alerts@acme.example>\"")
        })
}

fn parameters(host: &str, ca_file: Option<&str>) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = ca_file {
        let pem = read(Path::new(file)).map_err(|why| format!("`ca_file` {file}: {why}"))?;
        let certificate =
            Certificate::from_pem(&pem).map_err(|_| format!("`ca_file` {file} holds no certificate"))?;
        if !String::from_utf8_lossy(&pem).contains("BEGIN CERTIFICATE") {
            return Err(format!("`ca_file` {file} holds no certificate"));
        }
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls().map_err(|error| format!("TLS to {host} cannot be prepared: {error}"))
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    if !file.is_absolute() {
        return Err("write an absolute path".to_owned());
    }
    let len = std::fs::metadata(file).map_err(|error| error.to_string())?.len();
    if len > CA_FILE_BYTES_MAX {
        return Err(format!("{len} bytes, of at most {CA_FILE_BYTES_MAX}"));
    }
    std::fs::read(file).map_err(|error| error.to_string())
}

/// What EHLO says: this machine's name where it is one that has a domain (RFC 5321, 4.1.4), else an address literal.
fn hello(name: Option<String>) -> ClientId {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
        name.len() <= 253 && name.contains('.') && name.bytes().all(is_plain)
    });
    name.map_or_else(ClientId::default, ClientId::Domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_a_domain_is_greeted_by_its_address() {
        let said = |name: &str| hello(Some(name.to_owned())).to_string();
        assert_eq!(said("mx.acme.example\n"), "mx.acme.example");
        for name in ["buster", "", "a b.c", "a.b\r\nMAIL", "ü.example"] {
            assert_eq!(said(name), "[127.0.0.1]", "{name:?}");
        }
        assert_eq!(hello(None).to_string(), "[127.0.0.1]");
    }

    #[test]
    fn a_password_is_struck_out_in_each_form_that_goes_over_the_line() {
        let login = Login::new("dana".to_owned(), "hush".to_owned());
        let plain = BASE64.encode("\0dana\0hush");
        let said = login.struck_from(&format!("bad AUTH {plain} {} hush", BASE64.encode("hush")));
        assert_eq!(said, "bad AUTH [secret] [secret] [secret]");
        assert_eq!(format!("{login:?}"), "Login");
    }
}
