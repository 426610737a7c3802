// A deployment as one finds it: a handful of sites of a town, in every state.

const DAY = 86_400;

/** Makes it; gives the ids of what the pictures show. `client` is a page's: its requests are the traffic that measures. */
export async function town(admin, client) {
  const make = (settings) => admin.createToken(settings);
  await make({ label: 'Old bus timetable', owner: 'transport@town.example', origins: ['http://bus.town.example'], expires_in: 2 * DAY });
  const asleep = await make({ label: 'Summer campaign', owner: 'agency@ads.example', origins: 'any', expires_in: 60 * DAY });
  await admin.disable(asleep.id);
  await make({ label: 'Bücherei am Markt', owner: 'books@town.example', origins: ['https://xn--bcherei-n2a.town.example', '*.preview.town.example'], expires_in: 30 * DAY });
  await make({ label: 'Weather widget (trial)', owner: 'kim@town.example', origins: ['https://widgets.example', 'https://cdn.widgets.example', '*.widgets.example'], origin_mode: 'report', expires_in: 14 * DAY });
  await make({ label: 'Kiosk in the town hall', owner: 'it@town.example', origins: ['https://kiosk.town.example'], protected: true, expires_in: 365 * DAY });
  const leaked = await make({ label: 'Leaked in a gist', owner: 'kim@town.example', origins: ['https://demo.town.example'], expires_in: 90 * DAY });
  const active = await make({
    label: 'Maps on the town site', owner: 'maps@town.example', external_id: 'customer-17', metadata: { plan: 'civic', seats: 12 },
    origins: ['https://www.town.example', 'https://maps.town.example', '*.preview.town.example'], expires_in: 90 * DAY,
  });
  await admin.edit(active.id, { owner: 'maps-team@town.example' });
  const before = await make({ label: 'Search on the portal', owner: 'portal@town.example', origins: ['https://portal.town.example'], expires_in: 40 * DAY });
  const rotated = await admin.call('POST', `/tokens/${before.id}/rotate`, { body: { revoke_old: { when: 'first_use', drain_seconds: DAY }, expires_in: 90 * DAY } });
  await admin.createAdminKey('operator', { label: 'Ana Ruiz' });
  await admin.createAdminKey('viewer', { label: 'Dashboard in the hall', expires_at: new Date(Date.now() + 200 * DAY * 1000).toISOString() });
  await admin.revoke(leaked.id, { reason: 'copied into a public gist', force: true });
  await traffic(admin, client, active);
  return { active: active.id, revoked: leaked.id, family: before.family, rotated: rotated.json.id };
}

/** Requests with a good token while other tokens change: the location learns of each change, and says how long it took. */
async function traffic(admin, client, token) {
  const call = () => client.get('/v1/map', { headers: { Authorization: `Bearer ${token.token}`, Origin: 'https://www.town.example' } });
  await call();
  const { id } = await admin.createToken({ label: 'Roadworks (draft)', origins: ['https://roads.town.example'], expires_in: 30 * DAY });
  await admin.disable(id);
  // A location looks for a newer list by itself, within a second at this bound, and tells within five.
  for (const deadline = Date.now() + 20_000; Date.now() < deadline; ) {
    await call();
    if ((await admin.status()).propagation.samples > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error('no arrival was measured');
}
