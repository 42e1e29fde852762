//! The picture of how the cost grows: an SVG that can be read on light and on dark ground.

use std::fmt::Write as _;
use std::path::Path;

use crate::growth::{Growth, Point, WHAT};

/// Draws it beside this file.
pub fn write(growth: &Growth) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/growth.svg");
    std::fs::write(&path, draw(growth)).map_err(|error| format!("{}: {error}", path.display()))
}

/// One row of panels for what it costs, one for how long it takes.
const ROWS: [(&str, Of); 2] = [
    ("processor time, µs", Point::cost),
    ("p50 of the time taken, µs", Point::p50),
];

type Of = fn(&Point) -> f64;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 58.0;
const GAP: f64 = 58.0;

/// Both axes are logarithmic: from one connection to ten thousand, from 1 µs to 100 ms.
const DECADES: (f64, f64) = (4.0, 5.0);

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
        for (row, (unit, of)) in ROWS.iter().enumerate() {
            let x = LEFT + index(what) * (WIDTH + GAP);
            let y = TOP + index(row) * (HEIGHT + GAP);
            let panel = Panel { x, y };
            panel.push_frame(&mut svg, &format!("{title}: {unit}"));
            for who in 0..growth.names.len() {
                for threads in [1, 2] {
                    let points = growth.line(what, who, threads);
                    let points = points.map(|point| (index(point.connections), of(point)));
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
            x += 270.0;
        }
    }
}

/// One diagram, by its upper left corner.
struct Panel {
    x: f64,
    y: f64,
}

impl Panel {
    fn push_frame(&self, svg: &mut String, title: &str) {
        let Self { x, y } = self;
        let mut say = |line: String| writeln!(svg, "{line}").expect("a text grows");
        say(format!(
            "<rect class=\"f\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
             <text class=\"t\" x=\"{x}\" y=\"{:.0}\">{title}</text>",
            y - 8.0
        ));
        for (decade, label) in ["1", "10", "100", "1,000", "10,000"].iter().enumerate() {
            let (at, below) = (x + WIDTH * index(decade) / DECADES.0, y + HEIGHT);
            say(format!(
                "<line class=\"g\" x1=\"{at}\" y1=\"{y}\" x2=\"{at}\" y2=\"{below}\"/>\
                 <text class=\"m\" x=\"{at}\" y=\"{:.0}\">{label}</text>",
                below + 16.0
            ));
        }
        for (decade, label) in ["1", "10", "100", "1,000", "10,000", "100,000"]
            .iter()
            .enumerate()
        {
            let at = y + HEIGHT * (1.0 - index(decade) / DECADES.1);
            say(format!(
                "<line class=\"g\" x1=\"{x}\" y1=\"{at:.1}\" x2=\"{:.0}\" y2=\"{at:.1}\"/>\
                 <text class=\"e\" x=\"{:.0}\" y=\"{:.1}\">{label}</text>",
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
            .map(|(count, value)| {
                let x = self.x + WIDTH * count.log10() / DECADES.0;
                let up = (value.log10() / DECADES.1).clamp(0.0, 1.0);
                (x, self.y + HEIGHT * (1.0 - up))
            });
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
