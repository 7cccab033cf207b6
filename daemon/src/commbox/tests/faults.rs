//! What can go wrong with a request, on real sockets.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use super::server::{Server, http};
use super::*;
use crate::commbox::{Code, RETRY_AFTER_MAX, Reaction};
use crate::core::watch::Stream;

const STREAM: Stream = Stream::Number(532);

async fn ask(server: &Server) -> Result<Answer, FetchError> {
    client(&account(&server.url())).expect("a client").conversation(&STREAM, OBJECT).await
}

async fn fault(server: &Server) -> FetchError {
    ask(server).await.expect_err("a fault")
}

#[tokio::test]
async fn a_conversation_is_asked_for_as_the_vendor_does() {
    let server = Server::answering(http("200 OK", "", sample("10-encrypted-stream-request")));
    let base = format!("{}/prefix/", server.url());
    let stream = Stream::Encrypted("EXAMPLE_fstreamIdAAA_bA==".to_owned());
    let answer = client(&account(&base)).unwrap().conversation(&stream, 70_012_010).await.expect("an answer");
    assert_eq!(answer.decode(70_012_010, &[]).expect("a snapshot").stream_id, Some(41_212));
    assert_eq!(answer.body_bytes(), sample("10-encrypted-stream-request").len());
    assert!(answer.took() > Duration::ZERO);
    let request = server.requests().remove(0).replace(&server.url()["http://".len()..], "HOST");
    let request = request.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(request.replace("\r\n", "\n").trim_end(), @r"
    GET /prefix/streams/EXAMPLE_fstreamIdAAA_bA%3d%3d/objects/70012010?includeChilds=true&includeActivityLog=false HTTP/1.1
    authorization: Bearer k3y-Header.k3y-Claims.k3y-Signature
    accept: application/json
    user-agent: commwatch/VERSION
    host: HOST
    ");
}

#[tokio::test]
async fn system_status_tells_a_good_address_and_key_from_others() {
    let good = Server::answering(http(
        "200 OK",
        "",
        r#"{"status":200,"description":"System is operational","data":null}"#,
    ));
    client(&account(&good.url())).unwrap().system_status().await.expect("good");
    assert!(good.requests()[0].starts_with("GET /core/systemstatus HTTP/1.1\r\n"));

    let bad = Server::answering(http("200 OK", "", sample("error-401")));
    let error = client(&account(&bad.url())).unwrap().system_status().await.expect_err("denied");
    assert_eq!((error.reaction, error.code), (Reaction::Denied, Code::Envelope));
}

#[tokio::test]
async fn every_status_is_a_reaction_with_what_the_answer_says_of_it() {
    for (status, body, reaction, detail) in [
        ("400 Bad Request", sample("error-400"), Reaction::Gone, "400 Bad Request"),
        ("401 Unauthorized", sample("error-401"), Reaction::Denied, "401 Unauthorized: Unauthorized access"),
        ("403 Forbidden", String::new(), Reaction::Denied, "403 Forbidden"),
        ("404 Not Found", sample("error-404"), Reaction::Gone, "404 Not Found: Not found"),
        ("410 Gone", "<html>gone</html>".to_owned(), Reaction::Gone, "410 Gone"),
        (
            "429 Slow Down",
            sample("error-429"),
            Reaction::Throttled { retry_after: None },
            "429 Too Many Requests",
        ),
        (
            "500 Internal Server Error",
            sample("error-500"),
            Reaction::Unavailable { retry_after: None },
            "500 Internal Server Error: Operation failed",
        ),
        ("501 Not Implemented", sample("error-501"), Reaction::Gone, "501 Not Implemented"),
        (
            "502 Bad Gateway",
            "<html>".to_owned(),
            Reaction::Unavailable { retry_after: None },
            "502 Bad Gateway",
        ),
        ("503 Busy", String::new(), Reaction::Unavailable { retry_after: None }, "503 Service Unavailable"),
        (
            "504 Gateway Timeout",
            "{".to_owned(),
            Reaction::Unavailable { retry_after: None },
            "504 Gateway Timeout",
        ),
        ("204 No Content", String::new(), Reaction::Malformed, "204 No Content"),
        ("299 Odd", String::new(), Reaction::Malformed, "299 unknown status"),
    ] {
        let error = fault(&Server::answering(http(status, "", body))).await;
        let code: u16 = status[..3].parse().unwrap();
        assert_eq!((error.reaction, error.code, error.detail.as_str()), (reaction, Code::Http(code), detail));
        assert!(error.took > Duration::ZERO);
    }
}

#[tokio::test]
async fn retry_after_is_obeyed_up_to_an_hour() {
    for (status, headers, expected) in [
        ("429 Too Many Requests", "Retry-After: 120\r\n", Duration::from_secs(120)),
        ("429 Too Many Requests", "Retry-After: 86400\r\n", RETRY_AFTER_MAX),
        (
            "503 Service Unavailable",
            "Date: Mon, 02 Mar 2026 15:00:00 GMT\r\nRetry-After: Mon, 02 Mar 2026 15:00:42 GMT\r\n",
            Duration::from_secs(42),
        ),
    ] {
        let error = fault(&Server::answering(http(status, headers, ""))).await;
        let (Reaction::Throttled { retry_after } | Reaction::Unavailable { retry_after }) = error.reaction
        else {
            panic!("{error:?}");
        };
        assert_eq!(retry_after, Some(expected), "{headers}");
    }
    let server = Server::answering(http("200 OK", "Retry-After: 7\r\n", sample("error-429")));
    let error = ask(&server).await.expect("an answer").decode(OBJECT, &[]).expect_err("throttled");
    assert_eq!(error.reaction, Reaction::Throttled { retry_after: Some(Duration::from_secs(7)) });
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_only_its_host_is_named() {
    let elsewhere = Server::answering(http("200 OK", "", "{}"));
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let location =
            format!("Location: http://user:pass@localhost:{}/login?ticket=t1ck3t\r\n", elsewhere.port());
        let error = fault(&Server::answering(http(status, &location, ""))).await;
        assert_eq!(error.reaction, Reaction::Unavailable { retry_after: None });
        assert_eq!(error.code, Code::Http(status[..3].parse().unwrap()));
        assert_eq!(
            error.detail,
            format!("{status}: redirects to localhost, which is not followed; is base_url right?")
        );
    }
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
    let error = fault(&Server::answering(http("304 Not Modified", "", ""))).await;
    assert_eq!((error.code, error.detail.as_str()), (Code::Http(304), "304 Not Modified"));
}

#[tokio::test]
async fn silence_is_a_timeout_before_and_within_an_answer() {
    for said in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":"] {
        let server = Server::hanging_after(said);
        let mut account = account(&server.url());
        account.timeout = Duration::from_millis(150);
        let started = Instant::now();
        let error = client(&account).unwrap().conversation(&STREAM, OBJECT).await.expect_err("a timeout");
        assert_eq!(
            (error.reaction, error.code),
            (Reaction::Unavailable { retry_after: None }, Code::Timeout)
        );
        assert_eq!(error.detail, "no whole answer within 150ms");
        assert!(error.took >= account.timeout && started.elapsed() < Duration::from_secs(10));
    }
}

#[tokio::test]
async fn a_status_counts_although_its_body_never_comes() {
    let server =
        Server::hanging_after("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n{\"status\":");
    let mut account = account(&server.url());
    account.timeout = Duration::from_secs(1);
    let error = client(&account).unwrap().conversation(&STREAM, OBJECT).await.expect_err("denied");
    assert_eq!((error.reaction, error.detail.as_str()), (Reaction::Denied, "401 Unauthorized"));
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_broken_body() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":200}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"sta\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    ] {
        let error = fault(&Server::answering(answer)).await;
        assert_eq!(
            (error.reaction, error.code),
            (Reaction::Unavailable { retry_after: None }, Code::Body),
            "{answer}"
        );
        assert!(error.detail.starts_with("the answer broke off: "), "{}", error.detail);
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read_to_its_end() {
    let limits = Limits { body_bytes_max: 1_000 };
    let announced = Server::hanging_after("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n");
    let growing = Server::asked(|connection| {
        let stream = &mut connection.stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for _ in 0..11 {
            write!(stream, "64\r\n{}\r\n", " ".repeat(100))?;
        }
        // The end never comes, so only a client that gives up gets away.
        connection.hang();
        Ok(())
    });
    for server in [announced, growing] {
        let client = Client::new(&account(&server.url()), SecretString::from(KEY), limits).expect("a client");
        let error = client.conversation(&STREAM, OBJECT).await.expect_err("too large");
        assert_eq!((error.reaction, error.code), (Reaction::Malformed, Code::Body));
        assert_eq!(error.detail, "the answer is larger than 1000 bytes");
    }
    let exact = Server::answering(http("200 OK", "", " ".repeat(1_000)));
    let client = Client::new(&account(&exact.url()), SecretString::from(KEY), limits).expect("a client");
    assert_eq!(client.conversation(&STREAM, OBJECT).await.expect("an answer").body_bytes(), 1_000);
}

#[tokio::test]
async fn an_answer_in_pieces_is_put_together() {
    let body = sample("02-with-childs-newest-first");
    let pieces = body.clone();
    let server = Server::asked(move |connection| {
        let stream = &mut connection.stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        for piece in pieces.as_bytes().chunks(700) {
            write!(stream, "{:x}\r\n", piece.len())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")?;
        }
        stream.write_all(b"0\r\n\r\n")
    });
    let answer = ask(&server).await.expect("an answer");
    assert_eq!(answer.body_bytes(), body.len());
    assert_eq!(answer.decode(70_012_002, &[]).expect("a snapshot").messages.len(), 3);
}

#[tokio::test]
async fn polls_share_a_connection() {
    let server = Server::asked(|connection| {
        loop {
            connection.stream.write_all(&http("200 OK", "", sample("01-last-message-only")))?;
            if connection.head().is_empty() {
                return Ok(());
            }
        }
    });
    let client = client(&account(&server.url())).expect("a client");
    for _ in 0..3 {
        client.conversation(&STREAM, 70_012_001).await.expect("an answer");
    }
    assert_eq!(server.requests().len(), 1, "connections");
}

#[tokio::test]
async fn a_compressed_answer_that_nobody_asked_for_is_named() {
    let error =
        fault(&Server::answering(http("200 OK", "Content-Encoding: gzip\r\n", [0x1f, 0x8b, 8]))).await;
    assert_eq!((error.reaction, error.code), (Reaction::Malformed, Code::Decode));
    assert_eq!(error.detail, "the answer is compressed (gzip) although that was not asked for");
}

#[tokio::test]
async fn faults_on_the_way_are_told_apart() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", listener.local_addr().expect("an address"))
    };
    let hangs_up = Server::asked(|_| Ok(()));
    let no_http = Server::answering("220 mail.example ESMTP\r\n");
    let no_tls = Server::new(|mut connection| {
        let _ = connection.stream.read(&mut [0; 4_096]);
        let _ = connection.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let ends_handshake = Server::new(|mut connection| drop(connection.stream.read(&mut [0; 4_096])));
    // Too long for a name, so it is refused without asking anybody.
    let nowhere = format!("http://{}.invalid", "a".repeat(64));
    for (url, code, detail) in [
        (closed, Code::Connect, "can't connect: "),
        (hangs_up.url(), Code::Connect, "the connection broke before an answer: "),
        (no_http.url(), Code::Connect, "the connection broke before an answer: "),
        (format!("https://localhost:{}", no_tls.port()), Code::Tls, "no secure connection: "),
        (format!("https://localhost:{}", ends_handshake.port()), Code::Tls, "no secure connection: "),
        (nowhere, Code::Dns, "the host's name can't be resolved: "),
    ] {
        let error = client(&account(&url)).unwrap().conversation(&STREAM, OBJECT).await.expect_err("a fault");
        assert_eq!(
            (error.reaction, error.code),
            (Reaction::Unavailable { retry_after: None }, code),
            "{url} {error}"
        );
        assert!(error.detail.starts_with(detail), "{error}");
        assert!(!error.detail.contains("http"), "no address: {error}");
    }
}

#[tokio::test]
async fn a_proxy_is_asked_instead() {
    let proxy = Server::answering(http("200 OK", "", sample("01-last-message-only")));
    let mut account = account("http://commbox.invalid");
    account.proxy = Some(Url::parse(&format!("http://user:pr0xyp4ss@127.0.0.1:{}", proxy.port())).unwrap());
    let client = client(&account).expect("a client");
    client.conversation(&STREAM, 70_012_001).await.expect("an answer");
    assert!(proxy.requests()[0].starts_with("GET http://commbox.invalid/streams/532/objects/70012001?"));
    assert!(!format!("{client:?}").contains("pr0xyp4ss"));

    let refusing = Server::answering(http("407 Proxy Authentication Required", "", ""));
    account.proxy = Some(Url::parse(&refusing.url()).unwrap());
    let error = super::client(&account).unwrap().conversation(&STREAM, OBJECT).await.expect_err("refused");
    assert_eq!((error.reaction, error.code), (Reaction::Unavailable { retry_after: None }, Code::Http(407)));
}

#[test]
fn an_account_that_cannot_work_says_what_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = |text: &str| {
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, text).expect("a file");
        Account { ca_file: Some(path), ..account("https://api.commbox.io") }
    };
    let accounts = [
        account("https://user:s3cret@api.commbox.io"),
        account("ftp://api.commbox.io"),
        account("https://api.commbox.io/?a=b"),
        Account {
            proxy: Some(Url::parse("socks5://127.0.0.1:1").unwrap()),
            ..account("https://api.commbox.io")
        },
        Account { ca_file: Some(folder.path().join("none.pem")), ..account("https://api.commbox.io") },
        ca("no pem"),
        ca("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ca("-----BEGIN CERTIFICATE-----\nA!A\n-----END CERTIFICATE-----\n"),
    ];
    let texts: Vec<String> =
        accounts.iter().map(|account| client(account).expect_err("refused").to_string()).collect();
    let texts = texts.join("\n").replace(&folder.path().display().to_string(), "DIR");
    insta::assert_snapshot!(texts, @r"
    base_url holds a user name or password: remove it, the key belongs into `token`
    base_url must be an https address, such as https://api.commbox.io
    base_url must end with its path: remove what follows `?` or `#`
    proxy: `socks5` is not supported, use http or https
    ca_file DIR/none.pem: can't be read: No such file or directory (os error 2)
    ca_file DIR/ca.pem: is no list of CA certificates: give `-----BEGIN CERTIFICATE-----` blocks (PEM)
    ca_file DIR/ca.pem: is no list of CA certificates: give `-----BEGIN CERTIFICATE-----` blocks (PEM)
    ca_file DIR/ca.pem: is no list of CA certificates: give `-----BEGIN CERTIFICATE-----` blocks (PEM)
    ");
    assert!(!texts.contains("s3cret"));
}
