// The only module that calls the admin API. An error response and a call without a response both become an
// ApiError.

/**
 * @import { Problem, Session } from './types.d.ts'
 * @typedef {{ body?: unknown, ifMatch?: string | null, once?: string, signal?: AbortSignal }} Options `once`
 *   is an idempotency key: the same for every attempt at one action
 */

import { noteDate } from './clock.js';

const BASE = '/_wayleave/api';
/**
 * `CONSOLE_WAIT_MS` of src/limits/: longer than the Worker ever takes to answer. A test compares the two.
 */
export const ANSWER_LIMIT_MS = 25_000;

export class ApiError extends Error {
  /** @param {Problem} problem */
  constructor(problem) {
    super(problem.detail);
    this.name = 'ApiError';
    this.problem = problem;
  }
  get code() {
    return this.problem.code;
  }
  get status() {
    return this.problem.status;
  }
  /** The faults by field. */
  get errors() {
    return this.problem.errors ?? [];
  }
}

/**
 * Called when a session ends during a call. Resolves with a new session; rejects when the user does not sign
 * in.
 */
let signInAgain = async () => {};
/** @param {() => Promise<void>} how */
export function whenSessionEnds(how) {
  signInAgain = how;
}

/**
 * One API call. When the session has ended, the user signs in again and the same call is repeated, so no
 * input is lost.
 * @template T
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<{ data: T, etag: string | null }>}
 */
export async function call(method, path, options = {}) {
  try {
    return await send(method, path, options);
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401 || path === '/session') throw error;
    await signInAgain();
    return send(method, path, options);
  }
}

/** @template T @param {string} path @param {AbortSignal} [signal] @returns {Promise<T>} */
export async function get(path, signal) {
  return /** @type {T} */ ((await call('GET', path, { signal })).data);
}

/**
 * @template T
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} [options]
 * @returns {Promise<T>}
 */
export async function post(path, body = {}, options = {}) {
  return /** @type {T} */ ((await call('POST', path, { body, ...options })).data);
}

/** @param {string} key @returns {Promise<Session>} */
export const signIn = (key) => post('/session', { key });
export const signOut = () => call('DELETE', '/session');
/** The current session, or null without one. @returns {Promise<Session | null>} */
export async function session() {
  try {
    return await get('/session');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/**
 * The given values as a query string, `?a=b`; null and undefined are left out.
 * @param {Record<string, string | number | boolean | null | undefined>} values
 */
export function query(values) {
  const given = Object.entries(values).filter(
    ([, value]) => value !== undefined && value !== null && value !== '',
  );
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

/** @param {string} method @param {string} path @param {Options} options */
async function send(method, path, { body, ifMatch, once, signal }) {
  const late = AbortSignal.timeout(ANSWER_LIMIT_MS);
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (ifMatch) headers['If-Match'] = ifMatch;
  if (once) headers['Idempotency-Key'] = once;
  const sentMs = Date.now();
  let response, text;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: signal ? AbortSignal.any([late, signal]) : late,
    });
    text = await response.text();
  } catch {
    if (signal?.aborted) throw signal.reason;
    throw new ApiError(late.aborted ? NO_ANSWER : UNREACHABLE);
  }
  noteDate(response.headers.get('Date'), sentMs);
  if (!response.ok) throw new ApiError(problemOf(response.status, text));
  return { data: text === '' ? null : JSON.parse(text), etag: response.headers.get('ETag') };
}

const NO_ANSWER = {
  type: '',
  title: 'No answer',
  status: 0,
  code: 'no_answer',
  detail:
    `Wayleave did not answer within ${ANSWER_LIMIT_MS / 1000} seconds. ` +
    'Your last change may or may not have been made: check, then try again.',
};
const UNREACHABLE = {
  type: '',
  title: 'Not reachable',
  status: 0,
  code: 'unreachable',
  detail: 'Wayleave cannot be reached. Check this machine’s connection, then try again.',
};

/** @param {number} status @param {string} text @returns {Problem} */
function problemOf(status, text) {
  try {
    const problem = JSON.parse(text);
    if (typeof problem.detail === 'string' && typeof problem.code === 'string') return problem;
  } catch {
    // The body is not a problem document (RFC 9457), so an intermediary answered and not Wayleave.
  }
  return {
    type: '',
    title: 'Not an answer from Wayleave',
    status,
    code: 'unexpected_answer',
    detail:
      `Something between this page and Wayleave answered ${status}. ` +
      'Try again. If the problem persists, check the proxies and the Worker’s log.',
  };
}
