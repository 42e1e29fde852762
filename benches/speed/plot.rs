//! The picture of how the cost grows: an SVG that can be read on light and on dark ground.

use std::fmt::Write as _;
use std::path::Path;

use crate::growth::{Growth, Point, WHAT};

/// Draws it beside this file.
pub fn write(growth: &Growth) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/growth.svg");
    std::fs::write(&path, draw(growth)).map_err(|error| format!("{}: {error}", path.display()))
}

/// One row of panels.
struct Row {
    title: &'static str,
    of: fn(&Point) -> f64,
    /// The first and the last of [`LABELS`] on the upright axis.
    from: usize,
    to: usize,
}

const ROWS: [Row; 2] = [
    Row {
        title: "processor time, µs",
        of: Point::cost,
        from: 1,
        to: 4,
    },
    Row {
        title: "p50, µs",
        of: Point::p50,
        from: 1,
        to: 5,
    },
];

/// Both axes are logarithmic; these stand at the powers of ten.
const LABELS: [&str; 6] = ["1", "10", "100", "1,000", "10,000", "100,000"];

/// The level axis ends with ten thousand connections.
const LAST: usize = 4;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 58.0;
const GAP: f64 = 72.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}\
.t{font-weight:600}.e{text-anchor:end}.m{text-anchor:middle}\
.g{stroke:#8886;stroke-width:.5}.f{fill:none;stroke:#888}\
path,.k{fill:none;stroke-width:2}.s0{stroke:#0a6ed1}.s1{stroke:#d1600a}\
circle.s0{fill:#0a6ed1}circle.s1{fill:#d1600a}.two{stroke-dasharray:5 4}\
@media(prefers-color-scheme:dark){text{fill:#ddd}.s0{stroke:#6cb8ff}.s1{stroke:#ffa45c}\
circle.s0{fill:#6cb8ff}circle.s1{fill:#ffa45c}}";

fn draw(growth: &Growth) -> String {
    let columns = f64::from(u32::try_from(WHAT.len()).expect("few"));
    let width = LEFT + columns * (WIDTH + GAP);
    let height = TOP + 2.0 * (HEIGHT + GAP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>What an operation costs with 1 to 10,000 connections</title>\n\
         <style>{STYLE}</style>\n"
    );
    push_legend(&mut svg, growth);
    for (what, (title, ..)) in WHAT.iter().enumerate() {
        for (at, row) in ROWS.iter().enumerate() {
            let panel = Panel {
                x: LEFT + index(what) * (WIDTH + GAP),
                y: TOP + index(at) * (HEIGHT + GAP),
                row,
            };
            panel.push_frame(&mut svg, &format!("{title}: {}", row.title));
            for who in 0..growth.names.len() {
                for threads in [1, 2] {
                    let points = growth.line(what, who, threads);
                    let points = points.map(|point| (index(point.connections), (row.of)(point)));
                    panel.push_line(&mut svg, who, threads, points);
                }
            }
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn push_legend(svg: &mut String, growth: &Growth) {
    let mut x = LEFT;
    for (who, name) in growth.names.iter().enumerate() {
        for (threads, dashes) in [(1, ""), (2, " two")] {
            let (end, behind) = (x + 28.0, x + 34.0);
            let plural = if threads == 1 { "thread" } else { "threads" };
            writeln!(
                svg,
                "<line class=\"k s{who}{dashes}\" x1=\"{x}\" y1=\"18\" x2=\"{end}\" y2=\"18\"/>\
                 <text x=\"{behind}\" y=\"22\">{name}, {threads} {plural}</text>"
            )
            .expect("a text grows");
            x += 300.0;
        }
    }
}

/// One diagram, by its upper left corner.
struct Panel {
    x: f64,
    y: f64,
    row: &'static Row,
}

impl Panel {
    /// Where so many connections are.
    fn across(&self, power: f64) -> f64 {
        self.x + WIDTH * power / index(LAST)
    }

    /// Where so many microseconds are.
    fn up(&self, power: f64) -> f64 {
        let Row { from, to, .. } = self.row;
        let share = (power - index(*from)) / index(to - from);
        self.y + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }

    fn push_frame(&self, svg: &mut String, title: &str) {
        let (x, y, below) = (self.x, self.y, self.y + HEIGHT);
        let mut say = |line: String| writeln!(svg, "{line}").expect("a text grows");
        say(format!(
            "<rect class=\"f\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
             <text class=\"t\" x=\"{x}\" y=\"{}\">{title}</text>\
             <text class=\"m\" x=\"{}\" y=\"{}\">connections</text>",
            y - 8.0,
            x + WIDTH / 2.0,
            below + 32.0
        ));
        for (power, label) in LABELS.iter().enumerate().take(LAST + 1) {
            let at = self.across(index(power));
            say(format!(
                "<line class=\"g\" x1=\"{at}\" y1=\"{y}\" x2=\"{at}\" y2=\"{below}\"/>\
                 <text class=\"m\" x=\"{at}\" y=\"{}\">{label}</text>",
                below + 16.0
            ));
        }
        let powers = LABELS.iter().enumerate().take(self.row.to + 1);
        for (power, label) in powers.skip(self.row.from) {
            let at = self.up(index(power));
            say(format!(
                "<line class=\"g\" x1=\"{x}\" y1=\"{at:.1}\" x2=\"{}\" y2=\"{at:.1}\"/>\
                 <text class=\"e\" x=\"{}\" y=\"{:.1}\">{label}</text>",
                x + WIDTH,
                x - 5.0,
                at + 4.0
            ));
        }
    }

    fn push_line(
        &self,
        svg: &mut String,
        who: usize,
        threads: usize,
        points: impl Iterator<Item = (f64, f64)>,
    ) {
        let places = points
            .filter(|(_, value)| value.is_finite())
            .map(|(count, value)| (self.across(count.log10()), self.up(value.log10())));
        let places: Vec<_> = places.collect();
        let mut path = String::new();
        for (at, (x, y)) in places.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            write!(path, "{letter}{x:.1} {y:.1}").expect("a text grows");
        }
        let dashes = if threads == 1 { "" } else { " two" };
        writeln!(svg, "<path class=\"s{who}{dashes}\" d=\"{path}\"/>").expect("a text grows");
        for (x, y) in places {
            writeln!(
                svg,
                "<circle class=\"s{who}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\"/>"
            )
            .expect("a text grows");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of a picture are small")]
const fn index(number: usize) -> f64 {
    number as f64
}
