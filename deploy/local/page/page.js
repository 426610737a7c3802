// What a site developer writes: fetch with the family's public token, and images with the token in their URL.
// No secrets.

import { wayleave } from '{{gateway}}/_wayleave/client.js';

const gateway = '{{gateway}}';
const api = wayleave({ family: document.body.dataset.family });
const element = (id) => document.getElementById(id);
const tiles = [9, 10].flatMap((row) => [15, 16, 17].map((column) => `/v1/tiles/5/${column}/${row}.png`));
const ASK_EVERY_MS = 5000;

element('here').textContent = location.origin;
api.watch(carry, (fault) => say('tokens-state', fault.message, 'bad'));
showObservations();
showLive().catch(unreadable('live'));
showRefusals().catch(unreadable('refused-state'));

// Called with the first token and with each successor. URLs that contain the token are rebuilt.
function carry(token) {
  element('tokens').lastElementChild?.classList.add('past');
  element('tokens').append(
    make('li', [
      make('code', `${token.slice(0, 12)}…${token.slice(-8)}`),
      make('span', `since ${new Date().toLocaleTimeString()}`),
    ]),
  );
  showMap();
}

async function showMap() {
  let shown = 0;
  const urls = await Promise.all(tiles.map((path) => api.url(path)));
  element('map').replaceChildren(
    ...urls.map((url) => {
      const image = new Image(256, 256);
      image.alt = '';
      image.onload = () => {
        shown += 1;
        say('map-state', `${shown} of ${tiles.length} tiles admitted.`, 'good');
      };
      image.onerror = () => say('map-state', 'A tile was refused.', 'bad');
      image.src = url;
      return image;
    }),
  );
}

async function showObservations() {
  try {
    // Bypass the browser's cache, which keeps an admitted answer for a minute. This page must show the
    // gateway's answer.
    const response = await api.fetch('/v1/observations', { cache: 'no-store' });
    const answer = await response.json();
    if (response.ok) {
      element('observations').replaceChildren(...answer.observations.map(row));
      const expires = response.headers.get('Wayleave-Token-Expires');
      say(
        'observations-state',
        `${response.status} admitted at ${new Date().toLocaleTimeString()}. ` +
          `The token ends ${expires?.slice(0, 10)}.`,
        'good',
      );
    } else {
      say('observations-state', `${response.status} ${answer.code}: ${answer.detail}`, 'bad');
    }
  } catch (error) {
    say('observations-state', error.message, 'bad');
  }
  setTimeout(showObservations, ASK_EVERY_MS);
}

function row(seen) {
  const numbers = [seen.temperature_celsius, seen.wind_metres_per_second, seen.pressure_hectopascal];
  return make(
    'tr',
    [seen.name, ...numbers.map((number) => number.toFixed(1))].map((text) => make('td', text)),
  );
}

async function showLive() {
  const response = await api.fetch('/v1/live');
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
  const token = await api.token();
  const altered = token.slice(0, -1) + (token.endsWith('A') ? 'Q' : 'A');
  const tries = [
    ['No token', ''],
    ['The token, its last letter changed', altered],
    ['A key of some other kind', 'sk_live_51H8'],
  ];
  for (const [title, credential] of tries) {
    const headers = credential ? { authorization: `Bearer ${credential}` } : {};
    const response = await fetch(`${gateway}/v1/observations`, { cache: 'no-store', headers });
    const problem = await response.json();
    const refused = !response.ok && typeof problem.code === 'string';
    element('refusals').append(
      make('article', [
        make('h3', title),
        make(
          'p',
          refused ? `${response.status} ${problem.code}` : `${response.status}: this should not work`,
          'answer',
        ),
        make('p', refused ? problem.detail : ''),
      ]),
    );
  }
}

// No response, or one without the CORS headers that let this page read it.
function unreadable(id) {
  return (error) => say(id, `No answer that this page may read: ${error.message}`, 'bad');
}

function say(id, text, tone = '') {
  element(id).textContent = text;
  element(id).className = `${element(id).tagName === 'P' ? 'note ' : ''}${tone}`;
}

function make(name, content, className = '') {
  const made = document.createElement(name);
  made.className = className;
  made.append(...(Array.isArray(content) ? content : [String(content)]));
  return made;
}
