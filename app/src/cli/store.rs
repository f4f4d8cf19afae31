//! `switchboard store`: comes later; says so.

use clap::Args;

use super::exit::Exit;

/// Whatever follows.
#[derive(Debug, Args)]
pub struct Options {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// One honest line.
pub fn run(options: &Options) -> Result<(), Exit> {
    let what = options.rest.first().map_or("store", String::as_str);
    let what = if ["backup", "restore", "copy"].contains(&what) { what } else { "backup, restore, copy" };
    let instead = "stop the server and copy the store's folder instead";
    Err(Exit::Usage(format!("store {what}: is not available in this version; {instead}")))
}
