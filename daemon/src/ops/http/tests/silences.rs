//! A silence that is added from the page.

use super::*;

const WELL: &str = "of=watch&which=acme-cfo&for=2h&until=&until_reply=on&reason=migration&by=noa";

async fn logged_in() -> (Server, String) {
    let server = Server::start().await;
    server.token("one");
    let cookie = server.log_in("one").await;
    (server, cookie)
}

#[tokio::test]
async fn a_silence_is_added_by_a_form_as_by_the_command_and_one_is_led_to_the_list() {
    let (server, cookie) = logged_in().await;
    let own: &[&str] = &["Host: localhost", &cookie];
    let form = server.ask("GET /silences/new?of=conversation&which=main%2F7", own).await;
    assert_status(&form, 200);
    assert!(form.contains("<form method=\"post\" action=\"/silences/new\""), "{form}");
    assert!(form.contains("value=\"main/7\"") && form.contains("value=\"conversation\" selected"), "{form}");
    assert!(!form.contains("http-equiv") && !form.contains("<script"), "nothing takes away what is written");
    let done = server.post("/silences/new", WELL, &[&cookie, OURS]).await;
    assert_status(&done, 303);
    assert!(done.contains("location: /silences?said=1\r\n"), "{done}");
    let expected = "silence 7 (watch acme-cfo, until 2026-11-22T16:00:00Z, or a reply, by noa \
                    (status page, 127.0.0.1)): migration";
    assert_eq!(server.changes(), [expected]);
    let list = server.ask("GET /silences?said=1", own).await;
    assert!(list.contains(&format!("{expected}; it is about 1 conversation")), "{list}");
    server.stop().await;
}

#[tokio::test]
async fn what_is_wrong_is_said_at_the_form_which_keeps_what_was_written() {
    let (server, cookie) = logged_in().await;
    for (form, said) in [
        ("which=acme-cfo&for=soon&reason=why", "id=\"for-wrong\" class=\"error\"><bdi>write how long:"),
        ("which=acme-cfo&reason=why", "<bdi>write for how long, or until when</bdi>"),
        ("which=acme-cfo&for=2h&until=2026-12-01T10:00:00Z&reason=why", "until when, not both</bdi>"),
        (
            "which=acme-cfo&until=tomorrow&reason=why",
            "id=\"until-wrong\" class=\"error\"><bdi>write an instant:",
        ),
        ("which=&for=2h&reason=why", "<a href=\"#which\"><bdi>say which watch</bdi></a>"),
        ("which=nobody&for=2h&reason=why", "<bdi>unknown watch `nobody`\n  hint: watches in this file"),
        ("which=acme-cfo&for=31d&reason=why", "<bdi>a silence lasts 30 days at most"),
        ("which=acme-cfo&until=2026-11-22T13:00:00Z&reason=why", "<bdi>2026-11-22T13:00:00Z is over"),
        ("which=acme-cfo&for=2h&reason=", "<bdi>a silence needs a reason"),
    ] {
        let whole = format!("of=watch&until_close=on&by=noa&{form}");
        let refused = server.post("/silences/new", &whole, &[&cookie, OURS]).await;
        assert_status(&refused, 422);
        assert!(refused.contains(said), "{form}: {refused}");
        assert!(refused.contains("role=\"alert\"") && refused.contains("Not done"), "{form}: {refused}");
        for pair in form.split('&').chain(["by=noa"]) {
            let (name, value) = pair.split_once('=').unwrap();
            assert!(
                refused.contains(&format!("name=\"{name}\" value=\"{value}\"")),
                "{pair} is kept: {refused}"
            );
        }
        assert!(refused.contains("name=\"until_close\" checked"), "{refused}");
    }
    let nothing = server.post("/silences/new", "", &[&cookie, OURS]).await;
    assert_status(&nothing, 422);
    assert!(nothing.contains("say what it is about") && nothing.contains("aria-invalid"), "{nothing}");
    assert_eq!(server.changes(), Vec::<String>::new());
    server.stop().await;
}

#[tokio::test]
async fn hostile_text_in_the_form_comes_back_inert() {
    let (server, cookie) = logged_in().await;
    let evil = "%22%3E%3Cscript%3Ehurt()%3C/script%3E%E2%80%AE";
    for of in ["watch", "conversation", evil] {
        let form = format!("of={of}&which={evil}&for={evil}&until={evil}&reason={evil}&by={evil}");
        let page = server.post("/silences/new", &form, &[&cookie, OURS]).await;
        assert_status(&page, 422);
        let own = server.ask(&format!("GET /silences/new?{form}"), &["Host: localhost", &cookie]).await;
        for page in [page, own] {
            assert!(
                page.contains("value=\"&quot;&gt;&lt;script&gt;hurt()&lt;/script&gt;\u{fffd}\""),
                "{page}"
            );
            assert!(!page.contains("<script") && !page.contains('\u{202e}'), "{page}");
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn without_the_token_or_from_another_page_no_silence_is_added() {
    let server = Server::start().await;
    assert_status(&server.post("/silences/new", WELL, &[OURS]).await, 403);
    let form = server.get("/silences/new").await;
    assert!(form.contains("This page is read-only") && !form.contains("<form"), "{form}");
    server.token("one");
    assert_status(&server.post("/silences/new", WELL, &[OURS]).await, 401);
    let form = server.get("/silences/new?of=watch&which=a").await;
    assert!(form.contains("/login?back=%2Fsilences%2Fnew%3Fof%3Dwatch%26which%3Da"), "{form}");
    assert!(!form.contains("<form"), "{form}");
    assert!(!server.get("/silences").await.contains("/silences/new\""), "no button for whoever may not");
    let cookie = server.log_in("one").await;
    for headers in [
        vec![cookie.as_str()],
        vec![&cookie, "Origin: http://localhost:3000"],
        vec![&cookie, OURS, "Sec-Fetch-Site: cross-site"],
        vec!["Authorization: Bearer one", "Origin: https://evil.example"],
        vec!["Authorization: Bearer two"],
    ] {
        let refused = server.post("/silences/new", WELL, &headers).await;
        assert!(refused.starts_with("HTTP/1.1 403 ") || refused.starts_with("HTTP/1.1 401 "), "{refused}");
    }
    // A form is no way to change something by a link.
    assert_status(
        &server.ask(&format!("GET /silences/new?{WELL}"), &["Host: localhost", &cookie]).await,
        200,
    );
    assert_eq!(server.changes(), Vec::<String>::new());
    let bearer = ["Authorization: Bearer one"];
    let refused = server.post("/silences/new", "of=watch&for=soon", &bearer).await;
    assert_status(&refused, 409);
    assert!(refused.contains(r#"{"done":false,"text":"say which watch; write how long: "#), "{refused}");
    let done = server.post("/silences/new", WELL, &bearer).await;
    assert_status(&done, 200);
    assert!(done.contains(r#"{"done":true,"text":"silence 7 (watch acme-cfo"#), "{done}");
    server.stop().await;
}
