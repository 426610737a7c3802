// Named views of the list: filters and order under a name, kept in this browser. The address has them too, so
// a view can be sent to somebody.

import { h, put } from '../dom.js';
import { to } from '../router.js';
import { openDialog } from '../ui/dialog.js';
import { field, fieldFault, fieldValue, form } from '../ui/form.js';
import { announce } from '../ui/notice.js';
import { whySecret, withoutSecrets } from '../views/pasted.js';
import { given, inWords } from '../views/token_filters.js';
import { inOrder } from '../views/token_list.js';

/** @import { Filters } from '../views/token_filters.js' */

const KEPT_AS = 'wayleave-token-views';
const NAME_MAX = 60;

/** @returns {Record<string, Filters>} */
function saved() {
  try {
    const views = JSON.parse(localStorage.getItem(KEPT_AS) ?? '{}');
    return typeof views === 'object' && views !== null ? views : {};
  } catch {
    return {};
  }
}

/** @param {Record<string, Filters>} views */
function keep(views) {
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}

/** Filters and order in words. @param {Filters} view */
const words = (view) =>
  [...given(view).map((name) => inWords(name, view[name])), inOrder(view.sort ?? '')].join(', ');

/** The views, and a form that saves the one of now. @param {Filters} current */
export function viewsDialog(current) {
  return openDialog('Views of the list', (close) => {
    const list = h('ul', { class: 'rules', 'aria-label': 'Saved views' });
    show(list, close);
    const control = h('input', {
      type: 'text',
      required: true,
      maxlength: String(NAME_MAX),
      autocomplete: 'off',
    });
    return [
      list,
      form(
        {
          submit: 'Save the current view',
          cancel: close,
          send: async (form) => {
            const name = fieldValue(form, 'name').trim();
            if (name === '') throw fieldFault('name', 'A name');
            if (Object.hasOwn(saved(), name))
              throw fieldFault('name', 'There is a view of this name. Delete it first, or choose another');
            if (whySecret(name) !== '') throw fieldFault('name', whySecret(name));
            const isKept = keep({ ...saved(), [name]: current });
            close();
            announce(
              isKept ? `The view “${name}” is saved.` : 'This browser keeps nothing. Copy the address.',
            );
          },
        },
        field({
          name: 'name',
          label: 'Name',
          hint: `Kept in this browser: ${words(current)}. The address holds it too.`,
          control,
        }),
      ),
    ];
  });
}

/** @param {HTMLElement} list @param {() => void} close */
function show(list, close) {
  const views = saved();
  const names = Object.keys(views).sort();
  put(
    list,
    names.length === 0 && h('li', { class: 'muted' }, 'None yet.'),
    names.map((name) =>
      h(
        'li',
        null,
        h('a', { href: to(['tokens'], withoutSecrets(views[name])), on: { click: close } }, name),
        h('span', { class: 'muted' }, words(views[name])),
        h(
          'button',
          {
            type: 'button',
            class: 'quiet',
            'aria-label': `Delete the view ${name}`,
            on: { click: () => forget(name) },
          },
          'Delete',
        ),
      ),
    ),
  );

  /** @param {string} name */
  function forget(name) {
    const { [name]: _, ...others } = saved();
    keep(others);
    show(list, close);
    /** @type {HTMLElement | null} */ (list.querySelector('a'))?.focus();
  }
}
