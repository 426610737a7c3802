// The frame of the console: the session, the navigation and the view for the current address. It keeps no
// data.

import * as api from './api.js';
import { h, put } from './dom.js';
import { listenToKeys, openKeys } from './hands.js';
import { loaded } from './later.js';
import { change, go, here, noteShown, stay } from './router.js';
import { ifDiscarded } from './ui/dialog.js';
import { failure } from './ui/failure.js';
import { menuButton } from './ui/menu.js';
import { announce, noticeRegion } from './ui/notice.js';
import { themeItems } from './ui/theme.js';
import { hasUnsaved } from './ui/unsaved.js';
import { signInAgain, signInPage } from './views/sign_in.js';
import { becomes, may, who } from './who.js';

/** @import { View } from './router.js' */

/**
 * @typedef {{ name: string, title: string, least: 'viewer' | 'operator' | 'owner', inMenu: boolean, isPart?:
 *   boolean, within?: string, view: View }} Section `isPart`: it is about one token or family, or makes
 *   one; `within`: the section of the menu that leads to it
 * @type {Section[]}
 */
const SECTIONS = [
  {
    name: 'home',
    title: 'Home',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/home.js')),
  },
  {
    name: 'tokens',
    title: 'Tokens',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/tokens.js')),
  },
  {
    name: 'new',
    title: 'New token',
    least: 'operator',
    inMenu: false,
    isPart: true,
    view: later(() => import('./views/create.js')),
  },
  {
    name: 'token',
    title: 'Token',
    least: 'viewer',
    inMenu: false,
    isPart: true,
    view: later(() => import('./views/token.js')),
  },
  {
    name: 'family',
    title: 'Family',
    least: 'viewer',
    inMenu: false,
    isPart: true,
    view: later(() => import('./views/family.js')),
  },
  {
    name: 'edit',
    title: 'Edit token',
    least: 'operator',
    inMenu: false,
    isPart: true,
    view: later(() => import('./views/edit.js')),
  },
  {
    name: 'refusals',
    title: 'Refusals',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/refusals.js')),
  },
  {
    name: 'revocation',
    title: 'Revocation',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/revocation.js')),
  },
  {
    name: 'notices',
    title: 'Notices',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/notices.js')),
  },
  {
    name: 'audit',
    title: 'Audit log',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./rare/audit.js')),
  },
  {
    name: 'keys',
    title: 'Admin keys',
    least: 'owner',
    inMenu: true,
    view: later(() => import('./views/admin_keys.js')),
  },
  {
    name: 'licences',
    title: 'Licences and owners',
    least: 'viewer',
    inMenu: false,
    within: 'settings',
    view: later(() => import('./rare/licences.js')),
  },
  {
    name: 'signing-keys',
    title: 'Signing keys',
    least: 'owner',
    inMenu: false,
    within: 'settings',
    view: later(() => import('./rare/signing_keys.js')),
  },
  {
    name: 'settings',
    title: 'Settings',
    least: 'viewer',
    inMenu: true,
    view: later(() => import('./views/settings.js')),
  },
];

/**
 * A view that is loaded when it is opened, unlike the first one.
 * @param {() => Promise<{ view: View }>} load
 * @returns {View}
 */
function later(load) {
  return async (place) => (await loaded(load)).view(place);
}

const main = h('main', { class: 'page', id: 'main', tabindex: '-1' });
const top = h('header', { class: 'top' });
/** Aborts the requests of the view that is being left. */
let leaving = new AbortController();

await start();

async function start() {
  document.body.append(noticeRegion());
  api.whenSessionEnds(async () => {
    becomes(await signInAgain());
    drawTop();
  });
  addEventListener('hashchange', () => who() && arrive());
  addEventListener('click', followLink);
  addEventListener('beforeunload', (event) => hasUnsaved(document) && event.preventDefault());
  try {
    becomes(await api.session());
  } catch (error) {
    document.body.append(main);
    put(
      main,
      failure(error, () => location.reload()),
    );
    return;
  }
  if (who()) enter();
  else await askWho();
}

async function askWho() {
  becomes(await signInPage());
  enter();
}

function enter() {
  document.body.prepend(
    h('button', { type: 'button', class: 'skip', on: { click: () => main.focus() } }, 'Skip to content'),
    top,
    main,
  );
  if (location.hash === '') history.replaceState(null, '', '#/home');
  listenToKeys(pages);
  show();
}

/** The pages that the user may open by themselves. */
function pages() {
  return SECTIONS.filter(({ least, isPart }) => !isPart && may(least)).map(({ name, title }) => ({
    title,
    address: `#/${name}`,
  }));
}

/** The address has changed: by a link that this page did not see, by Back, or by hand. */
function arrive() {
  const wanted = change();
  if (wanted === 'stay') return;
  if (!hasUnsaved(document)) return show();
  // An action that began on another page has ended. It may not take away what is typed on this one.
  if (wanted === 'again') return;
  const again = stay();
  ifDiscarded(document, again);
}

/** A link is not followed before what was typed may be lost. @param {MouseEvent} event */
function followLink(event) {
  const link = event.target instanceof Element && event.target.closest('a[href^="#/"]');
  const isPlain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || !hasUnsaved(document)) return;
  event.preventDefault();
  ifDiscarded(document, () => go(link.getAttribute('href') ?? ''));
}

/** Shows the view that the address names. Moving the focus to its heading makes screen readers read it. */
async function show() {
  leaving.abort(new DOMException('left', 'AbortError'));
  leaving = new AbortController();
  const { signal } = leaving;
  noteShown();
  const place = here(signal);
  const section = SECTIONS.find(({ name }) => name === (place.path[0] ?? 'tokens'));
  drawTop(section?.inMenu ? section.name : section && (section.within ?? 'tokens'));
  // Show "Loading" only when the view takes longer than 400 ms.
  const slow = setTimeout(() => put(main, h('p', { class: 'muted', role: 'status' }, 'Loading …')), 400);
  // Not over the next view, while a part of this one is still being loaded.
  signal.addEventListener('abort', () => clearTimeout(slow));
  let content;
  try {
    if (!section) content = nothingHere();
    else if (!may(section.least)) content = notForYou(section);
    else content = await section.view(place);
  } catch (error) {
    // Leaving the view aborts its calls. That is no error.
    if (signal.aborted) return;
    content = h('div', { class: 'stack' }, h('h1', null, 'This cannot be shown'), failure(error, show));
  }
  clearTimeout(slow);
  if (signal.aborted) return;
  put(main, content);
  const heading = main.querySelector('h1');
  document.title = heading ? `${heading.textContent} · Wayleave` : 'Wayleave console';
  scrollTo(0, 0);
  heading?.setAttribute('tabindex', '-1');
  (heading ?? main).focus({ preventScroll: true });
}

/** @param {string} [current] */
function drawTop(current) {
  const session = who();
  if (!session) return;
  const links = SECTIONS.filter(({ inMenu, least }) => inMenu && may(least));
  put(
    top,
    h(
      'div',
      null,
      h(
        'a',
        { class: 'brand', href: '#/home' },
        h('img', { src: new URL('icon.svg', import.meta.url).href, alt: '' }),
        'Wayleave',
      ),
      h(
        'nav',
        { 'aria-label': 'Main' },
        h(
          'ul',
          null,
          links.map(({ name, title }) =>
            h('li', null, h('a', { href: `#/${name}`, 'aria-current': name === current && 'page' }, title)),
          ),
        ),
      ),
      h(
        'div',
        { class: 'who' },
        h(
          'span',
          null,
          h('strong', { title: session.label }, session.label),
          h('span', { class: 'role' }, `, ${session.role}`),
        ),
        menuButton('Colours and keys', () => [...themeItems(), { label: 'Keys …', act: openKeys }], '◐'),
        h('button', { type: 'button', class: 'quiet', on: { click: leave } }, 'Sign out'),
      ),
    ),
  );
}

async function leave() {
  try {
    await api.signOut();
  } catch (error) {
    // A 401 means that the session has already ended, which is what the user wanted.
    if (!(error instanceof api.ApiError && error.status === 401))
      return announce('Signing out failed: Wayleave did not answer. Try again.');
  }
  // Reload, so that no data of the session stays in the page.
  location.replace(location.pathname);
}

function nothingHere() {
  return h(
    'div',
    { class: 'empty' },
    h('h1', null, 'There is no such page'),
    h('p', null, h('a', { href: '#/tokens' }, 'Go to the tokens')),
  );
}

/** @param {Section} section */
function notForYou(section) {
  return h(
    'div',
    { class: 'empty' },
    h('h1', null, section.title),
    h('p', null, `This needs the role ${section.least}. You are signed in as ${who()?.role}.`),
  );
}
