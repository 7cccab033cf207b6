//! The commands that need other wings.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    Commands, ConformArgs, Console, Exit, FindArgs, OnceArgs, Output, check, find, once, online, plugins,
    run, schema, show,
};
use crate::config::{self, Config};
use crate::plugin::{Installed, Manifest, TriedOut, list};

/// The commands of the real binary.
#[derive(Clone, Copy, Debug)]
pub struct Real;

impl Commands for Real {
    fn run(&self, config: &Path, accept_new_baseline: bool) -> Exit {
        run::run(config, accept_new_baseline)
    }

    fn check(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        checked(config, check::check, console)
    }

    fn print_effective(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        checked(config, check::check_and_print, console)
    }

    fn schema(&self, config: Option<&Path>, console: &mut Console<'_>) -> Exit {
        schema::run(config, console)
    }

    fn check_online(&self, config: &Path, socket: &Path, console: &mut Console<'_>) -> Exit {
        match TriedOut::new() {
            Ok(tried_out) => online::run(config, socket, &tried_out, console),
            Err(error) => no_children(&error, console),
        }
    }

    fn load(&self, config: &Path) -> Result<Box<Config>, String> {
        config::load(config, &Installed)
            .map(|loaded| Box::new(loaded.config))
            .map_err(|mistakes| mistakes.to_string())
    }

    fn once(&self, config: &Path, args: &OnceArgs, console: &mut Console<'_>) -> Exit {
        once::run(config, args, console)
    }

    fn show(&self, config: &Path, watch: &str, console: &mut Console<'_>) -> Exit {
        show::run(config, watch, console)
    }

    fn find(&self, config: &Path, args: &FindArgs, console: &mut Console<'_>) -> Exit {
        find::run(config, args, console)
    }

    fn plugins_list(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        let folders = match config::load(config, &Installed) {
            Ok(loaded) => loaded.config.plugins.path,
            Err(mistakes) => {
                console.message(mistakes.to_string().trim_end());
                return Exit::InvalidConfig;
            }
        };
        let found: Vec<_> =
            list(&folders).into_iter().map(|(name, file)| (name, Manifest::read(&file), file)).collect();
        let plugins: Vec<serde_json::Value> = found
            .iter()
            .map(|(name, manifest, file)| match manifest {
                Ok(manifest) => json!({ "name": name, "version": manifest.version,
                    "description": manifest.description, "file": file }),
                Err(refusal) => json!({ "name": name, "file": file, "error": refusal.to_string() }),
            })
            .collect();
        let lines = found.iter().map(|(name, manifest, file)| match manifest {
            Ok(manifest) => {
                format!("{name:<12} {:<8} {}  ({})", manifest.version, manifest.description, file.display())
            }
            Err(refusal) => format!("{name:<12} refused  {refusal}"),
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        console.answer(&json!({ "plugins": plugins }), &text);
        Exit::Done
    }

    fn plugins_inspect(&self, file: &Path, console: &mut Console<'_>) -> Exit {
        match Manifest::read(file) {
            Ok(manifest) => {
                let schema = serde_json::to_string_pretty(&manifest.config).expect("JSON is JSON");
                let text = format!(
                    "name         {}\nversion      {}\ndescription  {}\nconcurrency  {}\nnotification {} bytes at most\nconfig\n{schema}",
                    manifest.name,
                    manifest.version,
                    manifest.description,
                    manifest.concurrency,
                    manifest.notification_bytes_max,
                );
                let value = json!({
                    "name": manifest.name,
                    "version": manifest.version,
                    "description": manifest.description,
                    "concurrency": manifest.concurrency,
                    "notification_bytes_max": manifest.notification_bytes_max,
                    "config": manifest.config,
                });
                console.answer(&value, &text);
                Exit::Done
            }
            Err(refusal) => {
                console.message(&format!("error: {refusal}"));
                Exit::Failed
            }
        }
    }

    fn plugins_conform(&self, args: &ConformArgs, console: &mut Console<'_>) -> Exit {
        plugins::run_conform(args, console)
    }

    fn plugins_pin(&self, config: &Path, console: &mut Console<'_>) -> Exit {
        plugins::run_pin(config, console)
    }

    fn admin_socket(&self, config: &Path) -> Option<PathBuf> {
        config::likely_socket(config)
    }
}

/// Checks a configuration in one of two ways, and says what came of it.
fn checked(
    config: &Path,
    check: fn(&Path, &dyn config::Catalog, Output) -> check::Checked,
    console: &mut Console<'_>,
) -> Exit {
    match TriedOut::new() {
        Ok(tried_out) => check(config, &tried_out, console.output).tell(console),
        Err(error) => no_children(&error, console),
    }
}

fn no_children(error: &std::io::Error, console: &mut Console<'_>) -> Exit {
    console.message(&format!("error: cannot start what starts plugins: {error}"));
    Exit::Failed
}
