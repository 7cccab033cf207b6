//! The configuration as an operator meets it: files in a folder, texts on a screen.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use super::load::{Surroundings, load_in};
use super::{Catalog, Config, Found, Loaded, Mistake, Mistakes, NotFound, Trust};

mod defaults;
mod effective;
mod manual;
mod meanings;
mod merging;
mod mistakes;
mod mutations;
mod pacing;
mod plugins;
mod schema;
mod schema_mutations;
mod secrets;
mod values;
mod warnings;

/// A folder with configuration files and a fake shelf of plugins.
struct World {
    folder: TempDir,
}

impl World {
    fn new(config: &str) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        world.write("config.toml", config);
        world
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn load(&self) -> Result<Loaded, Mistakes> {
        let loaded = self.load_from(&Shelf)?;
        // Whatever is taken fits the schema, and what is printed of it is the same configuration.
        effective::assert_printed_is_the_same(&loaded.config, &Shelf);
        if loaded.config.files.len() == 1 {
            let text = fs::read_to_string(&loaded.config.path).unwrap();
            assert_eq!(schema::of_shelf(&text), [""; 0], "{text}");
        }
        Ok(loaded)
    }

    fn load_from(&self, catalog: &dyn Catalog) -> Result<Loaded, Mistakes> {
        load_in(&self.folder.path().join("config.toml"), catalog, &Surroundings::default())
    }

    fn config(&self) -> Config {
        self.load().unwrap_or_else(|mistakes| panic!("{}", self.plain(&mistakes.to_string()))).config
    }

    /// What is wrong, as text.
    fn errors(&self) -> String {
        let mistakes = self.load().expect_err("the configuration should have been refused");
        self.plain(&mistakes.to_string())
    }

    fn warnings(&self) -> String {
        let warnings = self.load().unwrap_or_else(|mistakes| panic!("{mistakes}")).warnings;
        self.plain(&warnings.iter().map(Mistake::to_string).collect::<String>())
    }

    /// Without the temporary folder's name.
    fn plain(&self, text: &str) -> String {
        let folder = format!("{}/", self.folder.path().display());
        text.replace(&folder, "")
    }
}

/// What is wrong with one file.
fn errors(config: &str) -> String {
    World::new(config).errors()
}

/// What is wrong with some lines after an account and a notifier that are right.
fn errors_after_good(lines: &str) -> String {
    errors(&format!("{GOOD}{lines}"))
}

/// Eight lines without a mistake.
const GOOD: &str = r#"[accounts.main]
base_url = "https://api.commbox.io"
token = { credential = "commbox-token" }
[notifiers.log]
plugin = "log"
[operators]
notify = ["log"]

"#;

/// Plugins with schemas of every kind.
struct Shelf;

impl Catalog for Shelf {
    fn find(&self, plugin: &str, folders: &[PathBuf], _: Trust) -> Result<Found, NotFound> {
        let schema = match plugin {
            "log" => json!({
                "type": "object", "additionalProperties": false,
                "properties": { "file": { "type": "string" }, "level": { "enum": ["error", "warn", "info", "debug"], "default": "info" }, "lines_max": { "type": "integer", "minimum": 1, "default": 100 } },
            }),
            "slack" => slack(),
            "pager" => json!({ "properties": { "key": { "x-secret": "required", "x-reveal": "required" } } }),
            "webhook" => webhook(),
            "alertmanager" => shipped(include_str!("../../../plugins/alertmanager/schema.json")),
            "email" => shipped(include_str!("../../../plugins/email/schema.json")),
            "exec" => shipped(include_str!("../../../plugins/exec/schema.json")),
            "http" => shipped(include_str!("../../../plugins/http/schema.json")),
            "pagerduty" => shipped(include_str!("../../../plugins/pagerduty/schema.json")),
            "ntfy" => shipped(include_str!("../../../plugins/ntfy/schema.json")),
            "teams" => shipped(include_str!("../../../plugins/teams/schema.json")),
            "telegram" => shipped(include_str!("../../../plugins/telegram/schema.json")),
            "twilio" => shipped(include_str!("../../../plugins/twilio/schema.json")),
            "recursive" => json!({
                "$ref": "#", "allOf": [{ "$ref": "#" }], "properties": { "x": { "$ref": "#", "default": {} } },
            }),
            "damaged" => json!({ "type": 7 }),
            _ => {
                return Err(NotFound {
                    why: format!("there is no libcommwatch_{plugin}.so"),
                    looked_in: folders.to_vec(),
                    names: ["damaged", "log", "slack", "webhook"].map(str::to_owned).to_vec(),
                });
            }
        };
        let library = Path::new("/plugins").join(format!("libcommwatch_{plugin}.so"));
        Ok(Found { library, schema, version: "1.0.0".into(), repeats: false })
    }
}

/// The very schema of a plugin that we ship, so that the manual's examples fit it.
fn shipped(schema: &str) -> Json {
    serde_json::from_str(schema).unwrap()
}

/// Of the same make as the schemas of the plugins that we ship.
fn slack() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "webhook_url": { "type": "string", "format": "uri", "x-secret": "required", "description": "The address of an incoming webhook." },
            "bot_token": { "$ref": "#/$defs/key" },
            "channel": { "type": "string", "pattern": "^\\S+$", "description": "Where a bot writes." },
            "api_url": { "type": "string", "format": "uri", "default": "https://slack.com/api" },
            "style": { "enum": ["blocks", "plain"] },
        },
        "oneOf": [
            { "required": ["webhook_url"], "properties": { "bot_token": false, "channel": false } },
            { "required": ["bot_token", "channel"], "properties": { "webhook_url": false } },
        ],
        "$defs": { "key": { "type": "string", "x-secret": "required" } },
    })
}

fn webhook() -> Json {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["url"],
        "properties": {
            "url": { "type": "string", "format": "uri", "x-secret": "allowed", "description": "Where events are posted." },
            "secret": { "type": "string", "x-secret": "required" },
            "secrets": { "type": "array", "minItems": 1, "maxItems": 2, "items": { "type": "string", "x-secret": "required" } },
            "headers": { "type": "object", "default": {}, "additionalProperties": { "type": "string", "x-secret": "allowed" } },
            "retry": { "type": "object", "additionalProperties": false, "properties": { "times": { "type": "integer", "default": 3 } } },
        },
        "dependentSchemas": { "secret": { "properties": { "secrets": false } } },
    })
}
