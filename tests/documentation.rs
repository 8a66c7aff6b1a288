//! What README.md, SECURITY.md and docs/ say is what the program does.
//!
//! - `console`: every `$ …` line is run, and has to print what follows it. `[..]` stands for anything within a
//!   line, a line `[...]` for any number of lines. A command without `--sandbox` talks to a practice cluster that
//!   the page's commands share.
//! - `http`: every request is sent, in the order of the page, and has to be answered as it says.
//! - Other fences are not run: `sh` is for commands that need a real cluster.
//!
//! Comments set the stage for the commands that follow:
//! `<!-- sandbox: SCENARIO,SCENARIO [without controller] -->` and `<!-- before: METHOD PATH BODY -->`.

mod captures;
mod console;
mod links;
mod page;
mod words;

use crate::tests;
use captures::every_capture_is_what_goes_over_the_wire;
use console::every_example_prints_what_it_says;
use links::{every_link_leads_somewhere, every_page_is_in_the_reading_order, the_k9s_plugin_can_be_pasted};
use words::{
    every_cause_and_outcome_is_explained, every_command_has_its_page, every_exit_code_is_listed,
    every_file_and_test_that_is_named_exists, every_flag_exists,
};

tests! {
    Sandbox:
    every_example_prints_what_it_says,
    every_capture_is_what_goes_over_the_wire,
    every_link_leads_somewhere,
    every_page_is_in_the_reading_order,
    the_k9s_plugin_can_be_pasted,
    every_flag_exists,
    every_file_and_test_that_is_named_exists,
    every_command_has_its_page,
    every_cause_and_outcome_is_explained,
    every_exit_code_is_listed
}
