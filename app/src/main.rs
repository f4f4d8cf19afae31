//! The `switchboard` binary.

use std::process::ExitCode;

use clap::Parser as _;
use switchboard::cli::exit::Exit;
use switchboard::cli::{CommandLine, run};
use switchboard::compose::Composed;
use switchboard::config::Environment;
use switchboard::telemetry::panics;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    panics::hush();
    let line = CommandLine::parse();
    // One TLS provider for everything, named before the first client is built. It fails only when there is one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let environment = Environment::of_process();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(run(line, &environment, &Composed::default()));
            // What may be stored is stored by now. A file that somebody reads on a file system that hangs is waited for by nobody.
            runtime.shutdown_background();
            exit
        }
        Err(error) => Exit::Failed(format!("failed to start: {error}")),
    };
    exit.code()
}
