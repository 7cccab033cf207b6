//! A small cast of customers who write all the time, the same lines for the same seed.
//!
//! What they say covers what a reader of messages must cope with: several scripts and directions, emoji, bursts,
//! mails in HTML, files without a word, bots with blank lines, and text that tries to mention everybody.

mod scenes;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::conversation::Conversation;
use crate::post::Post;
use crate::random::Random;
use crate::record::Channel;
use crate::simulator::Simulator;
use crate::world::Refused;
use scenes::{Kind, SCENES, Scene, Who};

/// One customer and the conversation with them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// A short name, fit for a configuration.
    pub name: String,
    /// What people call the conversation.
    pub title: String,
    pub stream: i64,
    pub object: i64,
    /// The stream's encrypted form, decoded.
    #[serde(default)]
    pub encrypted_stream: Option<String>,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub channel: Channel,
    #[serde(default)]
    pub language: Language,
    /// Who answers from the business side.
    #[serde(default = "default_agent")]
    pub agent: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    #[default]
    English,
    Hebrew,
}

/// One line that somebody writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub object_id: i64,
    pub post: Post,
    /// The next line of the cast follows at once, from the same person.
    pub more_at_once: bool,
}

/// The customers, and what they will say.
#[derive(Clone, Debug)]
pub struct Cast {
    members: Vec<Member>,
    random: Random,
    /// The scenes of this round that are still to come: all are played before one comes again.
    deck: Vec<&'static Scene>,
    /// The rest of the scene that is being played.
    coming: VecDeque<Line>,
}

impl Cast {
    /// The cast of the demonstration.
    pub fn demo() -> Cast {
        Cast::new(demo_members(), 1)
    }

    /// A cast that says the same for the same members and seed.
    ///
    /// # Panics
    /// Without members.
    pub fn new(members: Vec<Member>, seed: u64) -> Cast {
        assert!(!members.is_empty(), "a cast needs somebody who writes");
        Cast { members, random: Random::new(seed), deck: Vec::new(), coming: VecDeque::new() }
    }

    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Makes the conversations of all members. Nobody has said anything yet.
    ///
    /// # Panics
    /// When a conversation is there already, on another stream.
    pub fn enter(&self, simulator: &Simulator) {
        for member in &self.members {
            member.enter(simulator);
        }
    }

    /// The next line. There always is one.
    pub fn next_line(&mut self) -> Line {
        loop {
            if let Some(line) = self.coming.pop_front() {
                return line;
            }
            let scene = self.next_scene();
            self.play(scene);
        }
    }

    /// Says the next line, and those that follow at once; returns the ids of the new children. Refused when the
    /// members have not entered or the simulator is full.
    pub fn speak(&mut self, simulator: &Simulator) -> Result<Vec<i64>, Refused> {
        let mut said = Vec::new();
        loop {
            let line = self.next_line();
            said.push(simulator.say(line.object_id, line.post)?);
            if !line.more_at_once {
                return Ok(said);
            }
        }
    }

    fn next_scene(&mut self) -> &'static Scene {
        if self.deck.is_empty() {
            self.deck = SCENES.iter().collect();
            self.random.shuffle(&mut self.deck);
        }
        self.deck.pop().expect("there are scenes")
    }

    /// Puts the lines of a scene into the mouth of somebody it fits, if there is anybody.
    fn play(&mut self, scene: &'static Scene) {
        let fitting: Vec<&Member> = self.members.iter().filter(|member| scene.fits(member)).collect();
        if fitting.is_empty() {
            return;
        }
        let member = fitting[self.random.below(fitting.len())];
        let number = 1000 + self.random.below(9000);
        let count = scene.lines.len();
        self.coming.extend(scene.lines.iter().enumerate().map(|(index, text)| Line {
            object_id: member.object,
            post: scene.post(&text.replace("{n}", &number.to_string()), member),
            more_at_once: index + 1 < count,
        }));
    }
}

impl Iterator for Cast {
    type Item = Line;

    /// [`Cast::next_line`]; never ends.
    fn next(&mut self) -> Option<Line> {
        Some(self.next_line())
    }
}

impl Member {
    /// Makes this member's conversation.
    ///
    /// # Panics
    /// When it is there already, on another stream.
    pub fn enter(&self, simulator: &Simulator) -> Conversation {
        let conversation = simulator
            .conversation(self.stream, self.object)
            .customer(&self.first_name, &self.last_name)
            .channel(self.channel);
        match &self.encrypted_stream {
            Some(text) => conversation.encrypted_stream(text),
            None => conversation,
        }
    }
}

impl Scene {
    fn fits(&self, member: &Member) -> bool {
        self.language == member.language && self.channel.is_none_or(|channel| channel == member.channel)
    }

    fn post(&self, text: &str, member: &Member) -> Post {
        let post = match self.who {
            Who::Customer => Post::customer(text),
            Who::Agent => Post::agent(&member.agent, text),
            Who::Bot => Post::bot(text).child_type(0),
        };
        match self.kind {
            Kind::Plain => post,
            Kind::Html(html) => post.html(html.replace("{text}", text)),
            Kind::File { name, url, child_type } => {
                post.attachment(name, url, Some(220_144)).child_type(child_type)
            }
        }
    }
}

fn default_agent() -> String {
    "Avi Example".to_owned()
}

fn demo_members() -> Vec<Member> {
    let member = |name: &str, title: &str, (stream, object), (first, last): (&str, &str), channel| Member {
        name: name.to_owned(),
        title: title.to_owned(),
        stream,
        object,
        encrypted_stream: None,
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        channel,
        language: Language::English,
        agent: default_agent(),
    };
    vec![
        member("acme-cfo", "ACME / Dana Levi", (532, 293_854), ("Dana", "Levi"), Channel::Chat),
        Member {
            language: Language::Hebrew,
            agent: "Maya Example".to_owned(),
            ..member(
                "ruth",
                "רות לדוגמה",
                (41_211, 2_251_799_813_689_310),
                ("רות", "לדוגמה"),
                Channel::WhatsApp,
            )
        },
        member("lee-invoices", "Lee / invoices", (41_210, 70_012_006), ("Lee", ""), Channel::Mail),
        Member {
            encrypted_stream: Some("EXAMPLEstreamAAAAAA_bA==".to_owned()),
            ..member("gil", "Gil, by text message", (41_212, 70_012_010), ("", ""), Channel::Sms)
        },
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::post::Author;

    #[test]
    fn the_same_seed_says_the_same_and_another_says_something_else() {
        let lines = |seed| Cast::new(demo_members(), seed).take(60).collect::<Vec<_>>();
        assert_eq!(lines(7), lines(7));
        assert_ne!(lines(7), lines(8));
    }

    #[test]
    fn one_round_has_every_kind_of_line_and_everybody_in_it() {
        let round: Vec<Line> =
            Cast::demo().take(SCENES.iter().map(|scene| scene.lines.len()).sum()).collect();
        let any = |what: &str, holds: &dyn Fn(&Line) -> bool| assert!(round.iter().any(holds), "no {what}");
        any("customer", &|line| line.post.author == Author::Customer);
        any("agent", &|line| matches!(line.post.author, Author::Agent(_)));
        any("bot", &|line| line.post.author == Author::Bot);
        any("Hebrew", &|line| line.post.text.contains('ש'));
        any("emoji", &|line| line.post.text.contains('🎉'));
        any("mail", &|line| line.post.html.is_some());
        any("bare file", &|line| line.post.text.is_empty() && !line.post.attachments.is_empty());
        any("burst", &|line| line.more_at_once);
        any("mention", &|line| line.post.text.contains("<!channel>"));
        let speakers: BTreeSet<i64> = round.iter().map(|line| line.object_id).collect();
        assert_eq!(speakers.len(), demo_members().len());
    }

    #[test]
    fn any_single_member_has_something_to_say() {
        for language in [Language::English, Language::Hebrew] {
            for channel in [Channel::Chat, Channel::Mail, Channel::WhatsApp, Channel::Sms] {
                let member = Member { language, channel, ..demo_members().remove(0) };
                assert!(SCENES.iter().any(|scene| scene.fits(&member)), "{language:?} {channel:?}");
            }
        }
    }
}
