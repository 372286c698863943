use frontend::app::App;
use frontend::engine::words;
use wasm_bindgen_futures::spawn_local;

fn main() {
    console_error_panic_hook::set_once();
    spawn_local(async {
        // The app finds the page in English, and says so.
        let _spoken = words::speak(words::wanted()).await;
        yew::Renderer::<App>::new().render();
    });
}
