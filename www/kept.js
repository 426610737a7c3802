// What this browser keeps of the console: choices of its user, and never data. Storage may be blocked; a
// choice then lasts as long as the page.

/** @typedef {'theme' | 'keys'} Name */

/** @type {Map<Name, string>} */
const here = new Map();

/** @param {Name} name */
export function kept(name) {
  try {
    return here.get(name) ?? localStorage.getItem(`wayleave-${name}`);
  } catch {
    return null;
  }
}

/** @param {Name} name @param {string} value */
export function keep(name, value) {
  here.set(name, value);
  try {
    localStorage.setItem(`wayleave-${name}`, value);
  } catch {
    // It is kept in `here`.
  }
}
