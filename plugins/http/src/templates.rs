//! Templates: compiled and tried at the start, rendered within bounds at a delivery.

use std::collections::BTreeMap;

use commwatch_plugin_api::Notification;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};
use serde_json::json;

use crate::config::Sources;
use crate::escape::{self, BODY, Form, PATH};
use crate::presets::Preset;
use crate::{context, filters};

/// What one rendering may cost: about so many instructions, or 64 times as many bytes.
const FUEL: u64 = 50_000;
/// How deep templates may nest.
const RECURSION_MAX: usize = 32;
/// The longest body that is sent; a longer one goes in its plain form.
const BODY_BYTES_MAX: usize = 256 * 1024;
/// The longest path.
const PATH_BYTES_MAX: usize = 4 * 1024;
/// The longest value of a header; what is longer is left out.
const HEADER_BYTES_MAX: usize = 4 * 1024;
/// Title and text of a plain body, UTF-16 units.
const PLAIN_UNITS_MAX: usize = 4_000;

/// Compiled templates.
#[derive(Debug)]
pub(crate) struct Templates {
    environment: Environment<'static>,
    form: Form,
    content_type: String,
    preset: Option<Preset>,
    has_path: bool,
    headers: Vec<String>,
}

/// What a notification became.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
    /// What went wrong and was replaced by something plain.
    pub(crate) faults: Vec<String>,
}

impl Templates {
    /// Compiles the templates and tries them with a notification that has everything.
    ///
    /// # Errors
    /// One line that says which template, where in it, and what is wrong.
    pub(crate) fn compile(sources: Sources) -> Result<Self, String> {
        let Sources { content_type, body, preset, path, headers } = sources;
        let form = Form::of(&content_type);
        let mut environment = environment(form);
        let mut names = Vec::new();
        let has_path = path.is_some();
        let all = [(BODY.to_owned(), body)].into_iter().chain(path.map(|path| (PATH.to_owned(), path)));
        for (name, source) in all.chain(headers.into_iter().map(|(name, source)| (header(&name), source))) {
            environment.add_template_owned(name.clone(), source).map_err(|error| said(&name, &error))?;
            if !matches!(name.as_str(), BODY | PATH) {
                names.push(name);
            }
        }
        let mut templates = Self { environment, form, content_type, preset, has_path, headers: names };
        // A name that does not exist is a mistake here; later on an event may lack what another has.
        templates.environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let tried = templates.render(&context::sample_notification());
        templates.environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        match tried.faults.into_iter().next() {
            None => Ok(templates),
            Some(fault) => Err(fault),
        }
    }

    pub(crate) fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Makes a request of a notification. What fails is replaced by something plain, and said.
    pub(crate) fn render(&self, notification: &Notification) -> Rendered {
        let context = context::of(notification);
        let mut rendered = Rendered::default();
        rendered.body = self.body(&context).unwrap_or_else(|fault| {
            rendered.faults.push(fault);
            self.plain(notification)
        });
        if self.has_path {
            rendered.path = self.path(&context).unwrap_or_else(|fault| {
                rendered.faults.push(fault);
                String::new()
            });
        }
        for name in &self.headers {
            match self.line(name, &context, HEADER_BYTES_MAX) {
                Ok(text) => {
                    rendered.headers.insert(name["header ".len()..].to_owned(), escape::one_line(&text));
                }
                Err(fault) => rendered.faults.push(fault),
            }
        }
        rendered
    }

    fn body(&self, context: &Value) -> Result<String, String> {
        let body = self.line(BODY, context, BODY_BYTES_MAX)?;
        if self.form == Form::Json
            && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&body)
        {
            return Err(format!(
                "`body`: what it makes is not JSON: {error}; write {{{{ title }}}} without quotes around it, they are added"
            ));
        }
        Ok(body)
    }

    fn path(&self, context: &Value) -> Result<String, String> {
        let path = self.line(PATH, context, PATH_BYTES_MAX)?;
        let route =
            path.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase().replace("%2e", ".");
        if !path.starts_with(['/', '?']) {
            return Err("`path`: what it makes does not begin with / or ?".to_owned());
        }
        if !path.bytes().all(|byte| byte.is_ascii_graphic()) || path.contains('\\') || path.starts_with("//")
        {
            return Err(
                "`path`: what it makes is no path: a space, a backslash, //, or a letter that is not ASCII"
                    .to_owned(),
            );
        }
        if route.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err("`path`: what it makes leads elsewhere (. or ..)".to_owned());
        }
        Ok(path)
    }

    fn line(&self, name: &str, context: &Value, bytes_max: usize) -> Result<String, String> {
        let template = self.environment.get_template(name).map_err(|error| said(name, &error))?;
        let text = template.render(context.clone()).map_err(|error| said(name, &error))?;
        if text.len() > bytes_max {
            return Err(format!("`{name}`: what it makes has {} bytes, more than {bytes_max}", text.len()));
        }
        Ok(text)
    }

    /// A body that needs no template of the operator's.
    fn plain(&self, notification: &Notification) -> String {
        let part = |text: &str| filters::cut(&filters::clean(text), PLAIN_UNITS_MAX);
        let (title, text) = (part(&notification.title), part(&notification.text));
        match (self.form, self.preset) {
            (Form::Json, Some(preset)) => {
                preset_body(preset, &context::with_text(notification, &title, &text))
            }
            (Form::Json, None) => json!({"title": title, "text": text}).to_string(),
            (Form::Urlencoded, _) => {
                format!("title={}&text={}", escape::percent(&title), escape::percent(&text))
            }
            (Form::Html, _) => format!("<p>{}</p>\n<p>{}</p>", filters::html(&title), filters::html(&text)),
            (Form::Text, _) => format!("{title}\n\n{text}"),
        }
    }
}

/// The preset's own body; where an operator's template fails, this one does not (a test tries it with any text).
fn preset_body(preset: Preset, context: &Value) -> String {
    let body = environment(Form::Json).render_named_str(BODY, preset.body(), context.clone());
    body.unwrap_or_else(|_| json!({"text": "a notification that could not be shown"}).to_string())
}

fn environment(form: Form) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION_MAX);
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_auto_escape_callback(move |name| form.escape(name));
    environment.set_formatter(escape::write);
    environment.add_filter("clean", |text: &str| filters::clean(text));
    environment.add_filter("cut", |text: &str, units_max: usize| filters::cut(text, units_max));
    environment.add_filter("html", |text: &str| filters::html(text));
    environment.add_filter("link", |url: &str| filters::link(url));
    environment.add_filter("plain", |text: &str| filters::plain(text));
    environment
}

/// The name of a header's template.
fn header(name: &str) -> String {
    format!("header {name}")
}

/// One line about an error. It quotes the template, never what was put into it.
fn said(name: &str, error: &Error) -> String {
    let line = error.line().map(|line| format!(", line {line}")).unwrap_or_default();
    let detail = match error.detail() {
        Some(detail) => format!(": {detail}"),
        None if error.kind() == ErrorKind::UndefinedError => ": a name in it does not exist".to_owned(),
        None => String::new(),
    };
    escape::one_line(&format!("`{name}`{line}: {}{detail}", error.kind()))
}
