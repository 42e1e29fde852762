// The configuration as it stands on disk, line by line.

import { h } from './page.js';
import { t } from './words.js';

/** The lines in which a text occurs; those that are not written only where they are wanted. */
export function table(settings, text, withDefaults) {
  const wanted = text.trim().toLowerCase();
  const has = (setting) => `${setting.file} [${setting.section}] ${setting.key}=${setting.value ?? ''}`.toLowerCase().includes(wanted);
  const rows = settings.filter((setting) => (withDefaults || setting.origin === 'written') && has(setting));
  if (rows.length === 0) return h('p', {}, t('No line has this.'));
  const head = [t('file and line'), t('section'), t('key'), t('value'), t('origin')];
  return h('table', {},
    h('thead', {}, h('tr', {}, head.map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, rows.map(row)));
}

function row(setting) {
  const file = setting.file.split(/[\\/]/).at(-1);
  return h('tr', { class: setting.origin },
    h('td', {}, setting.line ? `${file}:${setting.line}` : file), h('td', {}, setting.section),
    h('th', { scope: 'row' }, setting.key), h('td', {}, h('code', {}, setting.value ?? '–')), h('td', {}, t(setting.origin)));
}
