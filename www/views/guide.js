// What somebody sees who has no token yet: the three steps until a page calls the API.

import { h } from '../dom.js';
import { may } from '../who.js';

export function guide() {
  return h(
    'div',
    { class: 'card empty' },
    h('h2', null, 'No tokens yet'),
    h('p', null, 'A token lets the pages of a site call your API. Three steps:'),
    h(
      'ol',
      { class: 'steps' },
      h(
        'li',
        null,
        h('strong', null, 'Make a token for your site. '),
        'A label, and the site’s address. One token for each site or customer, so that you can end one ' +
          'without the others.',
      ),
      h(
        'li',
        null,
        h('strong', null, 'Paste a few lines into your page. '),
        'They are shown with the token.',
      ),
      h(
        'li',
        null,
        h('strong', null, 'See the first request. '),
        'The page waits for it, and says what was wrong if it was refused.',
      ),
    ),
    may('operator')
      ? h('p', null, h('a', { class: 'button primary', href: '#/new' }, 'Create the first token'))
      : h('p', null, 'Your role may not create tokens.'),
  );
}
