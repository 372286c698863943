use frontend::app::App;

use frontend::{browser, tr, words};
use wasm_bindgen_futures::spawn_local;

fn main() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        show_stopped();
    }));
    browser::on_own_error(show_stopped);
    spawn_local(async {
        // The app finds the page in English, and says so.
        let _spoken = words::speak(words::wanted()).await;
        let root = browser::document().get_element_by_id("app").expect("index.html has a place for the app");
        yew::Renderer::<App>::with_root(root).render();
    });
}

fn show_stopped() {
    let text = tr!("This page has stopped by an error of its own. What you see may be wrong. Reload it to go on.");
    browser::show_stopped(&text, &tr!("Reload"));
}
