//! The `nsfix` command.

fn main() {}
