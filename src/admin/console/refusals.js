// What went wrong lately: equal things folded into one, each with what SAP shows and what to do.

import { h } from './page.js';
import { moment, t } from './words.js';

const SHOWN = ['code', 'hint', 'seen_in_sap', 'system', 'side', 'peer', 'client'];
// What the parts of the gateway call the reason; the first of them says most.
const WHY = ['error', 'failure', 'detail', 'cause'];
const FOLDED_BY = ['code', 'system', 'side', 'seen_in_sap', 'hint'];

/** Folds what is equal but for its time and its caller; the latest comes first. */
export function folded(said) {
  const groups = new Map();
  for (const one of said) {
    const fields = Object.fromEntries(one.fields);
    const key = JSON.stringify([one.level, one.message, ...FOLDED_BY.map((name) => fields[name])]);
    const more = Number(fields.suppressed ?? 0) || 0;
    const group = groups.get(key) ?? { key, count: 0, first: one.at };
    groups.set(key, { ...group, count: group.count + 1 + more, last: one.at, number: one.number, one, fields });
  }
  return [...groups.values()].sort((a, b) => b.number - a.number);
}

export function list(said) {
  const groups = folded(said);
  if (groups.length === 0) return h('p', {}, t('Nothing was refused and nothing failed since the start.'));
  return h('ul', { class: 'said' }, groups.map(item));
}

function item({ key, count, first, last, one, fields }) {
  const look = { ERROR: 'bad', WARN: 'warn' }[one.level] ?? 'idle';
  const word = { ERROR: `■ ${t('error')}`, WARN: `▲ ${t('warning')}` }[one.level] ?? `● ${t('refusal')}`;
  const reason = WHY.find((name) => fields[name]);
  const rows = [
    [t('why'), fields[reason]], [t('SAP shows'), fields.seen_in_sap], [t('what to do'), fields.hint],
    [t('who'), fields.client ?? fields.peer], [t('SAP system'), fields.system], [t('side'), fields.side],
  ].filter(([, value]) => value);
  const rest = one.fields.filter(([name]) => ![...SHOWN, reason, 'suppressed'].includes(name));
  return h('li', { class: `card ${look}`, key },
    h('h3', {}, h('span', { class: `chip ${look}` }, word), ' ', one.message, ' ',
      fields.code ? h('code', {}, fields.code) : null, ' ',
      count > 1 ? h('span', { class: 'chip' }, t('{count} times', { count })) : null),
    h('dl', {}, rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])),
    h('p', { class: 'quiet' }, count > 1 ? `${moment(first)} – ${moment(last)}` : moment(last),
      rest.map(([name, value]) => ` · ${name}: ${value}`)));
}
