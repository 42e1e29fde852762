// Certificates and lists: each on a lane of time, and all of them as a table.

import { h } from './page.js';
import { day, t } from './words.js';

// The steps at which the gateway raises its alarms, in days.
const STEPS = [60, 30, 14, 7, 1];
const TICKS = [7, 14, 30, 60, 180, 365, 730];
const BEFORE = 30;
// What lasts longer goes on beyond the edge: nobody plans further.
const FARTHEST = 800;
const DAY = 86_400_000;

/** The lanes, the one that ends first above. */
export function timeline(papers, now) {
  const ends = papers.filter((paper) => paper.days_left !== null);
  if (ends.length === 0) return null;
  const most = Math.min(FARTHEST, Math.max(90, ...ends.map((paper) => paper.days_left)));
  const x = scale(most);
  const sorted = [...ends].sort((a, b) => a.days_left - b.days_left);
  return h('figure', { class: 'timeline' },
    h('figcaption', {}, t('Each bar ends when its certificate does. Days nearer to today take more room; the shades are the last 60, 30, 14, 7 and 1 days.')),
    h('div', { class: 'days', 'aria-hidden': 'true' }, h('span', { style: { left: `${x(0)}%` } }, t('today')),
      TICKS.filter((tick) => tick <= most).map((tick) => h('span', { class: `tick of-${tick}`, style: { left: `${x(tick)}%` } }, days(tick)))),
    h('ul', {}, sorted.map((paper) => lane(paper, x, now))));
}

function lane(paper, x, now) {
  const look = paper.state === 'good' ? 'good' : paper.state === 'ends-soon' && paper.days_left > 7 ? 'warn' : 'bad';
  const begin = x((Date.parse(paper.not_before) - now) / DAY);
  const end = x(paper.days_left);
  return h('li', { class: `lane ${look}`, key: `${paper.configured_at} ${paper.serial} ${paper.role} ${paper.system}` },
    h('p', {}, h('span', { class: 'strong' }, name(paper)), ' ', h('span', { class: 'quiet' }, holder(paper)), ' ', h('span', { class: `chip ${look}` }, left(paper))),
    h('svg', { class: 'track', 'aria-hidden': 'true' },
      STEPS.map((step) => h('rect', { class: 'zone', x: `${x(0)}%`, width: `${(x(step) - x(0)).toFixed(2)}%`, y: 0, height: 16 })),
      h('rect', { class: 'hold', x: `${begin}%`, width: `${Math.max(0.4, end - begin).toFixed(2)}%`, y: 4, height: 8, rx: 2 }),
      h('rect', { class: 'today', x: `${x(0)}%`, width: 2, y: 0, height: 16 })),
    look === 'good' ? null : h('p', { class: 'breaks' }, `${t('What breaks')}: ${t(paper.breaks)}`));
}

/** Percent of the width for a day from now: the root, so that the last days can be told apart. */
function scale(most) {
  const root = (days) => Math.sign(days) * Math.sqrt(Math.abs(days));
  const [first, last] = [root(-BEFORE), root(most)];
  return (days) => Number((((root(Math.max(-BEFORE, Math.min(most, days))) - first) / (last - first)) * 100).toFixed(2));
}

function days(count) {
  return count < 365 ? t('{count} d', { count }) : t('{count} y', { count: Math.round(count / 365) });
}

function left(paper) {
  if (paper.days_left === null) return t('says no end');
  if (paper.state === 'not-yet') return `■ ${t('does not hold yet')}`;
  if (paper.days_left < 0) return `■ ${t('ended on {day}', { day: day(paper.not_after) })}`;
  const sign = paper.state === 'good' ? '●' : '▲';
  const next = paper.has_successor ? `, ${t('the next one is in place')}` : '';
  return `${sign} ${t('{count} days, until {day}', { count: paper.days_left, day: day(paper.not_after) })}${next}`;
}

/** The common name is what people call it; the whole subject stands in the table. */
function name(paper) {
  const common = /CN=([^,]+)/.exec(paper.subject);
  return common ? common[1] : paper.subject;
}

function holder(paper) {
  return [t(paper.kind), paper.system, t(paper.role)].filter(Boolean).join(' · ');
}

/** Everything about each of them. */
export function table(papers) {
  if (papers.length === 0) return h('p', {}, t('No certificate is in use.'));
  const head = [t('what'), t('subject'), t('issuer'), t('names'), t('holds'), t('left'), t('configured at'), t('what breaks when it ends')];
  return h('table', {},
    h('thead', {}, h('tr', {}, head.map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, papers.map((paper) => h('tr', {}, [
      holder(paper), paper.subject, paper.issuer, paper.names,
      `${day(paper.not_before)} – ${paper.not_after ? day(paper.not_after) : ''}`, left(paper),
      paper.configured_at, t(paper.breaks)].map((text) => h('td', {}, text))))));
}
