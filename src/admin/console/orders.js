// Orders: who may give them, what they would do, and giving them.
//
// On the machine itself a token makes an operator. It comes behind the # of the address or from a
// dialog, and stays in this tab: no cookie, no address and no other page ever holds it. Over TLS the
// certificate decides, and there is no token.

import { $, draw, h } from './page.js';
import { problems } from './generations.js';
import { t } from './words.js';

const KEY = 'crmgate-token';

/** Takes the token out of the address, where a history or a screen would keep it. */
export function takeToken() {
  if (!location.hash.startsWith('#token=')) return;
  const token = location.hash.slice('#token='.length);
  history.replaceState(null, '', location.pathname + location.search);
  sessionStorage.setItem(KEY, token);
}

/** Something that the gateway did not do, and what to do about it. */
class Fault extends Error {
  constructor({ code, message, hint }) {
    super(message);
    Object.assign(this, { code, hint });
  }
}

async function call(method, path, body) {
  const headers = {};
  const token = sessionStorage.getItem(KEY);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, cache: 'no-store', body: body && JSON.stringify(body) });
  } catch {
    throw new Fault({ code: 'unreachable', message: t('the gateway does not answer'), hint: t('see whether it runs') });
  }
  const text = await answer.text();
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Fault({ code: 'odd', message: `HTTP ${answer.status}`, hint: '' });
  }
  if (!answer.ok) throw new Fault(value);
  return value;
}

/** Who we are to the gateway. A token of an earlier run of it is forgotten. */
export async function whoAmI() {
  try {
    return await call('GET', '/api/v1/whoami');
  } catch (fault) {
    if (fault.code !== 'wrong-token') return undefined;
    sessionStorage.removeItem(KEY);
    return whoAmI();
  }
}

/** Asks for the token, and says whether there is an operator now. */
export async function becomeOperator(complaint = '') {
  const dialog = $('token');
  const who = await whoAmI();
  if (who?.role === 'operator') return true;
  const overTls = location.protocol === 'https:';
  $('token-text').textContent = overTls
    ? t('Your certificate may look and not change things. AllowOperator in [Admin] of crmgate.ini names those who may.')
    : t('Whoever can read the file {file} on this machine may operate the gateway. What is in it?', { file: who?.token_file ?? '' });
  for (const part of [$('token-value'), $('token-value').labels[0], dialog.querySelector('[type=submit]')]) part.hidden = overTls;
  $('token-value').value = '';
  complain('token-fault', complaint);
  return new Promise((done) => {
    const finish = (is) => {
      dialog.close();
      done(is);
    };
    $('token-no').onclick = () => finish(false);
    dialog.oncancel = () => done(false);
    dialog.querySelector('form').onsubmit = async (event) => {
      event.preventDefault();
      sessionStorage.setItem(KEY, $('token-value').value.trim());
      const known = await whoAmI();
      if (known?.role === 'operator') finish(true);
      else complain('token-fault', t('This is not the token of this run of the gateway: each start writes a new one.'));
    };
    dialog.showModal();
  });
}

/** The order whose dialog is shown: what is said about an earlier one comes too late. */
let open;

/** Goes through an order: what it would do, the reason for it, and doing it. Returns what came of it. */
export function give(order) {
  const dialog = $('order');
  $('order-head').textContent = order.title;
  $('order-text').textContent = order.text;
  $('order-yes').textContent = order.yes;
  $('order-yes').disabled = Boolean(order.tryOut);
  $('order-reason').value = '';
  $('order-reason').required = order.needsReason;
  $('order-reason').labels[0].textContent = order.needsReason ? t('Why? It stands in the log.') : t('Why? It stands in the log; may be left empty.');
  draw($('order-remarks'), order.tryOut ? h('p', {}, t('Asking the gateway what would happen…')) : null);
  complain('order-fault', '');
  dialog.showModal();
  open = order;
  if (order.tryOut) look(order);
  return new Promise((done) => {
    $('order-no').onclick = () => {
      dialog.close();
      done(undefined);
    };
    dialog.oncancel = () => done(undefined);
    dialog.querySelector('form').onsubmit = async (event) => {
      event.preventDefault();
      $('order-yes').disabled = true;
      try {
        const came = await order.act($('order-reason').value.trim());
        dialog.close();
        done(came);
      } catch (fault) {
        $('order-yes').disabled = false;
        complain('order-fault', `${fault.message}. ${fault.hint}`);
      }
    };
  });
}

/** The dry run. */
async function look(order) {
  try {
    const { remarks } = await order.tryOut();
    if (open !== order) return;
    $('order-yes').disabled = false;
    draw($('order-remarks'), h('p', { class: 'strong' }, t('A dry run says:')),
      remarks.length === 0 ? h('p', {}, t('nothing speaks against it')) : h('ul', {}, remarks.map((remark) => h('li', {}, remark))));
  } catch (fault) {
    if (open !== order) return;
    draw($('order-remarks'));
    complain('order-fault', `${fault.message}. ${fault.hint}`);
  }
}

function complain(id, text) {
  $(id).textContent = text;
  $(id).hidden = text === '';
}

/** An order about a side of a SAP system. */
export function aboutSide(deed, system, side) {
  const path = deed === 'switch' ? `/api/v1/systems/${system}/switch` : `/api/v1/systems/${system}/sides/${side}/${deed}`;
  const body = (more) => (deed === 'switch' ? { side, ...more } : more);
  const words = {
    switch: [t('Switch {system} to side {side}', { system, side }), t('All new requests of this SAP system go to side {side}.', { side }), t('Switch to side {side}', { side })],
    drain: [t('Drain side {side} of {system}', { system, side }), t('Side {side} gets no new requests until it is given back.', { side }), t('Drain side {side}', { side })],
    undrain: [t('Give side {side} of {system} back', { system, side }), t('Side {side} may serve again.', { side }), t('Give side {side} back', { side })],
  }[deed];
  const [title, text, yes] = words;
  return {
    title, text, yes, needsReason: deed !== 'undrain',
    tryOut: () => call('POST', path, body({ dry_run: true })),
    act: (reason) => call('POST', path, body({ reason })),
  };
}

/** The order to read the configuration again. */
export function aboutReload() {
  return {
    title: t('Read the configuration again'),
    text: t('Files and certificates are read and proven. With any mistake, what is in force stays in force.'),
    yes: t('Read it again'), needsReason: false,
    act: (reason) => call('POST', '/api/v1/reload', { reason }),
  };
}

/** The order to go through the checklist. Nobody waits for its end in front of a dialog. */
export function aboutPreflight() {
  return {
    title: t('Go through the checklist'),
    text: t('What is in force is tried: files, certificates, and calls to the sides and to SAP CRM without a business message. Nothing is changed.'),
    yes: t('Go through it'), needsReason: false,
    act: async (reason) => ({ ended: call('POST', '/api/v1/preflight', { reason }) }),
  };
}

/** What came of a reload, for the page. */
export function reloaded({ in_force: inForce, attempt }) {
  const text = inForce
    ? t('The configuration was read and is in force as generation {generation}.', { generation: attempt?.generation })
    : t('The configuration was refused; what was in force stays in force.');
  return h('div', { class: `note ${inForce ? 'good' : 'bad'}`, 'data-reloaded': inForce ? 'yes' : 'no' },
    h('p', {}, `${inForce ? '●' : '■'} ${text}`), problems(attempt?.problems ?? []));
}
