//! Components that show what they are given.

use yew::{Html, Properties, component};

#[derive(Properties, PartialEq)]
pub struct StillProps {
    pub html: Html,
}

/// What is shown by a function rather than a component.
#[component]
pub fn Still(props: &StillProps) -> Html {
    props.html.clone()
}
