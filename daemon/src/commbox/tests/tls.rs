//! HTTPS with a real certificate that only `ca_file` vouches for.

use std::io::{Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{Server, http};
use super::*;
use crate::commbox::{Code, Reaction};
use crate::core::watch::Stream;

/// Answers over TLS as `localhost`.
fn server(answer: Vec<u8>) -> Server {
    crate::tls::install();
    let certificate = CertificateDer::from_pem_file(fixture("tls/localhost.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(fixture("tls/localhost.key.pem")).expect("a key");
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
    let config = Arc::new(config.expect("a configuration"));
    Server::new(move |connection| {
        let tcp = connection.stream;
        tcp.set_read_timeout(Some(Duration::from_secs(20))).expect("a bound");
        let session = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = StreamOwned::new(session, tcp);
        let mut request = [0; 4_096];
        // A client that does not trust us ends here.
        if stream.read(&mut request).is_ok_and(|length| length > 0) {
            let _ = stream.write_all(&answer);
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    })
}

async fn ask(host: &str, server: &Server, ca_file: Option<PathBuf>) -> Result<Answer, FetchError> {
    let account = Account { ca_file, ..account(&format!("https://{host}:{}", server.port())) };
    client(&account).expect("a client").conversation(&Stream::Number(1), 70_012_001).await
}

#[tokio::test]
async fn a_certificate_authority_of_the_operators_is_trusted_and_no_other() {
    let server = server(http("200 OK", "", sample("01-last-message-only")));
    let vouched = ask("localhost", &server, Some(fixture("tls/ca.pem"))).await.expect("an answer");
    assert_eq!(vouched.decode(70_012_001, &[]).expect("a snapshot").stream_id, Some(41_207));

    let ours = Some(fixture("tls/ca.pem"));
    for (host, ca_file, why) in
        [("localhost", None, "UnknownIssuer"), ("127.0.0.1", ours, "certificate not valid for name")]
    {
        let error = ask(host, &server, ca_file).await.expect_err("not trusted");
        assert_eq!((error.reaction, error.code), (Reaction::Unavailable { retry_after: None }, Code::Tls));
        assert!(error.detail.contains(why), "{error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_within_tls_is_a_broken_body() {
    let server = server(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec());
    let error = ask("localhost", &server, Some(fixture("tls/ca.pem"))).await.expect_err("broken off");
    assert_eq!(error.code, Code::Body);
}
