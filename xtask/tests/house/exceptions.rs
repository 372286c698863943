//! Breaches of the rules that are allowed, each with its reason. An exception that nothing needs fails the test.

use crate::verdict::Exception;

const fn except(key: &'static str, reason: &'static str) -> Exception {
    Exception { key, reason }
}

pub const LAYERS_OF_SHARED: [Exception; 0] = [];

const ONE_KNOT: &str = "its parts are not split by concern yet";

pub const CYCLES_OF_SHARED: [Exception; 0] = [];

pub const LAYERS_OF_FRONTEND: [Exception; 0] = [];

const COMMAND_LINE: &str = "one field for each option of the command line";

pub const SIZES: [Exception; 13] = [
    except("client/src/web.rs State", ONE_KNOT),
    except("client/src/session.rs Session", ONE_KNOT),
    except("frontend/src/view_model.rs PageState", "one field for each part of the page"),
    except("frontend/src/view_model/dynamic.rs DynamicView", "one field for each figure of a page"),
    except("frontend/src/view_model/story.rs in_words", "one arm for each kind of event"),
    except("relay/src/config.rs Args", COMMAND_LINE),
    except("relay/src/config.rs Config", COMMAND_LINE),
    except("relay/src/node.rs Node", ONE_KNOT),
    except("shared/src/replica/io/durable.rs Recovered", "one field for each kind of stored row"),
    except("shared/src/sim/checker.rs Checker", ONE_KNOT),
    except("shared/src/sim/model.rs Model", ONE_KNOT),
    except("shared/src/sim/world.rs World", ONE_KNOT),
    except("shared/src/sim/world/node.rs Node", ONE_KNOT),
];
