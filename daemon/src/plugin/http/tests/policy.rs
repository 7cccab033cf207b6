//! Where a plugin may not go and what it may not say.

use commwatch_plugin_api::{Auth, Sign, Value};

use super::receiver::Receiver;
use super::*;

#[tokio::test]
async fn a_host_that_the_operator_did_not_write_is_not_connected_to() {
    let (granted, other) =
        (Receiver::answering("200 OK", "", "").await, Receiver::answering("200 OK", "", "").await);
    let grant = grant(&granted.url("/hook"));
    for url in [
        other.url("/hook"),
        granted.url("/").replace("127.0.0.1", "localhost"),
        granted.url("/").replace("http:", "https:"),
        granted.url("/").replace("127.0.0.1", "user:password@127.0.0.1"),
        "file:///etc/passwd".to_owned(),
        "/hook".to_owned(),
        String::new(),
    ] {
        refusal(send(Request::post(url, "text/plain", "x"), &grant).await);
    }
    assert_eq!((granted.connections(), other.connections()), (0, 0));
    send(Request::post(granted.url("/other/path"), "text/plain", "x"), &grant).await.unwrap();
}

#[tokio::test]
async fn a_redirect_is_told_and_not_followed() {
    let other = Receiver::answering("200 OK", "", "").await;
    for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect"] {
        let receiver = Receiver::answering(status, &format!("location: {}\r\n", other.url("/")), "").await;
        let url = receiver.url("/");
        let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
        assert_eq!(response.status.to_string(), status[..3]);
        assert_eq!(receiver.requests().len(), 1);
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_metadata_address_is_refused_though_the_operator_wrote_it() {
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "http://[fe80::1]/",
        "http://metadata.test/computeMetadata/v1/",
    ] {
        let why = refusal(send(Request::post(url, "text/plain", "x"), &grant(url)).await);
        assert!(why.contains("link-local or a cloud metadata"), "{url}: {why}");
    }
}

#[tokio::test]
async fn a_name_is_reached_at_those_of_its_addresses_that_are_allowed() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    for name in ["receiver.test", "mixed.test"] {
        let url = receiver.url("/").replace("127.0.0.1", name);
        let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
        assert_eq!(response.status, 200);
    }
    assert_eq!(receiver.requests().len(), 2);
}

#[tokio::test]
async fn headers_that_are_not_the_plugins_to_set_are_refused() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    let grant =
        grant_with(&url, [("/lines", "a\r\nx-evil: 1"), ("/key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    let post = || Request::post(url.as_str(), "text/plain", "x");
    let signed =
        |id: &str| Sign::StandardWebhooks { id: id.to_owned(), secrets: vec![secret("/key").into()] };
    let hmac = |header: &str| Sign::HmacSha256 {
        header: header.to_owned(),
        prefix: String::new(),
        secret: secret("/key").into(),
    };
    let bearer = Auth::Bearer { token: "t".into() };
    let mut doubled = post();
    doubled.headers.insert("Content-Type".to_owned(), Value::from("text/html"));
    let mut connect = post();
    connect.method = "CONNECT".to_owned();

    for request in [
        post().header("host", "evil.test"),
        post().header("Content-Length", "0"),
        post().header("transfer-encoding", "chunked"),
        post().header("connection", "close"),
        post().header("x-a", "1\r\nx-evil: 1"),
        post().header("x-a", "1\nx-evil: 1"),
        post().header("x-a", "nul\0"),
        post().header("x-a\r\nx-evil", "1"),
        post().header("x a", "1"),
        post().header("", "1"),
        post().header("x-a", "v".repeat(8 * 1024 + 1)),
        post().header("x-a", secret("/lines")),
        post().header("x-a", secret("/nobody")),
        post().auth(Auth::Bearer { token: secret("/lines").into() }),
        post().header("authorization", "Basic abc").auth(bearer),
        post().auth(Auth::Basic { user: "a:b".to_owned(), password: "p".into() }),
        post().header("webhook-id", "1").sign(signed("msg")),
        post().header("Webhook-Signature", "v1,abc").sign(signed("msg")),
        post().header("webhook-other", "1").sign(signed("msg")),
        post().sign(signed("dotted.id")),
        post().sign(signed("")),
        post().sign(signed("line\r\nbreak")),
        post().sign(Sign::StandardWebhooks { id: "msg".to_owned(), secrets: Vec::new() }),
        post().sign(Sign::StandardWebhooks { id: "msg".to_owned(), secrets: vec!["whsec_short".into()] }),
        post().sign(hmac("host")),
        post().sign(hmac("content-type")),
        post().sign(hmac("not a name")),
        (0..64).fold(post(), |request, n| request.header(&format!("x-{n}"), "1")),
        doubled,
        connect,
    ] {
        let shown = format!("{request:?}");
        let why = refusal(send(request, &grant).await);
        assert!(!why.contains('\n') && !why.contains("evil: 1"), "{shown}: {why}");
    }
    assert_eq!(receiver.connections(), 0);
    for harmless in [
        post().header("webhook-id", "1"),
        post().header("authorization", "Basic abc"),
        post().header("x-title", "שלום"),
        post().sign(signed("msg")),
    ] {
        assert!(send(harmless, &grant).await.is_ok());
    }
}

#[tokio::test]
async fn a_proxy_of_the_environment_is_not_used() {
    let proxy = Receiver::answering("200 OK", "", "").await;
    let variables = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"];
    let values = variables
        .map(|name| (name, if name.starts_with(['N', 'n']) { String::new() } else { proxy.url("") }));
    if !alone("policy::a_proxy_of_the_environment_is_not_used", &values).await {
        assert_eq!(proxy.connections(), 0);
        return;
    }
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/").replace("127.0.0.1", "receiver.test");
    send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
}
