// Configurations that were read, and what became of each.

import { h } from './page.js';
import { moment, t } from './words.js';

export function list(attempts) {
  return h('ol', { class: 'said' }, attempts.map(item));
}

function item(attempt, index) {
  const isGood = attempt.generation !== null;
  const look = isGood ? 'good' : 'bad';
  const word = isGood ? `● ${t('in force as generation {generation}', { generation: attempt.generation })}` : `■ ${t('refused, all stays as it was')}`;
  const changes = [[t('opened'), attempt.opened], [t('closed'), attempt.closed]]
    .filter(([, listeners]) => listeners.length > 0)
    .map(([what, listeners]) => ` · ${what}: ${listeners.join(', ')}`);
  return h('li', { class: `card ${look}`, key: attempt.at, 'data-attempt': index },
    h('h3', {}, h('span', { class: `chip ${look}` }, word), ' ',
      h('span', { class: 'quiet' }, `${moment(attempt.at)} · ${t(attempt.trigger)}`, changes)),
    problems(attempt.problems));
}

/** What is said about a configuration, the gravest first. */
export function problems(all) {
  if (all.length === 0) return null;
  return h('ul', { class: 'problems' }, all.map((problem) => h('li', {},
    h('span', { class: `chip ${problem.severity === 'error' ? 'bad' : 'warn'}` }, t(problem.severity)), ' ',
    h('code', {}, problem.at), ' ', problem.what, problem.value ? [' ', h('code', {}, problem.value)] : null,
    problem.hint ? h('span', { class: 'hint' }, ` → ${problem.hint}`) : null)));
}
