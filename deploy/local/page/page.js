// A site developer's code: fetch with the public token, images with the token in their URL. Nothing here is secret.

const { gateway, token } = document.body.dataset;
const element = (id) => document.getElementById(id);
// Past the browser's cache: it keeps an admitted answer for a minute, and would give it to a call with another token too.
const call = (path, credential = token) =>
  fetch(gateway + path, { cache: 'no-store', headers: credential ? { authorization: `Bearer ${credential}` } : {} });

element('here').textContent = location.origin;
element('token').textContent = `${token.slice(0, 8)}…${token.slice(-8)}`;
showMap();
showObservations().catch(unreadable('observations-state'));
showLive().catch(unreadable('live'));
showRefusals().catch(unreadable('refused-state'));

function showMap() {
  const zoom = 5;
  const tiles = [9, 10].flatMap((row) => [15, 16, 17].map((column) => `/v1/tiles/${zoom}/${column}/${row}.png`));
  let shown = 0;
  element('map').append(
    ...tiles.map((path) => {
      const image = new Image(256, 256);
      image.alt = '';
      image.onload = () => say('map-state', `${(shown += 1)} of ${tiles.length} tiles admitted.`, 'good');
      image.onerror = () => say('map-state', 'A tile was refused.', 'bad');
      image.src = `${gateway}${path}?token=${encodeURIComponent(token)}`;
      return image;
    }),
  );
}

async function showObservations() {
  const response = await call('/v1/observations');
  const answer = await response.json();
  if (!response.ok) return say('observations-state', `${response.status} ${answer.code}: ${answer.detail}`, 'bad');
  element('observations').replaceChildren(
    ...answer.observations.map((seen) => {
      const numbers = [seen.temperature_celsius, seen.wind_metres_per_second, seen.pressure_hectopascal];
      return make('tr', [seen.name, ...numbers.map((number) => number.toFixed(1))].map((text) => make('td', text)));
    }),
  );
  const expires = response.headers.get('Wayleave-Token-Expires');
  say('observations-state', `${response.status} admitted.${expires ? ` The token ends ${expires}.` : ''}`, 'good');
}

async function showLive() {
  const response = await call('/v1/live');
  if (!response.ok) return say('live', `${response.status}`, 'bad');
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const seen = JSON.parse(line);
      say('live', `${seen.observed_at.slice(11, 19)} ${seen.name} ${seen.temperature_celsius} °C`);
    }
  }
}

async function showRefusals() {
  const altered = token.slice(0, -1) + (token.endsWith('A') ? 'Q' : 'A');
  const tries = [
    ['No token', ''],
    ['The token, its last letter changed', altered],
    ['A key of some other kind', 'sk_live_51H8'],
  ];
  for (const [title, credential] of tries) {
    const response = await call('/v1/observations', credential);
    const problem = await response.json();
    const refused = !response.ok && typeof problem.code === 'string';
    element('refusals').append(
      make('article', [
        make('h3', title),
        make('p', refused ? `${response.status} ${problem.code}` : `${response.status}: this should not work`, 'answer'),
        make('p', refused ? problem.detail : ''),
      ]),
    );
  }
}

// No answer, or one without the CORS headers that let this page read it.
function unreadable(id) {
  return (error) => say(id, `No answer that this page may read: ${error.message}`, 'bad');
}

function say(id, text, tone = '') {
  element(id).textContent = text;
  element(id).className = tone;
}

function make(name, content, className = '') {
  const made = document.createElement(name);
  made.className = className;
  made.append(...(Array.isArray(content) ? content : [String(content)]));
  return made;
}
