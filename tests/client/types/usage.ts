// Correct code of a site developer must pass the types of client.js, and wrong code must not.

import { type Wayleave, WayleaveError, wayleave } from '../../../src/client/client.js';

const api: Readonly<Wayleave> = wayleave({ family: 'fam_…' });
wayleave({
  family: 'fam_…',
  gateway: 'https://api.example.com',
  sendTo: ['https://tiles.example.com'],
  header: 'X-Api-Key',
  query: 'key',
});

const response: Response = await api.fetch('/v1/observations', {
  method: 'POST',
  body: new URLSearchParams({ a: 'b' }),
  signal: AbortSignal.timeout(1000),
});
await api.fetch(new Request('https://api.example.com/v1'), { cache: 'no-store' });
const address: string = await api.url(new URL('https://api.example.com/v1/tile.png'), { signal: null });
const token: string = await api.token();
const stop: () => void = api.watch(
  (successor: string) => console.assert(successor.length === 40),
  (fault) => fault.code.length,
);
stop();
try {
  await api.token({ signal: new AbortController().signal });
} catch (error) {
  if (error instanceof WayleaveError) console.assert(error.code === 'not_found' && error.status === 404);
}
console.assert(response.ok && address.includes(token));

// @ts-expect-error the family is required
wayleave({ gateway: 'https://api.example.com' });
// @ts-expect-error a misspelt option
wayleave({ family: 'fam_…', gatway: 'https://api.example.com' });
// @ts-expect-error token() returns a promise
export const early: string = api.token();
// @ts-expect-error the methods are read-only
api.fetch = fetch;
