// Texts in the reader's language, and numbers as people read them.

import { GERMAN } from './german.js';

const language = navigator.language.startsWith('de') ? 'de' : 'en';
const dictionary = language === 'de' ? GERMAN : {};

/** A text, with what stands in braces put in. */
export function t(text, values = {}) {
  return (dictionary[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** Puts what the page says from the start into the reader's language. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-t]')) {
    element.textContent = t(element.textContent);
  }
  for (const element of document.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', t(element.getAttribute('aria-label')));
  }
}

/** A number with at most two digits behind the point. */
export function number(value) {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString(language, { maximumFractionDigits: digits });
}

/** So many in a second. */
export function rate(value) {
  return `${number(value)}/s`;
}

/** Bytes in a unit that fits. */
export function bytes(value) {
  const units = ['B', 'KB', 'MB', 'GB'];
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${number(value)} ${units[unit]}`;
}

/** A span of seconds, in the largest two units. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days > 0) return t('{days} d {hours} h', { days, hours });
  if (hours > 0) return t('{hours} h {minutes} min', { hours, minutes });
  if (minutes > 0) return t('{minutes} min {seconds} s', { minutes, seconds: whole % 60 });
  return t('{seconds} s', { seconds: whole });
}

/** A duration in seconds, as long as an answer takes. */
export function duration(seconds) {
  return seconds < 1 ? `${number(seconds * 1000)} ms` : `${number(seconds)} s`;
}

/** The time of day at this machine. */
export function clock(date) {
  return date.toLocaleTimeString(language);
}

/** Day and time of a text in UTC, as the gateway writes it. */
export function moment(text) {
  return text.replace('T', ' ').replace(/(\.\d+)?Z$/, ' UTC');
}

/** The day of a text in UTC. */
export function day(text) {
  return text.slice(0, 10);
}
