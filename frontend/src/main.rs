use yew::prelude::*;

#[component]
fn App() -> Html {
    html! { <h1>{ "Duet" }</h1> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
