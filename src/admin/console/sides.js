// The cards of the sides: what is known of each, and what can be done about it.

import { h } from './page.js';
import { sidesOf, standing } from './topology.js';
import { span, t } from './words.js';

/** One card for each side of a system, with its orders. */
export function cards(system) {
  const { sides } = system;
  if (!sides) return [];
  const remarks = [];
  if (sides.flap_alarm_seconds) {
    remarks.push(h('p', { class: 'note warn' }, t('Too many switches in a short time: the gateway stays where it is for {span}.', { span: span(sides.flap_alarm_seconds) })));
  }
  return h('div', { class: 'system', key: system.name },
    h('h3', {}, t('SAP system {name}', { name: system.name })), remarks,
    h('div', { class: 'cards' }, sidesOf(system).map((side) => card(system, side))));
}

function card(system, side) {
  const { sides } = system;
  const isActive = sides.active === side.letter;
  const { look, shape, word } = standing(side);
  return h('article', { class: `card ${look}`, key: side.letter },
    h('h4', {}, t('Side {side}', { side: side.letter }), ' ',
      h('span', { class: 'chip' }, isActive ? `◆ ${t('active')}` : t('standby')), ' ',
      h('span', { class: `chip ${look}` }, `${shape} ${word}`)),
    h('dl', {}, facts(sides, side, isActive)),
    h('p', { class: 'buttons' }, orders(system, side, isActive)));
}

function facts(sides, side, isActive) {
  const rows = [[t('address'), side.url], [t('like that for'), span(side.for_seconds)]];
  if (isActive && sides.active_for_seconds !== null) rows.push([t('active for'), span(sides.active_for_seconds)]);
  if (sides.home === side.letter) rows.push([t('fail-back'), t('goes to this side')]);
  if (side.drained) rows.push([t('drained by'), side.drained]);
  if (side.last_cause) rows.push([t('last went down'), side.last_cause]);
  if (side.back_off_seconds) rows.push([t('kept down for'), span(side.back_off_seconds)]);
  const { good_probes: good, probe_failures: bad, request_failures: failed } = side;
  rows.push([t('in a row'), t('{good} good probes, {bad} failed ones, {failed} failed requests', { good, bad, failed })]);
  return rows.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]);
}

function orders(system, side, isActive) {
  const button = (order, text) => h('button', {
    type: 'button', key: order, 'data-order': order, 'data-system': system.name, 'data-side': side.letter,
  }, text);
  const buttons = [];
  if (!isActive) buttons.push(button('switch', t('Switch to side {side}…', { side: side.letter })));
  if (side.drained) buttons.push(button('undrain', t('Give side {side} back…', { side: side.letter })));
  else if (system.sides.b) buttons.push(button('drain', t('Drain side {side}…', { side: side.letter })));
  return buttons;
}
