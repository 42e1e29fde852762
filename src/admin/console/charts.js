// Charts of the last minutes: lines over time, with a mark in each of them where something happened.

import { h } from './page.js';
import { clock, number, t } from './words.js';

const [WIDTH, HEIGHT] = [600, 140];

/** One chart, from `reach` milliseconds ago until now. Each series has a name, a look, and points of time and value. */
export function chart(title, unit, series, marks, { now, reach }) {
  const most = Math.max(1, ...series.flatMap(({ points }) => points.map(([, value]) => value)));
  const top = niceTop(most);
  const x = (at) => WIDTH - ((now - at) / reach) * WIDTH;
  const y = (value) => HEIGHT - (value / top) * HEIGHT;
  const said = series.map(({ name, points }) => `${name} ${number(points.at(-1)?.[1] ?? 0)}${unit}`).join(', ');
  return h('figure', { class: 'chart', key: title },
    h('figcaption', {}, h('span', { class: 'strong' }, title), series.map((one) => legend(one, unit))),
    h('div', { class: 'plot' },
      h('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': `${title}: ${said}` },
        [0.25, 0.5, 0.75].map((part) => h('path', { class: 'grid', d: `M0 ${HEIGHT * part}H${WIDTH}` })),
        marks.map((mark) => h('path', { class: 'mark', key: mark.at, d: `M${x(mark.at).toFixed(1)} 0V${HEIGHT}` })),
        series.map(({ look, points }) => h('path', { class: `series ${look}`, d: path(points, x, y) }))),
      h('span', { class: 'top' }, `${number(top)}${unit}`),
      marks.map((mark) => h('span', { class: 'sign', key: mark.at, style: { left: `${((x(mark.at) / WIDTH) * 100).toFixed(2)}%` }, title: mark.text }, mark.sign))),
    h('p', { class: 'axis' }, h('span', {}, t('{count} min ago', { count: reach / 60_000 })), h('span', {}, t('now'))));
}

/** What the signs in the charts stand for. */
export function key(marks) {
  if (marks.length === 0) return null;
  return h('p', { class: 'key' }, marks.map((mark) => h('span', { key: mark.at }, `${mark.sign} ${clock(new Date(mark.at))} ${mark.text} `)));
}

function legend({ name, look, points }, unit) {
  return h('span', { class: 'legend' },
    h('svg', { class: 'swatch', viewBox: '0 0 26 8', 'aria-hidden': 'true' }, h('path', { class: `series ${look}`, d: 'M0 4H26' })),
    ` ${name} `, h('b', {}, `${number(points.at(-1)?.[1] ?? 0)}${unit}`));
}

function path(points, x, y) {
  return points.map(([at, value], index) => `${index === 0 ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join('');
}

/** The next round number: an axis that moves with each point cannot be read. */
function niceTop(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].find((step) => step * power >= most) * power;
}
