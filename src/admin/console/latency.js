// How long SOAP operations took, as far as the figures tell.

import { h } from './page.js';
import { quantile, since } from './exposition.js';
import { duration, number, t } from './words.js';

/** A table with a bar for each operation: the middle of all, and the slowest in a hundred. */
export function table(before, after) {
  const rows = [...after].map(([name, now]) => since(before?.get(name), now)).filter((row) => row.count > 0);
  rows.sort((a, b) => b.count - a.count);
  if (rows.length === 0) return null;
  return h('table', {},
    h('thead', {}, h('tr', {}, [t('operation'), t('way'), t('how many'), t('half within'), t('99 of 100 within'), t('on a scale from 1 ms to 10 s')]
      .map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, rows.map(row)));
}

function row(own) {
  const [middle, slow] = [quantile(0.5, own), quantile(0.99, own)];
  return h('tr', { key: `${own.flow} ${own.operation}` },
    h('th', { scope: 'row' }, named(own.operation)), h('td', {}, t(own.flow)), h('td', { class: 'figure' }, number(own.count)),
    h('td', { class: 'figure' }, duration(middle)), h('td', { class: 'figure' }, duration(slow)),
    h('td', {}, h('svg', { class: 'bar', 'aria-hidden': 'true' },
      h('rect', { class: 'slow', x: 0, y: 2, height: 12, width: `${place(slow)}%` }),
      h('rect', { class: 'middle', x: 0, y: 2, height: 12, width: `${place(middle)}%` }))));
}

function named(operation) {
  if (operation === '_other') return t('all others');
  if (operation === '_none') return t('without a name');
  return operation;
}

function place(seconds) {
  return Math.min(100, Math.max(1, (Math.log10(seconds * 1000) / 4) * 100)).toFixed(1);
}
