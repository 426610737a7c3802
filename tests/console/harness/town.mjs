// A deployment as one finds it: a handful of sites of a town, in every state.

import { eventually } from '../../workerd/harness/gateway.mjs';
import { spreadUsage } from './spread_usage.mjs';

const DAY = 86_400;

/** Makes it; gives the ids of what the pictures show. */
export async function town(gateway) {
  const { admin } = gateway;
  const make = (settings) => admin.createToken(settings);
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

const serialOf = ({ id }) => Number(id.slice('tok_'.length));

/** Requests of pages, which are counted; and changes meanwhile, whose arrival is measured. */
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
  // A location hands over what it counted within 30 s.
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

  // It looks for a newer list within a second at this bound, and tells within five how long a change took to arrive.
  await call(active, active.origins[0]);
  const draft = await admin.createToken({
    label: 'Roadworks (draft)',
    origins: ['https://roads.town.example'],
    expires_in: 30 * DAY,
  });
  for (const act of ['disable', 'enable', 'disable']) {
    await admin[act](draft.id);
    const { samples } = (await admin.status()).propagation;
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
