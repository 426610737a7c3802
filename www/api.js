// The only place that calls the admin API. A refusal is an ApiError with the API's own words; a call that gets no answer is one too.

/**
 * @import { Problem, Session } from './types.d.ts'
 * @typedef {{ body?: unknown, ifMatch?: string | null, once?: string, signal?: AbortSignal }} Options
 *   `once` is an idempotency key: the same for each try of one act
 */

const BASE = '/_wayleave/api';
/** The registry is waited for 10 s by the Worker; longer and nobody knows. */
const ANSWER_LIMIT_MS = 15_000;

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
  /** What is wrong with which field. */
  get errors() {
    return this.problem.errors ?? [];
  }
}

/** Asked when a session has ended in the middle of something; resolves when there is a new one, rejects when there will be none. */
let signInAgain = async () => {};
/** @param {() => Promise<void>} how */
export function whenSessionEnds(how) {
  signInAgain = how;
}

/**
 * One call. With a session that has ended, people sign in again and the same call is sent once more: nothing typed is lost.
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

/** @template T @param {string} path @param {unknown} [body] @param {Options} [options] @returns {Promise<T>} */
export async function post(path, body = {}, options = {}) {
  return /** @type {T} */ ((await call('POST', path, { body, ...options })).data);
}

/** @param {string} key @returns {Promise<Session>} */
export const signIn = (key) => post('/session', { key });
export const signOut = () => call('DELETE', '/session');
/** Who is signed in; null when nobody is. @returns {Promise<Session | null>} */
export async function session() {
  try {
    return await get('/session');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null;
    throw error;
  }
}

/** `?a=b` of what is given. @param {Record<string, string | number | boolean | null | undefined>} values */
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
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new ApiError(late.aborted ? NO_ANSWER : UNREACHABLE);
  }
  if (!response.ok) throw new ApiError(problemOf(response.status, text));
  return { data: text === '' ? null : JSON.parse(text), etag: response.headers.get('ETag') };
}

const NO_ANSWER = {
  type: '',
  title: 'No answer',
  status: 0,
  code: 'no_answer',
  detail:
    'Wayleave did not answer within 15 seconds. Whether the last change was made is not known: look, then try again.',
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
    // Something on the way answered, not Wayleave.
  }
  return {
    type: '',
    title: 'Not an answer of Wayleave',
    status,
    code: 'unexpected_answer',
    detail: `Something between this page and Wayleave answered ${status}. Try again; if it lasts, look at proxies and the Worker’s log.`,
  };
}
