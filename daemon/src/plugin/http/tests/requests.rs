//! What is sent, and what comes back.

use commwatch_plugin_api::{Auth, Request, Sign};
use sha2::{Digest, Sha256};

use super::receiver::{Manner, Receiver, answer};
use super::*;
use crate::plugin::http::{REQUEST_BODY_MAX, RESPONSE_BODY_MAX};

const KEY_OLD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const KEY_NEW: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

#[tokio::test]
async fn a_request_is_sent_as_described_with_what_the_host_adds() {
    let receiver = Receiver::answering("202 Accepted", "x-request-id: r-1\r\n", "thanks").await;
    let url = receiver.url("/hook?a=b");
    let request = Request::post(url.as_str(), "application/json", r#"{"x":1}"#).header("X-Team", "ops");
    let response = send(request, &grant(&url)).await.unwrap();

    assert_eq!((response.status, response.text().as_str()), (202, "thanks"));
    assert_eq!(response.headers["x-request-id"], "r-1");
    let sent = receiver.requests().remove(0).replace(&receiver.port().to_string(), "PORT");
    insta::assert_snapshot!(sent.replace('\r', "").replace(env!("CARGO_PKG_VERSION"), "VERSION"), @r#"
    POST /hook?a=b HTTP/1.1
    content-type: application/json
    x-team: ops
    accept: */*
    user-agent: commwatch/VERSION
    host: 127.0.0.1:PORT
    content-length: 7

    {"x":1}
    "#);
}

#[tokio::test]
async fn secrets_become_the_url_header_values_and_authorization() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/services/T0/B0/hush");
    let grant = grant_of_secret_url(&url, [("/key", "k-123"), ("/token", "t-456")]);

    let request = Request::post(secret("/url"), "text/plain", "hi")
        .header("x-api-key", secret("/key"))
        .auth(Auth::Bearer { token: secret("/token").into() });
    send(request, &grant).await.unwrap();

    assert!(receiver.requests()[0].starts_with("POST /services/T0/B0/hush HTTP/1.1\r\n"));
    assert_eq!(receiver.header("x-api-key").as_deref(), Some("k-123"));
    assert_eq!(receiver.header("authorization").as_deref(), Some("Bearer t-456"));
}

#[tokio::test]
async fn basic_authorization_is_that_of_rfc_7617() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    let grant = grant_with(&url, [("/password", "open sesame")]);
    let auth = Auth::Basic { user: "Aladdin".to_owned(), password: secret("/password").into() };
    send(Request::post(url, "text/plain", "").auth(auth), &grant).await.unwrap();
    assert_eq!(receiver.header("authorization").as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
}

#[tokio::test]
async fn standard_webhooks_signs_the_very_bytes_that_arrive_with_every_secret() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    let grant = grant_with(&url, [("/new", KEY_NEW), ("/old", KEY_OLD)]);
    let body = "{\"text\":\"שלום \u{1f44b}\"}";
    let sign = Sign::StandardWebhooks {
        id: "msg_1".to_owned(),
        secrets: vec![secret("/new").into(), secret("/old").into()],
    };
    send(Request::post(url, "application/json", body).sign(sign), &grant).await.unwrap();

    let sent = receiver.requests().remove(0);
    let arrived = sent.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(arrived, body);
    assert_eq!(receiver.header("webhook-id").as_deref(), Some("msg_1"));
    assert_eq!(receiver.header("webhook-timestamp"), Some(NOW.to_string()));
    let signed = format!("msg_1.{NOW}.{arrived}");
    let expected: Vec<_> = [KEY_NEW, KEY_OLD]
        .map(|key| {
            let key = data_encoding::BASE64.decode(key.strip_prefix("whsec_").unwrap().as_bytes()).unwrap();
            format!("v1,{}", data_encoding::BASE64.encode(&hmac_by_hand(&key, signed.as_bytes())))
        })
        .into();
    assert_eq!(receiver.header("webhook-signature"), Some(expected.join(" ")));
}

#[tokio::test]
async fn an_hmac_of_the_body_stands_in_the_header_named() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    let grant = grant_with(&url, [("/secret", "It's a Secret to Everybody")]);
    let sign = Sign::HmacSha256 {
        header: "X-Hub-Signature-256".to_owned(),
        prefix: "sha256=".to_owned(),
        secret: secret("/secret").into(),
    };
    send(Request::post(url, "text/plain", "Hello, World!").sign(sign), &grant).await.unwrap();
    let mac = hmac_by_hand(b"It's a Secret to Everybody", b"Hello, World!");
    let expected = format!("sha256={}", data_encoding::HEXLOWER.encode(&mac));
    assert_eq!(receiver.header("x-hub-signature-256"), Some(expected));
}

#[tokio::test]
async fn connections_are_kept_and_cookies_are_not() {
    let receiver = Receiver::answering("200 OK", "set-cookie: session=1\r\n", "ok").await;
    let url = receiver.url("/");
    let (service, grant) = (service(), grant(&url));
    for _ in 0..3 {
        let request = Request::post(url.as_str(), "text/plain", "x");
        service.send("test", request, &grant, Instant::now() + LONG).await.unwrap();
    }
    assert_eq!((receiver.connections(), receiver.requests().len()), (1, 3));
    assert!(receiver.requests().iter().all(|request| !request.to_lowercase().contains("cookie")));
}

#[tokio::test]
async fn retry_after_is_told_as_a_span_in_both_its_forms() {
    for (headers, ms) in [
        ("retry-after: 30\r\n", "30000"),
        ("retry-after: Thu, 25 Feb 2021 15:02:40 GMT\r\n", "30000"),
        ("date: Mon, 01 Jan 2035 00:00:00 GMT\r\nretry-after: Mon, 01 Jan 2035 00:00:05 GMT\r\n", "5000"),
        ("retry-after: 999999\r\n", "3600000"),
    ] {
        let receiver = Receiver::answering("429 Too Many Requests", headers, "").await;
        let url = receiver.url("/");
        let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
        assert_eq!(response.status, 429);
        assert_eq!(response.headers["commwatch-retry-after-ms"], ms, "{headers}");
        assert_eq!(response.retry_after().unwrap().as_millis().to_string(), ms);
    }
}

#[tokio::test]
async fn a_receiver_cannot_write_the_headers_that_are_ours() {
    let headers = "commwatch-retry-after-ms: 99999999999\r\nCommwatch-Other: 1\r\n";
    let receiver = Receiver::answering("503 Service Unavailable", headers, "").await;
    let url = receiver.url("/");
    let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
    assert_eq!(response.retry_after(), None);
    assert!(response.headers.keys().all(|name| !name.starts_with("commwatch-")), "{:?}", response.headers);
}

#[tokio::test]
async fn of_a_repeated_header_the_first_value_is_told() {
    let receiver = Receiver::answering("200 OK", "x-a: 1\r\nx-a: 2\r\n", "").await;
    let url = receiver.url("/");
    let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
    assert_eq!(response.headers["x-a"], "1");
}

#[tokio::test]
async fn a_long_answer_is_cut_and_an_endless_one_left() {
    let long = "é".repeat(RESPONSE_BODY_MAX);
    let finite = Receiver::start(Manner::Answers(answer("200 OK", "", &long))).await;
    let endless = Receiver::start(Manner::NeverStops(b"HTTP/1.1 200 OK\r\n\r\n")).await;
    for receiver in [finite, endless] {
        let url = receiver.url("/");
        let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
        assert_eq!((response.status, response.body.len()), (200, RESPONSE_BODY_MAX));
    }
}

#[tokio::test]
async fn many_or_long_headers_of_an_answer_are_left_out() {
    let many: String = (0..100).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let long: String = (0..8).map(|n| format!("x-{n}: {}\r\n", "v".repeat(5000))).collect();
    for headers in [many, long] {
        let receiver = Receiver::answering("200 OK", &headers, "").await;
        let url = receiver.url("/");
        let response = send(Request::post(url.as_str(), "text/plain", "x"), &grant(&url)).await.unwrap();
        let bytes: usize = response.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(response.headers.len() <= 64 && bytes <= 16 * 1024, "{} {bytes}", response.headers.len());
        assert!(!response.headers.is_empty());
    }
}

#[tokio::test]
async fn a_body_may_be_as_long_as_the_bound_and_not_longer() {
    let receiver = Receiver::answering("200 OK", "", "").await;
    let url = receiver.url("/");
    let longest = Request::post(url.as_str(), "text/plain", vec![b'x'; REQUEST_BODY_MAX]);
    assert!(send(longest, &grant(&url)).await.unwrap().is_success());
    let longer = Request::post(url.as_str(), "text/plain", vec![b'x'; REQUEST_BODY_MAX + 1]);
    assert_eq!(refusal(send(longer, &grant(&url)).await), "the body has 1048577 bytes, more than 1048576");
    assert_eq!(receiver.requests().len(), 1);
}

/// HMAC-SHA256 (RFC 2104) from its definition.
fn hmac_by_hand(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([&block.map(|byte| byte ^ 0x36)[..], message].concat());
    Sha256::digest([&block.map(|byte| byte ^ 0x5c)[..], &inner[..]].concat()).to_vec()
}
