// Formats times as relative text, with the exact time as a tooltip. The API sends RFC 3339 in UTC; users see
// local time.

import { h } from './dom.js';

const MINUTE = 60,
  HOUR = 3600,
  DAY = 86_400;
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const EXACT = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'long' });
const DAY_ONLY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium' });
/** @type {[Intl.RelativeTimeFormatUnit, number, number][]} unit, its seconds, used below so many seconds */
const UNITS = [
  ['second', 1, 2 * MINUTE],
  ['minute', MINUTE, 2 * HOUR],
  ['hour', HOUR, 2 * DAY],
  ['day', DAY, 90 * DAY],
  ['month', 30.44 * DAY, 730 * DAY],
  ['year', 365.25 * DAY, Infinity],
];

/** Relative text such as "in 12 days" or "3 minutes ago". @param {string} at @param {number} [now] */
export function relative(at, now = Date.now()) {
  const seconds = (Date.parse(at) - now) / 1000;
  const [unit, size] = UNITS.find(([, , below]) => Math.abs(seconds) < below) ?? UNITS[UNITS.length - 1];
  return RELATIVE.format(Math.round(seconds / size), unit);
}

/** @param {string} at */
export const exact = (at) => EXACT.format(new Date(at));
/** @param {string} at */
export const day = (at) => DAY_ONLY.format(new Date(at));

/**
 * A `<time>` with relative text, and the exact time as its tooltip and in `datetime`.
 * @param {string | null | undefined} at
 * @param {string} [none]
 */
export function time(at, none = 'never') {
  if (!at) return h('span', { class: 'muted' }, none);
  return h('time', { datetime: at, title: exact(at) }, relative(at));
}

/** A `<time>` that shows the date, with relative text and exact time as tooltip. @param {string} at */
export function date(at) {
  return h('time', { datetime: at, title: `${relative(at)}, ${exact(at)}` }, day(at));
}

/** A duration as text: "45 s", "12 min", "3 h", "30 days". @param {number} seconds */
export function duration(seconds) {
  if (seconds < 2 * MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < 2 * HOUR) return `${Math.round(seconds / MINUTE)} min`;
  if (seconds < 2 * DAY) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} days`;
}

/** A token's lifetime as text: "2 years", "1 year", "45 days", "12 h". @param {number} seconds */
export function lifeWords(seconds) {
  const years = seconds / (365 * DAY);
  if (years >= 1 && Number.isInteger(years)) return years === 1 ? '1 year' : `${years} years`;
  return Math.round(seconds / DAY) === 1 ? '1 day' : duration(seconds);
}

/** The value of `<input type=datetime-local>` for a time, in the local time zone. @param {string} at */
export function toLocalInput(at) {
  const when = new Date(at);
  return new Date(when.getTime() - when.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** The RFC 3339 form of such a value; null when it is empty or beyond the year 9999. @param {string} value */
export function fromLocalInput(value) {
  const at = new Date(value);
  return Number.isNaN(at.getTime()) || at.getFullYear() > 9999
    ? null
    : at.toISOString().replace(/\.\d+Z$/, 'Z');
}
