//! The program `trapline`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
