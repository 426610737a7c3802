// Maps addresses to views. Addresses are URL fragments, which browsers do not send: no server log shows what
// users view.

/**
 * @typedef {{ path: string[], params: URLSearchParams, signal: AbortSignal }} Place `signal` aborts when the
 *   user leaves the view
 * @typedef {(place: Place) => Promise<Node> | Node} View
 */

/** Parses the current address. @param {AbortSignal} signal @returns {Place} */
export function here(signal) {
  const [path, search] = location.hash.replace(/^#\/?/, '').split('?', 2);
  return {
    path: (path ?? '').split('/').filter(Boolean).map(decode),
    params: new URLSearchParams(search ?? ''),
    signal,
  };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Builds an address. @param {string[]} path @param {Record<string, string>} [params] */
export function to(path, params = {}) {
  const given = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${given === '' ? '' : `?${given}`}`;
}

/**
 * The view that is shown: its address, and its number in the history of this page.
 * @type {{ hash: string, at: number }}
 */
let shown = { hash: '', at: 0 };

/** Notes that the current address is shown, so that Back can be undone. */
export function noteShown() {
  const at = history.state?.at ?? shown.at + 1;
  if (history.state?.at !== at) history.replaceState({ ...history.state, at }, '');
  shown = { hash: location.hash, at };
}

/** Replaces the current address, without showing another view. @param {string} address */
export function rewrite(address) {
  history.replaceState(history.state, '', address);
  shown = { ...shown, hash: location.hash };
}

/**
 * Goes back to the view that is shown, after the address has changed. Returns a function that goes to the new
 * address again.
 */
export function stay() {
  const { hash } = location;
  const { at } = shown;
  // A new address comes after the one that is shown.
  const steps = (history.state?.at ?? at + 1) - at || 1;
  isReturning = true;
  history.go(-steps);
  return () => (steps === 1 ? go(hash) : history.go(steps));
}

let isReturning = false;

/** What a change of the address asks for: to stay on the view that `stay` went back to, or to show one. */
export function change() {
  const isBack = isReturning && location.hash === shown.hash;
  if (isBack) isReturning = false;
  return isBack ? 'stay' : location.hash === shown.hash ? 'again' : 'leave';
}

/** Navigates to an address. @param {string} address @param {{ replace?: boolean }} [options] */
export function go(address, { replace = false } = {}) {
  if (address === location.hash) dispatchEvent(new HashChangeEvent('hashchange'));
  else if (replace) location.replace(address);
  else location.hash = address;
}

/**
 * Goes back within the console; to `address` where this is the first view of the tab.
 * @param {string} address
 */
export function back(address) {
  if (shown.at > 1) history.back();
  else go(address);
}

/** Shows the current view again, with fresh data. */
export const reload = () => go(location.hash);
