// The routes that most tests use: one of each kind.

/** A host with several routes. */
export const HOST = 'api.example';
/** A host with one route, so that an encoded slash cannot lead to another route. */
export const SINGLE_ROUTE_HOST = 'single.example';
/** An upstream where nothing listens: port 1 is never assigned. */
const CLOSED = 'http://127.0.0.1:1';

export function routes(upstream) {
  const weather = { host: HOST, upstream, audience: 'weather' };
  return [
    { ...weather, path: '/' },
    { ...weather, path: '/maps/', audience: 'maps' },
    { ...weather, path: '/open/', anonymous: true },
    { ...weather, path: '/private/', credentials: true, audience: 'private' },
    { ...weather, path: '/cached/', shared_cache: true },
    { ...weather, path: '/impatient/', timeout_seconds: 1 },
    { ...weather, path: '/closed/', upstream: CLOSED },
    { ...weather, host: SINGLE_ROUTE_HOST, path: '/' },
  ];
}

/** The variables of a gateway in front of this upstream. */
export const variables = (upstream) => ({ ROUTES: routes(upstream) });
