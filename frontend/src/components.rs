//! The parts of the page, one per file. They show view models and report what the user does; none sees the engine.
//! What has no state of its own is a function: smaller, and rendered with what it stands in.

pub mod burst_form;
pub mod choices;
pub mod conflict_card;
pub mod counter_cell;
pub mod editable_text;
pub mod exchange;
pub mod field_cell;
pub mod focus;
pub mod highest;
pub mod impairment_form;
pub mod import_dialog;
pub mod import_panel;
pub mod keys_dialog;
pub mod ladder;
pub mod language_button;
pub mod leases;
pub mod load_chart;
pub mod notices;
pub mod number_cell;
pub mod number_tag;
pub mod offline_switch;
pub mod rail;
pub mod record_form;
pub mod record_row;
pub mod record_table;
pub mod relay_list;
pub mod set_cell;
pub mod settings_form;
pub mod status_line;
pub mod story_list;
mod table_bearings;
pub mod text_cell;
pub mod text_input;
pub mod theme_button;
pub mod tour_panel;
pub mod undo_button;
