// Elements, made of text. Nothing here or anywhere else in the console parses markup: a label is text wherever it goes.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, any>} Props attributes; `on` is { event: listener }; `class`, `value`, `checked`, `disabled` … as in HTML
 */

/**
 * An element. Properties that the element has are set as such, the others as attributes; false, null and undefined leave one out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === 'on')
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (AS_PROPERTY.has(name)) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  put(element, ...children);
  return element;
}

/** What changes while people use it: the attribute would only be the first value. */
const AS_PROPERTY = new Set(['value', 'checked', 'disabled', 'selected', 'open', 'hidden', 'indeterminate']);

/**
 * Replaces what `parent` holds.
 * @param {Element} parent
 * @param {...(Child | Child[])} children
 */
export function put(parent, ...children) {
  parent.replaceChildren(
    ...children
      .flat()
      .filter(isThere)
      .map((child) => (child instanceof Node ? child : String(child))),
  );
}

/** @param {Child} child @returns {child is Node | string | number} */
function isThere(child) {
  return child !== null && child !== undefined && child !== false && child !== '';
}

let lastId = 0;

/** An id that no other element has. @param {string} stem */
export function uniqueId(stem) {
  lastId += 1;
  return `${stem}-${lastId}`;
}
