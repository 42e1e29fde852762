// The picture: SAP CRM, the gateway and both sides, and what flows between them.
//
// A line is as wide as its traffic is fast; its dashes move with it. How a side is doing is told by a
// colour, a shape and a word, so that no one of them has to be seen.

import { h } from './page.js';
import { bytes, rate, t } from './words.js';

/** How a side is doing: a class for the colour, a shape, and a word. */
export function standing(side) {
  if (side.drained) return { look: 'warn', shape: '❚❚', word: t('drained') };
  if (side.health === 'up') return { look: 'good', shape: '●', word: t('up') };
  if (side.health === 'down') return { look: 'bad', shape: '■', word: t('down') };
  return { look: 'idle', shape: '▲', word: t('not tried yet') };
}

/** The listeners of a system by what they are for. */
export function doors(system) {
  const of = (word) => system.listeners.filter((listener) => listener.service.startsWith(word));
  return { requests: of('requests'), events: of('events'), routes: of('static') };
}

/** The whole picture of one SAP system; `flow` has its rates, or is undefined where nobody knows them. */
export function picture(system, flow, narrow, status) {
  const places = narrow ? narrowPlaces(system) : widePlaces(system);
  const { requests, events, routes } = doors(system);
  const sides = sidesOf(system);
  const active = sides.find((side) => side.letter === system.sides?.active);
  const parts = [];
  if (requests.length > 0) {
    const isDown = active?.health === 'down';
    parts.push(line('in', places.requests, flow?.requests, flow?.requestsFailed, isDown));
    for (const side of sides) {
      // Figures lag a little behind: nothing flows any more to a side that is down.
      const isGone = side.health === 'down';
      const carried = isGone ? 0 : flow?.bySide?.[side.letter] ?? (side === active ? flow?.requests : 0);
      const failed = side === active ? flow?.requestsFailed : 0;
      parts.push(line(`to-${side.letter}`, places[side.letter].path, carried, failed, isGone && side === active));
    }
    parts.push(label(places.requests.label, t('requests'), told(flow?.requests, flow?.requestsFailed)));
  }
  if (events.length > 0) {
    parts.push(line('events-in', places.events.first, flow?.events, flow?.eventsFailed));
    parts.push(line('events-out', places.events.second, flow?.events, flow?.eventsFailed));
    parts.push(label(places.events.label, t('events'), told(flow?.events, flow?.eventsFailed)));
    if (system.crm_proxy) parts.push(box(places.proxy, 'PROXY', [short(system.crm_proxy, 22)], 'plain'));
  }
  if (routes.length > 0) {
    parts.push(line('routed', places.route, flow?.routed, 0));
    const what = flow?.routed === undefined ? '' : flow.routed > 0 ? `${bytes(flow.routed)}/s` : t('no traffic');
    parts.push(label(places.route.label, t('static route'), what));
  }
  parts.push(box(places.sap, `SAP CRM ${system.name}`, system.crm.map((url) => short(url, 30)), 'plain'));
  const ports = system.listeners.map((listener) => `${port(listener)} ${t(listener.service)}${listener.tls ? ', TLS' : ''}`);
  const ready = status.ready ? `● ${t('ready')}` : `■ ${t('not ready')}`;
  parts.push(box(places.gateway, 'crmgate', [`${ready}, ${t('generation {generation}', status)}`, ...ports], 'plain'));
  for (const side of sides) parts.push(sideBox(places[side.letter], side, side === active));
  return h('svg', {
    class: 'topology', viewBox: `0 0 ${places.width} ${places.height}`, role: 'img',
    'aria-label': inWords(system, flow), 'data-system': system.name,
  }, parts);
}

/** The sides that there are, each with its letter. */
export function sidesOf(system) {
  const { a, b } = system.sides ?? {};
  return [a && { ...a, letter: 'A' }, b && { ...b, letter: 'B' }].filter(Boolean);
}

/** What the picture shows, for who does not see it. */
function inWords(system, flow) {
  const words = [t('SAP system {name}.', { name: system.name })];
  for (const side of sidesOf(system)) {
    const role = side.letter === system.sides.active ? t('active') : t('standby');
    words.push(t('Side {side} is {role} and {word}.', { side: side.letter, role, word: standing(side).word }));
  }
  if (flow) {
    words.push(`${t('requests')}: ${told(flow.requests, flow.requestsFailed)}.`);
    words.push(`${t('events')}: ${told(flow.events, flow.eventsFailed)}.`);
  }
  return words.join(' ');
}

function told(answered, failed) {
  if (answered === undefined) return '';
  const failures = failed > 0 ? `, ✕ ${t('{rate} failed', { rate: rate(failed) })}` : '';
  return answered + failed > 0 ? rate(answered) + failures : t('no traffic');
}

function port(listener) {
  const at = listener.bound ?? listener.listen;
  return `:${at.slice(at.lastIndexOf(':') + 1)}`;
}

function short(text, most) {
  const plain = text.replace(/^https?:\/\//, '');
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}

/** A line with an arrow at its end. */
function line(key, { d, tip }, answered = 0, failed = 0, isBroken = false) {
  const all = answered + failed;
  const look = failed > 0 || isBroken ? 'bad' : all > 0 ? 'good' : 'idle';
  const width = 2 + Math.min(10, 2 * Math.log2(1 + all));
  const pace = Math.min(2, Math.max(0.25, 2 / Math.sqrt(1 + all)));
  return h('g', { key, class: `line ${look}`, 'data-line': key },
    h('path', { class: 'pipe', d, 'stroke-width': width.toFixed(1) }),
    h('path', { class: all > 0 ? 'dashes' : 'dashes still', d, style: { '--pace': `${pace.toFixed(2)}s` } }),
    h('path', { class: 'tip', d: arrow(tip) }));
}

function arrow([x, y, towards]) {
  const [long, wide] = [12, 7];
  if (towards === 'right') return `M${x} ${y}l${-long} ${-wide}v${2 * wide}z`;
  if (towards === 'left') return `M${x} ${y}l${long} ${-wide}v${2 * wide}z`;
  if (towards === 'down') return `M${x} ${y}l${-wide} ${-long}h${2 * wide}z`;
  return `M${x} ${y}l${-wide} ${long}h${2 * wide}z`;
}

function label([x, y, anchor], what, value) {
  return h('text', { class: 'label', x, y, 'text-anchor': anchor },
    h('tspan', { class: 'strong' }, what), value ? ` ${value}` : null);
}

function box([x, y, width, height], title, lines, look) {
  const middle = x + width / 2;
  return h('g', { class: `box ${look}` },
    h('rect', { x, y, width, height, rx: 8 }),
    h('text', { class: 'title', x: middle, y: y + 24, 'text-anchor': 'middle' }, title),
    lines.map((text, index) => h('text', { class: 'small', x: middle, y: y + 43 + 17 * index, 'text-anchor': 'middle' }, text)));
}

function sideBox({ box: [x, y, width, height] }, side, isActive) {
  const { look, shape, word } = standing(side);
  const left = x + 14;
  return h('g', {
    key: `side-${side.letter}`, class: `box side ${look}${isActive ? ' active' : ''}`, 'data-side': side.letter,
    'data-active': isActive ? 'yes' : 'no', 'data-health': side.health,
  },
  h('rect', { x, y, width, height, rx: 8 }),
  h('text', { class: 'title', x: left, y: y + 25 }, t('Side {side}', { side: side.letter })),
  h('text', { class: 'role', x: x + width - 14, y: y + 25, 'text-anchor': 'end' }, isActive ? `◆ ${t('active')}` : t('standby')),
  h('text', { class: 'health', x: left, y: y + 50 }, `${shape} ${word}`),
  h('text', { class: 'small', x: left, y: y + 71 }, short(side.url, width > 180 ? 27 : 20)));
}

// SAP at the left, sides at the right, as on the white-board of every project.
function widePlaces(system) {
  const { events, routes } = doors(system);
  const eventsAt = 250;
  const routeAt = events.length > 0 ? 306 : 250;
  const last = routes.length > 0 ? routeAt : events.length > 0 ? eventsAt : 180;
  const tall = Math.max(last + 14, 60 + 17 * system.listeners.length);
  const proxied = system.crm_proxy ? 'M380 250H362M240 250H232' : 'M380 250H232';
  return {
    width: 1000, height: tall + 20,
    sap: [10, 10, 210, tall], gateway: [380, 10, 230, tall],
    requests: { d: 'M220 60H368', tip: [380, 60, 'right'], label: [300, 44, 'middle'] },
    A: { box: [770, 10, 220, 86], path: { d: 'M610 60H758', tip: [770, 60, 'right'] } },
    B: { box: [770, 116, 220, 86], path: { d: 'M610 60C690 60 680 160 758 160', tip: [770, 160, 'right'] } },
    events: {
      first: { d: `M830 202V${eventsAt}H622`, tip: [610, eventsAt, 'left'] },
      second: { d: proxied, tip: [220, eventsAt, 'left'] },
      label: [700, eventsAt - 14, 'middle'],
    },
    proxy: [240, 222, 122, 52],
    route: { d: `M930 202V${routeAt}H232`, tip: [220, routeAt, 'left'], label: [700, routeAt - 14, 'middle'] },
  };
}

// On a phone, SAP above and the sides below.
function narrowPlaces(system) {
  const lines = system.listeners.length + 1;
  const sap = 34 + 17 * Math.max(1, system.crm.length);
  const top = sap + 118;
  const inside = 40 + 17 * lines;
  const under = top + inside;
  const sides = under + 92;
  return {
    width: 370, height: sides + 96,
    sap: [5, 5, 360, sap], gateway: [5, top, 360, inside],
    requests: { d: `M50 ${sap + 5}V${top - 12}`, tip: [50, top, 'down'], label: [66, sap + 34, 'start'] },
    A: { box: [5, sides, 174, 86], path: { d: `M50 ${under}V${sides - 12}`, tip: [50, sides, 'down'] } },
    B: { box: [191, sides, 174, 86], path: { d: `M50 ${under}C50 ${under + 60} 220 ${under + 20} 220 ${sides - 12}`, tip: [220, sides, 'down'] } },
    events: {
      first: { d: `M290 ${sides}V${under + 12}`, tip: [290, under, 'up'] },
      second: { d: `M290 ${top}V${sap + 17}`, tip: [290, sap + 5, 'up'] },
      label: [276, top - 12, 'end'],
    },
    proxy: [222, sap + 34, 136, 52],
    route: { d: `M350 ${sides}V${under}M350 ${top}V${sap + 17}`, tip: [350, sap + 5, 'up'], label: [276, under + 28, 'end'] },
  };
}
