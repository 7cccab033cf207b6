//! Writes a conversation as the API answers it. Pure: a record, a shape and what was asked for go in, JSON comes out.

mod child;

use jiff::Timestamp;

use crate::json::{Fields, Json};
use crate::record::{Activity, Channel, Child, Record};
use crate::shape::{ChildsAs, ChildsAt, DateForm, Names, Order};

/// One conversation, and how this answer shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) record: &'a Record,
    /// The stream has an encrypted form, and so has the user.
    pub(crate) encrypted: bool,
    pub(crate) childs: bool,
    pub(crate) activities: bool,
    /// As a listing shows it: other names, counts, and authors beside the children.
    pub(crate) listing: bool,
    /// The id it is shown under.
    pub(crate) object_id: i64,
    /// How many of the newest children are missing.
    pub(crate) stale: usize,
    /// The number of the answer, for an order that differs each time.
    pub(crate) answer: u64,
}

impl View<'_> {
    pub(crate) fn write(&self) -> Json {
        let View { record, .. } = *self;
        let shape = &record.shape;
        let (names, number) = (shape.names, |value: i64| shape.numbers.write(value));
        let children = record.visible(self.stale);
        let newest = children.last();
        let address = record.address();

        let id_name = if self.listing && names == Names::Documented { "id" } else { names.object_id() };
        let mut fields: Fields = vec![
            (id_name, number(self.object_id)),
            (names.pick("streamId", "streamid"), number(record.stream_id)),
            (names.pick("subStreamId", "substreamid"), number(record.sub_stream_id)),
            ("streamProviderId", self.provider_address(&address).into()),
            ("streamProviderType", number(record.channel.provider())),
            ("user_identity", number(record.identity_id)),
            ("firstName", self.text(&record.first_name)),
            ("lastName", self.text(&record.last_name)),
            ("userStreamProviderId", address.as_str().into()),
            ("userStreamProviderType", number(record.channel.identity())),
            ("content", shape.content.write(&self.content(&children))),
            ("message", newest.map_or("", |child| child::message(child)).into()),
            ("createdTime", self.time(record.created)),
            ("updatedTime", self.time(record.updated)),
            (names.pick("closedTime", "closeTime"), self.time_or_null(record.closed)),
        ];
        if !shape.sparse {
            fields.push(("firstResponseTime", self.time_or_null(record.first_response)));
            fields.push(("lastResponseTime", self.time_or_null(record.last_response)));
        }
        fields.push(("statusId", number(record.status_id)));
        fields.push(("assignedManagerId", number(record.assigned)));
        if !shape.sparse {
            fields.push(("lastAssignedManagerId", number(record.last_assigned)));
        }
        fields.push(("type", number(record.channel.object_type())));

        let mut user = self.user(&address);
        let mut at_object = Fields::new();
        if self.childs || shape.childs_unasked {
            self.place(&children, &mut at_object, &mut user);
        }
        fields.push(("user", Json::Object(user)));
        let agent_wrote = newest.is_some_and(|child| matches!(child.author(), crate::Author::Agent(_)));
        fields.push(("isManager", agent_wrote.into()));
        fields.append(&mut at_object);
        if !shape.sparse && (self.childs || self.activities || shape.childs_unasked) {
            let logs = if self.activities { record.activities.as_slice() } else { &[] };
            let logs = logs.iter().rev().map(|it| self.activity(it)).collect();
            fields.push(("activityLogs", Json::List(logs)));
        }
        if self.listing {
            fields.push(("numChilds", number(i64::try_from(children.len()).unwrap_or(i64::MAX))));
        }
        if let Some(count) = record.num_tags.or(self.listing.then_some(0)) {
            fields.push(("numTags", number(count)));
        }
        if record.closed.is_some() {
            fields.push(("priorityTime", self.time(record.created)));
        }
        Json::Object(fields)
    }

    /// Puts the children where the shape wants them.
    fn place(&self, children: &[&Child], object: &mut Fields, user: &mut Fields) {
        let shape = &self.record.shape;
        let stale = &children[..children.len().saturating_sub(1)];
        let (in_object, in_user) = match shape.childs_at {
            ChildsAt::Object => (Some(children), None),
            ChildsAt::User => (None, Some(children)),
            ChildsAt::Both => (Some(children), Some(children)),
            ChildsAt::BothUserStale => (Some(children), Some(stale)),
        };
        for (place, children) in [(object, in_object), (user, in_user)] {
            if let Some(childs) = children.and_then(|children| self.childs(children)) {
                place.push(("childs", childs));
            }
        }
    }

    fn childs(&self, oldest_first: &[&Child]) -> Option<Json> {
        let mut children = oldest_first.to_vec();
        match self.record.shape.order {
            Order::OldestFirst => {}
            Order::NewestFirst => children.reverse(),
            Order::Shuffled(seed) => {
                crate::random::Random::new(seed.wrapping_add(self.answer)).shuffle(&mut children);
            }
        }
        let mut list: Vec<_> = children.iter().map(|child| self.child(child)).collect();
        match self.record.shape.childs_as {
            ChildsAs::Absent => None,
            ChildsAs::Null => Some(Json::Null),
            ChildsAs::Empty => Some(Json::List(Vec::new())),
            ChildsAs::SingleObject if list.len() == 1 => list.pop(),
            ChildsAs::SingleObject | ChildsAs::Array => Some(Json::List(list)),
        }
    }

    fn user(&self, address: &str) -> Fields {
        let View { record, .. } = *self;
        let shape = &record.shape;
        let has_phone = matches!(record.channel, Channel::WhatsApp | Channel::Sms);
        let phone = if has_phone { address } else { "" };
        let mail = if record.channel == Channel::Mail { address } else { "" };
        let mut user: Fields = vec![("id", shape.numbers.write(record.user_id))];
        if !shape.sparse {
            let encrypted = self.encrypted.then(|| format!("EXAMPLEuser{:011}==", record.serial));
            user.push(("managerId", Json::Null));
            user.push(("isManager", false.into()));
            user.push(("encryptedId", encrypted.into()));
            user.push(("identity", Json::Null));
        }
        user.extend([
            ("uniqueId", shape.numbers.write_digits(&record.unique_id)),
            ("phone1", shape.numbers.write_digits(phone)),
            ("phone2", "".into()),
            ("email", mail.into()),
            ("firstName", self.text(&record.first_name)),
            ("lastName", self.text(&record.last_name)),
            ("gender", "".into()),
            ("numberIdentities", shape.numbers.write(1)),
            (shape.names.pick("locale", "Locale"), "".into()),
            ("birthday", "".into()),
            ("remarks", record.remarks.as_str().into()),
            ("content", Json::Object(record.custom_fields.clone()).to_text().into()),
        ]);
        user
    }

    /// The conversation's technical extras.
    fn content(&self, children: &[&Child]) -> Json {
        let View { record, .. } = *self;
        let began = DateForm { zone: false, digits: 0, space: true }.write(record.created);
        let mut fields = Fields::new();
        match record.channel {
            Channel::Chat => {
                fields.push(("guidRT", format!("{:032x}", record.serial).into()));
                if let Some(first) = children.first() {
                    let language = vec![("Item1", "en".into()), ("Item2", first.id.into())];
                    fields.push(("languages", Json::List(vec![Json::Object(language)])));
                }
                fields.push(("originUrl", "https://shop.example.com/help".into()));
                fields.push(("isConnected", true.into()));
            }
            Channel::Mail => {
                fields.push(("to", child::mail_people("Support", "support@example.org")));
                fields.push(("cc", child::mail_people("", "")));
                fields.push(("bcc", child::mail_people("", "")));
                fields.push(("subject", child::SUBJECT.into()));
                fields.push(("is_email", true.into()));
            }
            Channel::WhatsApp | Channel::Sms => return Json::Object(fields),
        }
        fields.push(("sequence_start_time", began.into()));
        Json::Object(fields)
    }

    fn activity(&self, activity: &Activity) -> Json {
        let by = &activity.by;
        let identity = vec![("identityId", by.identity.into()), ("thumbnailUrl", "".into())];
        let user = vec![
            ("id", by.id.into()),
            ("first_name", by.first_name.clone().into()),
            ("last_name", by.last_name.clone().into()),
            ("identity", Json::Object(identity)),
        ];
        let time = DateForm { zone: false, digits: 0, space: false }.write(activity.at);
        Json::Object(vec![
            ("objectId", self.object_id.to_string().into()),
            ("user", Json::Object(user)),
            ("type", activity.kind.into()),
            ("data", activity.data.to_text().into()),
            ("createdTime", time.into()),
        ])
    }

    /// The conversation's address at the channel provider: a chat has none, a mail a message id.
    fn provider_address(&self, address: &str) -> String {
        match self.record.channel {
            Channel::Chat => String::new(),
            Channel::Mail => format!("{:032x}@example.org", self.record.serial),
            Channel::WhatsApp | Channel::Sms => address.to_owned(),
        }
    }

    fn text(&self, text: &Option<String>) -> Json {
        text.as_deref().map_or_else(|| self.record.shape.nulls.write(), Json::from)
    }

    fn time(&self, instant: Timestamp) -> Json {
        self.record.shape.dates.object.write(instant).into()
    }

    fn time_or_null(&self, instant: Option<Timestamp>) -> Json {
        instant.map_or_else(|| self.record.shape.nulls.write(), |instant| self.time(instant))
    }
}
