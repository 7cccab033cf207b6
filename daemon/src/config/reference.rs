//! References to secrets in the file: `{ credential = "NAME" }`, `{ file = "PATH" }`, `{ env = "NAME" }`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::SecretRef;
use super::findings::{Doubt, Note};
use super::section::{Bad, Context, Key, Section, key};
use super::spanned::{Kind, Place, Value};

pub(super) const KEYS: &[Key] = &[key("credential"), key("file"), key("env")];

/// systemd's bound on the name of a credential.
const CREDENTIAL_CHARS_MAX: usize = 255;

const FORMS: &str = "{ credential = \"NAME\" } (a file in systemd's credentials folder), { file = \"PATH\" } or { env = \"NAME\" }";

/// Reads a reference; a secret written out is refused without being shown.
pub(super) fn read(cx: Context<'_>, label: &str, value: &Value) -> Option<SecretRef> {
    let Kind::Table(table) = &value.kind else {
        if !matches!(value.kind, Kind::Unusable) {
            refuse_literal(cx, label, value);
        }
        return None;
    };
    let section = Section::open(cx, value, &format!("`{label}`"), KEYS)?;
    let known = |name: &str| KEYS.iter().any(|key| key.name == name);
    match table.0.iter().filter(|entry| known(&entry.key)).count() {
        1 => {}
        // Its unknown keys have been told already.
        0 if !table.0.is_empty() => return None,
        0 => {
            section.error(
                value.at,
                format!("`{label}` does not say where the secret is kept"),
                format!("write {FORMS}"),
            );
            return None;
        }
        _ => {
            section.error(
                value.at,
                format!("`{label}` names two places"),
                "keep one of `credential`, `file`, `env`",
            );
            return None;
        }
    }
    let credential = section.parse("credential", credential_name).map(SecretRef::Credential);
    let variable = section.parse("env", variable_name).map(SecretRef::Env);
    let file = section.path("file").map(|path| {
        warn_of_readers(cx, section.place("file"), &path);
        SecretRef::File(path)
    });
    credential.or(variable).or(file)
}

/// Says that a secret stands in the file, and sees to it that its lines are not shown.
pub(super) fn refuse_literal(cx: Context<'_>, label: &str, value: &Value) {
    cx.findings.hide(value.at, Doubt::Is);
    let message = format!("`{label}` holds the secret itself; only a reference to it is taken");
    cx.findings.add(
        Note::error(value.at, message)
            .hint(format!("keep the secret elsewhere and write in its place {FORMS}")),
    );
}

fn warn_of_readers(cx: Context<'_>, at: Place, path: &Path) {
    let mode = fs::metadata(path).map_or(0, |file| file.permissions().mode());
    if mode & 0o004 != 0 {
        let message = format!("everybody on this machine can read the secret file `{}`", path.display());
        cx.findings.add(Note::warning(at, message).hint("chmod o-rwx, or use a credential"));
    }
}

fn credential_name(name: &str) -> Result<String, Bad> {
    let good = name.len() <= CREDENTIAL_CHARS_MAX
        && !matches!(name, "." | "..")
        && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    let hint =
        "a credential is named like the file in systemd's credentials folder, such as \"commbox-token\"";
    if good { Ok(name.to_owned()) } else { Err(Bad::new("this cannot be the name of a credential", hint)) }
}

fn variable_name(name: &str) -> Result<String, Bad> {
    let name_is_good = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let hint = "write the variable's name without `$`, such as \"COMMBOX_TOKEN\"";
    if name_is_good {
        Ok(name.to_owned())
    } else {
        Err(Bad::new("this cannot be the name of a variable", hint))
    }
}
