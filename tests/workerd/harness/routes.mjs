// The API that most tests stand in front of: one route of each kind.

/** Served by several routes. */
export const HOST = 'api.example';
/** Served by one route, so that encoded slashes cannot be taken for another one's. */
export const SINGLE_ROUTE_HOST = 'single.example';
/** Nothing listens here: port 1 is never given to anybody. */
const CLOSED = 'http://127.0.0.1:1';

export function routes(upstream) {
  const weather = { host: HOST, upstream, audience: 'weather' };
  return [
    { ...weather, path: '/' },
    { ...weather, path: '/maps/', audience: 'maps' },
    { ...weather, path: '/open/', anonymous: true },
    { ...weather, path: '/private/', credentials: true },
    { ...weather, path: '/cached/', shared_cache: true },
    { ...weather, path: '/impatient/', timeout_seconds: 1 },
    { ...weather, path: '/closed/', upstream: CLOSED },
    { ...weather, host: SINGLE_ROUTE_HOST, path: '/' },
  ];
}

/** The variables of a gateway in front of it. */
export const variables = (upstream) => ({ ROUTES: routes(upstream) });
