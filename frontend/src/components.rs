//! The parts of the page, one per file. They show view models and report what the user does; none sees the engine.

pub mod choices;
pub mod editable_text;
pub mod highest;
pub mod keys_dialog;
pub mod notices;
pub mod number_cell;
pub mod offline_switch;
pub mod people_table;
pub mod person_form;
pub mod person_row;
pub mod rail;
pub mod relay_list;
pub mod status_line;
pub mod story_list;
pub mod tags;
pub mod text_input;
pub mod theme_button;
