//! `commwatch schema`: the configuration's JSON Schema, for editors.

use std::path::Path;

use super::{Console, Exit};
use crate::config;
use crate::plugin::{Manifest, list};

/// Of the plugins that come with commwatch; of a configuration that is named, also of those that it would find, which
/// count for more. None of them is loaded.
pub(super) fn run(config: Option<&Path>, console: &mut Console<'_>) -> Exit {
    let mut plugins = config::shipped_schemas();
    if let Some(path) = config {
        let Some(folders) = config::plugin_folders(path) else {
            console.message(&format!(
                "error: cannot read {}\n  hint: without -c the schema is that of the plugins that come with commwatch",
                path.display()
            ));
            return Exit::Failed;
        };
        for (name, file) in list(&folders) {
            match Manifest::read(&file) {
                Ok(manifest) => {
                    plugins.insert(name, manifest.config);
                }
                Err(refusal) => console.message(&format!("warning: left out: {refusal}")),
            }
        }
    }
    let config::Schema { json, left_out } = config::schema(&plugins);
    for (name, why) in left_out {
        console.message(&format!("warning: the plugin `{name}` has no usable schema of its own: {why}"));
    }
    console.json(&json);
    Exit::Done
}
