// Which forms hold what somebody typed and did not send. Whoever would lose it asks first.

/**
 * The value that each touched control had before, by form.
 * @type {Map<HTMLFormElement, Map<Control, string>>}
 */
const touched = new Map();
/** Forms that are being sent: what they hold is on its way. @type {WeakSet<HTMLFormElement>} */
const sending = new WeakSet();

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Control */

const CHOICES = ['checkbox', 'radio', 'select-one'];

/** Remembers from now on what is typed in this form. @param {HTMLFormElement} form */
export function watch(form) {
  form.addEventListener('focusin', ({ target }) => note(form, target, false));
  form.addEventListener('input', ({ target }) => note(form, target, true));
}

/**
 * @param {HTMLFormElement} form
 * @param {EventTarget | null} target
 * @param {boolean} isChanged already: some browsers do not focus a box that is clicked
 */
function note(form, target, isChanged) {
  if (!isControl(target)) return;
  const before = touched.get(form) ?? new Map();
  touched.set(form, before);
  if (!before.has(target)) before.set(target, isChanged ? '' : held(target));
}

/** @param {EventTarget | null} target @returns {target is Control} */
function isControl(target) {
  return (
    (target instanceof HTMLInputElement ||
      target instanceof HTMLTextAreaElement ||
      target instanceof HTMLSelectElement) &&
    // A field that is only tried, or that only confirms, holds nothing to be lost.
    !('aside' in target.dataset) &&
    target.name !== 'confirm'
  );
}

/** @param {Control} control */
const held = (control) =>
  control instanceof HTMLInputElement && CHOICES.includes(control.type)
    ? String(control.checked)
    : control.value;

/** While it is sent, and after that for good, nothing of it is lost. @param {HTMLFormElement} form */
export const sent = (form) => touched.delete(form);
/** @param {HTMLFormElement} form @param {boolean} is */
export const setSending = (form, is) => (is ? sending.add(form) : sending.delete(form));

/** Whether a form below `root` holds something that was typed and not sent. @param {Node} root */
export function hasUnsaved(root) {
  for (const [form, before] of touched) {
    if (!form.isConnected) touched.delete(form);
    else if (root.contains(form) && !sending.has(form) && isChanged(form, before)) return true;
  }
  return false;
}

/** @param {HTMLFormElement} form @param {Map<Control, string>} before */
function isChanged(form, before) {
  // A choice in a dialog is made again in a moment; only text counts there.
  const inDialog = form.closest('dialog') !== null;
  return [...before].some(
    ([control, value]) => held(control) !== value && !(inDialog && CHOICES.includes(control.type)),
  );
}

/** Gives up what the forms below `root` hold. @param {Node} root */
export function discard(root) {
  for (const form of touched.keys()) if (root.contains(form)) touched.delete(form);
}
