//! What is asked of the host, for each kind of template.

use commwatch_plugin_api::testing::{event, notification};
use commwatch_plugin_api::{Action, Notification, Secret, Severity, Value as Field};
use serde_json::{Value, json};

use crate::world::{URL, deliver, start, with_body};

/// What customers write to get out of a text.
const ATTACK: &str = "\", \"admin\": true, \"x\": \" </p><script>alert(1)</script> a=b&c=d {{ key }} ../.. \r\nx-admin: 1 שלום 👨‍👩‍👧 \u{202e}\0\\";

fn attack() -> Notification {
    let mut told = notification();
    (told.title, told.text, told.key) = (ATTACK.to_owned(), ATTACK.to_owned(), ATTACK.to_owned());
    told
}

fn sent(body: &str, content_type: &str, told: &Notification) -> String {
    let delivery = deliver(with_body(body, json!({"content_type": content_type})), told);
    assert_eq!(
        (&delivery.log[..], &delivery.request.headers["content-type"]),
        (&[][..], &content_type.into())
    );
    delivery.body().to_owned()
}

#[test]
fn every_field_of_the_notification_has_a_name() {
    let body = r#"{"id": {{ id }}, "key": {{ key }}, "action": {{ action }}, "severity": {{ severity }}, "title": {{ title }},
        "text": {{ text }}, "url": {{ url }}, "notifier": {{ notifier }}, "attempt": {{ attempt }}, "replay": {{ replay }},
        "omitted": {{ omitted }}, "who": {{ event.data.message.author.name }}, "tags": {{ event.data.watch.tags }},
        "types": [{% for event in events %}{{ event.type }}{% if not loop.last %}, {% endif %}{% endfor %}],
        "sign": {{ sign }}, "more": {{ more }}, "link": {{ link }}, "upper": {{ "a " ~ title | upper }}}"#;
    let mut told = notification();
    told.events.push(event(r#"{"type": "commwatch.conversation.assigned.v1"}"#));
    let delivery = deliver(with_body(body, json!({})), &told);
    assert_eq!(delivery.log, [] as [String; 0]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&delivery.json()).expect("JSON"));
}

#[test]
fn every_action_and_severity_has_its_word_and_its_sign() {
    let body = r#"[{{ action }}, {{ severity }}, {{ sign }}]"#;
    let told = |action, severity| {
        let mut told = notification();
        (told.action, told.severity) = (action, severity);
        deliver(with_body(body, json!({})), &told).json()
    };
    assert_eq!(told(Action::Notify, Severity::Info), json!(["notify", "info", ""]));
    assert_eq!(told(Action::Open, Severity::Critical), json!(["open", "critical", "🔴 "]));
    assert_eq!(told(Action::Update, Severity::Warning), json!(["update", "warning", "🟠 "]));
    assert_eq!(told(Action::Close, Severity::Critical), json!(["close", "critical", "✅ "]));
}

#[test]
fn in_json_every_value_is_json_of_its_own_type() {
    let sent = sent(
        r#"{"text": {{ text }}, "attempt": {{ attempt }}, "none": {{ event.data.change.current }}}"#,
        "application/vnd.x+json",
        &attack(),
    );
    let sent: Value = serde_json::from_str(&sent).expect("JSON");
    assert_eq!(sent, json!({"text": ATTACK, "attempt": 1, "none": null}));
}

#[test]
fn in_html_in_forms_and_in_plain_text_values_are_what_fits_there() {
    insta::assert_snapshot!(sent("<p>{{ title }}</p>", "text/html; charset=utf-8", &attack()).escape_debug());
    insta::assert_snapshot!(
        sent("title={{ title }}&key={{ key }}", "application/x-www-form-urlencoded", &attack())
            .escape_debug()
    );
    assert_eq!(sent("{{ title }}", "text/plain", &attack()), ATTACK);
}

#[test]
fn what_is_put_into_a_path_stays_one_segment_of_it() {
    let path = json!({"path": "/topics/{{ key }}?title={{ title }}"});
    let told = notification();
    assert_eq!(
        deliver(with_body("1", path.clone()), &told).request.url,
        format!("{URL}/topics/main%2F293854?title=ACME%20%2F%20Dana%20Levi%3A%20new%20message").into()
    );
    let delivery = deliver(with_body("1", path), &attack());
    let Field::Text(url) = delivery.request.url else { panic!("text") };
    assert!(
        url.starts_with(&format!("{URL}/topics/%22%2C%20"))
            && url.bytes().all(|byte| byte.is_ascii_graphic()),
        "{url}"
    );
    assert_eq!(url.matches('/').count(), format!("{URL}/topics/x").matches('/').count(), "{url}");
    assert_eq!(url.matches(['?', '=', '&']).count(), 2, "{url}");
}

#[test]
fn headers_are_templates_or_secrets_and_hold_one_line() {
    let headers = json!({"headers": {"Authorization": {"$secret": "/headers/Authorization"}, "X-Title": "{{ title }}", "X-Fixed": "a"}});
    let request = deliver(with_body("1", headers), &attack()).request;
    assert_eq!(request.headers["authorization"], Field::Secret(Secret::named("/headers/Authorization")));
    assert_eq!(request.headers["x-fixed"], "a".into());
    let Field::Text(title) = &request.headers["x-title"] else { panic!("text") };
    assert!(!title.chars().any(char::is_control) && title.contains("x-admin: 1"), "{title:?}");
    assert_eq!(request.headers.len(), 4);
}

#[test]
fn the_method_is_the_operators_and_a_secret_address_goes_to_the_host_as_it_is() {
    let config = json!({"url": {"$secret": "/url"}, "body": "{{ title }}", "method": "PUT"});
    let request = deliver(config, &notification()).request;
    assert_eq!((request.method.as_str(), &request.url), ("PUT", &Field::Secret(Secret::named("/url"))));
    assert_eq!(request.body.0, br#""ACME / Dana Levi: new message""#);
    let why = start(json!({"url": {"$secret": "/url"}, "body": "1", "path": "/x"})).expect_err("refused");
    assert!(why.starts_with("`path` cannot be appended to a `url` that is a secret"), "{why}");
}

#[test]
fn every_attempt_asks_for_the_same_unless_the_template_names_it() {
    let body = r#"{"text": {{ text }}}"#;
    let mut again = notification();
    (again.attempt, again.replay) = (7, true);
    let ask = |told: &Notification| deliver(with_body(body, json!({})), told).body().to_owned();
    assert_eq!(ask(&again), ask(&notification()));
}
