//! What the cast says. All of it is invented.

use super::Language;
use crate::record::Channel;

/// A line, or a burst of lines by one person. `{n}` becomes a number.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) who: Who,
    pub(super) language: Language,
    /// Only on this channel.
    pub(super) channel: Option<Channel>,
    pub(super) kind: Kind,
    pub(super) lines: &'static [&'static str],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Customer,
    Agent,
    Bot,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Plain,
    /// The same in HTML, with `{text}` for the text.
    Html(&'static str),
    File {
        name: &'static str,
        url: &'static str,
        child_type: i64,
    },
}

const TYPE_PHOTO: i64 = 2;
const TYPE_MAIL: i64 = 5;
const INVOICE: Kind =
    Kind::File { name: "invoice.pdf", url: "https://files.example.org/a/invoice.pdf", child_type: TYPE_MAIL };
const PHOTO: Kind =
    Kind::File { name: "photo.jpg", url: "https://files.example.org/b/photo.jpg", child_type: TYPE_PHOTO };
const QUOTING: Kind = Kind::Html(
    "<div dir=\"ltr\">{text}&nbsp;<br><br></div><blockquote><strong>From: </strong>Support \
     [support@example.org]<br>We are checking.</blockquote><script>alert(1)</script>\
     <img src=\"https://files.example.org/t.gif\">",
);

const fn says(who: Who, lines: &'static [&'static str]) -> Scene {
    Scene { who, language: Language::English, channel: None, kind: Kind::Plain, lines }
}

const fn hebrew(who: Who, lines: &'static [&'static str]) -> Scene {
    Scene { language: Language::Hebrew, ..says(who, lines) }
}

const fn on(channel: Channel, scene: Scene) -> Scene {
    Scene { channel: Some(channel), ..scene }
}

const fn with(kind: Kind, scene: Scene) -> Scene {
    Scene { kind, ..scene }
}

pub(super) static SCENES: &[Scene] = &[
    says(Who::Customer, &["Hello, where is my order {n}?"]),
    says(
        Who::Customer,
        &["Great, and can I change the delivery address?", "The new one is 12 Example Street."],
    ),
    says(Who::Customer, &["Thank you so much!! 🎉👍🏽"]),
    says(Who::Customer, &["<!channel> is *anybody* there & <b>reading</b> this? @here #{n}"]),
    on(
        Channel::Chat,
        says(Who::Customer, &["This is the third time I ask about order {n}.", "I want my money back."]),
    ),
    on(Channel::Chat, says(Who::Agent, &["Your order {n} left the warehouse this morning."])),
    on(Channel::Chat, says(Who::Bot, &["\n\nPlease choose a topic:\n1. Orders\n2. Returns\n\n"])),
    on(Channel::Sms, with(PHOTO, says(Who::Customer, &[""]))),
    on(Channel::Sms, says(Who::Customer, &["Please call me back."])),
    on(Channel::Mail, with(QUOTING, says(Who::Customer, &["Any news about invoice {n}?"]))),
    on(Channel::Mail, with(INVOICE, says(Who::Customer, &["The attached invoice is wrong. Please fix it."]))),
    on(Channel::Mail, with(QUOTING, says(Who::Agent, &["We are checking invoice {n}."]))),
    hebrew(Who::Customer, &["שלום, ההזמנה שלי (מס׳ {n}) עוד לא הגיעה 😕"]),
    hebrew(Who::Customer, &["זה דחוף!", "אפשר לדבר עם נציג?"]),
    hebrew(Who::Agent, &["בודקים את הזמנה {n}, רגע אחד"]),
];
