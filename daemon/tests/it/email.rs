//! Mail, by the real `.so` in the real daemon: the one plugin that opens connections of its own and is told its password.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::smtp::{Manner, Receiver};
use crate::world::{PATIENCE, World};

const PASSWORD: &str = "password-that-must-not-be-seen";

fn told(world: &mut World, server: &Receiver, reveal: &str) {
    world.config.more = format!(
        "[notifiers.mail]\nplugin = \"email\"\nrate = \"1000/s\"\ncontent = \"full\"\n{reveal}\n\
         [notifiers.mail.config]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nusername = \"dana\"\n\
         password = {{ file = \"password\" }}\nfrom = \"alerts@acme.example\"\nto = [\"night@acme.example\"]\n\
         [operators]\nnotify = [\"hook\"]\n",
        server.address.port()
    );
    world.config.routes = "[[route]]\nnotify = [\"mail\", \"hook\"]\n".to_owned();
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_handed_over_again_under_its_id_and_a_mailbox_that_is_gone_breaks_it() {
    let mut world = World::new().await;
    let login = BASE64.encode(format!("\0dana\0{PASSWORD}"));
    let server = Receiver::start(Manner { login: Some(login), ..Manner::default() });
    world.secret("password", PASSWORD);
    told(&mut world, &server, "");
    let dana = world.watching(7);
    world.write_config();
    let (code, said) = world.refused(&[]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("the plugin must be told `password`"), "{said}");

    told(&mut world, &server, "reveal = [\"password\"]");
    world.start().await;
    world.baselined().await;
    // Taken, and the answer is lost: nobody knows, so it is sent again.
    server.then(&[("MAIL", "451 4.3.0 later"), (".", "")]);
    dana.customer_says("hello\n.\nQUIT");
    world.metric_until("deliveries_total{notifier=\"mail\",result=\"delivered\"}", "1").await;
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    let mail = String::from_utf8(taken[0].bytes.clone()).unwrap();
    assert!(mail.contains("\r\nSubject: Watch 7: Dana Levi wrote\r\n"), "{mail}");
    assert!(mail.contains("\r\n\r\nhello\r\n.\r\nQUIT\r\n"), "{mail}");
    assert!(mail.contains("possible repeat"), "{mail}");
    let id = world.hook.accepted()[0].id.clone();
    assert!(mail.contains(&format!("Message-ID: <{id}.mail@acme.example>\r\n")), "{mail}");
    let why = world.ask(&["why", &id]);
    assert!(why.contains("451") && why.contains("4XyZ12"), "{why}");

    server.then(&[("RCPT", "550 5.1.1 no such user"); 20]);
    dana.customer_says("nobody reads this");
    world
        .hook
        .wait("notifier.broken", PATIENCE, |received| {
            received.iter().any(|one| {
                let why = one.body["data"]["problem"]["why"].as_str().unwrap_or_default();
                one.kind == "commwatch.notifier.broken.v1" && why.contains("550") && why.contains("`to`")
            })
        })
        .await;
    world.notifier_until("mail", "waits", |one| one["state"] == "broken" && one["pending"] == 1).await;
}
