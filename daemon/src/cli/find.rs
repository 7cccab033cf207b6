//! `commwatch find`: a customer's conversations, as lines that are ready to be put into the configuration.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::asking::{Asking, NotAsked, channel, configuration, second, status, wait};
use super::{Console, Exit};
use crate::config::{Config, stream};
use crate::core::listing::Listed;
use crate::core::seek::{Address, Sought};
use crate::core::waiting::is_over;
use crate::core::watch::{NAME_CHARS_MAX, Stream};
use crate::ops::status::plain;

/// Conversations that are written; the open ones and the newest come first, and the rest is counted.
const SHOWN_MAX: usize = 50;

/// What `find` is asked.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    who: Who,
    /// Which account; not needed where there is one
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// A channel to look in, for a phone number or a mail address; may be said more than once [default: the account's
    /// `streams`, else those of its watches]
    #[arg(long = "stream", value_name = "STREAM", value_parser = stream)]
    streams: Vec<Stream>,
}

#[derive(clap::Args, Clone, Debug)]
#[group(required = true, multiple = false)]
struct Who {
    /// A phone number with its country's code
    #[arg(long, value_name = "NUMBER", value_parser = phone)]
    phone: Option<Address>,
    /// A mail address
    #[arg(long, value_name = "ADDRESS", value_parser = email)]
    email: Option<Address>,
    /// A customer's identity (`user_identity`)
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i64).range(1..))]
    identity: Option<i64>,
}

fn phone(text: &str) -> Result<Address, String> {
    Address::phone(text).ok_or_else(|| "write it with its country's code, such as +972501234567".to_owned())
}

fn email(text: &str) -> Result<Address, String> {
    Address::email(text).ok_or_else(|| "write it as dana@example.com".to_owned())
}

/// Asks, and writes what was found.
pub(super) fn run(config: &Path, args: &Args, console: &mut Console<'_>) -> Exit {
    match find(config, args) {
        Ok(found) => found.tell(console),
        Err(error) => error.tell(console),
    }
}

fn find(path: &Path, args: &Args) -> Result<Found, NotAsked> {
    let config = configuration(path)?;
    let account = account(&config, args.account.as_deref())?;
    let sought = sought(&config, &account, args)?;
    let mut asking = Asking::of(&config, &account)?;
    let (mut conversations, is_cut) = wait(asking.all_of(&sought))?;
    conversations.sort_by_key(|one| (is_over(one.status), std::cmp::Reverse((one.created, one.object))));
    let of_account = config.accounts.get(&account).map(|account| account.streams.clone());
    Ok(Found {
        account: (config.accounts.len() > 1).then_some(account),
        sought,
        streams_configured: of_account.unwrap_or_default(),
        conversations,
        is_cut,
    })
}

fn account(config: &Config, named: Option<&str>) -> Result<String, NotAsked> {
    let mut names = config.accounts.keys();
    let all = || names.clone().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match named {
        // Whether there is one of that name says who asks it.
        Some(name) => Ok(name.to_owned()),
        None if config.accounts.len() == 1 => Ok(names.next().cloned().unwrap_or_default()),
        None => Err(NotAsked::Failed(format!("say which account: --account NAME, of {}", all()))),
    }
}

fn sought(config: &Config, account: &str, args: &Args) -> Result<Sought, NotAsked> {
    let address = match (&args.who.identity, &args.who.phone, &args.who.email) {
        (Some(identity), ..) => return Ok(Sought::Identity(*identity)),
        (_, Some(address), _) | (_, _, Some(address)) => address.clone(),
        (None, None, None) => unreachable!("one of them is required"),
    };
    let mut streams = args.streams.clone();
    if streams.is_empty() {
        streams = config.accounts.get(account).map(|account| account.streams.clone()).unwrap_or_default();
    }
    if streams.is_empty() {
        let own = config.watches.iter().filter(|watch| watch.conversation.account == account);
        for watch in own {
            if !streams.contains(&watch.stream) {
                streams.push(watch.stream.clone());
            }
        }
    }
    if streams.is_empty() {
        let hint = "an address is looked for channel by channel: say --stream NUMBER, once for each, or write \
                    streams = [...] into the account";
        return Err(NotAsked::Failed(format!("nothing says where to look\n  hint: {hint}")));
    }
    Ok(Sought::Address { address, streams })
}

/// What was found.
struct Found {
    /// Where there are several.
    account: Option<String>,
    sought: Sought,
    streams_configured: Vec<Stream>,
    conversations: Vec<Listed>,
    is_cut: bool,
}

impl Found {
    fn tell(&self, console: &mut Console<'_>) -> Exit {
        let of_one = |one: &Listed| {
            json!({
                "object": one.object.to_string(), "stream": one.stream.to_string(), "status": status(one.status),
                "channel": channel(one.channel), "created": one.created, "closed": one.closed,
                "updated": one.updated, "customer_name": one.customer_name,
                "identity": one.identity.map(|id| id.to_string()),
            })
        };
        let all: Vec<serde_json::Value> = self.conversations.iter().map(of_one).collect();
        let text = if self.conversations.is_empty() { String::new() } else { self.text() };
        console.answer(&json!({ "conversations": all, "may_be_more": self.is_cut }), text.trim_end());
        if self.conversations.is_empty() {
            console.message("nobody of that kind has a conversation there");
            return Exit::Failed;
        }
        Exit::Done
    }

    fn text(&self) -> String {
        let title = self.conversations.iter().find_map(|one| one.customer_name.clone());
        let mut names = Names::default();
        let mut text = "# All of them, and new ones as well:\n".to_owned();
        self.watch(&mut text, &names.of(title.as_deref(), None), title.as_deref());
        match &self.sought {
            Sought::Identity(identity) => {
                let _ = writeln!(text, "customer = {identity}");
            }
            Sought::Address { address, streams } => {
                let (kind, address) = match address {
                    Address::Phone(digits) => ("phone", format!("+{digits}")),
                    Address::Email(mail) => ("email", mail.clone()),
                };
                let _ = writeln!(text, "customer = {{ {kind} = {} }}", quoted(&address));
                if *streams != self.streams_configured {
                    let streams: Vec<String> = streams.iter().map(stream_value).collect();
                    let _ = writeln!(text, "streams = [{}]", streams.join(", "));
                }
            }
            Sought::Channel { .. } => {}
        }
        for one in self.conversations.iter().take(SHOWN_MAX) {
            let mut about = vec![status(one.status), channel(one.channel)];
            about.extend(one.created.map(|at| format!("began {}", second(at))));
            about.extend(one.updated.map(|at| format!("last changed {}", second(at))));
            about.extend(one.identity.map(|id| format!("identity {id}")));
            let _ = writeln!(text, "\n# {}", plain(&about.join(", ")));
            let name = one.customer_name.as_deref();
            self.watch(&mut text, &names.of(name, Some(one.object)), name);
            let _ = writeln!(text, "stream = {}\nobject = {}", stream_value(&one.stream), one.object);
        }
        let more = self.conversations.len().saturating_sub(SHOWN_MAX);
        if more > 0 {
            let _ = writeln!(text, "\n# and {more} more; --output json has all");
        }
        if self.is_cut {
            text.push_str("\n# CommBox may have more than this: the list is longer than can be read\n");
        }
        text
    }

    fn watch(&self, text: &mut String, name: &str, title: Option<&str>) {
        let _ = writeln!(text, "[[watch]]\nname = {}", quoted(name));
        if let Some(title) = title {
            let _ = writeln!(text, "title = {}", quoted(title));
        }
        if let Some(account) = &self.account {
            let _ = writeln!(text, "account = {}", quoted(account));
        }
    }
}

/// Names that may stand in one file.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn of(&mut self, customer: Option<&str>, object: Option<i64>) -> String {
        let mut name = String::new();
        for word in customer.unwrap_or_default().split(|c: char| !c.is_ascii_alphanumeric()) {
            if !word.is_empty() {
                name.push_str(if name.is_empty() { "" } else { "-" });
                name.push_str(&word.to_ascii_lowercase());
            }
        }
        let suffix = object.map_or(String::new(), |object| format!("-{object}"));
        name.truncate(NAME_CHARS_MAX - suffix.len() - 4);
        if name.is_empty() {
            name.push_str("customer");
        }
        let wanted = format!("{}{suffix}", name.trim_end_matches('-'));
        let names = (2..).map(|n| format!("{wanted}-{n}"));
        let free = std::iter::once(wanted.clone()).chain(names).find(|name| !self.0.contains(name));
        let free = free.unwrap_or(wanted);
        self.0.insert(free.clone());
        free
    }
}

/// Text as TOML has it; what could steer a terminal or turn the text around it is gone.
fn quoted(text: &str) -> String {
    format!("\"{}\"", plain(text).replace('\\', "\\\\").replace('"', "\\\""))
}

fn stream_value(stream: &Stream) -> String {
    match stream {
        Stream::Number(number) => number.to_string(),
        Stream::Encrypted(text) => quoted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(object: i64, name: Option<&str>) -> Listed {
        Listed {
            object,
            stream: Stream::Number(532),
            status: Some(1),
            created: Some("2026-03-01T08:00:00.5Z".parse().unwrap()),
            closed: None,
            updated: None,
            customer_name: name.map(str::to_owned),
            channel: Some(16),
            identity: Some(531_826),
        }
    }

    fn found(sought: Sought, conversations: Vec<Listed>) -> Found {
        Found { account: None, sought, streams_configured: Vec::new(), conversations, is_cut: false }
    }

    #[test]
    fn a_customer_is_written_as_a_watch_of_all_and_a_watch_of_each() {
        let text =
            found(Sought::Identity(531_826), vec![listed(7, Some("Dana Levi")), listed(8, None)]).text();
        insta::assert_snapshot!(text, @r#"
        # All of them, and new ones as well:
        [[watch]]
        name = "dana-levi"
        title = "Dana Levi"
        customer = 531826

        # open, whatsapp cloud, began 2026-03-01 08:00:00Z, identity 531826
        [[watch]]
        name = "dana-levi-7"
        title = "Dana Levi"
        stream = 532
        object = 7

        # open, whatsapp cloud, began 2026-03-01 08:00:00Z, identity 531826
        [[watch]]
        name = "customer-8"
        stream = 532
        object = 8
        "#);
        let address = Address::phone("+972500123456").unwrap();
        let streams = vec![Stream::Number(532), Stream::Encrypted("ab_fcd==".into())];
        let text = found(Sought::Address { address, streams }, vec![listed(7, Some("רות"))]).text();
        insta::assert_snapshot!(text, @r#"
        # All of them, and new ones as well:
        [[watch]]
        name = "customer"
        title = "רות"
        customer = { phone = "+972500123456" }
        streams = [532, "ab_fcd=="]

        # open, whatsapp cloud, began 2026-03-01 08:00:00Z, identity 531826
        [[watch]]
        name = "customer-7"
        title = "רות"
        stream = 532
        object = 7
        "#);
    }

    /// Whatever a customer calls herself, it is a text in the file and nothing else.
    #[test]
    fn what_customers_write_stays_text() {
        for name in ["\"\nstream = 1\n#", "a\\", "]] \u{1b}[31m \u{202e}x", "'''", "\"\"\"", &"x".repeat(300)]
        {
            let text =
                found(Sought::Identity(1), vec![listed(i64::MAX, Some(name)), listed(8, Some(name))]).text();
            let parsed: toml::Table = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
            let watches = parsed["watch"].as_array().unwrap();
            assert_eq!(watches.len(), 3, "{text}");
            for watch in watches {
                assert_eq!(watch["title"].as_str().unwrap(), plain(name));
                let name = watch["name"].as_str().unwrap();
                assert!(
                    name.len() <= NAME_CHARS_MAX
                        && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-' || b.is_ascii_digit())
                );
            }
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
        }
    }
}
