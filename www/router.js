// Which view stands under which address. Addresses are hashes: the server has one page, and what people look at is in no log.

/**
 * @typedef {{ path: string[], params: URLSearchParams, signal: AbortSignal }} Place `signal` ends when people go elsewhere
 * @typedef {(place: Place) => Promise<Node> | Node} View
 */

/** The place that the address names. @param {AbortSignal} signal @returns {Place} */
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

/** An address. @param {string[]} path @param {Record<string, string>} [params] */
export function to(path, params = {}) {
  const given = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== '')).toString();
  return `#/${path.map(encodeURIComponent).join('/')}${given === '' ? '' : `?${given}`}`;
}

/** Goes there. @param {string} address @param {{ replace?: boolean }} [options] */
export function go(address, { replace = false } = {}) {
  if (address === location.hash) dispatchEvent(new HashChangeEvent('hashchange'));
  else if (replace) location.replace(address);
  else location.hash = address;
}

/** Shows the same place anew. */
export const reload = () => go(location.hash);
