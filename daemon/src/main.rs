//! commwatch.

fn main() {
    commwatch::plugin_host::enter_if_asked();
}
