//! Where relays and tabs are drawn.

use std::f64::consts::{PI, TAU};

/// Where something is drawn, in thousandths of the width and of the height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub x: i32,
    pub y: i32,
}

/// Relays stand on a ring, the first at the top; one or two stand above their tabs.
pub(super) fn relay_place(at: usize, of: usize) -> Position {
    match of {
        1 => Position { x: 500, y: 380 },
        2 => Position { x: 295 + 410 * at as i32, y: 380 },
        _ => {
            // A corner at the top leaves more room below.
            let (first, middle) = if of == 4 { (-0.75 * PI, 500.0) } else { (-0.5 * PI, 530.0) };
            let angle = first + at as f64 / of as f64 * TAU;
            let (width, height) = if of < 4 { (237.0, 225.0) } else { (330.0, 225.0) };
            let (cos, sin) = turned(angle);
            let (x, y) = (500.0 + cos * width, middle + sin * height);
            Position { x: x.round() as i32, y: y.round() as i32 }
        }
    }
}

/// The cosine and the sine of an angle, by doubling one that is small enough to be its own sine. The library's weigh five
/// kilobytes in a page.
fn turned(angle: f64) -> (f64, f64) {
    const DOUBLINGS: i32 = 24;
    let small = angle / f64::from(1 << DOUBLINGS);
    let double = |(cos, sin): (f64, f64)| (cos * cos - sin * sin, 2.0 * cos * sin);
    (0..DOUBLINGS).fold((1.0, small), |turned, _| double(turned))
}

/// The tabs of a relay stand above or below it, away from the other relays, two by two.
pub(super) fn tab_place(relay: Position, nth: usize, of: usize) -> Position {
    let is_alone = nth + 1 == of && of % 2 == 1;
    let aside = match nth % 2 {
        _ if is_alone => 0,
        0 => -105,
        _ => 105,
    };
    let away = 162 + 85 * (nth / 2) as i32;
    let is_above = relay.y < 380;
    Position { x: relay.x + aside, y: if is_above { relay.y - away } else { relay.y + away } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_turned_is_where_the_library_puts_it() {
        for degrees in -360..=360 {
            let angle = f64::from(degrees).to_radians();
            let (cos, sin) = turned(angle);
            assert!((cos - angle.cos()).abs() < 1e-4 && (sin - angle.sin()).abs() < 1e-4, "{degrees}°: {cos}, {sin}");
        }
    }
}
