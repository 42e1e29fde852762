// TLS sessions: how many are held, and how many were taken up again, at each listener and far end.

import { h } from './page.js';
import { span, t } from './words.js';

export function tables({ listeners, upstreams }) {
  if (listeners.length + upstreams.length === 0) return h('p', {}, t('No TLS ends or begins here.'));
  return [
    listeners.length > 0 ? table([t('listeners'), t('held'), t('offered'), t('taken up'), t('unknown'), t('refused'), t('full'), t('resumed'), t('age of the ticket key')],
      listeners.map((one) => [`${one.system} · ${t(one.role)} · ${one.listen.join(', ')}`, one.kept, one.lookups.offered, one.lookups.taken_up,
        one.lookups.unknown, one.lookups.refused, one.handshakes_full, one.handshakes_resumed, span(one.ticket_key_age_seconds)])) : null,
    upstreams.length > 0 ? table([t('far ends'), t('held'), t('full'), t('resumed')],
      upstreams.map((one) => [`${one.system} · ${one.upstream} · ${one.target}`, one.held, one.handshakes_full, one.handshakes_resumed])) : null,
  ];
}

function table(head, rows) {
  return h('table', { key: head[0] },
    h('thead', {}, h('tr', {}, head.map((text) => h('th', { scope: 'col' }, text)))),
    h('tbody', {}, rows.map(([name, ...figures]) => h('tr', {}, h('th', { scope: 'row' }, name),
      figures.map((figure) => h('td', { class: 'figure' }, figure))))));
}
