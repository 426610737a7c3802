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

/** Navigates to an address. @param {string} address @param {{ replace?: boolean }} [options] */
export function go(address, { replace = false } = {}) {
  if (address === location.hash) dispatchEvent(new HashChangeEvent('hashchange'));
  else if (replace) location.replace(address);
  else location.hash = address;
}

/** Shows the current view again, with fresh data. */
export const reload = () => go(location.hash);
