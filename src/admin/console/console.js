// The page: what is asked for how often, and which part shows it.

import { chart, key } from './charts.js';
import * as certificates from './certificates.js';
import * as configuration from './configuration.js';
import { exchanges, operations, parse } from './exposition.js';
import * as generations from './generations.js';
import { History, SPAN } from './history.js';
import * as latency from './latency.js';
import { fetched, follow } from './live.js';
import { aboutPreflight, aboutReload, aboutSide, becomeOperator, give, reloaded, takeToken, whoAmI } from './orders.js';
import { $, draw, h } from './page.js';
import * as preflight from './preflight.js';
import * as refusals from './refusals.js';
import * as sessions from './sessions.js';
import { cards } from './sides.js';
import { picture, sidesOf, standing } from './topology.js';
import { clock, moment, rate, span, t, translatePage } from './words.js';

const history = new History();
const narrow = matchMedia('(max-width: 700px)');
const news = [];
let status;
let link = ['live', Date.now()];
let who;
let reading;
let settings = [];
const slow = [];

takeToken();
translatePage();
addEventListener('hashchange', async () => {
  takeToken();
  await learnWho();
});

// --- the head -----------------------------------------------------------------------------------

function showHead() {
  const [state, heard] = link;
  const isLost = state === 'lost';
  document.body.classList.toggle('stale', isLost);
  const chips = [];
  if (status) {
    chips.push(h('span', { class: `chip ${status.ready ? 'good' : 'bad'}`, key: 'ready' }, status.ready ? `● ${t('ready')}` : `■ ${t('not ready')}`));
    chips.push(h('span', { class: 'chip', key: 'phase' }, t(status.phase)));
    chips.push(h('span', { class: 'chip', key: 'generation' }, t('generation {generation}', { generation: status.generation })));
    chips.push(h('span', { class: 'chip', key: 'up' }, t('up {span}', { span: span(status.uptime_seconds) })));
    chips.push(h('span', { class: 'chip', key: 'open' }, t('{count} connections', { count: status.connections })));
    chips.push(h('span', { class: 'chip', key: 'version' }, `crmgate ${status.version}`));
  }
  if (who) chips.push(h('span', { class: 'chip', key: 'who' }, t('you are {name}: {role}', { name: who.name, role: t(who.role) })));
  draw($('state'), chips);
  const notes = [];
  const note = (look, text) => notes.push(h('p', { class: `note ${look}`, key: text }, text));
  if (isLost) note('bad', `■ ${t('Not connected since {time}: what is shown is from then.', { time: clock(new Date(heard)) })}`);
  if (state === 'asked') note('warn', `▲ ${t('The live stream is interrupted; the page asks every two seconds.')}`);
  for (const reason of status?.not_ready ?? []) note('bad', `■ ${t('Not ready')}: ${reason}`);
  if (status?.last_reload_failure) note('bad', `■ ${t('The last reload was refused; generation {generation} stays in force.', status)} ${t('See below: Generations.')}`);
  const ends = status?.next_to_end;
  if (ends && ends.state !== 'good' && !ends.has_successor) {
    note(ends.days_left > 7 ? 'warn' : 'bad', `▲ ${t('{subject} ends in {count} days', { subject: ends.subject, count: ends.days_left })}: ${t(ends.breaks)}`);
  }
  draw($('notes'), notes);
  document.title = status ? `${status.ready && !isLost ? '●' : '■'} crmgate ${sidesInTitle()}` : 'crmgate';
}

function sidesInTitle() {
  return status.systems.filter((system) => system.sides).map((system) => `${system.name}: ${system.sides.active}`).join(' ');
}

// --- the picture, the sides, the charts -----------------------------------------------------------

/** The rates of one system; nobody knows them where several share the figures. */
function flowOf(system) {
  const own = reading?.rates?.get(system.name);
  const isAlone = status.systems.length === 1;
  if (!own && !isAlone) return undefined;
  const now = (name) => history.now((figures) => figures[name]);
  const routed = isAlone ? now('relayed_bytes_to_target') + now('relayed_bytes_from_target') : undefined;
  const routedOpen = isAlone ? status.figures.relayed_open : undefined;
  if (own) return { ...own, routed, routedOpen };
  return {
    requests: now('requests_answered'), requestsFailed: now('requests_failed'),
    events: now('events_answered'), eventsFailed: now('events_failed'), routed, routedOpen,
  };
}

function showLive() {
  if (!status) return;
  draw($('topology'), status.systems.map((system) => picture(system, flowOf(system), narrow.matches, status)));
  draw($('cards'), status.systems.map(cards));
  showCharts();
}

function showCharts() {
  const of = (name) => history.rates((figures) => figures[name]);
  const { marks } = history;
  const now = Date.now();
  const time = { now, reach: history.reach(now) };
  const one = (title, ...series) => chart(title, '/s', series.map(([name, look, figure]) => ({ name, look, points: of(figure) })), marks, time);
  draw($('plots'),
    one(t('Requests'), [t('answered'), 'a', 'requests_answered'], [t('failed'), 'bad', 'requests_failed']),
    one(t('Events'), [t('answered'), 'a', 'events_answered'], [t('failed'), 'bad', 'events_failed']),
    one(t('TLS handshakes of callers'), [t('resumed'), 'a', 'handshakes_resumed'], [t('full'), 'b', 'handshakes_full'], [t('failed'), 'bad', 'handshakes_failed']),
    one(t('Connections and who was not admitted'), [t('accepted'), 'a', 'connections_accepted'], [t('not admitted'), 'bad', 'clients_not_admitted']),
    key(marks));
}

// --- what happens -------------------------------------------------------------------------------

function tell(look, text) {
  news.unshift({ at: Date.now(), look, text });
  news.length = Math.min(news.length, 20);
  showNews();
}

function showNews() {
  draw($('news'), news.length === 0 ? h('li', {}, t('nothing yet'))
    : news.map(({ at, look, text }) => h('li', { class: look, key: `${at} ${text}` }, `${clock(new Date(at))} ${text}`)));
}

/** Says what is otherwise than a moment ago. */
function compare(before, after) {
  if (after.started !== before.started) {
    history.beginAnew();
    history.mark('⏻', t('started anew'));
    tell('warn', t('The gateway was started anew.'));
    learnWho();
  } else if (after.generation !== before.generation) {
    history.mark('↻', t('generation {generation}', after));
    tell('good', t('Generation {generation} is in force.', after));
  }
  if (after.phase !== before.phase && after.phase === 'draining') tell('warn', t('The gateway is draining.'));
  if (after.last_reload_failure && after.last_reload_failure !== before.last_reload_failure) {
    history.mark('✕', t('reload refused'));
    tell('bad', t('A reload was refused.'));
  }
  for (const system of after.systems) {
    const old = before.systems.find((other) => other.name === system.name);
    if (system.sides && old?.sides) compareSides(system, old);
  }
}

function compareSides(system, old) {
  const { name } = system;
  for (const side of sidesOf(system)) {
    const was = sidesOf(old).find((other) => other.letter === side.letter);
    const { look, word } = standing(side);
    if (was && standing(was).word !== word) {
      const why = side.health === 'down' && side.last_cause ? `: ${side.last_cause}` : '';
      tell(look, t('Side {side} of {name} is {word}', { side: side.letter, name, word }) + why);
    }
  }
  if (system.sides.active !== old.sides.active) {
    const side = system.sides.active;
    history.mark('⇄', t('{name} to side {side}', { name, side }));
    tell('good', t('Side {side} of {name} is the active one now.', { side, name }));
  }
}

// --- what is asked for --------------------------------------------------------------------------

function show(next) {
  const isFirst = !status;
  if (!isFirst) compare(status, next);
  const isNewGeneration = isFirst || status.generation !== next.generation || status.last_reload_failure !== next.last_reload_failure;
  status = next;
  history.add(next.figures);
  showHead();
  showLive();
  if (isNewGeneration) {
    learnPapers();
    learnAttempts();
    learnSettings();
  }
}

async function learnWho() {
  who = await whoAmI() ?? who;
  $('operate').hidden = !who || who.role === 'operator';
  showHead();
}

async function learnPapers() {
  const papers = await fetched('/api/v1/certificates');
  if (!papers) return;
  const now = status ? Date.parse(status.now) : Date.now();
  draw($('timeline'), certificates.timeline(papers, now));
  draw($('papers'), certificates.table(papers));
}

async function learnSaid() {
  const said = await fetched('/api/v1/errors');
  if (said) draw($('said'), refusals.list(said));
}

async function learnAttempts() {
  const attempts = await fetched('/api/v1/generations');
  if (attempts) draw($('attempts'), generations.list(attempts));
}

async function learnSessions() {
  const told = await fetched('/api/v1/sessions');
  if (told) draw($('sessions'), sessions.tables(told));
}

async function learnChecklist() {
  const told = await fetched('/api/v1/preflight');
  if (told) draw($('findings'), preflight.list(told));
}

async function learnSettings() {
  settings = await fetched('/api/v1/configuration') ?? settings;
  showSettings();
}

function showSettings() {
  draw($('settings'), configuration.table(settings, $('filter').value, $('defaults').checked));
}

/** The figures for monitoring systems tell more than the status, where there are any. */
async function learnFigures() {
  const text = await fetched('/metrics', 'text');
  if (!text) return;
  const samples = parse(text);
  const at = Date.now();
  const ended = exchanges(samples);
  const rates = reading && new Map([...ended].map(([name, own]) => [name, growth(reading.ended.get(name), own, (at - reading.at) / 1000)]));
  reading = { at, ended, rates };
  slow.push({ at, all: operations(samples) });
  while (at - slow[1]?.at > SPAN) slow.shift();
  showLatency();
}

/** Of the last minutes, once the page has seen enough of them; else since the start. */
function showLatency() {
  const [first, last] = [slow[0], slow.at(-1)];
  const hasSeenEnough = last.at - first.at > SPAN / 5;
  const shown = latency.table(hasSeenEnough ? first.all : undefined, last.all);
  $('latency').hidden = shown === null;
  draw($('operations'), shown && [
    h('p', { class: 'quiet' }, hasSeenEnough ? t('In the last {span}', { span: span((last.at - first.at) / 1000) }) : t('Since the start of the gateway')),
    shown]);
}

function growth(before, after, seconds) {
  const per = (name) => Math.max(0, (after[name] - (before?.[name] ?? 0)) / seconds);
  const bySide = Object.fromEntries(Object.entries(after.bySide)
    .map(([side, count]) => [side, Math.max(0, (count - (before?.bySide[side] ?? 0)) / seconds)]));
  return { requests: per('request'), requestsFailed: per('requestFailed'), events: per('event'), eventsFailed: per('eventFailed'), bySide };
}

// --- what is pressed ----------------------------------------------------------------------------

async function order({ order: deed, system, side }) {
  const may = await becomeOperator();
  await learnWho();
  if (!may) return;
  if (deed === 'preflight') {
    await goThroughChecklist();
    return;
  }
  if (deed === 'reload') {
    const came = await give(aboutReload());
    if (!came) return;
    draw($('reloaded'), reloaded(came));
    learnAttempts();
    return;
  }
  const came = await give(aboutSide(deed, system, side));
  if (came) tell('good', t('Your order was carried out: {order} side {side} of {system}.', { order: t(deed), side, system }));
}

async function goThroughChecklist() {
  const begun = await give(aboutPreflight());
  if (!begun) return;
  draw($('checked'), h('p', { class: 'note', key: 'begun' }, t('It is gone through…')));
  try {
    await begun.ended;
    draw($('checked'), h('p', { class: 'quiet', key: 'ended' }, t('It has been gone through; below is what was found.')));
  } catch (fault) {
    draw($('checked'), preflight.fault(fault));
  }
  learnChecklist();
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('[data-order]');
  if (button) order(button.dataset);
});
$('operate').addEventListener('click', async () => {
  await becomeOperator();
  await learnWho();
});
$('theme').addEventListener('click', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const { dataset } = document.documentElement;
  dataset.theme = (dataset.theme ?? (dark ? 'dark' : 'light')) === 'dark' ? 'light' : 'dark';
  localStorage.setItem('crmgate-theme', dataset.theme);
});
$('print').addEventListener('click', () => print());
$('filter').addEventListener('input', showSettings);
$('defaults').addEventListener('change', showSettings);
narrow.addEventListener('change', showLive);
const theme = localStorage.getItem('crmgate-theme');
if (theme) document.documentElement.dataset.theme = theme;

follow(show, (...state) => {
  link = state;
  showHead();
});
showNews();
learnWho();
learnSaid();
learnFigures();
every(3000, learnSaid);
every(2000, learnFigures);
learnChecklist();
learnSessions();
every(5000, learnSessions);
every(10_000, learnAttempts);
every(10_000, learnChecklist);
every(60_000, learnPapers);

/** Again and again, while somebody can see it. */
function every(pause, learn) {
  setInterval(() => {
    if (!document.hidden) learn();
  }, pause);
}
