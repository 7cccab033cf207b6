//! The key appears in one header and nowhere else.

use super::server::{Server, http};
use super::*;
use crate::core::watch::Stream;

/// No part of the key, in no text.
fn clean(text: &str) {
    assert!(!text.contains("k3y"), "{text}");
}

#[tokio::test]
async fn no_text_of_this_wing_holds_the_key() {
    let echo = format!(r#"{{"status":401,"description":"no such key: Bearer {KEY} or {KEY}"}}"#);
    let long_echo = format!(r#"{{"status":500,"description":"{}{KEY}"}}"#, "x".repeat(100));
    let servers = [
        Server::answering(http("401 Unauthorized", "", &echo)),
        Server::answering(http("500 Oops", "", &long_echo)),
        Server::answering(http("200 OK", "", &echo)),
        Server::answering(http("200 OK", "", &long_echo)),
        Server::answering(http("302 Found", &format!("Location: http://{KEY}.example/{KEY}\r\n"), "")),
        Server::answering(http("200 OK", &format!("Content-Encoding: {KEY}\r\n"), "")),
        Server::answering(http("200 OK", "", KEY)),
        Server::answering(format!("HTTP/9 {KEY}\r\n")),
        Server::answering(http("200 OK", "", r#"{"status":200,"data":[]}"#)),
    ];
    for server in &servers {
        let client = client(&account(&server.url())).expect("a client");
        clean(&format!("{client:?} {client:#?}"));
        let asked = client.conversation(&Stream::Number(1), OBJECT).await;
        if let Ok(answer) = &asked {
            clean(&format!("{answer:?} {answer:#?}"));
        }
        let error = asked.and_then(|answer| answer.decode(OBJECT, &[])).expect_err("an error");
        clean(&format!("{error} {error:?} {error:#?}"));
        assert!(error.detail.chars().count() <= crate::commbox::DETAIL_CHARS_MAX);

        let request = server.requests().remove(0);
        assert_eq!(request.matches("k3y").count(), 3, "the key once, in three parts");
        assert!(request.contains(&format!("\r\nauthorization: Bearer {KEY}\r\n")), "{request}");
        clean(request.lines().next().expect("a request line"));
    }
}

#[test]
fn an_echoed_key_is_cut_out_and_the_rest_stays() {
    let body = format!(r#"{{"status":403,"description":"key {KEY} is revoked"}}"#);
    let error = answer(body).decode(OBJECT, &[]).expect_err("denied");
    assert_eq!(error.to_string(), "HTTP 200, but the answer says 403 key [token] is revoked (envelope)");
}

#[test]
fn no_error_holds_a_customers_text() {
    for body in [
        r#"{"status":200,"data":[{"objectId":1,"message":"s3cret"}]}"#,
        r#"{"status":200,"data":"s3cret"}"#,
        r#"{"status":200,"data":["s3cret"]}"#,
        r#"{"status":200,"data":[{"message":"s3cret"}]}"#,
        r#"{"status":"s3cret","data":[]}"#,
        r#"{"status":200,"data":[{"message":"s3cret"#,
        "s3cret",
        "<p>s3cret</p>",
    ] {
        let error = answer(body).decode(OBJECT, &[]).expect_err(body);
        assert!(!format!("{error:?}").contains("s3cret"), "{error}");
    }
    for childs in [r#""s3cret""#, r#"["s3cret"]"#, r#"[{"id":1,"message":{"s3cret":1}}]"#, r#"[["s3cret"]]"#]
    {
        let snapshot = conversation(&format!("\"childs\":{childs}"));
        assert_eq!(snapshot.unparsed.len(), 1);
        assert!(!format!("{:?}", snapshot.unparsed).contains("s3cret"));
    }
}
