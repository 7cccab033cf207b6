//! The README's commands work: each knob it shows is turned and each address it shows is asked.

use commwatch_simulator::{Cast, Simulator};

use crate::ask::{client, try_get};

const README: &str = include_str!("../../README.md");

#[tokio::test]
async fn every_knob_in_the_readme_can_be_turned_as_it_is_written() {
    let sim = Simulator::builder().admin(true).start().await.unwrap();
    Cast::demo().enter(&sim);
    let mut turned = 0;
    for line in README.lines().filter(|line| line.starts_with("curl") && line.contains("$SIM/")) {
        let (_, rest) = line.split_once("$SIM/").unwrap();
        let url = |knob| format!("{}/_sim/{knob}", sim.base_url());
        let request = match rest.split_once(" -d '") {
            Some((knob, body)) => client().post(url(knob)).body(body.strip_suffix('\'').unwrap()),
            None if line.contains("-X DELETE") => client().delete(url(rest)),
            None => client().get(url(rest)),
        };
        let response = request.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert_eq!(status, 200, "{line}: {text}");
        turned += 1;
    }
    assert!(turned > 25, "only {turned} commands were found");
}

#[tokio::test]
async fn every_address_in_the_readme_can_be_asked_as_it_is_written() {
    let sim = Simulator::start().await.unwrap();
    Cast::demo().enter(&sim);
    let mut asked = 0;
    for line in README.lines().filter(|line| line.starts_with("curl")) {
        let Some((_, path)) = line.split_once("\"$API") else { continue };
        let response = try_get(&sim, path.strip_suffix('"').unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{line}");
        asked += 1;
    }
    assert_eq!(asked, 5);
}
