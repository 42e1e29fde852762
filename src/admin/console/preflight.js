// The checklist: what is gone through now, and what the last one found, with the step for each desk.

import { h } from './page.js';
import { moment, t } from './words.js';

const LOOKS = { failed: ['bad', '■'], warning: ['warn', '▲'], skipped: ['idle', '–'], passed: ['good', '●'] };
// What is not good comes first; of what is good a number is enough at first.
const ORDER = ['failed', 'warning', 'skipped', 'passed'];

/** One that is under way, if any, and what came of the last one. */
export function list({ under_way: underWay, last }) {
  return [
    underWay ? h('p', { class: 'note', 'data-preflight': 'under-way', key: 'under-way' },
      t('{by} has had it begun at {since}; everybody is called and waited for.', { by: underWay.by, since: moment(underWay.since) })) : null,
    last ? result(last) : h('p', { key: 'none' }, t('It has not been gone through since the start.')),
  ];
}

function result(last) {
  const { by, began, generation, passed, failed, warnings, skipped } = last;
  const look = failed > 0 ? 'bad' : warnings > 0 ? 'warn' : 'good';
  const lines = last.report.sections.flatMap((section) => section.lines.map((line) => ({ ...line, title: section.title })));
  const worth = lines.filter((line) => line.status !== 'passed')
    .sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status));
  const good = lines.filter((line) => line.status === 'passed');
  return h('div', { 'data-preflight': look, key: began },
    h('p', { class: `note ${look}` }, `${{ bad: '■', warn: '▲', good: '●' }[look]} `,
      t('{passed} passed, {failed} failed, {warnings} with a warning, {skipped} skipped', { passed, failed, warnings, skipped }), ' ',
      h('span', { class: 'quiet' }, `${moment(began)} · ${t('generation {generation}', { generation })} · ${by}`)),
    worth.length > 0 ? h('ul', { class: 'said' }, worth.map(item)) : null,
    good.length > 0 ? h('details', {}, h('summary', {}, t('What passed')),
      h('ul', { class: 'problems' }, good.map((line) => h('li', {}, `${line.title}: ${line.question} `, h('code', {}, line.id),
        h('span', { class: 'quiet' }, line.evidence.length > 0 ? ` ${line.evidence.join(' · ')}` : ''))))) : null);
}

function item(line) {
  const [look, sign] = LOOKS[line.status];
  return h('li', { class: `card ${look}`, key: `${line.title} ${line.id}`, 'data-check': line.id },
    h('h3', {}, h('span', { class: `chip ${look}` }, `${sign} ${t(line.status)}`), ' ', line.question, ' ', h('code', {}, line.id)),
    line.findings.map((finding) => h('dl', {}, [
      [t('found'), finding.what], [t('at the gateway'), finding.here], [t('in SAP'), finding.there],
    ].filter(([, text]) => text).flatMap(([name, text]) => [h('dt', {}, name), h('dd', {}, text)]))),
    h('p', { class: 'quiet' }, line.title,
      line.needs ? ` · ${t('to be mended first')}: ${line.needs}` : '', line.evidence.map((text) => ` · ${text}`)));
}

/** What is said where it cannot be gone through. */
export function fault({ message, hint }) {
  return h('p', { class: 'note bad', key: 'fault' }, `■ ${message}. ${hint}`);
}
