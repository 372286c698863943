//! Charts as SVG.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
/// Room for the labels of the axes, left, above, right and below.
const MARGIN: [f64; 4] = [64.0, 44.0, 20.0, 48.0];
const COLOURS: [&str; 4] = ["#0f8b8d", "#4f46b8", "#b26a00", "#b3261e"];

#[derive(Clone, Copy)]
pub enum Scale {
    Linear,
    /// Also for figures that are 0: they stand at its lower end.
    Log,
}

/// One axis.
pub struct Axis {
    pub label: &'static str,
    pub scale: Scale,
    pub least: f64,
    pub most: f64,
}

/// A line with its name.
pub struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// A stretch of time with a name, behind the lines.
pub struct Band {
    pub from: f64,
    pub until: f64,
    pub name: String,
}

pub struct Chart {
    pub title: String,
    pub x: Axis,
    pub y: Axis,
    pub bands: Vec<Band>,
    pub lines: Vec<Line>,
}

impl Axis {
    /// Where a figure is, from 0 to 1.
    fn share(&self, figure: f64) -> f64 {
        let bounded = figure.clamp(self.least, self.most);
        match self.scale {
            Scale::Linear => (bounded - self.least) / (self.most - self.least),
            Scale::Log => (bounded / self.least).ln() / (self.most / self.least).ln(),
        }
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Log => {
                let decades = (0..12).map(|decade| 10_f64.powi(decade - 3));
                decades.filter(|tick| (self.least..=self.most).contains(tick)).collect()
            }
            Scale::Linear => {
                let rough = (self.most - self.least) / 8.0;
                let unit = 10_f64.powf(rough.log10().floor());
                let step = unit * [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| unit * step >= rough).unwrap_or(10.0);
                let count = ((self.most - self.least) / step) as usize;
                (0..=count).map(|at| self.least + at as f64 * step).collect()
            }
        }
    }
}

impl Chart {
    fn x(&self, figure: f64) -> f64 {
        MARGIN[0] + self.x.share(figure) * (WIDTH - MARGIN[0] - MARGIN[2])
    }

    fn y(&self, figure: f64) -> f64 {
        HEIGHT - MARGIN[3] - self.y.share(figure) * (HEIGHT - MARGIN[1] - MARGIN[3])
    }

    pub fn svg(&self) -> String {
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#33393c\">\n<title>{0}</title>\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fbfbfa\"/>\n\
             <text x=\"{1}\" y=\"22\" font-size=\"15\" font-weight=\"600\">{0}</text>\n",
            self.title, MARGIN[0]
        );
        self.draw_bands(&mut svg);
        self.draw_axes(&mut svg);
        self.draw_lines(&mut svg);
        svg + "</svg>\n"
    }

    fn draw_bands(&self, svg: &mut String) {
        let (top, bottom) = (MARGIN[1], HEIGHT - MARGIN[3]);
        for (at, band) in self.bands.iter().enumerate() {
            let (from, until) = (self.x(band.from), self.x(band.until));
            let shade = if at % 2 == 0 { "#eef0ef" } else { "#fbf1de" };
            let _never_fails = writeln!(
                svg,
                "<rect x=\"{from:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{shade}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#5c6467\">{}</text>",
                until - from,
                bottom - top,
                from + 4.0,
                top + 14.0,
                band.name
            );
        }
    }

    fn draw_axes(&self, svg: &mut String) {
        let (left, right) = (MARGIN[0], WIDTH - MARGIN[2]);
        let (top, bottom) = (MARGIN[1], HEIGHT - MARGIN[3]);
        for tick in self.y.ticks() {
            let y = self.y(tick);
            let _never_fails = writeln!(
                svg,
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#d9dddc\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
                left - 6.0,
                y + 4.0
            );
        }
        for tick in self.x.ticks() {
            let x = self.x(tick);
            let _never_fails =
                writeln!(svg, "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>", bottom + 16.0);
        }
        let _never_fails = writeln!(
            svg,
            "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#33393c\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text x=\"{left}\" y=\"{:.1}\">{}</text>",
            (left + right) / 2.0,
            HEIGHT - 10.0,
            self.x.label,
            top - 6.0,
            self.y.label
        );
    }

    fn draw_lines(&self, svg: &mut String) {
        for (at, (line, colour)) in self.lines.iter().zip(COLOURS).enumerate() {
            let points: Vec<_> =
                line.points.iter().map(|&(x, y)| format!("{:.1},{:.1}", self.x(x), self.y(y))).collect();
            // Not by colour alone.
            let dashes = ["", "6 3", "2 3", "9 3 2 3"][at];
            let (x, y) = (WIDTH - MARGIN[2] - 150.0, MARGIN[1] + 14.0 + 17.0 * at as f64);
            let _never_fails = writeln!(
                svg,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
                 stroke-dasharray=\"{dashes}\"/>\
                 <line x1=\"{x}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\" \
                 stroke-dasharray=\"{dashes}\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                points.join(" "),
                x + 26.0,
                x + 32.0,
                y + 4.0,
                line.name
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_lie_between_the_ends_of_their_axis() {
        let log = Axis { label: "", scale: Scale::Log, least: 1.0, most: 100.0 };
        assert_eq!([0.0, 1.0, 10.0, 1e9].map(|figure| log.share(figure)), [0.0, 0.0, 0.5, 1.0]);
        let linear = Axis { label: "", scale: Scale::Linear, least: 0.0, most: 40.0 };
        assert_eq!([0.0, 10.0, 50.0].map(|figure| linear.share(figure)), [0.0, 0.25, 1.0]);
        assert_eq!(linear.ticks(), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0]);
    }
}
