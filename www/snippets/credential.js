// How a request carries its token, by the places where this gateway reads one.

/**
 * @typedef {object} Places
 * @property {{ name: string, value: string } | null} header
 * @property {string | null} query the parameter's name
 * @property {boolean} protocol whether a WebSocket may name the token as a subprotocol
 */

/**
 * The places of `CREDENTIAL_SOURCES`, the first of each kind.
 * @param {string[]} sources
 * @param {string} token
 * @returns {Places}
 */
export function places(sources, token) {
  const header = sources.find((source) => source === 'bearer' || source.startsWith('header:'));
  const query = sources.find((source) => source.startsWith('query:'));
  return {
    header: header === undefined ? null : headerOf(header, token),
    query: query?.slice('query:'.length) ?? null,
    protocol: sources.includes('websocket-protocol'),
  };
}

/** @param {string} source @param {string} token */
function headerOf(source, token) {
  if (source === 'bearer') return { name: 'Authorization', value: `Bearer ${token}` };
  const name = source.slice('header:'.length);
  return { name: name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()), value: token };
}

/** The address with the token in its query. @param {string} url @param {string} name @param {string} token */
export const inQuery = (url, name, token) => `${url}${url.includes('?') ? '&' : '?'}${name}=${token}`;
