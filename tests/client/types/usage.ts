// What a site developer writes must pass the types of client.js, and what is wrong must not.

import { WayleaveError, wayleave, type Wayleave } from '../../../src/client/client.js';

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

// @ts-expect-error the family is what it is about
wayleave({ gateway: 'https://api.example.com' });
// @ts-expect-error a misspelt option
wayleave({ family: 'fam_…', gatway: 'https://api.example.com' });
// @ts-expect-error the token comes as a promise
const early: string = api.token();
// @ts-expect-error nothing of the client is to be replaced
api.fetch = fetch;
