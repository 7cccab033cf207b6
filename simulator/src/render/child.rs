//! Writes one child.

use super::View;
use crate::json::{Fields, Json};
use crate::post::{Author, Garbled};
use crate::record::{Channel, Child};
use crate::shape::{AuthorForm, Content, Names};

/// The subject of every simulated mail.
pub(super) const SUBJECT: &str = "Invoice 4471 <urgent>";
const TYPE_MAIL: i64 = 5;
/// The `streamProviderType` of what agents and bots write.
const PROVIDER_COMMBOX: i64 = 0;

/// What the API puts into `message`.
pub(super) fn message(child: &Child) -> &str {
    child.post.html.as_deref().unwrap_or(&child.post.text)
}

pub(super) fn mail_people(name: &str, address: &str) -> Json {
    Json::List(vec![Json::Object(vec![("name", name.into()), ("address", address.into())])])
}

impl View<'_> {
    pub(super) fn child(&self, child: &Child) -> Json {
        let View { record, .. } = *self;
        let shape = &record.shape;
        let number = |value: i64| shape.numbers.write(value);
        let nobody = *child.author() == Author::Unknown;
        let other_name = shape.names == Names::Variants && child.id % 2 == 0;
        let id_name = if other_name { "objectId" } else { "object_id" };
        let content = if nobody { Content::Null } else { shape.child_content };
        let by_manager = child.author().is_manager();
        let provider = if by_manager { PROVIDER_COMMBOX } else { record.channel.child() };

        let mut fields: Fields = vec![
            ("id", number(child.id)),
            (id_name, number(self.object_id)),
            ("content", content.write(&self.child_content(child))),
            ("message", message(child).into()),
            ("createdTime", shape.dates.of_child(child.id).write(child.created).into()),
            ("streamProviderType", number(provider)),
        ];
        if nobody || self.listing || shape.author == AuthorForm::OnChild {
            fields.extend(self.author_beside(child));
        }
        if !nobody && (self.listing || shape.author == AuthorForm::OnChild) {
            fields.push(("isManager", by_manager.into()));
        }
        if !nobody && shape.author != AuthorForm::OnChild {
            fields.push(("user", self.author(child)));
        }
        let mail = (record.channel == Channel::Mail).then_some(TYPE_MAIL);
        if let Some(child_type) = child.post.child_type.or(mail) {
            fields.push(("type", number(child_type)));
        }
        garble(fields, child.garbled)
    }

    /// The author as the `user` of a child.
    fn author(&self, child: &Child) -> Json {
        let View { record, .. } = *self;
        let shape = &record.shape;
        let number = |value: i64| shape.numbers.write(value);
        if shape.author == AuthorForm::NullUser {
            return Json::Null;
        }
        let (id, manager_id, identity, address, kind, first, last) = match &child.manager {
            Some(it) => (
                it.id,
                it.id,
                it.identity,
                it.address.clone(),
                PROVIDER_COMMBOX,
                &it.first_name,
                &it.last_name,
            ),
            None => {
                let (kind, address) = (record.channel.identity(), record.address());
                (record.user_id, 0, record.identity_id, address, kind, &record.first_name, &record.last_name)
            }
        };
        let identity = vec![
            ("id", number(identity)),
            ("streamProviderId", address.into()),
            ("streamProviderType", number(kind)),
            ("firstName", self.text(first)),
            ("lastName", self.text(last)),
            ("thumbnailUrl", Json::Null),
        ];
        let mut user: Fields = vec![("id", number(id)), ("managerId", number(manager_id))];
        if shape.author == AuthorForm::User {
            user.push(("isManager", child.author().is_manager().into()));
        }
        user.push(("identity", Json::Object(identity)));
        Json::Object(user)
    }

    /// The author's address and name on the child itself.
    fn author_beside(&self, child: &Child) -> Fields {
        let View { record, .. } = *self;
        let (address, first, last) = match &child.manager {
            Some(it) => (it.address.clone(), &it.first_name, &it.last_name),
            None => (record.address(), &record.first_name, &record.last_name),
        };
        let email = (record.channel == Channel::Mail && child.manager.is_none()).then(|| address.clone());
        vec![
            ("streamProviderId", address.into()),
            ("streamProviderEmail", email.into()),
            ("firstName", self.text(first)),
            ("lastName", self.text(last)),
        ]
    }

    fn child_content(&self, child: &Child) -> Json {
        let attachments = &child.post.attachments;
        let mut fields = Fields::new();
        if self.record.channel == Channel::Mail {
            let files =
                attachments.iter().map(|it| file("name", &it.name, "path", &it.url, it.size)).collect();
            fields.push(("subject", format!("RE: {SUBJECT}").into()));
            fields.push(("to", mail_people("Support", "support@example.org")));
            fields.push(("cc", mail_people("", "")));
            fields.push(("attachments", if attachments.is_empty() { Json::Null } else { Json::List(files) }));
        } else if let Some(only) = attachments.first() {
            let mut link: Fields = vec![("href", only.url.as_str().into())];
            link.extend(only.size.map(|size| ("size", size.into())));
            fields.push(("link", Json::Object(link)));
        }
        if *child.author() == Author::Bot {
            fields.push(("message_id", format!("m-{}", child.id).into()));
            fields.push(("session_id", 133.into()));
        }
        Json::Object(fields)
    }
}

fn file(name_key: &'static str, name: &str, path_key: &'static str, path: &str, size: Option<i64>) -> Json {
    let mut fields: Fields = vec![(name_key, name.into()), (path_key, path.into())];
    fields.extend(size.map(|size| ("size", size.into())));
    Json::Object(fields)
}

fn garble(mut fields: Fields, how: Option<Garbled>) -> Json {
    let mut put = |name: &str, value: Option<Json>| {
        let at = fields.iter().position(|(key, _)| *key == name).expect("every child has this field");
        match value {
            Some(value) => fields[at].1 = value,
            None => drop(fields.remove(at)),
        }
    };
    match how {
        None => {}
        Some(Garbled::BadTime) => put("createdTime", Some("yesterday, after lunch".into())),
        Some(Garbled::NoTime) => put("createdTime", None),
        Some(Garbled::NoId) => put("id", None),
        Some(Garbled::BadId) => put("id", Some("not-a-number".into())),
        Some(Garbled::BadMessage) => put("message", Some(Json::Object(vec![("text", Json::Null)]))),
        Some(Garbled::NotAnObject) => return "a child that is no object".into(),
    }
    Json::Object(fields)
}
