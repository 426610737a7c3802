// Forms: fields with label, hint and error. The API's error texts appear next to their fields, and input is
// never lost.

import { ApiError } from '../api.js';
import { h, put, uniqueId } from '../dom.js';
import { ifDiscarded } from './dialog.js';
import { failureDialog, wordsOf } from './failure.js';
import { sent as isSent, setSending, watch } from './unsaved.js';

/**
 * A field. This function sets the id, name and ARIA descriptions of `control`.
 * @param {{ name: string, label: string, hint?: import('../dom.js').Child, control: HTMLElement, extra?:
 *   import('../dom.js').Child, faults?: Record<string, string> }} field `faults`: own words for codes of
 *   faults, where the API's are for programs
 */
export function field({ name, label, hint, control, extra, faults = {} }) {
  const id = uniqueId(name);
  control.id = id;
  control.setAttribute('name', name);
  control.setAttribute('aria-describedby', `${id}-hint ${id}-error`);
  const element = h(
    'div',
    { class: 'field', 'data-field': name },
    h('label', { for: id }, label),
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    control,
    h('p', { class: 'error', id: `${id}-error` }),
    extra,
  );
  ownWords.set(element, faults);
  return element;
}

/** @type {WeakMap<Element, Record<string, string>>} */
const ownWords = new WeakMap();

/**
 * A group of radio buttons.
 * @param {{ name: string, legend: string, hint?: string, value: string, choices: { value: string, label:
 *   string, about?: import('../dom.js').Child, more?: import('../dom.js').Child }[], change?: (value: string)
 *   => void }} options
 */
export function choices({ name, legend, hint, value, choices, change }) {
  const id = uniqueId(name);
  return h(
    'fieldset',
    { class: 'field', 'data-field': name, 'aria-describedby': `${id}-error` },
    h('legend', null, legend),
    hint && h('p', { class: 'hint' }, hint),
    choices.map((choice) => {
      const about = choice.about ? `${id}-${choice.value}` : undefined;
      return h(
        'div',
        { class: 'choice' },
        h(
          'label',
          null,
          h('input', {
            type: 'radio',
            name,
            value: choice.value,
            checked: choice.value === value,
            'aria-describedby': about,
            on: { change: () => change?.(choice.value) },
          }),
          h('span', null, choice.label),
        ),
        about && h('p', { class: 'hint', id: about }, choice.about),
        choice.more,
      );
    }),
    h('p', { class: 'error', id: `${id}-error` }),
  );
}

/** @param {{ name: string, label: string, checked?: boolean, hint?: string }} options */
export function checkbox({ name, label, checked, hint }) {
  const id = uniqueId(name);
  return h(
    'div',
    { class: 'field choice', 'data-field': name },
    h(
      'label',
      null,
      h('input', { type: 'checkbox', name, checked, 'aria-describedby': hint && `${id}-hint` }),
      h('span', null, label),
    ),
    hint && h('p', { class: 'hint', id: `${id}-hint` }, hint),
    h('p', { class: 'error' }),
  );
}

/**
 * A form. While a submission is in progress the button says so. The input stays, whatever the response is.
 * Nobody loses it without being asked, unless the form is `fleeting`. `send` gives false when the user went
 * back, and nothing was sent.
 * @param {{ submit: string, danger?: boolean, send: (form: HTMLFormElement) => Promise<void | false>,
 *   cancel?: () => void, more?: import('../dom.js').Child[], fleeting?: boolean }} options
 * @param {...(import('../dom.js').Child | import('../dom.js').Child[])} children
 */
export function form({ submit, danger, send, cancel, more = [], fleeting }, ...children) {
  const problem = h('div', { class: 'problem' });
  const button = h('button', { type: 'submit', class: danger ? 'primary danger' : 'primary' }, submit);
  const element = h(
    'form',
    {
      novalidate: true,
      on: {
        submit: (/** @type {SubmitEvent} */ event) => {
          event.preventDefault();
          submitted();
        },
        input: (/** @type {Event} */ { target }) => target instanceof Element && clearErrorsOf(target),
      },
    },
    ...children,
    problem,
    h(
      'div',
      { class: 'actions' },
      button,
      cancel && h('button', { type: 'button', on: { click: () => ifDiscarded(element, cancel) } }, 'Cancel'),
      ...more,
    ),
  );
  if (!fleeting) watch(element);
  async function submitted() {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true');
    button.textContent = `${submit} …`;
    clearErrors(element);
    setSending(element, true);
    try {
      if ((await send(element)) !== false) isSent(element);
    } catch (error) {
      if (element.isConnected) showErrors(element, problem, error);
      // Its page was left while it was sent.
      else failureDialog(`“${submit}” failed`, error);
    } finally {
      setSending(element, false);
      button.removeAttribute('aria-disabled');
      button.textContent = submit;
    }
  }
  return element;
}

/** An error is about what was sent, and not about what is typed since. @param {Element} control */
function clearErrorsOf(control) {
  const place = control.closest('.field');
  if (!control.getAttribute('name') || place === null) return;
  for (const error of place.querySelectorAll(':scope > .error')) put(error);
  for (const one of place.querySelectorAll('[aria-invalid]')) one.removeAttribute('aria-invalid');
}

/** @param {HTMLFormElement} form */
function clearErrors(form) {
  for (const error of form.querySelectorAll('.error')) put(error);
  for (const control of form.querySelectorAll('[aria-invalid]')) control.removeAttribute('aria-invalid');
  put(/** @type {Element} */ (form.querySelector('.problem')));
}

/**
 * Shows each fault next to its field (`origins[2]` at `origins`), and faults of no field above the button.
 * @param {HTMLFormElement} form
 * @param {HTMLElement} problem
 * @param {unknown} error
 */
function showErrors(form, problem, error) {
  const faults = error instanceof ApiError ? error.errors : [];
  /** @type {HTMLElement | null} */
  let first = null;
  const elsewhere = [];
  for (const { field, code, detail: said } of faults) {
    const [, name, index] = /^([^[.]+)(?:\[(\d+)\])?/.exec(field) ?? [];
    const place = form.querySelector(`[data-field="${CSS.escape(name ?? '')}"]`);
    const detail = (place && ownWords.get(place)?.[code]) ?? said;
    if (!place) {
      elsewhere.push(`${field}: ${detail}`);
      continue;
    }
    const slot = /** @type {Element} */ (place.querySelector('.error'));
    slot.append(
      h(
        'span',
        null,
        index === undefined ? sentence(detail) : `Line ${Number(index) + 1}: ${sentence(detail)}`,
      ),
    );
    const control = /** @type {HTMLElement | null} */ (place.querySelector('input, textarea, select'));
    control?.setAttribute('aria-invalid', 'true');
    first ??= control;
  }
  if (faults.length === 0 || elsewhere.length > 0) {
    const words = faults.length === 0 ? wordsOf(error) : elsewhere.join('; ');
    const title = faults.length === 0 && error instanceof ApiError && error.problem.title;
    put(
      problem,
      h(
        'div',
        { class: 'box bad', role: 'alert', tabindex: '-1' },
        title && h('p', null, h('strong', null, title)),
        h('p', null, words),
      ),
    );
    first ??= /** @type {HTMLElement} */ (problem.firstElementChild);
  }
  first?.focus();
}

/** An error of one field, in the shape of one of the API. @param {string} field @param {string} detail */
export const fieldFault = (field, detail) =>
  new ApiError({
    type: '',
    title: '',
    status: 422,
    code: field,
    detail,
    errors: [{ field, code: field, detail }],
  });

/** Turns the API's expectation ("a name of …") into a sentence. @param {string} detail */
function sentence(detail) {
  const text = detail.charAt(0).toUpperCase() + detail.slice(1);
  return /[.?!]$/.test(text) ? text : `${text}.`;
}

/** The value of a form control. @param {HTMLFormElement} form @param {string} name */
export function fieldValue(form, name) {
  const control = form.elements.namedItem(name);
  if (control instanceof RadioNodeList) return control.value;
  const input = /** @type {HTMLInputElement | null} */ (control);
  return input?.value ?? '';
}

/**
 * The number in a field; null where it is empty, if it `mayBeEmpty`.
 * @param {HTMLFormElement} form
 * @param {string} name
 * @param {{ mayBeEmpty?: boolean }} [options]
 */
export function numberIn(form, name, { mayBeEmpty = false } = {}) {
  const input = /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name));
  // Browsers give '' for text that is no number, as for no text at all.
  const isEmpty = !input || (input.value.trim() === '' && !input.validity.badInput);
  if (isEmpty && mayBeEmpty) return null;
  const number = Number(input?.value);
  if (isEmpty || input?.validity.badInput || !Number.isFinite(number))
    throw fieldFault(name, mayBeEmpty ? 'A number, or nothing' : 'A number');
  return number;
}

/** @param {HTMLFormElement} form @param {string} name */
export function isChecked(form, name) {
  return /** @type {HTMLInputElement | null} */ (form.elements.namedItem(name))?.checked ?? false;
}
