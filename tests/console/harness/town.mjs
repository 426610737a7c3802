// A realistic deployment: a few sites of a town, with tokens in every state.

import { eventually } from '../../workerd/harness/gateway.mjs';
import { spreadUsage } from './spread_usage.mjs';

const DAY = 86_400;
/** With those that are in the pictures, some 300 tokens. */
const CROWD = 290;

/** Creates the tokens; returns the ids of those in the pictures. */
export async function town(gateway) {
  const { admin } = gateway;
  const make = (settings) => admin.createToken(settings);
  await crowd(admin);
  await make({
    label: 'Old bus timetable',
    owner: 'transport@town.example',
    origins: ['http://bus.town.example'],
    expires_in: 2 * DAY,
  });
  const asleep = await make({
    label: 'Summer campaign',
    owner: 'agency@ads.example',
    origins: 'any',
    expires_in: 60 * DAY,
  });
  await admin.disable(asleep.id);
  await make({
    label: 'Bücherei am Markt',
    owner: 'books@town.example',
    origins: ['https://xn--bcherei-n2a.town.example', '*.preview.town.example'],
    expires_in: 30 * DAY,
  });
  const widget = await make({
    label: 'Weather widget (trial)',
    owner: 'kim@town.example',
    origins: ['https://widgets.example', 'https://cdn.widgets.example', '*.widgets.example'],
    origin_mode: 'report',
    expires_in: 14 * DAY,
  });
  const kiosk = await make({
    label: 'Kiosk in the town hall',
    owner: 'it@town.example',
    origins: ['https://kiosk.town.example'],
    protected: true,
    expires_in: 365 * DAY,
  });
  const leaked = await make({
    label: 'Leaked in a gist',
    owner: 'kim@town.example',
    origins: ['https://demo.town.example'],
    expires_in: 90 * DAY,
  });
  const active = await make({
    label: 'Maps on the town site',
    owner: 'maps@town.example',
    external_id: 'customer-17',
    metadata: { plan: 'civic', seats: 12 },
    origins: ['https://www.town.example', 'https://maps.town.example', '*.preview.town.example'],
    expires_in: 90 * DAY,
  });
  await admin.edit(active.id, { owner: 'maps-team@town.example' });
  const before = await make({
    label: 'Search on the portal',
    owner: 'portal@town.example',
    origins: ['https://portal.town.example'],
    expires_in: 40 * DAY,
  });
  const rotated = await admin.call('POST', `/tokens/${before.id}/rotate`, {
    body: { revoke_old: { when: 'first_use', drain_seconds: DAY }, expires_in: 90 * DAY },
  });
  await admin.createAdminKey('operator', { label: 'Ana Ruiz' });
  await admin.createAdminKey('viewer', {
    label: 'Dashboard in the hall',
    expires_at: new Date(Date.now() + 200 * DAY * 1000).toISOString(),
  });
  await admin.revoke(leaked.id, { reason: 'copied into a public gist', force: true });
  await traffic(gateway, active, [before, widget, kiosk]);
  return { active: active.id, revoked: leaked.id, family: before.family, rotated: rotated.json.id };
}

/** Many tokens of different owners, sites, ends and states, as a deployment has them. */
async function crowd(admin) {
  const kinds = ['Tiles', 'Search', 'Weather', 'Store finder', 'Air quality', 'Departures', 'Opening hours'];
  const towns = ['Ahrensburg', 'Bebra', 'Calw', 'Dinslaken', 'Eutin', 'Fulda', 'Gifhorn', 'Husum', 'Ilmenau'];
  const made = [];
  for (let at = 0; at < CROWD; at += 1) {
    const town = towns[at % towns.length];
    const host = `${town.toLowerCase()}.example`;
    made.push(
      await admin.createToken({
        label: `${kinds[at % kinds.length]} for ${town}`,
        ...(at % 11 > 0 && { owner: `team-${at % 13}@town.example` }),
        origins:
          at % 17 === 0 ? 'any' : [`https://www.${host}`, `https://shop.${host}`].slice(0, 1 + (at % 2)),
        expires_in: DAY * (3 + ((at * 37) % 360)),
        ...(at % 19 === 0 && { origin_mode: 'report' }),
        ...(at % 23 === 0 && { protected: true }),
      }),
    );
  }
  for (const { id } of made.filter((_, at) => at % 29 === 1)) await admin.disable(id);
  for (const { id } of made.filter((_, at) => at % 31 === 2)) await admin.revoke(id, { force: true });
  for (const { id } of made.filter((_, at) => at % 37 === 3))
    await admin.call('POST', `/tokens/${id}/rotate`, { body: {} });
}

const serialOf = ({ id }) => Number(id.slice('tok_'.length));

/** Sends requests of pages, which are counted, and makes changes, whose propagation is measured. */
async function traffic(gateway, active, others) {
  const { admin, client } = gateway;
  const call = (token, site) =>
    client.get('/v1/map', { headers: { Authorization: `Bearer ${token.token}`, Origin: site } });
  const visits = [[active, 9], ...others.map((token, at) => [token, 3 + 5 * at])];
  for (const [token, times] of visits) {
    for (let time = 0; time < times; time += 1)
      await call(token, token.origins[time % 2] ?? token.origins[0]);
    for (let time = 0; time < times / 4; time += 1)
      await call(token, time % 2 === 0 ? 'https://copycat.example' : 'https://www.town.example:8443');
  }
  // A location sends its counts within 30 s.
  await eventually(
    'uses are counted',
    async () => {
      await call(active, active.origins[0]);
      const counted = visits.map(
        async ([{ id }, times]) =>
          (await admin.call('GET', `/tokens/${id}/usage`)).json.totals.requests >= times,
      );
      return (await Promise.all(counted)).every(Boolean);
    },
    90_000,
  );
  await spreadUsage(gateway, serialOf(active), others.map(serialOf));

  await call(active, active.origins[0]);
  const draft = await admin.createToken({
    label: 'Roadworks (draft)',
    origins: ['https://roads.town.example'],
    expires_in: 30 * DAY,
  });
  for (const act of ['disable', 'enable', 'disable']) {
    // A change may have arrived before its caller is answered.
    const { samples } = (await admin.status()).propagation;
    await admin[act](draft.id);
    await eventually(
      'an arrival is measured',
      async () => {
        await call(active, active.origins[0]);
        return (await admin.status()).propagation.samples > samples;
      },
      20_000,
    );
  }
}
